//! RDATA from master-file text (RFC 1035, section 5; RFC 3597, section 5).
//!
//! In: the type, the text of one record's RDATA, the origin for relative names. Out: uncompressed wire octets and every
//! name as it was written. Never here: whether the names exist, TTLs, owners.

use super::check::{check_rdata, find_parts};
use super::encoding::Encoding;
use super::fault::{RdataFault, RdataFaultKind, count_octets};
use super::field::read_field;
use super::layout::{find_layout, is_data};
use super::names::rdata_name_ranges;
use super::number::read_decimal;
use super::source::{AutoHints, Draft, RDATA_MAX, Source, WrittenName, read_symbols, shown};
use crate::wire::code::Rtype;
use crate::wire::name::Name;
use crate::wire::text::{Lexeme, Token, Tokens};

/// RDATA read from text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The RDATA in wire form, names in full.
    pub octets: Box<[u8]>,
    /// Every domain name in it, in order.
    pub names: Vec<WrittenName>,
    /// Address hints to be filled by the decision for the target name; they are not in the octets.
    pub auto_hints: AutoHints,
}

/// Reads the RDATA of one record; names are relative to `origin` unless they end in a dot.
///
/// # Errors
/// The first fault, with its place in `text`.
///
/// ```
/// use leeward::wire::{Name, Rtype, parse_rdata};
/// let origin = Name::parse_absolute("example.com").expect("a name");
/// let parsed = parse_rdata(Rtype::MX, "10 mail", &origin).expect("RDATA");
/// assert_eq!(&*parsed.octets, b"\0\x0a\x04mail\x07example\x03com\0");
/// let fault = parse_rdata(Rtype::MX, "mail", &origin).expect_err("no preference");
/// assert_eq!(fault.range, Some(0..4));
/// ```
pub fn parse_rdata(rtype: Rtype, text: &str, origin: &Name) -> Result<Parsed, RdataFault> {
    let mut tokens = Vec::new();
    let mut line_has_ended = false;
    for lexeme in Tokens::new(text) {
        match lexeme? {
            Lexeme::LineEnd(_) => line_has_ended |= !tokens.is_empty(),
            Lexeme::Token(token) if line_has_ended => {
                let message = "the record goes on after the end of the line";
                return Err(RdataFault::new(RdataFaultKind::Text, message)
                    .at(&token.range)
                    .help("put parentheses around RDATA of several lines"));
            }
            Lexeme::Token(token) => tokens.push(token),
        }
    }
    parse_rdata_tokens(rtype, &tokens, origin)
}

/// Reads the RDATA of one record from tokens; ranges of faults are those of the tokens.
///
/// # Errors
/// The first fault.
pub fn parse_rdata_tokens(
    rtype: Rtype,
    tokens: &[Token<'_>],
    origin: &Name,
) -> Result<Parsed, RdataFault> {
    if !is_data(rtype) {
        let message = format!("{rtype} lives in messages only and can be no data of a zone");
        return Err(RdataFault::new(RdataFaultKind::NotData, message));
    }
    if let Some((first, rest)) = tokens.split_first()
        && first.raw == "\\#"
        && !first.is_quoted
    {
        return read_generic(rtype, first, rest);
    }
    let Some(layout) = find_layout(rtype) else {
        let message = format!("the RDATA of {rtype} can only be written as `\\# length hex`");
        let fault = RdataFault::new(RdataFaultKind::Generic, message)
            .help("for example `\\# 4 C0000201`; RFC 3597, section 5");
        return Err(match tokens.first() {
            Some(token) => fault.at(&token.range),
            None => fault,
        });
    };
    let mut source = Source::new(layout, origin, tokens);
    let mut draft = Draft::default();
    let mut ends = Vec::with_capacity(layout.fields.len());
    for field in layout.fields {
        read_field(field, &mut source, &mut draft)?;
        ends.push(source.position());
    }
    if let Some(token) = source.peek() {
        return Err(source.too_much(token));
    }
    let Draft {
        octets,
        names,
        auto_hints,
    } = draft;
    find_parts(rtype, layout.fields, &octets).map_err(|(at, fault)| {
        // The fault lies in the last token of its field.
        let last = ends.get(at).and_then(|end| tokens.get(end.checked_sub(1)?));
        match last {
            Some(token) => fault.or_at(&token.range),
            None => fault,
        }
    })?;
    Ok(Parsed {
        octets: octets.into(),
        names,
        auto_hints,
    })
}

/// Reads `\# length hex` (RFC 3597, section 5); octets of known types must still be well formed.
fn read_generic(rtype: Rtype, mark: &Token<'_>, rest: &[Token<'_>]) -> Result<Parsed, RdataFault> {
    let fault = |message: String| RdataFault::new(RdataFaultKind::Generic, message);
    let Some((length_token, hex)) = rest.split_first() else {
        return Err(
            fault("`\\#` needs a length and octets: `\\# 4 C0000201`".to_owned())
                .at(&(mark.range.end..mark.range.end)),
        );
    };
    let length = read_decimal(length_token.raw)
        .and_then(|length| usize::try_from(length).ok())
        .filter(|&length| length <= RDATA_MAX && !length_token.is_quoted)
        .ok_or_else(|| {
            let found = shown(length_token.raw);
            fault(format!(
                "the length after `\\#` must be a number from 0 to {RDATA_MAX}, not `{found}`"
            ))
            .at(&length_token.range)
        })?;
    let octets = read_symbols(Encoding::Hex, hex)?;
    if octets.len() != length {
        return Err(fault(format!(
            "`\\#` promises {}, but {} follow",
            count_octets(length),
            octets.len()
        ))
        .at(&length_token.range));
    }
    check_rdata(rtype, &octets).map_err(|fault| {
        let end = rest.last().map_or(mark.range.end, |token| token.range.end);
        fault.or_at(&(mark.range.start..end))
    })?;
    let names = rdata_name_ranges(rtype, &octets)
        .into_iter()
        .filter_map(|found| Name::from_wire(octets.get(found.range)?).ok())
        .map(|(name, _)| WrittenName {
            is_relative: false,
            labels_written: name.label_count(),
            text: name.to_string(),
            name,
        })
        .collect();
    Ok(Parsed {
        octets: octets.into(),
        names,
        auto_hints: AutoHints::default(),
    })
}
