//! The prober of a running server: its share of descriptors, and what keeps probes from being made in time.
//!
//! In: settings, the limit of descriptors, counts of the prober. Out: a prober, alarms. Never here: probes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::warn;

use crate::clock::{Clock, Moment};
use crate::config::server_file::{ExecSettings, ServerConfig};
use crate::health::{Changes, ProbeKind, TargetId};
use crate::probe::{
    Begun, CommandSettings, Handle, ProbeConfig, ProbeCounts, Prober, Reach, Report, RoomCounts,
};
use crate::resolver::Names;
use crate::timeline::AlarmKind;
use crate::wire::Name;

use crate::daemon::telemetry::{self, Telemetry};
use crate::daemon::zone_set::ZoneSet;

/// The verb by which the helper process is started; see `serve_commands`.
pub const COMMANDS_VERB: &str = "serve-commands";
/// Sixteenths of the descriptors that probes, quiet connections and lookups may hold. The rest is for clients of DNS, files
/// and the control API: their bounds, a thousand connections a transport, are below that on any usual system.
const PROBES_PART: usize = 10;
const WATCHES_PART: usize = 2;
const LOOKUPS_PART: usize = 1;
/// Descriptors that one lookup holds: a socket a family.
const LOOKUP_SIZE: usize = 2;
/// Most probes under way unless more are asked for: some 10 kB each, while they hang.
const PLACES_MAX: usize = 32_768;
/// Fewest, however few descriptors there are.
const PLACES_MIN: usize = 4;
/// Names of the rooms of places, in the order of the prober.
const ROOMS: [&str; 2] = ["network", "commands"];
/// Time without trouble after which an alarm about it ends.
const QUIET: Duration = Duration::from_secs(10);
/// Time after which the end of a helper process is forgotten.
const HELPER_QUIET: Duration = Duration::from_secs(60);
/// Seconds in a row in which a fifth of the probes start late, until the threads count as behind.
const BEHIND_MIN: u32 = 10;

/// How many of the descriptors are whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon) struct Shares {
    /// Probes under way.
    pub(in crate::daemon) probes: usize,
    /// Quiet connections.
    pub(in crate::daemon) watches: usize,
    /// Names that are looked up.
    pub(in crate::daemon) lookups: usize,
}

impl Shares {
    /// Divides the descriptors that the process may open; bounds that are written hold as far as there are enough.
    pub(in crate::daemon) fn of(descriptors: u64, config: &ServerConfig) -> Self {
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let part = |sixteenths: usize| (descriptors / 16 * sixteenths).max(PLACES_MIN);
        let probes = part(PROBES_PART);
        let written = config.probe.concurrency;
        if let Some(wanted) = written.filter(|wanted| *wanted > probes) {
            warn!(
                "`[probe] concurrency` is {wanted}, but of {descriptors} descriptors probes may hold {probes}; raise the limit (LimitNOFILE)"
            );
        }
        Self {
            probes: written.unwrap_or(PLACES_MAX).min(probes),
            watches: part(WATCHES_PART).min(ProbeConfig::default().watches_max),
            lookups: (part(LOOKUPS_PART) / LOOKUP_SIZE)
                .max(PLACES_MIN)
                .min(config.resolver.concurrency),
        }
    }
}

/// Puts together how a server probes.
pub(in crate::daemon) fn probe_settings(
    config: &ServerConfig,
    shares: Shares,
    reach: Reach,
    names: Names,
) -> ProbeConfig {
    ProbeConfig {
        in_flight_max: shares.probes,
        watches_max: shares.watches,
        user_agent: config.probe.user_agent.clone(),
        reach,
        commands: Some(command_settings(&config.exec)),
        names: Some(names),
        ..ProbeConfig::default()
    }
}

/// Returns how commands are run: by this same binary, started once more with a verb of its own.
pub fn command_settings(exec: &ExecSettings) -> CommandSettings {
    let program = std::env::current_exe().unwrap_or_default();
    CommandSettings {
        allow: exec.allow.clone(),
        concurrency: exec.concurrency,
        helper: (program, vec![COMMANDS_VERB.into()]),
    }
}

/// Starts the prober of a server.
pub(in crate::daemon) fn start_prober(
    settings: ProbeConfig,
    sink: mpsc::Sender<Report>,
    clock: Clock,
    mut stopping: watch::Receiver<bool>,
) -> Handle {
    Prober::start(settings, sink, clock, async move {
        // An error says that nobody can tell any more.
        let _ = stopping.wait_for(|stop| *stop).await;
    })
}

