//! The tokens of one record's RDATA as the field readers take them, and what they have made so far.
//!
//! In: tokens and the origin. Out: the next token, or the fault of a missing one. Never here: the form of a field.

use super::fault::{RdataFault, RdataFaultKind};
use super::layout::{Field, Layout};
use super::parse::{AutoHints, WrittenName};
use crate::wire::name::Name;
use crate::wire::text::Token;

/// Longest piece of the user's text that a message repeats; chosen to keep messages on one line.
const SHOWN_MAX: usize = 40;

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
