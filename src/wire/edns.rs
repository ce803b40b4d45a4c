//! EDNS: the OPT record of queries and responses (RFC 6891) with the options that mean something to a server.
//!
//! | Option | In a query | In a response |
//! |---|---|---|
//! | 3 NSID (RFC 5001) | asks for it | the server's identifier |
//! | 8 client subnet (RFC 7871) | whose location counts | the same with a scope |
//! | 10 cookie (RFC 7873, RFC 9018) | client cookie, with a server cookie or without | both |
//! | 11 keepalive (RFC 7828) | asks for it | idle timeout in units of 100 ms |
//! | 12 padding (RFC 7830) | asks for it | zeros up to a block |
//! | 15 extended error (RFC 8914) | ignored | a code and a text |
//!
//! In: the fields and options of an OPT record. Out: an [`Edns`] of plain numbers; or the octets of a
//! [`ResponseEdns`]. Never here: whether an option is answered, or whether a cookie is right.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::cookie::COOKIE_LEN;
use super::octets::copy_octets;

/// Option code of the name server identifier (RFC 5001, section 2.3).
const OPTION_NSID: u16 = 3;
/// Option code of client subnet (RFC 7871, section 6).
pub const OPTION_CLIENT_SUBNET: u16 = 8;
/// Option code of cookies (RFC 7873, section 4).
const OPTION_COOKIE: u16 = 10;
/// Option code of TCP keepalive (RFC 7828, section 3.1).
const OPTION_KEEPALIVE: u16 = 11;
/// Option code of padding (RFC 7830, section 3).
const OPTION_PADDING: u16 = 12;
/// Option code of extended errors (RFC 8914, section 2).
const OPTION_EXTENDED_ERROR: u16 = 15;
/// Options that are walked in one OPT record: as many as the longest message can hold.
const OPTIONS_MAX: usize = 16_384;
/// Octets of an OPT record without options.
pub(super) const OPT_FIXED: usize = 11;
/// Octets of an option before what it holds.
const OPTION_FIXED: usize = 4;
/// Longest name server identifier that is sent (chosen: with every other option it fits 512 octets beside any name).
pub const NSID_MAX: usize = 128;

/// OPT record of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// Largest UDP payload that the client takes, octets; values below 512 count as 512 (RFC 6891, section 6.2.3).
    pub payload_size: u16,
    /// EDNS version.
    pub version: u8,
    /// DNSSEC OK (RFC 3225).
    pub is_dnssec_ok: bool,
    /// True if the server's identifier is asked for.
    pub wants_nsid: bool,
    /// True if the idle timeout is asked for.
    pub wants_keepalive: bool,
    /// True if the answer may be padded.
    pub wants_padding: bool,
    /// Client subnet, if sent.
    pub subnet: Option<ClientSubnet>,
    /// Position of the cookie, if sent.
    pub cookie: Option<CookieSpan>,
}

/// Position of a cookie in its query: 8 octets, or 16 to 40.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieSpan {
    start: u16,
    len: u8,
}

impl CookieSpan {
    /// Returns the cookie out of the query that it was read from.
    #[inline]
    pub fn of(self, input: &[u8]) -> &[u8] {
        let start = usize::from(self.start);
        input
            .get(start..start + usize::from(self.len))
            .unwrap_or(&[])
    }
}

/// A client subnet option as sent in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSubnet {
    /// Prefix that the client gave, without host bits.
    pub prefix: IpNet,
    /// True if the family was 0, which goes with length 0 only and is sent back as it came (RFC 7871, section 7.1.2).
    pub has_no_family: bool,
}

impl ClientSubnet {
    /// Makes the client subnet of an address prefix.
    pub const fn new(prefix: IpNet) -> Self {
        Self {
            prefix,
            has_no_family: false,
        }
    }

    /// Returns the prefix, unless its length is 0: such a client hides its address (RFC 7871, section 7.1.2).
    #[inline]
    pub fn given_prefix(self) -> Option<IpNet> {
        (self.prefix.prefix_len() > 0).then_some(self.prefix)
    }
}

/// Reads an OPT record: class, TTL (5 octets of them: class, extended rcode, version, flags high) and options, which
/// start at `start` of the message.
///
/// # Errors
/// With an option that is malformed: what could be read without options, for the OPT record of the FORMERR.
#[inline]
pub(super) fn parse_opt(fields: [u8; 5], options: &[u8], start: usize) -> Result<Edns, Edns> {
    let mut edns = Edns {
        payload_size: u16::from_be_bytes([fields[0], fields[1]]).max(512),
        version: fields[3],
        is_dnssec_ok: fields[4] & 0x80 != 0,
        wants_nsid: false,
        wants_keepalive: false,
        wants_padding: false,
        subnet: None,
        cookie: None,
    };
    // What the options of another version mean is not known (RFC 6891, section 6.1.3).
    if edns.version != 0 || options.is_empty() {
        return Ok(edns);
    }
    let bare = edns;
    parse_options(&mut edns, options, start).ok_or(bare)?;
    Ok(edns)
}

