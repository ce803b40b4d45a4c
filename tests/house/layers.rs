//! Directions between modules (house style, section 3).
//!
//! In: sources. Out: a finding for each use that the table does not allow.

use crate::source::{Finding, Source, has_word};

/// Modules by layer, lowest first.
const LAYERS: [(u8, &str); 27] = [
    (0, "wire"),
    (0, "clock"),
    (0, "diagnostic"),
    (0, "metrics"),
    (0, "room"),
    (1, "health"),
    (1, "net"),
    (1, "geo"),
    (2, "model"),
    (2, "zone"),
    (3, "view"),
    (3, "compile"),
    (3, "config"),
    (3, "zonefile"),
    (4, "answer"),
    (4, "convert"),
    (4, "lint"),
    (4, "timeline"),
    (5, "simulate"),
    (5, "publish"),
    (6, "resolver"),
    (6, "server"),
    (7, "probe"),
    (7, "admin"),
    (8, "daemon"),
    (8, "lab"),
    (9, "cli"),
];

/// What a module may use.
enum Allowed {
    /// These alone.
    Only(&'static [&'static str]),
    /// These, and everything in layers below its own.
    AllBelow(&'static [&'static str]),
}

/// The table of the house style.
fn allowed(module: &str) -> Option<Allowed> {
    Some(match module {
        "wire" | "clock" | "diagnostic" | "metrics" | "room" | "geo" => Allowed::Only(&[]),
        "health" | "net" => Allowed::Only(&["clock"]),
        "zone" => Allowed::Only(&["wire", "health", "geo"]),
        "view" => Allowed::Only(&["clock", "zone", "health"]),
        "model" => Allowed::Only(&["wire", "clock", "diagnostic", "health", "geo"]),
        "compile" => Allowed::Only(&["wire", "clock", "health", "geo", "model", "zone"]),
        "config" => Allowed::Only(&[
            "wire",
            "clock",
            "diagnostic",
            "net",
            "health",
            "geo",
            "model",
        ]),
        // What cures a finding is shown as a zone file would have it.
        "lint" => Allowed::Only(&[
            "wire",
            "clock",
            "diagnostic",
            "health",
            "geo",
            "model",
            "config",
        ]),
        "answer" => Allowed::Only(&["wire", "clock", "zone", "health", "geo", "view"]),
        "zonefile" => Allowed::Only(&["wire", "zone", "diagnostic"]),
        "convert" => Allowed::Only(&["wire", "zone", "diagnostic", "model", "config", "zonefile"]),
        "simulate" | "publish" => Allowed::AllBelow(&[]),
        "timeline" => Allowed::Only(&["health", "clock"]),
        "probe" => Allowed::Only(&[
            "wire", "clock", "metrics", "room", "net", "health", "resolver",
        ]),
        "resolver" => Allowed::Only(&["wire", "clock", "room"]),
        "server" => Allowed::Only(&["wire", "clock", "metrics", "net", "answer", "publish"]),
        "admin" => Allowed::Only(&[
            "wire",
            "clock",
            "diagnostic",
            "metrics",
            "health",
            "geo",
            "model",
            "zone",
            "answer",
            "config",
            "simulate",
            "publish",
            "timeline",
        ]),
        // The lab publishes and serves a zone of its own: the parent of those that it shows.
        "lab" => Allowed::Only(&[
            "wire",
            "clock",
            "diagnostic",
            "health",
            "geo",
            "model",
            "zone",
            "compile",
            "config",
            "publish",
            "server",
        ]),
        "daemon" | "cli" => Allowed::AllBelow(&[]),
        _ => return None,
    })
}

/// Crates with a wide interface, and the one module or file that may name each.
const OWNED_CRATES: [(&str, &str); 6] = [
    ("hickory_proto", "wire/client.rs"),
    ("axum", "admin"),
    ("reqwest", "admin"),
    ("maxminddb", "geo"),
    ("socket2", "server"),
    ("clap", "cli"),
];

/// Folders that may name hickory-server: the seam that it is embedded by, and the lab's world outside. Port 53 lies in
/// neither.
const HICKORY_SERVER_FOLDERS: [&str; 2] = ["src/server/hickory/", "src/lab/outside/"];

/// What layers 0 to 5 never do: input and output, spawning, logging.
const IMPURE: [&str; 9] = [
    "std::fs",
    "File::open",
    "TcpStream",
    "UdpSocket",
    "tokio",
    "tracing",
    "thread::spawn",
    "async fn",
    "Command::new",
];