/// The prober, what it looks names up with, and how it fares.
#[derive(Default)]
pub(in crate::daemon) struct Probing {
    handle: Option<Handle>,
    names: Option<Names>,
    lateness: Lateness,
    /// Whether no report can come any more.
    has_ended: bool,
}

/// Counts of the prober a second ago, and when probes were last late.
#[derive(Clone, Copy, Debug, Default)]
struct Lateness {
    before: ProbeCounts,
    crowded: [Option<Moment>; ROOMS.len()],
    behind: u32,
}

impl Lateness {
    /// Looks at the counts once a second; says of each room why its probes are late, then of the threads.
    fn look(&mut self, counts: ProbeCounts, now: Moment) -> [(&'static str, Option<String>); 3] {
        let before = std::mem::replace(&mut self.before, counts);
        let mut said = [(ROOMS[0], None), (ROOMS[1], None), ("threads", None)];
        let mut crowded = 0;
        for (number, (room, earlier)) in counts.rooms.iter().zip(before.rooms).enumerate() {
            crowded += room.crowded - earlier.crowded;
            let is_waiting = room.waiting > 0 && earlier.waiting > 0;
            if room.crowded > earlier.crowded || is_waiting {
                self.crowded[number] = Some(now);
            }
            let is_lately = |at: &Moment| now.since(*at) < QUIET;
            let is_crowded = self.crowded[number].as_ref().is_some_and(is_lately);
            said[number].1 = is_crowded.then(|| words(number, room));
        }
        let started = counts.started - before.started;
        let late = (counts.late - before.late).saturating_sub(crowded);
        let is_behind = late > 0 && late * 5 >= started;
        self.behind = if is_behind {
            self.behind.saturating_add(1)
        } else {
            0
        };
        said[2].1 = (self.behind >= BEHIND_MIN)
            .then(|| format!("{late} of {started} probes of a second started more than 0.1 s late: the machine is too busy"));
        said
    }
}

fn words(number: usize, room: &RoomCounts) -> String {
    let (what, setting) = match number {
        0 => ("probes", "`[probe] concurrency`, the limit of descriptors"),
        _ => ("commands", "`[exec] concurrency`"),
    };
    format!(
        "{what} wait for a place, {} now: {} of {} places are taken, {} of them by {what} that hang or may; {setting} and \
         shorter timeouts make room",
        room.waiting, room.taken, room.places, room.held_long
    )
}

/// Returns the number by which the targets of a zone share places.
fn group_of(apex: &Name) -> u64 {
    let mut hasher = DefaultHasher::new();
    apex.hash(&mut hasher);
    hasher.finish()
}

impl Probing {
    /// Takes a prober that has started, and what it looks names up with.
    pub(in crate::daemon) fn begin(&mut self, handle: Handle, names: Names) {
        (self.handle, self.names) = (Some(handle), Some(names));
    }

    /// Says whether reports can still come.
    pub(in crate::daemon) const fn is_alive(&self) -> bool {
        !self.has_ended
    }

    /// Notes that no report can come any more: answers go on with the last statuses, and the health endpoint turns red.
    pub(in crate::daemon) fn end(&mut self, telemetry: &mut Telemetry) {
        self.has_ended = true;
        telemetry.pulse.probes_ended();
        let text = "the threads that probe have ended".to_owned();
        telemetry.set_alarm(AlarmKind::ProberEnded, "", Some(text));
    }

    /// Begins and stops targets after a load; those of one zone share places.
    pub(super) fn update(&self, changes: Changes, set: &ZoneSet, ids: &[Vec<TargetId>]) {
        let Changes { added, removed } = changes;
        let Some(prober) = &self.handle else {
            return;
        };
        let mut groups: std::collections::HashMap<TargetId, u64> =
            added.iter().map(|(id, _)| (*id, 0)).collect();
        if !groups.is_empty() {
            for (zone, ids) in set.zones.iter().zip(ids) {
                let group = group_of(&zone.model.apex);
                for id in ids {
                    // A target of several zones is of the first.
                    if let Some(known) = groups.get_mut(id).filter(|known| **known == 0) {
                        *known = group;
                    }
                }
            }
        }
        // Heartbeats come by themselves.
        let probed = added
            .into_iter()
            .filter(|(_, target)| !matches!(target.probe.kind, ProbeKind::Heartbeat(_)));
        let begun = probed.map(|(id, target)| Begun {
            group: groups.get(&id).copied().unwrap_or_default(),
            id,
            target,
        });
        prober.update(begun.collect(), &removed);
    }

