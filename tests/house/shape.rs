//! Lengths, module files, names, documentation (house style, sections 2, 5, 6 and 7).
//!
//! In: sources. Out: findings.

use crate::source::{Finding, Source, has_word, item_end};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const MAIN_LINES_MAX: usize = 50;

/// Words that say nothing, as parts of module and type names.
const EMPTY_WORDS: [&str; 10] = [
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "handler", "data", "info",
];

/// Phrases that tell what the code was, not what it is.
const HISTORY: [&str; 8] = [
    "formerly",
    "refactored",
    "was renamed",
    "used to be called",
    "historical reasons",
    "in an earlier version",
    "for backwards compatibility",
    "@author",
];

/// Finds files that should be split by noun.
pub(crate) fn file_lengths(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let count = source.lines.len() - 1;
        let most = if source.path == "src/main.rs" {
            MAIN_LINES_MAX
        } else {
            FILE_LINES_MAX
        };
        if count > most {
            let message = format!("{count} lines, at most {most}; split the file by noun");
            findings.push(source.finding(most + 1, message));
        }
    }
    findings
}

/// Finds functions that do too much.
pub(crate) fn function_lengths(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let code: Vec<&str> = source.lines.iter().map(|line| line.code.as_str()).collect();
        for (line, text) in source.product() {
            if !has_word(&text.code, "fn") || !declares_function(&text.code) {
                continue;
            }
            let count = item_end(&code, line - 1) + 2 - line;
            if count > FUNCTION_LINES_MAX {
                let message = format!("a function of {count} lines, at most {FUNCTION_LINES_MAX}");
                findings.push(source.finding(line, message));
            }
        }
    }
    findings
}

/// Tells `fn name` from the type `fn(..)` and from `impl Fn`.
fn declares_function(code: &str) -> bool {
    code.split_once("fn ").is_some_and(|(before, after)| {
        let is_item = !before.contains(['=', '(', '"']);
        is_item && after.starts_with(|c: char| c.is_alphabetic() || c == '_')
    })
}

/// Finds `mod.rs` files that hold more than docs, `mod` lines and re-exports.
pub(crate) fn module_files(sources: &[Source]) -> Vec<Finding> {
    let logic = ["fn", "struct", "enum", "impl", "trait", "const", "static"];
    let mut findings = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.path.ends_with("/mod.rs"))
    {
        for (line, text) in source.product() {
            if logic.iter().any(|word| has_word(&text.code, word)) {
                findings.push(source.finding(line, "mod.rs holds docs, `mod` and `pub use` only"));
            }
        }
    }
    findings
}

/// Finds files that do not open with a sentence of purpose.
pub(crate) fn module_docs(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let docs: Vec<&str> = source
            .lines
            .iter()
            .map_while(|line| line.raw.strip_prefix("//!"))
            .map(str::trim)
            .take_while(|line| !line.is_empty())
            .collect();
        let sentence = docs.join(" ");
        if !sentence.contains(['.', ':']) {
            findings.push(source.finding(1, "opens without a doc sentence of purpose (`//! ...`)"));
        }
    }
    findings
}

/// Finds module and type names with words that say nothing, and `get_` functions.
pub(crate) fn names(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let stem = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let file = stem.rsplit('/').next().unwrap_or(stem);
        if let Some(word) = empty_word(file) {
            findings.push(source.finding(1, format!("`{word}` in a module name says nothing")));
        }
        for (line, text) in source.product() {
            for keyword in ["struct ", "enum ", "trait ", "type ", "mod "] {
                let Some(name) = declared(&text.code, keyword) else {
                    continue;
                };
                if let Some(word) = empty_word(&name) {
                    let message = format!("`{word}` in the name `{name}` says nothing");
                    findings.push(source.finding(line, message));
                }
            }
            if declared(&text.code, "fn ").is_some_and(|name| name.starts_with("get_")) {
                findings.push(source.finding(line, "no `get_`; name what is returned"));
            }
        }
    }
    findings
}

