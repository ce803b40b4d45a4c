//! Serials that nobody wrote: the time when a zone's files were written last (rule a54), in seconds since the Unix epoch.
//!
//! In: contents and times of files. Out: serials. Never here: files.
//!
//! | Its files | Serial |
//! |---|---|
//! | were written after the last serial | when they were written |
//! | hold the same, and were not | the last serial |
//! | hold something else, and were not | the last serial and one: it never falls |
//!
//! So servers whose copies of a file bear the same time have the same serial, whatever they had before, unless a file with
//! an older time followed a newer one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::WallTime;
use crate::wire::Name;

/// Last serial and content of each zone, by apex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serials {
    zones: BTreeMap<String, (u64, u32)>,
}

impl Serials {
    /// Returns the serial that a zone with this content, written at `modified_secs`, is to have. A time that lies ahead
    /// counts as now.
    pub(in crate::daemon) fn next(
        &self,
        apex: &Name,
        digest: u64,
        modified_secs: u64,
        wall: WallTime,
    ) -> u32 {
        let now = u64::try_from(wall.millis() / 1_000).unwrap_or(0);
        // Until 2106 the number is the time itself; 0 is no serial that anybody expects.
        let written = (modified_secs.min(now) as u32).max(1);
        match self.zones.get(&key(apex)) {
            None => written,
            Some((_, last)) if is_later(written, *last) => written,
            Some((known, last)) if *known == digest => *last,
            Some((_, last)) => last.wrapping_add(1).max(1),
        }
    }

    /// Says whether this is what was served last.
    pub(in crate::daemon) fn knows(&self, apex: &Name, digest: u64, serial: u32) -> bool {
        self.zones.get(&key(apex)) == Some(&(digest, serial))
    }

    /// Takes in what is served, or was once; an older serial changes nothing.
    pub(in crate::daemon) fn learn(&mut self, apex: &Name, digest: u64, serial: u32) {
        let known = self.zones.entry(key(apex)).or_insert((digest, serial));
        if !is_later(known.1, serial) {
            *known = (digest, serial);
        }
    }
}

fn key(apex: &Name) -> String {
    apex.to_string().to_ascii_lowercase()
}

/// Says whether a serial is later than another (RFC 1982, section 3.2).
pub(in crate::daemon) fn is_later(serial: u32, than: u32) -> bool {
    serial != than && serial.wrapping_sub(than) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn wall() -> WallTime {
        WallTime::from_millis(1_800_000_000_000)
    }

    fn apex() -> Name {
        Name::parse_absolute("example.com.").expect("a name")
    }

    fn serve(serials: &mut Serials, digest: u64, written: u64) -> u32 {
        let serial = serials.next(&apex(), digest, written, wall());
        serials.learn(&apex(), digest, serial);
        serial
    }

    #[test]
    fn follows_the_time_of_the_files_and_never_falls() {
        let mut serials = Serials::default();
        let mut serial = |digest, written| serve(&mut serials, digest, written);
        assert_eq!(serial(1, 1_000), 1_000);
        assert_eq!(serial(1, 1_000), 1_000, "same content");
        assert_eq!(serial(1, 1_100), 1_100, "written anew");
        assert_eq!(serial(2, 1_200), 1_200);
        assert_eq!(serial(1, 900), 1_201, "an older file came back");
        assert_eq!(serial(1, 900), 1_201);
        assert_eq!(serial(3, 1_201), 1_202, "in the same second");
        assert_eq!(serial(4, 1_300), 1_300, "and agrees again");
        assert_eq!(
            serial(5, NOW + 90_000),
            1_800_000_000,
            "a time that lies ahead"
        );
    }

    #[test]
    fn two_servers_with_other_histories_agree_on_one_file() {
        // Point 6: the second server never saw the first three versions.
        let (mut one, mut two) = (Serials::default(), Serials::default());
        for (digest, written) in [(1, 1_000), (2, 1_100), (3, 1_150)] {
            serve(&mut one, digest, written);
        }
        assert_eq!(serve(&mut one, 4, 1_200), serve(&mut two, 4, 1_200));
    }

    #[test]
    fn what_was_served_once_is_not_undercut() {
        let mut serials = Serials::default();
        serials.learn(&apex(), 1, 2_026_113_001);
        serials.learn(&apex(), 1, 5);
        assert_eq!(serve(&mut serials, 1, NOW), 2_026_113_001);
        assert_eq!(serve(&mut serials, 2, NOW), 2_026_113_002);
    }

    #[test]
    fn later_is_meant_as_serials_mean_it() {
        let cases = [
            (1, 0, true),
            (0, 1, false),
            (5, 5, false),
            (0, u32::MAX, true),
            (u32::MAX, 0, false),
            (1 << 31, 0, false),
        ];
        for (serial, than, wanted) in cases {
            assert_eq!(is_later(serial, than), wanted, "{serial} after {than}");
        }
    }
}
