//! Alarms: conditions that last and that an operator must know, each reported when it begins and when it ends.
//!
//! In: that a condition holds or no longer holds. Out: the change made by that, and all alarms that last, in
//! order. Never here: noticing conditions, logs, clocks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Alarms that are listed at once (chosen: a folder of 13,000 zones that are all refused); further ones are counted only.
pub const ALARMS_MAX: usize = 20_000;

/// Kind of an alarm. The order is that in which alarms are listed: what endangers answers most comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// A thread of a transport ended.
    WorkerEnded,
    /// Queries break our engine.
    EngineFault,
    /// The kernel drops datagrams before they are read.
    UdpDrops,
    /// Connections cannot be accepted.
    AcceptErrors,
    /// Probes no longer run.
    ProberEnded,
    /// No zone is served.
    NoZone,
    /// Probes are not made in time.
    ProbesLate,
    /// The process that runs the commands of checks died.
    CommandsHelper,
    /// Lookups of names that probes or flattened targets need fail.
    NamesSilent,
    /// A check learns nothing of its targets.
    NoEvidence,
    /// The zones folder cannot be used.
    ZonesFolder,
    /// The file of a zone is gone.
    ZoneFileMissing,
    /// A zone is served from its last good version.
    OldVersionServed,
    /// Last good versions cannot be kept over a restart.
    LastGoodNotKept,
    /// A last good version that was kept cannot be used.
    LastGoodDamaged,
    /// The server file has faults.
    ServerFile,
    /// Settings in the server file wait for a restart.
    RestartNeeded,
    /// The certificate of encrypted transports ends soon, or has ended.
    CertificateEnds,
    /// A new certificate of encrypted transports cannot be used.
    Certificate,
    /// A location database cannot be used.
    LocationDatabase,
    /// There are more flattened targets than are looked up.
    FlattenedTargets,
    /// The file of cookie secrets cannot be used.
    CookieSecrets,
    /// The state cannot be saved: orders are refused, and a restart begins with an older state.
    StateNotSaved,
    /// Some of the saved state could not be read.
    StateDamaged,
    /// Switches that were set do not count because the zone file allows them no more.
    SwitchesOverruled,
    /// There are more metrics than are kept.
    MetricsFull,
    /// Log lines are dropped.
    LogNotRead,
    /// An address that is to be listened on cannot be bound.
    NotListening,
}

/// Each kind with its name in status, metrics and the log, and what it means for answers; in the order of the kinds.
const KINDS: &[(AlarmKind, &str, &str)] = &[
    (
        AlarmKind::WorkerEnded,
        "worker-ended",
        "A thread of a transport ended: what comes to it is not answered. Restart the server.",
    ),
    (
        AlarmKind::EngineFault,
        "engine-fault",
        "Some queries get no answer because of a fault of ours: report it.",
    ),
    (
        AlarmKind::UdpDrops,
        "udp-drops",
        "More datagrams come than are read: some clients get no answer and ask again.",
    ),
    (
        AlarmKind::AcceptErrors,
        "accept-errors",
        "Connections of TCP, TLS or HTTPS cannot be accepted for want of descriptors or memory.",
    ),
    (
        AlarmKind::ProberEnded,
        "prober-ended",
        "Probes no longer run: every status stays as it is. Restart the server.",
    ),
    (
        AlarmKind::NoZone,
        "no-zone",
        "No zone is served: every query is answered REFUSED.",
    ),
    (
        AlarmKind::ProbesLate,
        "probes-late",
        "Some probes are not made in time: failures and recoveries are seen late. Targets that answer quickly keep their places.",
    ),
    (
        AlarmKind::CommandsHelper,
        "commands-helper",
        "The process that runs the commands of checks died: what ran then is no evidence. It was started again.",
    ),
    (
        AlarmKind::NamesSilent,
        "names-silent",
        "Lookups of names that probes or flattened targets need fail: their last addresses are used as long as they are known.",
    ),
    (
        AlarmKind::NoEvidence,
        "no-evidence",
        "A check has learnt nothing for three intervals: its targets are unknown, which counts as healthy unless it says otherwise.",
    ),
    (
        AlarmKind::ZonesFolder,
        "zones-folder",
        "The zones folder cannot be used: every zone is served as before.",
    ),
    (
        AlarmKind::ZoneFileMissing,
        "zone-file-missing",
        "The file of a zone is gone: its last good version is served until it is back, or `leeward reload --yes` removes the zone.",
    ),
    (
        AlarmKind::OldVersionServed,
        "old-version-served",
        "A zone is served from its last good version: what its file holds now is not used.",
    ),
    (
        AlarmKind::LastGoodNotKept,
        "last-good-not-kept",
        "Last good versions cannot be kept: after a restart older ones are served, or none.",
    ),
    (
        AlarmKind::LastGoodDamaged,
        "last-good-damaged",
        "A kept version cannot be used: if the zone's file is refused at a restart, the zone is not served.",
    ),
    (
        AlarmKind::ServerFile,
        "server-file",
        "The server file has faults: the settings before hold on, and a restart would fail.",
    ),
    (
        AlarmKind::RestartNeeded,
        "restart-needed",
        "Settings in the server file cannot change while the server runs: they hold from the next start on.",
    ),
    (
        AlarmKind::CertificateEnds,
        "certificate-ends",
        "Clients of TLS, HTTPS and QUIC refuse the certificate once it has ended. Renew it.",
    ),
    (
        AlarmKind::Certificate,
        "certificate",
        "The new certificate of TLS, HTTPS and QUIC cannot be used: the one before is shown on.",
    ),
    (
        AlarmKind::LocationDatabase,
        "location-database",
        "A location database cannot be used: clients are located as before.",
    ),
    (
        AlarmKind::FlattenedTargets,
        "flattened-targets",
        "More targets are flattened than are looked up: the rest has no addresses.",
    ),
    (
        AlarmKind::CookieSecrets,
        "cookie-secrets",
        "The file of cookie secrets cannot be used: the secrets before are used on.",
    ),
    (
        AlarmKind::StateNotSaved,
        "state-not-saved",
        "The state cannot be saved: orders are refused, and a restart would begin with an older state.",
    ),
    (
        AlarmKind::StateDamaged,
        "state-damaged",
        "Some of the saved state is lost: compare `leeward switch` with what was set, then move the kept file away.",
    ),
    (
        AlarmKind::SwitchesOverruled,
        "switches-overruled",
        "What was set breaks the bounds that the zone file has now: the check stands as its file says until it is set again.",
    ),
    (
        AlarmKind::MetricsFull,
        "metrics-full",
        "There are more series than are kept: new zones and targets have none. Answers and statuses are not touched.",
    ),
    (
        AlarmKind::LogNotRead,
        "log-not-read",
        "Log lines are dropped: whoever reads standard error stands still, or cannot write them.",
    ),
    (
        AlarmKind::NotListening,
        "not-listening",
        "Nobody is answered at this address; all others are served, and it is tried again every five seconds.",
    ),
];

