//! Policy trees to nodes (rules a11-a15, a42, a43).

use crate::health::{FailbackRule, WeeklyWindow};
use crate::wire::Rtype;
use crate::zone::{AllDown, Condition, NodeSpec, Options};

use super::compiler::{Compiler, Family};
use crate::model::{AllDownModel, BranchModel, Failback, NameId, NodeKind, NodeModel, NodeOptions};

impl<'m> Compiler<'m> {
    /// Compiles a node for a family; `None` if nothing below has members of it.
    pub(super) fn node_spec(&mut self, node: &'m NodeModel, family: Family) -> Option<NodeSpec> {
        let options = self.options(&node.options, family);
        self.node_spec_with(node, family, options, &node.options)
    }

    /// Compiles the policy of a name. `all-down = "all"` stands beside the policy in the name's table and means the
    /// policy's own candidates, not the policy as the one candidate of its name (rule a14).
    pub(super) fn policy_spec(
        &mut self,
        id: NameId,
        node: &'m NodeModel,
        family: Family,
    ) -> Option<NodeSpec> {
        let place = self.place_of(id);
        self.at_place(place, |this| this.policy_spec_here(id, node, family))
    }

    fn place_of(&self, id: NameId) -> String {
        let owner = &self.model.names[id].owner;
        owner.to_relative(&self.model.apex)
    }

    fn policy_spec_here(
        &mut self,
        id: NameId,
        node: &'m NodeModel,
        family: Family,
    ) -> Option<NodeSpec> {
        let mut options = self.options(&node.options, family);
        let is_reference = matches!(
            node.kind,
            NodeKind::Pool(_) | NodeKind::Name(_) | NodeKind::To(_)
        );
        let of_name = &self.model.names[id].options.all_down;
        // The last known state is of the name as a whole; without one all are taken.
        let takes_all = matches!(of_name, Some(AllDownModel::All | AllDownModel::Last));
        if takes_all && !is_reference && node.options.all_down.is_none() {
            options.all_down = AllDown::All;
        }
        // What belongs to one policy is written beside it, and there stands the name's table.
        let name = &self.model.names[id];
        let is_own = name
            .policy
            .as_deref()
            .is_some_and(|own| std::ptr::eq(own, node));
        let own = if is_own { &name.options } else { &node.options };
        self.node_spec_with(node, family, options, own)
    }

    fn node_spec_with(
        &mut self,
        node: &'m NodeModel,
        family: Family,
        mut options: Options,
        own: &'m NodeOptions,
    ) -> Option<NodeSpec> {
        let spec = match &node.kind {
            NodeKind::Pool(id) => self
                .pool_spec(*id, family)
                .map(|spec| self.wrap(spec, options)),
            NodeKind::Name(id) => self
                .name_spec(*id, family)
                .map(|spec| self.wrap(spec, options)),
            NodeKind::To(inner) => self
                .at_step("to", |this| this.node_spec(inner, family))
                .map(|spec| self.wrap(spec, options)),
            NodeKind::Failover(branches) => {
                options.trickle_percent = own.trickle_percent;
                let children = self.branches(branches, family);
                (!children.is_empty()).then(|| {
                    let children: Vec<NodeSpec> =
                        children.into_iter().map(|(_, spec)| spec).collect();
                    options.failback = self.failback(&own.failback, &children, family);
                    self.policies.first(children, options)
                })
            }
            NodeKind::Weighted(branches) => self.weighted_spec(branches, family, options, own),
            NodeKind::Geo(keyed) => self.geo_spec(keyed, family, options),
            NodeKind::Subnets(keyed) => self.subnets_spec(keyed, family, options),
            NodeKind::Nearest(branches) => self.nearest_spec(branches, family, options),
            NodeKind::Latency(branches) => {
                self.latency_spec(branches, family, options, own.times.as_deref())
            }
            NodeKind::Multivalue(pools) => self.multivalue_spec(pools, family, options),
        }?;
        let gate = self.condition_of_all(&node.options.checks, None);
        Some(self.policies.gated(spec, gate))
    }

    /// Returns the number of a failback; `auto` and a single tier remember nothing.
    fn failback(&mut self, written: &Failback, tiers: &[NodeSpec], family: Family) -> Option<u32> {
        let rule = match written {
            Failback::Auto => return None,
            Failback::Manual => FailbackRule::Manual,
            Failback::After(calm) => FailbackRule::After(*calm),
            Failback::Window(text) => FailbackRule::Window(WeeklyWindow::parse(text)?),
        };
        let labels = tiers.iter().map(|tier| tier.label.clone()).collect();
        let (key, place) = (self.trail.key(family), self.trail.place.clone());
        (tiers.len() > 1).then(|| self.policies.failback(key, place, rule, labels))
    }

    /// Puts options around a node: a group of one candidate, whose `all-down` is then looked at like any other.
    pub(super) fn wrap(&mut self, spec: NodeSpec, options: Options) -> NodeSpec {
        if options == Options::default() {
            return spec;
        }
        let label = spec.label.clone();
        let mut wrapped = self.policies.first(vec![spec], options);
        wrapped.label = label;
        wrapped
    }

