//! Policies: inline on one line, or as tables with a line a branch where comments help.

use super::checks::references;
use super::text::{Lines, duration, inline, key, list, location, quote, rows, ttl};
use crate::model::{
    AllDownModel, BranchModel, Failback, GeoKey, NodeKind, NodeModel, NodeOptions, PoolId,
    SubnetKeys, ZoneModel,
};

/// What `trickle` is where nothing is written.
const TRICKLE_PERCENT: u8 = 0;
/// What `weight` is where nothing is written.
const WEIGHT: u16 = 1;

/// Writes a node's policy and options into a table that is open at `path`, with sub-tables after them.
pub(super) fn show_node(model: &ZoneModel, path: &str, node: &NodeModel, lines: &mut Lines) {
    for (name, value) in option_entries(
        model,
        &node.options,
        matches!(node.kind, NodeKind::Failover(_)),
    ) {
        lines.set(&name, value);
    }
    show_policy(model, path, node, lines);
}

/// Writes a node's policy alone.
pub(super) fn show_policy(model: &ZoneModel, path: &str, node: &NodeModel, lines: &mut Lines) {
    match &node.kind {
        NodeKind::Failover(list) => {
            lines.list("failover", &branch_rows(model, list, Entry::Plain));
        }
        NodeKind::Weighted(list) => {
            lines.list("weighted", &branch_rows(model, list, Entry::Weighted));
        }
        NodeKind::Nearest(list) => {
            lines.list("nearest", &branch_rows(model, list, Entry::Located));
        }
        NodeKind::Latency(list) => {
            lines.list("latency", &branch_rows(model, list, Entry::Located));
        }
        NodeKind::Geo(list) => {
            lines.header(&format!("{path}.geo"));
            for (place, branch) in list {
                let note = match place {
                    GeoKey::Place(place) => place.english_name(),
                    GeoKey::Default => "every other client".to_owned(),
                };
                lines.set_noted(
                    &geo_key(place),
                    &branch_text(model, branch, Entry::Plain),
                    &note,
                );
            }
        }
        NodeKind::Subnets(list) => {
            let rows: Vec<(String, String)> = list
                .iter()
                .filter(|(keys, _)| is_matched(keys))
                .map(|(keys, branch)| {
                    (subnet_row(model, keys, branch), places_within(&branch.node))
                })
                .collect();
            lines.list("subnets", &rows);
        }
        NodeKind::Multivalue(ids) => lines.set("multivalue", pool_list(model, ids)),
        NodeKind::Pool(_) | NodeKind::Name(_) => lines.set("to", reference_text(model, node)),
        NodeKind::To(inner) => lines.set("to", node_text(model, inner)),
    }
}

/// Writes a node on one line: a reference as a text, anything else as an inline table.
pub(super) fn node_text(model: &ZoneModel, node: &NodeModel) -> String {
    let is_reference = matches!(node.kind, NodeKind::Pool(_) | NodeKind::Name(_));
    let mut entries = option_entries(
        model,
        &node.options,
        matches!(node.kind, NodeKind::Failover(_)),
    );
    if is_reference && entries.is_empty() {
        return reference_text(model, node);
    }
    let (name, value) = policy_entry(model, node);
    entries.insert(0, (name.to_owned(), value));
    inline(&entries)
}

/// Writes the policy key of a node and its value on one line.
pub(super) fn policy_entry(model: &ZoneModel, node: &NodeModel) -> (&'static str, String) {
    let texts = |list: &[BranchModel], entry: Entry| {
        rows(list.iter().map(|branch| branch_text(model, branch, entry)))
    };
    match &node.kind {
        NodeKind::Pool(_) | NodeKind::Name(_) => ("to", reference_text(model, node)),
        NodeKind::To(inner) => ("to", node_text(model, inner)),
        NodeKind::Failover(list) => ("failover", texts(list, Entry::Plain)),
        NodeKind::Weighted(list) => ("weighted", texts(list, Entry::Weighted)),
        NodeKind::Nearest(list) => ("nearest", texts(list, Entry::Located)),
        NodeKind::Latency(list) => ("latency", texts(list, Entry::Located)),
        NodeKind::Multivalue(ids) => ("multivalue", pool_list(model, ids)),
        NodeKind::Geo(list) => {
            let entries: Vec<(String, String)> = list
                .iter()
                .map(|(place, branch)| (geo_key(place), branch_text(model, branch, Entry::Plain)))
                .collect();
            ("geo", inline(&entries))
        }
        NodeKind::Subnets(list) => (
            "subnets",
            rows(
                list.iter()
                    .filter(|(keys, _)| is_matched(keys))
                    .map(|(keys, branch)| subnet_row(model, keys, branch)),
            ),
        ),
    }
}

/// Where a branch stands decides which options it may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Plain,
    Weighted,
    Located,
}

fn branch_rows(model: &ZoneModel, list: &[BranchModel], entry: Entry) -> Vec<(String, String)> {
    list.iter()
        .map(|branch| {
            (
                branch_text(model, branch, entry),
                places_within(&branch.node),
            )
        })
        .collect()
}

