//! The damping state machine: one observation or tick in, a new state and maybe a transition out.
//!
//! In: a state, an input, the time. Out: the next state. Never here: other targets, overrides, clocks, I/O.

use std::fmt;
use std::time::Duration;

use super::evidence::{Evidence, Latest, Observation};

use super::finding::Finding;
use super::finding::Outcome;
use super::soft::Recent;
use super::target::{Damping, Status};
use crate::clock::Moment;

/// State of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckState {
    /// Damped status.
    pub status: Status,
    /// Time when it took this status.
    pub since: Moment,
    /// The status before this one; unknown where there was none.
    pub before: Status,
    /// True if a probe passed since this process knows the target; a saved status does not count.
    pub is_proven: bool,
    /// Failures counted towards `fall`.
    pub failures: u8,
    /// Successes in a row, counted towards `rise` and `forgive`.
    pub successes: u16,
    /// Probes without evidence since the last one with.
    pub silences: u8,
    /// Time when a probe last gave evidence; at first, when the target came to be.
    pub heard_at: Moment,
    /// The last probes as far as soft health asks.
    pub recent: Recent,
    /// Evidence of the last probe.
    pub last_evidence: Evidence,
    /// Outcome of the last probe, and since when probes do not pass.
    pub latest: Latest,
    /// Time when the last probe ended, if there was one.
    pub last_probe_at: Option<Moment>,
}

impl CheckState {
    /// Makes the state of a target that comes to be now.
    pub fn new(now: Moment) -> Self {
        Self::with_status(Status::Unknown, Evidence::default(), now)
    }

    /// Returns the least time until this state can change its status, from its counts: probes that must still end, an
    /// interval apart. The next may end at once.
    pub fn turns_in(&self, damping: &Damping, interval: Duration) -> Duration {
        let (wanted, counted) = match self.status {
            Status::Unhealthy => (u16::from(damping.rise), self.successes),
            Status::Healthy => (u16::from(damping.fall), u16::from(self.failures)),
            Status::Unknown => (1, 0),
        };
        let counts = interval * u32::from(wanted.saturating_sub(counted).saturating_sub(1));
        counts.min(interval * u32::from(SILENT_INTERVALS_MAX))
    }

    /// Returns whether no evidence came for three intervals, whatever the status.
    pub fn is_silent(&self, interval: Duration, now: Moment) -> bool {
        // By time one more interval, as for the status: the last probe may still be under way.
        let longest = interval * (u32::from(SILENT_INTERVALS_MAX) + 1);
        let longest = longest.max(SILENCE_MIN);
        self.silences >= SILENT_INTERVALS_MAX || now.since(self.heard_at) > longest
    }

    /// Returns whether the target is degraded (rule a56): not unhealthy, but slow or lossy.
    pub fn is_degraded(&self, damping: &Damping) -> bool {
        self.status != Status::Unhealthy
            && damping.degraded.is_some_and(|rule| rule.holds(self.recent))
    }

    /// Makes a state with a status that was known before: saved, or inherited from a target that probes the same.
    pub fn with_status(status: Status, evidence: Evidence, now: Moment) -> Self {
        Self {
            status,
            since: now,
            before: Status::Unknown,
            is_proven: false,
            failures: 0,
            successes: 0,
            silences: 0,
            heard_at: now,
            recent: Recent::default(),
            last_evidence: evidence,
            latest: Latest::default(),
            last_probe_at: None,
        }
    }
}

/// Input of the state machine of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A probe ended.
    Observed(Observation),
    /// A probe ended while the server doubts itself: it is recorded and not counted.
    Doubted(Observation),
    /// A self-doubt of the server ended.
    DoubtEnded,
    /// Time passes; given every so often so that silence is noticed.
    Tick,
}

/// A change of status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Old status.
    pub from: Status,
    /// New status.
    pub to: Status,
    /// Duration of the previous status.
    pub lasted: Duration,
    /// Time of the change.
    pub at: Moment,
    /// Evidence that completed the change.
    pub evidence: Evidence,
    /// Count that led to the change.
    pub counted: Counted,
}

/// Count that led to a change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Successes in a row.
    Successes(u16),
    /// Failures that were not forgiven.
    Failures(u8),
    /// Duration without evidence.
    Silence(Duration),
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Successes(1) => f.write_str("1 success"),
            Self::Successes(count) => write!(f, "{count} successes in a row"),
            Self::Failures(1) => f.write_str("1 failure"),
            Self::Failures(count) => write!(f, "{count} failures"),
            Self::Silence(time) => write!(f, "no evidence for {:.1} s", time.as_secs_f64()),
        }
    }
}

