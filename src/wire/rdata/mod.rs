//! RDATA of every type that zones hold: from text, to text, and whether octets are well formed.
//!
//! In: master-file text, or wire octets without compression. Out: wire octets, text, the ranges of domain names, faults
//! that say what to write instead. Never here: owners, TTLs, sets of records, compression.
//!
//! One table, `layout`, has the fields of each type; every verb walks it. Fields with rules of their own have a file
//! each. Other implementations read the same octets and text in the tests (`oracle`).

mod fault;
mod flaw;
mod kind;
mod layout;
mod rare;

mod field;
mod name_field;
mod parse;
mod source;

mod check;
mod names;
mod rules;
mod txt;
mod txt_habit;
mod write;

mod bitmap;
mod encoding;
mod identity;
mod location;
mod number;
mod prefix;
mod svcb;
mod unusual;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;

pub use check::check_rdata;
pub use fault::{RdataFault, RdataFaultKind};
pub use names::{NameRange, NameRanges, additional_name, additional_start, rdata_name_ranges};
pub use number::read_seconds;
pub use parse::{Parsed, parse_rdata, parse_rdata_tokens};
pub use source::{AutoHints, RDATA_MAX, WrittenName};
pub use svcb::{fill_hints, hints_left_open, open_hints, without_open_hints, written_text};
pub use txt::{STRING_MAX, holds_raw_text, split_txt, txt_rdata};
pub use txt_habit::{TxtHabit, TxtSlip, find_text_habit};
pub use write::{rdata_text, rdata_text_naming};
