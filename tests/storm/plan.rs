//! Random zones: a plan, its text, and how it changes from one reload to the next.

use std::net::IpAddr;

use leeward::answer::Chance;

/// Addresses that members have: the first of their network to this.
pub(crate) const ADDRESSES_MAX: u32 = 16;
/// Most pools of a zone; a tree names each at most once.
const POOLS_MAX: usize = 10;
/// Most names of a zone.
const NAMES_MAX: usize = 8;

/// What a name answers.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// A pool by its index.
    Pool(usize),
    /// First healthy in order.
    Failover(Vec<Self>),
    /// By weight.
    Weighted(Vec<(Self, u32)>),
    /// By place, with or without default.
    Geo(Vec<(&'static str, Self)>, Option<Box<Self>>),
}

/// A pool.
#[derive(Clone, Debug)]
pub(crate) struct PoolPlan {
    /// Last octets of its members' addresses.
    pub(crate) members: Vec<u32>,
    /// Least healthy members.
    pub(crate) min_healthy: u32,
}

/// Work planned for a pool: drained from, until, in milliseconds of civil time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// The pool.
    pub(crate) pool: usize,
    /// Start.
    pub(crate) from_ms: i64,
    /// End.
    pub(crate) until_ms: i64,
}

/// A zone.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    apex: String,
    /// First octets of all members; zones of one network share targets.
    network: [u8; 3],
    ttl_secs: u32,
    /// Pools by index; their ids are `p0`, `p1` and so on.
    pub(crate) pools: Vec<PoolPlan>,
    /// Names and what they answer.
    pub(crate) names: Vec<(String, Tree)>,
    /// Planned work.
    pub(crate) works: Vec<Work>,
}

/// The one check that all zones share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckPlan {
    /// Seconds between probes.
    pub(crate) interval_secs: u32,
    /// Failures in a row until unhealthy.
    pub(crate) fall: usize,
    /// Successes in a row until healthy.
    pub(crate) rise: usize,
}

impl CheckPlan {
    /// Draws a check.
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        Self {
            interval_secs: 30 + 10 * chance.below(3),
            fall: 1 + chance.below(4) as usize,
            rise: 1 + chance.below(4) as usize,
        }
    }
}

impl Plan {
    /// Draws a zone.
    pub(crate) fn draw(apex: &str, network: [u8; 3], chance: &mut Chance) -> Self {
        let mut plan = Self {
            apex: apex.to_owned(),
            network,
            ttl_secs: 30,
            pools: Vec::new(),
            names: Vec::new(),
            works: Vec::new(),
        };
        for _ in 0..4 {
            plan.pools.push(draw_pool(chance));
        }
        for number in 0..4 {
            let tree = draw_root(plan.pools.len(), chance);
            plan.names.push((format!("n{number}"), tree));
        }
        plan
    }

    /// Changes something, as an operator who edits the file does.
    pub(crate) fn edit(&mut self, wall_ms: i64, chance: &mut Chance) {
        match chance.below(6) {
            0 => self.ttl_secs = 1 + chance.below(300),
            1 => {
                let pool = chance.below(self.pools.len() as u32) as usize;
                self.pools[pool] = draw_pool(chance);
            }
            2 if self.pools.len() < POOLS_MAX => self.pools.push(draw_pool(chance)),
            3 if self.names.len() < NAMES_MAX => {
                let tree = draw_root(self.pools.len(), chance);
                self.names.push((format!("n{}", self.names.len()), tree));
            }
            4 => {
                let from_ms = wall_ms + i64::from(chance.below(7_200_000)) - 3_600_000;
                let until_ms = from_ms + 1_000 + i64::from(chance.below(7_200_000));
                let pool = chance.below(self.pools.len() as u32) as usize;
                self.works.push(Work {
                    pool,
                    from_ms,
                    until_ms,
                });
            }
            _ => {
                let name = chance.below(self.names.len() as u32) as usize;
                self.names[name].1 = draw_root(self.pools.len(), chance);
            }
        }
    }

    /// Returns the address of a member.
    pub(crate) fn address(&self, last: u32) -> IpAddr {
        let [a, b, c] = self.network;
        IpAddr::from([a, b, c, u8::try_from(last).expect("below 256")])
    }

