//! A row of the table of keys: where a key stands, what it takes, its default and what it is for.
//!
//! In: nothing. Out: rows. Never here: reading values.

use std::time::Duration;

use crate::clock::format_duration;

/// A key of a zone file.
#[derive(Clone, Copy, Debug)]
pub struct ZoneKey {
    /// The table it stands in.
    pub group: KeyGroup,
    /// The key.
    pub key: &'static str,
    /// Which of the group's tables have it: types of checks, policies; all if empty.
    pub of: &'static [&'static str],
    /// What it takes.
    pub kind: KeyKind,
    /// Its default: as TOML where it is a value, else in words.
    pub default: &'static str,
    /// Defaults of single types or policies that differ.
    pub but: &'static [(&'static str, &'static str)],
    /// What it is for in one or two sentences, shown by editors on hover; `{min}` and `{max}` stand for its bounds.
    doc: &'static str,
}

/// A table of a zone file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyGroup {
    /// The top of the file.
    Top,
    /// `[soa]`.
    Soa,
    /// `[checks.ID]`.
    Check,
    /// `[pools.ID]`.
    Pool,
    /// A member of a pool.
    Member,
    /// `probe` of a pool or member.
    Probe,
    /// Policies: exactly one in a node.
    Policy,
    /// Options of names, nodes and policy pools.
    Options,
    /// Options of branches.
    Branch,
    /// `[names.OWNER]`, beside policies, options and record types.
    Name,
    /// `[[expect]]`.
    Expect,
    /// `ask` of `[[expect]]`.
    Ask,
    /// `[[maintenance]]`.
    Maintenance,
    /// `ttl` with bounds.
    Ttl,
    /// `timeout` by phase.
    Timeout,
    /// `degraded` of a check.
    Degraded,
    /// `at` as a point.
    Point,
    /// `failover` of two.
    Failover,
    /// `failback` with a condition.
    Failback,
    /// `sticky` with prefix lengths.
    Sticky,
    /// Records of one type with options.
    RecordSet,
    /// A record with a check.
    Record,
}

impl KeyGroup {
    /// Every table, in the order of the reference.
    pub const ALL: [Self; 22] = [
        Self::Top,
        Self::Soa,
        Self::Check,
        Self::Pool,
        Self::Member,
        Self::Probe,
        Self::Policy,
        Self::Options,
        Self::Branch,
        Self::Name,
        Self::Expect,
        Self::Ask,
        Self::Maintenance,
        Self::Ttl,
        Self::Timeout,
        Self::Degraded,
        Self::Point,
        Self::Failover,
        Self::Failback,
        Self::Sticky,
        Self::RecordSet,
        Self::Record,
    ];

    /// Returns the tables in words, as where a key belongs.
    pub(super) fn place(self) -> &'static str {
        match self {
            Self::Top => "the top of the file",
            Self::Soa => "`[soa]`",
            Self::Check => "checks",
            Self::Pool => "pools with members",
            Self::Member => "members",
            Self::Probe => "`probe`",
            Self::Policy => "names, nodes and pools",
            Self::Options => "names and nodes",
            Self::Branch => "branches",
            Self::Name => "names and pools with a policy",
            Self::Expect => "`[[expect]]`",
            Self::Ask => "`ask`",
            Self::Maintenance => "`[[maintenance]]`",
            Self::Ttl => "`ttl`",
            Self::Timeout => "`timeout`",
            Self::Degraded => "`degraded`",
            Self::Point => "`at`",
            Self::Failover => "`failover`",
            Self::Failback => "`failback`",
            Self::Sticky => "`sticky`",
            Self::RecordSet | Self::Record => "records",
        }
    }

    /// Returns the heading of the reference.
    pub fn title(self) -> &'static str {
        match self {
            Self::Top => "Top of the file",
            Self::Soa => "`[soa]`",
            Self::Check => "`[checks.ID]`",
            Self::Pool => "`[pools.ID]`",
            Self::Member => "Members of a pool",
            Self::Probe => "`probe` of a pool or member",
            Self::Policy => "Policies",
            Self::Options => "Options of names, nodes and policy pools",
            Self::Branch => "Options of branches",
            Self::Name => "`[names.OWNER]`",
            Self::Expect => "`[[expect]]`",
            Self::Ask => "`ask` of `[[expect]]`",
            Self::Maintenance => "`[[maintenance]]`",
            Self::Ttl => "`ttl` with bounds",
            Self::Timeout => "`timeout` by phase",
            Self::Degraded => "`degraded`",
            Self::Point => "`at` as a point",
            Self::Failover => "`failover` of two",
            Self::Failback => "`failback` with a condition",
            Self::Sticky => "`sticky` with prefix lengths",
            Self::RecordSet => "Records of one type with options",
            Self::Record => "A record with a check",
        }
    }
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum KeyKind {
    /// Any text up to so many octets.
    Text(usize),
    /// Texts, one or a list.
    Texts,
    /// True or false.
    Switch,
    /// An integer within bounds.
    Integer(i64, i64),
    /// A duration such as `"1h30m"`, within bounds in milliseconds.
    Duration(u64, u64),
    /// A percentage such as `"50%"`, within bounds.
    Percent(u8, u8),
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A date-time with offset.
    DateTime,
    /// Something that the schema defines under this name.
    Defined(&'static str),
    /// A list of something defined.
    ListOf(&'static str),
    /// A table of texts.
    TextTable,
    /// A table of true and false.
    SwitchTable,
    /// A table from anything to something defined.
    TableOf(&'static str),
}

/// Longest text where nothing else is said.
pub(super) const TEXT: usize = 255;

/// Makes a row of the table.
pub(super) const fn key(
    group: KeyGroup,
    key: &'static str,
    kind: KeyKind,
    default: &'static str,
    doc: &'static str,
) -> ZoneKey {
    ZoneKey {
        group,
        key,
        of: &[],
        kind,
        default,
        but: &[],
        doc,
    }
}

impl ZoneKey {
    /// Returns the key as one that only some of the group's tables have.
    pub(super) const fn of(mut self, of: &'static [&'static str]) -> Self {
        self.of = of;
        self
    }

    /// Returns the key with other defaults for some types or policies.
    pub(super) const fn but(mut self, but: &'static [(&'static str, &'static str)]) -> Self {
        self.but = but;
        self
    }

    /// Returns the default for one type or policy.
    pub fn default_of(&self, of: &str) -> &'static str {
        let other = self.but.iter().find(|(other, _)| *other == of);
        other.map_or(self.default, |(_, default)| default)
    }

    /// Writes the default in words.
    pub fn default_words(&self) -> String {
        let mut parts = Vec::new();
        if self.but.is_empty() || self.default != "required" {
            parts.push(self.default.to_owned());
        }
        let others = self.but.iter();
        parts.extend(others.map(|(of, default)| format!("{default} for `{of}`")));
        parts.join("; ")
    }

    /// Says what it is for, with its bounds.
    pub fn doc(&self) -> String {
        let (min, max) = match self.kind {
            KeyKind::Integer(min, max) => (min.to_string(), max.to_string()),
            KeyKind::Duration(min, max) => (millis_text(min), millis_text(max)),
            KeyKind::Percent(min, max) => (format!("{min}%"), format!("{max}%")),
            KeyKind::Text(max) => (String::new(), max.to_string()),
            _ => return self.doc.to_owned(),
        };
        self.doc.replace("{min}", &min).replace("{max}", &max)
    }
}

fn millis_text(millis: u64) -> String {
    format_duration(Duration::from_millis(millis))
}
