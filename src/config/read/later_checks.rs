//! Types and keys of checks that take effect in a later release: read, judged and noted.
//!
//! In: the table of a check. Out: whether it is a gate. Never here: types that are in effect.

use std::time::Duration;

use super::checks::with_common;
use super::probes::{PROBING_KEYS, read_endpoint, read_schedule};
use super::reader::Reader;
use super::table::Table;
use crate::config::model::CheckKind;

/// Reads the types that take effect in a later release, judging every key.
pub(super) fn read_not_yet(
    reader: &mut Reader<'_>,
    mut table: Table<'_>,
    kind: &'static str,
) -> Option<CheckKind> {
    let mut keys = with_common(&[]);
    let mut is_gate = true;
    if kind == "exec" {
        keys.extend_from_slice(PROBING_KEYS);
        keys.push("command");
        read_schedule(reader, &mut table);
        let has_endpoint = read_endpoint(reader, &mut table).is_none_or(|found| found.is_some());
        if let Some(value) = table.take_value("port") {
            reader.faults.integer(&value, 1, 65535);
        }
        is_gate = !read_command(reader, &mut table) || has_endpoint;
    } else {
        keys.push("every");
        let help = "say how often the heartbeat comes, for example `every = \"1m\"`";
        if let Some(value) = table.require("every", help, &mut reader.faults) {
            let most = Duration::from_secs(7 * 86_400);
            reader.faults.duration(&value, Duration::from_secs(1), most);
        }
    }
    let noun = format!("a check of type `{kind}`");
    table.finish(&noun, &keys, &mut reader.faults);
    Some(CheckKind::NotYet { kind, is_gate })
}

/// Reads `command`; says whether `{address}` in it makes a recipe.
fn read_command(reader: &mut Reader<'_>, table: &mut Table<'_>) -> bool {
    let help =
        "list the program and its arguments: `command = [\"/usr/bin/check\", \"{address}\"]`";
    let Some(value) = table.require("command", help, &mut reader.faults) else {
        return true;
    };
    let Some(items) = value.items() else {
        reader
            .faults
            .wrong_type(&value, "a list of the program and its arguments");
        return true;
    };
    reader.faults.count(&value, items.len(), 64);
    let mut takes_address = false;
    for item in &items {
        if let Some(text) = reader.faults.text(item) {
            takes_address |= text.contains("{address}");
        }
    }
    takes_address
}
