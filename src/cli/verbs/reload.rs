//! `leeward reload`: a running server reads its zone files now.

use crate::cli::arguments::ReloadArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::control::post;

/// Runs `reload`. Ends with 1 if a file is refused.
pub(in crate::cli) fn reload(arguments: &ReloadArguments, output: &mut Output) -> Outcome {
    let answer = post(arguments.server, "/api/reload")
        .map_err(|fault| Complaint::cannot_run(fault.to_string()))?;
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
    let (changed, refused) = (list("changed"), list("refused"));
    if !changed.is_empty() {
        output.line(&format!("changed: {}", changed.join(", ")));
    } else if refused.is_empty() {
        output.line("no zone changed");
    }
    if refused.is_empty() {
        return Ok(Exit::Fine);
    }
    output.line(&format!(
        "refused, the last good version is served: {} (leeward status shows the faults)",
        refused.join(", ")
    ));
    Ok(Exit::Faults)
}
