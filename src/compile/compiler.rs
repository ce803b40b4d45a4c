//! The compiler's state, and its entry.
//!
//! In: a checked model, and what flattened targets are known to be. Out: a served zone. Never here: the steps; they stand beside, by noun.

use std::collections::HashMap;

use crate::wire::Rtype;
use crate::zone::{BuildFault, ConditionId, MemberSpec, NodeSpec, PolicyBuilder, RunId, Zone};

use crate::model::{CheckId, NameId, PoolId, ZoneModel};

use super::flattened::{Flattened, Shape};
use super::trail::Trail;

/// Compiles a zone with the serial that the loader chose. Flattened targets have assumed addresses, one of each family.
///
/// # Errors
/// If something exceeds what a DNS message or the arena can hold.
pub fn compile_zone(model: &ZoneModel, serial: u32) -> Result<Zone, BuildFault> {
    compile_zone_with(model, serial, &Flattened::assumed())
}

/// Compiles a zone with what flattened targets are known to be (rule a28).
///
/// # Errors
/// If something exceeds what a DNS message or the arena can hold.
pub fn compile_zone_with(
    model: &ZoneModel,
    serial: u32,
    flattened: &Flattened,
) -> Result<Zone, BuildFault> {
    Compiler::new(model, flattened).compile(serial)
}

/// What a policy is compiled for: one type; addresses of both families and targets in one decision; or addresses alone
/// in one decision, as at the apex (rule a27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    Type(Rtype),
    Together,
    Addresses,
}

impl Family {
    /// Returns which targets are answered as their addresses. A question for one type is never compiled where a CNAME
    /// may be the answer.
    pub(super) const fn shape(self) -> Shape {
        match self {
            Self::Type(_) | Self::Addresses => Shape::Flat,
            Self::Together => Shape::Written,
        }
    }
}

/// The runs of a member pool: type, number, and the `Member` conditions with the members' weights.
#[derive(Clone, Debug)]
pub(super) struct PoolRun {
    pub(super) rtype: Rtype,
    pub(super) run: RunId,
    pub(super) members: Vec<(ConditionId, u16)>,
    /// The members as they were given to the builder.
    pub(super) specs: Vec<MemberSpec>,
}

/// What has been compiled so far.
pub(super) struct Compiler<'m> {
    pub(super) model: &'m ZoneModel,
    pub(super) flattened: &'m Flattened,
    pub(super) policies: PolicyBuilder,
    pub(super) pool_numbers: Vec<u32>,
    pub(super) pool_runs: HashMap<(PoolId, Shape), Vec<PoolRun>>,
    pub(super) pool_specs: HashMap<(PoolId, Family), Option<NodeSpec>>,
    pub(super) name_specs: HashMap<(NameId, Family), Option<NodeSpec>>,
    pub(super) pool_health: HashMap<PoolId, ConditionId>,
    pub(super) switches: HashMap<(CheckId, usize), u32>,
    pub(super) trail: Trail,
}

impl<'m> Compiler<'m> {
    pub(super) fn new(model: &'m ZoneModel, flattened: &'m Flattened) -> Self {
        let mut policies = PolicyBuilder::new();
        let pool_numbers = model
            .pools
            .iter()
            .map(|pool| policies.pool(&pool.id))
            .collect();
        Self {
            model,
            flattened,
            policies,
            pool_numbers,
            pool_runs: HashMap::new(),
            pool_specs: HashMap::new(),
            name_specs: HashMap::new(),
            pool_health: HashMap::new(),
            switches: HashMap::new(),
            trail: Trail::default(),
        }
    }
}
