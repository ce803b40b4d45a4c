//! What stands inside each policy: branches with their options.
//!
//! In: a policy key with its value. Out: a [`NodeKind`]. Never here: options of nodes, places, prefixes.

use std::collections::HashMap;

use super::geo::read_geo;
use super::known::{Key, finish, number, take_boolean, take_number};
use super::location::read_location;
use super::nodes::{DEPTH_MAX, plain_node, read_node, read_options, read_reference};
use super::reader::{Reader, UsedOn};
use super::subnets::read_subnets;
use crate::config::keys::{KeyGroup, keys_of};
use crate::config::values::{Entry, Table, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::model::{BranchModel, Location, NodeKind, NodeModel, PoolId};

/// Bounds of the zone format, section 2.
const FAILOVER_MAX: usize = 16;
const BRANCHES_MAX: usize = 100;

/// A branch, the `in` of a subnet branch, and where it stands.
pub(super) struct ReadBranch<'d> {
    pub(super) branch: BranchModel,
    pub(super) within: Option<Value<'d>>,
    pub(super) span: Span,
    pub(super) path: String,
}

/// Reads one policy. `depth` counts the nodes above it within its item.
pub(super) fn read_policy(
    reader: &mut Reader<'_>,
    policy: &Entry<'_>,
    depth: usize,
) -> Option<NodeKind> {
    let depth = depth + 1;
    if depth > DEPTH_MAX {
        reader.faults.push(
            Diagnostic::fault(
                "L035",
                policy.key_span(),
                &policy.value.path,
                format!("policies are nested more than {DEPTH_MAX} deep"),
            )
            .label("too deep"),
        );
        return None;
    }
    if matches!(policy.key, "geo" | "subnets" | "nearest" | "latency") {
        reader.located.insert(reader.current);
    }
    let value = &policy.value;
    match policy.key {
        "to" => read_node(reader, value, depth - 1).map(|node| NodeKind::To(Box::new(node))),
        "failover" => read_failover(reader, value, depth),
        "weighted" => read_weighted(reader, value, depth),
        "geo" => read_geo(reader, value, depth),
        "subnets" => read_subnets(reader, value, depth),
        "nearest" | "latency" => read_located(reader, policy, depth),
        _ => read_multivalue(reader, value),
    }
}

/// Reads a branch: a node, or `{ to = NODE }` with branch options.
pub(super) fn read_branch<'d>(
    reader: &mut Reader<'_>,
    value: &Value<'d>,
    policy: &str,
    depth: usize,
) -> Option<ReadBranch<'d>> {
    let table = value.as_table().filter(|table| table.has("to"));
    let Some(mut table) = table else {
        let node = read_node(reader, value, depth)?;
        return Some(bare_branch(reader, node, value));
    };
    let checks = table
        .take_value("check")
        .map(|value| reader.check_refs(&value, UsedOn::Policy))
        .unwrap_or_default();
    let key = Key(KeyGroup::Branch, "follow-health", policy);
    let follow_health = take_boolean(&mut table, key, &mut reader.faults).unwrap_or(true);
    let own = read_branch_options(reader, &mut table, policy);
    let to = table.take("to")?;
    let options = read_options(reader, &mut table, Some(&to));
    let has_options = keys_of(&[KeyGroup::Options], &[])
        .iter()
        .any(|key| *key != "check" && table.has(key));
    let noun = format!("a branch of `{policy}`");
    let of = (
        &[KeyGroup::Branch, KeyGroup::Options][..],
        &[policy, "node"][..],
    );
    finish(table, &noun, of, &mut reader.faults);
    let node = read_node(reader, &to.value, depth)?;
    let label = label_of(reader, &node, value);
    let own = own?;
    let location = own.location.or_else(|| pool_location(reader, &node));
    let node = if has_options {
        NodeModel {
            kind: NodeKind::To(Box::new(node)),
            options,
            span: value.span(),
        }
    } else {
        node
    };
    Some(ReadBranch {
        branch: BranchModel {
            node,
            checks,
            follow_health,
            weight: own.weight,
            bias: own.bias,
            location,
            label,
        },
        within: own.within,
        span: value.span(),
        path: value.path.clone(),
    })
}

