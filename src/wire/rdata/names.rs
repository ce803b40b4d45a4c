//! Domain names in wire RDATA: for compression, and for the additional section.
//!
//! In: a type and uncompressed octets. Out: ranges. Never here: compression itself, or whether a name exists.

use std::ops::Range;

use super::check::find_parts;
use super::layout::{Kind, NameUse, find_layout};
use super::svcb;
use super::unusual::relay_type;
use crate::wire::code::Rtype;
use crate::wire::name::Name;

/// A domain name inside RDATA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRange {
    /// Octets of the name, root label included.
    pub range: Range<usize>,
    /// True if it may be compressed in a message: only in types of RFC 1035 (RFC 3597, section 4).
    pub is_compressible: bool,
}

/// The domain names inside RDATA, in order.
pub type NameRanges = Vec<NameRange>;

/// Finds the domain names in RDATA; none in octets that are broken or of a type without a known form.
pub fn rdata_name_ranges(rtype: Rtype, octets: &[u8]) -> NameRanges {
    let mut found = NameRanges::new();
    let Some(layout) = find_layout(rtype) else {
        return found;
    };
    let Ok(parts) = find_parts(rtype, layout.fields, octets) else {
        return found;
    };
    for (field, part) in layout.fields.iter().zip(parts) {
        match field.kind {
            Kind::Name(usage) | Kind::Mailbox(usage) => {
                found.push(NameRange {
                    range: part,
                    is_compressible: usage == NameUse::Compressible,
                });
            }
            Kind::Names => found.extend(each_name(octets, part)),
            // RFC 4025, section 2.3: type 3 is a name.
            Kind::Gateway if octets.get(1) == Some(&3) => {
                found.push(NameRange {
                    range: part,
                    is_compressible: false,
                });
            }
            // RFC 8777, section 4.2.3: type 3 is a name.
            Kind::Relay if relay_type(octets) == Some(3) => found.push(plain(part)),
            Kind::PrefixName if !part.is_empty() => found.push(plain(part)),
            _ => {}
        }
    }
    found
}

fn plain(range: Range<usize>) -> NameRange {
    NameRange {
        range,
        is_compressible: false,
    }
}

fn each_name(octets: &[u8], part: Range<usize>) -> NameRanges {
    let mut found = NameRanges::new();
    let mut at = part.start;
    while let Some(Ok((_, length))) = octets.get(at..part.end).map(Name::from_wire) {
        found.push(NameRange {
            range: at..at + length,
            is_compressible: false,
        });
        at += length;
    }
    found
}

/// Finds the host whose addresses belong into the additional section.
///
/// For SVCB and HTTPS in ServiceMode the root stands for the owner name (RFC 9460, section 2.5.2), so that a range of
/// one octet is returned; everywhere else the root means that there is no host, and `None` is returned.
///
/// | Type | Host | Rule |
/// |---|---|---|
/// | NS, MX, AFSDB, RT | name server, exchange, host | RFC 1035, sections 3.3.9 and 3.3.11; RFC 1183, sections 1 and 3.3 |
/// | SRV, KX | target, exchanger | RFC 2782; RFC 2230, section 3.1 |
/// | SVCB, HTTPS | target | RFC 9460, section 4.1 |
/// | NAPTR | replacement, if the flag is `A` | RFC 3403, section 4.1 and RFC 3404, section 4.3 |
pub fn additional_name(rtype: Rtype, octets: &[u8]) -> Option<Range<usize>> {
    let is_host = match rtype {
        Rtype::NS | Rtype::MX | Rtype::SRV | Rtype::AFSDB | Rtype::KX | Rtype::RT => true,
        Rtype::SVCB | Rtype::HTTPS => true,
        Rtype::NAPTR => naptr_flag_is_a(octets),
        _ => false,
    };
    if !is_host {
        return None;
    }
    let range = rdata_name_ranges(rtype, octets).into_iter().next()?.range;
    let stands_for_owner = matches!(rtype, Rtype::SVCB | Rtype::HTTPS) && !svcb::is_alias(octets);
    (range.len() > 1 || stands_for_owner).then_some(range)
}

