//! Questions to ask of a zone: its dynamic names by decision, and the clients that its rules distinguish.
//!
//! In: a served zone. Out: subjects and clients, bounded. Never here: answers.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ipnet::IpNet;

use crate::answer::PATH_MAX;
use crate::geo::Place;
use crate::geo::TimesFor;
use crate::wire::{Name, Rtype};
use crate::zone::{
    ANY_TYPE, Entry, FLAG_OCCLUDED, LocationRule, NONE, NodeAt, NodeId, NodeKind, Policies, Root,
    RootId, Zone,
};

use super::explanation::GivenClient;

/// Clients that one decision is asked for; further ones are left out. Chosen: more than the places of any zone that
/// ships, and few enough that every loss of a large zone is walked in seconds.
pub const CLIENTS_MAX: usize = 64;

/// Places of clients for rules of distance, which name no places: the continents, and countries of many users.
/// Chosen; no standard list.
const STANDPOINTS: [&str; 20] = [
    "AF", "AF-ZA", "AF-NG", "AS", "AS-CN", "AS-IN", "AS-JP", "AS-SG", "EU", "EU-DE", "EU-ES",
    "EU-GB", "EU-SE", "NA", "NA-CA", "NA-US-CA", "NA-US-NY", "OC", "SA", "SA-BR",
];

/// A decision, and the names that share it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Owner names in canonical order; at least one.
    pub names: Vec<Name>,
    /// Type that is asked.
    pub rtype: Rtype,
    /// The decision.
    pub root: RootId,
}

/// A client with the word it is shown by.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking {
    /// A place, a prefix, or `anywhere`, `elsewhere`.
    pub label: String,
    /// The client.
    pub client: GivenClient,
}

impl Asking {
    /// Reads an address, a prefix or a place.
    ///
    /// # Errors
    /// Advice on what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self {
                label: text.to_owned(),
                client: GivenClient::Address(address),
            });
        }
        if text.contains('/') {
            return text
                .parse()
                .map(Self::within)
                .map_err(|_| format!("`{text}` is no prefix: write one such as 198.51.100.0/24"));
        }
        let place = Place::parse(&text.to_ascii_uppercase());
        place
            .map(Self::at)
            .map_err(|fault| format!("{}; {}", fault.message, fault.help))
    }

    /// Makes a client of a place.
    pub fn at(place: Place) -> Self {
        Self {
            label: place.to_string(),
            client: GivenClient::Place(place),
        }
    }

    /// Makes a client of a prefix.
    pub fn within(prefix: IpNet) -> Self {
        Self {
            label: prefix.to_string(),
            client: GivenClient::Subnet(prefix),
        }
    }
}

/// Returns the absolute owner of a node.
pub(super) fn owner_of(zone: &Zone, node: NodeAt) -> Name {
    let octets = [zone.owner(node), zone.apex().octets()].concat();
    Name::from_wire(&octets).map_or_else(|_| zone.apex().clone(), |(name, _)| name)
}

/// Lists the dynamic names of a zone by decision, in the order of their first names.
pub fn subjects_of(zone: &Zone) -> Vec<Subject> {
    // Roots of one digest decide alike, whatever name they belong to.
    let mut by_decision: BTreeMap<(u64, Rtype), (RootId, Vec<Name>)> = BTreeMap::new();
    for node in zone
        .nodes()
        .filter(|&node| zone.flags(node) & FLAG_OCCLUDED == 0)
    {
        for (rtype, entry) in zone.entries(node) {
            if let Entry::Dynamic(root) = entry {
                // A name that may answer a CNAME answers it to any type (rule a27).
                let rtype = if rtype == ANY_TYPE { Rtype::A } else { rtype };
                let known = by_decision
                    .entry((digest_of(zone, root), rtype))
                    .or_insert((root, Vec::new()));
                known.1.push(owner_of(zone, node));
            }
        }
    }
    let mut subjects: Vec<Subject> = by_decision
        .into_iter()
        .map(|((_, rtype), (root, mut names))| {
            names.sort_by_cached_key(canonical_key);
            Subject { names, rtype, root }
        })
        .collect();
    subjects.sort_by_cached_key(|subject| (canonical_key(&subject.names[0]), subject.rtype));
    subjects
}

