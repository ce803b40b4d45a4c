//! The resolved model of a zone file: every default filled in, every reference an index, every name absolute.
//!
//! `config` makes it from TOML; `compile` turns it into a served zone; `show`, expectations and the lints
//! read it. Every value here is legal by the grammar of the zone format, section 2; what needs a view over several
//! items (cycles, dangerous combinations) is the reviews' business. Positions are kept for messages only.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::geo::TimesFor;
use crate::geo::{Coordinates, Place};
use crate::health::{Damping, Endpoint, ProbeKind, Timeout};
use crate::wire::{Name, Rtype};

use super::expect::{ExpectModel, MaintenanceModel};
use crate::diagnostic::Span;

/// One zone file, resolved.
#[derive(Clone, Debug)]
pub struct ZoneModel {
    /// The file it came from.
    pub file: PathBuf,
    /// The zone's apex.
    pub apex: Name,
    /// TTL where nothing nearer is written.
    pub ttl: TtlModel,
    /// Start of authority.
    pub soa: SoaModel,
    /// Checks in written order; [`CheckId`] indexes them.
    pub checks: Vec<CheckModel>,
    /// Pools in written order, then anonymous ones made from record lists; [`PoolId`] indexes them.
    pub pools: Vec<PoolModel>,
    /// Names in written order; [`NameId`] indexes them. The apex is among them.
    pub names: Vec<NameModel>,
    /// Outage tests.
    pub expects: Vec<ExpectModel>,
    /// Planned work.
    pub maintenance: Vec<MaintenanceModel>,
}

/// Index into [`ZoneModel::checks`].
pub type CheckId = usize;
/// Index into [`ZoneModel::pools`].
pub type PoolId = usize;
/// Index into [`ZoneModel::names`].
pub type NameId = usize;

/// A TTL in seconds, fixed (`min == max`) or bounded (rule a44).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtlModel {
    /// Lower bound, seconds.
    pub min: u32,
    /// Upper bound, seconds; what is sent while nothing is about to change.
    pub max: u32,
}

/// SOA fields (rule a54). Times in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoaModel {
    /// Primary name server.
    pub mname: Name,
    /// Mailbox as a name.
    pub rname: Name,
    /// Serial as written; `None` is made from the time of the zone's files by the loader.
    pub serial: Option<u32>,
    /// Refresh interval.
    pub refresh: u32,
    /// Retry interval.
    pub retry: u32,
    /// Expiry.
    pub expire: u32,
    /// TTL of the SOA record itself.
    pub ttl: u32,
    /// MINIMUM field; the negative TTL is the smaller of it and `ttl` (RFC 2308, section 5).
    pub negative_ttl: u32,
}

/// A check.
#[derive(Clone, Debug)]
pub struct CheckModel {
    /// Id.
    pub id: String,
    /// What it judges by.
    pub kind: CheckKind,
    /// Result is turned round, last (rule a38).
    pub invert: bool,
    /// Probes nothing and counts as healthy.
    pub disabled: bool,
    /// What `unknown` counts as.
    pub unknown_is_healthy: bool,
    /// Where its table or key stands.
    pub span: Span,
}

/// What a check judges by.
#[derive(Clone, Debug)]
pub enum CheckKind {
    /// Every type that watches a target: of these only `heartbeat` sends nothing.
    Probe(Box<ProbeTemplate>),
    /// `manual` with one switch.
    Manual {
        /// First value.
        on: bool,
    },
    /// `manual` with several switches.
    Panel {
        /// Switches with their first values, in written order.
        switches: Vec<(String, bool)>,
        /// Least number that must be on.
        at_least: usize,
        /// Greatest number that may be on.
        at_most: usize,
    },
    /// `calculated`.
    Calculated {
        /// How the children combine.
        rule: CalculatedRule,
        /// The children (one for `Not`).
        children: Vec<CheckRef>,
    },
}

/// How the children of a calculated check combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalculatedRule {
    /// All must hold.
    All,
    /// One must hold.
    Any,
    /// The one child must not hold.
    Not,
    /// At least so many must hold; 0 always holds.
    AtLeast(usize),
}

/// A probing check: a recipe without an endpoint, a gate with one (rule a30).
#[derive(Clone, Debug)]
pub struct ProbeTemplate {
    /// Own endpoint; `None` is a recipe.
    pub endpoint: Option<Endpoint>,
    /// Port.
    pub port: u16,
    /// Protocol. An HTTP `host` that was not written is empty here and filled a target (rule a33).
    pub kind: ProbeKind,
    /// Time between starts.
    pub interval: Duration,
    /// Limits of one probe.
    pub timeout: Timeout,
    /// Whether a quiet connection is held to each endpoint.
    pub watch: bool,
    /// Damping.
    pub damping: Damping,
}

