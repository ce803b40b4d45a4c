//! The table of keys against the reader and `show`: each key is known where the table says, within its bounds, and has the
//! default that the table states.

use leeward::config::schema::{reference_tables, zone_schema};
use leeward::config::show::show_zone;
use leeward::config::{Files, KeyGroup, KeyKind, ZoneKey, read_zone, zone_keys};
use leeward::diagnostic::{Diagnostic, Source};
use leeward::model::ZoneModel;

/// A check of each type, as short as it can be written.
const CHECKS: [(&str, &str); 12] = [
    ("http", ""),
    ("https", "host = \"www.a.example\""),
    ("tcp", "port = 80"),
    ("dns", "query = \"a.example A\""),
    ("grpc", "port = 80"),
    ("tls", "host = \"www.a.example\""),
    ("exec", "command = [\"/bin/true\"]"),
    (
        "prometheus",
        "url = \"http://192.0.2.5/\"\nquery = \"up\"\nhealthy-if = \"> 0\"",
    ),
    ("heartbeat", "every = \"1m\""),
    ("manual", ""),
    ("manual", "switches = { blue = true, green = false }"),
    ("calculated", "all = [\"d\"]"),
];
/// The diagnostics that say that a key stands where none of its name does.
const UNKNOWN: [&str; 2] = ["L006", "L030"];

/// The diagnostic that says that a number is out of its bounds.
const OUT_OF_BOUNDS: &str = "L010";

/// A zone with nothing to read beside itself.
struct Alone;

impl Files for Alone {
    fn read(&self, _: &std::path::Path) -> Result<String, String> {
        Err("there are no files".to_owned())
    }
}

fn read(text: &str) -> (Option<ZoneModel>, Vec<Diagnostic>) {
    let source = Source {
        path: "a.toml".into(),
        text: text.to_owned(),
    };
    read_zone(&source, &Alone)
}

/// Writes a zone with a check of a type and more lines in it.
fn with_check(kind: &str, needs: &str, more: &str) -> String {
    zone(
        "",
        "",
        &format!("type = \"{kind}\"\n{needs}\n{more}"),
        "",
        "\"192.0.2.1\"",
        "www = \"p\"",
        "",
    )
}

fn zone(
    top: &str,
    soa: &str,
    check: &str,
    pool: &str,
    member: &str,
    name: &str,
    end: &str,
) -> String {
    format!(
        "zone = \"a.example\"\n{top}\n[soa]\n{soa}\n[checks.d]\ntype = \"manual\"\n[checks.c]\n{check}\n[pools.p]\n\
         check = \"c\"\n{pool}\nmembers = [{member}]\n[pools.q]\nmembers = [\"192.0.2.2\"]\n[names]\n\"@\".NS = \"ns.example.net.\"\n\
         {name}\n{end}\n"
    )
}

