//! A slow reference of selection (rules a11-a15, a23-a25, a43), straight over the resolved model: which pools may be
//! answered. It knows neither bits nor programs, and draws nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use leeward::geo::Place;
use leeward::health::Status;
use leeward::model::{
    AllDownModel, BranchModel, GeoKey, MemberModel, MemberValue, MinHealthy, NodeKind, NodeModel,
    PoolBody, PoolId, SubnetKeys, ZoneModel,
};
use leeward::wire::Rtype;
use leeward::zone::Hold;

use super::trees::{Fate, fate_of};

/// Where the reference's client is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClientLocation {
    Place(Place),
    Prefix(IpNet),
}

/// What may come out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) pools: BTreeSet<String>,
    pub(crate) has_nodata: bool,
    pub(crate) has_servfail: bool,
}

/// The reference: a model, fates, a client and a type.
pub(crate) struct Reference<'a> {
    pub(crate) model: &'a ZoneModel,
    pub(crate) fates: &'a [Fate],
    pub(crate) client: ClientLocation,
    pub(crate) rtype: Rtype,
}

/// The layer of last resort in which every member counts as healthy; a location without any branch for the client has
/// no member.
const ALL: usize = 3;

impl<'a> Reference<'a> {
    /// Lists what a name's policy may answer.
    pub(crate) fn outcomes(&self, owner: &str) -> Outcomes {
        let named =
            |name: &&leeward::model::NameModel| name.owner.to_relative(&self.model.apex) == owner;
        let name = self.model.names.iter().find(named).expect("the name");
        let mut outcomes = Outcomes::default();
        let policy = name.policy.as_ref().expect("a policy");
        if !self.has_type(policy) {
            outcomes.has_nodata = true;
        } else if name.options.all_down.is_some() && !self.is_healthy(policy, 0) {
            self.stand_in(name.options.all_down.as_ref(), policy, &mut outcomes);
        } else {
            self.decide(policy, &mut outcomes);
        }
        outcomes
    }

