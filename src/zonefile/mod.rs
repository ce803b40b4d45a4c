//! Master files (RFC 1035, section 5): text to records, records to a served zone, and a zone back to text.
//!
//! In: the octets of a file, and a reader of the files that it includes. Out: records grouped by owner, findings with
//! stable codes, the built zone, canonical text. Never here: files on disk, policies, answers.

mod finding;
mod flaw;
mod generate;
mod records;

mod foreign;
mod line;
mod quick;
mod text;
mod words;

mod directives;
mod reader;

mod apex;
mod dots;
mod links;
mod validate;

mod build;
mod show;

pub use build::build_master_zone;
pub use finding::{FINDINGS_MAX, MASTER_CODES, SourceText};
pub use generate::GENERATED_MAX;
pub use reader::{
    INCLUDE_DEPTH_MAX, INCLUDED_MAX, Inclusions, Reading, read_master, read_master_to_convert,
};
pub use records::{Records, Rrset};
pub use show::{push_record, show_master, show_master_name, show_master_with};
