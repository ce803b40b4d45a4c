//! `[self-doubt]`: by what the server knows that it cannot see, rather than that nothing is there (rule a45).
//!
//! In: a table that may be absent. Out: its settings, defaults filled in. Never here: doubting.

use std::net::SocketAddr;
use std::time::Duration;

use super::serving_sections::read_switch;
use super::value::{Findings, Section, Zero, items};

/// `[self-doubt]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfDoubtSettings {
    /// Whether statuses are held while the server doubts itself.
    pub is_enabled: bool,
    /// What can be reached over TCP as long as this server is well; with any, they alone decide.
    pub anchors: Vec<SocketAddr>,
    /// Time between two looks at an anchor.
    pub interval: Duration,
}

impl SelfDoubtSettings {
    /// Most anchors. Chosen; no standard value.
    pub const ANCHORS_MAX: usize = 16;
    /// Time between two looks at an anchor: most checks need longer to fall. Chosen; no standard value.
    pub const INTERVAL: Duration = Duration::from_secs(1);
    /// Bounds of the above.
    pub const INTERVAL_BOUNDS: (Duration, Duration) =
        (Duration::from_millis(100), Duration::from_secs(60));
    /// Longest time that an anchor has to accept a connection. Chosen; no standard value.
    pub const TIMEOUT: Duration = Duration::from_secs(1);
}

impl Default for SelfDoubtSettings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            anchors: Vec::new(),
            interval: Self::INTERVAL,
        }
    }
}

pub(super) fn read_self_doubt(
    section: &Section<'_, '_>,
    findings: &mut Findings,
) -> SelfDoubtSettings {
    let mut anchors = Vec::new();
    if let Some((path, value)) = section.find("anchors") {
        let written = items(value);
        if written.len() > SelfDoubtSettings::ANCHORS_MAX {
            let message = format!("more than {} anchors", SelfDoubtSettings::ANCHORS_MAX);
            findings.fault("S004", value.span(), &path, message);
        }
        for item in written {
            let Some(address) = findings.socket_address(&path, item) else {
                continue;
            };
            if anchors.contains(&address) {
                let message = format!("`{address}` is listed twice");
                findings.fault("S010", item.span(), &path, message);
            }
            anchors.push(address);
        }
    }
    let bounds = SelfDoubtSettings::INTERVAL_BOUNDS;
    let interval = section
        .find("interval")
        .and_then(|(path, value)| findings.duration(&path, value, bounds, Zero::Fails));
    SelfDoubtSettings {
        is_enabled: read_switch(section, "enabled", true, findings),
        anchors,
        interval: interval.unwrap_or(SelfDoubtSettings::INTERVAL),
    }
}
