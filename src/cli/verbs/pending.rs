//! The one honest answer of a verb that this build does not carry.

use crate::cli::output::{Complaint, Outcome};

/// Complains that the verb is not in this build.
pub(super) fn pending(verb: &str) -> Outcome {
    Err(Complaint::cannot_run(format!(
        "{verb}: not built yet in this version"
    )))
}
