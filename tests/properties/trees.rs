//! Random zones: pools, and policy trees over them, written as zone TOML and read by the product's own reader.

use std::sync::Arc;

use leeward::answer::World;
use leeward::geo::Locations;
use leeward::health::Status;
use leeward::model::ZoneModel;
use leeward::view::{Fold, HealthView, Inputs};
use leeward::zone::{Hold, ServedZone, Snapshot};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::zones::{read, serve};

/// Plain pools of a zone.
const POOLS: usize = 6;
/// Policy pools of a zone, each over plain ones.
const POLICY_POOLS: usize = 2;
const PLACES: [&str; 4] = ["EU", "EU-DE", "NA-US", "default"];
const PREFIXES: [&str; 4] = [
    "198.51.0.0/16",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "default",
];

/// A random pool.
#[derive(Clone, Debug)]
pub(crate) struct RandomPool {
    weights: Vec<u16>,
    has_ipv6: bool,
    is_checked: bool,
    min_healthy: usize,
}

/// A random policy tree.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Pool(usize),
    PolicyPool(usize),
    Failover(Vec<Branch>, &'static str),
    Weighted(Vec<Branch>, &'static str),
    Geo(Vec<Branch>),
    Subnets(Vec<Branch>),
}

/// A branch with the options that some policies read.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    tree: Tree,
    weight: u16,
    follows_health: bool,
}

/// What befalls a member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    pub(crate) status: Status,
    pub(crate) hold: Hold,
}

/// A random zone and what befalls its members.
#[derive(Clone, Debug)]
pub(crate) struct RandomZone {
    pools: Vec<RandomPool>,
    policy_pools: Vec<Vec<usize>>,
    tree: Tree,
    pub(crate) fates: Vec<Fate>,
}

fn pool() -> impl Strategy<Value = RandomPool> {
    let weights = prop_oneof![vec(Just(1u16), 1..5), vec(0u16..4, 1..5)];
    (weights, any::<bool>(), 0..5usize, 1..4usize).prop_map(|(weights, has_ipv6, check, min)| {
        RandomPool {
            min_healthy: min.min(weights.len()),
            weights,
            has_ipv6,
            is_checked: check > 0,
        }
    })
}

fn all_down() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just(""),
        1 => Just("all-down = \"nodata\""),
        1 => Just("all-down = \"servfail\""),
        1 => Just("all-down = \"all\""),
        1 => Just("all-down = \"p0\""),
    ]
}

/// A random tree of at most four levels.
pub(crate) fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        5 => (0..POOLS).prop_map(Tree::Pool),
        1 => (0..POLICY_POOLS).prop_map(Tree::PolicyPool),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let branch = (inner, 0u16..4, 0..8u8).prop_map(|(tree, weight, follows)| Branch {
            tree,
            weight,
            follows_health: follows > 0,
        });
        let branches = vec(branch, 2..5);
        prop_oneof![
            (branches.clone(), all_down()).prop_map(|(list, down)| Tree::Failover(list, down)),
            (branches.clone(), all_down()).prop_map(|(list, down)| Tree::Weighted(list, down)),
            branches.clone().prop_map(Tree::Geo),
            branches.prop_map(Tree::Subnets),
        ]
    })
}

fn fate() -> impl Strategy<Value = Fate> {
    let status = prop_oneof![
        2 => Just(Status::Healthy),
        3 => Just(Status::Unhealthy),
        1 => Just(Status::Unknown),
    ];
    let hold = prop_oneof![
        12 => Just(Hold::None),
        1 => Just(Hold::Drained),
        1 => Just(Hold::Down),
        1 => Just(Hold::Up),
        1 => Just(Hold::Failing),
    ];
    (status, hold).prop_map(|(status, hold)| Fate { status, hold })
}

/// A random zone.
pub(crate) fn zone() -> impl Strategy<Value = RandomZone> {
    let policy_pool = proptest::sample::subsequence((0..POOLS).collect::<Vec<_>>(), 2..4);
    (
        vec(pool(), POOLS),
        vec(policy_pool, POLICY_POOLS),
        tree(),
        vec(fate(), 16),
    )
        .prop_map(|(pools, policy_pools, tree, fates)| RandomZone {
            pools,
            policy_pools,
            tree,
            fates,
        })
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::Pool(id) => format!("\"p{id}\""),
            Self::PolicyPool(id) => format!("\"q{id}\""),
            Self::Failover(branches, options) => policy("failover", branches, options, false),
            Self::Weighted(branches, options) => policy("weighted", branches, options, true),
            Self::Geo(branches) => keyed("geo", &PLACES, branches),
            Self::Subnets(branches) => keyed("subnets", &PREFIXES, branches),
        }
    }
}

impl Branch {
    fn text(&self, has_weight: bool) -> String {
        let mut text = format!("{{ to = {}", self.tree.text());
        if has_weight {
            text += &format!(", weight = {}", self.weight);
        }
        if !self.follows_health {
            text += ", follow-health = false";
        }
        text + " }"
    }
}

