//! The state of a running server as data. `leeward status --json` prints it; its keys are an interface that stays.

use serde::{Deserialize, Serialize};

/// State of the server: alarms, zones, targets, pools, names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The server.
    pub server: ServerRow,
    /// Alarms that last, the gravest kind first.
    #[serde(default)]
    pub alarms: Vec<AlarmRow>,
    /// Zones served.
    pub zones: Vec<ZoneRow>,
    /// Targets probed, a row a use.
    pub targets: Vec<TargetRow>,
    /// Pools.
    pub pools: Vec<PoolRow>,
    /// Names with a policy.
    pub names: Vec<NameRow>,
    /// Failovers in which an earlier tier is healthy and waits.
    #[serde(default)]
    pub held: Vec<HeldRow>,
    /// Self-doubt, while it lasts: every status is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_doubt: Option<DoubtRow>,
    /// Refused files.
    pub files_refused: Vec<RefusedFile>,
    /// Flattened targets.
    #[serde(default)]
    pub flattened: Vec<FlattenedRow>,
    /// Counts of rows beyond the bounds of this report.
    #[serde(default)]
    pub not_listed: NotListed,
    /// Reload that waits for an operator, if any.
    #[serde(default)]
    pub reload_waiting: Option<WaitingReload>,
}

impl StatusReport {
    /// Returns whether anything needs an operator: an alarm, a refused file, self-doubt, or a reload that waits.
    pub fn has_trouble(&self) -> bool {
        !self.alarms.is_empty()
            || !self.files_refused.is_empty()
            || self.self_doubt.is_some()
            || self.reload_waiting.is_some()
    }
}

/// Counts of rows beyond the bounds of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotListed {
    /// Failovers that are held.
    pub held: usize,
    /// Names with a policy.
    pub names: usize,
    /// Flattened targets.
    pub flattened: usize,
}

impl NotListed {
    /// Lists the numbers of rows left out, each kind with the command that shows one; empty if none are.
    pub fn lines(&self) -> Vec<String> {
        let kinds = [
            (self.held, "held failovers", "leeward explain NAME"),
            (self.names, "names with a policy", "leeward explain NAME"),
            (self.flattened, "flattened targets", "leeward explain NAME"),
        ];
        let left_out = kinds.iter().filter(|(count, ..)| *count > 0);
        left_out
            .map(|(count, what, command)| {
                format!("{count} more {what} are not listed; {command} shows one")
            })
            .collect()
    }
}

/// An alarm that lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRow {
    /// Name of its kind, as in the metric `leeward_alarms`.
    pub kind: String,
    /// Zone, file, target or address concerned; empty for the whole server.
    pub subject: String,
    /// Begin, RFC 3339.
    pub since: String,
    /// Fault, one sentence.
    pub text: String,
    /// Effect on answers.
    pub meaning: String,
}

/// A flattened target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlattenedRow {
    /// The target.
    pub target: String,
    /// `fresh`, `kept` while lookups fail, `too-old`, or `unresolved`.
    pub state: String,
    /// Addresses, their age, their source, and the last failure.
    pub says: String,
}

/// A reload that waits for an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingReload {
    /// Begin, RFC 3339.
    pub since: String,
    /// Reason for the wait.
    pub why: String,
    /// Changes that it would make, one a line.
    pub changes: Vec<String>,
}

/// The server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerRow {
    /// Version.
    pub version: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Generation of the published world.
    pub generation: u64,
    /// Addresses listened on.
    pub listen: Vec<String>,
    /// Targets probed, each counted once.
    pub targets: usize,
    /// Location databases loaded, in words.
    pub location: String,
}

/// A zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ZoneRow {
    /// Apex.
    pub zone: String,
    /// File.
    pub file: String,
    /// Serial.
    pub serial: u32,
    /// Owner names.
    pub names: usize,
    /// Time of loading, RFC 3339.
    pub loaded_at: String,
    /// `served`, or `last good version served` while its file is refused, gone or cannot be read.
    pub state: String,
    /// Reason why an older version is served; empty if none is.
    #[serde(default)]
    pub why: String,
    /// Time since which its file differs from the version served, RFC 3339.
    #[serde(default)]
    pub old_since: Option<String>,
    /// Hash of the files that it was loaded from: equal on every server with equal files.
    #[serde(default)]
    pub digest: String,
    /// Number of warnings about its file.
    #[serde(default)]
    pub warnings: usize,
    /// The first of them, as `LINE:COLUMN CODE MESSAGE`.
    #[serde(default)]
    pub findings: Vec<String>,
}

/// One use of a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetRow {
    /// `ZONE POOL/MEMBER CHECK`; for a gate `ZONE CHECK`.
    pub id: String,
    /// Zone.
    pub zone: String,
    /// Check.
    pub check: String,
    /// Pool; empty for a gate.
    pub pool: String,
    /// Member; empty for a gate.
    pub address: String,
    /// Address that is probed.
    pub probed: String,
    /// Site.
    pub site: String,
    /// `healthy`, `unhealthy` or `unknown`.
    pub status: String,
    /// Begin, RFC 3339.
    pub since: String,
    /// Seconds in this status.
    pub since_s: u64,
    /// Evidence of the last probe.
    pub evidence: String,
    /// Seconds since the last probe finished; absent before the first.
    pub last_probe_age_s: Option<f64>,
    /// Duration of the last probe, milliseconds.
    pub latency_ms: Option<f64>,
}

/// A pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolRow {
    /// Zone.
    pub zone: String,
    /// Id.
    pub pool: String,
    /// Members healthy now.
    pub healthy: usize,
    /// Members.
    pub total: usize,
    /// `healthy`, `partial` or `unhealthy`.
    pub status: String,
    /// Members held by maintenance or file: drained, down or forced up.
    pub held: usize,
}

/// A name and type with a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NameRow {
    /// Zone.
    pub zone: String,
    /// Name.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Pools in the answer to a client whose place is unknown.
    pub serves: Vec<ServedPool>,
    /// Response code.
    pub rcode: String,
    /// TTL, seconds.
    pub ttl: u32,
    /// First branch that is out, and the reason; empty if none is out.
    pub because: String,
}

/// A failover in which an earlier tier is healthy and waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldRow {
    /// Zone.
    pub zone: String,
    /// Owner relative to the zone, or `pool:x`.
    pub name: String,
    /// The failover: owner or pool, type and key path.
    pub failover: String,
    /// The active tier.
    pub on: String,
    /// Begin, RFC 3339.
    pub since: String,
    /// The command that ends it.
    pub release: String,
}

/// Self-doubt of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DoubtRow {
    /// Begin, RFC 3339.
    pub since: String,
    /// Latest end, RFC 3339; `None` where anchors are the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Why.
    pub why: String,
}

impl DoubtRow {
    /// Returns `held`, or `held until MOMENT at most`.
    pub fn held(&self) -> String {
        match &self.until {
            None => "held".to_owned(),
            Some(until) => format!("held until {until} at most"),
        }
    }
}

/// A pool with its share of answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServedPool {
    /// Pool.
    pub pool: String,
    /// Share, 0 to 1.
    pub share: f64,
}

/// A refused file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RefusedFile {
    /// The file.
    pub file: String,
    /// Begin, RFC 3339.
    pub since: String,
    /// Faults as `LINE:COLUMN CODE MESSAGE`.
    pub faults: Vec<String>,
}
