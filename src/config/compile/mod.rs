//! Compiles a checked [`ZoneModel`] into a served zone: records into the arena, policies into programs, checks into
//! formulas of health.
//!
//! In: a model without faults. Out: a [`crate::zone::Zone`]. Never here: judging what was written; that is done.

mod judges;
mod names;
mod nodes;
mod pools;

use std::collections::HashMap;

use crate::wire::Rtype;
use crate::zone::{BuildFault, JudgeId, NodeSpec, PolicyBuilder, RunId, Zone};

use super::model::{CheckId, NameId, PoolId, ZoneModel};

/// Compiles a zone with the serial that the loader chose.
///
/// # Errors
/// If something exceeds what a DNS message or the arena can hold.
pub fn compile_zone(model: &ZoneModel, serial: u32) -> Result<Zone, BuildFault> {
    Compiler::new(model).compile(serial)
}

/// What a policy is compiled for: one type, or addresses of both families and targets in one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Family {
    Type(Rtype),
    Together,
}

/// The runs of a member pool: type, number, and the `Member` judges with the members' weights.
#[derive(Clone, Debug)]
struct PoolRun {
    rtype: Rtype,
    run: RunId,
    members: Vec<(JudgeId, u16)>,
}

struct Compiler<'m> {
    model: &'m ZoneModel,
    policies: PolicyBuilder,
    pool_numbers: Vec<u32>,
    pool_runs: HashMap<PoolId, Vec<PoolRun>>,
    pool_specs: HashMap<(PoolId, Family), Option<NodeSpec>>,
    name_specs: HashMap<(NameId, Family), Option<NodeSpec>>,
    pool_health: HashMap<PoolId, JudgeId>,
    switches: HashMap<(CheckId, usize), u32>,
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
        }
    }
}
