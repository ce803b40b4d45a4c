//! What is shown reads back to the same zone.

use std::path::Path;

use super::show_zone;
use crate::config::{Files, read_zone};
use crate::diagnostic::Source;
use crate::lint::review_zone;
use crate::model::{NodeKind, NodeModel, NodeOptions, ZoneModel};

/// Serves the one file that the sample zones name.
struct OneFile;

impl Files for OneFile {
    fn read(&self, file: &Path) -> Result<String, String> {
        Ok(match file.extension() {
            Some(_) if file.ends_with("times.csv") => "EU-DE,eu-west-1,9.5\n".to_owned(),
            _ => "198.51.100.0/24\n2001:db8:5::/48\n".to_owned(),
        })
    }
}

fn read(text: &str) -> ZoneModel {
    let source = Source {
        path: "zone.toml".into(),
        text: text.to_owned(),
    };
    let (model, diagnostics) = read_zone(&source, &OneFile);
    model.unwrap_or_else(|| panic!("{diagnostics:#?}\n{text}"))
}

/// The real zones, by file name.
fn zones() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zones/eighteen");
    let mut zones: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("the zones ship with the tests")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| {
            let name = path
                .file_name()
                .expect("a file")
                .to_string_lossy()
                .into_owned();
            (
                name,
                std::fs::read_to_string(&path).expect("a readable file"),
            )
        })
        .collect();
    zones.sort();
    assert_eq!(zones.len(), 18);
    zones
}

