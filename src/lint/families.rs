//! Review of address families (rule a25): where IPv4 and IPv6 of one name lead to different pools although everything
//! is healthy, with a client that sees it.

use std::collections::{BTreeSet, HashSet};

use ipnet::IpNet;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::geo::{Coordinates, Place, great_circle_km};
use crate::model::{
    BranchModel, Families, GeoKey, NameModel, NodeKind, NodeModel, PoolBody, PoolId, SubnetKeys,
    ZoneModel,
};
use crate::model::{
    DEPTH_MAX, branches, leaves, member_type, members, name_path, nodes_within, pool_path,
};
use crate::wire::Rtype;

/// Most example clients tried for one policy. Chosen: more than any policy written by hand needs.
const CLIENTS_MAX: usize = 256;
/// Most nodes walked for one client and family; deeper policies are judged by what was seen until then.
const STEPS_MAX: usize = 4_096;

/// Reviews every policy that answers both families, each policy once.
pub(super) fn review(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let mut reviewed: HashSet<PoolId> = HashSet::new();
    for name in &model.names {
        let Some(node) = &name.policy else { continue };
        if is_together(model, name, node) {
            continue;
        }
        if is_name_reference(node) {
            // The other name is told itself.
            continue;
        }
        let (path, span) = match policy_pool(model, node) {
            // A pool that many names share is told once, at the pool.
            Some(id) if !reviewed.insert(id) => continue,
            Some(id) => (pool_path(&model.pools[id]), &model.pools[id].span),
            None => (name_path(model, &name.owner), &node.span),
        };
        // A name that may be a CNAME is always decided together (rule a27).
        if reaches_target(model, node) {
            continue;
        }
        let Some(split) = find_split(model, node) else {
            continue;
        };
        findings.push(
            Diagnostic::new(
                Severity::Warning,
                "R006",
                span,
                path,
                format!(
                    "{} gets A from {} and AAAA from {}",
                    split.client,
                    pool_list(model, &split.ipv4),
                    pool_list(model, &split.ipv6)
                ),
            )
            .help(
                "write `families = \"together\"` to decide once for both, or give each of these pools members of both families",
            ),
        );
    }
}

/// Rule a26: the name's word wins over the pool's.
fn is_together(model: &ZoneModel, name: &NameModel, node: &NodeModel) -> bool {
    let written = name
        .families
        .or_else(|| policy_pool(model, node).and_then(|id| model.pools[id].families));
    written == Some(Families::Together)
}

/// Returns the policy pool that a node stands for, if it is nothing more than a reference to one.
fn policy_pool(model: &ZoneModel, node: &NodeModel) -> Option<PoolId> {
    match &node.kind {
        NodeKind::Pool(id) => {
            matches!(model.pools.get(*id)?.body, PoolBody::Policy(_)).then_some(*id)
        }
        NodeKind::To(inner) => policy_pool(model, inner),
        _ => None,
    }
}

fn is_name_reference(node: &NodeModel) -> bool {
    match &node.kind {
        NodeKind::Name(_) => true,
        NodeKind::To(inner) => is_name_reference(inner),
        _ => false,
    }
}

fn reaches_target(model: &ZoneModel, node: &NodeModel) -> bool {
    leaves(model, node).iter().any(|id| {
        members(&model.pools[*id])
            .iter()
            .any(|member| member_type(member) == Rtype::CNAME)
    })
}

/// A client whose two families part.
struct Split {
    client: String,
    ipv4: BTreeSet<PoolId>,
    ipv6: BTreeSet<PoolId>,
}

fn find_split(model: &ZoneModel, node: &NodeModel) -> Option<Split> {
    example_clients(model, node).into_iter().find_map(|client| {
        let walk = |family| {
            let mut walk = Walk {
                model,
                client: &client,
                family,
                steps: 0,
                depth: 0,
            };
            walk.pools_of(node)
        };
        let (ipv4, ipv6) = (walk(Rtype::A), walk(Rtype::AAAA));
        let is_split = !ipv4.is_empty() && !ipv6.is_empty() && ipv4 != ipv6;
        is_split.then(|| Split {
            client: client.words(),
            ipv4,
            ipv6,
        })
    })
}