/// Reads the options; `None` if one is malformed. Of several with one code the first counts.
fn parse_options(edns: &mut Edns, options: &[u8], start: usize) -> Option<()> {
    let mut rest = options;
    for _ in 0..OPTIONS_MAX {
        let Some((head, after)) = rest.split_first_chunk::<OPTION_FIXED>() else {
            break;
        };
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let data = after.get(..length)?;
        match u16::from_be_bytes([head[0], head[1]]) {
            OPTION_NSID => edns.wants_nsid = true,
            OPTION_CLIENT_SUBNET => {
                let subnet = parse_subnet(data)?;
                edns.subnet = edns.subnet.or(Some(subnet));
            }
            OPTION_COOKIE => {
                // RFC 7873, section 5.2.2: a client cookie of 8 octets, a server cookie of 8 to 32.
                if !matches!(length, 8 | 16..=40) {
                    return None;
                }
                let at = start + (options.len() - after.len());
                let span = CookieSpan {
                    start: u16::try_from(at).ok()?,
                    len: length as u8,
                };
                edns.cookie = edns.cookie.or(Some(span));
            }
            // A query holds no timeout (RFC 7828, section 3.2.1); no peer minds one.
            OPTION_KEEPALIVE => edns.wants_keepalive = true,
            OPTION_PADDING => edns.wants_padding = true,
            // RFC 6891, section 6.1.2: what is not known is ignored.
            _ => {}
        }
        rest = &after[length..];
    }
    rest.is_empty().then_some(())
}

/// Reads a client subnet option; `None` where RFC 7871, section 7.1.2 asks for FORMERR.
fn parse_subnet(data: &[u8]) -> Option<ClientSubnet> {
    let (&[family_high, family_low, source_len, scope_len], address) =
        data.split_first_chunk::<4>()?;
    let octets_wanted = usize::from(source_len.div_ceil(8));
    if scope_len != 0 || address.len() != octets_wanted {
        return None;
    }
    let spare_bits = (octets_wanted * 8) as u32 - u32::from(source_len);
    if let Some(last) = address.last()
        && last & ((1u16 << spare_bits) - 1) as u8 != 0
    {
        return None;
    }
    let family = u16::from_be_bytes([family_high, family_low]);
    let address = match (family, source_len) {
        (1, ..=32) => IpAddr::V4(Ipv4Addr::from(padded::<4>(address))),
        (2, ..=128) => IpAddr::V6(Ipv6Addr::from(padded::<16>(address))),
        // Family 0 with length 0 says "no subnet", and some stub resolvers send it.
        (0, 0) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => return None,
    };
    Some(ClientSubnet {
        prefix: IpNet::new(address, source_len).ok()?,
        has_no_family: family == 0,
    })
}

fn padded<const N: usize>(octets: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    copy_octets(octets, &mut all);
    all
}

/// An extended error: a reason beside the response code (RFC 8914).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError {
    /// INFO-CODE of the IANA registry.
    pub code: u16,
    /// EXTRA-TEXT for people; may be empty.
    pub text: &'static str,
}

/// OPT record of a response.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponseEdns<'a> {
    /// High eight bits of the response code.
    pub rcode_high: u8,
    /// DNSSEC OK, copied from the query.
    pub is_dnssec_ok: bool,
    /// Client subnet with the scope of this answer.
    pub subnet: Option<(ClientSubnet, u8)>,
    /// Client and server cookie.
    pub cookie: Option<[u8; COOKIE_LEN]>,
    /// Identifier of the server, at most [`NSID_MAX`] octets; `None` sends no such option.
    pub nsid: Option<&'a [u8]>,
    /// Idle timeout in units of 100 ms.
    pub keepalive: Option<u16>,
    /// Extended error.
    pub extended_error: Option<ExtendedError>,
}