impl AlarmKind {
    /// Returns every kind, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(kind, ..)| *kind)
    }

    /// Returns its name in status, metrics and the log.
    pub const fn word(self) -> &'static str {
        KINDS[self as usize].1
    }

    /// Returns the effect on answers.
    pub const fn meaning(self) -> &'static str {
        KINDS[self as usize].2
    }
}

/// An alarm that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Kind of the condition.
    pub kind: AlarmKind,
    /// The zone, file, target or address that it is about; empty for the whole server.
    pub subject: String,
    /// Fault at present, one sentence.
    pub text: String,
    /// Time when it began, RFC 3339 in UTC.
    pub since: String,
}

/// An alarm that began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmChange {
    /// An alarm that began.
    Began(Alarm),
    /// An alarm that ended.
    Ended(Alarm),
}

/// The alarms that last.
#[derive(Clone, Debug, Default)]
pub struct Alarms {
    lasting: BTreeMap<(AlarmKind, String), Arc<Alarm>>,
    unlisted: u64,
}

impl Alarms {
    /// Sets the state of one condition: its fault, or `None` if all is well. Returns the change; another text of an
    /// alarm that lasts replaces the text alone.
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
                Arc::make_mut(known.get_mut()).text = text;
                None
            }
            (Entry::Occupied(known), None) => {
                Some(AlarmChange::Ended(Arc::unwrap_or_clone(known.remove())))
            }
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
                place.insert(Arc::new(alarm.clone()));
                Some(AlarmChange::Began(alarm))
            }
            (Entry::Vacant(_), None) => None,
        }
    }

    /// Ends every alarm of a kind whose subject is not among those that are `wanted`; returns those that ended.
    pub fn keep_only(&mut self, kind: AlarmKind, wanted: impl Fn(&str) -> bool) -> Vec<Alarm> {
        let is_gone = |(of, subject): &(AlarmKind, String), _: &mut Arc<Alarm>| {
            *of == kind && !wanted(subject)
        };
        self.lasting
            .extract_if(.., is_gone)
            .map(|(_, alarm)| Arc::unwrap_or_clone(alarm))
            .collect()
    }

    /// Returns the alarms that last, by kind and subject.
    pub fn lasting(&self) -> impl ExactSizeIterator<Item = &Arc<Alarm>> {
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

    /// Returns the number of reports without room, since start; one alarm may report many times.
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
    fn every_kind_stands_at_its_place_with_a_word_of_its_own() {
        let mut words: Vec<&str> = AlarmKind::all().map(AlarmKind::word).collect();
        for (place, (kind, word, meaning)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, place, "{word}");
            assert!(meaning.ends_with('.'), "{word}");
        }
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), KINDS.len(), "a word stands twice");
    }
}
