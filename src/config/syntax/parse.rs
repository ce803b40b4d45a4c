//! Syntax: TOML to a spanned tree, with the parser's faults in our words (rule a9).
//!
//! In: the text. Out: a tree that may be judged further, or nothing. Never here: what keys mean.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::DeTable;

use super::slips::find_slip;
use crate::config::keys::{KeyGroup, has_key};
use crate::config::read::NotPlain;
use crate::config::values::Faults;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::wire::{foreign_form, looks_like_master};

/// Parses the text. After faults that leave the tree whole (a key without quotes, a key twice) the rest is still
/// judged, except on the lines at fault.
pub(in crate::config) fn parse<'s>(faults: &mut Faults<'s>) -> Option<Spanned<DeTable<'s>>> {
    let (root, errors) = DeTable::parse_recoverable(faults.text);
    if errors.is_empty() {
        return Some(root);
    }
    if let Some(found) = foreign_text(faults.text) {
        faults.push(found);
        return None;
    }
    let mut spans = Vec::new();
    let mut last_line = None;
    for error in &errors {
        let range = error.span().unwrap_or(0..0);
        let line = faults.text[..range.start.min(faults.text.len())]
            .matches('\n')
            .count();
        let mut diagnostic = translate(faults.text, error.message(), Span(range));
        if diagnostic.code == "L001" {
            // What follows from a slip of the hand says nothing more, and often something else.
            if let Some(slip) = find_slip(faults.text) {
                diagnostic = Diagnostic::fault("L001", Span(slip.range), "", slip.message)
                    .label(slip.label)
                    .help(slip.help);
            }
            faults.push(diagnostic);
            return None;
        }
        // One slip often makes several faults of the parser on one line; the first says it.
        if last_line != Some(line) {
            spans.push(diagnostic.span.clone());
            faults.push(diagnostic);
        }
        last_line = Some(line);
    }
    for span in &spans {
        faults.mute_lines(span);
    }
    Some(root)
}

/// Says what the text is if it is no TOML at all.
fn foreign_text(text: &str) -> Option<Diagnostic> {
    let whole = Span(0..text.lines().next().unwrap_or_default().len());
    let (what, help) = match foreign_form(text.as_bytes()) {
        Some(form) => (form.what, form.help),
        None if looks_like_master(text.as_bytes()) => (
            "a master file",
            "give it a name that ends in `.zone`, such as `example.com.zone`",
        ),
        None => return None,
    };
    let message = format!("this is {what}, not TOML");
    Some(
        Diagnostic::fault("L001", whole, "", message)
            .label("no TOML begins so")
            .help(help),
    )
}

/// Parses what plain lines leave; any fault is [`NotPlain`].
pub(in crate::config) fn parse_rest(rest: &str) -> Result<Spanned<DeTable<'_>>, NotPlain> {
    let (root, errors) = DeTable::parse_recoverable(rest);
    if errors.is_empty() {
        Ok(root)
    } else {
        Err(NotPlain)
    }
}

fn translate(text: &str, message: &str, span: Span) -> Diagnostic {
    let part = text.get(span.0.clone()).unwrap_or_default().to_owned();
    if message.starts_with("invalid unquoted key") {
        return curly_quotes(text, &span).unwrap_or_else(|| unquoted_key(text, span));
    }
    if message.starts_with("duplicate key") {
        return duplicate_key(text, span, &part);
    }
    if let Some(found) = curly_quotes(text, &span) {
        return found;
    }
    let whole = token_around(text, &span);
    let token = text.get(whole.clone()).unwrap_or_default().to_owned();
    let word = bare_word(text, &whole, &token);
    // Yes and no are words of other languages, and hardly meant as text.
    if let Some(found) = word.as_ref().filter(|found| {
        let is_truth = |suggestion: &String| suggestion == "true" || suggestion == "false";
        found.suggestion.as_ref().is_some_and(is_truth)
    }) {
        return found.clone();
    }
    if message.starts_with("string values must be quoted") && !part.trim().is_empty() {
        let label = if part.starts_with(|c: char| c.is_ascii_digit()) {
            "text needs quotes"
        } else {
            "text needs quotes, also the ids of pools and checks"
        };
        return Diagnostic::fault("L002", span, "", format!("`{part}` must be quoted"))
            .label(label)
            .help(format!("write `\"{part}\"`"))
            .suggest(format!("\"{part}\""));
    }
    let is_address = message.starts_with("invalid float") || message.starts_with("invalid time");
    if is_address && token.parse::<std::net::IpAddr>().is_ok() {
        return Diagnostic::fault("L002", Span(whole), "", format!("`{token}` must be quoted"))
            .label("addresses are text")
            .help(format!("write `\"{token}\"`"))
            .suggest(format!("\"{token}\""));
    }
    if let Some(found) = word {
        return found;
    }
    let found = Diagnostic::fault("L001", span, "", format!("not valid TOML: {message}"))
        .label("the file cannot be read from here");
    if message.contains("escape") {
        return found.help(
            "in double quotes a backslash is written `\\\\`; in single quotes it stands for itself",
        );
    }
    found
}

