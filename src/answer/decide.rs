//! Decides: from a root down to members, over the bits of a view.
//!
//! In: a zone's policies, its view, where the client is, the type asked, a source of draws. Out: a [`Decision`].
//! Serving, explain and expectations run this one function; they differ in the [`Draw`] they pass, nothing else.
//!
//! Order at a group (rules a11-a15): the policy among candidates healthy in layer 0; if there is none, `all-down` if
//! written, else the same policy over layer 1, layer 2, all. The branch chosen is then decided afresh.

use crate::view::{Horizon, Layer, RunWeights, ZoneView};
use crate::wire::Rtype;
use crate::zone::{AllDown, NONE, Node, NodeId, NodeKind, Policies, RootId, Run, RunId};

use super::draw::{ANSWERS_MAX, Among, Candidates, Draw, LAST_KNOWN, Note, Picked, Weights};
use super::root_location::RootLocation;

/// Nodes that one decision passes from root to members (rule a42 allows depth 16; each level may add a wrapper).
pub const PATH_MAX: usize = 64;
/// Members in an answer where no count is written and weights are equal (rule a22).
pub const ANSWERS_DEFAULT: u8 = 8;

/// Result of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Members of a run, as the draw picked them.
    Members(RunId),
    /// The name exists, the type has nothing for this client now.
    NoData,
    /// SERVFAIL was asked for.
    ServFail,
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Members, or the reason why there are none.
    pub outcome: Outcome,
    /// TTL in seconds (rule a44).
    pub ttl: u32,
}

/// Zone data and location that a decision reads.
#[derive(Clone, Copy)]
pub struct DecisionInputs<'a> {
    /// The zone's policies.
    pub policies: &'a Policies,
    /// The zone's view.
    pub view: &'a ZoneView,
    /// Location of the client, as the root needs it.
    pub location: RootLocation<'a>,
}

/// Result of a choice at one group.
enum Step {
    Child(NodeId, usize),
    Stop(Outcome),
}

impl<'a> DecisionInputs<'a> {
    /// Decides what a root answers to a type.
    #[inline]
    pub fn decide(
        &self,
        root: RootId,
        rtype: Rtype,
        draw: &mut impl Draw,
        picked: &mut Picked,
    ) -> Decision {
        let horizon = self.horizon(root, draw);
        let root = &self.policies.roots[root as usize];
        let mut at = root.node;
        let mut ttl = u32::MAX;
        let mut answers = u8::MAX;
        picked.len = 0;
        let finish = |outcome, ttl| Decision {
            outcome,
            ttl: if ttl == u32::MAX {
                Horizon::cut(horizon, (root.ttl_min, root.ttl))
            } else {
                ttl
            },
        };
        let mut last = None;
        for _ in 0..PATH_MAX {
            let node = &self.policies.nodes[at as usize];
            let mut all_down = AllDown::LastResort;
            if node.options != 0 {
                let options = &self.policies.options[node.options as usize];
                ttl = ttl.min(
                    options
                        .ttl
                        .map_or(u32::MAX, |range| Horizon::cut(horizon, range)),
                );
                answers = if options.answers == 0 {
                    answers
                } else {
                    answers.min(options.answers)
                };
                all_down = options.all_down;
                draw.enter(options);
            }
            let step = match node.kind {
                NodeKind::Refer => Step::Child(node.first, 0),
                NodeKind::Pool => {
                    let context = (rtype, answers, all_down);
                    match self.pick_members((node, at), context, &mut last, draw, picked) {
                        Step::Stop(outcome) => {
                            let brought = self.brought_ttl(outcome, picked);
                            let decision = finish(outcome, ttl.min(brought));
                            return self.cut_to_leases(decision, draw, picked);
                        }
                        child => child,
                    }
                }
                _ => self.pick_child(node, all_down, &mut last, draw),
            };
            match step {
                Step::Child(child, layer) => {
                    if !matches!(node.kind, NodeKind::Pool) {
                        draw.visit(at, layer, Some(child));
                    }
                    at = child;
                }
                Step::Stop(outcome) => {
                    draw.visit(at, Among::All.layer(), None);
                    return finish(outcome, ttl);
                }
            }
        }
        finish(Outcome::ServFail, ttl)
    }