/// Finds the start of the host of [`additional_name`], without a look at the rest: for RDATA known to be whole.
pub fn additional_start(rtype: Rtype, octets: &[u8]) -> Option<usize> {
    let start = match rtype {
        Rtype::NS => 0,
        Rtype::MX | Rtype::AFSDB | Rtype::KX | Rtype::RT | Rtype::SVCB | Rtype::HTTPS => 2,
        Rtype::SRV => 6,
        Rtype::NAPTR if naptr_flag_is_a(octets) => {
            // Flags, services and regular expression stand between the preference and the replacement.
            (0..3).try_fold(4, |at, _| Some(at + 1 + usize::from(*octets.get(at)?)))?
        }
        _ => return None,
    };
    let stands_for_owner = matches!(rtype, Rtype::SVCB | Rtype::HTTPS) && !svcb::is_alias(octets);
    (*octets.get(start)? != 0 || stands_for_owner).then_some(start)
}

/// The flags are the character-string after order and preference.
fn naptr_flag_is_a(octets: &[u8]) -> bool {
    matches!(octets.get(4..6), Some([1, b'A' | b'a']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rdata::parse_rdata;

    fn octets(rtype: Rtype, text: &str) -> Box<[u8]> {
        let origin = Name::parse_absolute("example.com").expect("a name");
        parse_rdata(rtype, text, &origin).expect(text).octets
    }

    #[test]
    fn finds_names_and_says_which_may_be_compressed() {
        let cases = [
            (Rtype::MX, "10 mail.", &[("mail.", true)][..]),
            (Rtype::SOA, "a. b. 1 2 3 4 5", &[("a.", true), ("b.", true)]),
            (Rtype::SRV, "1 2 3 a.", &[("a.", false)]),
            (Rtype::A, "192.0.2.1", &[]),
            (
                Rtype::HIP,
                "2 AB AQID a. b.",
                &[("a.", false), ("b.", false)],
            ),
            (Rtype::IPSECKEY, "1 3 2 gw. AQID", &[("gw.", false)]),
            (Rtype::IPSECKEY, "1 1 2 192.0.2.1 AQID", &[]),
            (Rtype::AMTRELAY, "1 1 3 gw.", &[("gw.", false)]),
            (Rtype::AMTRELAY, "1 1 0 .", &[]),
            (Rtype::A6, "64 ::1 a.", &[("a.", false)]),
            (Rtype::A6, "0 ::1", &[]),
            (Rtype::MINFO, "a. b.", &[("a.", true), ("b.", true)]),
            (Rtype::RT, "1 a.", &[("a.", false)]),
            (Rtype::PX, "1 a. b.", &[("a.", false), ("b.", false)]),
            (Rtype::NAPTR, "1 2 a b \"\" c.", &[("c.", false)]),
        ];
        for (rtype, text, wanted) in cases {
            let octets = octets(rtype, text);
            let found: Vec<(String, bool)> = rdata_name_ranges(rtype, &octets)
                .into_iter()
                .map(|found| {
                    let (name, length) = Name::from_wire(&octets[found.range.clone()]).expect(text);
                    assert_eq!(length, found.range.len());
                    (name.to_string(), found.is_compressible)
                })
                .collect();
            let wanted: Vec<(String, bool)> = wanted
                .iter()
                .map(|(name, flag)| ((*name).to_owned(), *flag))
                .collect();
            assert_eq!(found, wanted, "{rtype} {text}");
        }
    }

    #[test]
    fn finds_the_host_for_the_additional_section() {
        let cases = [
            (Rtype::NS, "ns.", Some("ns.")),
            (Rtype::MX, "10 mail.", Some("mail.")),
            (Rtype::MX, "0 .", None),
            (Rtype::SRV, "0 0 0 .", None),
            (Rtype::SRV, "1 2 3 a.", Some("a.")),
            (Rtype::AFSDB, "1 afs.", Some("afs.")),
            (Rtype::KX, "1 kx.", Some("kx.")),
            (Rtype::RT, "1 rt.", Some("rt.")),
            (Rtype::HTTPS, "1 .", Some(".")),
            (Rtype::HTTPS, "1 svc. alpn=h2", Some("svc.")),
            (Rtype::HTTPS, "0 .", None),
            (Rtype::SVCB, "0 alias.", Some("alias.")),
            (Rtype::NAPTR, "1 2 a x \"\" host.", Some("host.")),
            (Rtype::NAPTR, "1 2 s x \"\" _sip._udp.", None),
            (Rtype::CNAME, "a.", None),
            (Rtype::PTR, "a.", None),
        ];
        for (rtype, text, wanted) in cases {
            let octets = octets(rtype, text);
            let found = additional_name(rtype, &octets)
                .map(|range| Name::from_wire(&octets[range]).expect(text).0.to_string());
            assert_eq!(found.as_deref(), wanted, "{rtype} {text}");
        }
        assert_eq!(additional_name(Rtype::MX, &[0, 10, 4, b'm']), None);
    }
}
