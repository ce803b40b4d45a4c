//! What stands beside the code: the folder itself, manifests, zones, documents (house style, sections 2 and 10).
//!
//! In: texts and names of files. Out: findings.

use std::process::Command;

use crate::source::{Finding, root};

/// What the package's folder may hold.
const SHELF: [&str; 20] = [
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "zones",
    "tests",
    "examples",
    "benches",
    "fuzz",
    "docs",
    "Dockerfile",
    "README.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "test",
    "target",
    ".git",
    ".gitignore",
    ".clippy.toml",
    ".dockerignore",
];

/// Quiet folders of tools.
const TOOLS: [&str; 5] = [
    ".ci",
    ".cargo",
    ".config",
    ".github",
    "proptest-regressions",
];

fn at(path: &str, line: usize, message: impl Into<String>) -> Finding {
    Finding {
        place: format!("{path}:{line}"),
        message: message.into(),
    }
}

/// Finds entries of the top folder that nobody agreed on.
pub(crate) fn entries(names: &[String]) -> Vec<Finding> {
    names
        .iter()
        .filter(|name| !SHELF.contains(&name.as_str()) && !TOOLS.contains(&name.as_str()))
        .map(|name| at(name, 1, "no such top-level entry in house style, section 2"))
        .collect()
}

/// Lines of the manifest that one comment may speak for.
const LINES_PER_COMMENT: usize = 3;

/// Finds dependencies that no comment above speaks for.
pub(crate) fn dependencies(manifest: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_listing = false;
    let mut spoken_for = 0;
    for (index, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            is_listing = line.ends_with("dependencies]");
            spoken_for = 0;
        } else if line.starts_with('#') {
            spoken_for = LINES_PER_COMMENT;
        } else if is_listing && line.contains('=') && !line.starts_with([' ', ']', '}']) {
            if spoken_for == 0 {
                findings.push(at("Cargo.toml", index + 1, "say above it what it is for"));
            }
            spoken_for = spoken_for.saturating_sub(1);
        }
    }
    findings
}

/// Finds zone and server files that are not TOML.
pub(crate) fn toml_files(files: &[(String, String)]) -> Vec<Finding> {
    files
        .iter()
        .filter_map(|(path, text)| {
            let fault = text.parse::<toml::Table>().err()?;
            let start = fault.span().map_or(0, |span| span.start);
            let line = text[..start].matches('\n').count() + 1;
            Some(at(path, line, fault.message()))
        })
        .collect()
}

/// Finds blocks of TOML in documents that are not TOML.
pub(crate) fn toml_blocks(documents: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in documents {
        let mut block: Option<(usize, String)> = None;
        for (index, line) in text.lines().enumerate() {
            match (&mut block, line) {
                (None, "```toml") => block = Some((index + 1, String::new())),
                (Some((start, toml)), "```") => {
                    if let Err(fault) = toml.parse::<toml::Table>() {
                        findings.push(at(path, *start, fault.message()));
                    }
                    block = None;
                }
                (Some((_, toml)), line) => toml.extend([line, "\n"]),
                (None, _) => {}
            }
        }
    }
    findings
}

/// Finds links of documents to files that are not there.
pub(crate) fn links(documents: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in documents {
        let folder = root().join(path);
        let folder = folder.parent().expect("a file lies in a folder");
        for (index, line) in text.lines().enumerate() {
            for (_, rest) in line
                .match_indices("](")
                .map(|(at, _)| line.split_at(at + 2))
            {
                let link = rest.split([')', '#']).next().unwrap_or_default();
                let is_elsewhere = link.is_empty() || link.contains("://");
                if !is_elsewhere && !folder.join(link).exists() {
                    findings.push(at(path, index + 1, format!("`{link}` is not there")));
                }
            }
        }
    }
    findings
}

/// Finds folders of somebody's machine in files that travel.
pub(crate) fn machine_paths(files: &[(String, String)]) -> Vec<Finding> {
    let folders = ["work", "home", "root", "Users"].map(|name| format!("/{name}/"));
    let mut findings = Vec::new();
    for (path, text) in files {
        for (index, line) in text.lines().enumerate() {
            let words = line.split([' ', '"', '\'', '`', '(', '=', '<']);
            let is_found = words.clone().any(|word| {
                folders
                    .iter()
                    .any(|folder| word.starts_with(folder.as_str()))
            });
            if is_found {
                findings.push(at(path, index + 1, "a path of one machine"));
            }
        }
    }
    findings
}

/// Finds `leeward` lines in documents whose verb or flags the binary does not know.
pub(crate) fn commands(documents: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in documents {
        let mut is_block = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                is_block = !is_block;
                continue;
            }
            let Some(words) = command_words(line).filter(|_| is_block) else {
                continue;
            };
            if let Some(message) = validate_command(&words) {
                findings.push(at(path, index + 1, message));
            }
        }
    }
    findings
}

/// Returns the words after `leeward`, without comments.
fn command_words(line: &str) -> Option<Vec<String>> {
    let line = line.trim().trim_start_matches("$ ");
    let rest = ["leeward ", "cargo run --release -- ", "sudo leeward "]
        .iter()
        .find_map(|start| line.strip_prefix(start))?;
    let words = rest
        .split_whitespace()
        .take_while(|word| !word.starts_with('#'));
    Some(words.map(str::to_owned).collect())
}

fn validate_command(words: &[String]) -> Option<String> {
    let verb = words.first()?;
    if verb.starts_with('-') {
        return None;
    }
    let help = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args([verb.as_str(), "--help"])
        .output()
        .expect("the binary was built with the test");
    if help.status.code() != Some(0) {
        return Some(format!("leeward has no verb `{verb}`"));
    }
    let page = String::from_utf8_lossy(&help.stdout).into_owned();
    words
        .iter()
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or(word))
        .find(|flag| !page.contains(*flag))
        .map(|flag| format!("`leeward {verb}` has no flag `{flag}`"))
}

#[test]
fn the_rules_of_the_shelf_can_fail() {
    let file = |text: &str| [("a.toml".to_owned(), text.to_owned())];
    assert_eq!(
        entries(&["src".to_owned(), "query_name".to_owned()]).len(),
        1
    );
    let manifest =
        "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\n# Codec.\nb = \"1\"\nc = \"1\"\n";
    assert_eq!(dependencies(manifest).len(), 1);
    assert_eq!(toml_files(&file("a = 1\nb = = 2\n"))[0].place, "a.toml:2");
    let text = "```toml\na = 1\n```\n```toml\na = = 1\n```\n";
    assert_eq!(toml_blocks(&file(text))[0].place, "a.toml:4");
    let text = "[a](#x) [b](Cargo.toml#x)\n[c](https://x.example/) and [d](nowhere.md)\n";
    assert_eq!(links(&file(text))[0].place, "a.toml:2");
    let path = format!("see /{}/me/x\n/healthz /metrics\n", "home");
    assert_eq!(machine_paths(&file(&path)).len(), 1);
    let text = "```sh\nleeward frobnicate zones\nleeward validate zones --loud\n\
                leeward validate zones --format json   # --fine\n```\nleeward frobnicate\n";
    let found = commands(&file(text));
    assert_eq!(found.len(), 2, "{found:?}");
}
