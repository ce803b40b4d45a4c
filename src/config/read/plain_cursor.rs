//! A place on a plain line, and the words that are read from there.
//!
//! In: a line of a zone file. Out: its words, or nothing where it is not plain. Never here: what a line means.

use std::ops::Range;

/// A piece of the file: a key without its dots, or a text without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    /// Where it stands, quotes included.
    pub(super) range: Range<usize>,
}

/// A place on a line.
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) end: usize,
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<u8> {
        let octet = self.text.as_bytes().get(self.at).copied();
        octet.filter(|_| self.at < self.end)
    }

    /// Passes over blanks and tabs.
    pub(super) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Takes the octet if it is next.
    pub(super) fn is_next(&mut self, octet: u8) -> bool {
        let is_next = self.peek() == Some(octet);
        self.at += usize::from(is_next);
        is_next
    }

    pub(super) fn expect(&mut self, octet: u8) -> Option<()> {
        self.is_next(octet).then_some(())
    }

    /// Reads a bare key.
    pub(super) fn bare(&mut self) -> Option<Word<'t>> {
        let start = self.at;
        while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_') = self.peek() {
            self.at += 1;
        }
        (self.at > start).then(|| Word {
            text: &self.text[start..self.at],
            range: start..self.at,
        })
    }

    /// Reads a text in double quotes of printable ASCII without a backslash.
    pub(super) fn quoted(&mut self) -> Option<Word<'t>> {
        let start = self.at;
        self.expect(b'"')?;
        while let Some(b' ' | b'!' | b'#'..=b'[' | b']'..=b'~') = self.peek() {
            self.at += 1;
        }
        let text = &self.text[start + 1..self.at];
        self.expect(b'"')?;
        Some(Word {
            text,
            range: start..self.at,
        })
    }

    pub(super) fn key(&mut self) -> Option<Word<'t>> {
        if self.peek() == Some(b'"') {
            self.quoted()
        } else {
            self.bare()
        }
    }

    /// Reads a comment, if there is one, and the end of the line.
    pub(super) fn finish(&self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..self.end];
        let rest = rest.strip_suffix(b"\n").unwrap_or(rest);
        let rest = rest.strip_suffix(b"\r").unwrap_or(rest);
        let is_comment = rest.first().is_none_or(|octet| *octet == b'#');
        let is_legible = |octet: &u8| *octet == b'\t' || !octet.is_ascii_control();
        (is_comment && rest.iter().all(is_legible)).then_some(())
    }
}
