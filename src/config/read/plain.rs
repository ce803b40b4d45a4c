//! Plain lines of `[names]`: what most of a large zone consists of, read without a tree.
//!
//! In: the text of a zone file. Out: the lines below `[names]` that are written plainly, and the text without them for
//! the parser. Never here: what names and records mean, or a word about a fault: whoever meets one reads the whole file
//! through the parser, so that there is one wording of everything.
//!
//! Plain is `KEY = "text"`, `KEY.TYPE = "text"` or a list of texts, and `KEY = { TYPE = ..., ... }` on one line, with keys
//! bare or in double quotes, texts in double quotes without a backslash, and types of a short list. Everything else, and
//! everything that could be something else (texts of several lines in the file), is left to the parser.

use std::ops::Range;

use super::plain_cursor::{Cursor, Word};
use crate::wire::Rtype;

/// Types that may stand on a plain line: those whose records need no look at other keys.
const TYPES: &[(&str, Rtype)] = &[
    ("A", Rtype::A),
    ("AAAA", Rtype::AAAA),
    ("CNAME", Rtype::CNAME),
    ("NS", Rtype::NS),
    ("MX", Rtype::MX),
    ("TXT", Rtype::TXT),
    ("PTR", Rtype::PTR),
    ("SRV", Rtype::SRV),
    ("CAA", Rtype::CAA),
];

/// Most texts in one plain list; chosen so that looking for repeats in pairs stays cheap.
const LIST_MAX: usize = 16;
/// Most lines of one name, written as dotted keys: one a type.
const LINES_MAX: usize = TYPES.len();
/// Longest file read in this way: positions are kept as 32 bits.
const TEXT_MAX: usize = u32::MAX as usize;

/// One type on a plain line.
#[derive(Clone, Debug)]
pub(super) struct PlainType<'t> {
    pub(super) key: Word<'t>,
    pub(super) rtype: Rtype,
    /// Its records among the words of the line.
    pub(super) records: Range<usize>,
    /// Whether they are written as a list.
    pub(super) is_list: bool,
}

/// What one plain line holds. Kept from line to line, so that reading one does not allocate.
#[derive(Debug, Default)]
pub(super) struct PlainLine<'t> {
    pub(super) key: Option<Word<'t>>,
    /// `KEY = "text"`.
    pub(super) reference: Option<Word<'t>>,
    /// Whether it is `KEY.TYPE = ...`.
    is_dotted: bool,
    pub(super) types: Vec<PlainType<'t>>,
    pub(super) words: Vec<Word<'t>>,
}

/// The plain lines of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlainName {
    start: u32,
    end: u32,
    /// Where its key stands on the first line, quotes included.
    key_start: u32,
    key_end: u32,
}

/// The plain lines of a file.
#[derive(Debug)]
pub(super) struct PlainLines<'t> {
    text: &'t str,
    pub(super) names: Vec<PlainName>,
    /// The text for the parser: the same, with blanks in place of the plain lines.
    pub(super) rest: String,
}

impl PlainName {
    /// Where its first line begins.
    pub(super) fn start(self) -> usize {
        self.start as usize
    }
}

impl<'t> PlainLines<'t> {
    /// Finds the plain lines below the header `[names]`; `None` if there are none.
    pub(super) fn find(text: &'t str) -> Option<Self> {
        let has_long_texts = text.contains("\"\"\"") || text.contains("'''");
        if has_long_texts || text.len() >= TEXT_MAX {
            return None;
        }
        let mut found = Self {
            text,
            names: Vec::new(),
            rest: String::new(),
        };
        found.collect(find_header(text)?);
        if found.names.is_empty() {
            return None;
        }
        found.rest = found.blanked();
        Some(found)
    }

    /// Collects the plain lines from `at` on, up to the next header or whatever cannot be passed over with certainty.
    fn collect(&mut self, mut at: usize) {
        let mut line = PlainLine::default();
        // The name of the line before, while more lines of it may follow: its key, and how many there were.
        let mut open: Option<(&'t str, usize)> = None;
        while let Some(end) = line_end(self.text, at) {
            if line.read(self.text, at..end) {
                let key_range = line.key.as_ref().map_or(at..at, |key| key.range.clone());
                let key = &self.text[key_range.clone()];
                match (&mut open, self.names.last_mut()) {
                    (Some((before, lines)), Some(name))
                        if line.is_dotted && *before == key && *lines < LINES_MAX =>
                    {
                        *lines += 1;
                        name.end = end as u32;
                    }
                    _ => {
                        open = line.is_dotted.then_some((key, 1));
                        self.names.push(PlainName {
                            start: at as u32,
                            end: end as u32,
                            key_start: key_range.start as u32,
                            key_end: key_range.end as u32,
                        });
                    }
                }
                at = end;
                continue;
            }
            let content = self.text[at..end].trim_start_matches([' ', '\t']);
            if content.trim_end().is_empty() || content.starts_with('#') {
                at = end;
                continue;
            }
            open = None;
            match pass_over(self.text, at) {
                Some(next) if !content.starts_with('[') => at = next,
                _ => return,
            }
        }
    }

    /// Returns the key of a name.
    pub(super) fn key(&self, name: PlainName) -> Word<'t> {
        let range = name.key_start as usize..name.key_end as usize;
        Word {
            text: self.text[range.clone()].trim_matches('"'),
            range,
        }
    }

