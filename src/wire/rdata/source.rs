//! The tokens of one record's RDATA as the field readers take them, and what they have made so far.
//!
//! In: tokens and the origin. Out: the next token, or the fault of a missing one. Never here: the form of a field.

use super::encoding::Encoding;
use super::fault::{RdataFault, RdataFaultKind};
use super::layout::{Field, Layout};
use crate::wire::name::Name;
use crate::wire::text::Token;

/// Longest piece of the user's text that a message repeats; chosen to keep messages on one line.
const SHOWN_MAX: usize = 40;

/// Longest RDATA (its length field has 16 bits; RFC 1035, section 3.2.1).
pub const RDATA_MAX: usize = 65_535;

/// A domain name in RDATA, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenName {
    /// The absolute name.
    pub name: Name,
    /// True if it did not end in a dot (`@` included), so that the origin was appended.
    pub is_relative: bool,
    /// Number of labels written; 0 for `@` and the root.
    pub labels_written: usize,
    /// The text as written.
    pub text: String,
}

/// Hints of an SVCB or HTTPS record that were written as `auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutoHints {
    /// `ipv4hint=auto`.
    pub ipv4: bool,
    /// `ipv6hint=auto`.
    pub ipv6: bool,
}

/// Octets and names read so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) octets: Vec<u8>,
    pub(super) names: Vec<WrittenName>,
    pub(super) auto_hints: AutoHints,
}

impl Draft {
    pub(super) fn push_u16(&mut self, value: u16) {
        self.octets.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn push_u32(&mut self, value: u32) {
        self.octets.extend_from_slice(&value.to_be_bytes());
    }
}

/// A place in the tokens of one record.
#[derive(Debug)]
pub(super) struct Source<'a, 't> {
    pub(super) layout: &'static Layout,
    pub(super) origin: &'a Name,
    tokens: &'a [Token<'t>],
    next: usize,
}

impl<'a, 't> Source<'a, 't> {
    pub(super) fn new(layout: &'static Layout, origin: &'a Name, tokens: &'a [Token<'t>]) -> Self {
        Self {
            layout,
            origin,
            tokens,
            next: 0,
        }
    }

    /// Returns the number of tokens taken.
    pub(super) fn position(&self) -> usize {
        self.next
    }

    pub(super) fn peek(&self) -> Option<&'a Token<'t>> {
        self.tokens.get(self.next)
    }

    /// Takes the next token, quoted or not.
    pub(super) fn take(&mut self) -> Result<&'a Token<'t>, RdataFault> {
        let token = self.peek().ok_or_else(|| self.missing())?;
        self.next += 1;
        Ok(token)
    }

    /// Takes the next token, which must not be quoted.
    pub(super) fn take_word(&mut self, field: &Field) -> Result<&'a Token<'t>, RdataFault> {
        let token = self.take()?;
        if token.is_quoted {
            let message = format!("{} is written without quotes", self.subject(field.noun()));
            return Err(RdataFault::new(RdataFaultKind::Text, message)
                .at(&token.range)
                .help(format!("write `{}`", shown(token.raw))));
        }
        Ok(token)
    }

    /// Takes all that is left.
    pub(super) fn take_rest(&mut self) -> &'a [Token<'t>] {
        let rest = self.tokens.get(self.next..).unwrap_or_default();
        self.next = self.tokens.len();
        rest
    }

    /// Names a part of the record for messages: "the preference of MX".
    pub(super) fn subject(&self, noun: &str) -> String {
        format!("the {noun} of {}", self.layout.rtype)
    }

    /// The fault of RDATA that ends too soon.
    pub(super) fn missing(&self) -> RdataFault {
        let Layout { rtype, sample, .. } = self.layout;
        let message = format!("{rtype} needs {}: `{sample}`", self.layout.describe());
        let fault = RdataFault::new(RdataFaultKind::Missing, message);
        match self.tokens.last() {
            Some(last) => fault.at(&(last.range.end..last.range.end)),
            None => fault,
        }
    }

    /// The fault of tokens after the last field.
    pub(super) fn too_much(&self, token: &Token<'_>) -> RdataFault {
        let Layout { rtype, sample, .. } = self.layout;
        let message = format!(
            "{rtype} takes {} and nothing more: `{}` is too much",
            self.layout.describe(),
            shown(token.raw)
        );
        RdataFault::new(RdataFaultKind::TooMuch, message)
            .at(&token.range)
            .help(format!(
                "write it like `{sample}`; text with blanks goes into double quotes"
            ))
    }
}

/// Shortens text for a message.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Joins tokens and reads them as hexadecimal or the like; a fault points to the wrong token.
pub(super) fn read_symbols(
    encoding: Encoding,
    tokens: &[Token<'_>],
) -> Result<Vec<u8>, RdataFault> {
    use super::encoding::EncodingFault::{BadPadding, BadSymbol, Incomplete, LooseBits};
    let joined: String = tokens.iter().map(|token| token.raw).collect();
    encoding.decode(joined.as_bytes()).map_err(|found| {
        let whole = match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => first.range.start..last.range.end,
            _ => 0..0,
        };
        let name = encoding.name();
        let (message, range) = match found {
            BadSymbol(at) => {
                let symbol = joined
                    .get(at..)
                    .and_then(|rest| rest.chars().next())
                    .unwrap_or('?');
                (
                    format!("`{symbol}` is no {name} digit"),
                    find_octet(tokens, at, symbol),
                )
            }
            Incomplete => {
                let count = joined.len();
                (
                    format!("{count} {name} digits do not make whole octets"),
                    Some(whole.clone()),
                )
            }
            BadPadding => (
                format!("the {name} text is cut short, or its `=` padding is wrong"),
                Some(whole.clone()),
            ),
            LooseBits => (
                format!("the last {name} digit sets bits that belong to no octet"),
                Some(whole.clone()),
            ),
        };
        RdataFault::new(RdataFaultKind::Encoding, message).at(&range.unwrap_or(whole))
    })
}

pub(super) fn wrong(kind: RdataFaultKind, token: &Token<'_>, message: String) -> RdataFault {
    RdataFault::new(kind, message).at(&token.range)
}

/// Finds the range of octet `at` of the joined tokens.
fn find_octet(tokens: &[Token<'_>], at: usize, symbol: char) -> Option<std::ops::Range<usize>> {
    let mut left = at;
    for token in tokens {
        match left.checked_sub(token.raw.len()) {
            Some(after) => left = after,
            None => {
                let start = token.range.start + usize::from(token.is_quoted) + left;
                return Some(start..start + symbol.len_utf8());
            }
        }
    }
    None
}