    pub(super) fn options(&mut self, options: &'m NodeOptions, family: Family) -> Options {
        let all_down = match &options.all_down {
            None => AllDown::LastResort,
            Some(AllDownModel::All) => AllDown::All,
            Some(AllDownModel::Last) => {
                let key = self.trail.key(family);
                AllDown::Last(self.policies.last_known(key))
            }
            Some(AllDownModel::NoData) => AllDown::NoData,
            Some(AllDownModel::ServFail) => AllDown::ServFail,
            Some(AllDownModel::Node(node)) => {
                match self.at_step("all-down", |this| this.node_spec(node, family)) {
                    Some(spec) => {
                        let spec = self.policies.last_resort_all(spec);
                        AllDown::Node(self.policies.place(vec![spec]))
                    }
                    None => AllDown::NoData,
                }
            }
        };
        let ttl = options.ttl.map(|ttl| (ttl.min, ttl.max));
        Options {
            ttl,
            answers: options.answers.unwrap_or(0),
            all_down,
            sticky: options.sticky.unwrap_or_default(),
            ..Options::default()
        }
    }

    pub(super) fn branches(
        &mut self,
        branches: &'m [BranchModel],
        family: Family,
    ) -> Vec<(usize, NodeSpec)> {
        let compiled = branches.iter().enumerate();
        compiled
            .filter_map(|(at, branch)| Some((at, self.branch_spec(branch, family)?)))
            .collect()
    }

    pub(super) fn branch_spec(
        &mut self,
        branch: &'m BranchModel,
        family: Family,
    ) -> Option<NodeSpec> {
        let mut spec = self.at_step(&branch.label, |this| this.node_spec(&branch.node, family))?;
        if !branch.follow_health {
            spec = self.policies.always(spec);
        }
        let gate = self.condition_of_all(&branch.checks, None);
        spec = self.policies.gated(spec, gate);
        spec.label = branch.label.as_str().into();
        Some(spec)
    }

    /// Compiles `"name:x"`: the record set of another name for this family (rule a42).
    pub(super) fn name_spec(&mut self, id: NameId, family: Family) -> Option<NodeSpec> {
        if let Some(known) = self.name_specs.get(&(id, family)) {
            return known.clone();
        }
        let model = self.model;
        let name = &model.names[id];
        let own = |rtype| {
            name.type_policies
                .iter()
                .find(|(known, _)| *known == rtype)
                .map(|(_, node)| node)
        };
        let policy = match family {
            Family::Type(rtype) => own(rtype).or(name.policy.as_deref()),
            Family::Together | Family::Addresses => {
                name.policy.as_deref().or_else(|| own(Rtype::A))
            }
        };
        let spec = match policy {
            Some(node) => self.policy_spec(id, node, family),
            None => self.static_spec(id, family),
        };
        let spec = spec.map(|spec| self.with_name_options(id, spec, family));
        self.name_specs.insert((id, family), spec.clone());
        spec
    }

    /// Puts the options and gates of a name around its policy.
    pub(super) fn with_name_options(
        &mut self,
        id: NameId,
        spec: NodeSpec,
        family: Family,
    ) -> NodeSpec {
        let model = self.model;
        let name = &model.names[id];
        let place = self.place_of(id);
        let options = self.at_place(place, |this| {
            this.at_step("name", |this| this.options(&name.options, family))
        });
        let mut spec = self.wrap(spec, options);
        let gate = self.condition_of_all(&name.options.checks, None);
        spec = self.policies.gated(spec, gate);
        spec.label = format!("name:{}", name.owner.to_relative(&model.apex)).into();
        spec
    }

    /// A static record set as a branch: every record at once, healthy for ever (rule a42).
    pub(super) fn static_spec(&mut self, id: NameId, family: Family) -> Option<NodeSpec> {
        let model = self.model;
        let name = &model.names[id];
        let is_wanted = |rtype: Rtype| match family {
            Family::Type(wanted) => rtype == wanted,
            Family::Together | Family::Addresses => matches!(rtype, Rtype::A | Rtype::AAAA),
        };
        let mut sets: Vec<_> = name
            .rrsets
            .iter()
            .filter(|set| is_wanted(set.rtype))
            .collect();
        sets.sort_by_key(|set| set.rtype);
        let mut first = None;
        let always = self.policies.condition(Condition::Constant(true));
        let label = format!("name:{}", name.owner.to_relative(&model.apex));
        for set in &sets {
            let pool = self.policies.pool(&label);
            let members = set.rdata.iter().map(|rdata| crate::zone::MemberSpec {
                rdata: rdata.clone(),
                weight: 1,
                condition: always,
                hold: crate::zone::Hold::None,
                ttl: None,
                lease: None,
                label: crate::zone::MemberLabel {
                    pool,
                    text: crate::wire::written_text(set.rtype, rdata),
                    site: String::new(),
                },
            });
            let spec = crate::zone::RunSpec {
                rtype: set.rtype,
                members: members.collect(),
            };
            let (run, _) = self.policies.run(spec);
            first = first.or(Some(run));
        }
        let options = Options {
            answers: 64,
            ttl: sets
                .iter()
                .filter_map(|set| set.ttl)
                .min()
                .map(|ttl| (ttl, ttl)),
            ..Options::default()
        };
        Some(
            self.policies
                .pool_node(first?, sets.len() as u16, 1, options),
        )
    }
}
