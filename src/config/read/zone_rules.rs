//! Rules of DNS over the whole zone.
//!
//! In: the model. Out: faults and warnings. Never here: references between pools and checks.

use super::reader::Reader;
use crate::config::model::ZoneModel;

/// Judges the zone as a zone.
pub(super) fn judge(_reader: &mut Reader<'_>, _model: &ZoneModel) {}
