//! Hints written as `auto` (rule a55): which records may have them, and how many.
//!
//! In: parsed SVCB and HTTPS records. Out: RDATA with open hints, within what an answer has room for. Never here: which
//! addresses; the engine fills them in.

use super::reader::Reader;
use crate::config::values::Value;
use crate::diagnostic::Diagnostic;
use crate::model::{MemberModel, MemberValue};
use crate::wire::{AutoHints, Parsed, Rtype, hints_left_open, open_hints};

/// Records with open hints of one name and type (chosen: as many as a pool answers by default).
const OPEN_RECORDS_MAX: usize = 8;
/// Octets of such a record without its hints (chosen: room for eight addresses a family in an octet buffer of 1 KiB).
const OPEN_OCTETS_MAX: usize = 512;

/// Returns the RDATA of a record, its hints open where they are `auto`.
pub(super) fn rdata_of(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    parsed: &Parsed,
) -> Option<Box<[u8]>> {
    if parsed.auto_hints == AutoHints::default() {
        return Some(parsed.octets.clone());
    }
    if parsed.octets.len() > OPEN_OCTETS_MAX {
        let octets = parsed.octets.len();
        reader.faults.push(
            Diagnostic::fault(
                "L061",
                value.span(),
                &value.path,
                format!("a record with `auto` has at most {OPEN_OCTETS_MAX} octets, this one has {octets}"),
            )
            .label("too long")
            .help("write the addresses instead of `auto`"),
        );
        return None;
    }
    Some(open_hints(&parsed.octets, parsed.auto_hints))
}

/// Validates how many records of one type have hints that are `auto`.
pub(super) fn validate_count(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    rtype: Rtype,
    records: &[MemberModel],
) {
    let is_open = |record: &&MemberModel| match &record.value {
        MemberValue::Record(_, octets) => hints_left_open(rtype, octets) != AutoHints::default(),
        MemberValue::Address(_) | MemberValue::Target(_) => false,
    };
    if records.len() > OPEN_RECORDS_MAX && records.iter().any(|record| is_open(&record)) {
        reader.faults.push(
            Diagnostic::fault(
                "L015",
                value.span(),
                &value.path,
                format!(
                    "{} records, some with `auto` hints; such a list has at most {OPEN_RECORDS_MAX}",
                    records.len()
                ),
            )
            .label("too many"),
        );
    }
}
