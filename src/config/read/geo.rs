//! `geo`: branches by place (rules a16-a18).
//!
//! In: the table of places. Out: [`NodeKind::Geo`]. Never here: where clients are.

use std::collections::HashMap;

use super::policies::read_branch;
use super::reader::Reader;
use crate::config::keys::{KeyGroup, has_key};
use crate::config::values::{Entry, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::geo::Place;
use crate::model::{GeoKey, NodeKind};

/// Most places in one table (zone format, section 2).
const PLACES_MAX: usize = 400;

/// Continents whose codes are also those of countries, with both readings (rule a18).
const AMBIGUOUS: &[(&str, &str, &str)] = &[
    ("AF", "Africa", "Afghanistan is `AS-AF`"),
    ("AS", "Asia", "American Samoa is `OC-AS`"),
    ("SA", "South America", "Saudi Arabia is `AS-SA`"),
];

pub(super) fn read_geo(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    depth: usize,
) -> Option<NodeKind> {
    let Some(table) = value.as_table() else {
        reader
            .faults
            .wrong_type(value, "a table such as `{ EU = \"eu\", default = \"us\" }`");
        return None;
    };
    if !reader.faults.count(value, table.len(), PLACES_MAX) {
        return None;
    }
    let mut branches = Vec::new();
    let mut seen: HashMap<Place, Span> = HashMap::new();
    for entry in table.entries() {
        let key = if entry.key == "default" {
            Some(GeoKey::Default)
        } else if is_option(entry.key) {
            fallen_option(reader, entry, &table.path);
            continue;
        } else {
            read_place_key(reader, entry, &mut seen)
        };
        let branch = read_branch(reader, &entry.value, "geo", depth);
        if let (Some(key), Some(read)) = (key, branch) {
            branches.push((key, read.branch));
        }
    }
    if !table.has("default") {
        reader.faults.push(no_default(value, "geo"));
    }
    warn_ambiguous(reader, table.entries());
    Some(NodeKind::Geo(branches))
}

fn is_option(key: &str) -> bool {
    [KeyGroup::Policy, KeyGroup::Options, KeyGroup::Name]
        .iter()
        .any(|group| has_key(*group, key))
}

/// An option that fell under `[names.api.geo]` because it was written after that header (rule a9).
fn fallen_option(reader: &mut Reader<'_>, entry: &Entry<'_>, geo_path: &str) {
    let parent = geo_path.strip_suffix(".geo").unwrap_or(geo_path);
    reader.faults.push(
        Diagnostic::fault(
            "L005",
            entry.key_span(),
            &entry.value.path,
            format!("`{}` stands among the places of `{geo_path}`", entry.key),
        )
        .label("this is an option, not a place")
        .help(format!(
            "a header holds until the next one: write `{}` above `[{geo_path}]`, under `[{parent}]`",
            entry.key
        )),
    );
}

fn read_place_key(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    seen: &mut HashMap<Place, Span>,
) -> Option<GeoKey> {
    let place = reader
        .faults
        .place(entry.key, entry.key_span(), &entry.value.path)?;
    if let Some(first) = seen.get(&place) {
        reader.faults.push(
            Diagnostic::fault(
                "L051",
                entry.key_span(),
                &entry.value.path,
                format!("`{}` is a place that another key names already", entry.key),
            )
            .label("again here")
            .related(first.clone(), "first here"),
        );
        return None;
    }
    seen.insert(place, entry.key_span());
    Some(GeoKey::Place(place))
}

/// Warns where clients that match nothing get NODATA (rule a18).
pub(super) fn no_default(value: &Value<'_>, policy: &str) -> Diagnostic {
    let end = value.range.end;
    Diagnostic::warning(
        "L053",
        Span(value.range.start..end),
        &value.path,
        format!("`{policy}` has no `default`: other clients get no data"),
    )
    .label("no `default` here")
    .help("add `default = \"...\"`, unless that is what you want")
}

/// Warns of a bare `AF`, `AS` or `SA` among countries (rule a18).
fn warn_ambiguous(reader: &mut Reader<'_>, entries: &[Entry<'_>]) {
    let places: Vec<&Entry<'_>> = entries
        .iter()
        .filter(|entry| entry.key != "default" && !is_option(entry.key))
        .collect();
    for entry in &places {
        let Some((_, continent, country)) = AMBIGUOUS.iter().find(|(code, ..)| *code == entry.key)
        else {
            continue;
        };
        let mut others = places
            .iter()
            .filter(|other| other.key != entry.key)
            .peekable();
        let has_others = others.peek().is_some();
        let are_countries =
            others.all(|other| Place::parse(other.key).is_ok_and(|place| place.country.is_some()));
        if has_others && are_countries {
            reader.faults.push(
                Diagnostic::warning(
                    "L052",
                    entry.key_span(),
                    &entry.value.path,
                    format!("`{}` is {continent} here, among countries", entry.key),
                )
                .label(format!("the continent {continent}"))
                .help(*country),
            );
        }
    }
}
