//! The validity of a certificate and whose it is, read from its DER.
//!
//! In: octets from the network. Out: two civil instants, two names, or nothing if the octets are no certificate. Never here:
//! verification, which is rustls' business; rustls does not show the validity of certificates it accepts.

use crate::clock::WallTime;

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    /// Not before.
    pub(super) from: WallTime,
    /// Not after.
    pub(super) until: WallTime,
}

const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Reads the validity of a certificate (RFC 5280, section 4.1).
pub(super) fn read_validity(der: &[u8]) -> Option<Validity> {
    let (certificate, _) = read_element(der, SEQUENCE)?;
    let (mut tbs, _) = read_element(certificate, SEQUENCE)?;
    if tbs.first() == Some(&EXPLICIT_VERSION) {
        tbs = skip_element(tbs)?;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        tbs = skip_element(tbs)?;
    }
    let (validity, _) = read_element(tbs, SEQUENCE)?;
    let (from, rest) = read_time(validity)?;
    let (until, _) = read_time(rest)?;
    Some(Validity { from, until })
}

/// Whom a certificate is for, and who vouches for it; each as evidence shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) issuer: Box<str>,
    pub(super) subject: Box<str>,
}

/// Object identifiers of the parts of a name that tell most: common name, organizational unit, organization.
const TELLING: [&[u8]; 3] = [&[0x55, 4, 3], &[0x55, 4, 11], &[0x55, 4, 10]];
/// Characters of a name that evidence shows.
const NAME_SHOWN_MAX: usize = 60;
/// Parts of a name that are looked at.
const PARTS_MAX: usize = 32;

/// Reads issuer and subject of a certificate (RFC 5280, section 4.1).
pub(super) fn read_names(der: &[u8]) -> Option<Names> {
    let (certificate, _) = read_element(der, SEQUENCE)?;
    let (mut tbs, _) = read_element(certificate, SEQUENCE)?;
    if tbs.first() == Some(&EXPLICIT_VERSION) {
        tbs = skip_element(tbs)?;
    }
    // Serial number, signature algorithm.
    for _ in 0..2 {
        tbs = skip_element(tbs)?;
    }
    let (issuer, rest) = read_element(tbs, SEQUENCE)?;
    let (subject, _) = read_element(skip_element(rest)?, SEQUENCE)?;
    Some(Names {
        issuer: read_name(issuer),
        subject: read_name(subject),
    })
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
    let (month, text) = read_digits(text, 2)?;
    let (day, text) = read_digits(text, 2)?;
    let (hour, text) = read_digits(text, 2)?;
    let (minute, text) = read_digits(text, 2)?;
    let (second, text) = read_digits(text, 2)?;
    let is_sane = (1..=12).contains(&month) && (1..=31).contains(&day) && text == b"Z";
    if !is_sane || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = count_days(year, month, day);
    let secs = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some((WallTime::from_millis(secs * 1000), rest))
}

fn read_digits(text: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let mut number = 0;
    for digit in digits {
        number = number * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    Some((number, rest))
}

/// Counts the days from 1970-01-01 to a day of the proleptic Gregorian calendar; years begin in March, so that the leap
/// day comes last.
fn count_days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
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

    proptest! {
        #[test]
        fn takes_any_octets(octets: Vec<u8>) {
            read_validity(&octets);
            read_names(&octets);
        }
    }
}
