//! From the table of keys to a JSON Schema, draft-07: the newest draft that the TOML editors of today understand.

use serde_json::{Map, Value, json};

use crate::config::{KeyGroup, KeyKind, ZoneKey, zone_keys};
use crate::wire::Rtype;

/// Returns the schema of zone files.
pub fn zone_schema() -> Value {
    let mut root = object(&[KeyGroup::Top], &["zone"]);
    let fields = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Leeward zone",
        "description": "A zone of Leeward, an authoritative DNS server that fails over.",
        "definitions": definitions(),
    });
    if let (Some(root), Value::Object(fields)) = (root.as_object_mut(), fields) {
        root.extend(fields);
    }
    root
}

fn definitions() -> Value {
    let policies: Vec<&str> = keys_of(KeyGroup::Policy).map(|key| key.key).collect();
    let exactly_one: Vec<Value> = policies
        .iter()
        .map(|policy| json!({ "required": [policy] }))
        .collect();
    let mut node = object(&[KeyGroup::Policy, KeyGroup::Options], &[]);
    node["oneOf"] = Value::Array(exactly_one.clone());
    let mut branch = object(
        &[KeyGroup::Policy, KeyGroup::Options, KeyGroup::Branch],
        &[],
    );
    branch["oneOf"] = Value::Array(exactly_one);
    let mut pool = object(
        &[
            KeyGroup::Pool,
            KeyGroup::Policy,
            KeyGroup::Options,
            KeyGroup::Name,
        ],
        &[],
    );
    // A pool's `check` and its doc win over the one of options.
    pool["properties"]["check"] = property(keys_of(KeyGroup::Pool).find(|key| key.key == "check"));
    let mut definitions = parts();
    let tables = json!({
        "soa": object(&[KeyGroup::Soa], &[]),
        "checkTable": object(&[KeyGroup::Check], &["type"]),
        "poolTable": pool,
        "memberTable": with_records(object(&[KeyGroup::Member], &[]), json!({ "type": ["string", "array"] })),
        "probeTable": object(&[KeyGroup::Probe], &[]),
        "node": { "anyOf": [{ "type": "string" }, node] },
        "branch": { "anyOf": [{ "type": "string" }, branch] },
        "name": { "anyOf": [
            { "type": "string" },
            with_records(
                object(&[KeyGroup::Name, KeyGroup::Policy, KeyGroup::Options], &[]),
                json!({ "$ref": "#/definitions/records" }),
            ),
        ] },
        "expectTable": object(&[KeyGroup::Expect], &["name", "ask"]),
        "askTable": object(&[KeyGroup::Ask], &["name"]),
        "maintenanceTable": object(&[KeyGroup::Maintenance], &["from", "until", "reason"]),
    });
    for more in [policy_parts(), tables] {
        if let (Some(all), Value::Object(more)) = (definitions.as_object_mut(), more) {
            all.extend(more);
        }
    }
    definitions
}

/// What keys refer to by name.
fn parts() -> Value {
    let texts = json!({ "$ref": "#/definitions/texts" });
    json!({
        "duration": { "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d|w))+$" },
        "percent": { "type": "string", "pattern": "^[0-9]+%$" },
        "texts": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] },
        "check": texts,
        "ttl": { "anyOf": [{ "$ref": "#/definitions/duration" }, object(&[KeyGroup::Ttl], &["min", "max"])] },
        "timeout": { "anyOf": [
            { "$ref": "#/definitions/duration" },
            object(&[KeyGroup::Timeout], &["connect", "response", "body"]),
        ] },
        "degraded": object(&[KeyGroup::Degraded], &[]),
        "status": { "anyOf": [
            { "type": ["string", "integer"] },
            { "type": "array", "items": { "type": ["string", "integer"] } },
        ] },
        "members": { "anyOf": [
            { "type": "string" },
            { "$ref": "#/definitions/memberTable" },
            { "type": "array", "minItems": 1, "maxItems": 400, "items": {
                "anyOf": [{ "type": "string" }, { "$ref": "#/definitions/memberTable" }],
            } },
        ] },
        "at": { "anyOf": [
            { "type": "string" },
            object(&[KeyGroup::Point], &["lat", "lon"]),
        ] },
        "minHealthy": { "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "$ref": "#/definitions/percent" },
        ] },
        "shares": { "type": "object", "additionalProperties": { "type": "number" } },
        "record": { "anyOf": [
            texts,
            object(&[KeyGroup::Record], &["data"]),
        ] },
        "recordSet": object(&[KeyGroup::RecordSet], &["data"]),
        "recordList": { "anyOf": [
            { "$ref": "#/definitions/record" },
            { "type": "array", "items": { "$ref": "#/definitions/record" } },
        ] },
        "latitude": { "type": "number", "minimum": -90, "maximum": 90 },
        "longitude": { "type": "number", "minimum": -180, "maximum": 180 },
        "records": { "anyOf": [
            { "$ref": "#/definitions/record" },
            { "type": "array", "items": { "$ref": "#/definitions/record" } },
            { "$ref": "#/definitions/recordSet" },
            { "$ref": "#/definitions/node" },
        ] },
    })
}