/// Time without any probe before that counts as learning nothing, however short the interval: a machine that is busy for a
/// moment is no probe that cannot be made (chosen; no standard value).
const SILENCE_MIN: Duration = Duration::from_secs(5);

/// Intervals without evidence until a target is unknown (rule a37).
pub const SILENT_INTERVALS_MAX: u8 = 3;

/// Applies one input to the state of a target.
///
/// | status | input | counts | next status |
/// |---|---|---|---|
/// | unknown | good | - | healthy: nothing speaks against it, and unknown mostly counts as healthy already |
/// | unknown | bad | failures + 1 | unhealthy at `fall` |
/// | healthy | good | successes + 1; at `forgive` failures = 0 | healthy |
/// | healthy | bad | failures + 1, successes = 0 | unhealthy at `fall` |
/// | unhealthy | good | successes + 1 | healthy at `rise` |
/// | unhealthy | bad | successes = 0 | unhealthy |
/// | any | no evidence | silences + 1 | unknown after three intervals |
/// | any | doubted | none | the same: what is seen may be our own fault |
/// | any | doubt ended | all counts = 0, silence starts now | the same: only later probes count |
/// | any | tick | - | unknown after three intervals and the time one probe may take |
///
/// Counts start anew with each change of status. A probe without evidence leaves the other counts as they are: it is as
/// if it had not been made.
pub fn step(
    damping: &Damping,
    interval: Duration,
    mut state: CheckState,
    input: Input,
    now: Moment,
) -> (CheckState, Option<Transition>) {
    let observation = match input {
        Input::Tick => return fall_silent_by_time(interval, state, now),
        Input::Doubted(observation) => {
            note(&mut state, observation);
            return (state, None);
        }
        Input::DoubtEnded => {
            (state.failures, state.successes, state.silences) = (0, 0, 0);
            state.heard_at = now;
            return (state, None);
        }
        Input::Observed(observation) => observation,
    };
    let outcome = observation.outcome;
    if let Some(rule) = &damping.degraded
        && outcome != Outcome::NoEvidence
    {
        let has_failed = outcome == Outcome::Bad;
        state
            .recent
            .push(rule, has_failed, observation.phases.total);
    }
    note(&mut state, observation);
    match outcome {
        Outcome::Good => count_success(damping, state, now),
        Outcome::Bad => count_failure(damping, state, now),
        Outcome::NoEvidence => count_silence(interval, state, now),
    }
}

fn note(state: &mut CheckState, observation: Observation) {
    state.latest = state.latest.after(&observation);
    state.is_proven |= observation.outcome == Outcome::Good;
    state.last_evidence = observation.evidence;
    state.last_probe_at = Some(observation.at);
}

fn count_success(
    damping: &Damping,
    mut state: CheckState,
    now: Moment,
) -> (CheckState, Option<Transition>) {
    state.heard_at = now;
    state.silences = 0;
    state.successes = state.successes.saturating_add(1);
    if state.successes >= damping.forgive {
        state.failures = 0;
    }
    let heals = match state.status {
        Status::Unknown => true,
        Status::Unhealthy => state.successes >= u16::from(damping.rise),
        Status::Healthy => false,
    };
    let counted = Counted::Successes(state.successes);
    turn_if(heals, state, Status::Healthy, counted, now)
}

fn count_failure(
    damping: &Damping,
    mut state: CheckState,
    now: Moment,
) -> (CheckState, Option<Transition>) {
    state.heard_at = now;
    state.silences = 0;
    state.successes = 0;
    state.failures = state.failures.saturating_add(1);
    let falls = state.status != Status::Unhealthy && state.failures >= damping.fall;
    let counted = Counted::Failures(state.failures);
    turn_if(falls, state, Status::Unhealthy, counted, now)
}

fn count_silence(
    interval: Duration,
    mut state: CheckState,
    now: Moment,
) -> (CheckState, Option<Transition>) {
    state.silences = state.silences.saturating_add(1);
    let silent = now.since(state.heard_at);
    // Probes start an interval apart but end when they like, so the third one may end just before the time is up.
    let is_over = state.silences >= SILENT_INTERVALS_MAX
        || silent >= interval * u32::from(SILENT_INTERVALS_MAX);
    let is_over = is_over && state.status != Status::Unknown;
    turn_if(
        is_over,
        state,
        Status::Unknown,
        Counted::Silence(silent),
        now,
    )
}

