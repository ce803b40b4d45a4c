//! Zone TOML to the resolved model, by hand from spanned values.
//!
//! In: the text of one zone file, and the files it names. Out: a [`ZoneModel`](crate::model::ZoneModel) if nothing is
//! at fault, and every finding at once. Never here: rules over several items that are no faults of the file (the
//! reviews judge these), compiling, I/O.

mod zone_file;

mod authorities;
mod check_rules;
mod checks;
mod expects;
mod geo;
mod hints;
mod hosts;
mod index;
mod known;
mod links;
mod local_checks;
mod location;
mod members;
mod names;
mod nodes;
mod owners;
mod plain;
mod plain_cursor;
#[cfg(test)]
mod plain_laws;
mod plain_names;
mod policies;
mod pools;
mod probes;
mod protocols;
mod reader;
mod records;
mod reference_rules;
mod request_text;
mod soa;
mod soft;
mod subnets;
mod times;
mod zone_rules;

pub(in crate::config) use plain_names::NotPlain;
pub(in crate::config) use records::parse_type_key;
pub use request_text::COMMAND_HEADER;
pub use zone_file::read_zone;
