//! `leeward switch` lists and throws the switches of manual checks; `leeward heartbeat` reports in.

use crate::admin::{ClientFault, SwitchRow, get, post};
use crate::cli::command_arguments::{HeartbeatArguments, SwitchArguments};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::diagnostic::suggest::help_for;

use super::offline::escaped;

/// Runs `switch`. Ends with 1 if the change is refused, or no such switch is there.
pub(in crate::cli) fn switch(arguments: &SwitchArguments, output: &mut Output) -> Outcome {
    let asked = asked(arguments)?;
    let answer = match &asked {
        Some((check, values)) if !values.is_empty() => {
            let list: Vec<String> = values.iter().map(|value| value.replace('=', ":")).collect();
            let mut path = format!(
                "/api/switch?check={}&set={}",
                escaped(check),
                escaped(&list.join(","))
            );
            add_zone(&mut path, arguments.zone.as_deref());
            post(arguments.server, &path).map_err(complain)?
        }
        _ => get(arguments.server, "/api/switches").map_err(complain)?,
    };
    let all: Vec<SwitchRow> = serde_json::from_str(&answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    let check = asked.as_ref().map(|(check, _)| check.as_str());
    let zone = arguments.zone.as_deref();
    let is_asked = |row: &&SwitchRow| {
        check.is_none_or(|check| check == row.check) && zone.is_none_or(|zone| is_zone(row, zone))
    };
    let rows: Vec<&SwitchRow> = all.iter().filter(is_asked).collect();
    if rows.is_empty() && (check.is_some() || zone.is_some()) {
        return Err(none_found(&all, check, zone));
    }
    if arguments.json {
        output.json(&rows)?;
    } else if rows.is_empty() {
        output.line("no check of type manual");
    } else {
        rows.iter().for_each(|row| output.line(&line(row)));
        let kept = rows.iter().find(|row| row.kept.starts_with("in memory"));
        if let Some(row) = kept {
            output.line(&format!("kept {}", row.kept));
        }
    }
    Ok(Exit::Fine)
}

/// Reads the check and its new states: `gate off`, `gate=off`, `colour blue=on`, or `colour/blue=on`.
fn asked(arguments: &SwitchArguments) -> Result<Option<(String, Vec<String>)>, Complaint> {
    let Some(word) = &arguments.check else {
        return Ok(None);
    };
    let mut values = arguments.values.clone();
    let Some((left, state)) = word.split_once('=') else {
        return Ok(Some((word.clone(), values)));
    };
    let (check, value) = match left.split_once('/') {
        Some((check, switch)) => (check, format!("{switch}={state}")),
        None => (left, state.to_owned()),
    };
    if let Some(other) = values.iter().find(|value| !value.contains('=')) {
        let message = format!("`{word}` sets `{check}` already, and `{other}` sets it again");
        return Err(
            Complaint::usage(message).with_help("write `leeward switch CHECK on` or CHECK=on")
        );
    }
    // More switches of a panel: `colour/blue=off green=on`.
    let own = format!("{check}/");
    for value in &mut values {
        *value = value.strip_prefix(&own).unwrap_or(value).to_owned();
    }
    values.insert(0, value);
    Ok(Some((check.to_owned(), values)))
}

fn is_zone(row: &SwitchRow, zone: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    plain(&row.zone) == plain(zone)
}

/// Complains that there is no such switch, with the nearest one.
fn none_found(all: &[SwitchRow], check: Option<&str>, zone: Option<&str>) -> Complaint {
    let has_check = |row: &&SwitchRow| check.is_none_or(|check| row.check == check);
    let (message, help) = match (check, zone) {
        (Some(check), _) if !all.iter().any(|row| row.check == check) => {
            let mut known: Vec<&str> = all.iter().map(|row| row.check.as_str()).collect();
            known.dedup();
            let help = help_for(check, known, "there are");
            (format!("no check of type manual is called `{check}`"), help)
        }
        (_, Some(zone)) => {
            let mut known: Vec<&str> = all
                .iter()
                .filter(has_check)
                .map(|row| row.zone.as_str())
                .collect();
            known.dedup();
            let help = help_for(zone, known, "zones with such a switch");
            (format!("zone `{zone}` has no such switch"), help)
        }
        (_, None) => ("no check of type manual".to_owned(), None),
    };
    let complaint = Complaint {
        exit: Exit::Faults,
        ..Complaint::cannot_run(message)
    };
    match help {
        Some(help) => complaint.with_help(help),
        None => complaint,
    }
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
    let answer = post(arguments.server, &path).map_err(complain)?;
    let told: serde_json::Value = serde_json::from_str(&answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    let kept = told.get("kept").and_then(serde_json::Value::as_str);
    match kept.filter(|kept| kept.starts_with("in memory")) {
        Some(kept) => output.line(&format!("taken, kept {kept}")),
        None => output.line("taken"),
    }
    Ok(Exit::Fine)
}

pub(super) fn add_zone(path: &mut String, zone: Option<&str>) {
    if let Some(zone) = zone {
        path.push_str("&zone=");
        path.push_str(&escaped(zone));
    }
}

/// Makes a complaint of a failed request: one that was refused ends with [`Exit::Faults`], all others with
/// [`Exit::CannotRun`].
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::SERVER_DEFAULT;

    // N9.
    #[test]
    fn both_ways_to_write_a_switch_mean_the_same() {
        let read = |words: &[&str]| {
            let mut words = words.iter().map(|word| (*word).to_owned());
            let arguments = SwitchArguments {
                check: words.next(),
                values: words.collect(),
                zone: None,
                server: SERVER_DEFAULT,
                json: false,
            };
            asked(&arguments).map(|asked| {
                let (check, values) = asked.unwrap_or_default();
                format!("{check} {}", values.join(","))
            })
        };
        let cases: [(&[&str], &str); 8] = [
            (&[], " "),
            (&["gate"], "gate "),
            (&["gate", "off"], "gate off"),
            (&["gate=off"], "gate off"),
            (
                &["colour", "blue=off", "green=on"],
                "colour blue=off,green=on",
            ),
            (&["colour/blue=off"], "colour blue=off"),
            (&["colour/blue=off", "green=on"], "colour blue=off,green=on"),
            (
                &["colour/blue=off", "colour/green=on"],
                "colour blue=off,green=on",
            ),
        ];
        for (words, wanted) in cases {
            assert_eq!(read(words), Ok(wanted.to_owned()), "{words:?}");
        }
        let twice = read(&["gate=off", "on"]).expect_err("it is set twice");
        assert_eq!(twice.exit, Exit::Usage);
    }
}
