//! From the table of keys to the tables of the zone reference.

use std::fmt::Write as _;

use crate::config::{KeyGroup, KeyKind, zone_keys};

/// Writes a Markdown table for each table of a zone file.
pub fn reference_tables() -> String {
    let mut text = String::new();
    for group in KeyGroup::ALL {
        let _ = write!(
            text,
            "### {}\n\n| key | takes | default | what it is for |\n|---|---|---|---|\n",
            group.title()
        );
        for key in zone_keys().filter(|key| key.group == group) {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                key.key,
                takes(key.kind),
                key.default_words(),
                key.doc()
            );
        }
        text.push('\n');
    }
    text
}

/// Says in words what a key takes.
fn takes(kind: KeyKind) -> String {
    match kind {
        KeyKind::Text(_) => "text".to_owned(),
        KeyKind::Texts => "text or list".to_owned(),
        KeyKind::Switch => "true or false".to_owned(),
        KeyKind::Integer(..) => "integer".to_owned(),
        KeyKind::Duration(..) => "duration".to_owned(),
        KeyKind::Percent(..) => "percentage".to_owned(),
        KeyKind::Word(words) => words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(" "),
        KeyKind::DateTime => "date-time".to_owned(),
        KeyKind::Defined(name) => defined_words(name).to_owned(),
        KeyKind::ListOf("branch") => "list of branches".to_owned(),
        KeyKind::ListOf(_) => "list of tables".to_owned(),
        KeyKind::TextTable => "table of texts".to_owned(),
        KeyKind::SwitchTable => "table of true or false".to_owned(),
        KeyKind::TableOf(_) => "table".to_owned(),
    }
}

fn defined_words(name: &str) -> &'static str {
    match name {
        "ttl" => "duration or `{ min, max }`",
        "timeout" => "duration or `{ connect, response, body }`",
        "check" => "check or list",
        "status" => "code, range or list",
        "members" => "member or list",
        "at" => "region code or `{ lat, lon }`",
        "minHealthy" => "integer or percentage",
        "node" => "node",
        "failover" => "table or list of branches",
        "weighted" | "subnets" => "table, or list of branches",
        "geo" => "table of branches",
        "allDown" => "word or node",
        "failback" => "word or table",
        "sticky" => "true, false or `{ ipv4, ipv6 }`",
        "degraded" => "`{ latency, failures, weight }`",
        "probeTable" => "`{ address, port, host, path }`",
        "askTable" => "`{ name, type, from }`",
        "latitude" | "longitude" => "number",
        "branch" => "branch",
        "recordList" => "record or list",
        "texts" => "text or list",
        _ => "table",
    }
}
