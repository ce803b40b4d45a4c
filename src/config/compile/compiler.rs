//! The compiler's state, and its entry.
//!
//! In: a checked model. Out: a served zone. Never here: the steps; they stand beside, by noun.

use std::collections::HashMap;

use crate::wire::Rtype;
use crate::zone::{BuildFault, JudgeId, NodeSpec, PolicyBuilder, RunId, Zone};

use crate::config::model::{CheckId, NameId, PoolId, ZoneModel};

use super::trail::Trail;

/// Compiles a zone with the serial that the loader chose.
///
/// # Errors
/// If something exceeds what a DNS message or the arena can hold.
pub fn compile_zone(model: &ZoneModel, serial: u32) -> Result<Zone, BuildFault> {
    Compiler::new(model).compile(serial)
}

/// What a policy is compiled for: one type, or addresses of both families and targets in one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    Type(Rtype),
    Together,
}

/// The runs of a member pool: type, number, and the `Member` judges with the members' weights.
#[derive(Clone, Debug)]
pub(super) struct PoolRun {
    pub(super) rtype: Rtype,
    pub(super) run: RunId,
    pub(super) members: Vec<(JudgeId, u16)>,
}

/// What has been compiled so far.
pub(super) struct Compiler<'m> {
    pub(super) model: &'m ZoneModel,
    pub(super) policies: PolicyBuilder,
    pub(super) pool_numbers: Vec<u32>,
    pub(super) pool_runs: HashMap<PoolId, Vec<PoolRun>>,
    pub(super) pool_specs: HashMap<(PoolId, Family), Option<NodeSpec>>,
    pub(super) name_specs: HashMap<(NameId, Family), Option<NodeSpec>>,
    pub(super) pool_health: HashMap<PoolId, JudgeId>,
    pub(super) switches: HashMap<(CheckId, usize), u32>,
    pub(super) trail: Trail,
}

impl<'m> Compiler<'m> {
    fn new(model: &'m ZoneModel) -> Self {
        let mut policies = PolicyBuilder::new();
        let pool_numbers = model
            .pools
            .iter()
            .map(|pool| policies.pool(&pool.id))
            .collect();
        Self {
            model,
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
