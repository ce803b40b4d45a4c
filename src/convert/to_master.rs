//! A zone model as a master file.
//!
//! In: a model, its compiled zone, and the form of policies. Out: a canonical master file, and warnings about losses.
//! Never here: the text of a record, which `zonefile` writes.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, DiagnosticList};
use crate::model::{Follow, PolicyReach};
use crate::model::{
    MemberValue, NameModel, NodeKind, NodeModel, PoolBody, PoolModel, RrsetModel, ZoneModel,
};
use crate::wire::{AutoHints, Name, Rtype, hints_left_open, without_open_hints, written_text};
use crate::zone::Zone;
use crate::zonefile::{push_record, show_master_with};

use super::found::BOUNDS;
use super::to_toml::Conversion;

/// Most references followed for the word of a policy: twice what the reader allows (rule a42).
const DEPTH_MAX: usize = 32;

/// Form of names with a policy in a master file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyForm {
    /// A comment that names the pools.
    Comments,
    /// A plain record for every member.
    Records,
}

/// Writes a zone as a master file. The serial is the zone's.
pub fn convert_to_master(model: &ZoneModel, zone: &Zone, form: PolicyForm) -> Conversion {
    let mut found = DiagnosticList::new(BOUNDS);
    let mut text = format!(
        "; Made by `leeward convert` from {}.\n",
        one_line(&model.file.display().to_string())
    );
    if model.soa.serial.is_none() {
        let serial = zone.serial();
        let message = format!("the zone has no serial of its own; {serial} is written");
        let help = "write `serial` under `[soa]`, or raise it in the master file with each change";
        let told = Diagnostic::note("V012", 0..0, "", message).help(help);
        found.push(told.at(&model.file));
        text.push_str(&format!(
            "; The serial {serial} stands for one made from the time of the file.\n"
        ));
    }
    let mut dynamic: HashMap<&Name, &NameModel> = HashMap::new();
    for name in &model.names {
        let is_dynamic = name.policy.is_some() || !name.type_policies.is_empty();
        if is_dynamic || name.rrsets.iter().any(has_open_hints) {
            dynamic.insert(&name.owner, name);
        }
    }
    text.push_str(&show_master_with(zone, &mut |owner, text| {
        if let Some(name) = dynamic.get(owner) {
            for (own, node) in policies(name) {
                let policy = Policy::new(model, name, own, node);
                let lost = policy.write(form, text);
                found.push(policy.warning(form, lost).at(&model.file));
            }
            write_hinted(model, name, text);
        }
    }));
    Conversion {
        text: Some(text),
        diagnostics: found.finish("V099", &model.file),
    }
}

/// Returns whether a record set has hints that are decided for each query.
fn has_open_hints(set: &RrsetModel) -> bool {
    let mut rdata = set.rdata.iter();
    rdata.any(|rdata| hints_left_open(set.rtype, rdata) != AutoHints::default())
}

/// Writes record sets without the hints that are decided for each query.
fn write_hinted(model: &ZoneModel, name: &NameModel, text: &mut String) {
    for set in name.rrsets.iter().filter(|set| has_open_hints(set)) {
        let ttl = set.ttl_in(&name.options, model.ttl);
        let (owner, rtype) = (&name.owner, set.rtype);
        text.push_str(&format!(
            "; {owner} {rtype}: hints that are `auto` are left out:\n"
        ));
        for rdata in &set.rdata {
            push_record(text, (owner, ttl), rtype, &without_open_hints(rdata));
        }
    }
}

/// Returns a name's policies with the type each governs; `None` is every other type.
fn policies(name: &NameModel) -> impl Iterator<Item = (Option<Rtype>, &NodeModel)> {
    let typed = name.type_policies.iter();
    let typed = typed.map(|(rtype, node)| (Some(*rtype), node));
    name.policy.iter().map(|node| (None, &**node)).chain(typed)
}

/// Makes one line of a comment; control characters would end it.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, "?")
}

/// One policy of a name, with all that it may answer.
struct Policy<'m> {
    model: &'m ZoneModel,
    name: &'m NameModel,
    rtype: Option<Rtype>,
    node: &'m NodeModel,
    /// Pools with members, in the order of the walk.
    pools: Vec<&'m PoolModel>,
    /// Address records of names that are referred to.
    rrsets: Vec<&'m RrsetModel>,
    ttl: u32,
    records: Vec<(Rtype, Vec<u8>)>,
    targets: Vec<&'m Name>,
    /// Targets answered as their addresses: at the apex, and where it is written (rule a27).
    flattened: Vec<&'m Name>,
}

