//! Master-file text cut into tokens (RFC 1035, section 5.1): quotes, escapes, parentheses and comments.
//!
//! In: the text of one record or of a whole master file. Out: tokens with their octet ranges, and the ends of lines.
//! Never here: what a token means.

use std::fmt;
use std::ops::Range;

use super::name::parse_escape;

/// Deepest nesting of parentheses; chosen, no standard value (files in use have one level).
pub const PARENTHESES_MAX: usize = 8;

/// A run of characters between blanks, or a quoted string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'t> {
    /// The text as written, escapes kept; without the quotes if it was quoted.
    pub raw: &'t str,
    /// Range of the token, quotes included, in octets of the whole text.
    pub range: Range<usize>,
    /// True if it stood in double quotes.
    pub is_quoted: bool,
    /// True if a blank (or the start of a parenthesised line) stands before it. The first token of a line that follows
    /// a blank is no owner name.
    pub follows_blank: bool,
}

/// Item of a [`Tokens`] iterator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lexeme<'t> {
    /// A token.
    Token(Token<'t>),
    /// The end of a line outside parentheses, at this octet.
    LineEnd(usize),
}

/// Reason why text cannot be cut into tokens, or a token not be read as octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFaultKind {
    /// A double quote that has no partner on its line.
    OpenQuote,
    /// Something that directly follows a closing quote.
    NoBlankAfterQuote,
    /// A double quote in the middle of a word.
    StrayQuote,
    /// A `(` that is never closed.
    OpenParenthesis,
    /// A `)` without a `(`.
    StrayParenthesis,
    /// Parentheses nested deeper than [`PARENTHESES_MAX`].
    TooDeep,
    /// A backslash that starts no `\X` or `\DDD` escape.
    BadEscape,
}

/// A fault of the text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFault {
    /// Kind of the fault.
    pub kind: TextFaultKind,
    /// Range in octets of the whole text.
    pub range: Range<usize>,
}

impl fmt::Display for TextFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenQuote => "this quote is not closed on its line",
            Self::NoBlankAfterQuote => "a blank is missing after the closing quote",
            Self::StrayQuote => "a quote in the middle of a word",
            Self::OpenParenthesis => "this parenthesis is never closed",
            Self::StrayParenthesis => "this parenthesis closes nothing",
            Self::TooDeep => "parentheses are nested too deeply",
            Self::BadEscape => {
                "a backslash needs a character or three digits from 000 to 255 after it"
            }
        })
    }
}

impl TextFaultKind {
    /// Returns what to write instead, where that is known.
    pub fn help(self) -> Option<&'static str> {
        match self {
            Self::OpenQuote => {
                Some("close the string with `\"`, or write `\\\"` for a quote in it")
            }
            Self::NoBlankAfterQuote => Some("put a blank between two strings"),
            Self::StrayQuote => {
                Some("quote the whole string and write `\\\"` for a quote inside it")
            }
            Self::BadEscape => Some("write `\\\\` for a backslash"),
            Self::OpenParenthesis | Self::StrayParenthesis | Self::TooDeep => None,
        }
    }
}

impl<'t> Token<'t> {
    /// Resolves `\X` and `\DDD`.
    ///
    /// # Errors
    /// A bad escape, or a quote in the middle of a word that is not quoted as a whole.
    pub fn to_octets(&self) -> Result<Vec<u8>, TextFault> {
        let start = self.range.start + usize::from(self.is_quoted);
        let text = self.raw.as_bytes();
        let mut octets = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(&octet) = text.get(at) {
            at += 1;
            match octet {
                b'\\' => {
                    let after = text.get(at..).unwrap_or_default();
                    let Ok((octet, used)) = parse_escape(after) else {
                        // Whole characters, so that the range can be shown.
                        let shown = self.raw.get(at..).unwrap_or_default().chars().take(3);
                        let length: usize = shown.map(char::len_utf8).sum();
                        let place = start + at - 1..start + at + length;
                        return Err(fault(TextFaultKind::BadEscape, place));
                    };
                    octets.push(octet);
                    at += used;
                }
                b'"' => return Err(fault(TextFaultKind::StrayQuote, self.range.clone())),
                octet => octets.push(octet),
            }
        }
        Ok(octets)
    }

    /// Splits `key=value` at its first `=`; the value may be quoted (RFC 9460, section 2.1).
    pub fn split_pair(&self) -> (Self, Option<Self>) {
        let Some((key, value)) = self.raw.split_once('=').filter(|_| !self.is_quoted) else {
            return (self.clone(), None);
        };
        let middle = self.range.start + key.len();
        let inner = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let key = Self {
            raw: key,
            range: self.range.start..middle,
            is_quoted: false,
            follows_blank: self.follows_blank,
        };
        let value = Self {
            raw: inner.unwrap_or(value),
            range: middle + 1..self.range.end,
            is_quoted: inner.is_some(),
            follows_blank: false,
        };
        (key, Some(value))
    }
}

