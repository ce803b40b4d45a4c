//! Where the methods of a type stand: in its own module folder, in at most two files (house style, section 6).
//!
//! In: sources. Out: a finding for each inherent `impl` outside the folder of its type, and for each type in more files. Never
//! here: traits; what a type does for others may stand with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Finding, Source};

/// Files in which the methods of one type may stand.
const FILES_MAX: usize = 2;

/// Types that are in more files, with the number of them. The list may only shrink, and each number too.
const SPREAD: &[(&str, usize)] = &[
    ("Compiler", 8),
    ("PolicyBuilder", 5),
    ("ResolvedTargets", 3),
    ("ZoneQuestion", 4),
];

/// Finds methods that stand outside the folder of their type, or in too many files.
pub(crate) fn impls(sources: &[Source]) -> Vec<Finding> {
    spread(sources, SPREAD)
}

fn spread(sources: &[Source], allowed: &[(&str, usize)]) -> Vec<Finding> {
    let declared = declarations(sources);
    let mut findings = Vec::new();
    let mut files: BTreeMap<(String, &str), BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        for (line, text) in source.product() {
            let Some(name) = implemented(&text.code) else {
                continue;
            };
            let Some(homes) = declared.get(&name) else {
                continue;
            };
            match homes.iter().find(|home| is_home(home, &source.path)) {
                Some(home) => {
                    let known = files.entry((name, home)).or_default();
                    known.insert(&source.path);
                }
                None => {
                    let home = homes.iter().next().copied().unwrap_or_default();
                    let message = format!(
                        "methods of `{name}` outside its folder ({home}); pass what they need to a function here"
                    );
                    findings.push(source.finding(line, message));
                }
            }
        }
    }
    for ((name, home), files) in &files {
        let listed = allowed.iter().find(|(known, _)| known == name);
        let most = listed.map_or(FILES_MAX, |(_, most)| *most);
        let list: Vec<&str> = files.iter().copied().collect();
        let message = if files.len() > most {
            format!(
                "methods of `{name}` stand in {} files, at most {most}: {}",
                files.len(),
                list.join(", ")
            )
        } else if listed.is_some() && files.len() < most {
            format!(
                "methods of `{name}` stand in {} files now: say so in the list of tests/house/impls.rs",
                files.len()
            )
        } else {
            continue;
        };
        findings.push(Finding {
            place: format!("{home}:1"),
            message,
        });
    }
    findings
}

/// Returns the files that declare each type.
fn declarations(sources: &[Source]) -> BTreeMap<String, BTreeSet<&str>> {
    let mut declared: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        for (_, text) in source.product() {
            let mut words = text
                .code
                .split(|c: char| !(c.is_alphanumeric() || c == '_'));
            let is_item = text.code.starts_with(|c: char| c.is_alphabetic());
            let keyword = words.find(|word| matches!(*word, "struct" | "enum" | "union"));
            if let (true, Some(_), Some(name)) = (is_item, keyword, words.next()) {
                let files = declared.entry(name.to_owned()).or_default();
                files.insert(&source.path);
            }
        }
    }
    declared
}

/// Reads the type that a line begins to implement without a trait.
fn implemented(code: &str) -> Option<String> {
    let rest = code.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(generic) => &generic[closing(generic)? + 1..],
        None => rest,
    };
    if code.contains(" for ") {
        return None;
    }
    let path = rest.strip_prefix(' ')?;
    let path = path.split(['<', ' ', '{']).next()?;
    path.rsplit("::").next().map(str::to_owned)
}

/// Returns the place of the bracket that closes what stands before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    text.char_indices().find_map(|(at, c)| {
        depth += match c {
            '<' => 1,
            '>' if !text[..at].ends_with('-') => -1,
            _ => 0,
        };
        (depth == 0).then_some(at)
    })
}

/// Says whether a file lies in the module folder of a type: beside the file that declares it, or below.
fn is_home(home: &str, path: &str) -> bool {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let below = home.trim_end_matches(".rs");
    folder(home) == folder(path) || folder(path).as_deref() == Some(below)
}

#[test]
fn the_rule_of_methods_can_fail() {
    let file = |path: &str, text: &str| Source::new(path, text);
    let declaring = "pub struct Loop<'a> { x: &'a u8 }\nimpl<'a> Loop<'a> {\n}\n";
    let adding = "impl Loop<'_> {\n}\nimpl std::fmt::Debug for Loop<'_> {\n}\n";
    let sources = [
        file("src/daemon/run.rs", declaring),
        file("src/daemon/run/tick.rs", adding),
        file("src/answer/run.rs", "impl Other {\n}\n"),
    ];
    assert_eq!(spread(&sources, &[]), []);
    let elsewhere = [
        file("src/daemon/run.rs", declaring),
        file("src/daemon/reports/run.rs", adding),
    ];
    let found = spread(&elsewhere, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, "src/daemon/reports/run.rs:1");
    let three = [
        file("src/daemon/run.rs", declaring),
        file("src/daemon/tick.rs", adding),
        file("src/daemon/ask.rs", adding),
    ];
    assert_eq!(spread(&three, &[]).len(), 1, "three files");
    assert_eq!(spread(&three, &[("Loop", 3)]), [], "it is on the list");
    assert_eq!(
        spread(&three, &[("Loop", 4)]).len(),
        1,
        "the list may only shrink"
    );
}