/// What keys of policies refer to by name.
fn policy_parts() -> Value {
    let branch = json!({ "$ref": "#/definitions/branch" });
    json!({
        "failover": { "anyOf": [
            object(&[KeyGroup::Failover], &["primary", "secondary"]),
            { "type": "array", "minItems": 1, "maxItems": 16, "items": branch },
        ] },
        "weighted": { "anyOf": [
            { "type": "object", "additionalProperties": { "type": "integer", "minimum": 0, "maximum": 65535 } },
            { "type": "array", "minItems": 1, "maxItems": 100, "items": branch },
        ] },
        "geo": { "type": "object", "additionalProperties": branch },
        "subnets": { "anyOf": [
            { "type": "object", "additionalProperties": branch },
            { "type": "array", "minItems": 1, "items": branch },
        ] },
        "allDown": { "$ref": "#/definitions/node" },
        "failback": { "anyOf": [
            { "enum": ["auto", "manual"] },
            object(&[KeyGroup::Failback], &[]),
        ] },
        "sticky": { "anyOf": [
            { "type": "boolean" },
            object(&[KeyGroup::Sticky], &[]),
        ] },
    })
}

/// An object with these properties and no others.
fn fields(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// Adds a property for each record type, and for types by number.
fn with_records(mut object: Value, value: Value) -> Value {
    let types: Vec<&str> = Rtype::KNOWN
        .iter()
        .filter(|(rtype, _)| !matches!(*rtype, Rtype::SOA | Rtype::OPT | Rtype::TSIG | Rtype::TKEY))
        .filter(|(rtype, _)| !(128..=255).contains(&rtype.0))
        .map(|(_, text)| *text)
        .collect();
    let pattern = format!("^({}|TYPE[0-9]+)$", types.join("|"));
    object["patternProperties"] = json!({ pattern: value });
    object
}

fn keys_of(group: KeyGroup) -> impl Iterator<Item = &'static ZoneKey> {
    zone_keys().filter(move |key| key.group == group)
}

/// An object with the keys of some tables; of two keys of one name the last holds.
fn object(groups: &[KeyGroup], required: &[&str]) -> Value {
    let mut properties = Map::new();
    for group in groups {
        for key in keys_of(*group) {
            properties.insert(key.key.to_owned(), property(Some(key)));
        }
    }
    let mut object = fields(Value::Object(properties));
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn property(key: Option<&ZoneKey>) -> Value {
    let Some(key) = key else {
        return json!({});
    };
    let default = match key.default_words().as_str() {
        "-" | "none" | "see below" => String::new(),
        "required" => " Required.".to_owned(),
        default => format!(" Default: {default}."),
    };
    let description = format!("{}{default}", key.doc());
    let mut value = kind(key.kind);
    if let Some(target) = value.as_object_mut().and_then(|value| value.remove("$ref")) {
        // Draft-07 ignores what stands beside `$ref`, so the text needs a wrapper.
        value = json!({ "allOf": [{ "$ref": target }] });
    }
    value["description"] = Value::String(description);
    value
}

fn kind(kind: KeyKind) -> Value {
    let defined = |name: &str| json!({ "$ref": format!("#/definitions/{name}") });
    match kind {
        KeyKind::Text(most) => json!({ "type": "string", "maxLength": most }),
        KeyKind::Texts => defined("texts"),
        KeyKind::Switch => json!({ "type": "boolean" }),
        KeyKind::Integer(low, high) => {
            json!({ "type": "integer", "minimum": low, "maximum": high })
        }
        KeyKind::Duration(..) => defined("duration"),
        KeyKind::Percent(..) => defined("percent"),
        KeyKind::Word(words) => json!({ "enum": words }),
        KeyKind::DateTime => json!({ "type": "string", "format": "date-time" }),
        KeyKind::Defined(name) => defined(name),
        KeyKind::ListOf(name) => json!({ "type": "array", "items": defined(name) }),
        KeyKind::TextTable => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        KeyKind::SwitchTable => {
            json!({ "type": "object", "additionalProperties": { "type": "boolean" } })
        }
        KeyKind::TableOf(name) => {
            json!({ "type": "object", "additionalProperties": defined(name) })
        }
    }
}
