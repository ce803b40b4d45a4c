//! `[names]`: what is answered.
//!
//! In: one table or string of `[names]`. Out: a [`NameModel`]. Never here: rules over several names.

use std::sync::Arc;

use super::known::finish;
use super::nodes::{plain_node, read_options, read_reference, take_policy};
use super::policies::read_policy;
use super::pools::read_families;
use super::reader::Reader;
use super::records::{is_data_type, parse_type_key, read_type_key};
use super::times::validate_times;
use crate::config::keys::{KeyGroup, has_key, keys_of};
use crate::config::values::{Entry, Table};
use crate::diagnostic::Diagnostic;
use crate::model::{NameModel, NodeModel, RrsetModel};
use crate::wire::{Name, Rtype};

/// What stands under a type key.
pub(super) enum TypeContent {
    /// Records as written.
    Static(RrsetModel),
    /// A policy, or an anonymous pool of records with checks.
    Policy(NodeModel),
}

/// Reads one name. What is at fault in it is left out, so that the rest of the zone can be judged.
pub(super) fn read_name(reader: &mut Reader<'_>, entry: &Entry<'_>, owner: Name) -> NameModel {
    let mut model = NameModel {
        owner,
        policy: None,
        type_policies: Vec::new(),
        rrsets: Vec::new(),
        options: Arc::clone(&reader.no_options),
        families: None,
        span: entry.key_span(),
    };
    if let Some(text) = entry.value.as_str() {
        let kind = read_reference(reader, text, &entry.value, 0);
        model.policy = kind.map(|kind| Box::new(plain_node(kind, entry.value.span())));
        return model;
    }
    let Some(mut table) = entry.value.as_table() else {
        reader.faults.wrong_type(
            &entry.value,
            "a pool id, `\"name:owner\"`, or a table of record types and a policy",
        );
        return model;
    };
    read_types(reader, &mut table, &mut model);
    let policy = take_policy(reader, &mut table);
    model.options = Arc::new(read_options(reader, &mut table, policy.as_ref()));
    model.families = table
        .take_value("families")
        .and_then(|value| read_families(reader, &value));
    if let Some(policy) = &policy {
        let span = policy.key_span();
        model.policy = read_policy(reader, policy, 0).map(|kind| Box::new(plain_node(kind, span)));
        if let Some(node) = &model.policy {
            validate_times(reader, &model.options, &node.kind);
        }
    } else if is_empty(&table) {
        reader.faults.push(
            Diagnostic::fault(
                "L027",
                entry.key_span(),
                &entry.value.path,
                format!("`{}` answers nothing", entry.key),
            )
            .label("no record type and no policy")
            .help("write for example `A = \"192.0.2.1\"` or `failover = [\"a\", \"b\"]`"),
        );
    }
    finish_name(reader, table);
    model
}

/// Says whether a table holds options at most.
fn is_empty(table: &Table<'_>) -> bool {
    table.entries().iter().all(|entry| is_option(entry.key))
}

fn is_option(key: &str) -> bool {
    has_key(KeyGroup::Options, key) || has_key(KeyGroup::Name, key)
}

fn read_types(reader: &mut Reader<'_>, table: &mut Table<'_>, model: &mut NameModel) {
    let mut seen: Vec<(Rtype, crate::diagnostic::Span)> = Vec::new();
    for entry in table.take_where(|entry| parse_type_key(entry.key).is_some()) {
        let Some(rtype) = parse_type_key(entry.key) else {
            continue;
        };
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == rtype) {
            reader.faults.push(
                Diagnostic::fault(
                    "L003",
                    entry.key_span(),
                    &entry.value.path,
                    format!("the type {rtype} is written twice"),
                )
                .label("again here")
                .related(first.clone(), "first here"),
            );
            continue;
        }
        seen.push((rtype, entry.key_span()));
        if rtype == Rtype::SOA || !is_data_type(rtype) {
            refuse_type(reader, &entry, rtype);
            continue;
        }
        match read_type_key(reader, &entry, rtype) {
            Some(TypeContent::Static(rrset)) => model.rrsets.push(rrset),
            Some(TypeContent::Policy(node)) => model.type_policies.push((rtype, node)),
            None => {}
        }
    }
    // The order of types means nothing, and a written zone may have another one.
    model.type_policies.sort_by_key(|(rtype, _)| *rtype);
}

fn refuse_type(reader: &mut Reader<'_>, entry: &Entry<'_>, rtype: Rtype) {
    let help = if rtype == Rtype::SOA {
        "the start of authority has a table of its own: `[soa]`"
    } else {
        "this type appears in questions and messages only"
    };
    reader.faults.push(
        Diagnostic::fault(
            "L062",
            entry.key_span(),
            &entry.value.path,
            format!("{rtype} cannot be written as a record"),
        )
        .label("not here")
        .help(help),
    );
}

/// Reports what is neither a type nor an option; types in small letters and unknown types get words of their own.
fn finish_name(reader: &mut Reader<'_>, mut table: Table<'_>) {
    if table.is_read() {
        return;
    }
    let looks_like_type = |key: &str| {
        let in_capitals = parse_type_key(&key.to_ascii_uppercase()).is_some();
        let is_shouted = key.len() > 1
            && key
                .bytes()
                .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit());
        in_capitals || is_shouted
    };
    let groups = [KeyGroup::Policy, KeyGroup::Options, KeyGroup::Name];
    let known = keys_of(&groups, &[]);
    let strange =
        table.take_where(|entry| !known.contains(&entry.key) && looks_like_type(entry.key));
    for entry in strange {
        let upper = entry.key.to_ascii_uppercase();
        let mut diagnostic = Diagnostic::fault(
            "L062",
            entry.key_span(),
            &entry.value.path,
            format!("`{}` is no record type", entry.key),
        )
        .label("unknown type");
        let known_types = Rtype::KNOWN.iter().map(|(_, mnemonic)| *mnemonic);
        if parse_type_key(&upper).is_some() {
            diagnostic = diagnostic
                .help(format!("record types are written in capitals: `{upper}`"))
                .suggest(upper);
        } else if let Some(near) = crate::diagnostic::suggest::nearest(entry.key, known_types) {
            diagnostic = diagnostic
                .help(format!("did you mean `{near}`?"))
                .suggest(near);
        } else {
            diagnostic = diagnostic.help("types without a mnemonic are written `TYPE65280`");
        }
        reader.faults.push(diagnostic);
    }
    finish(table, "a name", (&groups, &[]), &mut reader.faults);
}
