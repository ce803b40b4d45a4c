//! When a certificate ends.
//!
//! In: a certificate as octets (RFC 5280, section 4.1; DER). Out: its `notAfter`. Never here: whether it is to be believed.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::WallTime;

/// Tags of DER that stand on the way.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Reads the end of a certificate's validity; `None` if the octets are no certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<WallTime> {
    let (certificate, _) = take(certificate, SEQUENCE)?;
    let (mut body, _) = take(certificate, SEQUENCE)?;
    if body.first() == Some(&VERSION) {
        body = take(body, VERSION)?.1;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        body = take_any(body)?.2;
    }
    let (validity, _) = take(body, SEQUENCE)?;
    let (_, _, rest) = take_any(validity)?;
    let (tag, text, _) = take_any(rest)?;
    read_time(tag, std::str::from_utf8(text).ok()?)
}

/// Reads `YYMMDDhhmmssZ`, where 50 is 1950 and 49 is 2049, or `YYYYMMDDhhmmssZ` (RFC 5280, section 4.1.2.5).
fn read_time(tag: u8, text: &str) -> Option<WallTime> {
    let digits = text.strip_suffix('Z')?;
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let short: i16 = digits.get(..2)?.parse().ok()?;
            let century = if short < 50 { 2000 } else { 1900 };
            (century + short, digits.get(2..)?)
        }
        (GENERALIZED_TIME, 14) => (digits.get(..4)?.parse().ok()?, digits.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let civil = DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
    let moment = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(WallTime::from_millis(moment.timestamp().as_millisecond()))
}

/// Takes a value of one tag; returns its contents and what follows it.
fn take(octets: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, contents, rest) = take_any(octets)?;
    (tag == wanted).then_some((contents, rest))
}

/// Takes a value of any tag; returns tag, contents and what follows.
fn take_any(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], mut rest) = octets.split_first_chunk::<2>()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let size = usize::from(first & 0x7f);
        // Four octets of length would be more than any file that is read.
        if size == 0 || size > 3 {
            return None;
        }
        let (octets, after) = rest.split_at_checked(size)?;
        length = octets
            .iter()
            .fold(0, |sum, octet| sum << 8 | usize::from(*octet));
        rest = after;
    }
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_end_of_certificates_before_and_after_2050() {
        for (year, wanted) in [
            (2031, "2031-02-28T00:00:00Z"),
            (2049, "2049-02-28T00:00:00Z"),
            (2050, "2050-02-28T00:00:00Z"),
            (4096, "4096-02-28T00:00:00Z"),
        ] {
            let mut terms = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            terms.not_after = rcgen::date_time_ymd(year, 2, 28);
            let key = rcgen::KeyPair::generate().unwrap();
            let made = terms.self_signed(&key).unwrap();
            let end = not_after(made.der()).expect("a certificate");
            assert_eq!(end.to_string(), wanted);
            assert_eq!(not_after(&made.der()[..60]), None, "cut");
        }
    }

    #[test]
    fn reads_no_other_times() {
        let cases = [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "19700101000000Z", None),
            (GENERALIZED_TIME, "19700101000001Z", Some(1_000)),
            (GENERALIZED_TIME, "19701301000001Z", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "700101000000", None),
            (0x16, "700101000000Z", None),
        ];
        for (tag, text, wanted) in cases {
            let wanted = wanted.map(WallTime::from_millis);
            assert_eq!(read_time(tag, text), wanted, "{tag} {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reads_any_octets(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let _ = not_after(&octets);
            let _ = read_time(UTC_TIME, &String::from_utf8_lossy(&octets));
        }
    }
}
