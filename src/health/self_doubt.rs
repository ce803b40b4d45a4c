//! Self-doubt: decides whether probes fail because of the targets or because of this server (rule a45).
//!
//! In: the table of targets, probes that ended and are not counted yet, anchors, the home of each target. Out: that a doubt
//! begins or ends; while it lasts, [`Targets`] hold every status. Never here: writing a target's state, answers,
//! overrides, clocks.
//!
//! | Known | Doubt begins | Doubt ends |
//! |---|---|---|
//! | anchors | when none of them passes | when one of them passes |
//! | no anchors | when 70 % of the targets that count began to fail within two of their intervals, on 3 sites, of at least 8 on 3 sites | when fewer than half of them fail, or after [`HELD_MAX`] |
//!
//! Without anchors:
//!
//! - A target counts if a probe of this process passed and it is healthy, or was until just before. A target that never
//!   was healthy does not count, nor does a status that was saved by an earlier run.
//! - No zone, no site and no endpoint decides: the same share must fail of those that remain without it, at least
//!   [`REST_MIN`]. A server with one zone has none to compare it with, so there that zone decides.
//! - What failed before a doubt ran out of time begins no other: a target must pass first, and fail anew.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use super::evidence::{Latest, Observation};
use super::finding::Outcome;
use super::registry::Targets;
use super::target::{Endpoint, Status, TargetId};
use super::target_table::Row;
use crate::clock::Moment;

/// Fewest targets that suffice without anchors (rule a45).
const TARGETS_MIN: usize = 8;
/// Fewest sites that they stand at, and that those which fail stand at (rule a45).
const SITES_MIN: usize = 3;
/// Fewest targets that must remain without those of one zone, site or endpoint: half of all that are needed, so that
/// two equal zones suffice.
const REST_MIN: usize = TARGETS_MIN / 2;
/// Percent of the targets that count which begin to fail at once (rule a45).
const BEGINS_PERCENT: usize = 70;
/// Percent of them that still fail, below which the doubt ends. Lower than where it begins, so that it does not flap;
/// chosen, no standard value.
const ENDS_PERCENT: usize = 50;
/// Intervals of a target within which its failures count as "at once" (rule a45).
const AT_ONCE_INTERVALS: u32 = 2;
/// Longest time for which a doubt without anchors holds statuses. Chosen: a router restarts and routes settle within it,
/// and a server that was wrong about itself answers what is dead no longer. One that really is cut off loses little at
/// its end: with all targets unhealthy, policies act on last resort as if all were well.
pub const HELD_MAX: Duration = Duration::from_secs(300);

/// Cause of a self-doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// None of the anchors passes; their number.
    Anchors(usize),
    /// Targets on several sites began to fail at once (rule a45).
    Targets {
        /// Number of targets that fail.
        failing: usize,
        /// Number of targets that count.
        of: usize,
        /// Number of sites that those which fail stand at.
        sites: usize,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchors(1) => f.write_str("the only anchor does not pass"),
            Self::Anchors(count) => write!(f, "none of {count} anchors passes"),
            Self::Targets { failing, of, sites } => write!(
                f,
                "{failing} of {of} healthy targets, on {sites} sites, began to fail at once"
            ),
        }
    }
}

/// A doubt that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Time when it began.
    pub since: Moment,
    /// Latest time when it ends; `None` with anchors.
    pub until: Option<Moment>,
    /// Cause.
    pub cause: Cause,
}

/// Reason why a doubt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The cause no longer holds.
    Over,
    /// It lasted for [`HELD_MAX`].
    TimeUp,
}

/// A doubt that began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubtChange {
    /// A doubt that began.
    Began(Doubt),
    /// A doubt that ended, and the reason.
    Ended(Doubt, Ending),
}

/// Zone and site of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The number of the one zone that uses it; `None` if several do, or none.
    pub zone: Option<u32>,
    /// The number of its site; `None` for targets that stand at none.
    pub site: Option<u32>,
}

/// Probes that ended and are not counted yet: the outcome that the last of each target leaves.
///
/// All that ended together are judged together before the first is counted, so that the first statuses of an outage of our
/// own are held as well.
#[derive(Debug, Default)]
pub struct Uncounted {
    latest: BTreeMap<TargetId, Latest>,
    is_news: bool,
}

