//! Reach of a decision: the nodes and members below a root, whatever the health.
//!
//! In: policies and a root. Out: bits, to leave out decisions that a loss cannot touch. Never here: choosing.

use crate::view::{Layer, ZoneView};
use crate::zone::{AllDown, NodeId, NodeKind, Policies, RootId};

/// Nodes and members that a root can come to.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    nodes: Box<[u64]>,
    members: Box<[u64]>,
}

impl Reach {
    /// Walks everything below a root once.
    pub(super) fn of(policies: &Policies, root: RootId) -> Self {
        let mut reach = Self {
            nodes: vec![0; policies.nodes.len() / 64 + 1].into(),
            members: vec![0; policies.member_count() / 64 + 1].into(),
        };
        let mut open: Vec<NodeId> = vec![policies.roots[root as usize].node];
        while let Some(id) = open.pop() {
            if !mark(&mut reach.nodes, id) {
                continue;
            }
            let node = &policies.nodes[id as usize];
            let options = &policies.options[node.options as usize];
            if let AllDown::Node(other) = options.all_down {
                open.push(other);
            }
            open.extend(options.overflow);
            let range = node.first..node.first + u32::from(node.n);
            match node.kind {
                NodeKind::Refer => open.push(node.first),
                NodeKind::Pool => {
                    for run in &policies.runs[range.start as usize..range.end as usize] {
                        (run.first_bit..run.first_bit + u32::from(run.len)).for_each(|member| {
                            mark(&mut reach.members, member);
                        });
                    }
                }
                _ => open.extend(range),
            }
        }
        reach
    }

    /// Returns whether two views of one zone differ in any node or member of the reach.
    pub(super) fn is_touched(&self, before: &ZoneView, after: &ZoneView) -> bool {
        let differs = |a: &Layer, b: &Layer| {
            differs_within(&a.alive, &b.alive, &self.nodes)
                || differs_within(&a.up, &b.up, &self.members)
        };
        before.layers.len() != after.layers.len()
            || before
                .layers
                .iter()
                .zip(&after.layers)
                .any(|(a, b)| differs(a, b))
    }
}

/// Sets a bit; returns whether it was clear.
fn mark(words: &mut [u64], at: u32) -> bool {
    let word = &mut words[at as usize / 64];
    let is_new = *word >> (at % 64) & 1 == 0;
    *word |= 1 << (at % 64);
    is_new
}

fn differs_within(a: &[u64], b: &[u64], mask: &[u64]) -> bool {
    a.iter()
        .zip(b)
        .zip(mask)
        .any(|((a, b), mask)| (a ^ b) & mask != 0)
}
