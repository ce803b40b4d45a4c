//! `[pools]`: where traffic can go.
//!
//! In: one table of `[pools]`. Out: a [`PoolModel`]. Never here: members one by one, what stands inside policies.

use std::collections::HashMap;
use std::time::Duration;

use toml::de::DeValue;

use super::hosts::read_host;
use super::index::is_id;
use super::known::{Key, finish, number, percent, take_duration};
use super::location::read_location;
use super::members::read_member;
use super::nodes::{read_options, take_policy};
use super::policies::read_policy;
use super::reader::{Reader, UsedOn};
use super::request_text::{read_address, read_path};
use super::times::validate_times;
use crate::config::keys::{KeyGroup, has_key, keys_of, words_of};
use crate::config::values::{Entry, Table, Value};
use crate::diagnostic::Diagnostic;
use crate::model::{
    Families, MemberModel, MemberValue, MinHealthy, NodeModel, PoolBody, PoolModel, ProbeOverride,
};
use crate::wire::Rtype;

/// Most members of one pool (zone format, section 2).
const MEMBERS_MAX: usize = 400;

/// Reads one pool. `id` is its number.
pub(super) fn read_pool(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    id: usize,
) -> Option<PoolModel> {
    let Some(mut table) = entry.value.as_table() else {
        reader
            .faults
            .wrong_type(&entry.value, "a table with `members` or a policy");
        return None;
    };
    let members = table.take("members");
    let policies: Vec<Entry<'_>> = table
        .entries()
        .iter()
        .filter(|entry| has_key(KeyGroup::Policy, entry.key))
        .cloned()
        .collect();
    match (members, policies.first()) {
        (Some(members), Some(policy)) => {
            reader.faults.push(
                Diagnostic::fault(
                    "L044",
                    policy.key_span(),
                    &policy.value.path,
                    format!("the pool `{}` has members and a policy", entry.key),
                )
                .label("the policy")
                .related(members.key_span(), "the members")
                .help("make two pools: one with the members, one with the policy over it"),
            );
            None
        }
        (Some(members), None) => read_member_pool(reader, entry, table, &members.value, id),
        (None, Some(_)) => read_policy_pool(reader, entry, table),
        (None, None) => {
            empty_pool(reader, entry, table);
            None
        }
    }
}

fn empty_pool(reader: &mut Reader<'_>, entry: &Entry<'_>, table: Table<'_>) {
    let groups = [
        KeyGroup::Pool,
        KeyGroup::Policy,
        KeyGroup::Options,
        KeyGroup::Name,
    ];
    let known = keys_of(&groups, &[]);
    let is_misspelt = table
        .entries()
        .iter()
        .any(|inner| !known.contains(&inner.key));
    if !is_misspelt {
        reader.faults.push(
            Diagnostic::fault(
                "L044",
                entry.key_span(),
                &entry.value.path,
                format!("the pool `{}` has neither members nor a policy", entry.key),
            )
            .label("leads nowhere")
            .help("write `members = [\"192.0.2.1\"]`, or a policy such as `failover = [\"a\", \"b\"]`"),
        );
        return;
    }
    // A misspelt key explains the missing one; the keys that are right are not reported.
    let mut table = table;
    table.take_where(|inner| known.contains(&inner.key));
    finish(table, "a pool", (&groups, &[]), &mut reader.faults);
}

fn read_member_pool(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    mut table: Table<'_>,
    members_value: &Value<'_>,
    id: usize,
) -> Option<PoolModel> {
    let members = read_members(reader, members_value, id);
    let checks = table
        .take_value("check")
        .map(|value| reader.check_refs(&value, UsedOn::Members(id)))
        .unwrap_or_default();
    let probe = table
        .take_value("probe")
        .map(|value| read_probe_override(reader, &value, false))
        .unwrap_or_default();
    let location = table
        .take_value("at")
        .and_then(|value| read_location(reader, &value));
    let site = table
        .take_value("site")
        .and_then(|value| read_site(reader, &value))
        .or_else(|| location.as_ref().and_then(|location| location.code.clone()))
        .unwrap_or_else(|| entry.key.to_owned());
    let min_healthy = table
        .take_value("min-healthy")
        .map_or(Some(MinHealthy::Count(1)), |value| {
            read_min_healthy(reader, &value, members.len(), members_value)
        });
    let capacity_percent = read_capacity(reader, &mut table);
    let key = Key(KeyGroup::Pool, "ramp", "");
    let ramp = take_duration(&mut table, key, &mut reader.faults).unwrap_or_default();
    let ttl = table
        .take_value("ttl")
        .and_then(|value| reader.faults.ttl(&value));
    let answers_value = table.take_value("answers");
    let answers = answers_value.as_ref().and_then(|value| {
        number(
            value,
            Key(KeyGroup::Options, "answers", ""),
            &mut reader.faults,
        )
    });
    if let (Some(answers), Some(value)) = (answers, &answers_value) {
        validate_answers(reader, answers, value, &members);
    }
    let of = (&[KeyGroup::Pool, KeyGroup::Options][..], &["members"][..]);
    finish(table, "a pool with members", of, &mut reader.faults);
    Some(PoolModel {
        id: entry.key.to_owned(),
        body: PoolBody::Members(members),
        checks,
        probe,
        location,
        site,
        min_healthy: min_healthy?,
        capacity_percent,
        ramp,
        ttl,
        answers,
        families: None,
        span: entry.key_span(),
    })
}

