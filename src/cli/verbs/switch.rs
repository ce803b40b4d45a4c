//! `leeward switch` lists and throws the switches of manual checks; `leeward heartbeat` reports in.

use crate::cli::command_arguments::{HeartbeatArguments, SwitchArguments};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::control::{ClientFault, SwitchRow, get, post};

use super::offline::escaped;

/// Runs `switch`. Ends with 1 if the change is refused.
pub(in crate::cli) fn switch(arguments: &SwitchArguments, output: &mut Output) -> Outcome {
    let answer = match (&arguments.check, arguments.values.as_slice()) {
        (None, _) | (_, []) => get(arguments.server, "/api/switches").map_err(complain)?,
        (Some(check), values) => {
            let list: Vec<String> = values.iter().map(|value| value.replace('=', ":")).collect();
            let mut path = format!(
                "/api/switch?check={}&set={}",
                escaped(check),
                escaped(&list.join(","))
            );
            add_zone(&mut path, arguments.zone.as_deref());
            post(arguments.server, &path).map_err(complain)?
        }
    };
    let mut rows: Vec<SwitchRow> = serde_json::from_str(&answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    rows.retain(|row| {
        arguments
            .check
            .as_ref()
            .is_none_or(|check| *check == row.check)
    });
    if arguments.json {
        output.json(&rows)?;
    } else if rows.is_empty() {
        output.line("no check of type manual");
    } else {
        rows.iter().for_each(|row| output.line(&line(row)));
    }
    Ok(Exit::Fine)
}

/// Runs `heartbeat`.
pub(in crate::cli) fn heartbeat(arguments: &HeartbeatArguments, output: &mut Output) -> Outcome {
    let mut path = format!("/api/heartbeat?check={}", escaped(&arguments.check));
    add_zone(&mut path, arguments.zone.as_deref());
    if arguments.bad {
        path.push_str("&result=bad");
    }
    if let Some(note) = &arguments.note {
        path.push_str("&note=");
        path.push_str(&escaped(note));
    }
    post(arguments.server, &path).map_err(complain)?;
    output.line("taken");
    Ok(Exit::Fine)
}

pub(super) fn add_zone(path: &mut String, zone: Option<&str>) {
    if let Some(zone) = zone {
        path.push_str("&zone=");
        path.push_str(&escaped(zone));
    }
}

/// A request that was refused is a fault found; a server that cannot be asked is another thing.
pub(super) fn complain(fault: ClientFault) -> Complaint {
    let exit = match fault {
        ClientFault::Refused(..) => Exit::Faults,
        ClientFault::Nobody(..) | ClientFault::Broken(_) => Exit::CannotRun,
    };
    Complaint {
        exit,
        ..Complaint::cannot_run(fault.to_string())
    }
}

fn line(row: &SwitchRow) -> String {
    let word = |is_on: bool| if is_on { "on" } else { "off" };
    let name = match row.switch.as_str() {
        "" => row.check.clone(),
        switch => format!("{}/{switch}", row.check),
    };
    let changed = match row.on == row.first {
        true => String::new(),
        false => format!(", the zone file says {}", word(row.first)),
    };
    format!(
        "{:<3} {} {name} (here only{changed})",
        word(row.on),
        row.zone
    )
}
