//! Names and RDATA of a line, and their faults in words.
//!
//! In: tokens. Out: names, octets, flaws with code and place. Never here: state that outlives the line.

use crate::wire::{AutoHints, Name, Parsed, Rtype, Token, parse_rdata_tokens};
use crate::zone::{ALIKE_MAX, TableFault};

use super::flaw::{Flaw, shown};

/// Returns the text of a template of RDATA: the inside of a single string as BIND takes it, else the words as written.
pub(super) fn template_of(tokens: &[Token<'_>]) -> String {
    if let [only] = tokens {
        return only.raw.to_owned();
    }
    let words = tokens.iter().map(|token| {
        if token.is_quoted {
            format!("\"{}\"", token.raw)
        } else {
            token.raw.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

pub(super) fn read_name(token: &Token<'_>, origin: &Name) -> Result<Name, Flaw> {
    Name::parse(token.raw, origin).map_err(|fault| {
        let message = format!("`{}` is no domain name: {fault}", shown(token.raw));
        ("M002", token.range.clone(), message, fault.help(token.raw))
    })
}

pub(super) fn read_rdata(
    rtype: Rtype,
    tokens: &[Token<'_>],
    origin: &Name,
    end: usize,
) -> Result<Box<[u8]>, Flaw> {
    let parsed = parse_rdata_tokens(rtype, tokens, origin).map_err(|fault| {
        let range = fault.range.unwrap_or(end..end);
        ("M014", range, fault.message, fault.help)
    })?;
    refuse_auto_hints(&parsed, tokens)?;
    Ok(parsed.octets)
}

/// Refuses hints that are decided for each client: a master file has no decisions, and they would be lost in silence.
pub(super) fn refuse_auto_hints(parsed: &Parsed, tokens: &[Token<'_>]) -> Result<(), Flaw> {
    if parsed.auto_hints == AutoHints::default() {
        return Ok(());
    }
    let auto = tokens
        .iter()
        .find(|token| token.raw.ends_with("=auto") || token.raw.ends_with("\"auto\""));
    let range = auto
        .or_else(|| tokens.first())
        .map_or(0..0, |token| token.range.clone());
    let message =
        "hints that are `auto` are decided for each client, which a master file cannot say";
    let help = "write the addresses, or write the zone in TOML (`leeward convert`)";
    Err(("M014", range, message.to_owned(), Some(help.to_owned())))
}

pub(super) fn incomplete(tokens: &[Token<'_>], form: &str) -> Flaw {
    let last = tokens.last().map_or(0, |token| token.range.end);
    let start = tokens.first().map_or(0, |token| token.range.start);
    let message = "this directive is not complete, or says too much".to_owned();
    (
        "M004",
        start..last,
        message,
        Some(format!("write `{form}`")),
    )
}

pub(super) fn no_room(fault: TableFault, owner: &str, at: usize) -> Flaw {
    match fault {
        TableFault::TooLarge => too_much(at),
        TableFault::TooAlike => {
            let owner = shown(owner);
            let message = format!("`{owner}` was made to hash like other names of this zone");
            let help = format!("at most {ALIKE_MAX} names may have one hash; chance makes no two");
            ("M035", at..at, message, Some(help))
        }
    }
}

pub(super) fn too_much(at: usize) -> Flaw {
    let message = "names and records exceed 4 GiB".to_owned();
    ("M034", at..at, message, None)
}