    fn members(&self, id: PoolId) -> Vec<&'a MemberModel> {
        let PoolBody::Members(members) = &self.model.pools[id].body else {
            return Vec::new();
        };
        let is_wanted = |member: &&MemberModel| match member.value {
            MemberValue::Address(IpAddr::V4(_)) => self.rtype == Rtype::A,
            MemberValue::Address(IpAddr::V6(_)) => self.rtype == Rtype::AAAA,
            _ => false,
        };
        members.iter().filter(is_wanted).collect()
    }

    /// The branches of a node as a client meets them, in order; those without members of the type are none.
    fn branches(&self, node: &'a NodeModel) -> Vec<&'a BranchModel> {
        let mut found: Vec<&BranchModel> = match &node.kind {
            NodeKind::Failover(list) | NodeKind::Weighted(list) => list.iter().collect(),
            NodeKind::Geo(keyed) => {
                let rank = |key: &GeoKey| match (key, self.client) {
                    (GeoKey::Default, _) => Some(0),
                    (GeoKey::Place(place), ClientLocation::Place(client)) => {
                        let (place, client) = (place.to_string(), client.to_string());
                        let is_above = client == place || client.starts_with(&format!("{place}-"));
                        is_above.then_some(place.len())
                    }
                    _ => None,
                };
                ordered(keyed.iter().map(|(key, branch)| (rank(key), branch)))
            }
            NodeKind::Subnets(keyed) => {
                let rank = |keys: &SubnetKeys| match (keys, self.client) {
                    (SubnetKeys::Default, _) => Some(0),
                    (SubnetKeys::Prefixes(list), ClientLocation::Prefix(client)) => list
                        .iter()
                        .filter(|block| covers(block, client))
                        .map(|block| usize::from(block.prefix_len()))
                        .max(),
                    _ => None,
                };
                ordered(keyed.iter().map(|(keys, branch)| (rank(keys), branch)))
            }
            other => panic!("not generated: {other:?}"),
        };
        found.retain(|branch| self.has_type(&branch.node));
        found
    }

    /// Says whether anything below a node has members of the type, for whatever client (rule a25).
    fn has_type(&self, node: &'a NodeModel) -> bool {
        match &node.kind {
            NodeKind::Pool(id) => match &self.model.pools[*id].body {
                PoolBody::Members(_) => !self.members(*id).is_empty(),
                PoolBody::Policy(node) => self.has_type(node),
            },
            NodeKind::To(inner) => self.has_type(inner),
            NodeKind::Failover(list) | NodeKind::Weighted(list) => {
                list.iter().any(|branch| self.has_type(&branch.node))
            }
            NodeKind::Geo(keyed) => keyed.iter().any(|(_, branch)| self.has_type(&branch.node)),
            NodeKind::Subnets(keyed) => keyed.iter().any(|(_, branch)| self.has_type(&branch.node)),
            other => panic!("not generated: {other:?}"),
        }
    }

    fn is_up(&self, pool: PoolId, member: &MemberModel, layer: usize) -> bool {
        let pool = &self.model.pools[pool];
        let MemberValue::Address(address) = member.value else {
            return false;
        };
        let fate = fate_of(self.fates, &pool.id, &address.to_string());
        let probes = pool.checks.is_empty() || fate.status != Status::Unhealthy;
        match fate.hold {
            _ if layer == ALL => true,
            Hold::None => probes || layer == 2,
            Hold::Up => true,
            Hold::Down => false,
            Hold::Drained => layer == 2 || (layer == 1 && probes),
            Hold::Failing => layer == 2,
        }
    }

    fn is_pool_healthy(&self, id: PoolId, layer: usize) -> bool {
        let up = |wanted: bool| {
            let members = self.members(id);
            let of_tier = members
                .into_iter()
                .filter(|member| (member.weight > 0) == wanted);
            of_tier
                .filter(|member| self.is_up(id, member, layer))
                .count()
        };
        let MinHealthy::Count(least) = self.model.pools[id].min_healthy else {
            panic!("not generated");
        };
        let least = if layer >= 2 { 1 } else { usize::from(least) };
        let count = if up(true) > 0 { up(true) } else { up(false) };
        count >= least
    }

    fn is_healthy(&self, node: &'a NodeModel, layer: usize) -> bool {
        match &node.kind {
            NodeKind::Pool(id) => match &self.model.pools[*id].body {
                PoolBody::Members(_) => self.is_pool_healthy(*id, layer),
                PoolBody::Policy(node) => self.is_healthy(node, layer),
            },
            NodeKind::To(inner) => self.is_healthy(inner, layer),
            _ => {
                let branches = self.branches(node);
                branches
                    .into_iter()
                    .any(|branch| self.is_candidate(branch, layer))
            }
        }
    }

    fn is_candidate(&self, branch: &'a BranchModel, layer: usize) -> bool {
        !branch.follow_health || self.is_healthy(&branch.node, layer)
    }

    /// The branches among which a layer chooses.
    fn chosen(&self, node: &'a NodeModel, layer: usize) -> Vec<&'a BranchModel> {
        let mut living = self.branches(node);
        living.retain(|branch| self.is_candidate(branch, layer));
        if matches!(node.kind, NodeKind::Weighted(_)) {
            if living.iter().any(|branch| branch.weight > 0) {
                living.retain(|branch| branch.weight > 0);
            }
        } else {
            living.truncate(1);
        }
        living
    }

    fn decide(&self, node: &'a NodeModel, outcomes: &mut Outcomes) {
        match &node.kind {
            NodeKind::Pool(id) => match &self.model.pools[*id].body {
                PoolBody::Members(_) => {
                    outcomes.pools.insert(self.model.pools[*id].id.clone());
                }
                PoolBody::Policy(node) => self.decide(node, outcomes),
            },
            NodeKind::To(inner) => self.decide(inner, outcomes),
            _ => {
                let healthy = self.chosen(node, 0);
                if healthy.is_empty() {
                    self.stand_in(node.options.all_down.as_ref(), node, outcomes);
                }
                for branch in healthy {
                    self.decide(&branch.node, outcomes);
                }
            }
        }
    }

    /// What a group without a healthy candidate does.
    fn stand_in(
        &self,
        all_down: Option<&'a AllDownModel>,
        node: &'a NodeModel,
        outcomes: &mut Outcomes,
    ) {
        let first_layer = match all_down {
            Some(AllDownModel::NoData) => return outcomes.has_nodata = true,
            Some(AllDownModel::ServFail) => return outcomes.has_servfail = true,
            Some(AllDownModel::Node(other)) if self.has_type(other) => {
                return self.decide(other, outcomes);
            }
            Some(AllDownModel::Node(_)) => return outcomes.has_nodata = true,
            Some(AllDownModel::All | AllDownModel::Last) => ALL,
            None => 1,
        };
        let chosen = (first_layer..=ALL)
            .map(|layer| self.chosen(node, layer))
            .find(|chosen| !chosen.is_empty())
            .unwrap_or_default();
        outcomes.has_nodata |= chosen.is_empty();
        for branch in chosen {
            self.decide(&branch.node, outcomes);
        }
    }
}

/// Compares bit by bit, as the product does not.
fn covers(block: &IpNet, client: IpNet) -> bool {
    let bits = u32::from(block.prefix_len());
    match (block.addr(), client.addr()) {
        (IpAddr::V4(known), IpAddr::V4(asked)) => {
            let equal = (known.to_bits() ^ asked.to_bits()).leading_zeros();
            bits <= u32::from(client.prefix_len()) && equal >= bits
        }
        _ => false,
    }
}

/// Branches that match, highest rank first.
fn ordered<'b>(
    ranked: impl Iterator<Item = (Option<usize>, &'b BranchModel)>,
) -> Vec<&'b BranchModel> {
    let mut found: Vec<(usize, &BranchModel)> = ranked
        .filter_map(|(rank, branch)| Some((rank?, branch)))
        .collect();
    found.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    found.into_iter().map(|(_, branch)| branch).collect()
}
