//! Reach of a root: its location rules, and the longest prefixes that its draws are kept by.
//!
//! In: a placed tree. Out: numbers of rules and prefix lengths, which the root carries so that the scope of an answer
//! never depends on the way taken (`route53` 4.6). Never here: health, clients.

use std::collections::HashSet;

use super::build::PolicyBuilder;
use super::program::{AllDown, NodeId, NodeKind};

/// Rules and prefix lengths below a node, itself included.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// Location rules, in no order.
    pub(super) rules: Vec<u32>,
    /// Longest prefix lengths of `sticky`, IPv4 and IPv6.
    pub(super) sticky: (u8, u8),
    /// True if some TTL follows the horizon.
    pub(super) is_ranged: bool,
}

impl PolicyBuilder {
    /// Collects the reach of a node, by branches, `all-down` and `overflow`.
    pub(super) fn reached(&self, node: NodeId) -> Reached {
        let mut reached = Reached::default();
        self.collect(node, &mut reached, &mut HashSet::new());
        reached
    }

    fn collect(&self, id: NodeId, reached: &mut Reached, seen: &mut HashSet<NodeId>) {
        if !seen.insert(id) {
            return;
        }
        let node = self.nodes[id as usize];
        if node.kind == NodeKind::Located {
            reached.rules.push(node.extra);
        }
        let options = self.options[node.options as usize];
        reached.sticky.0 = reached.sticky.0.max(options.sticky.0);
        reached.sticky.1 = reached.sticky.1.max(options.sticky.1);
        reached.is_ranged |= options.ttl.is_some_and(|(min, max)| min != max);
        if let AllDown::Node(other) = options.all_down {
            self.collect(other, reached, seen);
        }
        if let Some(other) = options.overflow {
            self.collect(other, reached, seen);
        }
        if node.kind != NodeKind::Pool {
            for child in node.first..node.first + u32::from(node.n) {
                self.collect(child, reached, seen);
            }
        }
    }
}
