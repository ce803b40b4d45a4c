//! The result of one probe: outcome, evidence, phases.
//!
//! In: findings that probers make. Out: observations. Never here: counting (see [`step`](super::step())), words, sockets,
//! clocks.

use std::net::IpAddr;
use std::time::Duration;

use super::finding::{Finding, Outcome};
use crate::clock::Moment;

/// Result of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Outcome, as it counts for the target.
    pub outcome: Outcome,
    /// Evidence of the outcome.
    pub evidence: Evidence,
    /// Durations of its phases.
    pub phases: Phases,
    /// Time when the probe ended.
    pub at: Moment,
}

impl Observation {
    /// Makes an observation whose outcome is that of its evidence.
    pub fn new(evidence: Evidence, phases: Phases, at: Moment) -> Self {
        Self {
            outcome: evidence.finding.outcome(),
            evidence,
            phases,
            at,
        }
    }
}

/// Durations of the phases of a probe; `None` for phases that were not completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Duration from the start of the attempt that connected until its TCP connection stood.
    pub connect: Option<Duration>,
    /// Duration from then until the TLS session stood.
    pub tls: Option<Duration>,
    /// Duration from then until the response headers (HTTP) or the first octets (TCP) were read.
    pub first_byte: Option<Duration>,
    /// The whole probe, name resolution included.
    pub total: Option<Duration>,
}

/// A finding, and the address it was made at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The address, where the target is a name (rule a34); a target that is an address needs no repetition.
    pub address: Option<IpAddr>,
    /// Finding of the probe.
    pub finding: Finding,
}

impl From<Finding> for Evidence {
    fn from(finding: Finding) -> Self {
        Self {
            address: None,
            finding,
        }
    }
}

/// Outcome and duration of the last probe of a target, and since when its probes do not pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// Outcome of the last probe, if there was one.
    pub outcome: Option<Outcome>,
    /// End of the first probe of the present run of probes that did not pass.
    pub failing_since: Option<Moment>,
    /// Duration of the last probe that was completed.
    pub took: Option<Duration>,
}

impl Latest {
    /// Returns the state after another probe.
    pub fn after(self, observation: &Observation) -> Self {
        let failing_since = match (observation.outcome, self.failing_since) {
            (Outcome::Good, _) => None,
            (Outcome::Bad | Outcome::NoEvidence, None) => Some(observation.at),
            (Outcome::Bad | Outcome::NoEvidence, since) => since,
        };
        Self {
            outcome: Some(observation.outcome),
            failing_since,
            took: observation.phases.total.or(self.took),
        }
    }

    /// Returns whether the last probe did not pass.
    pub const fn is_failing(self) -> bool {
        self.failing_since.is_some()
    }
}
