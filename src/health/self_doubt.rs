//! Self-doubt: whether what probes see is the world's fault or our own (rule a45).
//!
//! In: the table of targets, which of them are anchors, at which site each is. Out: that a doubt begins or ends; while it
//! lasts, [`Targets`] hold every status. Never here: what is answered, overrides, clocks.
//!
//! | Known | Doubt begins | Doubt ends |
//! |---|---|---|
//! | anchors | when none of them passes | when one of them passes |
//! | no anchors | when 70 % of the healthy targets began to fail within two of their intervals, on 3 sites, of at least 8 targets on 3 sites | when fewer than half of them fail |

use std::collections::HashSet;
use std::fmt;

use super::evidence::Outcome;
use super::registry::{Row, Targets};
use super::target::{Status, TargetId};
use crate::clock::Moment;

/// Fewest targets that can tell without anchors (rule a45).
const TARGETS_MIN: usize = 8;
/// Fewest sites that they stand at, and that those which fail stand at (rule a45).
const SITES_MIN: usize = 3;
/// Percent of the healthy targets that begin to fail at once (rule a45).
const BEGINS_PERCENT: usize = 70;
/// Percent of them that still fail, below which the doubt ends. Lower than where it begins, so that it does not flap;
/// chosen, no standard value.
const ENDS_PERCENT: usize = 50;
/// Intervals of a target within which its failures count as "at once" (rule a45).
const AT_ONCE_INTERVALS: u32 = 2;

/// Why the server doubts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// None of so many anchors passes.
    Anchors(usize),
    /// So many of so many healthy targets, on so many sites, began to fail at once.
    Targets {
        /// How many fail.
        failing: usize,
        /// Of how many.
        of: usize,
        /// On how many sites.
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
    /// Since when.
    pub since: Moment,
    /// Why.
    pub cause: Cause,
}

/// A doubt that began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubtChange {
    /// It began.
    Began(Doubt),
    /// It ended.
    Ended(Doubt),
}

/// Watches for reasons to doubt.
#[derive(Clone, Debug, Default)]
pub struct SelfDoubt {
    anchors: Vec<TargetId>,
    /// Site of each target by id; `None` for targets that stand at none.
    sites: Vec<Option<u32>>,
    doubt: Option<Doubt>,
}

impl SelfDoubt {
    /// Takes what a load brought: the anchors, and the site of each target by id.
    pub fn know(&mut self, anchors: Vec<TargetId>, sites: Vec<Option<u32>>) {
        self.anchors = anchors;
        self.sites = sites;
    }

    /// Returns the doubt that lasts.
    pub const fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    /// Returns the anchors.
    pub fn anchors(&self) -> &[TargetId] {
        &self.anchors
    }

    /// Judges the present state of all targets. Call it with every observation that may tell something, before it is
    /// counted; costs nothing to speak of with anchors, else about ten nanoseconds a target.
    pub fn judge(&mut self, targets: &Targets, now: Moment) -> Option<DoubtChange> {
        let cause = if self.anchors.is_empty() {
            self.judge_targets(targets, now)
        } else {
            self.judge_anchors(targets)
        };
        match (self.doubt, cause) {
            (None, Some(cause)) => {
                let doubt = Doubt { since: now, cause };
                self.doubt = Some(doubt);
                Some(DoubtChange::Began(doubt))
            }
            (Some(doubt), None) => {
                self.doubt = None;
                Some(DoubtChange::Ended(doubt))
            }
            _ => None,
        }
    }

    fn judge_anchors(&self, targets: &Targets) -> Option<Cause> {
        // An anchor that was never probed says nothing against us.
        let has_failed = |id: &TargetId| {
            let outcome = targets.row(*id).and_then(|row| row.state.last_outcome);
            outcome.is_some_and(|outcome| outcome != Outcome::Good)
        };
        self.anchors
            .iter()
            .all(has_failed)
            .then_some(Cause::Anchors(self.anchors.len()))
    }

