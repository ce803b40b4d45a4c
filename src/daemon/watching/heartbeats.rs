//! Heartbeats: who must report in, when they last did, and which reports are missed.
//!
//! In: reports, the time, the targets that wait for reports. Out: observations, a good one for each report and a bad
//! one for each that is missed. Never here: damping; the targets' own state machine counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admin::HeartbeatReport;
use crate::clock::{Moment, WallTime, format_duration};
use crate::diagnostic::suggest::help_for;
use crate::health::{Finding, Observation, Phases, ProbeKind, TargetId, Targets};
use crate::probe::Report;

/// Most missed reports that are told at once: more than `fall` can be.
const MISSED_MAX: u64 = 100;

/// Zone in small letters, and check.
type Key = (String, String);

/// All heartbeats.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Heartbeats {
    /// Those that zones wait for.
    awaited: Vec<(TargetId, Key, Duration)>,
    beats: BTreeMap<Key, Beat>,
}

/// The last report of one.
#[derive(Clone, Debug)]
struct Beat {
    /// When it came; at first, when we began to wait.
    at: Moment,
    /// Time that had passed before this process began.
    carried: Duration,
    /// By the civil clock, if one ever came.
    reported_ms: Option<i64>,
    /// What it said.
    said: Said,
    /// How many were missed since.
    missed: u64,
}

/// What a report said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    /// Whether whoever reported has failed.
    #[serde(default, rename = "bad")]
    is_bad: bool,
    /// What they added.
    #[serde(default)]
    note: String,
}

impl Said {
    /// Writes the finding that follows; `when` is empty for a report that just came.
    fn finding(&self, when: &str) -> Finding {
        let colon = if self.note.is_empty() { "" } else { ": " };
        let note = &self.note;
        if self.is_bad {
            Finding::Unfulfilled(format!("reported{when} that it fails{colon}{note}").into())
        } else if note.is_empty() && when.is_empty() {
            Finding::Fulfilled("reported in".into())
        } else {
            Finding::Fulfilled(format!("reported{when}{colon}{note}").into())
        }
    }
}

/// A last report as it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::daemon) struct SavedBeat {
    zone: String,
    check: String,
    reported_ms: i64,
    #[serde(flatten)]
    said: Said,
}

impl Heartbeats {
    /// Takes what an earlier run saved; reports from the future by the civil clock count as just come.
    pub(in crate::daemon) fn restore(saved: Vec<SavedBeat>, now: Moment, wall: WallTime) -> Self {
        let beats = saved.into_iter().map(|each| {
            let beat = Beat {
                at: now,
                carried: wall.since(WallTime::from_millis(each.reported_ms)),
                reported_ms: Some(each.reported_ms),
                said: each.said,
                missed: 0,
            };
            ((each.zone, each.check), beat)
        });
        Self {
            awaited: Vec::new(),
            beats: beats.collect(),
        }
    }

    /// Writes down when each reported last.
    pub(in crate::daemon) fn save(&self) -> Vec<SavedBeat> {
        let beats = self.beats.iter();
        beats
            .filter_map(|((zone, check), beat)| {
                Some(SavedBeat {
                    zone: zone.clone(),
                    check: check.clone(),
                    reported_ms: beat.reported_ms?,
                    said: beat.said.clone(),
                })
            })
            .collect()
    }

    /// Waits for exactly those that the targets name. One that reported in time before a restart counts as reported.
    pub(in crate::daemon) fn await_those_of(
        &mut self,
        targets: &Targets,
        now: Moment,
    ) -> Vec<Report> {
        self.awaited.clear();
        let mut reports = Vec::new();
        for row in targets.rows() {
            let ProbeKind::Heartbeat(name) = &row.target.probe.kind else {
                continue;
            };
            let key = (name.zone.clone(), name.check.clone());
            let every = row.target.probe.interval;
            let beat = self.beats.entry(key.clone()).or_insert_with(|| Beat {
                at: now,
                carried: Duration::ZERO,
                reported_ms: None,
                said: Said::default(),
                missed: 0,
            });
            if row.state.last_probe_at.is_none()
                && beat.reported_ms.is_some()
                && beat.silence(now) < every
            {
                let when = format!(" {} ago", span(beat.silence(now)));
                reports.push(observed(row.id, beat.said.finding(&when), now));
            }
            self.awaited.push((row.id, key, every));
        }
        let awaited: BTreeSet<&Key> = self.awaited.iter().map(|(_, key, _)| key).collect();
        self.beats.retain(|key, _| awaited.contains(key));
        reports
    }

