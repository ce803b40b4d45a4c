//! Service parameters of SVCB and HTTPS (RFC 9460; `dohpath` RFC 9461, `ohttp` RFC 9540).
//!
//! In: `key=value` words, or octets. Out: parameters in wire order, or words; faults for all that the RFC forbids. Never
//! here: which hints are right; `auto` is only noted.

mod hints;
mod key;

mod read;
mod text;
mod value;

pub use hints::{fill_hints, hints_left_open, open_hints, without_open_hints, written_text};
pub(super) use read::read_parameters;
pub(super) use text::parameters_text;
pub(super) use value::{check_parameters, is_alias};