/// A reference in a `check` key or in a calculated check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckRef {
    /// A check.
    Check(CheckId),
    /// A switch of a panel: check and index of the switch.
    Switch(CheckId, usize),
    /// `"pool:x"`: the pool's health, any type.
    Pool(PoolId),
    /// `"name:x"`: the name's health, any type.
    Name(NameId),
}

/// Overrides of the probe for a pool or member (rule a33).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeOverride {
    /// Address to probe instead of the member's.
    pub address: Option<IpAddr>,
    /// Port.
    pub port: Option<u16>,
    /// Host header and server name.
    pub host: Option<String>,
    /// Path.
    pub path: Option<String>,
}

/// A pool.
#[derive(Clone, Debug)]
pub struct PoolModel {
    /// Id; for an anonymous pool the key path, for example `names."@".MX`.
    pub id: String,
    /// Members, or a policy over other pools.
    pub body: PoolBody,
    /// Checks: recipes and gates for member pools, gates for policies (rule a31).
    pub checks: Vec<CheckRef>,
    /// Overrides of recipes.
    pub probe: ProbeOverride,
    /// Where it stands, for `nearest` and `latency`.
    pub location: Option<Location>,
    /// Site label; the location's code or the id unless written (rule a48).
    pub site: String,
    /// Least members that must be healthy (rule a23).
    pub min_healthy: MinHealthy,
    /// Percent of a weighted node's traffic that it can carry, if stated (rule a58).
    pub capacity_percent: Option<u8>,
    /// How long a healed member takes to its full weight (rule a57).
    pub ramp: Duration,
    /// TTL, if written.
    pub ttl: Option<TtlModel>,
    /// Most members in one answer, if written.
    pub answers: Option<u8>,
    /// Whether families decide together (policy pools; rule a26), if written.
    pub families: Option<Families>,
    /// Where its table or key stands.
    pub span: Span,
}

/// What a pool consists of.
#[derive(Clone, Debug)]
pub enum PoolBody {
    /// Members of one kind.
    Members(Vec<MemberModel>),
    /// A policy over other pools.
    Policy(NodeModel),
}

/// A member of a pool.
#[derive(Clone, Debug)]
pub struct MemberModel {
    /// What is answered.
    pub value: MemberValue,
    /// Weight, 0-65535.
    pub weight: u16,
    /// Replaces the pool's recipes, if written.
    pub checks: Option<Vec<CheckRef>>,
    /// Overrides of recipes, after the pool's.
    pub probe: ProbeOverride,
    /// Site, if written.
    pub site: Option<String>,
    /// Forced status.
    pub force: Option<Force>,
    /// Whether a target is answered as its addresses (rule a27); always false for other members.
    pub flatten: bool,
    /// Where it stands.
    pub span: Span,
}

/// What a member answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberValue {
    /// An address: A or AAAA.
    Address(IpAddr),
    /// Another name: CNAME, or its addresses when flattened.
    Target(Name),
    /// A record of any other type: uncompressed RDATA.
    Record(Rtype, Box<[u8]>),
}

/// `force` of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Healthy whatever its checks say.
    Up,
    /// Held down as by an operator (rule a12).
    Down,
}

/// `min-healthy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinHealthy {
    /// So many members.
    Count(u16),
    /// Percent of the members of the type with weight above 0, rounded up, at least 1.
    Percent(u8),
}

/// `families`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// A and AAAA decide each for themselves (rule a25).
    Each,
    /// One decision for both (rule a26).
    Together,
}

/// A point, with the region code it was written as.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// Region code, if written as one.
    pub code: Option<String>,
    /// The point.
    pub point: Coordinates,
}

/// A node of a policy tree: one policy or reference, with options.
#[derive(Clone, Debug)]
pub struct NodeModel {
    /// The policy or reference.
    pub kind: NodeKind,
    /// Options written here.
    pub options: NodeOptions,
    /// Where it stands.
    pub span: Span,
}

/// What a node does.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A pool by id: its members, or its policy.
    Pool(PoolId),
    /// `"name:x"`: the record set of another name (rule a42).
    Name(NameId),
    /// `to`: the node itself, with the options of this one.
    To(Box<NodeModel>),
    /// First healthy in order.
    Failover(Vec<BranchModel>),
    /// Drawn by weight.
    Weighted(Vec<BranchModel>),
    /// By place; keys as written.
    Geo(Vec<(GeoKey, BranchModel)>),
    /// By client prefix.
    Subnets(Vec<(SubnetKeys, BranchModel)>),
    /// By distance; every branch has a location.
    Nearest(Vec<BranchModel>),
    /// By measured latency, else by distance; every branch has a location.
    Latency(Vec<BranchModel>),
    /// Members of all these pools at once.
    Multivalue(Vec<PoolId>),
}

/// Key of a `geo` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeoKey {
    /// A place.
    Place(Place),
    /// `default`.
    Default,
}

/// Keys of one branch of `subnets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubnetKeys {
    /// Prefixes, without host bits.
    Prefixes(Vec<IpNet>),
    /// The prefixes of this file, which is not there: no client.
    Awaited(String),
    /// `default`.
    Default,
}

