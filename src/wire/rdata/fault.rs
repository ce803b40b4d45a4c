//! Faults of the RDATA of one record, worded so that they can be mended.
//!
//! In: parts of messages. Out: the fault types that every reader of RDATA returns. Never here: file names or lines; the
//! reader of the file adds them.

use std::fmt;
use std::ops::Range;

use crate::wire::text::TextFault;

/// The family of an [`RdataFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RdataFaultKind {
    /// A field is missing.
    Missing,
    /// More was written than the type takes.
    TooMuch,
    /// A number, or a word that stands for one, is wrong or out of range.
    Number,
    /// An address or identifier is wrong.
    Address,
    /// A domain name is wrong.
    Name,
    /// Quotes, escapes or parentheses are wrong, or a string is too long.
    Text,
    /// Hexadecimal, Base64 or Base32 is wrong.
    Encoding,
    /// A field contradicts another one or the rules of the type.
    Rule,
    /// Wire octets end early or go on after the end.
    Length,
    /// `\# length hex` is wrong, or is the only form that the type has.
    Generic,
    /// The type is a question type or lives in messages only.
    NotData,
}

/// Fault of text or octets that should be RDATA of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RdataFault {
    /// The family of the fault.
    pub kind: RdataFaultKind,
    /// Fault, one sentence without a full stop.
    pub message: String,
    /// Range in octets of the text; `None` if the fault lies in octets or in no one place.
    pub range: Option<Range<usize>>,
    /// Advice on what to write instead, if it is known.
    pub help: Option<String>,
}

impl RdataFault {
    pub(super) fn new(kind: RdataFaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            range: None,
            help: None,
        }
    }

    pub(super) fn at(mut self, range: &Range<usize>) -> Self {
        self.range = Some(range.clone());
        self
    }

    pub(super) fn or_at(mut self, range: &Range<usize>) -> Self {
        self.range.get_or_insert_with(|| range.clone());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<TextFault> for RdataFault {
    fn from(fault: TextFault) -> Self {
        let mut made = Self::new(RdataFaultKind::Text, fault.kind.to_string()).at(&fault.range);
        made.help = fault.kind.help().map(str::to_owned);
        made
    }
}

impl fmt::Display for RdataFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RdataFault {}

/// Writes "1 octet", "2 octets" for messages.
pub(super) fn count_octets(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} octet{plural}")
}
