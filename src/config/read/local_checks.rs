//! Checks that speak to no socket: commands that are run here, and heartbeats that come in.
//!
//! In: the table of a check. Out: a [`ProbeTemplate`]. Never here: whether the server allows a command; its own file
//! says so, and it is judged when the command would run.

use super::known::{Key, duration, finish, number, take_number};
use super::probes::{read_endpoint, read_schedule};
use super::reader::Reader;
use crate::config::keys::KeyGroup;
use crate::config::values::{Table, Value};
use crate::diagnostic::Diagnostic;
use crate::health::{Damping, Endpoint, ExecProbe, HeartbeatProbe, ProbeKind, Timeout};
use crate::model::ProbeTemplate;

/// Most words of a command. Chosen; no standard value.
const WORDS_MAX: usize = 64;
/// Longest word of a command in octets. Chosen; no standard value.
const WORD_MAX: usize = 4_096;
/// What stands for the address of a member.
const ADDRESS: &str = "{address}";

/// Reads an `exec` check: a recipe if its command takes an address and it has none of its own (rule a30).
pub(super) fn read_exec(reader: &mut Reader<'_>, mut table: Table<'_>) -> Option<ProbeTemplate> {
    let schedule = read_schedule(reader, &mut table);
    let endpoint = read_endpoint(reader, &mut table);
    let key = Key(KeyGroup::Check, "port", "exec");
    let port = match table.take_value("port") {
        Some(value) => number(&value, key, &mut reader.faults),
        None => Some(0),
    };
    let command = read_command(reader, &mut table);
    let of = (&[KeyGroup::Check][..], &["exec"][..]);
    finish(table, "a check of type `exec`", of, &mut reader.faults);
    let (schedule, endpoint, command) = (schedule?, endpoint?, command?);
    let takes_address = command.iter().any(|word| word.contains(ADDRESS));
    let endpoint = endpoint.or_else(|| (!takes_address).then_some(Endpoint::Here));
    let kind = ProbeKind::Exec(ExecProbe { command });
    Some(schedule.template(endpoint, port?, kind))
}

fn read_command(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Vec<String>> {
    let help =
        "list the program and its arguments: `command = [\"/usr/bin/check\", \"{address}\"]`";
    let value = table.require("command", help, &mut reader.faults)?;
    let Some(items) = value.items() else {
        let wanted = "a list of the program and its arguments";
        reader.faults.wrong_type(&value, wanted);
        return None;
    };
    if !reader.faults.count(&value, items.len(), WORDS_MAX) {
        return None;
    }
    let mut command = Vec::new();
    for item in &items {
        let word = reader.faults.text(item)?;
        if word.len() > WORD_MAX || word.contains('\0') {
            let why = format!("a word of a command has up to {WORD_MAX} octets, none of them zero");
            refuse(reader, item, why, "shorten it");
            return None;
        }
        command.push(word.to_owned());
    }
    let program = items.first()?;
    let is_plain = command[0].starts_with('/')
        && !command[0].contains(ADDRESS)
        && !command[0].split('/').any(|part| part == "..");
    if !is_plain {
        let why = format!("`{}` is no full path of a program", command[0]);
        let help = "no shell and no search path stand between: write `/usr/lib/leeward/checks/x`, without `..`";
        refuse(reader, program, why, help);
        return None;
    }
    Some(command)
}

fn refuse(reader: &mut Reader<'_>, value: &Value<'_>, why: String, help: &str) {
    let fault = Diagnostic::fault("L029", value.span(), &value.path, why);
    reader.faults.push(fault.label("not understood").help(help));
}

/// Reads a `heartbeat` check; it has no address, so it is a gate (rule a30).
pub(super) fn read_heartbeat(
    reader: &mut Reader<'_>,
    mut table: Table<'_>,
    id: &str,
) -> Option<ProbeTemplate> {
    let help = "say how often the heartbeat comes, for example `every = \"1m\"`";
    let every = table
        .require("every", help, &mut reader.faults)
        .and_then(|value| {
            let key = Key(KeyGroup::Check, "every", "heartbeat");
            duration(&value, key, &mut reader.faults)
        });
    let mut count = |key| {
        let key = Key(KeyGroup::Check, key, "heartbeat");
        take_number(&mut table, key, &mut reader.faults)
    };
    let (fall, rise) = (count("fall"), count("rise"));
    let of = (&[KeyGroup::Check][..], &["heartbeat"][..]);
    finish(table, "a check of type `heartbeat`", of, &mut reader.faults);
    let every = every?;
    let name = HeartbeatProbe {
        zone: reader.apex.to_string().to_ascii_lowercase(),
        check: id.to_owned(),
    };
    Some(ProbeTemplate {
        endpoint: Some(Endpoint::Here),
        port: 0,
        kind: ProbeKind::Heartbeat(name),
        interval: every,
        timeout: Timeout::Whole(every),
        damping: Damping {
            rise: rise?,
            fall: fall?,
            forgive: 1,
            degraded: None,
        },
        watch: false,
    })
}
