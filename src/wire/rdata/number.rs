//! Numbers that master files may write as words: spans of seconds, points in time, algorithms, certificate types.
//!
//! In: one word, or a number. Out: the number, or the word. Never here: a clock; points in time are only converted.

/// DNSSEC algorithms (RFC 4034, appendix A.1, and the IANA registry).
pub(super) const ALGORITHMS: &[(u8, &str)] = &[
    (0, "DELETE"),
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DSA"),
    (5, "RSASHA1"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];

/// Certificate types (RFC 4398, section 2.1).
pub(super) const CERT_TYPES: &[(u16, &str)] = &[
    (1, "PKIX"),
    (2, "SPKI"),
    (3, "PGP"),
    (4, "IPKIX"),
    (5, "ISPKI"),
    (6, "IPGP"),
    (7, "ACPKIX"),
    (8, "IACPKIX"),
    (253, "URI"),
    (254, "OID"),
];

/// Reads a number of decimal digits only; no sign, no blanks.
pub(super) fn read_decimal(text: &str) -> Option<u32> {
    let is_decimal = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    is_decimal.then(|| text.parse().ok()).flatten()
}

/// Reads seconds, plain or with units: `300`, `5m`, `1h30m`.
pub fn read_seconds(text: &str) -> Option<u32> {
    if let Some(seconds) = read_decimal(text) {
        return Some(seconds);
    }
    let mut sum = 0_u32;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let mut letters = after.chars();
        let unit = match letters.next()?.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(read_decimal(number)?.checked_mul(unit)?)?;
        rest = letters.as_str();
    }
    (!text.is_empty()).then_some(sum)
}

/// Reads `YYYYMMDDHHmmSS` in UTC, or seconds since 1970 (RFC 4034, section 3.2).
pub(super) fn read_timestamp(text: &str) -> Option<u32> {
    if text.len() != 14 {
        return read_decimal(text).filter(|_| text.len() <= 10);
    }
    let part = |from: usize, to: usize| text.get(from..to).and_then(read_decimal).map(i64::from);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let days = days_from_civil(year, month, day);
    // Converting back refuses 31 April and the like.
    let is_date = civil_from_days(days) == (year, month, day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    u32::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second).ok()
}

/// Writes a point in time as `YYYYMMDDHHmmSS`.
pub(super) fn timestamp_text(seconds: u32) -> String {
    let (year, month, day) = civil_from_days(i64::from(seconds / 86_400));
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// Days since 1970-01-01 of a Gregorian date; years are counted from March, so that leap days come last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_seconds_with_and_without_units() {
        let cases = [
            ("0", Some(0)),
            ("300", Some(300)),
            ("1h30m", Some(5_400)),
            ("2W", Some(1_209_600)),
            ("1d1s", Some(86_401)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("8000w", None),
            ("h", None),
            ("1h30", None),
            ("-1", None),
            ("+1", None),
            ("", None),
            ("1é", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(read_seconds(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn reads_timestamps() {
        let cases = [
            ("19700101000000", Some(0)),
            ("20040509183619", Some(1_084_127_779)),
            ("20000229235959", Some(951_868_799)),
            ("21060207062815", Some(u32::MAX)),
            ("21060207062816", None),
            ("20010229000000", None),
            ("20260431000000", None),
            ("20261301000000", None),
            ("20260101240000", None),
            ("19691231235959", None),
            ("1084127779", Some(1_084_127_779)),
            ("2004050918361x", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(read_timestamp(text), wanted, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn timestamps_read_back(seconds: u32) {
            prop_assert_eq!(read_timestamp(&timestamp_text(seconds)), Some(seconds));
        }
    }
}