/// Writes a branch: as its node where nothing else is to say, else as a table with `to`.
fn branch_text(model: &ZoneModel, branch: &BranchModel, entry: Entry) -> String {
    let extra = branch_entries(model, branch, entry);
    let node = node_text(model, &branch.node);
    if extra.is_empty() {
        return node;
    }
    let mut entries = vec![("to".to_owned(), node)];
    entries.extend(extra);
    inline(&entries)
}

fn branch_entries(model: &ZoneModel, branch: &BranchModel, entry: Entry) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let mut add = |name: &str, value: String| entries.push((name.to_owned(), value));
    if entry == Entry::Weighted || branch.weight != WEIGHT {
        add("weight", branch.weight.to_string());
    }
    if entry == Entry::Located {
        if let Some(at) = &branch.location {
            add("at", location(at));
        }
        if branch.bias != 0 {
            add("bias", branch.bias.to_string());
        }
    }
    if let Some(checks) = references(model, &branch.checks) {
        add("check", checks);
    }
    if !branch.follow_health {
        add("follow-health", "false".to_owned());
    }
    entries
}

/// Says whether a client can match: not where all prefixes of a branch stand in earlier branches, too.
fn is_matched(keys: &SubnetKeys) -> bool {
    !matches!(keys, SubnetKeys::Prefixes(prefixes) if prefixes.is_empty())
}

fn subnet_row(model: &ZoneModel, keys: &SubnetKeys, branch: &BranchModel) -> String {
    let within = match keys {
        SubnetKeys::Default => quote("default"),
        SubnetKeys::Awaited(file) => quote(&format!("file:{file}")),
        SubnetKeys::Prefixes(prefixes) => {
            rows(prefixes.iter().map(|prefix| quote(&prefix.to_string())))
        }
    };
    let mut entries = vec![
        ("in".to_owned(), within),
        ("to".to_owned(), node_text(model, &branch.node)),
    ];
    entries.extend(branch_entries(model, branch, Entry::Plain));
    inline(&entries)
}

/// Writes what a node's options say. Options that are not written have no single value, so they are left out.
pub(super) fn option_entries(
    model: &ZoneModel,
    options: &NodeOptions,
    is_failover: bool,
) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let mut add = |name: &str, value: String| entries.push((name.to_owned(), value));
    if let Some(written) = options.ttl {
        add("ttl", ttl(written));
    }
    if let Some(answers) = options.answers {
        add("answers", answers.to_string());
    }
    if let Some(checks) = references(model, &options.checks) {
        add("check", checks);
    }
    match &options.all_down {
        None => {}
        Some(AllDownModel::All) => add("all-down", quote("all")),
        Some(AllDownModel::Last) => add("all-down", quote("last")),
        Some(AllDownModel::NoData) => add("all-down", quote("nodata")),
        Some(AllDownModel::ServFail) => add("all-down", quote("servfail")),
        Some(AllDownModel::Node(node)) => add("all-down", node_text(model, node)),
    }
    if let Some(node) = &options.overflow {
        add("overflow", node_text(model, node));
    }
    match &options.failback {
        Failback::Auto if is_failover => add("failback", quote("auto")),
        Failback::Auto => {}
        Failback::Manual => add("failback", quote("manual")),
        Failback::After(calm) => add("failback", format!("{{ after = {} }}", duration(*calm))),
        Failback::Window(window) => {
            add("failback", format!("{{ window = {} }}", quote(window)));
        }
    }
    if options.trickle_percent != TRICKLE_PERCENT {
        add("trickle", quote(&format!("{}%", options.trickle_percent)));
    }
    if let Some((ipv4, ipv6)) = options.sticky {
        add("sticky", format!("{{ ipv4 = {ipv4}, ipv6 = {ipv6} }}"));
    }
    if let Some(times) = &options.times {
        add("times", quote(&format!("file:{}", times.file)));
    }
    entries
}

fn geo_key(place: &GeoKey) -> String {
    match place {
        GeoKey::Place(place) => key(&place.to_string()),
        GeoKey::Default => "default".to_owned(),
    }
}

/// Names the places that stand inside a line where no comment fits.
fn places_within(node: &NodeModel) -> String {
    let mut names = Vec::new();
    for node in crate::model::nodes_within(node) {
        if let NodeKind::Geo(list) = &node.kind {
            names.extend(list.iter().filter_map(|(place, _)| match place {
                GeoKey::Place(place) => Some(format!("{place}: {}", place.english_name())),
                GeoKey::Default => None,
            }));
        }
    }
    names.join("; ")
}

fn reference_text(model: &ZoneModel, node: &NodeModel) -> String {
    match &node.kind {
        NodeKind::Pool(id) => pool_text(model, *id),
        NodeKind::Name(id) => quote(&format!(
            "name:{}",
            model
                .names
                .get(*id)
                .map_or_else(String::new, |name| name.owner.to_relative(&model.apex))
        )),
        _ => node_text(model, node),
    }
}

fn pool_text(model: &ZoneModel, id: PoolId) -> String {
    quote(model.pools.get(id).map_or("", |pool| pool.id.as_str()))
}

fn pool_list(model: &ZoneModel, ids: &[PoolId]) -> String {
    if ids.len() == 1 {
        rows(ids.iter().map(|id| pool_text(model, *id)))
    } else {
        list(ids.iter().map(|id| pool_text(model, *id)))
    }
}
