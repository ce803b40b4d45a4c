//! An event, as data and as a line of text.

use serde::{Serialize, Serializer};

/// Kind of an event, with its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EventKind {
    /// A target changed its status.
    Transition {
        /// Zones, pools and checks that use the target, for example `shop.example.com us-east/192.0.2.10 web`.
        target: String,
        /// Status before.
        from: String,
        /// Status now.
        to: String,
        /// Evidence of the last probe.
        evidence: String,
        /// Observations that were counted, as text.
        counted: String,
    },
    /// Zones were loaded anew.
    Reload {
        /// Zones whose content changed.
        changed: Vec<String>,
        /// Number of zones that are served.
        zones: usize,
    },
    /// A reload changes more than it may by itself, and waits for an operator.
    Waiting {
        /// Reason for waiting, as text.
        why: String,
    },
    /// A zone file was refused; its last good version is served on, if there is one.
    Refused {
        /// The file.
        file: String,
        /// Number of faults in the file.
        faults: usize,
        /// The first of them.
        first: String,
    },
    /// A file that was refused is mended.
    Mended {
        /// The file.
        file: String,
    },
    /// A file that was refused is gone; nothing was served from it.
    Withdrawn {
        /// The file.
        file: String,
    },
    /// A zone is no longer served, because an operator let it go.
    Removed {
        /// The zone.
        zone: String,
    },
    /// Another file serves a zone now.
    Moved {
        /// The zone.
        zone: String,
        /// The file before.
        from: String,
        /// The file now.
        to: String,
        /// True if the content is the same.
        is_same: bool,
    },
    /// Names came or went in a zone.
    Names {
        /// Changes of names, as text.
        text: String,
        /// Number of names removed.
        removed: usize,
        /// Number of names added.
        added: usize,
    },
    /// A zone is served with warnings.
    Warnings {
        /// The zone.
        zone: String,
        /// File of the zone.
        file: String,
        /// Number of warnings.
        warnings: usize,
        /// The first of them.
        first: String,
    },
    /// The serial that is written in a zone is older than the one served before.
    SerialFell {
        /// The zone.
        zone: String,
        /// Serial before.
        from: u32,
        /// Serial now.
        to: u32,
    },
    /// Maintenance began or ended somewhere in a zone.
    Maintenance {
        /// The zone.
        zone: String,
        /// Holds that are in force now, as text.
        text: String,
    },
    /// The server began or ended to doubt itself.
    SelfDoubt {
        /// True if self-doubt began, false if it ended.
        is_doubting: bool,
        /// Cause of the doubt, or its duration.
        text: String,
    },
    /// An operator released a failover.
    Released {
        /// The zone.
        zone: String,
        /// Owner or pool.
        place: String,
    },
    /// An operator changed switches.
    Switched {
        /// The zone.
        zone: String,
        /// Changes, as text.
        text: String,
    },
    /// A flattened target got or lost its addresses, or they are too old to be used.
    Flattened {
        /// Changes, as text.
        text: String,
        /// True if the state is worse than before.
        is_worse: bool,
    },
    /// An alarm began or ended.
    Alarm {
        /// Word of the alarm's kind.
        alarm: &'static str,
        /// Subject of the alarm; empty for the whole server.
        subject: String,
        /// Fault at present, or the last one.
        text: String,
        /// True if the alarm ended.
        has_ended: bool,
    },
    /// The server started.
    Started,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Time of the event, RFC 3339 in UTC.
    pub at: String,
    /// Kind and fields.
    pub kind: EventKind,
}

impl Serialize for Event {
    /// Writes the time, the line for people as `text`, and the fields of the kind beside them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            at: &'a str,
            text: String,
            #[serde(flatten)]
            kind: &'a EventKind,
        }
        let row = Row {
            at: &self.at,
            text: self.kind.to_string(),
            kind: &self.kind,
        };
        row.serialize(serializer)
    }
}