/// Cuts text into tokens; an iterator that ends after the first fault.
#[derive(Clone, Debug)]
pub struct Tokens<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// Offset of the outermost open parenthesis.
    opened_at: usize,
}

impl<'t> Tokens<'t> {
    /// Starts at the beginning of `text`.
    pub fn new(text: &'t str) -> Self {
        Self::starting_at(text, 0)
    }

    /// Starts at an octet of `text`, such as the line after a fault; ranges are those of the whole text.
    pub fn starting_at(text: &'t str, at: usize) -> Self {
        Self {
            text,
            at,
            depth: 0,
            opened_at: 0,
        }
    }

    fn octet(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn stop(&mut self, kind: TextFaultKind, range: Range<usize>) -> TextFault {
        self.at = self.text.len();
        self.depth = 0;
        fault(kind, range)
    }

    fn advance(&mut self) -> Result<Option<Lexeme<'t>>, TextFault> {
        let mut follows_blank = false;
        while let Some(octet) = self.octet(self.at) {
            match octet {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' if self.depth == 0 => {
                    self.at += 1;
                    return Ok(Some(Lexeme::LineEnd(self.at - 1)));
                }
                b'\n' => self.at += 1,
                b';' => self.skip_comment(),
                b'(' => self.open()?,
                b')' => self.close()?,
                b'"' => return self.quoted(follows_blank).map(Some),
                _ => return self.word(follows_blank).map(Some),
            }
            follows_blank = true;
        }
        if self.depth > 0 {
            let opened_at = self.opened_at;
            return Err(self.stop(TextFaultKind::OpenParenthesis, opened_at..opened_at + 1));
        }
        Ok(None)
    }

    fn skip_comment(&mut self) {
        while self.octet(self.at).is_some_and(|octet| octet != b'\n') {
            self.at += 1;
        }
    }

    fn open(&mut self) -> Result<(), TextFault> {
        if self.depth == 0 {
            self.opened_at = self.at;
        }
        if self.depth == PARENTHESES_MAX {
            return Err(self.stop(TextFaultKind::TooDeep, self.at..self.at + 1));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), TextFault> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(self.stop(TextFaultKind::StrayParenthesis, self.at..self.at + 1));
        };
        self.depth = depth;
        self.at += 1;
        Ok(())
    }

    /// Finds the partner of the quote at `start`.
    fn end_of_quote(&mut self, start: usize) -> Result<usize, TextFault> {
        let mut at = start + 1;
        loop {
            match self.octet(at) {
                Some(b'"') => return Ok(at),
                // Whatever a backslash precedes is no quote; whether the escape is right is asked later.
                Some(b'\\') if self.octet(at + 1).is_some_and(|next| next != b'\n') => at += 2,
                None | Some(b'\n') => {
                    return Err(self.stop(TextFaultKind::OpenQuote, start..start + 1));
                }
                Some(_) => at += 1,
            }
        }
    }

    fn quoted(&mut self, follows_blank: bool) -> Result<Lexeme<'t>, TextFault> {
        let start = self.at;
        let end = self.end_of_quote(start)?;
        self.at = end + 1;
        if !self
            .octet(self.at)
            .is_none_or(|next| is_delimiter(next) || next == b'"')
        {
            return Err(self.stop(TextFaultKind::NoBlankAfterQuote, end..end + 1));
        }
        Ok(Lexeme::Token(Token {
            raw: self.text.get(start + 1..end).unwrap_or_default(),
            range: start..end + 1,
            is_quoted: true,
            follows_blank,
        }))
    }

    /// Returns the end of a run of octets without a special one.
    fn end_of_plain(&self, start: usize) -> usize {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let run = rest
            .iter()
            .position(|octet| IS_SPECIAL[usize::from(*octet)]);
        start + run.unwrap_or(rest.len())
    }

    fn word(&mut self, follows_blank: bool) -> Result<Lexeme<'t>, TextFault> {
        let start = self.at;
        let mut at = self.end_of_plain(start);
        while let Some(octet) = self.octet(at) {
            match octet {
                b'\\' if self.octet(at + 1).is_none_or(|next| next == b'\n') => {
                    return Err(self.stop(TextFaultKind::BadEscape, at..at + 1));
                }
                b'\\' => at += 2,
                // `key="value with blanks"` (RFC 9460, section 2.1).
                b'"' if at > start && self.octet(at - 1) == Some(b'=') => {
                    at = self.end_of_quote(at)? + 1;
                    if !self.octet(at).is_none_or(is_delimiter) {
                        return Err(self.stop(TextFaultKind::NoBlankAfterQuote, at - 1..at));
                    }
                }
                b'"' => return Err(self.stop(TextFaultKind::StrayQuote, at..at + 1)),
                octet if is_delimiter(octet) => break,
                _ => at += 1,
            }
        }
        self.at = at;
        Ok(Lexeme::Token(Token {
            raw: self.text.get(start..at).unwrap_or_default(),
            range: start..at,
            is_quoted: false,
            follows_blank,
        }))
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Result<Lexeme<'t>, TextFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// Octets that end a word or mean more than themselves, by value.
const IS_SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = is_delimiter(octet as u8) || matches!(octet as u8, b'\\' | b'"');
        octet += 1;
    }
    table
};