impl Uncounted {
    /// Collects observations in the order of their ends; those of ids that are not in use are left out.
    pub fn new<'o>(
        targets: &Targets,
        observations: impl IntoIterator<Item = (TargetId, &'o Observation)>,
    ) -> Self {
        let mut uncounted = Self::default();
        for (id, observation) in observations {
            let Some(row) = targets.row(id) else { continue };
            let latest = uncounted.latest.entry(id).or_insert(row.state.latest);
            let was_failing = latest.is_failing();
            *latest = latest.after(observation);
            uncounted.is_news |= latest.is_failing() != was_failing;
        }
        uncounted
    }

    /// Returns whether a target begins or ceases to fail.
    pub const fn is_news(&self) -> bool {
        self.is_news
    }

    fn latest(&self, row: &Row<'_>) -> Latest {
        let latest = self.latest.get(&row.id);
        latest.copied().unwrap_or(row.state.latest)
    }
}

/// Judgement of the server over its own probes: anchors, homes of targets, the doubt that lasts.
#[derive(Clone, Debug, Default)]
pub struct SelfDoubt {
    anchors: Vec<TargetId>,
    /// Zone and site by target id.
    homes: Vec<Home>,
    /// The number of each target's endpoint, by target id.
    endpoints: Vec<u32>,
    doubt: Option<Doubt>,
    /// Time when a doubt last ran out of time: failures that began before it no longer count.
    spent: Option<Moment>,
}

impl SelfDoubt {
    /// Sets the anchors, and the home of each target by id, after a load.
    pub fn know(&mut self, anchors: Vec<TargetId>, homes: Vec<Home>, targets: &Targets) {
        self.anchors = anchors;
        self.homes = homes;
        self.endpoints = number_endpoints(targets);
    }

    /// Returns the doubt that lasts.
    pub const fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    /// Returns the anchors.
    pub fn anchors(&self) -> &[TargetId] {
        &self.anchors
    }

    /// Evaluates the present state of all targets and the probes that are not counted yet. Call it when these are news, and
    /// about once a second; costs nothing to speak of with anchors, else about ten nanoseconds a target.
    pub fn judge(
        &mut self,
        targets: &Targets,
        uncounted: &Uncounted,
        now: Moment,
    ) -> Option<DoubtChange> {
        let cause = if self.anchors.is_empty() {
            self.evaluate_targets(targets, uncounted, now)
        } else {
            self.evaluate_anchors(targets, uncounted)
        };
        match (self.doubt, cause) {
            (None, Some(cause)) => {
                let until = matches!(cause, Cause::Targets { .. }).then(|| now.after(HELD_MAX));
                let doubt = Doubt {
                    since: now,
                    until,
                    cause,
                };
                self.doubt = Some(doubt);
                Some(DoubtChange::Began(doubt))
            }
            (Some(doubt), None) => {
                self.doubt = None;
                Some(DoubtChange::Ended(doubt, Ending::Over))
            }
            (Some(doubt), Some(_)) if doubt.until.is_some_and(|until| until <= now) => {
                self.doubt = None;
                self.spent = Some(now);
                Some(DoubtChange::Ended(doubt, Ending::TimeUp))
            }
            _ => None,
        }
    }

    fn evaluate_anchors(&self, targets: &Targets, uncounted: &Uncounted) -> Option<Cause> {
        // An anchor that was never probed says nothing against us.
        let has_failed = |id: &TargetId| {
            let row = targets.row(*id);
            let outcome = row.and_then(|row| uncounted.latest(&row).outcome);
            outcome.is_some_and(|outcome| outcome != Outcome::Good)
        };
        self.anchors
            .iter()
            .all(has_failed)
            .then_some(Cause::Anchors(self.anchors.len()))
    }

