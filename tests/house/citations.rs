//! Citations of rules and documents lead somewhere, and words that the glossary replaced are gone (house style, sections 4 and 7).
//!
//! In: sources and documents. Out: findings.

use std::collections::BTreeSet;

use crate::source::{Finding, Source};

/// What sources cite, read from the documents themselves.
pub(crate) struct Shelf {
    /// `a14`, as in `rule a14`.
    rules: BTreeSet<String>,
    /// `A7`, as in `design, A7`.
    reasons: BTreeSet<String>,
    /// Numbers of sections by the words that cite the document.
    sections: Vec<(&'static str, BTreeSet<String>)>,
    /// Headings of the design, in small letters.
    topics: Vec<String>,
    /// Documents by path.
    documents: BTreeSet<String>,
}

/// Documents that are cited by number of a section, and how they are called.
const NUMBERED: [(&str, &str); 4] = [
    ("zone format, section", "docs/rules.md"),
    ("house style, section", "docs/style.md"),
    ("docs/rules.md, section", "docs/rules.md"),
    ("docs/route53-rules.md, section", "docs/route53-rules.md"),
];
/// Documents that sources may not cite, because they are not part of the package.
const ELSEWHERE: [&str; 8] = [
    "route53-semantics",
    "dependency-notes",
    "hickory-notes",
    "field-notes",
    "house-style",
    "house-redesign",
    "zone-format.md",
    "engine.md",
];

impl Shelf {
    /// Reads the documents, each with its path.
    pub(crate) fn of(documents: &[(String, String)]) -> Self {
        let text = |path: &str| {
            let found = documents.iter().find(|(known, _)| known == path);
            found.map_or("", |(_, text)| text.as_str())
        };
        let bold = |path: &str, first: char| -> BTreeSet<String> {
            let items = text(path)
                .lines()
                .filter_map(|line| line.strip_prefix("- **"));
            let words = items.filter_map(|line| line.split(['*', '.']).next());
            words
                .filter(|word| word.starts_with(first))
                .map(str::to_owned)
                .collect()
        };
        let headings = |path: &str| -> Vec<String> {
            let lines = text(path).lines().filter(|line| line.starts_with('#'));
            lines
                .map(|line| line.trim_start_matches(['#', ' ']).to_owned())
                .collect()
        };
        let numbers = |path: &str| -> BTreeSet<String> {
            let headings = headings(path).into_iter();
            let first = headings.filter_map(|heading| heading.split(' ').next().map(str::to_owned));
            let numbers = first.map(|word| word.trim_end_matches('.').to_owned());
            numbers
                .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
                .collect()
        };
        Self {
            rules: bold("docs/rules.md", 'a'),
            reasons: bold("docs/design.md", 'A'),
            sections: NUMBERED.map(|(cited, path)| (cited, numbers(path))).into(),
            topics: headings("docs/design.md")
                .iter()
                .map(|heading| heading.to_ascii_lowercase())
                .collect(),
            documents: documents.iter().map(|(path, _)| path.clone()).collect(),
        }
    }

    /// Lists what a line cites and is not there.
    fn faults(&self, line: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for word in ELSEWHERE.iter().filter(|word| line.contains(**word)) {
            faults.push(format!("`{word}` is no document of this package"));
        }
        for number in numbered(line, 'a') {
            if !self.rules.contains(&number) {
                faults.push(format!("docs/rules.md has no rule {number}"));
            }
        }
        for (cited, known) in &self.sections {
            for (at, found) in line.match_indices(cited) {
                for number in section_numbers(&line[at + found.len()..]) {
                    if !known.contains(&number) {
                        faults.push(format!("{cited} {number}: there is no such section"));
                    }
                }
            }
        }
        for (at, found) in line.match_indices("(design, ") {
            let cited = &line[at + found.len()..];
            let cited = &cited[..cited.find(')').unwrap_or(cited.len())];
            let is_topic = self.topics.contains(&cited.to_ascii_lowercase());
            if !is_topic && !cited.split(", ").all(|part| self.reasons.contains(part)) {
                faults.push(format!(
                    "docs/design.md has neither reason nor heading {cited}"
                ));
            }
        }
        for (at, _) in line.match_indices("docs/") {
            let path: String = line[at..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "/.-_".contains(*c))
                .collect();
            let is_document = path.ends_with(".md");
            if is_document && !self.documents.contains(&path) {
                faults.push(format!("there is no {path}"));
            }
        }
        faults
    }
}

/// Finds citations that lead nowhere.
pub(crate) fn citations(sources: &[Source], shelf: &Shelf) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !is_own(source)) {
        for (line, text) in source.numbered() {
            let faults = shelf.faults(&text.comment);
            findings.extend(faults.into_iter().map(|fault| source.finding(line, fault)));
        }
    }
    findings
}