const fn is_delimiter(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')')
}

fn fault(kind: TextFaultKind, range: Range<usize>) -> TextFault {
    TextFault { kind, range }
}

/// Writes octets as a quoted string that [`Token::to_octets`] reads back.
pub fn push_quoted(text: &mut String, octets: &[u8]) {
    text.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(octet));
            }
            0x20..=0x7e => text.push(char::from(octet)),
            _ => text.push_str(&format!("\\{octet:03}")),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Shows lexemes shortly: quoted tokens in quotes, `|` for the end of a line.
    fn show(text: &str) -> Result<String, TextFaultKind> {
        let mut shown = Vec::new();
        for lexeme in Tokens::new(text) {
            match lexeme.map_err(|fault| fault.kind)? {
                Lexeme::Token(token) if token.is_quoted => shown.push(format!("\"{}\"", token.raw)),
                Lexeme::Token(token) => {
                    assert_eq!(&text[token.range], token.raw);
                    shown.push(token.raw.to_owned());
                }
                Lexeme::LineEnd(_) => shown.push("|".to_owned()),
            }
        }
        Ok(shown.join("_"))
    }

    #[test]
    fn cuts_text_into_tokens() {
        let cases = [
            ("", Ok("")),
            ("10 mail", Ok("10_mail")),
            ("a ; b\nc", Ok("a_|_c")),
            ("a (b ; c\n d) e\r\n", Ok("a_b_d_e_|")),
            (r#""a b" c"#, Ok(r#""a b"_c"#)),
            (r#""a""b""#, Ok(r#""a"_"b""#)),
            (r#""a;(" x"#, Ok(r#""a;("_x"#)),
            (r#"a\;b\ c"#, Ok(r#"a\;b\ c"#)),
            (r#"alpn="h2, h3" x"#, Ok(r#"alpn="h2, h3"_x"#)),
            ("((a))", Ok("a")),
            (r#""a"b"#, Err(TextFaultKind::NoBlankAfterQuote)),
            (r#"a"b"#, Err(TextFaultKind::StrayQuote)),
            (r#"a="b"c"#, Err(TextFaultKind::NoBlankAfterQuote)),
            ("\"a\nb\"", Err(TextFaultKind::OpenQuote)),
            (r#""a\""#, Err(TextFaultKind::OpenQuote)),
            ("(a", Err(TextFaultKind::OpenParenthesis)),
            ("a)", Err(TextFaultKind::StrayParenthesis)),
            ("(((((((((a)))))))))", Err(TextFaultKind::TooDeep)),
            ("a\\", Err(TextFaultKind::BadEscape)),
        ];
        for (text, wanted) in cases {
            assert_eq!(show(text), wanted.map(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn marks_tokens_that_follow_a_blank() {
        let marks: Vec<bool> = Tokens::new("www A\n  B\n(C)")
            .filter_map(|lexeme| match lexeme {
                Ok(Lexeme::Token(token)) => Some(token.follows_blank),
                _ => None,
            })
            .collect();
        assert_eq!(marks, [false, true, true, true]);
    }

    #[test]
    fn resolves_escapes() {
        let read = |text: &str| match Tokens::new(text).next() {
            Some(Ok(Lexeme::Token(token))) => token.to_octets().map_err(|fault| fault.range),
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(read(r#""a\"b\\\065\200""#), Ok(b"a\"b\\A\xc8".to_vec()));
        assert_eq!(read(r"\;\ x"), Ok(b"; x".to_vec()));
        assert_eq!(read(r"ab\256"), Err(2..6));
        assert_eq!(read(r#""ab\25""#), Err(3..6));
        assert_eq!(read("ab\\25é"), Err(2..7));
        assert_eq!(read(r#"k="v""#), Err(0..5));
    }

    #[test]
    fn splits_pairs() {
        let text = r#" key="a b" "#;
        let Some(Ok(Lexeme::Token(token))) = Tokens::new(text).next() else {
            panic!("a token");
        };
        let (key, value) = token.split_pair();
        let value = value.expect("a value");
        assert_eq!((key.raw, value.raw, value.is_quoted), ("key", "a b", true));
        assert_eq!(&text[value.range], "\"a b\"");
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_ranges(text in "[ -~\\n\\\\\"()é;=]{0,40}") {
            for lexeme in Tokens::new(&text).flatten() {
                if let Lexeme::Token(token) = lexeme {
                    prop_assert!(text.get(token.range.clone()).is_some());
                    let _ = token.to_octets();
                    let _ = token.split_pair();
                }
            }
        }

        #[test]
        fn quoted_strings_read_back(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut text = String::new();
            push_quoted(&mut text, &octets);
            let Some(Ok(Lexeme::Token(token))) = Tokens::new(&text).next() else {
                return Err(TestCaseError::fail(text));
            };
            prop_assert_eq!(token.to_octets(), Ok(octets));
        }
    }
}
