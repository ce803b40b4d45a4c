//! Reviews of names: what a name takes out of a wildcard, what may not stand beside targets, and answers too large for
//! one datagram.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use crate::config::show::show_name_as;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::model::{MemberValue, NameModel, NodeModel, PoolId, PoolModel, RrsetModel, ZoneModel};
use crate::model::{leaves, member_type, members, members_by_type, name_path, policies, pool_path};
use crate::wire::{Name, Rtype};

/// Largest answer over UDP without fragments (DNS flag day 2020; RFC 9715, section 3.2).
pub const ANSWER_OCTETS_MAX: usize = 1_232;
/// Header and OPT record with a client subnet of IPv6.
const FIXED_OCTETS: usize = 12 + 11 + 4 + 4 + 16;
/// Type and class of the question.
const QUESTION_OCTETS: usize = 4;
/// A pointer to the owner, type, class, TTL and length before the RDATA.
const RECORD_OCTETS: usize = 12;
/// Members in one answer where nothing is written and weights are equal (rule a22).
const ANSWERS: usize = 8;

/// Reviews every name.
pub(super) fn review(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    review_wildcards(model, findings);
    review_sizes(model, findings);
    for name in &model.names {
        review_targets(model, name, findings);
    }
}

/// Rule a52: an empty non-terminal below a wildcard's owner ends the wildcard there (RFC 4592, section 2.2.2).
fn review_wildcards(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let wildcards: HashMap<Name, &NameModel> = model
        .names
        .iter()
        .filter(|name| name.owner.is_wildcard())
        .filter_map(|name| Some((name.owner.parent()?, name)))
        .collect();
    if wildcards.is_empty() {
        return;
    }
    let written: HashSet<&Name> = model.names.iter().map(|name| &name.owner).collect();
    let cuts: HashSet<&Name> = model
        .names
        .iter()
        .filter(|name| name.owner != model.apex)
        .filter(|name| name.rrsets.iter().any(|rrset| rrset.rtype == Rtype::NS))
        .map(|name| &name.owner)
        .collect();
    let mut told = HashSet::new();
    for name in &model.names {
        // From the name upwards: what lies between it and the wildcard's owner, and is not written itself.
        let mut between = Vec::new();
        let mut above = name.owner.parent();
        while let Some(ancestor) = above {
            if cuts.contains(&ancestor) {
                break;
            }
            if let Some(wildcard) = wildcards.get(&ancestor) {
                for taken in between {
                    if told.insert(Name::clone(&taken)) {
                        findings.push(wildcard_finding(model, name, &taken, wildcard));
                    }
                }
                break;
            }
            above = ancestor.parent();
            if ancestor == model.apex {
                break;
            }
            if !written.contains(&ancestor) {
                between.push(ancestor);
            }
        }
    }
}

fn wildcard_finding(
    model: &ZoneModel,
    name: &NameModel,
    taken: &Name,
    wildcard: &NameModel,
) -> Diagnostic {
    let relative = |owner: &Name| owner.to_relative(&model.apex);
    let (this, taken_text, star) = (
        relative(&name.owner),
        relative(taken),
        relative(&wildcard.owner),
    );
    Diagnostic::new(
        Severity::Warning,
        "R005",
        &name.span,
        name_path(model, &name.owner),
        format!(
            "because `{this}` exists, `{taken_text}` and every other name below it are no longer answered by `{star}`"
        ),
    )
    .help(format!(
        "to keep `{taken_text}` answering, add: {}",
        show_name_as(model, wildcard, taken)
    ))
    .related(&wildcard.span, "the wildcard")
}

/// Rule a27: where a CNAME may be answered, nothing else may stand.
fn review_targets(model: &ZoneModel, name: &NameModel, findings: &mut Vec<Diagnostic>) {
    // At the apex targets are always answered as their addresses.
    if name.owner == model.apex {
        return;
    }
    let target = policies(name).find_map(|(_, node)| find_target(model, node));
    let Some((pool, span)) = target else { return };
    let mut others: Vec<(String, &crate::diagnostic::Span)> = name
        .rrsets
        .iter()
        .map(|rrset| (format!("static {} records", rrset.rtype), &rrset.span))
        .collect();
    if policies(name).count() > 1 {
        others.extend(
            name.type_policies
                .iter()
                .map(|(rtype, node)| (format!("a policy of its own for {rtype}"), &node.span)),
        );
    }
    for (what, at) in others {
        findings.push(
            Diagnostic::new(
                Severity::Fault,
                "R007",
                at,
                name_path(model, &name.owner),
                format!(
                    "`{}` may be answered as a CNAME (pool `{}` has targets), so it cannot have {what} too",
                    name.owner.to_relative(&model.apex),
                    pool.id
                ),
            )
            .help("move the other data to another name, or write `flatten = true` on each target")
            .related(span, "the target"),
        );
    }
}