/// Writes a model without what may differ between a zone and what is shown of it: positions, labels that are key
/// paths, and whether a name is written as a text or as a table with `to`, which mean the same.
fn essence(model: &ZoneModel) -> String {
    let mut model = model.clone();
    for name in &mut model.names {
        if let Some(node) = name.policy.take() {
            let is_reference = matches!(node.kind, NodeKind::Pool(_) | NodeKind::Name(_));
            name.policy = Some(if is_reference {
                Box::new(NodeModel {
                    options: NodeOptions::default(),
                    span: node.span.clone(),
                    kind: NodeKind::To(node),
                })
            } else {
                node
            });
        }
    }
    let text = format!("{model:#?}");
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_end().ends_with("Span(") {
            lines.next();
            lines.next();
        } else if !line.trim_start().starts_with("label: ") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn real_zones_read_back_as_the_same_zone() {
    for (name, text) in zones() {
        let model = read(&text);
        let shown = show_zone(&model);
        let again = read(&shown);
        assert_eq!(show_zone(&again), shown, "{name}");
        assert_eq!(essence(&again), essence(&model), "{name}\n{shown}");
    }
}

#[test]
fn places_are_named_and_defaults_are_filled_in() {
    let zones = zones();
    let shown = show_zone(&read(&zones[2].1));
    for line in [
        "NA-US-HI = \"asia\"  # Hawaii, United States",
        "AS-SA = \"europe\"  # Saudi Arabia",
        "interval = \"10s\"",
        "min-healthy = 1",
        "expire = \"14d\"",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

/// What the comments of the real zones say that `validate` tells, and nothing else: file, line, code.
const TOLD: &[(&str, usize, &str)] = &[
    ("05-families.toml", 16, "R006"),
    ("07-cloud-targets.toml", 8, "R021"),
    ("07-cloud-targets.toml", 13, "R021"),
    ("13-route53-import.toml", 33, "R004"),
    ("13-route53-import.toml", 42, "R004"),
];

#[test]
fn real_zones_are_told_what_their_comments_say() {
    let mut told = Vec::new();
    for (name, text) in zones() {
        for finding in review_zone(&read(&text)) {
            let line = 1 + text[..finding.span.0.start].matches('\n').count();
            told.push((name.clone(), line, finding.code));
        }
    }
    let told: Vec<(&str, usize, &str)> = told
        .iter()
        .map(|(name, line, code)| (name.as_str(), *line, *code))
        .collect();
    assert_eq!(told, TOLD);
}

#[test]
fn without_its_cure_the_wildcard_zone_is_warned() {
    let (_, text) = zones().swap_remove(7);
    let cure = "\"t1.apps\"    = \"front\"";
    assert!(text.contains(cure));
    let findings = review_zone(&read(&text.replace(cure, "")));
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].code, "R005");
    assert_eq!(
        findings[0].help.as_deref(),
        Some("to keep `t1.apps` answering, add: \"t1.apps\" = \"front\"")
    );
}

/// Every key that the real zones leave out.
const RARE: &str = r#"
zone = "rare.example"
ttl = "2m"
soa = { serial = 7, refresh = "1h", negative-ttl = "5s" }
[checks.deep]
type = "https"
host = "a.rare.example"
server-name = "b.rare.example"
path = "/x?y=\"z\""
method = "POST"
headers = { "X-Tab" = "a\"b", accept = "*/*" }
status = [200, "300-399"]
contains = "ready"
regex = "re[a-z]dy\\d"
follow-redirects = 2
days-left = 14
verify = true
invert = true
unknown = "unhealthy"
timeout = { connect = "1s", response = "1500ms", body = "1s" }
[checks.port]
type = "tcp"
target = "db.example.net."
port = 5432
tls = true
verify = false
send = "ping\n"
disabled = true
[checks.not-deep]
type = "calculated"
not = "port"
[checks.some]
type = "calculated"
any = ["port", "not-deep", "pool:b"]
[pools.a]
check = ["deep", "port"]
at = "us-east-1"
ttl = "30s"
answers = 3
probe = { port = 8443, path = "/p" }
members = [
  { address = "192.0.2.1", weight = 3, force = "up", site = "left" },
  { address = "2001:db8::1", weight = 2, probe = { address = "10.0.0.1", host = "h" } },
]
[pools.b]
check = "deep"
at = "eu-west-1"
capacity = "60%"
min-healthy = "60%"
members = ["198.51.100.1", "198.51.100.2"]
[pools.both]
families = "together"
multivalue = ["a", "b"]
ttl = "45s"
[pools.one]
multivalue = ["a"]
[names]
"@".NS = "ns1.example.net."
"@".TYPE65280 = "\\# 2 abcd"
txt.TXT = ["say \"hi\" \\ there", ["a", "b"]]
[names.www]
check = "some"
answers = 2
sticky = true
trickle = "5%"
failback = { window = "Sat-Sun 02:00-05:00" }
all-down = { weighted = { a = 1, b = 2 } }
families = "together"
failover = { primary = { to = "a", check = "port" }, secondary = { weighted = [ { to = "b", weight = 4 }, { to = "name:web", weight = 0, follow-health = false } ], ttl = "10s" } }
[names.web]
subnets = { "192.0.2.0/24" = "a", default = { geo = { DE-BY = "b", default = "one" } } }
[names.near]
latency = ["a", { to = "b", at = { lat = 1.5, lon = -2.25 } }]
times = "file:times.csv"
[names.spread]
weighted = { a = 3, b = 1 }
overflow = "one"
[[expect]]
name = "all of it"
down = ["pool:a"]
up = ["target:a/192.0.2.1"]
ask = { name = "web", type = "A", from = "198.51.100.9" }
rcode = "NOERROR"
rdata = ["198.51.100.1"]

[checks]
resolver = { type = "dns", query = "www.example.com. MX", expect = ["10 mail.example.com."], address = "192.0.2.53" }
shown = { type = "tls", target = "www.example.com.", days-left = 14, port = 8443 }
service = { type = "grpc", address = "192.0.2.9", port = 50051, service = "shop", host = "shop.example.com", tls = true }
errors = { type = "prometheus", url = "https://[2001:db8::9]:9090/prom/", query = "rate(errors[5m])", healthy-if = "<0.05" }
"#;

#[test]
fn rare_keys_read_back_as_the_same_zone() {
    let model = read(RARE);
    let shown = show_zone(&model);
    let again = read(&shown);
    assert_eq!(show_zone(&again), shown);
    assert_eq!(essence(&again), essence(&model), "{shown}");
}

/// Found by fuzzing: a branch that matches nobody was shown as `in = []`, which is refused.
#[test]
fn branches_that_match_nobody_read_back() {
    struct NoFile;
    impl Files for NoFile {
        fn read(&self, _: &Path) -> Result<String, String> {
            Err("there is no such file".to_owned())
        }
    }
    let read_without_files = |text: &str| {
        let source = Source {
            path: "zone.toml".into(),
            text: text.to_owned(),
        };
        let (model, found) = read_zone(&source, &NoFile);
        model.unwrap_or_else(|| panic!("{found:#?}\n{text}"))
    };
    let zone = |branch: &str| {
        format!(
            "zone = \"a.example\"\n[pools]\na = {{ members = [\"192.0.2.1\"] }}\n[names]\n\"@\".NS = \"ns.example.net.\"\n\
             [names.www]\nsubnets = [\n{{ in = \"10.0.0.0/8\", to = \"a\" }},\n{branch}\n{{ in = \"default\", to = \"a\" }},\n]\n"
        )
    };
    // (branch, what is shown of it)
    let cases = [
        (
            "{ in = \"file:north.txt\", to = \"a\" },",
            "in = \"file:north.txt\"",
        ),
        ("{ in = [\"10.0.0.0/8\"], to = \"a\" },", "in = \"default\""),
    ];
    for (branch, wanted) in cases {
        let shown = show_zone(&read_without_files(&zone(branch)));
        assert!(shown.contains(wanted), "{shown}");
        let again = read_without_files(&shown);
        assert_eq!(show_zone(&again), shown, "{branch}");
    }
}

/// Found by fuzzing: an escaped `@` in the zone's name made a mailbox of the default `rname` when it was read back.
#[test]
fn names_with_an_at_sign_in_a_label_read_back() {
    for apex in ["a\\\\@example.com", "a@example.com", "\\\\@.example.com"] {
        let text = format!("zone = \"{apex}\"\n[names]\n\"@\".NS = \"ns.example.net.\"\n");
        let shown = show_zone(&read(&text));
        assert_eq!(show_zone(&read(&shown)), shown, "{apex}");
    }
    let mailbox = "zone = \"a.example\"\n[soa]\nrname = \"hosts.of@a.example\"\n[names]\n\"@\".NS = \"ns.example.net.\"\n";
    let shown = show_zone(&read(mailbox));
    assert!(shown.contains("hosts\\\\.of.a.example."), "{shown}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Zones without some of their lines: what still loads is reviewed without panic, and read back as itself.
    #[test]
    fn zones_with_lines_cut_out_read_back(zone in 0usize..19, cuts in proptest::collection::vec(0usize..60, 1..4)) {
        let text = zones().get(zone).map_or_else(|| RARE.to_owned(), |(_, text)| text.clone());
        let kept: Vec<&str> = text
            .lines()
            .enumerate()
            .filter(|(line, _)| !cuts.contains(line))
            .map(|(_, line)| line)
            .collect();
        let source = Source { path: "zone.toml".into(), text: kept.join("\n") };
        if let (Some(model), _) = read_zone(&source, &OneFile) {
            let _ = review_zone(&model);
            let again = read(&show_zone(&model));
            proptest::prop_assert_eq!(essence(&again), essence(&model));
        }
    }
}