    /// Writes the zone file.
    pub(crate) fn text(&self, check: CheckPlan) -> String {
        let mut text = format!(
            "zone = \"{}\"\nttl = \"{}s\"\n[checks.web]\ntype = \"tcp\"\nport = 80\ninterval = \"{}s\"\nfall = {}\nrise = {}\n",
            self.apex, self.ttl_secs, check.interval_secs, check.fall, check.rise
        );
        for (number, pool) in self.pools.iter().enumerate() {
            let members: Vec<String> = pool
                .members
                .iter()
                .map(|last| format!("\"{}\"", self.address(*last)))
                .collect();
            text += &format!(
                "[pools.p{number}]\ncheck = \"web\"\nmin-healthy = {}\nmembers = [{}]\n",
                pool.min_healthy,
                members.join(", ")
            );
        }
        text += "[names]\n\"@\".NS = \"ns.example.net.\"\n";
        for (name, tree) in &self.names {
            text += &match tree {
                Tree::Pool(pool) => format!("{name} = \"p{pool}\"\n"),
                tree => format!("{name} = {}\n", node(tree)),
            };
        }
        for work in &self.works {
            let from = leeward::clock::WallTime::from_millis(work.from_ms);
            let until = leeward::clock::WallTime::from_millis(work.until_ms);
            text += &format!(
                "[[maintenance]]\ndrain = [\"pool:p{}\"]\nfrom = {from}\nuntil = {until}\nreason = \"work\"\n",
                work.pool
            );
        }
        text
    }
}

/// Writes a tree as a node.
fn node(tree: &Tree) -> String {
    match tree {
        Tree::Pool(pool) => format!("\"p{pool}\""),
        Tree::Failover(list) => {
            let list: Vec<String> = list.iter().map(node).collect();
            format!("{{ failover = [{}] }}", list.join(", "))
        }
        Tree::Weighted(list) => {
            let branch = |(tree, weight): &(Tree, u32)| {
                format!("{{ to = {}, weight = {weight} }}", node(tree))
            };
            let list: Vec<String> = list.iter().map(branch).collect();
            format!("{{ weighted = [{}] }}", list.join(", "))
        }
        Tree::Geo(places, default) => {
            let mut keys: Vec<String> = places
                .iter()
                .map(|(place, tree)| format!("{place} = {}", node(tree)))
                .collect();
            keys.extend(
                default
                    .iter()
                    .map(|tree| format!("default = {}", node(tree))),
            );
            format!("{{ geo = {{ {} }} }}", keys.join(", "))
        }
    }
}

fn draw_pool(chance: &mut Chance) -> PoolPlan {
    let mut members: Vec<u32> = (0..=chance.below(3))
        .map(|_| 1 + chance.below(ADDRESSES_MAX))
        .collect();
    members.sort_unstable();
    members.dedup();
    PoolPlan {
        min_healthy: 1 + chance.below(members.len() as u32),
        members,
    }
}

fn draw_root(pools: usize, chance: &mut Chance) -> Tree {
    let mut left: Vec<usize> = (0..pools).collect();
    for at in (1..left.len()).rev() {
        left.swap(at, chance.below(at as u32 + 1) as usize);
    }
    draw_tree(&mut left, 3, chance).expect("there are pools left at the root")
}

/// Draws a tree from pools that are not named yet; `None` if there are none.
fn draw_tree(left: &mut Vec<usize>, depth: u32, chance: &mut Chance) -> Option<Tree> {
    let kind = if depth == 0 { 0 } else { chance.below(4) };
    if kind == 0 || left.len() < 2 {
        return left.pop().map(Tree::Pool);
    }
    let wanted = 2 + chance.below(2);
    let mut branches: Vec<Tree> = (0..wanted)
        .filter_map(|_| draw_tree(left, depth - 1, chance))
        .collect();
    if branches.len() < 2 {
        return branches.pop();
    }
    Some(match kind {
        1 => Tree::Failover(branches),
        2 => Tree::Weighted(
            branches
                .into_iter()
                .map(|tree| (tree, chance.below(3)))
                .collect(),
        ),
        _ => {
            let keys = [["DE", "EU", "US"], ["US", "NA", "EU"], ["FR", "DE", "NA"]];
            let keys = keys[chance.below(3) as usize];
            let default = (chance.below(2) == 0).then(|| branches.pop()).flatten();
            Tree::Geo(
                keys.into_iter().zip(branches).collect(),
                default.map(Box::new),
            )
        }
    })
}