/// Writes zones that hold a key of a group, one of which must know it.
fn holding(key: &ZoneKey) -> Vec<String> {
    let written = format!("{} = {}", key.key, sample(key));
    let plain = |top: &str, soa: &str, pool: &str, member: &str, name: &str, end: &str| {
        vec![zone(top, soa, "type = \"manual\"", pool, member, name, end)]
    };
    let (member, www) = ("\"192.0.2.1\"", "www = \"p\"");
    match key.group {
        KeyGroup::Top => plain(&written, "", "", member, www, ""),
        KeyGroup::Soa => plain("", &written, "", member, www, ""),
        KeyGroup::Check => CHECKS
            .iter()
            .map(|(kind, needs)| with_check(kind, needs, &written))
            .collect(),
        KeyGroup::Pool => plain("", "", &written, member, www, ""),
        KeyGroup::Member => ["address = \"192.0.2.1\"", "target = \"www.example.net.\""]
            .iter()
            .flat_map(|whom| {
                let member = format!("{{ {whom}, {written} }}");
                plain("", "", "", &member, www, "")
            })
            .collect(),
        KeyGroup::Probe => plain("", "", &format!("probe = {{ {written} }}"), member, www, ""),
        KeyGroup::Policy => plain("", "", "", member, &format!("www = {{ {written} }}"), ""),
        KeyGroup::Options => [
            "to = \"p\"",
            "failover = [\"p\", \"q\"]",
            "weighted = { p = 1, q = 1 }",
            "latency = [\"p\", \"q\"]",
        ]
        .iter()
        .flat_map(|policy| {
            let name = format!("www = {{ {policy}, {written} }}");
            plain("", "", "", member, &name, "")
        })
        .collect(),
        KeyGroup::Branch => ["failover", "weighted", "nearest", "latency", "subnets"]
            .iter()
            .flat_map(|policy| {
                let name =
                    format!("www.{policy} = [{{ to = \"p\", {written} }}, {{ to = \"q\" }}]");
                plain("", "", "", member, &name, "")
            })
            .collect(),
        KeyGroup::Name => plain(
            "",
            "",
            "",
            member,
            &format!("www = {{ to = \"p\", {written} }}"),
            "",
        ),
        KeyGroup::Expect => plain("", "", "", member, www, &format!("[[expect]]\n{written}")),
        KeyGroup::Ask => {
            let end = format!("[[expect]]\nname = \"x\"\nask = {{ {written} }}");
            plain("", "", "", member, www, &end)
        }
        KeyGroup::Maintenance => plain(
            "",
            "",
            "",
            member,
            www,
            &format!("[[maintenance]]\n{written}"),
        ),
        KeyGroup::Ttl => plain(&format!("ttl = {{ {written} }}"), "", "", member, www, ""),
        KeyGroup::Timeout => vec![with_check(
            "http",
            "",
            &format!("timeout = {{ {written} }}"),
        )],
        KeyGroup::Degraded => vec![with_check(
            "http",
            "",
            &format!("degraded = {{ {written} }}"),
        )],
        KeyGroup::Point => plain("", "", &format!("at = {{ {written} }}"), member, www, ""),
        KeyGroup::Failover | KeyGroup::Failback | KeyGroup::Sticky => {
            let value = match key.group {
                KeyGroup::Failover => format!("failover = {{ {written} }}"),
                KeyGroup::Failback => {
                    format!("failover = [\"p\", \"q\"], failback = {{ {written} }}")
                }
                _ => format!("to = \"p\", sticky = {{ {written} }}"),
            };
            plain("", "", "", member, &format!("www = {{ {value} }}"), "")
        }
        KeyGroup::RecordSet | KeyGroup::Record => {
            let data = if key.key == "data" {
                ""
            } else {
                "data = \"x\", "
            };
            let value = format!("{{ {data}{written} }}");
            let list = if key.group == KeyGroup::Record {
                format!("[{value}]")
            } else {
                value
            };
            plain("", "", "", member, &format!("www.TXT = {list}"), "")
        }
    }
}

/// Returns a value of the key's kind; where it takes something defined, any value shows whether the key is known.
fn sample(key: &ZoneKey) -> String {
    match key.kind {
        KeyKind::Switch => "true".to_owned(),
        KeyKind::Integer(least, _) => least.to_string(),
        KeyKind::Duration(..) => "\"1s\"".to_owned(),
        KeyKind::Percent(..) => "\"50%\"".to_owned(),
        KeyKind::Word(words) => format!("\"{}\"", words[0]),
        _ => "\"x\"".to_owned(),
    }
}

/// Says whether a diagnostic calls this key unknown.
fn is_unknown(diagnostic: &Diagnostic, key: &str) -> bool {
    UNKNOWN.contains(&diagnostic.code) && diagnostic.message.contains(&format!("`{key}`"))
}