    /// Looks after the prober once a second; says whether all of its threads are alive, and reports can come.
    pub(in crate::daemon) fn watch(&mut self, now: Moment, telemetry: &mut Telemetry) -> bool {
        let Some(prober) = &self.handle else {
            return self.is_alive();
        };
        let (threads, silent) = prober.threads(now);
        let counts = prober.counters().read();
        let context = prober.context();
        telemetry::probes(&telemetry.exposition, counts, &ROOMS);
        telemetry
            .exposition
            .set("leeward_probe_threads_silent", &[], silent as f64);
        if let Some(counters) = context.command_counters() {
            telemetry::commands(&telemetry.exposition, &counters);
            let death = counters.last_death();
            let lately = death.filter(|death| now.since(death.at) < HELPER_QUIET);
            telemetry.set_alarm(AlarmKind::CommandsHelper, "", lately.map(|death| death.why));
        }
        if self.is_alive() {
            let text = (silent > 0).then(|| {
                format!("{silent} of {threads} threads ended or stand still; their targets are not probed")
            });
            telemetry.set_alarm(AlarmKind::ProberEnded, "", text);
        }
        let said = self.lateness.look(counts, now);
        for (subject, text) in said {
            telemetry.set_alarm(AlarmKind::ProbesLate, subject, text);
        }
        if let Some(names) = &self.names {
            let counts = names.counts();
            telemetry::names(&telemetry.exposition, &counts);
            let text = (counts.failing > 0).then(|| {
                let first = names.first_failing().map_or_else(String::new, |name| name.to_string());
                format!(
                    "lookups of {} names fail, {first} among them; {} are probed at their last addresses",
                    counts.failing, counts.kept
                )
            });
            telemetry.set_alarm(AlarmKind::NamesSilent, "", text);
        }
        silent == 0 && self.is_alive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_the_descriptors_there_are() {
        let config = ServerConfig::default();
        let shares = |descriptors| Shares::of(descriptors, &config);
        let small = shares(64);
        assert_eq!((small.probes, small.watches, small.lookups), (40, 8, 4));
        for descriptors in [64, 1_024, 20_000, 65_536, 1 << 30] {
            let Shares {
                probes,
                watches,
                lookups,
            } = shares(descriptors);
            let held = (probes + watches + lookups * LOOKUP_SIZE) as u64;
            assert!(held <= descriptors / 16 * 13 + 8, "{descriptors}");
        }
        assert_eq!(shares(1 << 30).probes, PLACES_MAX);
        let mut config = ServerConfig::default();
        config.probe.concurrency = Some(100);
        assert_eq!(Shares::of(20_000, &config).probes, 100);
        assert_eq!(Shares::of(64, &config).probes, 40);
    }

    #[test]
    fn tells_what_is_late_and_why() {
        let mut lateness = Lateness::default();
        let mut counts = ProbeCounts::default();
        counts.rooms[0].places = 16;
        let at = Moment::from_secs;
        let subjects = |said: [(&'static str, Option<String>); 3]| -> Vec<&str> {
            let said = said.into_iter().filter(|(_, text)| text.is_some());
            said.map(|(subject, _)| subject).collect()
        };
        assert!(subjects(lateness.look(counts, at(1))).is_empty());
        counts.rooms[1].crowded = 2;
        counts.late = 2;
        assert_eq!(subjects(lateness.look(counts, at(2))), ["commands"]);
        assert_eq!(
            subjects(lateness.look(counts, at(11))),
            ["commands"],
            "not over yet"
        );
        assert!(subjects(lateness.look(counts, at(12))).is_empty());
        // Waiting for a moment is no trouble, for more than a second it is.
        counts.rooms[0].waiting = 3;
        assert!(subjects(lateness.look(counts, at(13))).is_empty());
        assert_eq!(subjects(lateness.look(counts, at(14))), ["network"]);
        counts.rooms[0].waiting = 0;
        for second in 30..39 {
            (counts.started, counts.late) = (counts.started + 10, counts.late + 2);
            assert!(subjects(lateness.look(counts, at(second))).is_empty());
        }
        (counts.started, counts.late) = (counts.started + 10, counts.late + 2);
        assert_eq!(subjects(lateness.look(counts, at(39))), ["threads"]);
        counts.started += 10;
        assert!(subjects(lateness.look(counts, at(40))).is_empty());
    }
}
