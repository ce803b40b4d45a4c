//! The validity of a certificate, its issuer and its subject, read from its DER.
//!
//! In: octets from the network or a file. Out: two instants, two names, or nothing if the octets are no certificate.
//! Never here: verification, which is rustls' business; rustls does not show the validity of certificates it accepts.

use jiff::civil::DateTime;

use crate::clock::WallTime;

/// Validity period of a certificate (RFC 5280, section 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// `notBefore`.
    pub from: WallTime,
    /// `notAfter`.
    pub until: WallTime,
}

const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Reads the validity of a certificate (RFC 5280, section 4.1).
pub fn read_validity(der: &[u8]) -> Option<Validity> {
    let (validity, _) = read_element(skip_element(find_issuer(der)?)?, SEQUENCE)?;
    let (from, rest) = read_time(validity)?;
    let (until, _) = read_time(rest)?;
    Some(Validity { from, until })
}

/// Issuer and subject of a certificate, as evidence shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateNames {
    /// Authority that signed it.
    pub issuer: Box<str>,
    /// Holder of its key.
    pub subject: Box<str>,
}

/// Object identifiers of the parts of a name that are shown: common name, organizational unit, organization.
const TELLING: [&[u8]; 3] = [&[0x55, 4, 3], &[0x55, 4, 11], &[0x55, 4, 10]];
/// Characters of a name that evidence shows.
const NAME_SHOWN_MAX: usize = 60;
/// Parts of a name that are looked at.
const PARTS_MAX: usize = 32;

/// Reads issuer and subject of a certificate (RFC 5280, section 4.1).
pub fn read_names(der: &[u8]) -> Option<CertificateNames> {
    let (issuer, rest) = read_element(find_issuer(der)?, SEQUENCE)?;
    let (subject, _) = read_element(skip_element(rest)?, SEQUENCE)?;
    Some(CertificateNames {
        issuer: read_name(issuer),
        subject: read_name(subject),
    })
}

/// Finds the issuer, with validity and subject behind it.
fn find_issuer(der: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = read_element(der, SEQUENCE)?;
    let (mut tbs, _) = read_element(certificate, SEQUENCE)?;
    if tbs.first() == Some(&EXPLICIT_VERSION) {
        tbs = skip_element(tbs)?;
    }
    // Serial number, signature algorithm.
    skip_element(skip_element(tbs)?)
}

/// Reads the most telling part of a name, in quotes.
fn read_name(mut rest: &[u8]) -> Box<str> {
    let mut best: Option<(usize, &[u8])> = None;
    for _ in 0..PARTS_MAX {
        let Some((set, after)) = read_element(rest, SET) else {
            break;
        };
        rest = after;
        let part = read_element(set, SEQUENCE).and_then(|(pair, _)| {
            let (id, value) = read_element(pair, OBJECT_IDENTIFIER)?;
            let (_, text, _) = split_element(value)?;
            let rank = TELLING.iter().position(|telling| *telling == id)?;
            Some((rank, text))
        });
        if let Some(part) = part
            && best.is_none_or(|best| part.0 < best.0)
        {
            best = Some(part);
        }
    }
    match best {
        None => "without a name".into(),
        Some((_, text)) => {
            let text = String::from_utf8_lossy(text);
            let shown: String = text.chars().take(NAME_SHOWN_MAX).collect();
            format!("{shown:?}").into()
        }
    }
}

