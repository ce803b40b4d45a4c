//! Rules over references: cycles, depth, recipes and gates.
//!
//! In: the model and every reference in it. Out: faults. Never here: names and records.

use super::reader::Reader;
use crate::config::model::ZoneModel;

/// Judges every reference of the file.
pub(super) fn judge(_reader: &mut Reader<'_>, _model: &ZoneModel) {}