/// What a branch of one policy has and others have not.
struct BranchOptions<'d> {
    weight: u16,
    bias: i8,
    location: Option<Location>,
    within: Option<Value<'d>>,
}

/// Reads what belongs to branches of this policy.
fn read_branch_options<'d>(
    reader: &mut Reader<'_>,
    table: &mut Table<'d>,
    policy: &str,
) -> Option<BranchOptions<'d>> {
    let mut options = BranchOptions {
        weight: 1,
        bias: 0,
        location: None,
        within: None,
    };
    let key = |key| Key(KeyGroup::Branch, key, policy);
    match policy {
        "weighted" => {
            options.weight = take_number(table, key("weight"), &mut reader.faults)?;
        }
        "nearest" | "latency" => {
            if policy == "nearest" {
                options.bias = take_number(table, key("bias"), &mut reader.faults)?;
            }
            if let Some(value) = table.take_value("at") {
                options.location = Some(read_location(reader, &value)?);
            }
        }
        "subnets" => {
            options.within = table.take_value("in");
        }
        _ => {}
    }
    Some(options)
}

fn bare_branch<'d>(reader: &Reader<'_>, node: NodeModel, value: &Value<'_>) -> ReadBranch<'d> {
    let label = label_of(reader, &node, value);
    let location = pool_location(reader, &node);
    ReadBranch {
        branch: BranchModel {
            node,
            checks: Vec::new(),
            follow_health: true,
            weight: 1,
            bias: 0,
            location,
            label,
        },
        within: None,
        span: value.span(),
        path: value.path.clone(),
    }
}

/// How messages and traces name a branch.
fn label_of(reader: &Reader<'_>, node: &NodeModel, value: &Value<'_>) -> String {
    match node.kind {
        NodeKind::Pool(id) => reader.index.pools[id].id.clone(),
        NodeKind::Name(id) => {
            let owner = &reader.index.names[id].owner;
            format!("name:{}", owner.to_relative(&reader.apex))
        }
        _ => value.path.clone(),
    }
}

fn pool_location(reader: &Reader<'_>, node: &NodeModel) -> Option<Location> {
    match node.kind {
        NodeKind::Pool(id) if reader.index.pools[id].is_plain => {
            reader.index.pools[id].location.clone()
        }
        _ => None,
    }
}

/// Reports branches that lead to the same place (rule a15); keeps the first.
fn validate_repeats(reader: &mut Reader<'_>, branches: &[ReadBranch<'_>], policy: &str) {
    let mut seen: HashMap<&str, &Span> = HashMap::new();
    for read in branches {
        if !matches!(read.branch.node.kind, NodeKind::Pool(_) | NodeKind::Name(_)) {
            continue;
        }
        if let Some(first) = seen.insert(&read.branch.label, &read.span) {
            reader.faults.push(
                Diagnostic::fault(
                    "L046",
                    read.span.clone(),
                    &read.path,
                    format!("`{}` stands twice in one `{policy}`", read.branch.label),
                )
                .label("again here")
                .related(first.clone(), "first here"),
            );
        }
    }
}

fn strip(branches: Vec<ReadBranch<'_>>) -> Vec<BranchModel> {
    branches.into_iter().map(|read| read.branch).collect()
}

