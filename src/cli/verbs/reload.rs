//! `leeward reload`: a running server reads its zone files now.

use crate::admin::post;
use crate::cli::arguments::ReloadArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};

/// Runs `reload`. Ends with 1 if a file is refused, a zone is served from an older version, or the reload waits; with 3
/// if nothing could be loaded.
pub(in crate::cli) fn reload(arguments: &ReloadArguments, output: &mut Output) -> Outcome {
    let path = format!("/api/reload?yes={}", arguments.yes);
    let answer =
        post(arguments.server, &path).map_err(|fault| Complaint::cannot_run(fault.to_string()))?;
    let value: serde_json::Value = serde_json::from_str(&answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    let list = |key: &str| -> Vec<String> {
        let items = value
            .get(key)
            .and_then(serde_json::Value::as_array)
            .into_iter()
            .flatten();
        items
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    if let Some(message) = value.get("error").and_then(serde_json::Value::as_str) {
        return Err(Complaint::cannot_run(message));
    }
    if let Some(why) = value.get("why").and_then(serde_json::Value::as_str) {
        output.line(&format!(
            "waits for leeward reload --yes, and everything is served as before: {why}"
        ));
        list("changes")
            .iter()
            .for_each(|line| output.line(&format!("  {line}")));
        return Ok(Exit::Faults);
    }
    tell_changes(&value, &list, output);
    let refused = list("refused");
    if !refused.is_empty() {
        output.line(&format!(
            "refused, the last good version is served where there is one: {}",
            refused.join(", ")
        ));
        if let Some(faults) = value.get("faults").and_then(serde_json::Value::as_str) {
            output.line(faults);
        }
    }
    let is_old = rows(&value, "missing").len() + rows(&value, "old").len() > 0;
    Ok(if refused.is_empty() && !is_old {
        Exit::Fine
    } else {
        Exit::Faults
    })
}

/// Rows of an answer.
fn rows<'v>(value: &'v serde_json::Value, key: &str) -> &'v [serde_json::Value] {
    let rows = value.get(key).and_then(serde_json::Value::as_array);
    rows.map_or(&[], Vec::as_slice)
}

/// Writes a line for every change: zones that came, went or changed.
fn tell_changes(
    value: &serde_json::Value,
    list: &dyn Fn(&str) -> Vec<String>,
    output: &mut Output,
) {
    let (changed, removed) = (list("changed"), list("removed"));
    let text = |row: &serde_json::Value, key: &str| {
        let text = row.get(key).and_then(serde_json::Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    for row in rows(value, "moved") {
        output.line(&format!(
            "moved: {} is served from {} now, not from {}",
            text(row, "zone"),
            text(row, "to"),
            text(row, "from")
        ));
    }
    if !removed.is_empty() {
        output.line(&format!("removed: {}", removed.join(", ")));
    }
    for row in rows(value, "missing") {
        output.line(&format!(
            "removed: {}, but zone {} is served on from its last good version until leeward reload --yes: {}",
            text(row, "file"),
            text(row, "zone"),
            text(row, "why")
        ));
    }
    for row in rows(value, "old") {
        output.line(&format!(
            "not read: {}; zone {} is served from its last good version: {}",
            text(row, "file"),
            text(row, "zone"),
            text(row, "why")
        ));
    }
    for row in rows(value, "names") {
        output.line(&format!("names of {}", text(row, "text")));
    }
    if !changed.is_empty() {
        output.line(&format!("changed: {}", changed.join(", ")));
        if let Some(answers) = value.get("answers").and_then(serde_json::Value::as_str) {
            output.line(answers);
        }
    }
    let quiet = ["changed", "removed", "moved", "missing", "old", "refused"];
    if quiet.iter().all(|key| rows(value, key).is_empty()) {
        output.line("no zone changed");
    }
    let warnings = value.get("warnings").and_then(serde_json::Value::as_u64);
    if let Some(warnings) = warnings.filter(|warnings| *warnings > 0) {
        output.line(&format!(
            "{warnings} warning(s) about zones that are served; leeward status lists them"
        ));
    }
    for row in rows(value, "server_file") {
        output.line(row.as_str().unwrap_or_default());
    }
}