fn read_policy_pool(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    mut table: Table<'_>,
) -> Option<PoolModel> {
    let policy = take_policy(reader, &mut table)?;
    let mut options = read_options(reader, &mut table, Some(&policy));
    let families = table
        .take_value("families")
        .and_then(|value| read_families(reader, &value));
    let groups = [KeyGroup::Policy, KeyGroup::Options, KeyGroup::Name];
    finish(
        table,
        "a pool with a policy",
        (&groups, &[]),
        &mut reader.faults,
    );
    let kind = read_policy(reader, &policy, 0)?;
    validate_times(reader, &options, &kind);
    Some(PoolModel {
        id: entry.key.to_owned(),
        // What a pool of either kind can have stands on the pool, not on its node.
        checks: std::mem::take(&mut options.checks),
        ttl: options.ttl.take(),
        answers: options.answers.take(),
        body: PoolBody::Policy(NodeModel {
            kind,
            options,
            span: policy.key_span(),
        }),
        probe: ProbeOverride::default(),
        location: None,
        site: entry.key.to_owned(),
        min_healthy: MinHealthy::Count(1),
        capacity_percent: None,
        ramp: Duration::ZERO,
        families,
        span: entry.key_span(),
    })
}

fn read_members(reader: &mut Reader<'_>, value: &Value<'_>, pool: usize) -> Vec<MemberModel> {
    let items = value.one_or_items();
    if !reader.faults.count(value, items.len(), MEMBERS_MAX) {
        return Vec::new();
    }
    let mut members: Vec<MemberModel> = Vec::with_capacity(items.len());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (i, item) in items.iter().enumerate() {
        let Some(member) = read_member(reader, item, UsedOn::Member(pool, i)) else {
            continue;
        };
        let key = format!("{:?}", member.value).to_ascii_lowercase();
        if let Some(first) = seen.get(&key) {
            reader.faults.push(
                Diagnostic::fault(
                    "L042",
                    member.span.clone(),
                    &item.path,
                    "this member stands twice in the pool".to_owned(),
                )
                .label("again here")
                .help("for more traffic give it a larger `weight`")
                .related(members[*first].span.clone(), "first here"),
            );
            continue;
        }
        seen.insert(key, members.len());
        members.push(member);
    }
    validate_kinds(reader, value, &members);
    members
}

/// Which members may stand in one pool (rule a21).
fn kind_of(value: &MemberValue) -> &'static str {
    match value {
        MemberValue::Address(_) => "an address",
        MemberValue::Target(_) => "a target",
        MemberValue::Record(..) => "a record",
    }
}

fn validate_kinds(reader: &mut Reader<'_>, value: &Value<'_>, members: &[MemberModel]) {
    let Some(first) = members.first() else {
        return;
    };
    let other = members
        .iter()
        .find(|member| kind_of(&member.value) != kind_of(&first.value));
    if let Some(other) = other {
        reader.faults.push(
            Diagnostic::fault(
                "L041",
                other.span.clone(),
                &value.path,
                "members of one pool are all addresses, all targets or all records".to_owned(),
            )
            .label(kind_of(&other.value))
            .related(first.span.clone(), kind_of(&first.value))
            .help("make a pool for each kind and choose between them with a policy"),
        );
    }
}

/// Says which type a member answers; `None` for targets.
pub(super) fn type_of(value: &MemberValue) -> Option<Rtype> {
    match value {
        MemberValue::Address(address) if address.is_ipv4() => Some(Rtype::A),
        MemberValue::Address(_) => Some(Rtype::AAAA),
        MemberValue::Target(_) => None,
        MemberValue::Record(rtype, _) => Some(*rtype),
    }
}

