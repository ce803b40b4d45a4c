//! Diagnostics as text, as JSON and as annotations of GitHub.
//!
//! In: diagnostics and the sources they point into. Out: one string. Never here: printing, terminals (the caller says
//! whether colours are wanted), judging.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};
use serde_json::json;

use super::report::{Diagnostic, Severity, Source};

/// Renders diagnostics the way a compiler does, sorted by file and position, with a summary line at the end.
pub fn render_text(diagnostics: &[Diagnostic], sources: &[Source], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .decor_style(DecorStyle::Ascii);
    let by_path = sources_by_path(sources);
    let mut text = String::new();
    for diagnostic in sorted(diagnostics) {
        let source = by_path.get(diagnostic.path.as_path()).copied();
        text.push_str(&render_one(&renderer, diagnostic, source));
        text.push_str("\n\n");
    }
    text.push_str(&summary(diagnostics, sources.len()));
    text.push('\n');
    text
}

/// Renders diagnostics as one JSON array; lines and columns count from 1, columns in characters.
pub fn render_json(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let mut places = Places::new(sources);
    let items: Vec<serde_json::Value> = sorted(diagnostics)
        .into_iter()
        .map(|diagnostic| {
            let related: Vec<serde_json::Value> = diagnostic
                .related
                .iter()
                .map(|(span, label)| {
                    let (start, _) = places.of(&diagnostic.path, &span.0);
                    json!({ "line": start.0, "column": start.1, "message": label })
                })
                .collect();
            let (start, end) = places.of(&diagnostic.path, &diagnostic.span.0);
            json!({
                "file": diagnostic.path.display().to_string(),
                "line": start.0,
                "column": start.1,
                "end_line": end.0,
                "end_column": end.1,
                "code": diagnostic.code,
                "severity": diagnostic.severity.word(),
                "key_path": diagnostic.key_path,
                "message": diagnostic.message,
                "label": diagnostic.label,
                "help": diagnostic.help,
                "suggestion": diagnostic.suggestion,
                "related": related,
            })
        })
        .collect();
    serde_json::Value::Array(items).to_string()
}

/// Renders diagnostics as workflow commands that GitHub shows beside the changed lines.
pub fn render_github(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let mut places = Places::new(sources);
    let mut text = String::new();
    for diagnostic in sorted(diagnostics) {
        let (start, end) = places.of(&diagnostic.path, &diagnostic.span.0);
        let kind = match diagnostic.severity {
            Severity::Fault => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut message = diagnostic.message.clone();
        if let Some(help) = &diagnostic.help {
            message.push('\n');
            message.push_str(help);
        }
        text.push_str(&format!(
            "::{kind} file={},line={},endLine={},col={},endColumn={},title={}::{}\n",
            escape_property(&diagnostic.path.display().to_string()),
            start.0,
            end.0,
            start.1,
            end.1,
            diagnostic.code,
            escape_message(&message),
        ));
    }
    text
}

/// Writes "2 faults, 1 warning in 18 files".
pub fn summary(diagnostics: &[Diagnostic], files: usize) -> String {
    let count = |severity| {
        diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    let mut parts = Vec::new();
    for severity in [Severity::Fault, Severity::Warning, Severity::Note] {
        let found = count(severity);
        if found > 0 || severity == Severity::Fault {
            let number = if found == 0 {
                "no".to_owned()
            } else {
                found.to_string()
            };
            let plural = if found == 1 { "" } else { "s" };
            parts.push(format!("{number} {}{plural}", severity.word()));
        }
    }
    let plural = if files == 1 { "" } else { "s" };
    format!("{} in {files} file{plural}", parts.join(", "))
}

fn sorted(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut all: Vec<&Diagnostic> = diagnostics.iter().collect();
    all.sort_by(|a, b| {
        (&a.path, a.span.0.start, a.severity, a.code).cmp(&(
            &b.path,
            b.span.0.start,
            b.severity,
            b.code,
        ))
    });
    all
}

fn sources_by_path(sources: &[Source]) -> HashMap<&Path, &Source> {
    sources
        .iter()
        .map(|source| (source.path.as_path(), source))
        .collect()
}

fn render_one(renderer: &Renderer, diagnostic: &Diagnostic, source: Option<&Source>) -> String {
    let level = match diagnostic.severity {
        Severity::Fault => Level::ERROR.with_name("fault"),
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code);
    let path = diagnostic.path.display().to_string();
    let Some(source) = source else {
        let origin = annotate_snippets::Origin::path(path);
        return renderer.render(&[title.element(origin)]);
    };
    let (near, far): (Vec<_>, Vec<_>) = diagnostic
        .related
        .iter()
        .partition(|(span, _)| diagnostic.span.0.start.abs_diff(span.0.start) <= EXCERPT_MAX);
    let spans: Vec<&Range<usize>> = std::iter::once(&diagnostic.span.0)
        .chain(near.iter().map(|(span, _)| &span.0))
        .collect();
    let (window, line, cut) = excerpt(&source.text, &spans);
    let mark = |kind, span: &Range<usize>, label| annotation(kind, span, cut, window, label);
    let mut snippet = Snippet::source(window)
        .line_start(line)
        .path(path)
        .fold(true)
        .annotation(mark(
            AnnotationKind::Primary,
            &diagnostic.span.0,
            diagnostic.label.as_str(),
        ));
    for (span, label) in near {
        snippet = snippet.annotation(mark(AnnotationKind::Context, &span.0, label));
    }
    let mut group = title.element(snippet);
    for (span, label) in far {
        let line = line_of(&source.text, span.0.start);
        group = group.element(Level::NOTE.message(format!("line {line}: {label}")));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// Farthest related place, in octets, that is shown in the same excerpt; farther ones are named by their line. Chosen:
/// some thousand lines, which are quick to fold.
const EXCERPT_MAX: usize = 128 * 1024;

fn line_of(text: &str, at: usize) -> usize {
    let end = at.min(text.len());
    1 + text.as_bytes()[..end]
        .iter()
        .filter(|octet| **octet == b'\n')
        .count()
}

/// Cuts the source to the lines that the annotations touch, so that a long file costs nothing to render.
fn excerpt<'s>(text: &'s str, spans: &[&Range<usize>]) -> (&'s str, usize, usize) {
    let (mut first, mut last) = (usize::MAX, 0);
    for span in spans {
        let clean = clamp(text, span);
        first = first.min(clean.start);
        last = last.max(clean.end);
    }
    let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    (&text[start..end], line_of(text, start), start)
}

fn annotation<'a>(
    kind: AnnotationKind,
    span: &Range<usize>,
    cut: usize,
    window: &str,
    label: &'a str,
) -> Annotation<'a> {
    let moved = span.start.saturating_sub(cut)..span.end.saturating_sub(cut);
    let mut clean = clamp(window, &moved);
    // A table of many lines is marked by its first line only; the carets say where, not how long.
    if let Some(length) = window[clean.clone()].find('\n') {
        clean.end = clean.start + length;
    }
    let annotation = kind.span(clean);
    if label.is_empty() {
        annotation
    } else {
        annotation.label(label)
    }
}

/// Moves a range into the text and onto character borders.
fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// Line and column, both from 1.
type Position = (usize, usize);

/// Finds lines and columns; keeps a table of line starts for each file it was asked about.
struct Places<'s> {
    sources: HashMap<&'s Path, &'s Source>,
    starts: HashMap<&'s Path, Vec<usize>>,
}

