//! Alarms: conditions that last and that an operator must know, each told once when it begins and once when it ends.
//!
//! In: that a condition holds or no longer holds, from whoever watches it. Out: what changed by that, and all alarms that
//! last, in order. Never here: noticing conditions, logs, clocks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Alarms that are listed at once (chosen: a folder of 13,000 zones that are all refused); further ones are counted only.
pub const ALARMS_MAX: usize = 20_000;

/// Kind of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// Probes no longer run: every status stays as it is.
    ProberEnded,
    /// Probes are not made in time.
    ProbesLate,
    /// The process that runs the commands of checks died.
    CommandsHelper,
    /// Lookups of names that probes need fail.
    NamesSilent,
    /// The zones folder cannot be used: everything is served as before.
    ZonesFolder,
    /// The file of cookie secrets cannot be used: the secrets before are used on.
    CookieSecrets,
}

impl AlarmKind {
    /// Every kind, in the order in which alarms are listed: what endangers answers most comes first.
    pub const ALL: &[Self] = &[
        Self::ProberEnded,
        Self::ProbesLate,
        Self::CommandsHelper,
        Self::NamesSilent,
        Self::ZonesFolder,
        Self::CookieSecrets,
    ];

    /// Returns its name in status, metrics and the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ProberEnded => "prober-ended",
            Self::ProbesLate => "probes-late",
            Self::CommandsHelper => "commands-helper",
            Self::NamesSilent => "names-silent",
            Self::ZonesFolder => "zones-folder",
            Self::CookieSecrets => "cookie-secrets",
        }
    }

    /// Returns what it means for answers.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::ProberEnded => {
                "Probes no longer run: every status stays as it is. Restart the server."
            }
            Self::ProbesLate => {
                "Some probes are not made in time: failures and recoveries are seen late. Targets that answer quickly keep their places."
            }
            Self::CommandsHelper => {
                "The process that runs the commands of checks died: what ran then is no evidence. It was started again."
            }
            Self::NamesSilent => {
                "Lookups of names that probes or flattened targets need fail: their last addresses are used as long as they are known."
            }
            Self::ZonesFolder => "The zones folder cannot be used: every zone is served as before.",
            Self::CookieSecrets => {
                "The file of cookie secrets cannot be used: the secrets before are used on."
            }
        }
    }
}

/// An alarm that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its kind.
    pub kind: AlarmKind,
    /// The zone, file, target or address that it is about; empty for the whole server.
    pub subject: String,
    /// What is wrong now.
    pub text: String,
    /// Since when, as RFC 3339 in UTC.
    pub since: String,
}

/// An alarm that began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmChange {
    /// It began.
    Began(Alarm),
    /// It ended.
    Ended(Alarm),
}

/// The alarms that last.
#[derive(Clone, Debug, Default)]
pub struct Alarms {
    lasting: BTreeMap<(AlarmKind, String), Alarm>,
    unlisted: u64,
}

impl Alarms {
    /// Takes in how things stand with one condition: what is wrong, or `None` if all is well. Returns what changed; another
    /// text of an alarm that lasts changes nothing but its text.
    pub fn set(
        &mut self,
        kind: AlarmKind,
        subject: &str,
        text: Option<String>,
        at: &str,
    ) -> Option<AlarmChange> {
        let is_full = self.lasting.len() >= ALARMS_MAX;
        match (self.lasting.entry((kind, subject.to_owned())), text) {
            (Entry::Occupied(mut known), Some(text)) => {
                known.get_mut().text = text;
                None
            }
            (Entry::Occupied(known), None) => Some(AlarmChange::Ended(known.remove())),
            (Entry::Vacant(_), Some(_)) if is_full => {
                self.unlisted += 1;
                None
            }
            (Entry::Vacant(place), Some(text)) => {
                let alarm = Alarm {
                    kind,
                    subject: subject.to_owned(),
                    text,
                    since: at.to_owned(),
                };
                Some(AlarmChange::Began(place.insert(alarm).clone()))
            }
            (Entry::Vacant(_), None) => None,
        }
    }

    /// Ends every alarm of a kind whose subject is not among those that are `wanted`; returns those that ended.
    pub fn keep_only(&mut self, kind: AlarmKind, wanted: impl Fn(&str) -> bool) -> Vec<Alarm> {
        let is_gone =
            |(of, subject): &(AlarmKind, String), _: &mut Alarm| *of == kind && !wanted(subject);
        self.lasting
            .extract_if(.., is_gone)
            .map(|(_, alarm)| alarm)
            .collect()
    }

    /// Returns the alarms that last, by kind and subject.
    pub fn lasting(&self) -> impl ExactSizeIterator<Item = &Alarm> {
        self.lasting.values()
    }

    /// Counts the alarms of a kind that last.
    pub fn count(&self, kind: AlarmKind) -> usize {
        let first = (kind, String::new());
        self.lasting
            .range(first..)
            .take_while(|((of, _), _)| *of == kind)
            .count()
    }

    /// Returns how many alarms found no room.
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_alarm_once_when_it_begins_and_once_when_it_ends() {
        let mut alarms = Alarms::default();
        let mut set = |subject: &str, text: Option<&str>, at: &str| {
            alarms.set(AlarmKind::ZonesFolder, subject, text.map(str::to_owned), at)
        };
        let alarm = |text: &str| Alarm {
            kind: AlarmKind::ZonesFolder,
            subject: "zones".to_owned(),
            text: text.to_owned(),
            since: "1".to_owned(),
        };
        assert_eq!(set("zones", None, "0"), None, "all was well before");
        assert_eq!(
            set("zones", Some("is gone"), "1"),
            Some(AlarmChange::Began(alarm("is gone")))
        );
        assert_eq!(set("zones", Some("is empty"), "2"), None);
        assert_eq!(
            set("zones", None, "3"),
            Some(AlarmChange::Ended(alarm("is empty")))
        );
        assert_eq!(set("zones", None, "4"), None);
    }

    #[test]
    fn lists_by_gravity_and_counts_what_finds_no_room() {
        let mut alarms = Alarms::default();
        let text = || Some("x".to_owned());
        for number in 0..ALARMS_MAX {
            alarms.set(AlarmKind::CookieSecrets, &number.to_string(), text(), "1");
        }
        assert_eq!(alarms.set(AlarmKind::ProberEnded, "", text(), "1"), None);
        assert_eq!(alarms.unlisted(), 1);
        let ended = alarms.keep_only(AlarmKind::CookieSecrets, |subject| subject == "7");
        assert_eq!(ended.len(), ALARMS_MAX - 1);
        alarms.set(AlarmKind::ProberEnded, "", text(), "2");
        let listed: Vec<&str> = alarms
            .lasting()
            .map(|alarm| alarm.subject.as_str())
            .collect();
        assert_eq!(listed, ["", "7"]);
        assert_eq!(alarms.count(AlarmKind::CookieSecrets), 1);
        assert_eq!(alarms.count(AlarmKind::ZonesFolder), 0);
    }

    #[test]
    fn every_kind_has_a_word_of_its_own_and_stands_in_order() {
        let mut words: Vec<&str> = AlarmKind::ALL.iter().map(|kind| kind.word()).collect();
        assert!(AlarmKind::ALL.is_sorted());
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), AlarmKind::ALL.len());
        for kind in AlarmKind::ALL {
            assert!(kind.meaning().ends_with('.'), "{kind:?}");
        }
    }
}