impl<'m> Policy<'m> {
    fn new(
        model: &'m ZoneModel,
        name: &'m NameModel,
        rtype: Option<Rtype>,
        node: &'m NodeModel,
    ) -> Self {
        let mut reach = PolicyReach::new(model, Follow::Answers);
        reach.add_node(node);
        let pools: Vec<&PoolModel> = reach.plain_pools().map(|(_, pool)| pool).collect();
        let names = reach.names().iter().map(|&id| &model.names[id]);
        let is_address = |set: &&RrsetModel| matches!(set.rtype, Rtype::A | Rtype::AAAA);
        let mut policy = Self {
            model,
            name,
            rtype,
            node,
            ttl: lowest_ttl(model, name, node, &pools),
            records: Vec::new(),
            targets: Vec::new(),
            flattened: Vec::new(),
            pools,
            rrsets: names
                .flat_map(|name| &name.rrsets)
                .filter(is_address)
                .collect(),
        };
        policy.collect(name.owner == model.apex);
        policy
    }

    fn collect(&mut self, is_apex: bool) {
        let others: Vec<Rtype> = self
            .name
            .type_policies
            .iter()
            .map(|(own, _)| *own)
            .collect();
        let rtype = self.rtype;
        let is_governed = |found: Rtype| match rtype {
            Some(rtype) => found == rtype,
            None => !others.contains(&found),
        };
        let mut records: Vec<(Rtype, Vec<u8>)> = Vec::new();
        for member in self.pools.iter().flat_map(|pool| members(pool)) {
            let record = match &member.value {
                MemberValue::Address(std::net::IpAddr::V4(v4)) => (Rtype::A, v4.octets().to_vec()),
                MemberValue::Address(std::net::IpAddr::V6(v6)) => {
                    (Rtype::AAAA, v6.octets().to_vec())
                }
                MemberValue::Record(rtype, octets) => (*rtype, octets.to_vec()),
                MemberValue::Target(target) => {
                    let list = if is_apex || member.flatten {
                        &mut self.flattened
                    } else {
                        &mut self.targets
                    };
                    if !list.contains(&target) {
                        list.push(target);
                    }
                    continue;
                }
            };
            records.push(record);
        }
        for set in &self.rrsets {
            records.extend(set.rdata.iter().map(|rdata| (set.rtype, rdata.to_vec())));
        }
        let mut seen = std::collections::HashSet::new();
        records.retain(|record| is_governed(record.0) && seen.insert(record.clone()));
        // One RRset after the other; within one as written.
        records.sort_by_key(|(rtype, _)| *rtype);
        self.records = records;
    }