/// A client to try a policy with.
#[derive(Clone, Debug, PartialEq)]
enum Client {
    Anybody,
    At(Place),
    Within(IpNet),
    Near(Coordinates, String),
}

impl Client {
    fn words(&self) -> String {
        match self {
            Self::Anybody => "every other client".to_owned(),
            Self::At(place) => format!("a client in {place} ({})", place.english_name()),
            Self::Within(prefix) => format!("a client in {prefix}"),
            Self::Near(_, label) => format!("a client near `{label}`"),
        }
    }
}

/// One client for each place, prefix block and location that the policy knows, and one that none of them matches.
fn example_clients(model: &ZoneModel, node: &NodeModel) -> Vec<Client> {
    let mut clients = Vec::new();
    let mut open = vec![node];
    let mut seen = HashSet::new();
    let mut at = 0;
    while let Some(&node) = open.get(at) {
        at += 1;
        if clients.len() >= CLIENTS_MAX || at > STEPS_MAX {
            break;
        }
        for node in nodes_within(node) {
            clients.extend(clients_of(node).into_iter().take(CLIENTS_MAX));
            match &node.kind {
                NodeKind::Pool(id) if seen.insert((0, *id)) => {
                    if let Some(PoolBody::Policy(body)) =
                        model.pools.get(*id).map(|pool| &pool.body)
                    {
                        open.push(body);
                    }
                }
                NodeKind::Name(id) if seen.insert((1, *id)) => {
                    open.extend(model.names.get(*id).and_then(|name| name.policy.as_deref()));
                }
                _ => {}
            }
        }
    }
    clients.truncate(CLIENTS_MAX);
    clients.push(Client::Anybody);
    clients
}

fn clients_of(node: &NodeModel) -> Vec<Client> {
    match &node.kind {
        NodeKind::Geo(list) => list
            .iter()
            .filter_map(|(key, _)| match key {
                GeoKey::Place(place) => Some(Client::At(*place)),
                GeoKey::Default => None,
            })
            .collect(),
        NodeKind::Subnets(list) => list
            .iter()
            .filter_map(|(keys, _)| match keys {
                SubnetKeys::Prefixes(prefixes) => prefixes.first().copied().map(Client::Within),
                SubnetKeys::Default | SubnetKeys::Awaited(_) => None,
            })
            .collect(),
        NodeKind::Nearest(list) | NodeKind::Latency(list) => list
            .iter()
            .filter_map(|branch| {
                let location = branch.location.as_ref()?;
                Some(Client::Near(location.point, branch.label.clone()))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Decides for one client and family with everything healthy, and returns the plain pools that may be answered.
struct Walk<'m> {
    model: &'m ZoneModel,
    client: &'m Client,
    family: Rtype,
    steps: usize,
    depth: usize,
}

impl Walk<'_> {
    fn pools_of(&mut self, node: &NodeModel) -> BTreeSet<PoolId> {
        if self.steps >= STEPS_MAX || self.depth >= DEPTH_MAX {
            return BTreeSet::new();
        }
        self.steps += 1;
        self.depth += 1;
        let pools = self.pools_within(node);
        self.depth -= 1;
        pools
    }

    fn pools_within(&mut self, node: &NodeModel) -> BTreeSet<PoolId> {
        match &node.kind {
            NodeKind::Pool(id) => self.pools_of_pool(*id),
            NodeKind::Multivalue(ids) => {
                ids.iter().flat_map(|id| self.pools_of_pool(*id)).collect()
            }
            NodeKind::To(inner) => self.pools_of(inner),
            NodeKind::Name(id) => {
                let Some(name) = self.model.names.get(*id) else {
                    return BTreeSet::new();
                };
                let own = name
                    .type_policies
                    .iter()
                    .find(|(rtype, _)| *rtype == self.family)
                    .map(|(_, node)| node);
                own.or(name.policy.as_deref())
                    .map(|node| self.pools_of(node))
                    .unwrap_or_default()
            }
            NodeKind::Weighted(list) => self.draw(list),
            NodeKind::Failover(_) => self.first_of(branches(node)),
            NodeKind::Geo(list) => {
                let chain = chain_of_places(list, self.client);
                self.first_of(chain)
            }
            NodeKind::Subnets(list) => {
                let chain = chain_of_prefixes(list, self.client);
                self.first_of(chain)
            }
            NodeKind::Nearest(list) | NodeKind::Latency(list) => {
                let chain = by_distance(list, self.client);
                self.first_of(chain)
            }
        }
    }

    fn pools_of_pool(&mut self, id: PoolId) -> BTreeSet<PoolId> {
        let model = self.model;
        match model.pools.get(id).map(|pool| &pool.body) {
            Some(PoolBody::Policy(node)) => self.pools_of(node),
            Some(PoolBody::Members(list))
                if list.iter().any(|member| member_type(member) == self.family) =>
            {
                BTreeSet::from([id])
            }
            _ => BTreeSet::new(),
        }
    }

    fn first_of<'b>(
        &mut self,
        chain: impl IntoIterator<Item = &'b BranchModel>,
    ) -> BTreeSet<PoolId> {
        for branch in chain {
            let pools = self.pools_of(&branch.node);
            if !pools.is_empty() {
                return pools;
            }
        }
        BTreeSet::new()
    }

    /// Rule a15: branches with weight; those of weight 0 only when there is no other.
    fn draw(&mut self, list: &[BranchModel]) -> BTreeSet<PoolId> {
        let mut union = |is_standby: bool| -> BTreeSet<PoolId> {
            list.iter()
                .filter(|branch| (branch.weight == 0) == is_standby)
                .flat_map(|branch| self.pools_of(&branch.node))
                .collect()
        };
        let drawn = union(false);
        if drawn.is_empty() { union(true) } else { drawn }
    }
}

/// Most specific place first, `default` last.
fn chain_of_places<'b>(list: &'b [(GeoKey, BranchModel)], client: &Client) -> Vec<&'b BranchModel> {
    let mut chain: Vec<(usize, &BranchModel)> = list
        .iter()
        .filter_map(|(key, branch)| match (key, client) {
            (GeoKey::Default, _) => Some((0, branch)),
            (GeoKey::Place(place), Client::At(at)) => {
                covers(place, at).then(|| (depth(place), branch))
            }
            _ => None,
        })
        .collect();
    chain.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    chain.into_iter().map(|(_, branch)| branch).collect()
}

