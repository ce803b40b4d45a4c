//! Nodes: a reference, or a table with exactly one policy and options.
//!
//! In: the value of a node. Out: a [`NodeModel`]. Never here: what stands inside each policy.

use super::known::{Key, duration, finish, number, percent, take_number};
use super::policies::read_policy;
use super::reader::{Item, Reader, UsedOn};
use super::times::{read_times, validate_times};
use crate::config::keys::{KeyGroup, has_key, keys_of, row};
use crate::config::values::{Entry, Table, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::suggest;
use crate::health::WeeklyWindow;
use crate::model::{AllDownModel, Failback, NodeKind, NodeModel, NodeOptions};
use std::sync::Arc;

/// Deepest nesting of nodes and references (rule a42).
pub(super) const DEPTH_MAX: usize = 16;

/// Reads a node: a pool id, `"name:owner"`, or a table with one policy.
pub(super) fn read_node(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    depth: usize,
) -> Option<NodeModel> {
    if let Some(text) = value.as_str() {
        let kind = read_reference(reader, text, value, depth)?;
        return Some(plain_node(kind, value.span()));
    }
    let Some(mut table) = value.as_table() else {
        reader.faults.wrong_type(
            value,
            "a pool id, `\"name:owner\"`, or a table with one policy",
        );
        return None;
    };
    let policy = take_policy(reader, &mut table);
    let options = read_options(reader, &mut table, policy.as_ref());
    let span = table.span();
    if policy.is_none() && !has_policy(value) {
        no_policy(reader, &table);
    } else {
        let of = (&[KeyGroup::Policy, KeyGroup::Options][..], &[][..]);
        finish(table, "a node", of, &mut reader.faults);
    }
    let kind = read_policy(reader, &policy?, depth)?;
    validate_times(reader, &options, &kind);
    Some(NodeModel {
        kind,
        options,
        span,
    })
}

/// Makes a node without options.
pub(super) fn plain_node(kind: NodeKind, span: Span) -> NodeModel {
    NodeModel {
        kind,
        options: NodeOptions::default(),
        span,
    }
}

/// Resolves a reference written as text.
pub(super) fn read_reference(
    reader: &mut Reader<'_>,
    text: &str,
    value: &Value<'_>,
    depth: usize,
) -> Option<NodeKind> {
    if let Some(owner) = text.strip_prefix("name:") {
        let id = reader.name(owner, value)?;
        // The reference itself counts as a node.
        reader.add_edge(Item::Name(id), depth + 1, value, false);
        return Some(NodeKind::Name(id));
    }
    let id = reader.pool(text, value)?;
    reader.add_edge(Item::Pool(id), depth, value, false);
    Some(NodeKind::Pool(id))
}

fn has_policy(value: &Value<'_>) -> bool {
    value.as_table().is_some_and(|table| {
        keys_of(&[KeyGroup::Policy], &[])
            .iter()
            .any(|key| table.has(key))
    })
}

/// Takes the one policy key of a table; two are a fault that shows both places.
pub(super) fn take_policy<'d>(reader: &mut Reader<'_>, table: &mut Table<'d>) -> Option<Entry<'d>> {
    let found = table.take_where(|entry| has_key(KeyGroup::Policy, entry.key));
    if let [first, second, ..] = found.as_slice() {
        reader.faults.push(
            Diagnostic::fault(
                "L028",
                second.key_span(),
                &second.value.path,
                format!(
                    "`{}` beside `{}`: a node has one policy",
                    second.key, first.key
                ),
            )
            .label("a second policy")
            .related(first.key_span(), "the first policy")
            .help("nest one in the other, or give one a name of its own as a pool"),
        );
        return None;
    }
    found.into_iter().next()
}

fn no_policy(reader: &mut Reader<'_>, table: &Table<'_>) {
    let mut diagnostic = Diagnostic::fault(
        "L027",
        table.span(),
        &table.path,
        format!("`{}` has no policy", table.path),
    )
    .label("no policy here");
    let policies = keys_of(&[KeyGroup::Policy], &[]);
    let near = table.entries().iter().find_map(|entry| {
        Some((
            entry,
            suggest::nearest(entry.key, policies.iter().copied())?,
        ))
    });
    diagnostic = match near {
        Some((entry, word)) => diagnostic
            .related(entry.key_span(), "unknown key")
            .help(format!("did you mean `{word}`?")),
        None => diagnostic.help(format!("write one of {}", suggest::list(&policies))),
    };
    reader.faults.push(diagnostic);
}

/// Reads the options of a node, pool policy or name. What belongs to one policy only is refused beside another.
pub(super) fn read_options(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    policy: Option<&Entry<'_>>,
) -> NodeOptions {
    let mut options = NodeOptions {
        ttl: table
            .take_value("ttl")
            .and_then(|value| reader.faults.ttl(&value)),
        answers: table
            .take_value("answers")
            .and_then(|value| number(&value, option("answers"), &mut reader.faults)),
        checks: table
            .take_value("check")
            .map(|value| reader.check_refs(&value, UsedOn::Policy))
            .unwrap_or_default(),
        ..NodeOptions::default()
    };
    options.all_down = table
        .take_value("all-down")
        .and_then(|value| read_all_down(reader, &value));
    options.sticky = table
        .take_value("sticky")
        .and_then(|value| read_sticky(reader, &value));
    for key in ["failback", "trickle", "overflow", "times"] {
        let Some(entry) = table.take(key) else {
            continue;
        };
        let owner = row(KeyGroup::Options, key).of[0];
        if policy.is_none_or(|policy| policy.key != owner) {
            misplaced_option(reader, &entry, owner, policy);
            continue;
        }
        match key {
            "failback" => {
                options.failback = read_failback(reader, &entry.value).unwrap_or_default();
            }
            "trickle" => {
                options.trickle_percent =
                    percent(&entry.value, option("trickle"), &mut reader.faults).unwrap_or(0);
            }
            "times" => {
                options.times = read_times(reader, &entry.value).map(Arc::new);
            }
            _ => options.overflow = read_node(reader, &entry.value, 1).map(Box::new),
        }
    }
    options
}

fn option(key: &str) -> Key<'_> {
    Key(KeyGroup::Options, key, "")
}