    fn judge_targets(&self, targets: &Targets, now: Moment) -> Option<Cause> {
        let (mut of, mut failing) = (0, 0);
        let (mut sites, mut failing_sites) = (HashSet::new(), HashSet::new());
        for row in targets.rows() {
            if !self.was_healthy(&row, now) {
                continue;
            }
            let site = self.sites.get(row.id.0 as usize).copied().flatten();
            of += 1;
            sites.extend(site);
            if self.fails(&row, now) {
                failing += 1;
                failing_sites.extend(site);
            }
        }
        if of < TARGETS_MIN || sites.len() < SITES_MIN || failing_sites.len() < SITES_MIN {
            return None;
        }
        let percent = if self.doubt.is_some() {
            ENDS_PERCENT
        } else {
            BEGINS_PERCENT
        };
        (failing * 100 >= of * percent).then_some(Cause::Targets {
            failing,
            of,
            sites: failing_sites.len(),
        })
    }

    /// Says whether a target counts: it is healthy, or was until just before; while the doubt lasts, before it.
    fn was_healthy(&self, row: &Row<'_>, now: Moment) -> bool {
        let until = self.doubt.map_or(now, |doubt| doubt.since);
        match row.state.status {
            Status::Healthy => true,
            Status::Unhealthy => {
                row.state.failing_since.is_some()
                    && until.since(row.state.since) <= at_once(row)
                    && row.state.last_probe_at.is_some()
            }
            Status::Unknown => false,
        }
    }

    fn fails(&self, row: &Row<'_>, now: Moment) -> bool {
        let Some(since) = row.state.failing_since else {
            return false;
        };
        self.doubt.is_some() || now.since(since) <= at_once(row)
    }
}

fn at_once(row: &Row<'_>) -> std::time::Duration {
    row.target.probe.interval * AT_ONCE_INTERVALS
}

#[cfg(test)]
mod tests {
    use super::super::{
        Damping, Endpoint, Finding, Observation, Phases, ProbeKind, ProbeRecipe, Target, TcpProbe,
        Timeout,
    };
    use super::*;
    use std::time::Duration;

    fn target(last_octet: u8) -> Target {
        Target {
            probe: ProbeRecipe {
                endpoint: Endpoint::Address([192, 0, 2, last_octet].into()),
                port: 80,
                kind: ProbeKind::Tcp(TcpProbe {
                    tls: None,
                    send: None,
                    contains: None,
                    regex: None,
                }),
                interval: Duration::from_secs(10),
                timeout: Timeout::Whole(Duration::from_secs(1)),
                watch: false,
            },
            damping: Damping {
                rise: 2,
                fall: 2,
                forgive: 1,
                degraded: None,
            },
        }
    }

    /// Ten targets on so many sites, all healthy; targets 0 and 1 are anchors if wanted.
    struct Play {
        targets: Targets,
        doubt: SelfDoubt,
        now: Moment,
    }

    impl Play {
        fn new(count: u8, sites: u32, anchors: usize) -> Self {
            let mut targets = Targets::default();
            targets.reconcile((0..count).map(target), Moment::from_secs(1));
            let mut doubt = SelfDoubt::default();
            let ids: Vec<TargetId> = (0..count)
                .map(|octet| targets.id(&target(octet)).expect("it was wanted"))
                .collect();
            let mut by_id = vec![None; targets.ids_end()];
            for (number, id) in ids.iter().enumerate() {
                by_id[id.0 as usize] = Some(number as u32 % sites);
            }
            doubt.know(ids[..anchors].to_vec(), by_id);
            let now = Moment::from_secs(10);
            let mut play = Self {
                targets,
                doubt,
                now,
            };
            play.see(&"G".repeat(usize::from(count)));
            play
        }