/// Text that begins like a word of TOML (`frontend` like `false`), and the words of other languages for yes and no.
fn bare_word(text: &str, whole: &Range<usize>, token: &str) -> Option<Diagnostic> {
    let before = text[..whole.start].trim_end_matches([' ', '\t', '\n', '\r']);
    let is_value = before.ends_with(['=', '[', ',']);
    let is_text = token.starts_with(|c: char| c.is_alphanumeric() || "_-+.:/@*".contains(c));
    // A header, not a list.
    let line = before.rsplit('\n').next().unwrap_or_default();
    let is_header = line.ends_with('[') && line.trim_start().bytes().all(|octet| octet == b'[');
    if !is_value || !is_text || is_header {
        return None;
    }
    let truth = match token.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => Some("true"),
        "no" | "off" | "false" => Some("false"),
        _ => None,
    };
    let span = Span(whole.clone());
    Some(match truth {
        Some(word) => Diagnostic::fault("L002", span, "", format!("`{token}` is no word of TOML"))
            .label("yes and no are `true` and `false`")
            .help(format!("write `{word}`; text is in quotes: `\"{token}\"`"))
            .suggest(word),
        None => Diagnostic::fault("L002", span, "", format!("`{token}` must be quoted"))
            .label("text must be in quotes")
            .help(format!("write `\"{token}\"`"))
            .suggest(format!("\"{token}\"")),
    })
}

/// Quotes of word processors, where TOML wants plain ones.
fn curly_quotes(text: &str, span: &Span) -> Option<Diagnostic> {
    const CURLY: [char; 9] = [
        '\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}', '\u{2018}', '\u{2019}', '\u{201a}',
        '\u{ab}', '\u{bb}',
    ];
    let start = span.0.start.min(text.len());
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(line_start..)?.lines().next().unwrap_or_default();
    let first = line.find(CURLY)?;
    // Inside text in plain quotes they are text.
    let is_inside = line[..first].matches('"').count() % 2 == 1;
    if is_inside || line[..first].contains('#') {
        return None;
    }
    let opening = line[first..].chars().next()?;
    let after = first + opening.len_utf8();
    let close = line[after..].find(|c: char| CURLY.contains(&c) || c == '"');
    let end = close.map_or(line.len(), |at| {
        after + at + line[after + at..].chars().next().map_or(0, char::len_utf8)
    });
    let inner: String = line[first..end]
        .chars()
        .filter(|c| !CURLY.contains(c) && *c != '"')
        .collect();
    let message = format!("`{opening}` is no quote of TOML");
    let span = Span(line_start + first..line_start + end);
    Some(
        Diagnostic::fault("L002", span, "", message)
            .label("a quote of a word processor")
            .help(format!("write plain quotes: `\"{}\"`", inner.trim_end()))
            .suggest(format!("\"{}\"", inner.trim_end())),
    )
}

