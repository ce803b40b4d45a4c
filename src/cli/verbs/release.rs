//! `leeward release`: failovers that are held answer their first healthy tier now.
//!
//! In: a name or pool, a running server. Out: the changes. Never here: releasing; the server does that.

use crate::admin::post;
use crate::cli::command_arguments::ReleaseArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};

use super::offline::escaped;
use super::switch::{add_zone, complain};

/// Runs `release`. Ends with 1 if there is no failback at that name.
pub(in crate::cli) fn release(arguments: &ReleaseArguments, output: &mut Output) -> Outcome {
    let mut path = format!("/api/release?name={}", escaped(&arguments.name));
    add_zone(&mut path, arguments.zone.as_deref());
    let answer = post(arguments.server, &path).map_err(complain)?;
    let told: serde_json::Value = serde_json::from_str(&answer)
        .map_err(|cause| Complaint::cannot_run(format!("read the server's answer: {cause}")))?;
    if arguments.json {
        output.json(&told)?;
        return Ok(Exit::Fine);
    }
    let released = told.get("released").and_then(serde_json::Value::as_u64);
    output.line(&match released {
        Some(0) | None => "nothing was held: the first healthy tier is answered".to_owned(),
        Some(1) => "released: 1 failover answers its first healthy tier".to_owned(),
        Some(count) => format!("released: {count} failovers answer their first healthy tiers"),
    });
    Ok(Exit::Fine)
}
