//! The committed schema and reference are those of the table, and the schema accepts the real zones.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{reference_tables, zone_schema};
use crate::config::zone_keys;

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a committed file with what it should be; `UPDATE_GOLDEN=1` rewrites it.
fn compare(path: &str, wanted: &str) {
    let path = at_root(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, wanted).expect("a writable docs folder");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is not up to date; run the tests with UPDATE_GOLDEN=1 and look at the difference",
        path.display()
    );
}

#[test]
fn the_committed_schema_is_up_to_date() {
    let text = serde_json::to_string_pretty(&zone_schema()).expect("JSON") + "\n";
    compare("docs/zone.schema.json", &text);
}

#[test]
fn the_tables_of_the_reference_are_up_to_date() {
    const START: &str =
        "<!-- Keys: made from the key table in src/config/schema; the tests compare. -->\n";
    const END: &str = "<!-- End of keys. -->\n";
    let text = std::fs::read_to_string(at_root("docs/zone-reference.md")).expect("the reference");
    let (before, rest) = text.split_once(START).expect("a start mark");
    let (_, after) = rest.split_once(END).expect("an end mark");
    let wanted = format!("{before}{START}\n{}{END}{after}", reference_tables());
    compare("docs/zone-reference.md", &wanted);
}

#[test]
fn the_reference_lists_every_review() {
    let text = std::fs::read_to_string(at_root("docs/zone-reference.md")).expect("the reference");
    for (code, title) in crate::lint::CODES {
        assert!(
            text.contains(&format!("| {code} | {title} |")),
            "{code} {title}"
        );
    }
}

#[test]
fn every_reference_of_the_schema_is_defined_and_every_key_is_told() {
    let schema = zone_schema();
    let text = schema.to_string();
    for part in text.split("\"#/definitions/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(schema["definitions"].get(name).is_some(), "{name}");
    }
    for key in zone_keys() {
        assert!(
            key.doc().ends_with('.') && !key.default.is_empty(),
            "{}",
            key.key
        );
        assert!(
            !key.doc().contains('|') && !key.doc().contains("{m") && !key.default.contains('|'),
            "{}",
            key.key
        );
    }
}

#[test]
fn the_schema_accepts_the_real_zones() {
    let schema = zone_schema();
    let folder = at_root("tests/zones/eighteen");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the zones ship with the tests") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a readable file");
        if let Err(why) = validate_text(&schema, &text) {
            panic!("{}: {why}", path.display());
        }
        seen += 1;
    }
    assert_eq!(seen, 18);
}

#[test]
fn the_schema_refuses_what_no_zone_has() {
    let schema = zone_schema();
    let cases = [
        ("", "zone"),
        ("zone = 'a.example'\nttll = '5s'", "ttll"),
        ("zone = 'a.example'\nttl = 5", "ttl"),
        ("zone = 'a.example'\n[checks.web]\ninterval = '5s'", "web"),
        ("zone = 'a.example'\n[checks.web]\ntype = 'htpp'", "type"),
        (
            "zone = 'a.example'\n[checks.web]\ntype = 'http'\nfall = 0",
            "fall",
        ),
        (
            "zone = 'a.example'\n[pools.a]\nmember = ['192.0.2.1']",
            "member",
        ),
        (
            "zone = 'a.example'\n[names.www]\nfailvoer = ['a', 'b']",
            "www",
        ),
        (
            "zone = 'a.example'\n[names]\nwww = { to = { to = 'a', geo = { EU = 'a' } } }",
            "www",
        ),
    ];
    for (text, part) in cases {
        let why = validate_text(&schema, text).expect_err(text);
        assert!(why.contains(part), "{text:?}: {why}");
    }
}

fn validate_text(schema: &Value, text: &str) -> Result<(), String> {
    let table: toml::Table = toml::from_str(text).expect("valid TOML");
    validate(schema, schema, &to_json(&toml::Value::Table(table)), "$")
}

/// Editors hand date-times to the schema as texts.
fn to_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => table
            .iter()
            .map(|(key, value)| (key.clone(), to_json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        toml::Value::Array(items) => items.iter().map(to_json).collect::<Vec<_>>().into(),
        toml::Value::Datetime(stamp) => stamp.to_string().into(),
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(is_true) => (*is_true).into(),
    }
}

/// The part of draft-07 that the schema uses.
fn validate(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let name = target.trim_start_matches("#/definitions/");
        return validate(root, &root["definitions"][name], value, path);
    }
    let list = |name: &str| schema.get(name).and_then(Value::as_array);
    let passing = |list: &Vec<Value>| {
        list.iter()
            .filter(|each| validate(root, each, value, path).is_ok())
            .count()
    };
    if let Some(all) = list("allOf") {
        all.iter()
            .try_for_each(|each| validate(root, each, value, path))?;
    }
    if list("anyOf").is_some_and(|any| passing(any) == 0) {
        return Err(format!("{path}: none of anyOf"));
    }
    if list("oneOf").is_some_and(|one| passing(one) != 1) {
        return Err(format!("{path}: not one of oneOf"));
    }
    if list("enum").is_some_and(|words| !words.contains(value)) {
        return Err(format!("{path}: not in enum"));
    }
    validate_type(schema, value, path)?;
    validate_scalar(schema, value, path)?;
    validate_items(root, schema, value, path)?;
    validate_properties(root, schema, value, path)
}

fn validate_type(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let wanted: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let found = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        _ => "number",
    };
    let passes = wanted.contains(&found) || (found == "integer" && wanted.contains(&"number"));
    passes
        .then_some(())
        .ok_or_else(|| format!("{path}: {found} is not {wanted:?}"))
}

fn validate_scalar(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let number = value.as_f64();
    let is_low = number.zip(bound("minimum")).is_some_and(|(n, low)| n < low);
    let is_high = number
        .zip(bound("maximum"))
        .is_some_and(|(n, high)| n > high);
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let is_other = value.as_str().zip(pattern).is_some_and(|(text, pattern)| {
        !regex::Regex::new(pattern)
            .expect("a pattern")
            .is_match(text)
    });
    (!is_low && !is_high && !is_other)
        .then_some(())
        .ok_or_else(|| format!("{path}: out of bounds"))
}

fn validate_items(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let (Some(items), Some(each)) = (value.as_array(), schema.get("items")) else {
        return Ok(());
    };
    items
        .iter()
        .try_for_each(|item| validate(root, each, item, &format!("{path}[]")))
}

fn validate_properties(
    root: &Value,
    schema: &Value,
    value: &Value,
    path: &str,
) -> Result<(), String> {
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    for required in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if !object.contains_key(required.as_str().expect("a key")) {
            return Err(format!("{path}: {required} is missing"));
        }
    }
    for (key, value) in object {
        let path = format!("{path}.{key}");
        let known = schema.get("properties").and_then(|known| known.get(key));
        let by_pattern = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .and_then(|patterns| {
                patterns.iter().find(|(pattern, _)| {
                    regex::Regex::new(pattern).expect("a pattern").is_match(key)
                })
            })
            .map(|(_, each)| each);
        match known
            .or(by_pattern)
            .or_else(|| schema.get("additionalProperties"))
        {
            Some(Value::Bool(false)) => return Err(format!("{path}: unknown key")),
            Some(each) if each.is_object() => validate(root, each, value, &path)?,
            _ => {}
        }
    }
    Ok(())
}