fn layer(module: &str) -> Option<u8> {
    LAYERS
        .iter()
        .find(|(_, name)| *name == module)
        .map(|(layer, _)| *layer)
}

fn may_use(module: &str, other: &str) -> bool {
    if module == other {
        return true;
    }
    let (Some(own), Some(its)) = (layer(module), layer(other)) else {
        return false;
    };
    match allowed(module) {
        Some(Allowed::Only(names)) => names.contains(&other),
        Some(Allowed::AllBelow(names)) => its < own || names.contains(&other),
        None => false,
    }
}

/// Compares the table in the docs of `src/lib.rs`, and its modules, with the layers here.
pub(crate) fn map(text: &str) -> Vec<Finding> {
    let at = |line: usize, message: String| Finding {
        place: format!("src/lib.rs:{line}"),
        message,
    };
    let mut findings = Vec::new();
    let mut shown = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(row) = line.strip_prefix("//! | ")
            && let Some((layer, rest)) = row.split_once(" | [`")
            && let Some((module, _)) = rest.split_once("`]")
        {
            shown.push(module.to_owned());
            if self::layer(module)
                .map(|layer| layer.to_string())
                .as_deref()
                != Some(layer)
            {
                findings.push(at(number, format!("`{module}` is not of layer {layer}")));
            }
        }
        let module = line
            .strip_prefix("pub mod ")
            .and_then(|rest| rest.strip_suffix(';'));
        if let Some(module) = module.filter(|module| !shown.iter().any(|known| known == module)) {
            findings.push(at(number, format!("the table does not show `{module}`")));
        }
    }
    let missing = LAYERS
        .iter()
        .filter(|(_, module)| !shown.iter().any(|known| known == module));
    findings
        .extend(missing.map(|(_, module)| at(1, format!("the table does not show `{module}`"))));
    findings
}

/// Finds uses of modules that the table does not allow.
pub(crate) fn directions(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let Some(module) = source.module() else {
            continue;
        };
        if layer(module).is_none() {
            findings.push(source.finding(1, format!("module `{module}` has no layer")));
            continue;
        }
        for (line, other) in used_modules(source) {
            if !may_use(module, &other) {
                findings.push(source.finding(
                    line,
                    format!("`{module}` uses `{other}`; house style, section 3, does not allow it"),
                ));
            }
        }
        findings.extend(climbs(source));
    }
    findings
}

/// Finds `crate::x` and each `x` of `crate::{x, y::{..}}`, with its line.
fn used_modules(source: &Source) -> Vec<(usize, String)> {
    let product: Vec<(usize, &str)> = source
        .product()
        .map(|(line, text)| (line, text.code.as_str()))
        .collect();
    let mut used = Vec::new();
    for (index, (line, code)) in product.iter().enumerate() {
        for (at, found) in code.match_indices("crate::") {
            let is_macro_path = code[..at].ends_with('$');
            let rest = &code[at + found.len()..];
            if is_macro_path {
                continue;
            }
            if rest.starts_with('{') {
                used.extend(grouped(&product[index..], at + found.len()));
            } else {
                used.push((*line, leading_word(rest)));
            }
        }
    }
    used
}

/// Reads the first words of each entry of a braced group that begins at column `at` of the first line.
fn grouped(lines: &[(usize, &str)], at: usize) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    let mut depth = 0;
    let mut is_start = false;
    for (index, (line, code)) in lines.iter().enumerate() {
        let from = if index == 0 { at } else { 0 };
        for (column, c) in code.char_indices().skip_while(|(column, _)| *column < from) {
            match c {
                '{' => (depth, is_start) = (depth + 1, depth == 0),
                '}' => depth -= 1,
                ',' => is_start = depth == 1,
                _ if is_start && !c.is_whitespace() => {
                    used.push((*line, leading_word(&code[column..])));
                    is_start = false;
                }
                _ => {}
            }
            if depth == 0 {
                return used;
            }
        }
    }
    used
}

fn leading_word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Finds `super::super::..` that climbs out of the top-level module.
fn climbs(source: &Source) -> Vec<Finding> {
    let inner = source.path.trim_start_matches("src/");
    let depth = inner.trim_end_matches("/mod.rs").split('/').count();
    source
        .product()
        .filter(|(_, line)| line.code.contains(&"super::".repeat(depth)))
        .map(|(line, _)| source.finding(line, "`super` climbs out of the module; write `crate::`"))
        .collect()
}

