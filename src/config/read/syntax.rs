//! Syntax: TOML to a spanned tree, with the parser's faults in our words (rule a9).
//!
//! In: the text. Out: a tree that may be judged further, or nothing. Never here: what keys mean.

use serde_spanned::Spanned;
use toml::de::DeTable;

use super::faults::Faults;
use super::plain_names::NotPlain;
use crate::config::diagnostic::Diagnostic;
use crate::config::model::Span;

/// Parses the text. After faults that leave the tree whole (a key without quotes, a key twice) the rest is still
/// judged, except on the lines at fault.
pub(super) fn parse<'s>(faults: &mut Faults<'s>) -> Option<Spanned<DeTable<'s>>> {
    let (root, errors) = DeTable::parse_recoverable(faults.text);
    let mut is_whole = true;
    let mut spans = Vec::new();
    let mut last_line = None;
    for error in &errors {
        let range = error.span().unwrap_or(0..0);
        let line = faults.text[..range.start.min(faults.text.len())]
            .matches('\n')
            .count();
        let diagnostic = translate(faults.text, error.message(), Span(range));
        is_whole &= diagnostic.code != "L001";
        // One slip often makes several faults of the parser on one line; the first says it.
        if last_line != Some(line) || diagnostic.code == "L001" && is_whole {
            spans.push(diagnostic.span.clone());
            faults.push(diagnostic);
        }
        last_line = Some(line);
    }
    for span in &spans {
        faults.mute_lines(span);
    }
    is_whole.then_some(root)
}

/// Parses what plain lines leave; any fault is [`NotPlain`].
pub(super) fn parse_rest(rest: &str) -> Result<Spanned<DeTable<'_>>, NotPlain> {
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
        return unquoted_key(text, span);
    }
    if message.starts_with("duplicate key") {
        return duplicate_key(text, span, &part);
    }
    if message.starts_with("string values must be quoted") {
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
    let whole = token_around(text, &span);
    let token = text.get(whole.clone()).unwrap_or_default().to_owned();
    if is_address && token.parse::<std::net::IpAddr>().is_ok() {
        return Diagnostic::fault("L002", Span(whole), "", format!("`{token}` must be quoted"))
            .label("addresses are text")
            .help(format!("write `\"{token}\"`"))
            .suggest(format!("\"{token}\""));
    }
    Diagnostic::fault("L001", span, "", format!("not valid TOML: {message}"))
        .label("the file cannot be read from here")
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
        super::records::parse_type_key(part).is_some()
            || super::nodes::POLICY_KEYS.contains(&part)
            || super::nodes::OPTION_KEYS.contains(&part)
    };
    let is_prefix = token.contains('/') || token.contains(':');
    match token.rsplit_once('.') {
        Some((name, last)) if !is_prefix && types_and_options(last) => (name, &token[name.len()..]),
        _ => (token, ""),
    }
}

/// Widens a range to the token around it.
fn token_around(text: &str, span: &Span) -> std::ops::Range<usize> {
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