/// Warns where weights differ but all members are answered anyway (rule a22).
fn validate_answers(
    reader: &mut Reader<'_>,
    answers: u8,
    value: &Value<'_>,
    members: &[MemberModel],
) {
    let mut by_type: HashMap<Option<Rtype>, Vec<u16>> = HashMap::new();
    for member in members.iter().filter(|member| member.weight > 0) {
        by_type
            .entry(type_of(&member.value))
            .or_default()
            .push(member.weight);
    }
    let is_pointless = by_type.values().any(|weights| {
        weights.iter().any(|weight| *weight != weights[0]) && usize::from(answers) >= weights.len()
    });
    if is_pointless {
        reader.faults.push(
            Diagnostic::warning(
                "L045",
                value.span(),
                &value.path,
                "weights have no effect: every member is in every answer".to_owned(),
            )
            .label("not fewer than the weighted members")
            .help("leave `answers` out: where weights differ, one member is drawn"),
        );
    }
}

fn read_min_healthy(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    members: usize,
    members_value: &Value<'_>,
) -> Option<MinHealthy> {
    if value.raw.is_str() {
        return reader
            .faults
            .percent(value, 1, 100)
            .map(MinHealthy::Percent);
    }
    if !matches!(value.raw, DeValue::Integer(_)) {
        reader
            .faults
            .wrong_type(value, "a number of members or a percentage such as \"50%\"");
        return None;
    }
    let max = i64::try_from(MEMBERS_MAX).ok()?;
    let count = reader.faults.number::<u16>(value, 1, max)?;
    if members > 0 && usize::from(count) > members {
        reader.faults.push(
            Diagnostic::fault(
                "L043",
                value.span(),
                &value.path,
                format!("`min-healthy` is {count}, but the pool has {members} members"),
            )
            .label("can never be reached")
            .related(members_value.span(), "the members"),
        );
        return None;
    }
    Some(MinHealthy::Count(count))
}

/// Reads `capacity` (rule a58).
fn read_capacity(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<u8> {
    let value = table.take_value("capacity")?;
    percent(
        &value,
        Key(KeyGroup::Pool, "capacity", ""),
        &mut reader.faults,
    )
}

/// Reads `families`.
pub(super) fn read_families(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Families> {
    Some(
        match reader
            .faults
            .word(value, words_of(KeyGroup::Name, "families"))?
        {
            "together" => Families::Together,
            _ => Families::Each,
        },
    )
}

/// Reads a site label.
pub(super) fn read_site(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<String> {
    let text = reader.faults.text(value)?;
    if is_id(text) {
        return Some(text.to_owned());
    }
    reader.faults.push(
        Diagnostic::fault(
            "L017",
            value.span(),
            &value.path,
            format!("`{text}` cannot be the label of a site"),
        )
        .label("not an id")
        .help("labels have 1 to 63 of `a-z 0-9 _ -` and start and end with a letter or digit"),
    );
    None
}

/// Reads `probe`: overrides of recipes; `address` on members only.
pub(super) fn read_probe_override(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    is_member: bool,
) -> ProbeOverride {
    let Some(mut table) = value.as_table() else {
        reader.faults.wrong_type(
            value,
            "a table such as `{ port = 8080, host = \"www.example.com\" }`",
        );
        return ProbeOverride::default();
    };
    let mut probe = ProbeOverride::default();
    if let Some(entry) = table.take("address") {
        if is_member {
            probe.address = read_address(reader, &entry.value);
        } else {
            reader.faults.push(
                Diagnostic::fault(
                    "L030",
                    entry.key_span(),
                    &entry.value.path,
                    "`probe.address` is for single members".to_owned(),
                )
                .label("would send all probes of the pool to one address")
                .help("write it on the member, or give the check an `address` of its own"),
            );
        }
    }
    probe.port = table
        .take_value("port")
        .and_then(|value| number(&value, Key(KeyGroup::Probe, "port", ""), &mut reader.faults));
    probe.host = table
        .take_value("host")
        .and_then(|value| read_host(reader, &value));
    probe.path = table
        .take_value("path")
        .and_then(|value| read_path(reader, &value));
    finish(
        table,
        "`probe`",
        (&[KeyGroup::Probe], &[]),
        &mut reader.faults,
    );
    probe
}