fn fall_silent_by_time(
    interval: Duration,
    mut state: CheckState,
    now: Moment,
) -> (CheckState, Option<Transition>) {
    let silent = now.since(state.heard_at);
    // One more interval than the rule says: the last probe may still be under way.
    let is_over = silent > interval * (u32::from(SILENT_INTERVALS_MAX) + 1);
    if !is_over || state.status == Status::Unknown {
        return (state, None);
    }
    // A reason that probes gave since the last evidence says more than that there was none.
    if state.silences == 0 {
        state.last_evidence = Finding::NoProbe { since: silent }.into();
    }
    turn_if(true, state, Status::Unknown, Counted::Silence(silent), now)
}

fn turn_if(
    condition: bool,
    mut state: CheckState,
    to: Status,
    counted: Counted,
    now: Moment,
) -> (CheckState, Option<Transition>) {
    if !condition {
        return (state, None);
    }
    let transition = Transition {
        from: state.status,
        to,
        lasted: now.since(state.since),
        at: now,
        evidence: state.last_evidence.clone(),
        counted,
    };
    state.before = state.status;
    state.status = to;
    state.since = now;
    state.failures = 0;
    state.successes = 0;
    (state, Some(transition))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::evidence::Phases;
    use proptest::prelude::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn damping(rise: u8, fall: u8, forgive: u16) -> Damping {
        Damping {
            rise,
            fall,
            forgive,
            degraded: None,
        }
    }

    #[test]
    fn says_that_nothing_is_learnt_from_the_third_probe_on() {
        // F48: what was unknown from the start stayed so without a word.
        let damping = damping(2, 3, 1);
        let mut state = CheckState::new(Moment::from_secs(0));
        let mut wanted = [false, false, true, false, false, true, false].into_iter();
        for (number, letter) in (1_u64..=4).chain([8, 9, 10]).zip("NNNFTTP".chars()) {
            let now = Moment::from_secs(number * 10);
            (state, _) = step(&damping, INTERVAL, state, input(letter, now), now);
            let is_silent = state.is_silent(INTERVAL, now);
            assert_eq!(Some(is_silent), wanted.next(), "{number}");
        }
    }

    /// Makes an input from a letter: `P`ass, `F`ail, `N`o evidence, `T`ick.
    fn input(letter: char, at: Moment) -> Input {
        let finding = match letter {
            'P' => Finding::Passed { status: 200 },
            'F' => Finding::Refused,
            'N' => Finding::OutOfDescriptors,
            _ => return Input::Tick,
        };
        Input::Observed(Observation::new(finding.into(), Phases::default(), at))
    }

    /// Runs letters, one each interval; returns the status after each as letters `H U ?`.
    fn run(damping: &Damping, start: Status, letters: &str) -> String {
        let mut state = CheckState::with_status(start, Evidence::default(), Moment::from_secs(1));
        let mut now = Moment::from_secs(1);
        let mut statuses = String::new();
        for letter in letters.chars() {
            now = now.after(INTERVAL);
            (state, _) = step(damping, INTERVAL, state, input(letter, now), now);
            statuses.push(match state.status {
                Status::Healthy => 'H',
                Status::Unhealthy => 'U',
                Status::Unknown => '?',
            });
        }
        statuses
    }

    #[test]
    fn follows_the_truth_table() {
        use Status::{Healthy, Unhealthy, Unknown};
        #[rustfmt::skip]
        let cases = [
            ("H15 of the Route 53 cases", damping(3, 3, 1), Unhealthy, "PPFPPP", "UUUUUH"),
            ("one success makes an unknown target healthy", damping(2, 3, 1), Unknown, "P", "H"),
            ("an unknown target takes fall failures", damping(2, 3, 1), Unknown, "FFF", "??U"),
            ("failures in a row", damping(2, 3, 1), Healthy, "FFPFFF", "HHHHHU"),
            ("rise and fall differ", damping(2, 1, 1), Healthy, "FPP", "UUH"),
            ("a slow loss is caught with forgive", damping(2, 3, 3), Healthy, "FPPFPPF", "HHHHHHU"),
            ("forgive successes in a row forgive all", damping(2, 3, 3), Healthy, "FFPPPFF", "HHHHHHH"),
            ("counts start anew after a change", damping(2, 2, 9), Healthy, "FFPPFF", "HUUHHU"),
            ("no evidence leaves status and counts", damping(3, 3, 1), Healthy, "FNFNF", "HHHHU"),
            ("no evidence leaves a run of successes", damping(3, 3, 1), Unhealthy, "PNPNP", "UUUUH"),
            ("three intervals without evidence", damping(2, 3, 1), Healthy, "NNN", "HH?"),
            ("unhealthy becomes unknown too", damping(2, 3, 1), Unhealthy, "NNNP", "UU?H"),
            ("ticks alone take one more interval", damping(2, 3, 1), Healthy, "TTTTT", "HHHH?"),
            ("an unknown target stays unknown in silence", damping(2, 3, 1), Unknown, "NTNTN", "?????"),
        ];
        for (name, damping, start, letters, wanted) in cases {
            assert_eq!(run(&damping, start, letters), wanted, "{name}");
        }
    }

    #[test]
    fn tells_what_tipped_the_scale() {
        let mut state = CheckState::new(Moment::from_secs(1));
        let damping = damping(2, 2, 1);
        let mut transitions = Vec::new();
        for (second, letter) in [(2, 'P'), (12, 'F'), (22, 'F')] {
            let now = Moment::from_secs(second);
            let (next, transition) = step(&damping, INTERVAL, state, input(letter, now), now);
            state = next;
            transitions.extend(transition);
        }
        assert_eq!(transitions.len(), 2);
        assert_eq!(
            transitions[1],
            Transition {
                from: Status::Healthy,
                to: Status::Unhealthy,
                lasted: Duration::from_secs(20),
                at: Moment::from_secs(22),
                evidence: Finding::Refused.into(),
                counted: Counted::Failures(2),
            }
        );
        assert_eq!(state.since, Moment::from_secs(22));
    }

    #[test]
    fn keeps_the_reason_for_silence() {
        let start = Moment::from_secs(1);
        let cases = [
            (
                "N",
                "this server is out of file descriptors (no evidence)".to_owned(),
            ),
            ("", "no probe ended for 50.0 s (no evidence)".to_owned()),
        ];
        for (letters, wanted) in cases {
            let mut state = CheckState::with_status(Status::Healthy, Evidence::default(), start);
            for letter in letters.chars() {
                let now = start.after(INTERVAL);
                (state, _) = step(&damping(2, 3, 1), INTERVAL, state, input(letter, now), now);
            }
            let now = start.after(INTERVAL * 5);
            let (_, transition) = step(&damping(2, 3, 1), INTERVAL, state, Input::Tick, now);
            let transition = transition.expect("five silent intervals are too many");
            assert_eq!(transition.evidence.to_string(), wanted);
        }
    }

    proptest! {
        #[test]
        fn flips_only_for_a_counted_reason(
            rise in 1u8..5, fall in 1u8..5, forgive in 1u16..5, letters in "[PFNT]{0,60}",
        ) {
            let damping = damping(rise, fall, forgive);
            let mut state = CheckState::new(Moment::from_secs(1));
            let mut now = Moment::from_secs(1);
            let (mut good_run, mut bad_since_turn) = (0u16, 0u16);
            for letter in letters.chars() {
                now = now.after(INTERVAL);
                match letter {
                    'P' => good_run += 1,
                    'F' => { good_run = 0; bad_since_turn += 1 }
                    _ => {}
                }
                let before = state.status;
                let (next, transition) = step(&damping, INTERVAL, state, input(letter, now), now);
                state = next;
                prop_assert_eq!(transition.is_some(), before != state.status);
                match transition.as_ref().map(|t| (t.from, t.to)) {
                    None => {}
                    Some((Status::Unhealthy, Status::Healthy)) => prop_assert!(good_run >= u16::from(rise)),
                    Some((_, Status::Healthy)) => prop_assert_eq!(letter, 'P'),
                    Some((_, Status::Unhealthy)) => {
                        prop_assert_eq!(letter, 'F');
                        prop_assert!(bad_since_turn >= u16::from(fall));
                    }
                    Some((_, Status::Unknown)) => prop_assert!(letter == 'N' || letter == 'T'),
                }
                if transition.is_some() {
                    (good_run, bad_since_turn) = (0, 0);
                }
            }
        }

        #[test]
        fn settles_with_what_stays(damping in (1u8..8, 1u8..8, 1u16..8), letters in "[PFN]{0,40}") {
            let damping = self::damping(damping.0, damping.1, damping.2);
            for (letter, wanted) in [("P", 'H'), ("F", 'U'), ("N", '?')] {
                let letters = format!("{letters}{}", letter.repeat(8));
                prop_assert!(run(&damping, Status::Unknown, &letters).ends_with(wanted), "{}", letters);
            }
        }
    }
}