fn find_target<'m>(
    model: &'m ZoneModel,
    node: &NodeModel,
) -> Option<(&'m PoolModel, &'m crate::diagnostic::Span)> {
    leaves(model, node).into_iter().find_map(|id| {
        let pool = &model.pools[id];
        members(pool)
            .iter()
            .find(|member| member_type(member) == Rtype::CNAME && !member.flatten)
            .map(|member| (pool, &member.span))
    })
}

/// Answers that do not fit one datagram are cut, and the client asks again over TCP (RFC 2181, section 9).
fn review_sizes(model: &ZoneModel, findings: &mut Vec<Diagnostic>) {
    let mut told: BTreeSet<PoolId> = BTreeSet::new();
    for name in &model.names {
        let fixed = FIXED_OCTETS + QUESTION_OCTETS + name.owner.octets().len();
        for rrset in &name.rrsets {
            review_rrset_size(model, name, rrset, fixed, findings);
        }
        for (_, node) in policies(name) {
            for id in leaves(model, node) {
                let pool = &model.pools[id];
                let Some((rtype, count, octets)) = largest_answer(pool, name, node) else {
                    continue;
                };
                let size = fixed + count * (RECORD_OCTETS + octets);
                if size > ANSWER_OCTETS_MAX && told.insert(id) {
                    let fitting = (ANSWER_OCTETS_MAX - fixed) / (RECORD_OCTETS + octets);
                    findings.push(
                        too_large(
                            &pool.span,
                            pool_path(pool),
                            format!("an answer of {count} {rtype} records from `{}`", pool.id),
                            size,
                        )
                        .help(format!("write `answers = {}` or less", fitting.max(1))),
                    );
                }
            }
        }
    }
}

fn review_rrset_size(
    model: &ZoneModel,
    name: &NameModel,
    rrset: &RrsetModel,
    fixed: usize,
    findings: &mut Vec<Diagnostic>,
) {
    let records: usize = rrset
        .rdata
        .iter()
        .map(|octets| RECORD_OCTETS + octets.len())
        .sum();
    if fixed + records > ANSWER_OCTETS_MAX {
        let relative = name.owner.to_relative(&model.apex);
        let what = format!("the {} records of `{relative}`", rrset.rtype);
        findings.push(
            too_large(
                &rrset.span,
                name_path(model, &name.owner),
                what,
                fixed + records,
            )
            .help("spread them over several names, or shorten them"),
        );
    }
}

fn too_large(
    span: &crate::diagnostic::Span,
    path: String,
    what: String,
    size: usize,
) -> Diagnostic {
    let verb = if what.starts_with("an answer") {
        "takes"
    } else {
        "take"
    };
    Diagnostic::new(
        Severity::Warning,
        "R014",
        span,
        path,
        format!(
            "{what} {verb} about {size} octets, more than the {ANSWER_OCTETS_MAX} that fit one UDP packet: every client must ask again over TCP"
        ),
    )
}

/// Returns the largest answer of a pool: type, members at once, and octets of the largest.
fn largest_answer(
    pool: &PoolModel,
    name: &NameModel,
    node: &NodeModel,
) -> Option<(Rtype, usize, usize)> {
    let written = [pool.answers, name.options.answers, node.options.answers];
    let first_weight = members(pool)
        .iter()
        .map(|member| member.weight)
        .find(|weight| *weight > 0);
    let is_weighted = members(pool)
        .iter()
        .any(|member| member.weight > 0 && Some(member.weight) != first_weight);
    let default = if is_weighted { 1 } else { ANSWERS };
    let cap = written
        .into_iter()
        .flatten()
        .map(usize::from)
        .min()
        .unwrap_or(default);
    members_by_type(pool)
        .into_iter()
        .map(|(rtype, list)| {
            let octets = list.iter().map(|member| value_octets(&member.value)).max();
            (rtype, list.len().min(cap), octets.unwrap_or(0))
        })
        .max_by_key(|(_, count, octets)| count * octets)
}

fn value_octets(value: &MemberValue) -> usize {
    match value {
        MemberValue::Address(IpAddr::V4(_)) => 4,
        MemberValue::Address(IpAddr::V6(_)) => 16,
        MemberValue::Target(name) => name.octets().len(),
        MemberValue::Record(_, octets) => octets.len(),
    }
}
