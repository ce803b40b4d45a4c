//! Typed readers of TOML values, for zone files and the server file alike.
//!
//! In: the parser's tree. Out: tables that remember which keys were read, what single values mean, findings with places. Never
//! here: which keys there are.

mod faults;
mod single;
mod table;

pub(in crate::config) use faults::Faults;
pub(in crate::config) use table::{Entry, Known, Table, Value, join};