    /// Returns the smallest TTL that picked members of a merged run bring (rule a44).
    fn brought_ttl(&self, outcome: Outcome, picked: &Picked) -> u32 {
        let Outcome::Members(run) = outcome else {
            return u32::MAX;
        };
        let run = &self.policies.runs[run as usize];
        if run.ttls == NONE {
            return u32::MAX;
        }
        let brought =
            |&member: &u16| self.policies.member_ttls[run.ttls as usize + usize::from(member)];
        picked.members[..picked.len]
            .iter()
            .map(brought)
            .min()
            .unwrap_or(u32::MAX)
    }

    /// Returns the horizon of a root, if its TTL follows one.
    #[inline]
    fn horizon(&self, root: RootId, draw: &mut impl Draw) -> Option<Horizon> {
        let horizon = self.view.policy_state.as_deref()?.horizon(root)?;
        draw.note(Note::Horizon(horizon));
        Some(horizon)
    }

    /// Cuts the TTL to what is left of the leases that picked members live on (rule a28).
    #[inline]
    fn cut_to_leases(
        &self,
        mut decision: Decision,
        draw: &mut impl Draw,
        picked: &Picked,
    ) -> Decision {
        let Outcome::Members(run) = decision.outcome else {
            return decision;
        };
        let run = &self.policies.runs[run as usize];
        if let (true, Some(leases)) = (run.is_leased, &self.view.leases) {
            draw.uncut(decision.ttl);
            for &member in &picked.members[..picked.len] {
                let bit = run.first_bit + u32::from(member);
                let lease = self.policies.lease_of_member[bit as usize];
                // Members of other kinds have no lease.
                let left = leases.get(lease as usize).copied();
                decision.ttl = decision.ttl.min(left.unwrap_or(u32::MAX));
            }
        }
        decision
    }

    /// Returns the step that replaces last resort.
    fn instead(&self, all_down: AllDown) -> Option<Step> {
        match all_down {
            AllDown::LastResort | AllDown::All | AllDown::Last(_) => None,
            AllDown::NoData => Some(Step::Stop(Outcome::NoData)),
            AllDown::ServFail => Some(Step::Stop(Outcome::ServFail)),
            AllDown::Node(node) => Some(Step::Child(node, 0)),
        }
    }

    fn layers(&self) -> impl Iterator<Item = Among<'a>> + use<'a> {
        self.view
            .layers
            .iter()
            .enumerate()
            .map(|(n, layer)| Among::Living(layer, n))
    }

    fn pick_child(
        &self,
        node: &Node,
        all_down: AllDown,
        last: &mut Option<&'a Layer>,
        draw: &mut impl Draw,
    ) -> Step {
        let mut ways = self.layers();
        if let Some(first) = ways.next()
            && let Some(child) = self.pick_among(node, first, draw)
        {
            let is_trickling = node.kind == NodeKind::First && node.options != 0;
            let child = if is_trickling {
                let options = &self.policies.options[node.options as usize];
                self.trickled(node, options, child, first, draw)
            } else {
                child
            };
            return Step::Child(child, 0);
        }
        if let Some(among) = self.last_known(all_down, last)
            && let Some(child) = self.pick_among(node, among, draw)
        {
            return Step::Child(child, among.layer());
        }
        if let Some(instead) = self.instead(all_down) {
            return instead;
        }
        if all_down == AllDown::LastResort {
            for among in ways {
                if let Some(child) = self.pick_among(node, among, draw) {
                    return Step::Child(child, among.layer());
                }
            }
        }
        match self.pick_among(node, Among::All, draw) {
            Some(child) => Step::Child(child, Among::All.layer()),
            // A location without any branch for this client (route53 2.5.6, 2.8.6).
            None => Step::Stop(Outcome::NoData),
        }
    }

    #[inline]
    fn pick_among(&self, node: &Node, among: Among<'a>, draw: &mut impl Draw) -> Option<NodeId> {
        match node.kind {
            NodeKind::First if node.options != 0 => self
                .active_tier(node, among, draw)
                .or_else(|| self.first_living(node, among)),
            NodeKind::First => self.first_living(node, among),
            NodeKind::Weighted if node.options != 0 => {
                let options = &self.policies.options[node.options as usize];
                self.drawn_within(node, options, among, draw)
            }
            NodeKind::Weighted => self.drawn(node, among, draw),
            NodeKind::Located => {
                let is_living = |child: u16| self.is_living(node.first + u32::from(child), among);
                let found = self.location.find(node.extra, is_living);
                found.map(|child| node.first + u32::from(child))
            }
            NodeKind::Pool | NodeKind::Refer => Some(node.first),
        }
    }