fn read_failover(reader: &mut Reader<'_>, value: &Value<'_>, depth: usize) -> Option<NodeKind> {
    let items = if let Some(mut table) = value.as_table() {
        let help = "write `{ primary = \"a\", secondary = \"b\" }` or a list `[\"a\", \"b\"]`";
        let primary = table.require("primary", help, &mut reader.faults);
        let secondary = table.require("secondary", help, &mut reader.faults);
        finish(
            table,
            "`failover`",
            (&[KeyGroup::Failover], &[]),
            &mut reader.faults,
        );
        vec![primary?, secondary?]
    } else if let Some(items) = value.items() {
        items
    } else {
        reader.faults.wrong_type(
            value,
            "a list such as `[\"a\", \"b\"]`, or `{ primary = \"a\", secondary = \"b\" }`",
        );
        return None;
    };
    if !reader.faults.count(value, items.len(), FAILOVER_MAX) {
        return None;
    }
    if items.len() == 1 {
        reader.faults.push(
            Diagnostic::warning(
                "L047",
                value.span(),
                &value.path,
                "a failover list of one has nowhere to fail over to".to_owned(),
            )
            .label("only one tier")
            .help("add a second tier, or write `to = ...`"),
        );
    }
    let branches: Vec<ReadBranch<'_>> = items
        .iter()
        .filter_map(|item| read_branch(reader, item, "failover", depth))
        .collect();
    validate_repeats(reader, &branches, "failover");
    Some(NodeKind::Failover(strip(branches)))
}

fn read_weighted(reader: &mut Reader<'_>, value: &Value<'_>, depth: usize) -> Option<NodeKind> {
    if let Some(items) = value.items() {
        if !reader.faults.count(value, items.len(), BRANCHES_MAX) {
            return None;
        }
        let branches: Vec<ReadBranch<'_>> = items
            .iter()
            .filter_map(|item| read_branch(reader, item, "weighted", depth))
            .collect();
        validate_repeats(reader, &branches, "weighted");
        return Some(NodeKind::Weighted(strip(branches)));
    }
    let Some(table) = value.as_table() else {
        reader.faults.wrong_type(
            value,
            "a table such as `{ us = 70, eu = 30 }`, or a list of branches with `weight`",
        );
        return None;
    };
    if !reader.faults.count(value, table.len(), BRANCHES_MAX) {
        return None;
    }
    let mut branches = Vec::new();
    for entry in table.entries() {
        branches.extend(read_weight(reader, entry, depth));
    }
    Some(NodeKind::Weighted(branches))
}

/// Reads `reference = weight`.
fn read_weight(reader: &mut Reader<'_>, entry: &Entry<'_>, depth: usize) -> Option<BranchModel> {
    if let Some(inner) = entry.value.as_table() {
        // `us.east = 70` is read as a table within a table (rule a2).
        let rest: Vec<&str> = inner.entries().iter().map(|inner| inner.key).collect();
        reader.faults.push(
            Diagnostic::fault(
                "L004",
                entry.key_span(),
                &entry.value.path,
                format!("`{}` was split at its dot", [&[entry.key][..], &rest].concat().join(".")),
            )
            .label("read as a table within a table")
            .help("ids hold no dots; use the id of the pool, or a list of branches: `[{ to = \"pool\", weight = 70 }]`"),
        );
        return None;
    }
    let key = Value {
        raw: entry.value.raw,
        range: entry.key_range.clone(),
        path: entry.value.path.clone(),
    };
    let kind = read_reference(reader, entry.key, &key, depth);
    let key_of_weight = Key(KeyGroup::Branch, "weight", "weighted");
    let weight = number(&entry.value, key_of_weight, &mut reader.faults);
    let mut read = bare_branch(reader, plain_node(kind?, entry.key_span()), &key);
    read.branch.weight = weight?;
    Some(read.branch)
}

/// Reads `nearest` and `latency`: every branch needs a point (rule a20).
fn read_located(reader: &mut Reader<'_>, policy: &Entry<'_>, depth: usize) -> Option<NodeKind> {
    let value = &policy.value;
    let Some(items) = value.items() else {
        reader
            .faults
            .wrong_type(value, "a list of pools, or of branches with `at`");
        return None;
    };
    if !reader.faults.count(value, items.len(), BRANCHES_MAX) {
        return None;
    }
    let mut branches = Vec::new();
    for item in &items {
        let Some(read) = read_branch(reader, item, policy.key, depth) else {
            continue;
        };
        if read.branch.location.is_none() && item_has_no_at(item) {
            no_location(reader, item, &read.branch, policy.key);
        }
        branches.push(read);
    }
    if policy.key == "latency" {
        validate_regions(reader, &branches);
        return Some(NodeKind::Latency(strip(branches)));
    }
    Some(NodeKind::Nearest(strip(branches)))
}

