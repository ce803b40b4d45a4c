//! Circles between files of one room: a file that uses another which uses it again, over however many steps (house style,
//! section 3).
//!
//! In: sources. Out: a finding for each circle that is not on the list of those that recursion needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Finding, Source};

/// Circles that stay, each by its files in alphabetical order: what they do is recursive, or they share one table.
const ALLOWED: &[&[&str]] = &[
    &["src/answer/chain.rs", "src/answer/gather.rs"],
    &[
        "src/answer/reasons.rs",
        "src/answer/serving_options.rs",
        "src/answer/world.rs",
    ],
    &["src/compile/compiler.rs", "src/compile/trail.rs"],
    &[
        "src/config/read/index.rs",
        "src/config/read/members.rs",
        "src/config/read/names.rs",
        "src/config/read/plain_names.rs",
        "src/config/read/pools.rs",
        "src/config/read/records.rs",
    ],
    &["src/config/read/probes.rs", "src/config/read/protocols.rs"],
    &[
        "src/config/read/geo.rs",
        "src/config/read/nodes.rs",
        "src/config/read/policies.rs",
        "src/config/read/subnets.rs",
        "src/config/read/times.rs",
    ],
    &["src/config/show/names.rs", "src/config/show/pools.rs"],
    &[
        "src/daemon/last_good.rs",
        "src/daemon/listing.rs",
        "src/daemon/master.rs",
        "src/daemon/owners.rs",
        "src/daemon/zone_files.rs",
        "src/daemon/zone_set.rs",
    ],
    &["src/daemon/load.rs", "src/daemon/reading.rs"],
    &["src/view/horizon.rs", "src/view/tracker.rs"],
    &["src/wire/rdata/layout.rs", "src/wire/rdata/rare.rs"],
    &["src/zone/policy/build.rs", "src/zone/policy/reach.rs"],
];

/// Files of one room that use each other.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Finds circles that are not on the list, and entries of the list that are no circles any more.
pub(crate) fn circles(sources: &[Source]) -> Vec<Finding> {
    judge(sources, ALLOWED)
}

fn judge(sources: &[Source], allowed: &[&[&str]]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for circle in all_circles(&uses(sources)) {
        let paths: Vec<&str> = circle.iter().map(String::as_str).collect();
        if allowed.contains(&paths.as_slice()) {
            seen.insert(circle);
            continue;
        }
        findings.push(Finding {
            place: format!("{}:1", paths[0]),
            message: format!("uses itself through {}", paths[1..].join(", ")),
        });
    }
    for entry in allowed {
        let entry: Vec<String> = entry.iter().map(|path| (*path).to_owned()).collect();
        if !seen.contains(&entry) {
            let message = "stands on the list of circles and is none any more; remove it";
            let place = format!("{}:1", entry.join(", "));
            findings.push(Finding {
                place,
                message: message.to_owned(),
            });
        }
    }
    findings
}

/// Returns the module of a file as its path in the crate: `answer/gather`.
fn module(path: &str) -> Option<&str> {
    let module = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    Some(module.strip_suffix("/mod").unwrap_or(module))
}

fn uses(sources: &[Source]) -> Uses {
    let files: BTreeMap<&str, &str> = sources
        .iter()
        .filter_map(|source| Some((module(&source.path)?, source.path.as_str())))
        .collect();
    let mut uses = Uses::new();
    for source in sources {
        let Some(own) = module(&source.path).filter(|own| own.contains('/')) else {
            continue;
        };
        let room = own.split('/').next().unwrap_or(own);
        let mut used = BTreeSet::new();
        let code: String = source
            .product()
            .map(|(_, line)| format!("{} ", line.code))
            .collect();
        for path in paths(&code, own) {
            if let Some(file) = file_of(&path, &files)
                && file != source.path
                && !file.ends_with("/mod.rs")
                && path.starts_with(room)
            {
                used.insert(file.to_owned());
            }
        }
        if !source.path.ends_with("/mod.rs") {
            uses.insert(source.path.clone(), used);
        }
    }
    uses
}

/// Returns the file of the longest beginning of a path that is a module.
fn file_of<'f>(path: &str, files: &BTreeMap<&str, &'f str>) -> Option<&'f str> {
    let mut path = path;
    loop {
        if let Some(file) = files.get(path) {
            return Some(file);
        }
        path = path.rsplit_once('/')?.0;
    }
}