    /// Takes a report in.
    pub(in crate::daemon) fn report(
        &mut self,
        report: &HeartbeatReport,
        now: Moment,
        wall: WallTime,
    ) -> Result<Report, String> {
        let check = &report.check;
        let zone = report.zone.as_ref().map(|zone| zone.to_ascii_lowercase());
        let is_zone = |known: &str| {
            let plain = |text: &str| text.trim_end_matches('.').to_owned();
            zone.as_ref().is_none_or(|zone| plain(zone) == plain(known))
        };
        let mut found = self
            .awaited
            .iter()
            .filter(|(_, key, _)| key.1 == *check && is_zone(&key.0));
        let (id, key, _) = found.next().ok_or_else(|| self.unknown(report))?;
        if found.next().is_some() {
            return Err(format!(
                "several zones have a heartbeat `{check}`: name the zone"
            ));
        }
        let said = Said {
            is_bad: !report.is_good,
            note: report.note.clone(),
        };
        let finding = said.finding("");
        let beat = Beat {
            at: now,
            carried: Duration::ZERO,
            reported_ms: Some(wall.millis()),
            said,
            missed: 0,
        };
        let observed = observed(*id, finding, now);
        self.beats.insert(key.clone(), beat);
        Ok(observed)
    }

    /// Says that nobody waits for such a report, and whom it may have meant.
    fn unknown(&self, report: &HeartbeatReport) -> String {
        let check = &report.check;
        if let Some(zone) = &report.zone
            && self.awaited.iter().any(|(_, key, _)| key.1 == *check)
        {
            let zones = self.awaited.iter().filter(|(_, key, _)| key.1 == *check);
            let zones = zones.map(|(_, key, _)| key.0.as_str());
            return format!(
                "zone `{zone}` has no heartbeat `{check}`{}",
                hint(zone, zones, "zones that have it")
            );
        }
        let known = self.awaited.iter().map(|(_, key, _)| key.1.as_str());
        format!(
            "no check of type heartbeat that is in use is called `{check}`{}",
            hint(check, known, "there are")
        )
    }

    /// Lets time pass; call it about once a second.
    pub(in crate::daemon) fn tick(&mut self, now: Moment) -> Vec<Report> {
        let mut reports = Vec::new();
        for (id, key, every) in &self.awaited {
            let Some(beat) = self.beats.get_mut(key) else {
                continue;
            };
            let silence = beat.silence(now);
            let due =
                u64::try_from(silence.as_millis() / every.as_millis().max(1)).unwrap_or(u64::MAX);
            let missed = due.saturating_sub(beat.missed).min(MISSED_MAX);
            beat.missed = beat.missed.max(due);
            for _ in 0..missed {
                let word = if beat.reported_ms.is_some() {
                    "last report"
                } else {
                    "no report since"
                };
                let text = format!(
                    "{word} {} ago, expected every {}",
                    span(silence),
                    format_duration(*every)
                );
                reports.push(observed(*id, Finding::Unfulfilled(text.into()), now));
            }
        }
        reports
    }
}

impl Beat {
    fn silence(&self, now: Moment) -> Duration {
        now.since(self.at) + self.carried
    }
}

/// Names the nearest known word after a message, or the few that there are; nothing if there are many.
pub(in crate::daemon) fn hint<'w>(
    written: &str,
    known: impl IntoIterator<Item = &'w str>,
    what: &str,
) -> String {
    let known: BTreeSet<&str> = known.into_iter().collect();
    help_for(written, known, what).map_or_else(String::new, |help| format!("; {help}"))
}

/// Writes a duration in whole seconds.
fn span(duration: Duration) -> String {
    format_duration(Duration::from_secs(duration.as_secs()))
}

