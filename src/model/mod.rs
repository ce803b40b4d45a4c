//! The resolved model of a zone: every default filled in, every reference an index, every name absolute.
//!
//! In: what a reader made of a zone file. Out: plain values, and walks over them. Never here: TOML, judging, health.

mod ahead;
mod expect;
mod reach;
mod tree;
mod zone;

pub use ahead::maintenance_ahead;
pub use expect::{ExpectModel, From, MaintenanceModel, Outcome, Wanted};
pub use reach::{Follow, PolicyReach, branches, nodes_of_options, policies};
pub use tree::{
    DEPTH_MAX, Root, is_anonymous, is_gate, leaves, member_type, members, members_by_type,
    name_path, nodes_within, passes, pool_path, roots,
};
pub use zone::{
    AllDownModel, BranchModel, CalculatedRule, CheckId, CheckKind, CheckModel, CheckRef, Failback,
    Families, Force, GeoKey, Location, MemberModel, MemberValue, MinHealthy, NS_TTL_DEFAULT,
    NameId, NameModel, NodeKind, NodeModel, NodeOptions, PoolBody, PoolId, PoolModel,
    ProbeOverride, ProbeTemplate, RrsetModel, SoaModel, SubnetKeys, TimesModel, TtlModel,
    ZoneModel,
};