fn misplaced_option(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    owner: &str,
    policy: Option<&Entry<'_>>,
) {
    let mut diagnostic = Diagnostic::fault(
        "L030",
        entry.key_span(),
        &entry.value.path,
        format!("`{}` belongs to nodes with `{owner}`", entry.key),
    )
    .label("not here");
    if let Some(policy) = policy {
        diagnostic = diagnostic.related(policy.key_span(), "the policy of this node");
    }
    reader.faults.push(diagnostic);
}

/// Reads `all-down` (rule a14).
fn read_all_down(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<AllDownModel> {
    Some(match value.as_str() {
        Some("all") => AllDownModel::All,
        Some("last") => AllDownModel::Last,
        Some("nodata") => AllDownModel::NoData,
        Some("servfail") => AllDownModel::ServFail,
        _ => AllDownModel::Node(Box::new(read_node(reader, value, 1)?)),
    })
}

/// Reads `sticky`: on, off, or prefix lengths (rule a46).
fn read_sticky(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<(u8, u8)> {
    if value.raw.as_bool() == Some(false) {
        return None;
    }
    let is_on = value.raw.as_bool() == Some(true);
    let Some(mut table) = value.as_table().or_else(|| is_on.then(Table::none)) else {
        reader
            .faults
            .wrong_type(value, "`true`, `false` or `{ ipv4 = 24, ipv6 = 56 }`");
        return None;
    };
    let mut length = |key| {
        let key = Key(KeyGroup::Sticky, key, "");
        take_number(&mut table, key, &mut reader.faults)
    };
    let (ipv4, ipv6) = (length("ipv4"), length("ipv6"));
    finish(
        table,
        "`sticky`",
        (&[KeyGroup::Sticky], &[]),
        &mut reader.faults,
    );
    Some((ipv4?, ipv6?))
}

/// Reads `failback` (rules a40, a41).
fn read_failback(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Failback> {
    if value.raw.is_str() {
        return Some(match reader.faults.word(value, &["auto", "manual"])? {
            "manual" => Failback::Manual,
            _ => Failback::Auto,
        });
    }
    let Some(mut table) = value.as_table() else {
        reader.faults.wrong_type(
            value,
            "`\"auto\"`, `\"manual\"`, `{ after = \"15m\" }` or `{ window = \"Sat-Sun 02:00-05:00\" }`",
        );
        return None;
    };
    let (after, window) = (table.take("after"), table.take("window"));
    let path = table.path.clone();
    let span = table.span();
    finish(
        table,
        "`failback`",
        (&[KeyGroup::Failback], &[]),
        &mut reader.faults,
    );
    match (after, window) {
        (Some(after), None) => {
            let key = Key(KeyGroup::Failback, "after", "");
            duration(&after.value, key, &mut reader.faults).map(Failback::After)
        }
        (None, Some(window)) => read_window(reader, &window.value).map(Failback::Window),
        (after, _) => {
            let mut diagnostic = Diagnostic::fault(
                "L019",
                span,
                &path,
                "`failback` has exactly one of `after` and `window`".to_owned(),
            )
            .help("write `{ after = \"15m\" }` or `{ window = \"Sat-Sun 02:00-05:00\" }`");
            if let Some(after) = after {
                diagnostic = diagnostic.related(after.key_span(), "one of the two");
            }
            reader.faults.push(diagnostic);
            None
        }
    }
}

fn read_window(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<String> {
    let text = reader.faults.text(value)?;
    if WeeklyWindow::parse(text).is_some() {
        return Some(text.to_owned());
    }
    reader.faults.push(
        Diagnostic::fault(
            "L014",
            value.span(),
            &value.path,
            format!("`{text}` is no weekly window"),
        )
        .label("not days and hours")
        .help("write days and UTC times, for example `\"Sat-Sun 02:00-05:00\"` or `\"Mon 22:00-23:30\"`"),
    );
    None
}
