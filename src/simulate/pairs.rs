//! Names and types of two versions of a zone that may answer differently, and the clients to ask them as.
//!
//! In: two versions of a zone. Out: pairs whose stored records or decisions are not the same. Never here: answers.

use std::collections::HashMap;

use crate::wire::{Name, Rtype};
use crate::zone::{ANY_TYPE, Entry, FLAG_OCCLUDED, NodeAt, RootId, Zone};

use super::explanation::GivenClient;
use super::survey::{Asking, canonical_key, clients_of, digest_of, owner_of};

/// A name and type to ask both versions for.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) name: Name,
    pub(super) rtype: Rtype,
    /// Clients to ask as.
    pub(super) clients: Vec<Asking>,
    /// Digests of both decisions, if both are; names that share them change alike.
    pub(super) digests: Option<(u64, u64)>,
}

/// Names and types that may differ.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// Names of both versions, each once.
    pub(super) names: usize,
    /// Pairs in canonical order of names, then types.
    pub(super) changed: Vec<Pair>,
}

/// Entry of a version for a type.
type Held<'z> = Option<Entry<'z>>;

impl Pairs {
    pub(super) fn of(old: &Zone, new: &Zone) -> Self {
        let mut before: HashMap<&[u8], NodeAt> =
            visible(old).map(|node| (old.owner(node), node)).collect();
        let mut pairs = Self {
            names: new.name_count(),
            changed: Vec::new(),
        };
        for node in visible(new) {
            let known = before.remove(new.owner(node));
            pairs.add(old, known, new, Some(node));
        }
        for node in before.into_values() {
            pairs.names += usize::from(old.entries(node).next().is_some());
            pairs.add(old, Some(node), new, None);
        }
        pairs
            .changed
            .sort_by_cached_key(|pair| (canonical_key(&pair.name), pair.rtype));
        pairs
    }

    fn add(&mut self, old: &Zone, old_node: Option<NodeAt>, new: &Zone, new_node: Option<NodeAt>) {
        let mut types: Vec<(Rtype, Held<'_>, Held<'_>)> = Vec::new();
        for (rtype, entry) in old_node.into_iter().flat_map(|node| old.entries(node)) {
            types.push((rtype, Some(entry), None));
        }
        for (rtype, entry) in new_node.into_iter().flat_map(|node| new.entries(node)) {
            match types.iter_mut().find(|(known, ..)| *known == rtype) {
                Some((_, _, after)) => *after = Some(entry),
                None => types.push((rtype, None, Some(entry))),
            }
        }
        for (rtype, before, after) in types {
            // The SOA moves with every change of the file, and says nothing about answers.
            if rtype == Rtype::SOA || is_alike(&before, &after) {
                continue;
            }
            let name = match (old_node, new_node) {
                (_, Some(node)) => owner_of(new, node),
                (Some(node), None) => owner_of(old, node),
                (None, None) => continue,
            };
            self.changed.push(Pair {
                name,
                // A name that may answer a CNAME answers it to any type (rule a27).
                rtype: if rtype == ANY_TYPE { Rtype::A } else { rtype },
                clients: clients_of_both(old, root_of(&before), new, root_of(&after)),
                digests: root_of(&before)
                    .zip(root_of(&after))
                    .map(|(before, after)| (digest_of(old, before), digest_of(new, after))),
            });
        }
    }
}

fn visible(zone: &Zone) -> impl Iterator<Item = NodeAt> + '_ {
    zone.nodes()
        .filter(|&node| zone.flags(node) & FLAG_OCCLUDED == 0)
}

/// Returns whether both hold the same octets; decisions are never alike, so they are always asked.
fn is_alike(before: &Held<'_>, after: &Held<'_>) -> bool {
    match (before, after) {
        (Some(Entry::Static(before)), Some(Entry::Static(after))) => {
            before.records == after.records && before.patches().eq(after.patches())
        }
        _ => false,
    }
}

fn root_of(held: &Held<'_>) -> Option<RootId> {
    match held {
        Some(Entry::Dynamic(root)) => Some(*root),
        _ => None,
    }
}

/// Lists the clients that either version distinguishes, and last one unknown for all others.
fn clients_of_both(
    old: &Zone,
    before: Option<RootId>,
    new: &Zone,
    after: Option<RootId>,
) -> Vec<Asking> {
    let mut clients: Vec<Asking> = Vec::new();
    let of = |zone: &Zone, root: Option<RootId>| {
        root.map_or_else(Vec::new, |root| clients_of(&zone.policies, root))
    };
    for asking in of(new, after).into_iter().chain(of(old, before)) {
        if asking.client != GivenClient::Unknown && !clients.contains(&asking) {
            clients.push(asking);
        }
    }
    let rest = if clients.is_empty() {
        "anywhere"
    } else {
        "elsewhere"
    };
    clients.push(Asking {
        label: rest.to_owned(),
        client: GivenClient::Unknown,
    });
    clients
}
