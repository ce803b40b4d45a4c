//! Serials that nobody wrote: date-based, growing whenever a file's content changes (rule a54), kept over restarts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::WallTime;

/// Last serial and content of each zone, by apex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serials {
    zones: BTreeMap<String, (u64, u32)>,
}

impl Serials {
    /// Returns the serial of a zone with this content: the known one, or a greater one for new content.
    pub fn serial(&mut self, apex: &str, digest: u64, wall: WallTime) -> u32 {
        let today = date_serial(wall);
        let entry = self.zones.entry(apex.to_owned());
        let known = entry.or_insert((digest, today));
        if known.0 != digest {
            // RFC 1982: within 2^31 a greater number is a later one; a date never comes near the end.
            *known = (digest, today.max(known.1.wrapping_add(1)));
        }
        known.1
    }
}

/// `YYYYMMDD00` of a civil time in UTC.
fn date_serial(wall: WallTime) -> u32 {
    let stamp = jiff::Timestamp::from_millisecond(wall.millis()).unwrap_or_default();
    let date = stamp.to_zoned(jiff::tz::TimeZone::UTC).date();
    let year = u32::try_from(date.year()).unwrap_or(1970);
    let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    (year * 10_000 + u32::from(month) * 100 + u32::from(day)) * 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_content_and_never_shrinks() {
        let mut serials = Serials::default();
        let day = WallTime::from_millis(1_795_824_000_000);
        let first = serials.serial("example.com.", 1, day);
        assert_eq!(first % 100, 0);
        assert_eq!(
            serials.serial("example.com.", 1, day),
            first,
            "same content"
        );
        assert_eq!(serials.serial("example.com.", 2, day), first + 1);
        let earlier = WallTime::from_millis(day.millis() - 86_400_000);
        assert_eq!(
            serials.serial("example.com.", 3, earlier),
            first + 2,
            "the clock went back"
        );
    }
}
