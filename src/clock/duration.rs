//! Durations as zone files write them (rule a10): integers with `ms s m h d w`, units may follow each other.

use std::time::Duration;

/// Fault of a text that should be a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationFault {
    /// Empty text.
    Empty,
    /// A number without a unit; units are never guessed.
    NoUnit,
    /// A unit that is none of `ms s m h d w`.
    UnknownUnit,
    /// A unit without a number before it, or another character that does not belong.
    NoNumber,
    /// More than 64 bits of milliseconds.
    TooLong,
}

const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Reads a duration such as `"250ms"` or `"1h30m"`.
///
/// # Errors
/// The fault of the text.
pub fn parse_duration(text: &str) -> Result<Duration, DurationFault> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(DurationFault::Empty);
    }
    let mut total_millis = 0u64;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or(DurationFault::NoUnit)?;
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            return Err(DurationFault::NoNumber);
        }
        let end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let (_, millis) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or(DurationFault::UnknownUnit)?;
        let count: u64 = number.parse().map_err(|_| DurationFault::TooLong)?;
        let part = count.checked_mul(*millis).ok_or(DurationFault::TooLong)?;
        total_millis = total_millis
            .checked_add(part)
            .ok_or(DurationFault::TooLong)?;
        rest = next;
    }
    Ok(Duration::from_millis(total_millis))
}

/// Writes a duration the way a person would write it in a zone file, for example `1h30m`; `0s` for zero.
pub fn format_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    // Weeks are read but not written: "14d" says more than "2w" to most readers.
    for (unit, size) in UNITS.iter().rev().skip(1) {
        let count = millis / size;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
            millis %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_that_follow_each_other_and_refuses_bare_numbers() {
        let cases = [
            ("250ms", Ok(250)),
            ("10s", Ok(10_000)),
            ("1h30m", Ok(5_400_000)),
            ("2w", Ok(1_209_600_000)),
            ("10", Err(DurationFault::NoUnit)),
            ("", Err(DurationFault::Empty)),
            ("s", Err(DurationFault::NoNumber)),
            ("5y", Err(DurationFault::UnknownUnit)),
            ("-5s", Err(DurationFault::NoNumber)),
            ("99999999999999999999s", Err(DurationFault::TooLong)),
        ];
        for (text, wanted) in cases {
            assert_eq!(
                parse_duration(text),
                wanted.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["250ms", "10s", "1h30m", "14d", "1m30s", "0s"] {
            assert_eq!(format_duration(parse_duration(text).expect("a case")), text);
        }
    }
}