/// Finds wide third-party crates named outside the one module that owns each.
pub(crate) fn owned_crates(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, text) in source.product() {
            for (name, owner) in OWNED_CRATES {
                let is_named = has_word(&text.code, name);
                let is_owner = source.module() == Some(owner)
                    || source.path.strip_prefix("src/") == Some(owner);
                if is_named && !is_owner && !is_exempt(name, source) {
                    findings.push(source.finding(line, format!("`{name}` belongs to `{owner}`")));
                }
            }
            let is_at_home = HICKORY_SERVER_FOLDERS
                .iter()
                .any(|folder| source.path.starts_with(folder));
            if has_word(&text.code, "hickory_server") && !is_at_home {
                let folders = HICKORY_SERVER_FOLDERS.join(" and ");
                findings
                    .push(source.finding(line, format!("`hickory_server` belongs to {folders}")));
            }
        }
    }
    findings
}

/// Sockets of probes need options too.
fn is_exempt(name: &str, source: &Source) -> bool {
    name == "socket2" && source.module() == Some("probe")
}

/// Finds input, output, spawning and logging in layers 0 to 5.
pub(crate) fn purity(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        if source
            .module()
            .and_then(layer)
            .is_none_or(|layer| layer > 5)
        {
            continue;
        }
        for (line, text) in source.product() {
            for word in IMPURE {
                if has_word(&text.code, word) {
                    findings.push(source.finding(
                        line,
                        format!(
                            "`{word}` in layers 0 to 5, which do no I/O, spawn and log nothing"
                        ),
                    ));
                }
            }
        }
    }
    findings
}

#[test]
fn the_rules_of_layers_can_fail() {
    let bad = |path: &str, text: &str| [Source::new(path, text)];
    let cases = [
        ("src/health/step.rs", "use crate::wire::Name;\n", 1),
        ("src/health/step.rs", "use crate::clock::Moment;\n", 0),
        (
            "src/zone/arena.rs",
            "use crate::{wire::Name, config::{model, read}};\n",
            1,
        ),
        (
            "src/zone/arena.rs",
            "use crate::{\n    answer,\n    probe,\n};\n",
            2,
        ),
        (
            "src/zone/arena.rs",
            "fn f() { crate::server::start(); }\n",
            1,
        ),
        ("src/zone/arena.rs", "use super::super::wire::Name;\n", 1),
        ("src/zone/tree/walk.rs", "use super::super::arena;\n", 0),
        ("src/zone/mod.rs", "use super::wire;\n", 1),
        ("src/novelty/mod.rs", "fn f() {}\n", 1),
        ("src/cli/run.rs", "use crate::daemon::start;\n", 0),
        (
            "src/health/step.rs",
            "#[cfg(test)]\nmod tests {\n use crate::wire::Name;\n}\n",
            0,
        ),
    ];
    for (path, text, wanted) in cases {
        assert_eq!(directions(&bad(path, text)).len(), wanted, "{path}: {text}");
    }
    let mut table: String = LAYERS
        .iter()
        .map(|(layer, module)| format!("//! | {layer} | [`{module}`] | Purpose |\n"))
        .collect();
    table.push_str("\npub mod wire;\n");
    assert_eq!(map(&table), []);
    let wrong = table.replace("| 0 | [`clock`]", "| 3 | [`clock`]") + "pub mod novelty;\n";
    assert_eq!(map(&wrong).len(), 2);
    let named = bad(
        "src/server/tcp.rs",
        "use axum::Router;\nfn my_axum_like() {}\n",
    );
    assert_eq!(owned_crates(&named).len(), 1);
    for (path, wanted) in [("src/wire/name.rs", 1), ("src/wire/client.rs", 0)] {
        let named = bad(path, "use hickory_proto::rr::Name;\n");
        assert_eq!(owned_crates(&named).len(), wanted, "{path}");
    }
    let hickory = "use hickory_server::Server;\n";
    for (path, wanted) in [
        ("src/server/hickory/zones.rs", 0),
        ("src/lab/outside/world.rs", 0),
        ("src/lab/console.rs", 1),
        ("src/server/udp.rs", 1),
        ("src/daemon/transports.rs", 1),
    ] {
        assert_eq!(owned_crates(&bad(path, hickory)).len(), wanted, "{path}");
    }
    let noisy = bad(
        "src/answer/find.rs",
        "fn f() { tracing::info!(); std::fs::read(x); }\n",
    );
    assert_eq!(purity(&noisy).len(), 2);
}