/// A key such as `@`, `*.apps` or `10.0.0.0/8` without quotes.
fn unquoted_key(text: &str, span: Span) -> Diagnostic {
    let whole = token_around(text, &span);
    let token = text.get(whole.clone()).unwrap_or_default();
    let (key, rest) = split_key(token);
    let key_range = whole.start..whole.start + key.len();
    Diagnostic::fault(
        "L002",
        Span(key_range),
        "",
        format!("the key `{key}` must be quoted"),
    )
    .label("only letters, digits, `-` and `_` go without quotes")
    .help(format!("write `\"{key}\"{rest}`"))
    .suggest(format!("\"{key}\""))
}

/// Splits a token into what one key should hold, and what follows it: `@.NS` is `@` and `.NS`, `*.apps` is one name.
fn split_key(token: &str) -> (&str, &str) {
    let types_and_options = |part: &str| {
        crate::config::read::parse_type_key(part).is_some()
            || has_key(KeyGroup::Policy, part)
            || has_key(KeyGroup::Options, part)
    };
    let is_prefix = token.contains('/') || token.contains(':');
    match token.rsplit_once('.') {
        Some((name, last)) if !is_prefix && types_and_options(last) => (name, &token[name.len()..]),
        _ => (token, ""),
    }
}

/// Widens a range to the token around it.
fn token_around(text: &str, span: &Span) -> Range<usize> {
    let is_part = |c: char| !c.is_whitespace() && !"=[]{},#\"'".contains(c);
    let mut start = span.0.start.min(text.len());
    let mut end = span.0.end.clamp(start, text.len());
    if !text.is_char_boundary(start) || !text.is_char_boundary(end) {
        return start..end;
    }
    for (at, c) in text[..start].char_indices().rev() {
        if !is_part(c) {
            break;
        }
        start = at;
    }
    for c in text[end..].chars() {
        if !is_part(c) {
            break;
        }
        end += c.len_utf8();
    }
    // In a header `[names.@]` the section is not part of the name.
    for section in ["names.", "pools.", "checks."] {
        let is_header = text[..start].ends_with('[');
        if is_header && text[start..end].starts_with(section) {
            start += section.len();
        }
    }
    start..end
}

/// A key or table that is written twice: which of the ways it happened is told by the line.
fn duplicate_key(text: &str, span: Span, key: &str) -> Diagnostic {
    let start = span.0.start.min(text.len());
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next().unwrap_or_default().trim();
    let is_header = line.starts_with('[');
    let header = line.split('#').next().unwrap_or_default().trim();
    let is_second = is_header
        && text[..line_start]
            .lines()
            .any(|earlier| earlier.split('#').next().unwrap_or_default().trim() == header);
    let (message, help) = if is_second {
        (
            format!("`{header}` is opened a second time"),
            format!("TOML allows each table once: move these lines under the first `{header}`"),
        )
    } else if is_header || text[start..].trim_start_matches(key).starts_with('.') {
        (
            format!("`{key}` is written both as a dotted key and under a header"),
            format!("keep one form: all dotted (`{key}.A = ...`) or all under the header"),
        )
    } else {
        (
            format!("`{key}` is written twice"),
            "keep one of the two".to_owned(),
        )
    };
    let diagnostic = Diagnostic::fault("L003", span, "", message)
        .label("again here")
        .help(help);
    match find_first(text, key, line_start) {
        Some(first) => diagnostic.related(first, "first here"),
        None => diagnostic,
    }
}

/// Finds the line before `end` that a key was first written on, by its looks.
fn find_first(text: &str, key: &str, end: usize) -> Option<Span> {
    let mut at = 0;
    for line in text[..end].split_inclusive('\n') {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let rest = trimmed.strip_prefix('[').unwrap_or(trimmed);
        let found = [
            key.to_owned(),
            format!("names.{key}"),
            format!("pools.{key}"),
            format!("checks.{key}"),
        ]
        .iter()
        .any(|wanted| {
            rest.strip_prefix(wanted.as_str())
                .is_some_and(|after| after.starts_with([' ', '=', '.', ']', '\t']))
        });
        if found {
            let length = trimmed.trim_end().len();
            return Some(Span(at + indent..at + indent + length));
        }
        at += line.len();
    }
    None
}
