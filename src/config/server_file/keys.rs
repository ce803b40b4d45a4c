//! The one table of the server file's keys: where each stands, what it takes within which bounds, where its setting lies, what
//! it is for, and when a change takes effect. Defaults are those of [`super::ServerConfig::default`].
//!
//! In: nothing. Out: rows, from which the reader, `show`, the reference and a reload while the server runs are made. Never
//! here: rules between keys.

use std::sync::LazyLock;

use super::row::ServerKey;
use super::rows::rows;

/// Returns every key, table by table, in the order in which [`super::show_server`] writes them.
pub fn server_keys() -> &'static [ServerKey] {
    static KEYS: LazyLock<Vec<ServerKey>> = LazyLock::new(rows);
    &KEYS
}

/// Returns the tables, in order.
pub(super) fn tables() -> Vec<&'static str> {
    let mut tables: Vec<&'static str> = Vec::new();
    for table in server_keys().iter().map(ServerKey::table) {
        if !table.is_empty() && tables.last() != Some(&table) {
            tables.push(table);
        }
    }
    tables
}
