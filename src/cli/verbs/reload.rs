//! `leeward reload`: makes a running server read its files again.

use super::pending::pending;
use crate::cli::arguments::ReloadArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `reload`.
pub(in crate::cli) fn reload(_arguments: &ReloadArguments, _output: &mut Output) -> Outcome {
    pending("reload")
}
