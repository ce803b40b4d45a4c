//! Slips of the hand in TOML: a bracket, quote, comma or `=` that is missing or is another character.
//!
//! In: text that the parser refuses. Out: the first slip, at the line where it happened. Never here: text that is right;
//! the parser is the judge of that, and often notices a slip only lines later.

use std::ops::Range;

use super::slip_lines::{is_end_of_word, is_header, looks_like_key, without_comment};

/// A slip: what is wrong, beside the carets, and what to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slip {
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: String,
}

/// Finds the first slip.
pub(super) fn find_slip(text: &str) -> Option<Slip> {
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut scan = Scan {
        text,
        at: start,
        open: Vec::new(),
        before: Before::Opening,
    };
    while scan.at < text.len() {
        if let Some(slip) = scan.statement() {
            return Some(slip);
        }
    }
    None
}

/// What stands before, inside brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// A bracket that opens, a comma or `=`.
    Opening,
    /// A value or a bracket that closes.
    Value,
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// Brackets that are open, with their places.
    open: Vec<(u8, usize)>,
    before: Before,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The rest of the line, without its end.
    fn line(&self) -> &str {
        self.rest().lines().next().unwrap_or_default()
    }

    fn next_line(&mut self) {
        let feed = self.rest().find('\n');
        self.at = feed.map_or(self.text.len(), |feed| self.at + feed + 1);
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn octet(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn slip(&self, range: Range<usize>, message: &str, label: &str, help: String) -> Option<Slip> {
        Some(Slip {
            range,
            message: message.to_owned(),
            label: label.to_owned(),
            help,
        })
    }

    /// Reads a header, or a key and its value.
    fn statement(&mut self) -> Option<Slip> {
        self.blanks();
        let line = self.line().trim_end();
        let whole = self.at..self.at + line.len();
        if line.is_empty() || line.starts_with('#') {
            self.next_line();
            return None;
        }
        if line.starts_with(';') || line.starts_with("//") {
            let help = "begin comments with `#`".to_owned();
            return self.slip(
                whole,
                "this is no TOML",
                "a comment of another language",
                help,
            );
        }
        if line.starts_with('[') {
            return self.header(line.len());
        }
        if let Some(slip) = self.key(whole) {
            return Some(slip);
        }
        self.before = Before::Opening;
        self.value()
    }

    fn header(&mut self, length: usize) -> Option<Slip> {
        let line = self.text.get(self.at..self.at + length).unwrap_or_default();
        let content = without_comment(line).trim_end();
        let wanted = if content.starts_with("[[") { "]]" } else { "]" };
        let opened = content.bytes().take_while(|octet| *octet == b'[').count();
        let closed = content
            .bytes()
            .rev()
            .take_while(|octet| *octet == b']')
            .count();
        if opened != closed {
            let range = self.at..self.at + content.len();
            let inner = content.trim_matches(['[', ']']);
            let help = format!("write `{}{inner}{wanted}`", wanted.replace(']', "["));
            return self.slip(
                range,
                "this header is not closed",
                "a bracket is missing",
                help,
            );
        }
        self.next_line();
        None
    }

    /// Reads a key and the `=` after it.
    fn key(&mut self, whole: Range<usize>) -> Option<Slip> {
        let line = self.text.get(whole.clone()).unwrap_or_default();
        let mut end = 0;
        let mut quote = None;
        for (at, c) in line.char_indices() {
            end = at;
            match quote {
                Some(open) if c == open => quote = None,
                Some(_) => {}
                None if c == '"' || c == '\'' => quote = Some(c),
                None if c == '=' => {
                    self.at = whole.start + at + 1;
                    return self.arrow(whole.start + at);
                }
                None if c == ':' || c == '#' || c == '{' => break,
                None => end = at + c.len_utf8(),
            }
        }
        let key = line.get(..end).unwrap_or_default().trim();
        let rest = line.get(end..).unwrap_or_default();
        if quote.is_some() {
            let help = "close the key with the quote that it begins with".to_owned();
            return self.slip(whole, "a quote is not closed", "a key", help);
        }
        if let Some(value) = rest.strip_prefix(':') {
            let range = whole.start + end..whole.start + end + 1;
            let help = format!("write `{key} = {}`", value.trim());
            return self.slip(
                range,
                "a key is followed by `=`, not by `:`",
                "`=` belongs here",
                help,
            );
        }
        let (first, after) = key.split_once([' ', '\t']).unwrap_or((key, ""));
        let help = if after.is_empty() {
            "write `key = value`, or `[table]`".to_owned()
        } else {
            format!("write `{first} = {}`", after.trim())
        };
        self.slip(
            whole,
            "`=` is missing",
            "neither a key with a value nor a header",
            help,
        )
    }

    /// Validates what some write after `=`.
    fn arrow(&self, at: usize) -> Option<Slip> {
        let next = self.octet()?;
        if !matches!(next, b'>' | b'=')
            || self.text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'=')
        {
            return None;
        }
        let wrong = self.text.get(at..at + 2).unwrap_or_default();
        let message = format!("a key is followed by `=`, not by `{wrong}`");
        self.slip(
            at..at + 2,
            &message,
            "`=` belongs here",
            "write `key = value`".to_owned(),
        )
    }

    /// Reads a value to the end of its line, or of the line on which all its brackets are closed.
    fn value(&mut self) -> Option<Slip> {
        let started = self.at;
        loop {
            self.blanks();
            let Some(octet) = self.octet() else {
                return self.unclosed(self.text.len());
            };
            match octet {
                b'\r' => self.at += 1,
                b'\n' | b'#' if self.open.is_empty() => {
                    if self.before == Before::Opening {
                        let help = "write a value: text in quotes, a number, a list".to_owned();
                        return self.slip(
                            started - 1..started,
                            "`=` has no value",
                            "nothing follows",
                            help,
                        );
                    }
                    self.next_line();
                    return None;
                }
                b'#' => self.next_line(),
                b'\n' => {
                    self.at += 1;
                    if let Some(slip) = self.line_inside() {
                        return Some(slip);
                    }
                }
                b';' if self.open.is_empty() => {
                    let range = self.at..self.at + 1;
                    let help = "take it out: a line ends by itself".to_owned();
                    return self.slip(range, "`;` ends nothing in TOML", "one too many", help);
                }
                b'[' | b'{' => {
                    if let Some(slip) = self.missing_comma() {
                        return Some(slip);
                    }
                    self.open.push((octet, self.at));
                    self.before = Before::Opening;
                    self.at += 1;
                }
                b']' | b'}' => {
                    if let Some(slip) = self.close(octet) {
                        return Some(slip);
                    }
                }
                b',' | b'=' => {
                    self.before = Before::Opening;
                    self.at += 1;
                }
                b'"' | b'\'' => {
                    if let Some(slip) = self.missing_comma().or_else(|| self.string(octet)) {
                        return Some(slip);
                    }
                    self.before = Before::Value;
                }
                _ => {
                    self.word();
                    self.before = Before::Value;
                }
            }
        }
    }

    /// Passes over a word without quotes; what is no word at all is the parser's to judge.
    fn word(&mut self) {
        let length = self.rest().find(is_end_of_word);
        self.at += length.unwrap_or_else(|| self.rest().len()).max(1);
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    /// Validates a new line inside brackets: it may be the next statement.
    fn line_inside(&mut self) -> Option<Slip> {
        self.blanks();
        let line = self.line();
        let is_table = self.open.last().is_some_and(|(octet, _)| *octet == b'{');
        let goes_on = is_table && self.before == Before::Opening;
        let is_next = is_header(line) || looks_like_key(line) && !goes_on;
        if is_next {
            self.unclosed(self.at)
        } else {
            None
        }
    }

    /// Reports the innermost bracket that is open where the next statement begins.
    fn unclosed(&self, end: usize) -> Option<Slip> {
        let (octet, at) = *self.open.last()?;
        let (closing, what) = if octet == b'[' {
            (']', "list")
        } else {
            ('}', "table")
        };
        let line = self.text[..end].matches('\n').count() + 1;
        let message = format!("`{closing}` is missing: this {what} is not closed");
        let label = if end == self.text.len() {
            "it is open to the end of the file".to_owned()
        } else {
            format!("line {line} is no part of it")
        };
        let help = format!("write `{closing}` at the end of the {what}");
        self.slip(at..at + 1, &message, &label, help)
    }

    fn close(&mut self, octet: u8) -> Option<Slip> {
        let wanted = if octet == b']' { b'[' } else { b'{' };
        let closing = char::from(octet);
        match self.open.pop() {
            Some((opened, _)) if opened == wanted => {
                self.before = Before::Value;
                self.at += 1;
                None
            }
            Some((opened, at)) => {
                let missing = if opened == b'[' { ']' } else { '}' };
                let message = format!("`{missing}` is missing before `{closing}`");
                let help = format!("write `{missing}` where what begins here ends");
                self.slip(at..at + 1, &message, "this is not closed", help)
            }
            None => {
                let message = format!("`{closing}` closes nothing");
                let range = self.at..self.at + 1;
                self.slip(range, &message, "one too many", "take it out".to_owned())
            }
        }
    }

    /// Validates a value that follows another.
    fn missing_comma(&self) -> Option<Slip> {
        if self.before == Before::Opening {
            return None;
        }
        let range = self.at..self.at + 1;
        if self.open.is_empty() {
            let help = "put a list into brackets: `[\"one\", \"two\"]`".to_owned();
            return self.slip(range, "a key has one value", "a second value", help);
        }
        let help = "write a comma between the two".to_owned();
        self.slip(range, "a comma is missing", "before this", help)
    }

    /// Passes over text in quotes.
    fn string(&mut self, quote: u8) -> Option<Slip> {
        let start = self.at;
        let octets = self.text.as_bytes();
        let is_long = octets.get(start..start + 3) == Some(&[quote; 3]);
        let mut at = start + if is_long { 3 } else { 1 };
        loop {
            match octets.get(at) {
                Some(b'\\') if quote == b'"' => at += 2,
                Some(octet) if *octet == quote && !is_long => break,
                Some(octet) if *octet == quote && octets.get(at..at + 3) == Some(&[quote; 3]) => {
                    at += 2;
                    // Up to two quotes may stand before the closing ones.
                    while octets.get(at + 1) == Some(&quote) {
                        at += 1;
                    }
                    break;
                }
                None | Some(b'\n') if !is_long => return self.open_quote(start, quote, at),
                None => return self.open_quote(start, quote, at),
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        None
    }

    fn open_quote(&self, start: usize, quote: u8, end: usize) -> Option<Slip> {
        let end = end.min(self.text.len());
        let written = self.text.get(start..end).unwrap_or_default();
        let marks = written
            .bytes()
            .take_while(|octet| *octet == quote)
            .take(3)
            .count();
        let marks: String =
            std::iter::repeat_n(char::from(quote), if marks == 3 { 3 } else { 1 }).collect();
        let shown = written.lines().next().unwrap_or_default().trim_end();
        let help = if marks.len() == 3 {
            format!("write `{marks}` where the text ends")
        } else {
            format!(
                "write `{}{marks}`",
                shown.trim_end_matches([',', ']', '}', ' '])
            )
        };
        let range = start..start + shown.len().max(1);
        self.slip(
            range,
            &format!("`{marks}` is missing: this text is not closed"),
            "it begins here",
            help,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_on_the_line_where_they_happened() {
        let cases: &[(&str, usize, &str)] = &[
            ("a = [\"x\"\nb = 1\nc = 2\n", 1, "`]` is missing"),
            (
                "z = 1\na = [\n  \"x\",\n  \"y\"\n[names]\n\"@\".NS = \"ns\"\n",
                2,
                "`]` is missing",
            ),
            ("a = { to = \"x\"\nb = 1\n", 1, "`}` is missing"),
            ("a = { to = \"x\"\n[names.www]\n", 1, "`}` is missing"),
            ("a = [{ to = \"x\" ]\n", 1, "`}` is missing before `]`"),
            ("a = { to = [\"x\" }\n", 1, "`]` is missing before `}`"),
            ("a = [\"x\"]]\n", 1, "`]` closes nothing"),
            ("a = [\"x\"\n", 1, "`]` is missing"),
            ("b = 1\na = \"x\nc = 2\n", 2, "`\"` is missing"),
            ("a = [\"x, \"y\"]\n", 1, "a comma is missing"),
            ("a = 'x\n", 1, "`'` is missing"),
            ("a = \"\"\"x\ny\nz = 1\n", 1, "`\"\"\"` is missing"),
            ("a = [\"x\" \"y\"]\n", 1, "a comma is missing"),
            ("a = [\n  \"x\"\n  \"y\"\n]\n", 3, "a comma is missing"),
            ("a = \"x\" \"y\"\n", 1, "a key has one value"),
            ("a: 1\n", 1, "not by `:`"),
            ("a => 1\n", 1, "not by `=>`"),
            ("a == 1\n", 1, "not by `==`"),
            ("a\n", 1, "`=` is missing"),
            ("ttl \"20s\"\n", 1, "`=` is missing"),
            ("a =\n", 1, "`=` has no value"),
            ("a = # x\n", 1, "`=` has no value"),
            ("a = \"x\";\n", 1, "`;` ends nothing"),
            ("; x\n", 1, "no TOML"),
            ("[names\na = 1\n", 1, "this header is not closed"),
            ("[[expect]\n", 1, "this header is not closed"),
            ("[names.\"@\" # apex\n", 1, "this header is not closed"),
        ];
        for (text, line, wanted) in cases {
            let slip = find_slip(text).unwrap_or_else(|| panic!("{text}"));
            assert!(slip.message.contains(wanted), "{text}: {slip:?}");
            assert_eq!(
                text[..slip.range.start].matches('\n').count() + 1,
                *line,
                "{text}"
            );
            assert!(text.get(slip.range.clone()).is_some(), "{text}: {slip:?}");
        }
    }

    #[test]
    fn finds_nothing_in_text_that_is_right() {
        for text in [
            "",
            "a = 1 # x\n\n[b]\nc = [\"x\", [1, 2], { d = \"]\" }]\n",
            "a = [\n  \"x\", # ]\n  \"y\",\n]\n",
            "a = { b = 1,\n  c = 2 }\n",
            "a = [\n  { to = \"x\" },\n  { to = \"y\" },\n]\n",
            "a = \"\"\"\nb = [\n\"\"\"\n",
            "a = \"\"\"x\"\"\"\"\"\nb = '''y'''\n",
            "\"a = b\".c = 'x = [y'\r\nd = 2026-01-01T00:00:00Z\r\n",
            "a = [\n  [\"x\"],\n  [true],\n]\n",
            "\u{feff}a = \"\\\"\"\n",
            "a.\"b#c\".d = -1.5e3\n",
        ] {
            assert_eq!(find_slip(text), None, "{text}");
        }
    }
}