/// Reads the name that a line declares with a keyword.
fn declared(code: &str, keyword: &str) -> Option<String> {
    let code = code.trim_start();
    let (before, after) = code.split_once(keyword)?;
    let is_start = before
        .split_whitespace()
        .all(|word| word.starts_with("pub") || ["unsafe", "async", "const"].contains(&word));
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    is_start.then(|| after.chars().take_while(is_word).collect())
}

/// Finds an empty word among the parts of a name in either case style.
fn empty_word(name: &str) -> Option<&'static str> {
    let mut parts = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            parts.push('_');
        }
        parts.extend(c.to_lowercase());
    }
    EMPTY_WORDS
        .into_iter()
        .find(|word| parts.split('_').any(|part| part == *word))
}

/// Finds rulers, history and unfinished marks in comments.
pub(crate) fn comments(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, text) in source.numbered() {
            if is_ruler(&text.comment) {
                findings.push(source.finding(line, "a ruler; use modules and headings"));
            }
            let lower = text.comment.to_lowercase();
            if let Some(phrase) = HISTORY.iter().find(|phrase| lower.contains(**phrase)) {
                findings.push(source.finding(line, format!("history (`{phrase}`); say what is")));
            }
            if is_unfinished(text.comment.as_str(), text.code.as_str()) {
                findings.push(source.finding(line, "unfinished; write `TODO(#12)` or nothing"));
            }
        }
    }
    findings
}

fn is_ruler(comment: &str) -> bool {
    let is_drawing = comment.contains(['|', '+', '>', '<', '`']);
    let is_run = |c: char| comment.contains(&c.to_string().repeat(5));
    !is_drawing && ['-', '=', '*', '#', '~', '─', '═'].into_iter().any(is_run)
}

fn is_unfinished(comment: &str, code: &str) -> bool {
    let is_loose = comment
        .match_indices("TODO")
        .any(|(at, _)| !comment[at..].starts_with("TODO(#"));
    let is_mark = ["FIXME", "XXX", "HACK"]
        .iter()
        .any(|word| has_word(comment, word));
    is_loose || is_mark || code.contains("todo!(") || code.contains("unimplemented!(")
}

#[test]
fn the_rules_of_shape_can_fail() {
    let one = |path: &str, text: &str| [Source::new(path, text)];
    let long = "//! Docs.\n".repeat(FILE_LINES_MAX + 1);
    assert_eq!(file_lengths(&one("src/zone/a.rs", &long)).len(), 1);
    assert_eq!(
        file_lengths(&one("src/main.rs", &"//\n".repeat(51))).len(),
        1
    );

    let body = "    x();\n".repeat(FUNCTION_LINES_MAX);
    let text = format!("fn short() {{}}\nfn long() {{\n{body}}}\nfn after() {{}}\n");
    let found = function_lengths(&one("src/zone/a.rs", &text));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, "src/zone/a.rs:2");

    assert_eq!(
        module_files(&one("src/zone/mod.rs", "mod a;\npub fn f() {}\n")).len(),
        1
    );
    assert_eq!(
        module_files(&one("src/zone/mod.rs", "mod a;\npub use a::F;\n")).len(),
        0
    );

    assert_eq!(module_docs(&one("src/zone/a.rs", "fn f() {}\n")).len(), 1);
    assert_eq!(
        module_docs(&one("src/zone/a.rs", "//! Placeholder\n")).len(),
        1
    );
    assert_eq!(
        module_docs(&one("src/zone/a.rs", "//! Names of\n//! zones.\n")).len(),
        0
    );

    let text = "pub struct ZoneInfo;\nenum Handler {}\nstruct Metadata;\nfn get_x() {}\n";
    assert_eq!(names(&one("src/zone/a.rs", text)).len(), 3);
    assert_eq!(names(&one("src/zone/helpers.rs", "")).len(), 1);

    let text = "// -----\n// a --> b ------+\n// TODO later\n// TODO(#3) later\n// Formerly a list.\nfn f() { todo!() }\n";
    assert_eq!(comments(&one("src/zone/a.rs", text)).len(), 4);
}