#[test]
fn every_key_of_the_table_is_known_where_it_stands() {
    for key in zone_keys() {
        // Whatever stands in a name beside policies and options is a type.
        if key
            .key
            .contains(|c: char| !(c.is_ascii_lowercase() || c == '-'))
        {
            continue;
        }
        let knows = |text: &String| {
            let (_, diagnostics) = read(text);
            !diagnostics.iter().any(|found| is_unknown(found, key.key))
        };
        // `zone`, `soa` and the tables stand in every zone already: a second one is a fault of TOML, which hides the rest.
        let zones = holding(key);
        assert!(zones.iter().any(knows), "{:?} {}", key.group, key.key);
        let other = |text: &String| text.replace(&format!("{} = ", key.key), "nonsense = ");
        // A table without `data` holds no records, but a policy.
        if key.key != "data" && zones[0].matches(&format!("{} = ", key.key)).count() == 1 {
            let (_, diagnostics) = read(&other(&zones[0]));
            assert!(
                diagnostics
                    .iter()
                    .any(|found| is_unknown(found, "nonsense")),
                "{:?} {}: {diagnostics:?}",
                key.group,
                key.key
            );
        }
    }
}

/// Which types of checks have a key is said once, by the table.
#[test]
fn every_type_of_check_has_the_keys_of_the_table_and_no_others() {
    for key in zone_keys().filter(|key| key.group == KeyGroup::Check) {
        // Some types have a key only with `tls = true`; `type` and `switches` would stand twice.
        let is_conditional = key.of.iter().any(|of| of.contains(' '));
        if is_conditional || ["type", "switches"].contains(&key.key) {
            continue;
        }
        for (kind, needs) in CHECKS {
            if needs
                .lines()
                .any(|line| line.starts_with(&format!("{} ", key.key)))
            {
                continue;
            }
            let table = if needs.contains("switches") {
                "panel"
            } else {
                kind
            };
            let text = with_check(kind, needs, &format!("{} = {}", key.key, sample(key)));
            let (_, diagnostics) = read(&text);
            let path = format!("checks.c.{}", key.key);
            let is_refused = diagnostics.iter().any(|found| {
                let is_other =
                    UNKNOWN.contains(&found.code) || found.message.contains("exclude each other");
                is_other && found.key_path == path
            });
            let has_key = key.of.is_empty() || key.of.contains(&table);
            assert_eq!(!is_refused, has_key, "{table} {}: {diagnostics:?}", key.key);
        }
    }
}

/// A row of the table is all that a key needs beside its behaviour.
#[test]
fn reader_schema_show_and_reference_say_the_same_of_a_key() {
    let schema = zone_schema();
    let reference = reference_tables();
    let (model, diagnostics) = read(&with_check("http", "", ""));
    let model = model.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let shown: toml::Table = show_zone(&model).parse().expect("TOML");
    let keys = [
        (
            KeyGroup::Check,
            "interval",
            "checkTable",
            &shown["checks"]["c"],
        ),
        (KeyGroup::Check, "fall", "checkTable", &shown["checks"]["c"]),
        (
            KeyGroup::Check,
            "header-bytes",
            "checkTable",
            &shown["checks"]["c"],
        ),
        (KeyGroup::Soa, "retry", "soa", &shown["soa"]),
    ];
    for (group, name, definition, table) in keys {
        let mut rows = zone_keys().filter(|key| key.group == group && key.key == name);
        let key = rows.next().expect("a row");
        assert!(rows.next().is_none(), "{name} has two rows");
        let property = &schema["definitions"][definition]["properties"][name];
        let described = property["description"].as_str().expect("a description");
        assert!(described.starts_with(&key.doc()), "{name}: {described}");
        assert!(
            described.contains(&key.default_words()),
            "{name}: {described}"
        );
        let row = reference
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")) && line.contains(&key.doc()));
        assert!(
            row.is_some_and(|row| row.contains(&key.default_words())),
            "{name}: {row:?}"
        );
        assert_eq!(table[name].to_string(), key.default, "{name}");
        let (beyond, at) = match key.kind {
            KeyKind::Integer(_, max) => ((max + 1).to_string(), max.to_string()),
            KeyKind::Duration(_, max) => (format!("\"{}ms\"", max + 1), format!("\"{max}ms\"")),
            _ => panic!("{name} has bounds"),
        };
        let faults = |value: &str| {
            let line = format!("{name} = {value}");
            let text = match group {
                KeyGroup::Soa => zone(
                    "",
                    &line,
                    "type = \"manual\"",
                    "",
                    "\"192.0.2.1\"",
                    "www = \"p\"",
                    "",
                ),
                _ => with_check("http", "", &line),
            };
            let (_, diagnostics) = read(&text);
            diagnostics
                .into_iter()
                .filter(|found| found.key_path.ends_with(name))
                .count()
        };
        assert_eq!((faults(&at), faults(&beyond)), (0, 1), "{name}");
    }
}