/// Lists the paths that code names, from the root of the crate: of `use super::{a::B, c}` in `x/y` these are `x/a/B`, `x/c`.
fn paths(code: &str, own: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = ["crate::", "super::", "self::"]
        .iter()
        .filter_map(|word| rest.find(word))
        .min()
    {
        let begins = at == 0
            || !rest[..at]
                .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
        let (path, after) = expand(&rest[at..]);
        if begins {
            for path in path {
                found.extend(resolve(&path, own));
            }
        }
        rest = after;
    }
    found
}

/// Reads one path with its groups; returns each path of it, and what follows.
fn expand(text: &str) -> (Vec<String>, &str) {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let Some(mut inner) = rest.strip_prefix('{').filter(|_| head.ends_with("::")) else {
        return (vec![head.to_owned()], rest);
    };
    let mut all = Vec::new();
    loop {
        inner = inner.trim_start_matches([' ', ',']);
        if let Some(after) = inner.strip_prefix('}') {
            return (all, after);
        }
        if inner.is_empty() {
            return (all, inner);
        }
        let (parts, after) = expand(inner);
        // Something that is no path is passed over.
        let after = if after.len() == inner.len() {
            let mut characters = inner.chars();
            characters.next();
            characters.as_str()
        } else {
            all.extend(parts.iter().map(|part| format!("{head}{part}")));
            after
        };
        inner = after;
    }
}

/// Resolves `crate`, `self` and `super` at the beginning of a path.
fn resolve(path: &str, own: &str) -> Option<String> {
    let mut base: Vec<&str> = own.split('/').collect();
    let mut parts = path.split("::").filter(|part| !part.is_empty()).peekable();
    match parts.next()? {
        "crate" => base.clear(),
        "self" => {}
        _ => {
            base.pop()?;
        }
    }
    while parts.peek() == Some(&"super") {
        parts.next();
        base.pop()?;
    }
    base.extend(parts);
    Some(base.join("/"))
}

/// Finds groups of files each of which leads to every other.
fn all_circles(uses: &Uses) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = uses
        .keys()
        .map(|file| (file, reached(file, uses)))
        .collect();
    let mut done = BTreeSet::new();
    let mut circles = Vec::new();
    for (file, reached) in &reach {
        if !reached.contains(*file) || done.contains(*file) {
            continue;
        }
        let circle: Vec<String> = reached
            .iter()
            .filter(|other| reach.get(**other).is_some_and(|back| back.contains(*file)))
            .map(|other| (*other).clone())
            .collect();
        done.extend(circle.iter().cloned());
        circles.push(circle);
    }
    circles
}

/// Returns every file that a file uses, directly or through others.
fn reached<'u>(file: &'u String, uses: &'u Uses) -> BTreeSet<&'u String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = vec![file];
    while let Some(next) = open.pop() {
        for used in uses.get(next).into_iter().flatten() {
            if reached.insert(used) {
                open.push(used);
            }
        }
    }
    reached
}

#[test]
fn the_rule_of_circles_can_fail() {
    let source = |path: &str, text: &str| Source::new(path, text);
    let open = [
        source("src/zone/mod.rs", "pub mod a;\npub mod b;\npub mod c;\n"),
        source(
            "src/zone/a.rs",
            "use super::{\n    b::B,\n    c::{C, D},\n};\n",
        ),
        source("src/zone/b.rs", "fn f() { crate::zone::c::call(); }\n"),
        source(
            "src/zone/c.rs",
            "use super::Thing;\n#[cfg(test)]\nmod tests {\n use super::super::a::A;\n}\n",
        ),
        source("src/answer/x.rs", "use crate::zone::a::A;\n"),
    ];
    assert_eq!(judge(&open, &[]), []);
    let mut closed = open;
    closed[3] = source("src/zone/c.rs", "use super::a::A;\n");
    let found = judge(&closed, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    let list: &[&str] = &["src/zone/a.rs", "src/zone/b.rs", "src/zone/c.rs"];
    assert_eq!(judge(&closed, &[list]), []);
    closed[3] = source("src/zone/c.rs", "\n");
    assert_eq!(judge(&closed, &[list]).len(), 1, "the list must shrink");
}