fn policy(word: &str, branches: &[Branch], options: &str, has_weight: bool) -> String {
    // No list may name a branch twice (rule a15).
    let mut known = Vec::new();
    let mut texts = Vec::new();
    for branch in branches {
        let inner = branch.tree.text();
        if !known.contains(&inner) {
            known.push(inner);
            texts.push(branch.text(has_weight));
        }
    }
    let comma = if options.is_empty() { "" } else { ", " };
    format!("{{ {word} = [{}]{comma}{options} }}", texts.join(", "))
}

fn keyed(word: &str, keys: &[&str], branches: &[Branch]) -> String {
    // The weight of the first branch says where in the keys to start, so that `default` is there or not.
    let skip = usize::from(branches[0].weight);
    let keys = keys.iter().cycle().skip(skip);
    let pairs: Vec<String> = keys
        .zip(branches)
        .map(|(key, branch)| format!("\"{key}\" = {}", branch.text(false)))
        .collect();
    format!("{{ {word} = {{ {} }} }}", pairs.join(", "))
}

impl RandomZone {
    /// Writes the zone.
    pub(crate) fn text(&self) -> String {
        let mut text =
            "zone = \"example.com\"\n[checks.tcp]\ntype = \"tcp\"\nport = 80\n".to_owned();
        for (id, pool) in self.pools.iter().enumerate() {
            let mut members: Vec<String> = (0..pool.weights.len())
                .map(|n| {
                    format!(
                        "{{ address = \"10.{id}.0.{n}\", weight = {} }}",
                        pool.weights[n]
                    )
                })
                .collect();
            if pool.has_ipv6 {
                members.push(format!("{{ address = \"2001:db8::{id}\" }}"));
            }
            let check = if pool.is_checked {
                "check = \"tcp\"\n"
            } else {
                ""
            };
            text += &format!(
                "[pools.p{id}]\n{check}min-healthy = {}\nmembers = [{}]\n",
                pool.min_healthy,
                members.join(", ")
            );
        }
        for (id, pools) in self.policy_pools.iter().enumerate() {
            let pools: Vec<String> = pools.iter().map(|pool| format!("\"p{pool}\"")).collect();
            text += &format!("[pools.q{id}]\nfailover = [{}]\n", pools.join(", "));
        }
        text += "[names]\n\"@\".NS = \"ns.example.net.\"\nstatic = { A = [\"192.0.2.1\", \"192.0.2.2\"], TXT = \"x\" }\n";
        text += "\"*.wild\".CNAME = \"www\"\nsub.NS = \"ns.sub\"\n\"ns.sub\".A = \"192.0.2.3\"\n";
        text += "mail.MX = [\"10 static\", \"20 www\"]\nold.DNAME = \"wild\"\n";
        let tree = self.tree.text();
        let node = if tree.starts_with('"') {
            format!("{{ to = {tree} }}")
        } else {
            tree
        };
        text + &format!("www = {node}\n")
    }
}

/// A zone as it is served.
pub(crate) struct Served {
    pub(crate) model: ZoneModel,
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Served {
    /// Reads and compiles a zone.
    pub(crate) fn new(text: &str) -> Self {
        let model = read(text);
        let locations = Arc::new(Locations::unknown());
        let served = serve(&model, &locations);
        Self {
            model,
            snapshot: Arc::new(Snapshot::new(vec![served], locations)),
        }
    }

    /// Returns the one zone.
    pub(crate) fn zone(&self) -> &ServedZone {
        &self.snapshot.zones[0]
    }

    /// Makes the inputs in which each member has its fate: by pool and text, as [`fate_of`] says.
    pub(crate) fn inputs(&self, fates: &[Fate]) -> Inputs {
        let policies = &self.zone().zone.policies;
        let mut inputs = Inputs::uniform(policies, Status::Healthy);
        for used in &policies.uses {
            inputs.statuses[used.slot as usize] = fate_of(fates, &used.pool, &used.member).status;
        }
        for (hold, label) in inputs.holds.iter_mut().zip(&policies.labels) {
            *hold = fate_of(fates, &policies.pools[label.pool as usize], &label.text).hold;
        }
        inputs
    }

    /// Makes the world of these inputs.
    pub(crate) fn world(&self, inputs: Inputs) -> World {
        let view = Fold::new(&self.zone().zone.policies, inputs).view();
        World {
            snapshot: self.snapshot.clone(),
            view: HealthView::new([view]),
            serving: Arc::default(),
            generation: 1,
        }
    }
}

/// Says what befalls a member: its pool and address pick one of the fates.
pub(crate) fn fate_of(fates: &[Fate], pool: &str, member: &str) -> Fate {
    let mixed = pool
        .bytes()
        .chain(member.bytes())
        .fold(7usize, |sum, octet| {
            sum.wrapping_mul(31).wrapping_add(usize::from(octet))
        });
    fates[mixed % fates.len()]
}