    /// Writes the policy into a master file; returns the targets that had to be left out.
    fn write(&self, form: PolicyForm, text: &mut String) -> Vec<&'m Name> {
        let owner = &self.name.owner;
        match form {
            PolicyForm::Comments => {
                text.push_str(&format!("; {owner} {}:\n", self.summary()));
                self.write_pools(text);
                Vec::new()
            }
            PolicyForm::Records => {
                text.push_str(&format!(
                    "; {owner} {}; every member is written:\n",
                    self.summary()
                ));
                for (rtype, rdata) in &self.records {
                    let is_service = matches!(*rtype, Rtype::SVCB | Rtype::HTTPS);
                    let closed = is_service.then(|| without_open_hints(rdata));
                    let rdata = closed.as_deref().unwrap_or(rdata);
                    push_record(text, (owner, self.ttl), *rtype, rdata);
                }
                let mut lost = self.flattened.clone();
                // An alias stands alone (RFC 1034, section 3.6.2).
                let is_alone = self.records.is_empty()
                    && self.name.rrsets.is_empty()
                    && self.name.type_policies.len() + usize::from(self.name.policy.is_some()) == 1;
                let mut targets = self.targets.iter().copied();
                if is_alone && let Some(target) = targets.next() {
                    push_record(text, (owner, self.ttl), Rtype::CNAME, target.octets());
                }
                lost.extend(targets);
                for target in &lost {
                    text.push_str(&format!(";   left out: target {target}\n"));
                }
                lost
            }
        }
    }

    fn write_pools(&self, text: &mut String) {
        for pool in &self.pools {
            let values: Vec<String> = members(pool)
                .iter()
                .map(|member| value_text(&member.value))
                .collect();
            text.push_str(&format!(
                ";   {}: {}\n",
                one_line(&pool.id),
                values.join(", ")
            ));
        }
        for set in &self.rrsets {
            let values: Vec<String> = set
                .rdata
                .iter()
                .map(|rdata| written_text(set.rtype, rdata))
                .collect();
            text.push_str(&format!(
                ";   static {}: {}\n",
                set.rtype,
                values.join(", ")
            ));
        }
    }

    /// Describes the policy, which no record holds.
    fn summary(&self) -> String {
        let what = self
            .rtype
            .map_or_else(String::new, |rtype| format!("{rtype} "));
        let pools: Vec<&str> = self.pools.iter().map(|pool| pool.id.as_str()).collect();
        let pools = if pools.is_empty() {
            "other names".to_owned()
        } else {
            one_line(&pools.join(", "))
        };
        format!(
            "{what}is answered by {} among {pools}",
            word(self.model, self.node, 0)
        )
    }

    fn warning(&self, form: PolicyForm, lost: Vec<&Name>) -> Diagnostic {
        let owner = &self.name.owner;
        let summary = self.summary();
        let (code, message, help) = match form {
            PolicyForm::Comments => (
                "V010",
                format!("{owner} {summary}; it is written as a comment"),
                "`--expand` writes every member as a plain record",
            ),
            PolicyForm::Records if lost.is_empty() => (
                "V011",
                format!("{owner} {summary}; every member is written as a plain record"),
                "health, weights and places are lost",
            ),
            PolicyForm::Records => {
                let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
                let lost = lost.join(", ");
                (
                    "V011",
                    format!(
                        "{owner} {summary}; the rest is written as plain records, but not {lost}"
                    ),
                    "a name has one CNAME and nothing beside it; health, weights and places are lost",
                )
            }
        };
        Diagnostic::warning(code, self.name.span.clone(), "", message).help(help)
    }
}

fn members(pool: &PoolModel) -> &[crate::model::MemberModel] {
    match &pool.body {
        PoolBody::Members(members) => members,
        PoolBody::Policy(_) => &[],
    }
}

/// Returns the smallest TTL written on any path through the policy, else the zone's, seconds (rule a44).
fn lowest_ttl(model: &ZoneModel, name: &NameModel, node: &NodeModel, pools: &[&PoolModel]) -> u32 {
    let pools = pools.iter().map(|pool| pool.ttl);
    let written = [name.options.ttl, node.options.ttl]
        .into_iter()
        .chain(pools);
    let lowest = written.flatten().map(|ttl| ttl.max).min();
    lowest.unwrap_or(model.ttl.max)
}

/// Returns the name of the policy that decides first.
fn word(model: &ZoneModel, node: &NodeModel, depth: usize) -> &'static str {
    match &node.kind {
        // A reference says nothing by itself; the reader allows no cycle, and what is deeper is not worth a word.
        NodeKind::To(inner) if depth < DEPTH_MAX => word(model, inner, depth + 1),
        NodeKind::Pool(id) => match &model.pools[*id].body {
            PoolBody::Policy(inner) if depth < DEPTH_MAX => word(model, inner, depth + 1),
            _ => "health",
        },
        NodeKind::Name(id) => match &model.names[*id].policy {
            Some(inner) if depth < DEPTH_MAX => word(model, inner, depth + 1),
            _ => "health",
        },
        NodeKind::To(_) => "a policy",
        NodeKind::Failover(_) => "failover",
        NodeKind::Weighted(_) => "weight",
        NodeKind::Geo(_) => "place",
        NodeKind::Subnets(_) => "client subnet",
        NodeKind::Nearest(_) => "distance",
        NodeKind::Latency(_) => "latency",
        NodeKind::Multivalue(_) => "multivalue",
    }
}

fn value_text(value: &MemberValue) -> String {
    match value {
        MemberValue::Address(address) => address.to_string(),
        MemberValue::Target(name) => format!("target {name}"),
        MemberValue::Record(rtype, octets) => format!("{rtype} {}", written_text(*rtype, octets)),
    }
}
