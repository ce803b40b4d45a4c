//! `leeward release`: the failovers of a name go back to their first healthy tier now.

use crate::cli::arguments::ReleaseArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::control::post;

use super::offline::escaped;

/// Runs `release`.
pub(in crate::cli) fn release(arguments: &ReleaseArguments, output: &mut Output) -> Outcome {
    let path = format!(
        "/api/release?zone={}&name={}",
        escaped(&arguments.zone),
        escaped(&arguments.name)
    );
    let answer =
        post(arguments.server, &path).map_err(|fault| Complaint::cannot_run(fault.to_string()))?;
    let value: serde_json::Value = serde_json::from_str(&answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    let released = value.get("released").and_then(serde_json::Value::as_u64);
    output.line(&match released {
        Some(0) | None => "nothing was held: the first healthy tier is answered".to_owned(),
        Some(1) => "released: 1 failover answers its first healthy tier".to_owned(),
        Some(count) => format!("released: {count} failovers answer their first healthy tiers"),
    });
    Ok(Exit::Fine)
}
