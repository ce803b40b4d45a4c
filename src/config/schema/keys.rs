//! The one table of keys: where each stands, what it takes, its default, its bounds and what it is for.

use super::keys_check::CHECK_KEYS;
use super::keys_policy::{POLICY_KEYS, TEST_KEYS};

/// A key of a zone file.
#[derive(Clone, Copy, Debug)]
pub struct ZoneKey {
    /// The table it stands in.
    pub group: KeyGroup,
    /// The key.
    pub key: &'static str,
    /// What it takes.
    pub kind: KeyKind,
    /// Its default in words.
    pub default: &'static str,
    /// What it is for, with its bounds: one or two sentences, shown by editors on hover.
    pub doc: &'static str,
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
}

impl KeyGroup {
    /// Every table, in the order of the reference.
    pub const ALL: [Self; 13] = [
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
    ];

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
    /// A duration such as `"1h30m"`.
    Duration,
    /// A percentage such as `"50%"`.
    Percent,
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
        kind,
        default,
        doc,
    }
}

/// Lists every key, table by table.
pub fn zone_keys() -> impl Iterator<Item = &'static ZoneKey> {
    KEYS.iter()
        .chain(CHECK_KEYS)
        .chain(POLICY_KEYS)
        .chain(TEST_KEYS)
}

use KeyGroup::{Member, Pool, Probe, Soa, Top};
use KeyKind::{Defined, Duration, Integer, ListOf, Percent, Switch, Text, Word};

/// The top, SOA and pools.
const KEYS: &[ZoneKey] = &[
    key(
        Top,
        "format",
        Integer(1, 1),
        "1",
        "Version of the zone format.",
    ),
    key(
        Top,
        "zone",
        Text(TEXT),
        "required",
        "The zone's name; it may not be a wildcard.",
    ),
    key(
        Top,
        "ttl",
        Defined("ttl"),
        "\"60s\"",
        "TTL where nothing nearer is written, 0s to 7d; 0s draws a warning.",
    ),
    key(
        Top,
        "soa",
        Defined("soa"),
        "see below",
        "Start of authority; every field has a default.",
    ),
    key(
        Top,
        "checks",
        KeyKind::TableOf("checkTable"),
        "none",
        "How to judge, by id; at most 10,000.",
    ),
    key(
        Top,
        "pools",
        KeyKind::TableOf("poolTable"),
        "none",
        "Where traffic can go, by id; at most 10,000.",
    ),
    key(
        Top,
        "names",
        KeyKind::TableOf("name"),
        "required",
        "What is answered, by owner name relative to the zone; `@` is the apex; at most 1,000,000.",
    ),
    key(
        Top,
        "expect",
        ListOf("expectTable"),
        "none",
        "Outage tests: a reload that breaks one is refused; at most 10,000.",
    ),
    key(
        Top,
        "maintenance",
        ListOf("maintenanceTable"),
        "none",
        "Planned work that starts and ends by itself; at most 1,000.",
    ),
    key(
        Soa,
        "mname",
        Text(TEXT),
        "first NS of the apex",
        "Primary name server.",
    ),
    key(
        Soa,
        "rname",
        Text(TEXT),
        "hostmaster@ZONE",
        "Mailbox of whoever is responsible; may be written with `@`.",
    ),
    key(
        Soa,
        "serial",
        Integer(1, 4_294_967_295),
        "from the files' time",
        "Serial. Unset it is the time when the zone's files were written last, in seconds, and never falls ([operating.md](operating.md#serials)).",
    ),
    key(
        Soa,
        "refresh",
        Duration,
        "\"2h\"",
        "Refresh interval, 1s to 30d.",
    ),
    key(
        Soa,
        "retry",
        Duration,
        "\"15m\"",
        "Retry interval, 1s to 30d.",
    ),
    key(Soa, "expire", Duration, "\"14d\"", "Expiry, 1s to 30d."),
    key(
        Soa,
        "ttl",
        Duration,
        "\"15m\"",
        "TTL of the SOA record, 1s to 30d.",
    ),
    key(
        Soa,
        "negative-ttl",
        Duration,
        "\"30s\"",
        "How long resolvers keep NXDOMAIN and NODATA, 0s to 1d.",
    ),
    key(
        Pool,
        "members",
        Defined("members"),
        "this or one policy",
        "Addresses, targets or records, all of one kind, 1 to 400.",
    ),
    key(
        Pool,
        "check",
        Defined("check"),
        "none: always healthy",
        "Recipes judge each member, gates the pool; a list means all must hold.",
    ),
    key(
        Pool,
        "probe",
        Defined("probeTable"),
        "none",
        "Overrides of the recipes' port, host and path.",
    ),
    key(
        Pool,
        "at",
        Defined("at"),
        "none",
        "Region code or `{ lat, lon }`, for `nearest` and `latency`.",
    ),
    key(
        Pool,
        "site",
        Text(63),
        "the code of `at`, else the pool's id",
        "Label shared by all zones, for overrides and outage tests.",
    ),
    key(
        Pool,
        "min-healthy",
        Defined("minHealthy"),
        "1",
        "Members that must be healthy, a number or a percentage of each family.",
    ),
    key(
        Pool,
        "capacity",
        Percent,
        "none",
        "Share of a weighted node's traffic that the pool can carry, `1%` to `100%`; what is above it goes to the others, then to `overflow`.",
    ),
    key(
        Pool,
        "ramp",
        Duration,
        "\"0s\"",
        "How long a healed member takes to its full weight, up to 1h: from a tenth, in ten equal steps.",
    ),
    key(
        Member,
        "address",
        Text(TEXT),
        "one of these three",
        "An IPv4 or IPv6 address.",
    ),
    key(
        Member,
        "target",
        Text(TEXT),
        "one of these three",
        "A name to answer as CNAME; absolute when it ends in a dot.",
    ),
    key(
        Member,
        "weight",
        Integer(0, 65_535),
        "1",
        "Weight, 0 to 65535; 0 is standby.",
    ),
    key(
        Member,
        "check",
        Defined("check"),
        "the pool's",
        "Replaces the pool's recipes for this member; the pool's gates stay.",
    ),
    key(
        Member,
        "probe",
        Defined("probeTable"),
        "the pool's",
        "Overrides for this member, its address too.",
    ),
    key(
        Member,
        "site",
        Text(63),
        "the pool's",
        "Label of this member.",
    ),
    key(
        Member,
        "force",
        Word(&["up", "down"]),
        "none",
        "Holds the member up or down, whatever its checks say.",
    ),
    key(
        Member,
        "flatten",
        Switch,
        "false; true at the apex",
        "Answers a target as its addresses, looked up in the background by the server's `[resolver]`.",
    ),
    key(
        Probe,
        "address",
        Text(TEXT),
        "the member's",
        "Address to probe instead; on members only.",
    ),
    key(
        Probe,
        "port",
        Integer(1, 65_535),
        "the recipe's",
        "Port to probe.",
    ),
    key(
        Probe,
        "host",
        Text(TEXT),
        "the recipe's",
        "Host header, SNI and certificate name.",
    ),
    key(
        Probe,
        "path",
        Text(2_048),
        "the recipe's",
        "Path to ask for.",
    ),
];
