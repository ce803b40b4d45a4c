//! Pools and their members.

use super::checks::references;
use super::names::record_text;
use super::nodes::show_node;
use super::text::{Lines, duration, inline, key, location, quote, ttl};
use crate::model::is_anonymous;
use crate::model::{
    Families, Force, MemberModel, MemberValue, MinHealthy, PoolBody, PoolModel, ProbeOverride,
    ZoneModel,
};

/// Writes a pool; an anonymous one is written at its name instead.
pub(super) fn show_pool(model: &ZoneModel, pool: &PoolModel, lines: &mut Lines) {
    if is_anonymous(pool) {
        return;
    }
    let path = format!("pools.{}", key(&pool.id));
    lines.header(&path);
    if let Some(checks) = references(model, &pool.checks) {
        lines.set("check", checks);
    } else if matches!(pool.body, PoolBody::Members(_)) {
        lines.note("check: none, so members without a check of their own are always healthy.");
    }
    show_common(pool, lines);
    match &pool.body {
        PoolBody::Policy(node) => {
            match pool.families {
                Some(families) => lines.set("families", quote(families_word(families))),
                None => lines.note("families: \"each\", unless the name says otherwise."),
            }
            show_node(model, &path, node, lines);
        }
        PoolBody::Members(members) => {
            if let Some(probe) = probe(&pool.probe) {
                lines.set("probe", probe);
            }
            if !pool.ramp.is_zero() {
                lines.set("ramp", duration(pool.ramp));
            }
            lines.set("site", quote(&pool.site));
            lines.set(
                "min-healthy",
                match pool.min_healthy {
                    MinHealthy::Count(count) => count.to_string(),
                    MinHealthy::Percent(percent) => quote(&format!("{percent}%")),
                },
            );
            let rows: Vec<(String, String)> = members
                .iter()
                .map(|member| (member_text(model, member), String::new()))
                .collect();
            lines.list("members", &rows);
        }
    }
}

/// Writes what pools of both kinds may have.
fn show_common(pool: &PoolModel, lines: &mut Lines) {
    if let Some(at) = &pool.location {
        lines.set("at", location(at));
    }
    if let Some(percent) = pool.capacity_percent {
        lines.set("capacity", quote(&format!("{percent}%")));
    }
    if let Some(written) = pool.ttl {
        lines.set("ttl", ttl(written));
    }
    if let Some(answers) = pool.answers {
        lines.set("answers", answers.to_string());
    }
}

/// Writes a word of `families`.
pub(super) fn families_word(families: Families) -> &'static str {
    match families {
        Families::Each => "each",
        Families::Together => "together",
    }
}

fn member_text(model: &ZoneModel, member: &MemberModel) -> String {
    let mut entries = Vec::new();
    let mut add = |name: String, value: String| entries.push((name, value));
    match &member.value {
        MemberValue::Address(address) => add("address".to_owned(), quote(&address.to_string())),
        MemberValue::Target(name) => add("target".to_owned(), quote(&name.to_string())),
        MemberValue::Record(rtype, octets) => {
            let (name, value) = record_text(*rtype, octets);
            add(name, value);
        }
    }
    add("weight".to_owned(), member.weight.to_string());
    if let Some(checks) = member
        .checks
        .as_deref()
        .and_then(|refs| references(model, refs))
    {
        add("check".to_owned(), checks);
    }
    if let Some(probe) = probe(&member.probe) {
        add("probe".to_owned(), probe);
    }
    if let Some(site) = &member.site {
        add("site".to_owned(), quote(site));
    }
    match member.force {
        Some(Force::Up) => add("force".to_owned(), quote("up")),
        Some(Force::Down) => add("force".to_owned(), quote("down")),
        None => {}
    }
    if member.flatten {
        add("flatten".to_owned(), "true".to_owned());
    }
    inline(&entries)
}

fn probe(probe: &ProbeOverride) -> Option<String> {
    let mut entries = Vec::new();
    let mut add = |name: &str, value: String| entries.push((name.to_owned(), value));
    if let Some(address) = probe.address {
        add("address", quote(&address.to_string()));
    }
    if let Some(port) = probe.port {
        add("port", port.to_string());
    }
    if let Some(host) = &probe.host {
        add("host", quote(host));
    }
    if let Some(path) = &probe.path {
        add("path", quote(path));
    }
    (!entries.is_empty()).then(|| inline(&entries))
}
