//! Names: options, policies, record lists with checks, static records.

use super::checks::references;
use super::nodes::{node_text, option_entries, policy_entry, show_node, show_policy};
use super::pools::families_word;
use super::text::{Lines, inline, key, quote, rows, seconds};
use crate::model::is_anonymous;
use crate::model::{
    Failback, MemberValue, NS_TTL_DEFAULT, NameModel, NodeKind, NodeModel, NodeOptions, PoolModel,
    RrsetModel, ZoneModel,
};
use crate::wire::{Name, Rtype, holds_raw_text, written_text};

/// Writes a name as a table.
pub(super) fn show_name(model: &ZoneModel, name: &NameModel, lines: &mut Lines) {
    let path = format!("names.{}", key(&name.owner.to_relative(&model.apex)));
    lines.header(&path);
    let options = options_of(name);
    let is_failover = name
        .policy
        .as_ref()
        .is_some_and(|node| matches!(node.kind, NodeKind::Failover(_)));
    for (option, value) in option_entries(model, &options, is_failover) {
        lines.set(&option, value);
    }
    show_defaults(model, name, lines);
    for rrset in &name.rrsets {
        let (rtype, value) = rrset_entry(rrset);
        lines.set(&rtype, value);
    }
    let mut tables = Vec::new();
    for (rtype, node) in &name.type_policies {
        match anonymous_pool(model, node) {
            Some(pool) => lines.list(&rtype.to_string(), &record_rows(model, pool)),
            None => tables.push((rtype, node)),
        }
    }
    if let Some(node) = &name.policy {
        show_policy(model, &path, node, lines);
    }
    for (rtype, node) in tables {
        let path = format!("{path}.{rtype}");
        lines.header(&path);
        show_node(model, &path, node, lines);
    }
}

/// Options of a name and of its topmost node: one table in the file, so an option stands in one of them.
fn options_of(name: &NameModel) -> NodeOptions {
    let mut options = NodeOptions::clone(&name.options);
    let Some(node) = name.policy.as_ref().map(|node| &node.options) else {
        return options;
    };
    options.ttl = options.ttl.or(node.ttl);
    options.answers = options.answers.or(node.answers);
    options.sticky = options.sticky.or(node.sticky);
    options.trickle_percent = options.trickle_percent.max(node.trickle_percent);
    if options.failback == Failback::Auto {
        options.failback = node.failback.clone();
    }
    if options.checks.is_empty() {
        options.checks = node.checks.clone();
    }
    options.all_down = options.all_down.or_else(|| node.all_down.clone());
    options.overflow = options.overflow.or_else(|| node.overflow.clone());
    options.times = options.times.or_else(|| node.times.clone());
    options
}

/// Tells what holds where nothing is written.
fn show_defaults(model: &ZoneModel, name: &NameModel, lines: &mut Lines) {
    let is_dynamic = name.policy.is_some() || !name.type_policies.is_empty();
    if options_of(name).ttl.is_none() {
        lines.note(&if is_dynamic {
            format!(
                "ttl: the smallest on the path taken, else {}.",
                super::text::ttl(model.ttl)
            )
        } else {
            format!("ttl: {}, the zone's.", super::text::ttl(model.ttl))
        });
    }
    match name.families {
        Some(families) => lines.set("families", quote(families_word(families))),
        None if name.policy.is_some() => {
            lines.note("families: \"each\", unless the pool says otherwise.")
        }
        None => {}
    }
    if is_dynamic && options_of(name).all_down.is_none() {
        lines.note("all-down: \"all\".");
    }
    let is_open = |set: &RrsetModel| set.rtype == Rtype::NS && set.ttl.is_none();
    if name.rrsets.iter().any(is_open) {
        let day = seconds(NS_TTL_DEFAULT);
        lines.note(&format!(
            "ttl of NS: {day}, unless it is written beside the records."
        ));
    }
}