/// Splits an element off: its tag, its content and what follows it.
fn split_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if length >= 0x80 {
        // Long form: the low bits count the octets of the length. Certificates stay far below 2^32 octets.
        let count = length & 0x7f;
        let (octets, after) = rest.split_at_checked(count)?;
        if count == 0 || count > 4 {
            return None;
        }
        length = octets
            .iter()
            .fold(0, |length, octet| length << 8 | usize::from(*octet));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn read_element(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = split_element(der)?;
    (tag == wanted).then_some((content, rest))
}

fn skip_element(der: &[u8]) -> Option<&[u8]> {
    split_element(der).map(|(_, _, rest)| rest)
}

/// Reads `YYMMDDHHMMSSZ` (years 1950-2049) or `YYYYMMDDHHMMSSZ` (RFC 5280, section 4.1.2.5).
fn read_time(der: &[u8]) -> Option<(WallTime, &[u8])> {
    let (tag, text, rest) = split_element(der)?;
    let (year, text) = match tag {
        UTC_TIME => {
            let (low, text) = read_digits(text, 2)?;
            (if low < 50 { 2000 + low } else { 1900 + low }, text)
        }
        GENERALIZED_TIME => read_digits(text, 4)?,
        _ => return None,
    };
    let mut parts = [0; 5];
    let mut text = text;
    for part in &mut parts {
        let (number, after) = read_digits(text, 2)?;
        *part = number as i8;
        text = after;
    }
    let [month, day, hour, minute, second] = parts;
    if text != b"Z" {
        return None;
    }
    // A leap second counts as the second before it.
    let second = if second == 60 { 59 } else { second };
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    // Not by way of a timestamp: the end of year 9999, which stands for no end at all, has none.
    let since = civil.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    Some((WallTime::from_millis(since.as_secs() * 1000), rest))
}

/// Reads so many digits, at most four.
fn read_digits(text: &[u8], count: usize) -> Option<(i16, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let mut number = 0;
    for digit in digits {
        number = number * 10 + char::from(*digit).to_digit(10)? as i16;
    }
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_validity_of_real_certificates() {
        let cases = [
            ((2024, 2, 29), (2031, 12, 31)),
            ((1999, 1, 1), (2055, 3, 1)),
            ((1970, 1, 1), (9999, 12, 31)),
        ];
        let wall = |(year, month, day): (i32, u8, u8)| {
            let stamp = rcgen::date_time_ymd(year, month, day).unix_timestamp();
            WallTime::from_millis(stamp * 1000)
        };
        for (from, until) in cases {
            let mut params = rcgen::CertificateParams::new(vec!["a.example".into()]).unwrap();
            params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
            params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            let wanted = Validity {
                from: wall(from),
                until: wall(until),
            };
            assert_eq!(read_validity(certificate.der()), Some(wanted), "{from:?}");
        }
    }

    #[test]
    fn reads_whom_a_certificate_is_for() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let nameless = params.self_signed(&key).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, "Some Trust");
        let organization = params.self_signed(&key).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Root\nX1");
        let common = params.self_signed(&key).unwrap();
        for (certificate, wanted) in [
            (nameless, "without a name"),
            (organization, "\"Some Trust\""),
            (common, "\"Root\\nX1\""),
        ] {
            let names = read_names(certificate.der()).unwrap();
            assert_eq!((&*names.issuer, &*names.subject), (wanted, wanted));
        }
    }

    #[test]
    fn reads_no_other_times() {
        let cases = [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "19700101000000Z", None),
            (GENERALIZED_TIME, "19700101000001Z", Some(1_000)),
            (GENERALIZED_TIME, "19701231235960Z", Some(31_535_999_000)),
            (
                GENERALIZED_TIME,
                "99991231235959Z",
                Some(253_402_300_799_000),
            ),
            (GENERALIZED_TIME, "19701301000001Z", None),
            (GENERALIZED_TIME, "19700230000001Z", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "700101000000", None),
            (UTC_TIME, "7001010000+0Z", None),
            (0x16, "700101000000Z", None),
        ];
        for (tag, text, wanted) in cases {
            let length = u8::try_from(text.len()).unwrap();
            let der = [&[tag, length][..], text.as_bytes()].concat();
            let wanted = wanted.map(WallTime::from_millis);
            assert_eq!(read_time(&der).map(|read| read.0), wanted, "{tag} {text}");
        }
    }

    #[test]
    fn reads_no_certificate_that_is_cut() {
        let params = rcgen::CertificateParams::new(vec!["a.example".into()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        for length in 0..made.der().len() {
            let cut = &made.der()[..length];
            assert_eq!(
                (read_validity(cut), read_names(cut)),
                (None, None),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn takes_any_octets(octets: Vec<u8>) {
            read_validity(&octets);
            read_names(&octets);
            let dated = [&[UTC_TIME, octets.len() as u8][..], &octets].concat();
            read_time(&dated);
        }
    }
}