        /// One probe of each target by letter; returns whether the server doubts itself then.
        fn see(&mut self, letters: &str) -> bool {
            self.now = self.now.after(Duration::from_secs(10));
            for (octet, letter) in letters.chars().enumerate() {
                let finding = match letter {
                    'G' => Finding::Passed { status: 200 },
                    'B' => Finding::Refused,
                    _ => Finding::OutOfDescriptors,
                };
                let id = self
                    .targets
                    .id(&target(octet as u8))
                    .expect("it was wanted");
                let seen = Observation::new(finding.into(), Phases::default(), self.now);
                self.targets.foresee(id, &seen);
                let change = self.doubt.judge(&self.targets, self.now);
                if let Some(change) = change {
                    let is_doubting = matches!(change, DoubtChange::Began(_));
                    self.targets.doubt(is_doubting, self.now);
                }
                self.targets.observe(id, seen, self.now);
            }
            self.doubt.doubt().is_some()
        }

        fn healthy(&self) -> usize {
            self.targets
                .rows()
                .filter(|row| row.state.status == Status::Healthy)
                .count()
        }
    }

    #[test]
    fn most_targets_failing_at_once_are_our_own_fault() {
        let mut play = Play::new(10, 3, 0);
        assert!(!play.see("BBBBBBGGGG"), "six of ten");
        let mut play = Play::new(10, 3, 0);
        assert!(play.see("BBBBBBBGGG"), "seven of ten");
        for _ in 0..20 {
            assert!(play.see("BBBBBBBBBB"));
        }
        assert_eq!(play.healthy(), 10, "every status is held");
        assert!(play.see("BBBBBGGGGG"), "half of them still fail");
        assert!(!play.see("BBBBGGGGGG"), "and it recovers by itself");
        assert_eq!(play.healthy(), 10);
        assert!(!play.see("BBBBGGGGGG"), "counted from nothing");
        assert_eq!(play.healthy(), 10);
        assert!(!play.see("BBBBGGGGGG"));
        assert_eq!(play.healthy(), 6, "who goes on failing falls");
    }

    #[test]
    fn too_few_targets_or_sites_can_tell_nothing() {
        let cases = [
            ("seven targets", 7, 3, "BBBBBBB"),
            ("two sites", 10, 2, "BBBBBBBBBB"),
        ];
        for (title, count, sites, letters) in cases {
            let mut play = Play::new(count, sites, 0);
            assert!(!play.see(letters), "{title}");
            play.see(letters);
            assert_eq!(play.healthy(), 0, "{title}");
        }
        let mut play = Play::new(12, 6, 0);
        // Sites 0 and 1 have two each, so four of twelve; then slowly all.
        assert!(!play.see("BBGGGGBBGGGG"));
        assert!(
            !play.see("BBBBGGBBBBGG"),
            "eight of twelve, not all at once"
        );
    }

    #[test]
    fn anchors_alone_decide() {
        let mut play = Play::new(10, 3, 2);
        assert!(
            !play.see("GGBBBBBBBB"),
            "the anchors pass: it is them, not us"
        );
        play.see("GGBBBBBBBB");
        assert_eq!(play.healthy(), 2);
        let mut play = Play::new(10, 3, 2);
        assert!(!play.see("BGBBBBBBBB"), "one anchor is enough");
        let mut play = Play::new(10, 3, 2);
        assert!(play.see("BBGGGGGGGG"), "without anchors we know nothing");
        assert!(play.see("NNBBBBBBBB"));
        assert!(play.see("BBBBBBBBBB"));
        assert_eq!(play.healthy(), 10);
        assert!(
            !play.see("GBBBBBBBBB"),
            "the first anchor that passes ends it"
        );
    }

    #[test]
    fn reads_as_a_sentence() {
        let cases = [
            (Cause::Anchors(1), "the only anchor does not pass"),
            (Cause::Anchors(3), "none of 3 anchors passes"),
            (
                Cause::Targets {
                    failing: 9,
                    of: 12,
                    sites: 4,
                },
                "9 of 12 healthy targets, on 4 sites, began to fail at once",
            ),
        ];
        for (cause, wanted) in cases {
            assert_eq!(cause.to_string(), wanted);
        }
    }
}
