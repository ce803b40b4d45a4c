//! Rust source as the rules see it: code, comments and tests told apart, line by line.
//!
//! In: the text of a file. Out: lines with strings and comments blanked out, so that a word in them misleads no rule.
//! Never here: a grammar; brackets and quotes are enough for what the rules ask.

use std::path::PathBuf;

/// A source file.
pub(crate) struct Source {
    /// Path below the package, with forward slashes.
    pub(crate) path: String,
    /// Its lines.
    pub(crate) lines: Vec<Line>,
}

/// A line, seen in three ways of equal length.
pub(crate) struct Line {
    /// As written.
    pub(crate) raw: String,
    /// Without comments, and without what stands in quotes.
    pub(crate) code: String,
    /// Comments alone.
    pub(crate) comment: String,
    /// Whether only tests see it.
    pub(crate) is_test: bool,
}

/// Something that breaks a rule, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path and line, as editors jump to them.
    pub(crate) place: String,
    /// What is wrong and what to do instead.
    pub(crate) message: String,
}

impl Source {
    /// Reads a file's text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        let code: Vec<&str> = code.split('\n').collect();
        let tests = test_lines(path, &code);
        let lines = text
            .split('\n')
            .zip(&code)
            .zip(comments.split('\n'))
            .zip(tests)
            .map(|(((raw, code), comment), is_test)| Line {
                raw: raw.to_owned(),
                code: (*code).to_owned(),
                comment: comment.to_owned(),
                is_test,
            })
            .collect();
        Self {
            path: path.to_owned(),
            lines,
        }
    }

    /// Returns the top-level module that a file below `src` belongs to.
    pub(crate) fn module(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        let name = rest.split('/').next()?;
        let name = name.strip_suffix(".rs").unwrap_or(name);
        (!matches!(name, "lib" | "main")).then_some(name)
    }

    /// Returns lines that are not only for tests, numbered from 1.
    pub(crate) fn product(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.numbered().filter(|(_, line)| !line.is_test)
    }

    /// Returns all lines, numbered from 1.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines
            .iter()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }

    /// Makes a finding at a line.
    pub(crate) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            place: format!("{}:{line}", self.path),
            message: message.into(),
        }
    }
}

/// Says whether `word` stands in `code` with no letter, digit or underscore beside it.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// The package's folder: the one that cargo runs the test in, else the one it was built in.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}

/// Reads every file below `folder` whose name ends in `ending`, sorted by path.
pub(crate) fn files_below(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut folders = vec![root().join(folder)];
    let mut paths: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(&path).ok()?;
            let short = path.strip_prefix(root()).expect("found below the root");
            Some((short.to_string_lossy().replace('\\', "/"), text))
        })
        .collect()
}

/// Reads every Rust file below `folder`; files that only tests include are marked as tests throughout.
pub(crate) fn sources_below(folder: &str) -> Vec<Source> {
    let mut sources: Vec<Source> = files_below(folder, ".rs")
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    let only_tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs");
        let stem = stem.trim_end_matches("/mod");
        if only_tests.iter().any(|module| module == stem) {
            source.lines.iter_mut().for_each(|line| line.is_test = true);
        }
    }
    sources
}

/// Returns the paths, without ending, of modules that a file declares with `mod x;` for tests only.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = match source.path.strip_suffix("/mod.rs") {
        Some(folder) => folder,
        None => source.path.trim_end_matches(".rs"),
    };
    source
        .lines
        .iter()
        .filter(|line| line.is_test)
        .filter_map(|line| line.code.trim().strip_prefix("mod ")?.strip_suffix(';'))
        .map(|name| format!("{folder}/{name}"))
        .collect()
}

/// What the scanner is inside of.
enum Inside {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
}