#[test]
fn integers_of_checks_have_the_bounds_of_the_table() {
    let mut tried = 0;
    for key in zone_keys().filter(|key| key.group == KeyGroup::Check) {
        let KeyKind::Integer(least, most) = key.kind else {
            continue;
        };
        for (kind, needs) in CHECKS {
            let at = |value: i64| {
                let needs: Vec<&str> = needs
                    .lines()
                    .filter(|line| !line.starts_with(&format!("{} ", key.key)))
                    .collect();
                let more = format!("{} = {value}", key.key);
                let (_, diagnostics) = read(&with_check(kind, &needs.join("\n"), &more));
                let path = format!("checks.c.{}", key.key);
                diagnostics
                    .into_iter()
                    .filter(|found| found.key_path == path)
                    .map(|found| found.code)
                    .collect::<Vec<_>>()
            };
            if at(least).iter().any(|code| UNKNOWN.contains(code)) {
                continue;
            }
            // The bounds of `at-least` and `at-most` are those of what is counted.
            if key.key.starts_with("at-") {
                continue;
            }
            tried += 1;
            let told = format!("{kind} {}", key.key);
            let is_within = |value| !at(value).contains(&OUT_OF_BOUNDS);
            assert!(is_within(least) && is_within(most), "{told}");
            assert!(!is_within(least - 1) && !is_within(most + 1), "{told}");
        }
    }
    assert!(tried > 20, "{tried}");
}

/// The default of `rise` was 1 for heartbeats in the reader, and 2 in the table.
#[test]
fn show_writes_the_defaults_of_the_table() {
    let mut compared = 0;
    for (kind, needs) in CHECKS {
        // A pool refers to one switch of a panel, not to all.
        if needs.contains("switches") {
            continue;
        }
        let (model, diagnostics) = read(&with_check(kind, needs, ""));
        let model = model.unwrap_or_else(|| panic!("{kind}: {diagnostics:?}"));
        let shown: toml::Table = show_zone(&model).parse().expect("TOML");
        let check = shown["checks"]["c"].as_table().expect("a table");
        for key in zone_keys().filter(|key| key.group == KeyGroup::Check) {
            let Some(value) = check.get(key.key) else {
                continue;
            };
            if needs
                .lines()
                .any(|line| line.starts_with(&format!("{} ", key.key)))
                || key.default_of(kind) == "required"
            {
                continue;
            }
            compared += 1;
            let value = value.to_string();
            let wanted = key.default_of(kind);
            // The default may be the value of another key.
            let other = wanted
                .strip_prefix('`')
                .and_then(|word| word.strip_suffix('`'));
            let wanted = match other {
                None => wanted.to_owned(),
                Some(other) => match check.get(other) {
                    Some(value) => value.to_string(),
                    None => continue,
                },
            };
            assert_eq!(value, wanted, "{kind} {}", key.key);
        }
    }
    assert!(compared > 40, "{compared}");
}
