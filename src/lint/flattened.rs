//! Targets that are answered as their addresses: what that costs (rule a28).
//!
//! In: a model. Out: notes. Never here: looking anything up.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::model::{MemberValue, ZoneModel};
use crate::model::{leaves, members, policies, pool_path};
use crate::wire::Name;

/// Adds a note for each flattened target: by `flatten`, or since it is reached from the apex.
pub(super) fn review(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let apex = model.names.iter().filter(|name| name.owner == model.apex);
    let at_apex: BTreeSet<usize> = apex
        .flat_map(policies)
        .flat_map(|(_, node)| leaves(model, node))
        .collect();
    for (id, pool) in model.pools.iter().enumerate() {
        for member in members(pool) {
            let MemberValue::Target(target) = &member.value else {
                continue;
            };
            if member.flatten || at_apex.contains(&id) {
                let finding = Diagnostic::new(
                    Severity::Note,
                    "R021",
                    &member.span,
                    pool_path(pool),
                    words(model, target, member.flatten),
                );
                findings.push(finding.help(help(model, target)));
            }
        }
    }
}

fn words(model: &ZoneModel, target: &Name, is_asked_for: bool) -> String {
    let why = if is_asked_for {
        "is flattened"
    } else {
        "is flattened at the apex, where no CNAME may stand"
    };
    let hidden = if target.is_at_or_below(&model.apex) {
        "one answer for clients of all places is looked up"
    } else {
        "its provider sees where this server is, not where clients are"
    };
    format!("`{target}` {why}: {hidden}")
}

fn help(model: &ZoneModel, target: &Name) -> String {
    if target.is_at_or_below(&model.apex) {
        let relative = target.to_relative(&model.apex);
        return format!(
            "`\"name:{relative}\"` follows a name of this zone, place and health included"
        );
    }
    "if the provider answers by place, send people to a name below the apex, whose CNAME leads there".to_owned()
}
