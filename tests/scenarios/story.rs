//! A story as it is written: a zone, then steps in virtual time with what must be answered.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One file of `tests/scenarios/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Story {
    /// What it shows, one sentence.
    pub(crate) title: String,
    /// Worked cases of `docs/route53-rules.md`, section 10, that it contains.
    #[serde(default)]
    pub(crate) cases: Vec<String>,
    /// Where we differ from Route 53 here, and why.
    #[serde(default)]
    pub(crate) differs: Option<String>,
    /// The operator's networks: prefix to place.
    #[serde(default)]
    pub(crate) networks: BTreeMap<String, String>,
    /// Civil time at the start; else 2026-01-05T00:00:00Z, a Monday.
    #[serde(default)]
    pub(crate) start: Option<String>,
    /// Files beside the zone: name to text.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// The zone.
    pub(crate) zone: String,
    /// Code of the diagnostic that refuses the zone; such a story has no steps.
    #[serde(default)]
    pub(crate) refused: Option<String>,
    /// What happens.
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
}

/// One step: changes, then time passes, then questions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Step {
    /// What happens, in words.
    pub(crate) title: String,
    /// How targets behave from now on: `pool`, `pool/member`, `check:id` or `*`, to letters, one a probe, repeated:
    /// `G`ood, `B`ad, `T`imeout, `N`o evidence, `-` no probe. At first all are `G`.
    pub(crate) world: BTreeMap<String, String>,
    /// How long the step lasts; a minute if not said.
    pub(crate) after: Option<String>,
    /// Civil time to jump to first.
    pub(crate) clock: Option<String>,
    /// Switches to set: `panel/switch` or `check`.
    pub(crate) switch: BTreeMap<String, bool>,
    /// References that an operator drains.
    pub(crate) drain: Vec<String>,
    /// References that an operator holds down.
    pub(crate) hold_down: Vec<String>,
    /// References that an operator holds up.
    pub(crate) hold_up: Vec<String>,
    /// Whether all earlier holds end first.
    pub(crate) release: bool,
    /// New text of the zone.
    pub(crate) reload: Option<String>,
    /// Statuses after the step, by the same references as in `world`.
    pub(crate) status: BTreeMap<String, String>,
    /// Changes of status during the step.
    pub(crate) changes: Option<usize>,
    /// Questions at the end of the step.
    pub(crate) ask: Vec<Ask>,
}

/// One question and what must be answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Ask {
    /// Name, relative to the zone.
    pub(crate) name: String,
    /// Type.
    #[serde(rename = "type")]
    pub(crate) rtype: String,
    /// Place or resolver's address; else the resolver 198.51.100.53.
    pub(crate) from: Option<String>,
    /// Client subnet.
    pub(crate) subnet: Option<String>,
    /// Every pool that may be answered, and its share: a number or a fraction.
    pub(crate) pools: Option<BTreeMap<String, toml::Value>>,
    /// Every record that may be answered, and its probability.
    pub(crate) records: Option<BTreeMap<String, toml::Value>>,
    /// `nodata`, `nxdomain` or `servfail`.
    pub(crate) outcome: Option<String>,
    /// TTL in seconds; without records the negative one.
    pub(crate) ttl: Option<u32>,
    /// Scope of client subnet.
    pub(crate) scope: Option<u8>,
    /// Records in each message.
    pub(crate) count: Option<usize>,
    /// Owner of the records.
    pub(crate) owner: Option<String>,
    /// Texts that the explanation holds.
    pub(crate) trace: Vec<String>,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            name: "www".to_owned(),
            rtype: "A".to_owned(),
            from: None,
            subnet: None,
            pools: None,
            records: None,
            outcome: None,
            ttl: None,
            scope: None,
            count: None,
            owner: None,
            trace: Vec::new(),
        }
    }
}

/// Reads a number or a fraction such as `1/3`.
pub(crate) fn share(value: &toml::Value) -> f64 {
    match value {
        toml::Value::Integer(number) => *number as f64,
        toml::Value::Float(number) => *number,
        toml::Value::String(text) => {
            let (above, below) = text.split_once('/').expect("a fraction has a `/`");
            let number = |text: &str| text.trim().parse::<f64>().expect("a number");
            number(above) / number(below)
        }
        other => panic!("{other} is no share"),
    }
}