    /// Returns the active tier that stays although an earlier one may be healthy (rules a40, a41).
    fn active_tier(&self, node: &Node, among: Among<'a>, draw: &mut impl Draw) -> Option<NodeId> {
        let number = self.policies.options[node.options as usize].failback?;
        let state = self.view.policy_state.as_deref()?;
        let active = state.active_tiers.get(number as usize)?;
        let tier = node.first + u32::from(active.tier);
        let stays = active.tier > 0 && self.is_living(tier, among);
        if stays && active.is_held {
            draw.note(Note::Held(number, active.since));
        }
        stays.then_some(tier)
    }

    /// Returns the bits of when a candidate was healthy last, here or further up (rule a14).
    fn last_known(&self, all_down: AllDown, last: &mut Option<&'a Layer>) -> Option<Among<'a>> {
        if let (AllDown::Last(number), None) = (all_down, &last) {
            let view: &'a ZoneView = self.view;
            let state = view.policy_state.as_deref()?;
            let known = state.last_known.get(number as usize)?;
            *last = known.as_deref();
        }
        last.map(|layer| Among::Living(layer, LAST_KNOWN))
    }

    fn first_living(&self, node: &Node, among: Among<'a>) -> Option<NodeId> {
        match among {
            Among::Living(layer, _) if !node.is_dependent && node.n <= 64 => {
                let living = layer.alive_word(node.first, u32::from(node.n));
                (living != 0).then(|| node.first + living.trailing_zeros())
            }
            _ => (node.first..node.first + u32::from(node.n))
                .find(|&child| self.is_living(child, among)),
        }
    }

    pub(super) fn drawn(
        &self,
        node: &Node,
        among: Among<'a>,
        draw: &mut impl Draw,
    ) -> Option<NodeId> {
        let tier = self.policies.sums[node.extra as usize] as u16;
        let sums = &self.policies.sums
            [node.extra as usize + 1..node.extra as usize + 1 + usize::from(tier)];
        let is_living = |child: u16| self.is_living(node.first + u32::from(child), among);
        let weights = if (0..tier).any(is_living) {
            Weights {
                first: node.first,
                sums,
                even_first: tier,
                n: node.n,
            }
        } else if (tier..node.n).any(is_living) {
            Weights {
                first: node.first,
                sums: &[],
                even_first: tier,
                n: node.n,
            }
        } else {
            return None;
        };
        Some(node.first + u32::from(draw.branch(weights, is_living)))
    }

    /// Returns whether a child is a candidate: by its bit, or for nodes that depend on location by walking them for
    /// this client (rule a11). A child without an answer for this client is not one, even where all are candidates:
    /// health alone never makes an answer empty (`route53` 1.8). Recursion is bounded by the depth of the tree.
    pub(super) fn is_living(&self, id: NodeId, among: Among<'a>) -> bool {
        if let Among::Living(layer, _) = among
            && !layer.is_alive(id)
        {
            return false;
        }
        let node = &self.policies.nodes[id as usize];
        if !node.is_dependent || (node.kind == NodeKind::Refer && node.extra == 1) {
            return true;
        }
        let children = node.first..node.first + u32::from(node.n);
        match node.kind {
            NodeKind::Located => {
                let is_living = |child: u16| self.is_living(node.first + u32::from(child), among);
                self.location.find(node.extra, is_living).is_some()
            }
            _ => children
                .into_iter()
                .any(|child| self.is_living(child, among)),
        }
    }

    /// Picks members of a pool for a type: from the run of that type, else from a run of targets (a CNAME).
    fn pick_members(
        &self,
        (node, id): (&Node, NodeId),
        (rtype, answers, all_down): (Rtype, u8, AllDown),
        last: &mut Option<&'a Layer>,
        draw: &mut impl Draw,
        picked: &mut Picked,
    ) -> Step {
        let first = node.first as usize;
        let runs = &self.policies.runs[first..first + usize::from(node.n)];
        let mut ways = self.layers();
        let mut chosen = ways
            .next()
            .and_then(|among| tier(runs, among).map(|tier| (among, tier)));
        if chosen.is_none()
            && let Some(among) = self.last_known(all_down, last)
        {
            chosen = tier(runs, among).map(|tier| (among, tier));
        }
        if chosen.is_none() {
            if let Some(instead) = self.instead(all_down) {
                draw.visit(id, 0, None);
                return instead;
            }
            if all_down == AllDown::LastResort {
                chosen = ways.find_map(|among| tier(runs, among).map(|tier| (among, tier)));
            }
        }
        let (among, tier) = chosen
            .unwrap_or_else(|| (Among::All, tier(runs, Among::All).unwrap_or(Tier::Weighted)));
        draw.visit(id, among.layer(), None);
        let wanted = runs
            .iter()
            .position(|run| run.rtype == rtype || run.rtype == Rtype::CNAME);
        let Some(at) = wanted else {
            return Step::Stop(Outcome::NoData);
        };
        let run = &runs[at];
        let (from, end) = match tier {
            Tier::Weighted => (0, run.weighted_len),
            Tier::Standby => (run.weighted_len, run.len),
        };
        let reduced = self.reduced((first + at) as RunId, among);
        let sums = self.sums(run, tier, reduced);
        let mut candidates = Candidates {
            run,
            first: from,
            end,
            among,
            sums,
            answers: answers_of(run, answers),
            reduced,
            turn: 0,
        };
        if let Some(weights) = reduced {
            candidates.take_turn(weights, draw);
        }
        if (from..end).any(|member| candidates.is_eligible(member)) {
            draw.members(candidates, picked);
            Step::Stop(Outcome::Members((first + at) as RunId))
        } else {
            // Decided together, and only the other family is healthy (rule a26).
            Step::Stop(Outcome::NoData)
        }
    }
}

impl<'a> DecisionInputs<'a> {
    /// Returns the weights of a run that ramps and degraded members reduce; they count among the healthy.
    fn reduced(&self, run: RunId, among: Among<'_>) -> Option<&'a RunWeights> {
        match &self.view.policy_state {
            Some(state) if among.layer() == 0 => state.run_weights(run),
            _ => None,
        }
    }

    /// Returns the running sums of weights of a run; none where all weigh the same.
    fn sums(&self, run: &Run, tier: Tier, reduced: Option<&'a RunWeights>) -> &'a [u32] {
        match (tier, run.sums, reduced) {
            (Tier::Standby, ..) | (_, NONE, _) => &[],
            (_, _, Some(weights)) => &weights.sums,
            (Tier::Weighted, sums, None) => {
                &self.policies.sums[sums as usize..sums as usize + usize::from(run.weighted_len)]
            }
        }
    }
}

/// Returns the most members of a run in an answer, if `written` is the smallest bound on the path.
fn answers_of(run: &Run, written: u8) -> usize {
    // Two names cannot both be canonical (RFC 2181, section 10.1).
    if run.rtype == Rtype::CNAME {
        return 1;
    }
    let default = if run.sums == NONE { ANSWERS_DEFAULT } else { 1 };
    let answers = if written == u8::MAX { default } else { written };
    usize::from(answers).min(ANSWERS_MAX)
}

/// Members of a pool that are candidates: those with weight above 0, or standby ones (rule a22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tier {
    Weighted,
    Standby,
}

#[inline]
fn tier(runs: &[Run], among: Among<'_>) -> Option<Tier> {
    let any = |from: fn(&Run) -> u16, to: fn(&Run) -> u16| {
        runs.iter().any(|run| match among {
            Among::All => from(run) < to(run),
            Among::Living(layer, _) => {
                let (from, to) = (u32::from(from(run)), u32::from(to(run)));
                (from..to)
                    .step_by(64)
                    .any(|at| layer.up_word(run.first_bit + at, (to - at).min(64)) != 0)
            }
        })
    };
    if any(|_| 0, |run| run.weighted_len) {
        Some(Tier::Weighted)
    } else if any(|run| run.weighted_len, |run| run.len) {
        Some(Tier::Standby)
    } else {
        None
    }
}