fn item_has_no_at(item: &Value<'_>) -> bool {
    item.as_table().is_none_or(|table| !table.has("at"))
}

fn no_location(reader: &mut Reader<'_>, item: &Value<'_>, branch: &BranchModel, policy: &str) {
    let diagnostic = Diagnostic::fault(
        "L058",
        item.span(),
        &item.path,
        format!("`{policy}` does not know where `{}` is", branch.label),
    )
    .label("no location");
    let diagnostic = match branch.node.kind {
        NodeKind::Pool(id) if reader.index.pools[id].is_plain => diagnostic
            .related(reader.index.pools[id].span.clone(), "this pool has no `at`")
            .help("add `at = \"eu-west-1\"` or `at = { lat = 52.3, lon = 4.8 }` to the pool"),
        _ => diagnostic.help(
            "only a pool with members has a place of its own; write `{ to = ..., at = \"eu-west-1\" }`",
        ),
    };
    reader.faults.push(diagnostic);
}

fn validate_regions(reader: &mut Reader<'_>, branches: &[ReadBranch<'_>]) {
    let mut seen: HashMap<String, Span> = HashMap::new();
    for read in branches {
        let code = read.branch.location.as_ref().and_then(|at| at.code.clone());
        let Some(code) = code else {
            continue;
        };
        if let Some(first) = seen.get(&code) {
            reader.faults.push(
                Diagnostic::fault(
                    "L059",
                    read.span.clone(),
                    &read.path,
                    format!("the region `{code}` has two branches in one `latency`"),
                )
                .label("again here")
                .help("put both into one node: `{ to = { failover = [...] }, at = ... }`")
                .related(first.clone(), "first here"),
            );
        }
        seen.entry(code).or_insert_with(|| read.span.clone());
    }
}

/// Reads `multivalue`: plain pools only (rule a47).
fn read_multivalue(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<NodeKind> {
    let Some(items) = value.items() else {
        reader.faults.wrong_type(value, "a list of pools");
        return None;
    };
    if !reader.faults.count(value, items.len(), BRANCHES_MAX) {
        return None;
    }
    let mut pools: Vec<PoolId> = Vec::new();
    for item in &items {
        let text = item.as_str();
        let is_reference_to_name = text.is_some_and(|text| text.starts_with("name:"));
        let id = match text {
            Some(text) if !is_reference_to_name => match reader.pool(text, item) {
                Some(id) => id,
                None => continue,
            },
            _ => {
                not_plain(reader, item, None);
                continue;
            }
        };
        if !reader.index.pools[id].is_plain {
            not_plain(reader, item, Some(id));
        } else if pools.contains(&id) {
            reader.faults.push(
                Diagnostic::fault(
                    "L046",
                    item.span(),
                    &item.path,
                    format!(
                        "`{}` stands twice in one `multivalue`",
                        reader.index.pools[id].id
                    ),
                )
                .label("again here"),
            );
        } else {
            reader.add_edge(super::reader::Item::Pool(id), 1, item, false);
            pools.push(id);
        }
    }
    Some(NodeKind::Multivalue(pools))
}

fn not_plain(reader: &mut Reader<'_>, item: &Value<'_>, pool: Option<PoolId>) {
    let mut diagnostic = Diagnostic::fault(
        "L048",
        item.span(),
        &item.path,
        "`multivalue` takes pools with members only".to_owned(),
    )
    .label("not a plain pool");
    if let Some(pool) = pool {
        let entry = &reader.index.pools[pool];
        diagnostic = diagnostic.related(entry.span.clone(), "this pool has a policy");
    }
    reader.faults.push(diagnostic);
}
