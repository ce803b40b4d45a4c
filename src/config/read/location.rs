//! Points on the globe: region codes and `{ lat, lon }` (rule a20).
//!
//! In: the value of `at`. Out: a [`Location`]. Never here: distances.

use toml::de::DeValue;

use super::known::finish;
use super::reader::Reader;
use crate::config::keys::KeyGroup;
use crate::config::values::Value;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::suggest;
use crate::geo::{Coordinates, foreign_region_hint, known_regions, region_point};
use crate::model::Location;

/// Reads a location without reporting anything; for the first pass.
pub(super) fn peek_location(value: &Value<'_>) -> Option<Location> {
    if let Some(code) = value.as_str() {
        return Some(Location {
            code: Some(code.to_owned()),
            point: region_point(code)?,
        });
    }
    let mut table = value.as_table()?;
    let latitude = table.take_value("lat").and_then(|value| degrees(&value))?;
    let longitude = table.take_value("lon").and_then(|value| degrees(&value))?;
    Some(Location {
        code: None,
        point: Coordinates {
            latitude,
            longitude,
        },
    })
}

/// Reads a location.
pub(super) fn read_location(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Location> {
    if let Some(code) = value.as_str() {
        let found = peek_location(value);
        if found.is_none() {
            let help = foreign_region_hint(code)
                .or_else(|| {
                    suggest::nearest(code, known_regions())
                        .map(|near| format!("did you mean `{near}`?"))
                })
                .unwrap_or_else(|| {
                    "write an AWS region code, or a point: `{ lat = 52.3, lon = 4.8 }`".to_owned()
                });
            reader.faults.push(
                Diagnostic::fault(
                    "L057",
                    value.span(),
                    &value.path,
                    format!("`{code}` is no known region"),
                )
                .label("unknown region")
                .help(help),
            );
        }
        return found;
    }
    let Some(mut table) = value.as_table() else {
        reader
            .faults
            .wrong_type(value, "a region code or `{ lat = 52.3, lon = 4.8 }`");
        return None;
    };
    let help = "write both: `{ lat = 52.3, lon = 4.8 }`";
    let latitude = table.require("lat", help, &mut reader.faults);
    let longitude = table.require("lon", help, &mut reader.faults);
    finish(
        table,
        "a point",
        (&[KeyGroup::Point], &[]),
        &mut reader.faults,
    );
    let latitude = bounded_degrees(reader, &latitude?, 90.0);
    let longitude = bounded_degrees(reader, &longitude?, 180.0);
    Some(Location {
        code: None,
        point: Coordinates {
            latitude: latitude?,
            longitude: longitude?,
        },
    })
}

fn degrees(value: &Value<'_>) -> Option<f64> {
    let text = match value.raw {
        DeValue::Float(number) => number.as_str(),
        DeValue::Integer(number) => number.as_str(),
        _ => return None,
    };
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn bounded_degrees(reader: &mut Reader<'_>, value: &Value<'_>, limit: f64) -> Option<f64> {
    let Some(found) = degrees(value) else {
        reader.faults.wrong_type(value, "a number of degrees");
        return None;
    };
    if (-limit..=limit).contains(&found) {
        return Some(found);
    }
    reader.faults.push(
        Diagnostic::fault(
            "L010",
            value.span(),
            &value.path,
            format!("`{}` must lie between -{limit} and {limit}", value.path),
        )
        .label("out of bounds"),
    );
    None
}
