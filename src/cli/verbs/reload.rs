//! `leeward reload`: a running server reads its zone files now.

use crate::cli::arguments::ReloadArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::control::post;

/// Runs `reload`. Ends with 1 if a file is refused, or the reload waits.
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
    let (changed, refused) = (list("changed"), list("refused"));
    if !changed.is_empty() {
        output.line(&format!("changed: {}", changed.join(", ")));
        if let Some(answers) = value.get("answers").and_then(serde_json::Value::as_str) {
            output.line(answers);
        }
    } else if refused.is_empty() {
        output.line("no zone changed");
    }
    if refused.is_empty() {
        return Ok(Exit::Fine);
    }
    output.line(&format!(
        "refused, the last good version is served: {}",
        refused.join(", ")
    ));
    if let Some(faults) = value.get("faults").and_then(serde_json::Value::as_str) {
        output.line(faults);
    }
    Ok(Exit::Faults)
}