    /// Reads each line of a name in turn.
    pub(super) fn read_lines(
        &self,
        name: PlainName,
        line: &mut PlainLine<'t>,
        mut each: impl FnMut(&PlainLine<'t>) -> bool,
    ) -> bool {
        let mut at = name.start();
        while at < name.end as usize {
            let Some(end) = line_end(self.text, at) else {
                return true;
            };
            // Between lines of one name there may be others that say nothing.
            if line.read(self.text, at..end) && !each(line) {
                return false;
            }
            at = end;
        }
        true
    }

    fn blanked(&self) -> String {
        let mut rest = String::with_capacity(self.text.len());
        let mut at = 0;
        for name in &self.names {
            let (start, end) = (name.start(), name.end as usize);
            rest.push_str(&self.text[at..start]);
            // One octet stands for one octet, so that all positions stay what they are.
            for octet in self.text[start..end].bytes() {
                rest.push(if octet == b'\n' { '\n' } else { ' ' });
            }
            at = end;
        }
        rest.push_str(&self.text[at..]);
        rest
    }
}

/// Finds the line after the header `[names]`.
fn find_header(text: &str) -> Option<usize> {
    const HEADER: &str = "[names]";
    let mut from = 0;
    while let Some(found) = text[from..].find(HEADER) {
        let at = from + found;
        from = at + HEADER.len();
        let before = text[..at].rsplit('\n').next().unwrap_or_default();
        let end = line_end(text, at)?;
        let after = text[from..end].trim_start_matches([' ', '\t']);
        let after = after.trim_end_matches(['\r', '\n']);
        let is_alone = before.bytes().all(|octet| matches!(octet, b' ' | b'\t'));
        if is_alone && (after.is_empty() || after.starts_with('#')) {
            return Some(end);
        }
    }
    None
}

/// Returns where the line at `at` ends, its line feed included; `None` at the end of the text.
fn line_end(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
    Some(rest.find('\n').map_or(text.len(), |feed| at + feed + 1))
}

/// Passes over the lines of one value that is left to the parser: to the end of the line on which all brackets are
/// closed. `None` if a text does not end on its line, or the brackets never close.
fn pass_over(text: &str, at: usize) -> Option<usize> {
    let octets = text.as_bytes();
    let mut depth = 0usize;
    let mut next = at;
    while let Some(&octet) = octets.get(next) {
        next += 1;
        match octet {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b'"' | b'\'' => next = pass_text(octets, next, octet)?,
            b'#' => next = line_end(text, next).map_or(octets.len(), |end| end - 1),
            b'\n' if depth == 0 => return Some(next),
            _ => {}
        }
    }
    (depth == 0).then_some(next)
}

/// Passes over a text that began before `at`; `None` if it does not end on its line.
fn pass_text(octets: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        match octets.get(at)? {
            b'\n' => return None,
            b'\\' if quote == b'"' => at += 2,
            octet if *octet == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

impl<'t> PlainLine<'t> {
    /// Reads the line in `range`; false if it is not plain.
    pub(super) fn read(&mut self, text: &'t str, range: Range<usize>) -> bool {
        self.key = None;
        self.reference = None;
        self.is_dotted = false;
        self.types.clear();
        self.words.clear();
        let mut cursor = Cursor {
            text,
            at: range.start,
            end: range.end,
        };
        self.read_line(&mut cursor).is_some()
    }

    fn read_line(&mut self, cursor: &mut Cursor<'t>) -> Option<()> {
        cursor.blanks();
        self.key = Some(cursor.key()?);
        if cursor.is_next(b'.') {
            self.is_dotted = true;
            self.read_type(cursor)?;
        } else {
            cursor.blanks();
            cursor.expect(b'=')?;
            cursor.blanks();
            if cursor.is_next(b'{') {
                self.read_table(cursor)?;
            } else {
                self.reference = Some(cursor.quoted()?);
            }
        }
        cursor.blanks();
        cursor.finish()
    }

    /// Reads `TYPE = ..., TYPE = ... }`.
    fn read_table(&mut self, cursor: &mut Cursor<'t>) -> Option<()> {
        loop {
            cursor.blanks();
            self.read_type(cursor)?;
            cursor.blanks();
            if cursor.is_next(b'}') {
                return Some(());
            }
            cursor.expect(b',')?;
        }
    }

    /// Reads `TYPE = "text"` or `TYPE = ["text", ...]`.
    fn read_type(&mut self, cursor: &mut Cursor<'t>) -> Option<()> {
        let key = cursor.bare()?;
        let (_, rtype) = *TYPES.iter().find(|(mnemonic, _)| *mnemonic == key.text)?;
        cursor.blanks();
        cursor.expect(b'=')?;
        cursor.blanks();
        let first = self.words.len();
        let is_list = cursor.is_next(b'[');
        if is_list {
            self.read_list(cursor)?;
        } else {
            self.words.push(cursor.quoted()?);
        }
        self.types.push(PlainType {
            key,
            rtype,
            records: first..self.words.len(),
            is_list,
        });
        Some(())
    }

    /// Reads `"text", ... ]`, at least one.
    fn read_list(&mut self, cursor: &mut Cursor<'t>) -> Option<()> {
        for _ in 0..LIST_MAX {
            cursor.blanks();
            self.words.push(cursor.quoted()?);
            cursor.blanks();
            if cursor.is_next(b']') {
                return Some(());
            }
            cursor.expect(b',')?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of the plain lines, and what is left.
    fn split(text: &str) -> (Vec<&str>, String) {
        PlainLines::find(text).map_or_else(
            || (Vec::new(), text.to_owned()),
            |found| {
                let lines = found.names.iter();
                let lines = lines.map(|name| text[name.start()..name.end as usize].trim_end());
                (lines.collect(), found.rest)
            },
        )
    }

    #[test]
    fn takes_plain_lines_and_leaves_the_rest() {
        let plain = [
            "a = \"pool\"",
            "a.A = \"192.0.2.1\"",
            "\"@\".NS = [\"ns1\", \"ns2\"] # both",
            "  a.b-c_1 = 1",
            "\t\"*.x\" = { A = \"192.0.2.1\", AAAA = [ \"2001:db8::1\" ] }\t",
            "t.TXT = \"v=1; [x] {y} # z\"",
        ];
        for (i, line) in plain.iter().enumerate() {
            let text = format!("zone = \"x\"\n[names] # here\n{line}\r\n[pools.a]\nb = \"c\"\n");
            let (lines, rest) = split(&text);
            if i == 3 {
                assert!(lines.is_empty(), "{line}");
                continue;
            }
            assert_eq!(lines, [line.trim_end()], "{line}");
            assert_eq!(rest.len(), text.len());
            assert!(rest.ends_with("[pools.a]\nb = \"c\"\n"));
            assert!(!rest.contains(line.trim()));
        }
    }

    #[test]
    fn leaves_what_is_not_plain() {
        let others = [
            "a = 'pool'",
            "a = \"po\\u006fl\"",
            "a.A = []",
            "a.A = [\"192.0.2.1\",]",
            "a.HTTPS = \"1 .\"",
            "a.TYPE1 = \"192.0.2.1\"",
            "a.ttl = \"5s\"",
            "a = {}",
            "a = { A = \"192.0.2.1\", ttl = \"5s\" }",
            "a.A = \"192.0.2.1\" b = 1",
            "a = \"p\u{f6}ol\"",
            "a = \"pool\" # \u{1}",
            "a . A = \"192.0.2.1\"",
        ];
        for line in others {
            let text = format!("[names]\n{line}\nb = \"c\"\n");
            let (lines, _) = split(&text);
            assert_eq!(lines, ["b = \"c\""], "{line}");
        }
    }

    #[test]
    fn passes_over_values_of_several_lines_and_stops_at_headers() {
        let text = "[names]\na = { failover = [\n  \"x]\", # ]\n  \"y\" ] }\nb = \"c\"\n\n[names.d]\ne = \"f\"\n";
        assert_eq!(split(text).0, ["b = \"c\""]);
        for broken in [
            "[names]\na = [\nb = \"c\"\n",
            "[names]\na = ]\nb = \"c\"\n",
            "[names]\na = \"x\nb = \"c\"\n",
            "x = \"\"\"\n[names]\nb = \"c\"\n\"\"\"\n",
            "x = [\"[names]\"]\nb = \"c\"\n",
        ] {
            assert_eq!(split(broken).0, [""; 0], "{broken:?}");
        }
    }

    #[test]
    fn joins_dotted_lines_of_one_name() {
        let text =
            "[names]\na.A = \"192.0.2.1\"\n# and\na.AAAA = \"2001:db8::1\"\nb = \"c\"\nb = \"d\"\n";
        assert_eq!(split(text).0.len(), 3);
    }
}
