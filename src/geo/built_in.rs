//! The tables that are compiled in: rows of fields between tabs, `#` starts a comment line.
//!
//! In: the text of a table in `data`. Out: its fields. Never here: files of operators. The texts are part of the program,
//! so that a fault in one is a fault of the program: tests read every table.

use super::continent::Coordinates;

/// Returns the rows of a table.
///
/// # Panics
/// If a row has another number of fields.
pub(super) fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let count = fields.len();
        fields.try_into().unwrap_or_else(|_| {
            panic!("the row `{line}` has {count} fields instead of {N}");
        })
    })
}

/// Reads a point in degrees.
///
/// # Panics
/// If a field is no number.
pub(super) fn point(latitude: &str, longitude: &str) -> Coordinates {
    let degrees = |text: &str| text.parse().expect("the table gives degrees");
    Coordinates {
        latitude: degrees(latitude),
        longitude: degrees(longitude),
    }
}