impl EventKind {
    /// Writes an event of a load about one zone or file.
    fn write_load(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Withdrawn { file } => write!(f, "{file}, which was refused, is gone"),
            Self::Removed { zone } => {
                write!(
                    f,
                    "removed: {zone}: its names are no longer served from a zone of their own"
                )
            }
            Self::Moved {
                zone,
                from,
                to,
                is_same,
            } => {
                let what = if *is_same { "the same" } else { "another" };
                write!(
                    f,
                    "{zone}: served from {to} now, {what} content; it was served from {from}"
                )
            }
            Self::Names { text, .. } => write!(f, "names of {text}"),
            Self::Warnings {
                zone,
                file,
                warnings,
                first,
            } => write!(
                f,
                "{zone}: {file} is served with {warnings} warning(s), which `leeward validate` shows; the first: {first}"
            ),
            Self::SerialFell { zone, from, to } => write!(
                f,
                "{zone}: the serial falls from {from} to {to}: whoever compares serials does not see the change; write a greater one"
            ),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Transition {
                target,
                from,
                to,
                evidence,
                counted,
            } => {
                write!(f, "{target}: {from} -> {to}: {evidence} ({counted})")
            }
            Self::Reload { changed, zones } if changed.is_empty() => {
                write!(f, "{zones} zones are served; none changed")
            }
            Self::Reload { changed, zones } => write!(
                f,
                "{zones} zones are served; changed: {}",
                changed.join(", ")
            ),
            Self::Refused {
                file,
                faults,
                first,
            } => {
                write!(
                    f,
                    "{file} is refused for {faults} fault(s); the first: {first}"
                )
            }
            Self::Waiting { why } => write!(f, "a reload waits for `leeward reload --yes`: {why}"),
            Self::Mended { file } => write!(f, "{file} is mended and served"),
            Self::Withdrawn { .. }
            | Self::Removed { .. }
            | Self::Moved { .. }
            | Self::Names { .. }
            | Self::Warnings { .. }
            | Self::SerialFell { .. } => self.write_load(f),
            Self::Maintenance { zone, text } | Self::Switched { zone, text } => {
                write!(f, "{zone}: {text}")
            }
            Self::SelfDoubt { is_doubting, text } => {
                let verb = if *is_doubting { "doubts" } else { "trusts" };
                write!(f, "the server {verb} itself: {text}")
            }
            Self::Released { zone, place } => {
                write!(f, "{zone}: {place} was released to its first healthy tier")
            }
            Self::Flattened { text, .. } => write!(f, "flattened {text}"),
            Self::Alarm {
                alarm,
                subject,
                text,
                has_ended,
            } => {
                let word = if *has_ended { "alarm ended" } else { "alarm" };
                let gap = if subject.is_empty() { "" } else { " " };
                write!(f, "{word} {alarm}{gap}{subject}: {text}")
            }
            Self::Started => f.write_str("the server started"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_line_and_its_fields() {
        let event = Event {
            at: "2026-12-05T22:00:00Z".to_owned(),
            kind: EventKind::Transition {
                target: "shop.example.com us-east/192.0.2.10 web".to_owned(),
                from: "healthy".to_owned(),
                to: "unhealthy".to_owned(),
                evidence: "connection refused".to_owned(),
                counted: "3 failures of 3".to_owned(),
            },
        };
        let written = serde_json::to_value(&event).expect("plain data");
        let wanted = serde_json::json!({
            "at": "2026-12-05T22:00:00Z",
            "kind": "transition",
            "text": "shop.example.com us-east/192.0.2.10 web: healthy -> unhealthy: connection refused (3 failures of 3)",
            "target": "shop.example.com us-east/192.0.2.10 web",
            "from": "healthy",
            "to": "unhealthy",
            "evidence": "connection refused",
            "counted": "3 failures of 3",
        });
        assert_eq!(written, wanted);
    }
}