/// Options of a node, a pool policy or a name.
#[derive(Clone, Debug, Default)]
pub struct NodeOptions {
    /// TTL, if written.
    pub ttl: Option<TtlModel>,
    /// Most members in one answer, if written.
    pub answers: Option<u8>,
    /// Gates.
    pub checks: Vec<CheckRef>,
    /// What happens when no candidate is healthy, if written.
    pub all_down: Option<AllDownModel>,
    /// Where the excess of a weighted node goes (rule a58).
    pub overflow: Option<Box<NodeModel>>,
    /// When an earlier tier is used again (rules a40, a41).
    pub failback: Failback,
    /// Percent to the next healthy tier (rule a40).
    pub trickle_percent: u8,
    /// Sticky prefix lengths for IPv4 and IPv6, if switched on (rule a46).
    pub sticky: Option<(u8, u8)>,
    /// Measured times (`latency`), if written.
    pub times: Option<Arc<TimesModel>>,
}

/// A table of measured round trips, as its file says.
#[derive(Debug)]
pub struct TimesModel {
    /// The file.
    pub file: String,
    /// What the lines call branches: region codes, or pool ids; lines hold indices.
    pub regions: Vec<String>,
    /// Lines by client: region and microseconds.
    pub clients: Vec<(TimesFor, Vec<(u16, u32)>)>,
    /// Where the value stands.
    pub span: Span,
    /// Its key path.
    pub path: String,
}

/// `all-down`.
#[derive(Clone, Debug)]
pub enum AllDownModel {
    /// Treat all as healthy: last resort.
    All,
    /// The candidates that were healthy last, as then; all if none is known.
    Last,
    /// NODATA with the negative TTL.
    NoData,
    /// SERVFAIL.
    ServFail,
    /// A node of its own.
    Node(Box<NodeModel>),
}

/// `failback`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Failback {
    /// At once.
    #[default]
    Auto,
    /// By an operator.
    Manual,
    /// After a calm period.
    After(Duration),
    /// In a weekly window, text as written.
    Window(String),
}

/// A branch of a policy.
#[derive(Clone, Debug)]
pub struct BranchModel {
    /// Where it leads.
    pub node: NodeModel,
    /// Its own gates.
    pub checks: Vec<CheckRef>,
    /// Whether the health of what it leads to counts (rule a43).
    pub follow_health: bool,
    /// Weight, 0-65535 (`weighted`).
    pub weight: u16,
    /// Bias, -99 to 99 (`nearest`).
    pub bias: i8,
    /// Point (`nearest`, `latency`): its own `at` or its pool's.
    pub location: Option<Location>,
    /// How messages and traces name it: the pool's id, `name:x`, or the key path.
    pub label: String,
}

impl BranchModel {
    /// Says whether a table of times means this branch: by its region's code, or by its label.
    pub fn is_called(&self, region: &str) -> bool {
        let code = self.location.as_ref().and_then(|at| at.code.as_deref());
        code == Some(region) || self.label == region
    }
}

/// A name and what it answers.
#[derive(Clone, Debug)]
pub struct NameModel {
    /// The absolute owner name, in the case it was written.
    pub owner: Name,
    /// The policy that governs every type not listed below; `None` for purely static names.
    pub policy: Option<Box<NodeModel>>,
    /// Types with a policy of their own.
    pub type_policies: Vec<(Rtype, NodeModel)>,
    /// Static RRsets.
    pub rrsets: Vec<RrsetModel>,
    /// Options written on the name. TTL holds for static RRsets too. Names without any share one value.
    pub options: Arc<NodeOptions>,
    /// Whether families decide together, if written here.
    pub families: Option<Families>,
    /// Where its key stands.
    pub span: Span,
}

/// A static RRset.
#[derive(Clone, Debug)]
pub struct RrsetModel {
    /// Type.
    pub rtype: Rtype,
    /// Uncompressed RDATA of each record, duplicates removed.
    pub rdata: Vec<Box<[u8]>>,
    /// Its TTL in seconds, if it is written beside the records.
    pub ttl: Option<u32>,
    /// Where it stands.
    pub span: Span,
}

/// TTL of NS records that say none: a day, as registries ask for. Who serves a zone changes seldom, and by plan; what
/// the names of the zone answer is no reason to ask for it again each minute.
pub const NS_TTL_DEFAULT: u32 = 86_400;

impl RrsetModel {
    /// Returns its TTL (rule a44): its own, a day for NS, else the name's, else the zone's.
    pub fn ttl_in(&self, options: &NodeOptions, zone: TtlModel) -> u32 {
        let inherited = || match self.rtype {
            Rtype::NS => NS_TTL_DEFAULT,
            _ => options.ttl.unwrap_or(zone).max,
        };
        self.ttl.unwrap_or_else(inherited)
    }
}