fn covers(wide: &Place, narrow: &Place) -> bool {
    wide.continent == narrow.continent
        && (wide.country.is_none() || wide.country == narrow.country)
        && (wide.subdivision.is_none() || wide.subdivision == narrow.subdivision)
}

fn depth(place: &Place) -> usize {
    1 + usize::from(place.country.is_some()) + usize::from(place.subdivision.is_some())
}

/// Longest covering block first, `default` last.
fn chain_of_prefixes<'b>(
    list: &'b [(SubnetKeys, BranchModel)],
    client: &Client,
) -> Vec<&'b BranchModel> {
    let mut chain: Vec<(u16, &BranchModel)> = Vec::new();
    for (keys, branch) in list {
        match (keys, client) {
            (SubnetKeys::Default, _) => chain.push((0, branch)),
            (SubnetKeys::Prefixes(prefixes), Client::Within(client)) => {
                let covering = prefixes.iter().filter(|block| block.contains(client));
                let longest = covering
                    .map(|block| u16::from(block.prefix_len()) + 1)
                    .max();
                chain.extend(longest.map(|longest| (longest, branch)));
            }
            _ => {}
        }
    }
    chain.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    chain.into_iter().map(|(_, branch)| branch).collect()
}

/// Nearest first; written order for a client whose place is unknown.
fn by_distance<'b>(list: &'b [BranchModel], client: &Client) -> Vec<&'b BranchModel> {
    let mut chain: Vec<&BranchModel> = list.iter().collect();
    if let Client::Near(point, _) = client {
        let key = |branch: &BranchModel| {
            branch.location.as_ref().map_or(f64::INFINITY, |location| {
                great_circle_km(*point, location.point)
            })
        };
        chain.sort_by(|a, b| key(a).total_cmp(&key(b)));
    }
    chain
}

fn pool_list(model: &ZoneModel, pools: &BTreeSet<PoolId>) -> String {
    let names: Vec<String> = pools
        .iter()
        .map(|id| format!("`{}`", model.pools[*id].id))
        .collect();
    names.join(" or ")
}