/// Digests the decision of a root and its TTL.
pub(super) fn digest_of(zone: &Zone, root: RootId) -> u64 {
    let Root { node, ttl, .. } = zone.policies.roots[root as usize];
    let mut hasher = DefaultHasher::new();
    (digest(&zone.policies, node, 0), ttl).hash(&mut hasher);
    hasher.finish()
}

/// Digests the decision of a node, so that names with policies of the same shape over the same pools are asked once.
fn digest(policies: &Policies, id: NodeId, depth: usize) -> u64 {
    let node = &policies.nodes[id as usize];
    let gate = policies.gates[id as usize];
    let is_wrapper = match node.kind {
        NodeKind::Refer => node.extra == 0,
        NodeKind::First => node.n == 1,
        _ => false,
    };
    if depth == PATH_MAX {
        return u64::from(id);
    }
    if is_wrapper && node.options == 0 && gate == NONE {
        return digest(policies, node.first, depth + 1);
    }
    let mut hasher = DefaultHasher::new();
    (node.kind, node.n, node.options, gate).hash(&mut hasher);
    let children = node.first..node.first + u32::from(node.n);
    match node.kind {
        NodeKind::Pool => (node.first, node.extra).hash(&mut hasher),
        NodeKind::Weighted => {
            let tier = policies.sums[node.extra as usize];
            let sums = &policies.sums[node.extra as usize..=(node.extra + tier) as usize];
            sums.hash(&mut hasher);
        }
        NodeKind::First | NodeKind::Located | NodeKind::Refer => node.extra.hash(&mut hasher),
    }
    match node.kind {
        NodeKind::Pool => {}
        NodeKind::Refer => digest(policies, node.first, depth + 1).hash(&mut hasher),
        _ => children.for_each(|child| digest(policies, child, depth + 1).hash(&mut hasher)),
    }
    hasher.finish()
}

/// Labels from the root, in lower case (RFC 4034, section 6.1).
pub(super) fn canonical_key(name: &Name) -> Vec<Vec<u8>> {
    let mut labels: Vec<Vec<u8>> = name.labels().map(<[u8]>::to_ascii_lowercase).collect();
    labels.reverse();
    labels
}

/// Lists the clients that a decision distinguishes, and last one unknown for all others.
pub fn clients_of(policies: &Policies, root: RootId) -> Vec<Asking> {
    let root = &policies.roots[root as usize];
    let rules = &policies.root_rules[root.rules_first as usize..][..usize::from(root.rules_len)];
    let mut clients: Vec<Asking> = Vec::new();
    for &rule in rules {
        add_clients(&policies.rules[rule as usize], &mut clients);
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

fn add_clients(rule: &LocationRule, clients: &mut Vec<Asking>) {
    let mut add = |asking: Asking| {
        if clients.len() < CLIENTS_MAX && !clients.contains(&asking) {
            clients.push(asking);
        }
    };
    match rule {
        LocationRule::Geo { places, .. } => {
            places.iter().for_each(|(place, _)| add(Asking::at(*place)))
        }
        LocationRule::Subnets { prefixes, .. } => prefixes
            .iter()
            .take(CLIENTS_MAX)
            .for_each(|(prefix, _)| add(Asking::within(*prefix))),
        LocationRule::Latency { times, .. } => {
            for line in times.iter() {
                match line.client {
                    TimesFor::Prefix(prefix) => add(Asking::within(prefix)),
                    TimesFor::Place(place) => add(Asking::at(place)),
                    TimesFor::Default => {}
                }
            }
            standpoints().for_each(add);
        }
        LocationRule::Nearest { .. } => standpoints().for_each(add),
    }
}

fn standpoints() -> impl Iterator<Item = Asking> {
    let places = STANDPOINTS
        .iter()
        .filter_map(|text| Place::parse(text).ok());
    places.map(Asking::at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standpoint_is_a_place() {
        for text in STANDPOINTS {
            let place =
                Place::parse(text).unwrap_or_else(|fault| panic!("{text}: {}", fault.message));
            assert_eq!(place.to_string(), text);
        }
    }
}