fn observed(target: TargetId, finding: Finding, now: Moment) -> Report {
    Report {
        target,
        observation: Observation::new(finding.into(), Phases::default(), now),
        late: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Damping, Endpoint, HeartbeatProbe, ProbeRecipe, Status, Target, Timeout};

    const EVERY: Duration = Duration::from_secs(60);

    fn at(secs: u64) -> Moment {
        Moment::from_secs(secs)
    }

    fn wall(secs: i64) -> WallTime {
        WallTime::from_millis(secs * 1_000)
    }

    fn targets(now: Moment) -> Targets {
        let mut targets = Targets::default();
        let target = Target {
            probe: ProbeRecipe {
                endpoint: Endpoint::Here,
                port: 0,
                kind: ProbeKind::Heartbeat(HeartbeatProbe {
                    zone: "a.example.".to_owned(),
                    check: "backup".to_owned(),
                }),
                interval: EVERY,
                timeout: Timeout::Whole(EVERY),
                watch: false,
            },
            damping: Damping {
                rise: 1,
                fall: 3,
                forgive: 1,
                degraded: None,
            },
        };
        targets.reconcile(std::iter::once(target), now);
        targets
    }

    /// What a report or a tick made of the one target.
    fn take(targets: &mut Targets, reports: Vec<Report>, now: Moment) -> (Status, String) {
        for report in reports {
            targets.observe(report.target, report.observation, now);
        }
        targets.tick(now);
        let row = targets.rows().next().expect("one target");
        (row.state.status, row.state.last_evidence.to_string())
    }

    fn report(is_good: bool, note: &str) -> HeartbeatReport {
        HeartbeatReport {
            zone: Some("A.example".to_owned()),
            check: "backup".to_owned(),
            is_good,
            note: note.to_owned(),
        }
    }

    #[test]
    fn counts_reports_that_come_and_that_do_not() {
        let mut targets = targets(at(0));
        let mut beats = Heartbeats::default();
        assert!(beats.await_those_of(&targets, at(0)).is_empty());
        let mut now = 0;
        let mut step = |targets: &mut Targets, beats: &mut Heartbeats, until: u64| {
            let mut last = (Status::Unknown, String::new());
            while now < until {
                now += 1;
                last = take(targets, beats.tick(at(now)), at(now));
            }
            last
        };
        // Nobody ever reports: unknown until three are missed.
        assert_eq!(step(&mut targets, &mut beats, 179).0, Status::Unknown);
        let (status, evidence) = step(&mut targets, &mut beats, 180);
        assert_eq!(status, Status::Unhealthy);
        assert_eq!(evidence, "no report since 3m ago, expected every 1m");
        let one = beats
            .report(&report(true, "3 GB"), at(200), wall(200))
            .unwrap();
        let told = take(&mut targets, vec![one], at(200));
        assert_eq!(told, (Status::Healthy, "reported: 3 GB".to_owned()));
        assert_eq!(step(&mut targets, &mut beats, 379).0, Status::Healthy);
        let (status, evidence) = step(&mut targets, &mut beats, 380);
        assert_eq!(status, Status::Unhealthy);
        assert_eq!(evidence, "last report 3m ago, expected every 1m");
        // A report of failure counts like a failed probe.
        let one = beats.report(&report(true, ""), at(400), wall(400)).unwrap();
        take(&mut targets, vec![one], at(400));
        let mut last = (Status::Unknown, String::new());
        for second in [401, 402, 403] {
            let one = beats
                .report(&report(false, "disk full"), at(second), wall(0))
                .unwrap();
            last = take(&mut targets, vec![one], at(second));
        }
        let wanted = "reported that it fails: disk full";
        assert_eq!(last, (Status::Unhealthy, wanted.to_owned()));
    }

    #[test]
    fn remembers_over_a_restart_and_refuses_what_nobody_waits_for() {
        let mut first = Heartbeats::default();
        let known = targets(at(0));
        first.await_those_of(&known, at(0));
        first
            .report(&report(true, ""), at(10), wall(1_000))
            .unwrap();
        let saved = first.save();
        // The same report, seen by runs that begin after so many seconds.
        for (later, status) in [
            (30, Status::Healthy),
            (90, Status::Unknown),
            (3_600, Status::Unhealthy),
        ] {
            let mut known = targets(at(5));
            let mut next = Heartbeats::restore(saved.clone(), at(5), wall(1_000 + later));
            let reports = next.await_those_of(&known, at(5));
            take(&mut known, reports, at(5));
            let (found, _) = take(&mut known, next.tick(at(5)), at(5));
            assert_eq!(found, status, "after {later} s");
        }
        let mut stray = report(true, "");
        stray.check = "other".to_owned();
        assert!(
            first
                .report(&stray, at(10), wall(0))
                .unwrap_err()
                .contains("`other`")
        );
        // A heartbeat that no zone names any more is forgotten.
        first.await_those_of(&Targets::default(), at(20));
        assert!(first.save().is_empty());
    }
}