/// Writes one line that gives another owner what `name` has, for example `"t1.apps" = "front"`.
pub fn show_name_as(model: &ZoneModel, name: &NameModel, owner: &Name) -> String {
    let owner = key(&owner.to_relative(&model.apex));
    let mut entries = option_entries(model, &options_of(name), false);
    if let Some(node) = &name.policy {
        let is_plain = name.rrsets.is_empty() && name.type_policies.is_empty();
        let is_reference = matches!(node.kind, NodeKind::Pool(_) | NodeKind::Name(_));
        if is_plain && is_reference && entries.is_empty() {
            return format!("{owner} = {}", node_text(model, node));
        }
        let (policy, value) = policy_entry(model, node);
        entries.push((policy.to_owned(), value));
    }
    for (rtype, node) in &name.type_policies {
        let value = match anonymous_pool(model, node) {
            Some(pool) => rows(record_rows(model, pool).into_iter().map(|(row, _)| row)),
            None => node_text(model, node),
        };
        entries.push((rtype.to_string(), value));
    }
    entries.extend(name.rrsets.iter().map(rrset_entry));
    format!("{owner} = {}", inline(&entries))
}

fn anonymous_pool<'m>(model: &'m ZoneModel, node: &NodeModel) -> Option<&'m PoolModel> {
    match node.kind {
        NodeKind::Pool(id) => model.pools.get(id).filter(|pool| is_anonymous(pool)),
        _ => None,
    }
}

/// Writes the records of an anonymous pool with their checks (rule a47).
fn record_rows(model: &ZoneModel, pool: &PoolModel) -> Vec<(String, String)> {
    crate::model::members(pool)
        .iter()
        .map(|member| {
            let data = match &member.value {
                MemberValue::Record(rtype, octets) => record_text(*rtype, octets).1,
                MemberValue::Address(address) => quote(&address.to_string()),
                MemberValue::Target(name) => quote(&name.to_string()),
            };
            let checks = member
                .checks
                .as_deref()
                .and_then(|refs| references(model, refs));
            let row = match checks {
                Some(checks) => inline(&[("data".to_owned(), data), ("check".to_owned(), checks)]),
                None => data,
            };
            (row, String::new())
        })
        .collect()
}

fn rrset_entry(rrset: &RrsetModel) -> (String, String) {
    let records: Vec<(String, String)> = rrset
        .rdata
        .iter()
        .map(|octets| record_text(rrset.rtype, octets))
        .collect();
    let name = rrset.rtype.to_string();
    let set = |data: String| match rrset.ttl {
        Some(ttl) => inline(&[("data".to_owned(), data), ("ttl".to_owned(), seconds(ttl))]),
        None => data,
    };
    if records.iter().all(|(key, _)| *key == name) {
        let values: Vec<String> = records.into_iter().map(|(_, value)| value).collect();
        return (name, set(rows(values)));
    }
    // A TXT record that is no text: the whole set is written by number.
    let values = rrset
        .rdata
        .iter()
        .map(|octets| quote(&generic_text(octets)));
    (format!("TYPE{}", rrset.rtype.0), set(rows(values)))
}

/// Writes one record: the key for its type, and its RDATA as the key wants it.
pub(super) fn record_text(rtype: Rtype, octets: &[u8]) -> (String, String) {
    if !holds_raw_text(rtype) {
        return (rtype.to_string(), quote(&written_text(rtype, octets)));
    }
    match txt_strings(octets) {
        // Raw text without quotes; an inner list gives the strings of one record (rule a8).
        Some(strings) => {
            let name = rtype.to_string();
            match <[String; 1]>::try_from(strings) {
                Ok([only]) => (name, quote(&only)),
                Err(strings) => (name, rows(strings.iter().map(|text| quote(text)))),
            }
        }
        None => (format!("TYPE{}", rtype.0), quote(&generic_text(octets))),
    }
}

fn txt_strings(octets: &[u8]) -> Option<Vec<String>> {
    let mut strings = Vec::new();
    let mut rest = octets;
    while let Some((&length, after)) = rest.split_first() {
        let (string, next) = after.split_at_checked(usize::from(length))?;
        strings.push(String::from_utf8(string.to_vec()).ok()?);
        rest = next;
    }
    (!strings.is_empty()).then_some(strings)
}

/// RDATA of any type (RFC 3597, section 5).
fn generic_text(octets: &[u8]) -> String {
    let mut text = format!("\\# {}", octets.len());
    if !octets.is_empty() {
        text.push(' ');
    }
    for octet in octets {
        text.push_str(&format!("{octet:02x}"));
    }
    text
}