impl ResponseEdns<'_> {
    /// Returns the octets that [`Self::write`] writes.
    #[inline]
    pub fn len(&self) -> usize {
        let option = |len: Option<usize>| len.map_or(0, |len| OPTION_FIXED + len);
        let subnet = self.subnet.map(|(subnet, _)| 4 + address_len(subnet));
        OPT_FIXED
            + option(subnet)
            + option(self.cookie.map(|cookie| cookie.len()))
            + option(self.nsid.map(<[u8]>::len))
            + option(self.keepalive.map(|_| 2))
            + option(self.extended_error.map(|error| 2 + error.text.len()))
    }

    /// Returns false: an OPT record is never empty.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the OPT record to the start of `out`, which holds at least [`Self::len`] octets. Returns its length.
    #[inline]
    pub fn write(&self, payload_size: u16, out: &mut [u8]) -> usize {
        let size = payload_size.to_be_bytes();
        // The other flags are sent as zero (RFC 6891, section 6.1.4).
        let flags = u8::from(self.is_dnssec_ok) << 7;
        let (fixed, options) = out.split_at_mut(OPT_FIXED);
        let room = options.len();
        let options_len = room - self.write_options(options).len();
        let len = (options_len as u16).to_be_bytes();
        fixed.copy_from_slice(&[
            0,
            0,
            41,
            size[0],
            size[1],
            self.rcode_high,
            0,
            flags,
            0,
            len[0],
            len[1],
        ]);
        OPT_FIXED + options_len
    }

    /// Writes the options, and returns the room behind them.
    #[inline]
    fn write_options<'o>(&self, mut out: &'o mut [u8]) -> &'o mut [u8] {
        if let Some((subnet, scope_len)) = self.subnet {
            let family = match subnet.prefix {
                _ if subnet.has_no_family => 0,
                IpNet::V4(_) => 1,
                IpNet::V6(_) => 2,
            };
            let head = [0, family, subnet.prefix.prefix_len(), scope_len];
            let address_len = address_len(subnet);
            out = match subnet.prefix.addr() {
                IpAddr::V4(address) => write_option(
                    out,
                    OPTION_CLIENT_SUBNET,
                    &head,
                    &address.octets()[..address_len],
                ),
                IpAddr::V6(address) => write_option(
                    out,
                    OPTION_CLIENT_SUBNET,
                    &head,
                    &address.octets()[..address_len],
                ),
            };
        }
        if let Some(cookie) = self.cookie {
            out = write_option(out, OPTION_COOKIE, &cookie, &[]);
        }
        if let Some(nsid) = self.nsid {
            out = write_option(out, OPTION_NSID, nsid, &[]);
        }
        if let Some(timeout) = self.keepalive {
            out = write_option(out, OPTION_KEEPALIVE, &timeout.to_be_bytes(), &[]);
        }
        if let Some(error) = self.extended_error {
            let code = error.code.to_be_bytes();
            out = write_option(out, OPTION_EXTENDED_ERROR, &code, error.text.as_bytes());
        }
        out
    }
}

fn address_len(subnet: ClientSubnet) -> usize {
    usize::from(subnet.prefix.prefix_len().div_ceil(8))
}

/// Writes one option whose content comes in two parts, and returns the room behind it.
#[inline(always)]
fn write_option<'o>(out: &'o mut [u8], code: u16, first: &[u8], second: &[u8]) -> &'o mut [u8] {
    let len = ((first.len() + second.len()) as u16).to_be_bytes();
    let code = code.to_be_bytes();
    let (head, rest) = out.split_at_mut(OPTION_FIXED);
    head.copy_from_slice(&[code[0], code[1], len[0], len[1]]);
    let (into, rest) = rest.split_at_mut(first.len());
    into.copy_from_slice(first);
    let (into, rest) = rest.split_at_mut(second.len());
    copy_octets(second, into);
    rest
}

/// Pads a message with a padding option at the end of its OPT record, which is its last record and starts at `opt_at`,
/// so that its length is a multiple of `block`, or as much as `out` holds. Returns the new length.
pub fn pad_message(out: &mut [u8], len: usize, opt_at: usize, block: usize) -> usize {
    let unpadded = len + OPTION_FIXED;
    let wanted = unpadded.next_multiple_of(block).min(out.len());
    let Some(zeros) = wanted.checked_sub(unpadded) else {
        return len;
    };
    let field = opt_at + 9..opt_at + OPT_FIXED;
    let Some(&[high, low]) = out.get(field.clone()) else {
        return len;
    };
    let options = usize::from(u16::from_be_bytes([high, low])) + OPTION_FIXED + zeros;
    let Ok(options) = u16::try_from(options) else {
        return len;
    };
    out[field].copy_from_slice(&options.to_be_bytes());
    let rest = write_option(&mut out[len..], OPTION_PADDING, &[], &[]);
    rest[..zeros].fill(0);
    let zeros = (zeros as u16).to_be_bytes();
    out[len + 2..len + OPTION_FIXED].copy_from_slice(&zeros);
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_client_subnets_and_refuses_bad_ones() {
        let subnet = |text: &str| Some(ClientSubnet::new(text.parse().expect("a prefix")));
        let cases: [(&[u8], Option<ClientSubnet>); 8] = [
            (&[0, 1, 24, 0, 203, 0, 113], subnet("203.0.113.0/24")),
            (&[0, 1, 0, 0], subnet("0.0.0.0/0")),
            (&[0, 1, 23, 0, 203, 0, 113], None),
            (&[0, 1, 24, 1, 203, 0, 113], None),
            (&[0, 1, 24, 0, 203, 0, 113, 0], None),
            (&[0, 1, 33, 0, 203, 0, 113, 0, 0], None),
            (&[0, 3, 8, 0, 1], None),
            (&[0, 1, 24], None),
        ];
        for (data, wanted) in cases {
            assert_eq!(parse_subnet(data), wanted, "{data:?}");
        }
    }

    #[test]
    fn writes_what_it_says_it_writes() {
        let subnet = ClientSubnet::new("203.0.113.0/24".parse().expect("a prefix"));
        let edns = ResponseEdns {
            rcode_high: 0,
            is_dnssec_ok: true,
            subnet: Some((subnet, 20)),
            ..ResponseEdns::default()
        };
        let mut out = [0xff; 64];
        let len = edns.write(1232, &mut out);
        let wanted = [
            0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 20, 203, 0, 113,
        ];
        assert_eq!((edns.len(), len, &out[..22]), (22, 22, &wanted[..]));
    }
}