/// This file shows bad examples.
fn is_own(source: &Source) -> bool {
    source.path == "tests/house/citations.rs"
}

/// Finds `a14`: the letter, one or two digits, and no word around them.
fn numbered(line: &str, letter: char) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || "_-./:`\"'@*".contains(c);
    let words = line.split(|c: char| !is_part(c));
    words
        .filter_map(|word| {
            let word = word.trim_end_matches(['.', ':']);
            let digits = word.strip_prefix(letter)?;
            let is_number = (1..=2).contains(&digits.len())
                && digits.bytes().all(|octet| octet.is_ascii_digit());
            is_number.then(|| word.to_owned())
        })
        .collect()
}

/// Reads `2`, `s 2, 5 and 7` or `2.2`, as they follow the word section.
fn section_numbers(text: &str) -> Vec<String> {
    let text = text.strip_prefix('s').unwrap_or(text);
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    words
        .map(|word| word.trim_end_matches(['.', ':', ')', ';', '`', '"']))
        .take_while(|word| *word == "and" || word.starts_with(|c: char| c.is_ascii_digit()))
        .filter(|word| *word != "and")
        .map(str::to_owned)
        .collect()
}

/// Reads the last column of the glossary: words that are no names of types, modules or traits any more.
pub(crate) fn replaced_words(style: &str) -> BTreeSet<String> {
    let glossary = style.split("## 4.").nth(1).unwrap_or_default();
    let glossary = glossary.split("\n## ").next().unwrap_or_default();
    let rows = glossary.lines().filter(|line| line.starts_with('|'));
    let last = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let words = last.flat_map(|column| column.split(','));
    words
        .filter_map(|word| word.trim().strip_prefix('`')?.strip_suffix('`'))
        .map(str::to_owned)
        .collect()
}

/// Finds types, traits and modules that are called by a word that the glossary replaced.
pub(crate) fn glossary(sources: &[Source], replaced: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, text) in source.product() {
            let mut words = text
                .code
                .split(|c: char| !(c.is_alphanumeric() || c == '_'));
            while let Some(word) = words.next() {
                if !["struct", "enum", "trait", "type", "mod"].contains(&word) {
                    continue;
                }
                let name = words.next().unwrap_or_default();
                if replaced.contains(name) {
                    let message =
                        format!("`{name}` is not our word; see the glossary of docs/style.md");
                    findings.push(source.finding(line, message));
                }
            }
        }
    }
    findings
}

#[test]
fn the_rules_of_citations_can_fail() {
    let document = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let shelf = Shelf::of(&[
        document(
            "docs/rules.md",
            "## 1. Rules\n- **a1** One.\n- **a12** Two.\n## 2. Grammar\n",
        ),
        document("docs/design.md", "## Location\n- **A7. Batches.** Text.\n"),
        document("docs/style.md", "## 3. Modules\n## 10. Tools\n"),
        document("docs/route53-rules.md", "### 2.2 Failover\n"),
    ]);
    let cases = [
        ("(rules a1 and a12)", 0),
        ("rule a13", 1),
        ("RFC 8020 and `a99.example`, a1.example", 0),
        ("(zone format, section 2)", 0),
        ("zone format, section 4", 1),
        ("(house style, sections 3 and 10)", 0),
        ("(house style, sections 3, 4 and 11)", 2),
        ("docs/route53-rules.md, sections 2.2 and 2.3", 1),
        ("(design, A7)", 0),
        ("(design, A8)", 1),
        ("(design, Location)", 0),
        ("(design, Weather)", 1),
        ("see docs/rules.md and docs/zone.schema.json", 0),
        ("see docs/nothing.md", 1),
        ("(engine.md, A7)", 1),
    ];
    for (comment, wanted) in cases {
        let source = [Source::new("src/x.rs", &format!("// {comment}\n"))];
        let found = citations(&source, &shelf);
        assert_eq!(found.len(), wanted, "{comment}: {found:?}");
    }
}

#[test]
fn the_rule_of_the_glossary_can_fail() {
    let style = "## 4. Glossary\n| Word | Means | Identifier | Not |\n|---|---|---|---|\n| pool | members | `Pool` | `Group`, `Cluster` |\n\n## 5. Naming\n| x | `Pool` |\n";
    let replaced = replaced_words(style);
    assert_eq!(
        replaced,
        BTreeSet::from(["Cluster".to_owned(), "Group".to_owned()])
    );
    let cases = [
        ("pub struct Group {}\n", 1),
        ("struct Pool; // struct Group\n", 0),
        ("let group = Groups::new();\n", 0),
        ("#[cfg(test)]\nmod tests {\n enum Group {}\n}\n", 0),
    ];
    for (text, wanted) in cases {
        let source = [Source::new("src/x.rs", text)];
        assert_eq!(glossary(&source, &replaced).len(), wanted, "{text}");
    }
}