impl<'s> Places<'s> {
    fn new(sources: &'s [Source]) -> Self {
        Self {
            sources: sources_by_path(sources),
            starts: HashMap::new(),
        }
    }

    fn of(&mut self, path: &Path, span: &Range<usize>) -> (Position, Position) {
        let Some((&key, source)) = self.sources.get_key_value(path) else {
            return ((1, 1), (1, 1));
        };
        let text = source.text.as_str();
        let starts = self.starts.entry(key).or_insert_with(|| {
            std::iter::once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect()
        });
        let clean = clamp(text, span);
        let place = |at: usize| {
            let line = starts.partition_point(|start| *start <= at);
            let start = starts[line - 1];
            (line, 1 + text[start..at].chars().count())
        };
        (place(clean.start), place(clean.end))
    }
}

fn escape_message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    fn example() -> (Vec<Diagnostic>, Vec<Source>) {
        let text = "zone = \"a.example\"\n[pools.ä]\nchek = \"web\"\n";
        let at = text.find("chek").expect("it is there");
        let mut diagnostic = Diagnostic::fault(
            "L006",
            Span(at..at + 4),
            "pools.a.chek",
            "unknown key `chek`".to_owned(),
        )
        .label("no such key in a pool")
        .help("did you mean `check`?")
        .suggest("check");
        diagnostic.path = "a.toml".into();
        let source = Source {
            path: "a.toml".into(),
            text: text.to_owned(),
        };
        (vec![diagnostic], vec![source])
    }

    #[test]
    fn shows_file_line_caret_and_help() {
        let (diagnostics, sources) = example();
        let text = render_text(&diagnostics, &sources, false);
        for wanted in [
            "fault[L006]: unknown key `chek`",
            "--> a.toml:3:1",
            "3 | chek = \"web\"",
            "^^^^ no such key in a pool",
            "help: did you mean `check`?",
            "1 fault in 1 file",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
    }

    #[test]
    fn writes_json_and_workflow_commands() {
        let (diagnostics, sources) = example();
        let json: serde_json::Value =
            serde_json::from_str(&render_json(&diagnostics, &sources)).expect("valid JSON");
        assert_eq!(json[0]["line"], 3);
        assert_eq!(json[0]["column"], 1);
        assert_eq!(json[0]["end_column"], 5);
        assert_eq!(json[0]["severity"], "fault");
        let github = render_github(&diagnostics, &sources);
        assert!(
            github
                .starts_with("::error file=a.toml,line=3,endLine=3,col=1,endColumn=5,title=L006::"),
            "{github}"
        );
    }

    #[test]
    fn names_far_places_by_their_line() {
        let (mut diagnostics, mut sources) = example();
        sources[0].text.push_str(&"# a long file\n".repeat(20_000));
        let end = sources[0].text.len();
        diagnostics[0].related = vec![(Span(end - 3..end - 1), "far below".to_owned())];
        let text = render_text(&diagnostics, &sources, false);
        assert!(text.contains("note: line 20003: far below"), "{text}");
    }

    #[test]
    fn survives_spans_outside_the_text() {
        let (mut diagnostics, sources) = example();
        diagnostics[0].span = Span(900..1000);
        diagnostics[0].related = vec![(Span(28..29), "here".to_owned())];
        assert!(render_text(&diagnostics, &sources, true).contains("L006"));
        render_json(&diagnostics, &sources);
    }
}
