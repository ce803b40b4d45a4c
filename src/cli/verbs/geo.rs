//! `leeward geo`: shows where an address is taken to be.

use super::pending::pending;
use crate::cli::arguments::GeoArguments;
use crate::cli::output::{Outcome, Output};

/// Runs `geo`.
pub(in crate::cli) fn geo(_arguments: &GeoArguments, _output: &mut Output) -> Outcome {
    pending("geo")
}
