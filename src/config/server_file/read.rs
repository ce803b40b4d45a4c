//! From the text of the server file to a [`ServerConfig`], by the table of keys: all findings at once.
//!
//! In: the text. Out: settings, or none where anything is at fault. Never here: which keys there are, opening files.

use std::path::Path;

use super::keys::{server_keys, tables};
use super::rules;
use super::settings::ServerConfig;
use crate::config::syntax::parse;
use crate::config::values::{Faults, Known, Table};
use crate::diagnostic::{Diagnostic, Source};

/// Every code of the reader with a title of one line, in order.
pub const CODES: &[(&str, &str)] = &[
    ("S001", "the server file is not valid TOML"),
    ("S002", "unknown key in the server file"),
    ("S003", "wrong type of value"),
    ("S004", "a value out of bounds"),
    ("S005", "not an address with port"),
    ("S006", "not a duration"),
    ("S007", "not a prefix"),
    ("S008", "not a place"),
    ("S009", "unknown word"),
    ("S010", "the same thing twice"),
    ("S011", "a list that may not be empty"),
    ("S013", "a control API that others can reach"),
    ("S014", "a certificate or its key is missing"),
    ("S015", "trusted proxies that are everybody"),
    ("S099", "more findings than are shown"),
];

/// Codes of findings that zone files have too, as the server file calls them.
const SHARED_CODES: &[(&str, &str)] = &[
    ("L001", "S001"),
    ("L002", "S001"),
    ("L003", "S001"),
    ("L006", "S002"),
    ("L007", "S003"),
    ("L009", "S009"),
    ("L010", "S004"),
    ("L011", "S006"),
    ("L012", "S004"),
    ("L013", "S004"),
    ("L015", "S004"),
    ("L030", "S002"),
    ("L050", "S008"),
    ("L054", "S007"),
    ("L099", "S099"),
];

/// Reads a server file. The settings are `None` if there is any fault; warnings and notes come with settings.
///
/// Relative paths in it start at its folder.
pub fn read_server_file(source: &Source) -> (Option<ServerConfig>, Vec<Diagnostic>) {
    let mut faults = Faults::new(source, SHARED_CODES);
    let Some(root) = parse(&mut faults) else {
        return (None, faults.into_list());
    };
    let mut config = ServerConfig {
        base: source
            .path
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default(),
        ..ServerConfig::default()
    };
    // A default is relative to the file's folder as what is written is.
    config.zones = config.base.join(&config.zones);
    let root = root.get_ref();
    read_table("", Table::new(root, 0..0, ""), &mut config, &mut faults);
    rules::validate(root, &mut config, &mut faults);
    let config = (!faults.has_fault()).then_some(config);
    (config, faults.into_list())
}

/// Reads one table: first what its keys say, then what is no key of it.
fn read_table(
    name: &str,
    mut table: Table<'_>,
    config: &mut ServerConfig,
    faults: &mut Faults<'_>,
) {
    let keys = server_keys().iter().filter(|key| key.table() == name);
    for key in keys.clone() {
        if let Some(value) = table.take_value(key.key()) {
            key.setting.read(&value, config, faults);
        }
    }
    let mut known: Vec<&str> = keys.map(|key| key.key()).collect();
    if name.is_empty() {
        known.extend(tables());
        for name in tables() {
            let Some(value) = table.take_value(name) else {
                continue;
            };
            match value.as_table() {
                Some(inner) => read_table(name, inner, config, faults),
                None => faults.wrong_type(&value, &format!("a table: `[{name}]`")),
            }
        }
    }
    let noun = match name {
        "" => "the top of the server file".to_owned(),
        name => format!("`[{name}]`"),
    };
    let home = |key: &str| {
        let home = server_keys().iter().find(|known| known.key() == key)?;
        Some(match home.table() {
            "" => "the top, before the first table".to_owned(),
            table => format!("`[{table}]`"),
        })
    };
    let known = Known {
        noun: &noun,
        keys: &known,
        home: &home,
        has_names: false,
    };
    table.finish(&known, faults);
}