/// Splits a text into code and comments; each keeps the line ends and blanks for the rest.
fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::new(), String::new());
    let mut inside = Inside::Code;
    let mut at = 0;
    while at < chars.len() {
        let here = chars[at];
        let next = chars.get(at + 1).copied();
        let mut step = 1;
        let mut is_code = false;
        let mut is_comment = false;
        match inside {
            Inside::Code => {
                is_code = true;
                match (here, next) {
                    ('/', Some('/')) => inside = Inside::LineComment,
                    ('/', Some('*')) => (inside, step) = (Inside::BlockComment(1), 2),
                    ('"', _) => inside = raw_text_before(&chars, at),
                    ('\'', _) => step = literal_length(&chars, at),
                    _ => {}
                }
                if matches!(inside, Inside::LineComment | Inside::BlockComment(_)) {
                    (is_code, is_comment) = (false, true);
                }
            }
            Inside::LineComment => {
                is_comment = true;
                if here == '\n' {
                    inside = Inside::Code;
                }
            }
            Inside::BlockComment(depth) => {
                is_comment = true;
                match (here, next) {
                    ('/', Some('*')) => (inside, step) = (Inside::BlockComment(depth + 1), 2),
                    ('*', Some('/')) if depth == 1 => (inside, step) = (Inside::Code, 2),
                    ('*', Some('/')) => (inside, step) = (Inside::BlockComment(depth - 1), 2),
                    _ => {}
                }
            }
            Inside::Text if here == '\\' => step = 2,
            Inside::Text if here == '"' => (inside, is_code) = (Inside::Code, true),
            Inside::Text => {}
            Inside::RawText(hashes) => {
                let end = chars.get(at + 1..at + 1 + hashes);
                if here == '"' && end.is_some_and(|end| end.iter().all(|c| *c == '#')) {
                    (inside, step) = (Inside::Code, 1 + hashes);
                }
            }
        }
        for (offset, shown) in chars[at..chars.len().min(at + step)].iter().enumerate() {
            let is_quoted = is_code && here == '\'' && offset > 0;
            code.push(blank_unless(is_code && !is_quoted, *shown));
            comments.push(blank_unless(is_comment, *shown));
        }
        at += step;
    }
    (code, comments)
}

fn blank_unless(is_kept: bool, shown: char) -> char {
    if is_kept || shown == '\n' { shown } else { ' ' }
}

/// At a quote: a raw text if `r` and hashes stand before it, else an ordinary one.
fn raw_text_before(chars: &[char], quote: usize) -> Inside {
    let hashes = chars[..quote]
        .iter()
        .rev()
        .take_while(|c| **c == '#')
        .count();
    match chars.get((quote - hashes).wrapping_sub(1)) {
        Some('r') => Inside::RawText(hashes),
        _ => Inside::Text,
    }
}

/// At an apostrophe: the length of a character literal, or 1 for a lifetime.
fn literal_length(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let end = chars[at + 3..].iter().position(|c| *c == '\'');
            end.map_or(1, |end| end + 4)
        }
        (Some(_), Some('\'')) => 3,
        _ => 1,
    }
}

/// Marks what only tests see: test files, and the item after each `#[cfg(test)]`.
fn test_lines(path: &str, code: &[&str]) -> Vec<bool> {
    let is_test_file = path.starts_with("tests/")
        || path.ends_with("/tests.rs")
        || path.contains("/tests/")
        || path.starts_with("benches/");
    let mut marks = vec![is_test_file; code.len()];
    for start in 0..code.len() {
        if code[start].contains("#[cfg(test)]") {
            let end = item_end(code, start);
            marks[start..=end].fill(true);
        }
    }
    marks
}

/// Finds the last line of the item that begins at or after `start`: its closing brace, or its semicolon.
pub(crate) fn item_end(code: &[&str], start: usize) -> usize {
    let mut depth = 0usize;
    for (at, line) in code.iter().enumerate().skip(start) {
        for c in line.chars() {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at;
                    }
                }
                ')' | ']' => depth = depth.saturating_sub(1),
                ';' if depth == 0 => return at,
                _ => {}
            }
        }
    }
    code.len() - 1
}

#[test]
fn tells_code_comments_texts_and_tests_apart() {
    let text = r##"//! Docs with .unwrap().
fn a<'a>(x: &'a str) -> char { let y = "//not"; '"' } // says "hi"
const R: &str = r#"raw " .unwrap() "#; /* block /* nested */ .unwrap() */ fn b() {}
#[cfg(test)]
mod tests {
    fn c() { x.unwrap(); }
}
fn d() {}
"##;
    let source = Source::new("src/zone/name.rs", text);
    let code: Vec<&str> = source.lines.iter().map(|line| line.code.trim()).collect();
    assert_eq!(code[0], "");
    assert!(code[1].starts_with("fn a<'a>(x: &'a str) -> char { let y = \"     \"; '"));
    assert!(
        code[1].ends_with('}') && !code[1].contains("not"),
        "{}",
        code[1]
    );
    assert!(code[2].ends_with("fn b() {}") && !code[2].contains("unwrap"));
    assert!(source.lines[1].comment.contains("says \"hi\""));
    assert!(source.lines[2].comment.contains("nested"));
    let tests: Vec<bool> = source.lines.iter().map(|line| line.is_test).collect();
    assert_eq!(
        tests,
        [false, false, false, true, true, true, true, false, false]
    );
    assert_eq!(source.module(), Some("zone"));
}

#[test]
fn finds_modules_that_only_tests_include() {
    let text = "mod tcp;\n#[cfg(test)]\nmod behaviour;\nmod udp;\n";
    let source = Source::new("src/server/mod.rs", text);
    assert_eq!(test_modules(&source), ["src/server/behaviour"]);
    let source = Source::new("src/server/tcp.rs", text);
    assert_eq!(test_modules(&source), ["src/server/tcp/behaviour"]);
}