    fn evaluate_targets(
        &self,
        targets: &Targets,
        uncounted: &Uncounted,
        now: Moment,
    ) -> Option<Cause> {
        let percent = if self.doubt.is_some() {
            ENDS_PERCENT
        } else {
            BEGINS_PERCENT
        };
        let votes = || {
            let rows = targets.rows().map(|row| (row, uncounted.latest(&row)));
            let counted = rows.filter(|(row, latest)| self.counts(row, *latest, now));
            counted.map(|(row, latest)| (row.id, self.fails(&row, latest, now)))
        };
        let mut all = Tally::default();
        votes().for_each(|(_, fails)| all.add(fails));
        if all.of < TARGETS_MIN || !all.reaches(percent) {
            return None;
        }
        // Rarely more than this far: most of what follows is for the moment when everything fails.
        let (mut sites, mut failing_sites) = (HashSet::new(), HashSet::new());
        let mut parts = [Parts::default(), Parts::default(), Parts::default()];
        for (id, fails) in votes() {
            let at = id.0 as usize;
            let home = self.homes.get(at).copied().unwrap_or_default();
            sites.extend(home.site);
            failing_sites.extend(home.site.filter(|_| fails));
            let endpoint = self.endpoints.get(at).copied();
            for (part, number) in parts.iter_mut().zip([home.zone, home.site, endpoint]) {
                part.add(number, fails);
            }
        }
        let are_sites_enough = sites.len() >= SITES_MIN && failing_sites.len() >= SITES_MIN;
        let [zones, ..] = &parts;
        // One zone that is alone may decide; at one site, or one endpoint, too much depends on it.
        let is_zone_alone = zones.by_number.len() == 1 && zones.elsewhere == Tally::default();
        let asked = &parts[usize::from(is_zone_alone)..];
        let is_agreed = asked.iter().all(|part| part.agree(all, percent));
        (are_sites_enough && is_agreed).then_some(Cause::Targets {
            failing: all.failing,
            of: all.of,
            sites: failing_sites.len(),
        })
    }

    /// Returns whether a target counts: it is healthy, or was until just before; while a doubt lasts, before it.
    fn counts(&self, row: &Row<'_>, latest: Latest, now: Moment) -> bool {
        let until = self.doubt.map_or(now, |doubt| doubt.since);
        let state = row.state;
        state.is_proven
            && match state.status {
                Status::Healthy => true,
                Status::Unhealthy => {
                    state.before == Status::Healthy
                        && latest.is_failing()
                        && until.since(state.since) <= at_once(row)
                }
                Status::Unknown => false,
            }
    }

    fn fails(&self, row: &Row<'_>, latest: Latest, now: Moment) -> bool {
        let Some(since) = latest.failing_since else {
            return false;
        };
        if self.doubt.is_some() {
            return true;
        }
        self.spent.is_none_or(|spent| since > spent) && now.since(since) <= at_once(row)
    }
}

/// Numbers of targets that count and that fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    of: usize,
    failing: usize,
}

impl Tally {
    fn add(&mut self, fails: bool) {
        self.of += 1;
        self.failing += usize::from(fails);
    }

    fn without(self, part: Self) -> Self {
        Self {
            of: self.of - part.of,
            failing: self.failing - part.failing,
        }
    }

    fn reaches(self, percent: usize) -> bool {
        self.failing * 100 >= self.of * percent
    }
}

/// Targets that count, by the value of one property.
#[derive(Debug, Default)]
struct Parts {
    by_number: HashMap<u32, Tally>,
    elsewhere: Tally,
}

impl Parts {
    fn add(&mut self, number: Option<u32>, fails: bool) {
        match number {
            Some(number) => self.by_number.entry(number).or_default().add(fails),
            None => self.elsewhere.add(fails),
        }
    }

    /// Returns whether the same share fails without any one part, with enough targets left.
    fn agree(&self, all: Tally, percent: usize) -> bool {
        self.by_number.values().all(|part| {
            let rest = all.without(*part);
            rest.of >= REST_MIN && rest.reaches(percent)
        })
    }
}

/// Numbers endpoints: targets that ask one address and port fail together, whatever they ask there.
fn number_endpoints(targets: &Targets) -> Vec<u32> {
    let mut numbers: HashMap<(&Endpoint, u16), u32> = HashMap::new();
    let mut by_id = vec![0; targets.ids_end()];
    let mut next = 0;
    for row in targets.rows() {
        let probe = &row.target.probe;
        let mut new = || {
            next += 1;
            next
        };
        let number = match &probe.endpoint {
            // Commands and reports have nothing in common but this machine.
            Endpoint::Here => new(),
            endpoint => *numbers
                .entry((endpoint, probe.port))
                .or_insert_with(&mut new),
        };
        if let Some(place) = by_id.get_mut(row.id.0 as usize) {
            *place = number;
        }
    }
    by_id
}

fn at_once(row: &Row<'_>) -> Duration {
    row.target.probe.interval * AT_ONCE_INTERVALS
}

#[cfg(test)]
mod tests;
