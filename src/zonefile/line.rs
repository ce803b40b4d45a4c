//! Parts of one record line: owner, TTL, class, type and RDATA (RFC 1035, section 5.1).
//!
//! In: the tokens of a line. Out: its parts. Never here: state that outlives the line.

use std::ops::Range;

use crate::wire::{Class, Rtype, Token, read_seconds};

use super::flaw::{Flaw, shown};
use super::foreign::{find_foreign, is_age};
use super::quick::frequent_type;

/// Largest TTL, seconds (RFC 2181, section 8).
pub(super) const TTL_MAX: u32 = 0x7fff_ffff;

/// TTL and type of a line, which stand before the RDATA.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// TTL in seconds, if one is written.
    pub(super) ttl: Option<u32>,
    /// Place of a TTL that is above 2^31-1 and counts as 0 (RFC 2181, section 8).
    pub(super) excess: Option<Range<usize>>,
    /// Place of a mark of Windows, `[AGE:n]`.
    pub(super) age: Option<Range<usize>>,
    /// The type.
    pub(super) rtype: Rtype,
    /// Number of tokens that these take.
    pub(super) used: usize,
}

/// Reads TTL and class, each at most once and in either order, then the type. `end` is the end of the line, octets.
pub(super) fn read_head(tokens: &[Token<'_>], end: usize) -> Result<Head, Flaw> {
    let (mut ttl, mut excess, mut age, mut has_class, mut used) = (None, None, None, false, 0);
    for token in tokens {
        if ttl.is_none() && token.raw.starts_with(|c: char| c.is_ascii_digit()) {
            // `300/60` before a type of another product is told by the type.
            let seconds = read_ttl(token).map_err(|flaw| {
                let mut rest = (used..).zip(&tokens[used..]);
                let foreign = rest.find_map(|(at, word)| find_foreign(word, &tokens[at + 1..]));
                foreign.unwrap_or(flaw)
            })?;
            if seconds > TTL_MAX {
                excess = Some(token.range.clone());
            }
            ttl = Some(if seconds > TTL_MAX { 0 } else { seconds });
        } else if let Some(class) = read_class(token.raw).filter(|_| !has_class) {
            if class != Class::IN {
                let message = format!("class {class} is not served");
                let help = "write `IN`, or nothing".to_owned();
                return Err(("M013", token.range.clone(), message, Some(help)));
            }
            has_class = true;
        } else if is_age(token) {
            age = Some(token.range.clone());
        } else {
            let rtype = frequent_type(token.raw).or_else(|| Rtype::parse(token.raw));
            let rtype = rtype.filter(|_| !token.is_quoted);
            used += 1;
            let rtype = rtype.ok_or_else(|| unknown_type(token, &tokens[used..]))?;
            return Ok(Head {
                ttl,
                excess,
                age,
                rtype,
                used,
            });
        }
        used += 1;
    }
    let help = "write OWNER [TTL] [CLASS] TYPE RDATA; a line that starts with a blank has no owner";
    let message = "this record has no type".to_owned();
    Err(("M011", end..end, message, Some(help.to_owned())))
}

/// Reads a TTL, with or without units; returns seconds.
pub(super) fn read_ttl(token: &Token<'_>) -> Result<u32, Flaw> {
    read_seconds(token.raw)
        .filter(|_| !token.is_quoted)
        .ok_or_else(|| {
            let message = format!("`{}` is no TTL", shown(token.raw));
            let help = "write seconds, or a time like `1h30m`".to_owned();
            ("M005", token.range.clone(), message, Some(help))
        })
}

/// Reads a class by mnemonic or as `CLASSnnn` (RFC 3597, section 5). Words that are types too are no classes here.
fn read_class(text: &str) -> Option<Class> {
    let classes = [("IN", Class::IN), ("CH", Class::CH), ("HS", Class::HS)];
    let named = classes
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text));
    if let Some((_, class)) = named {
        return Some(*class);
    }
    let head = text.get(..5)?;
    let number = text.get(5..)?;
    head.eq_ignore_ascii_case("CLASS")
        .then(|| number.parse().ok().map(Class))
        .flatten()
}

fn unknown_type(token: &Token<'_>, rest: &[Token<'_>]) -> Flaw {
    if let Some(flaw) = find_foreign(token, rest) {
        return flaw;
    }
    let message = format!("`{}` is no record type of the DNS", shown(token.raw));
    let help = "write OWNER [TTL] [CLASS] TYPE RDATA; where it stands for something of another product, see docs/master-files.md for what does the same here";
    ("M012", token.range.clone(), message, Some(help.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Lexeme, Tokens};

    #[test]
    fn tells_ttl_class_and_type_apart() {
        let cases = [
            ("A 192.0.2.1", Ok((None, "A", 1))),
            ("IN A 192.0.2.1", Ok((None, "A", 2))),
            ("1h30m in aaaa ::1", Ok((Some(5_400), "AAAA", 3))),
            ("CLASS1 60 TXT x", Ok((Some(60), "TXT", 3))),
            ("60 TYPE731 \\# 0", Ok((Some(60), "TYPE731", 2))),
            ("4294967295 A 1", Ok((Some(0), "A", 2))),
            ("CH A 1", Err("M013")),
            ("CLASS3 A 1", Err("M013")),
            ("60", Err("M011")),
            ("60 IN", Err("M011")),
            ("[AGE:3700100] 600 A 1", Ok((Some(600), "A", 3))),
            ("600 [aging:37] A 1", Ok((Some(600), "A", 3))),
            ("300/60 DYNA geoip!x", Err("M038")),
            ("IN ALIAS x.", Err("M038")),
            ("60x A 1", Err("M005")),
            ("AA 1", Err("M012")),
            ("60 60 A 1", Err("M012")),
            ("\"A\" 1", Err("M012")),
        ];
        for (text, wanted) in cases {
            let tokens: Vec<Token<'_>> = Tokens::new(text)
                .filter_map(|lexeme| match lexeme {
                    Ok(Lexeme::Token(token)) => Some(token),
                    _ => None,
                })
                .collect();
            let found = read_head(&tokens, text.len())
                .map(|head| (head.ttl, head.rtype.to_string(), head.used))
                .map_err(|flaw| flaw.0);
            let wanted = wanted.map(|(ttl, rtype, used)| (ttl, rtype.to_owned(), used));
            assert_eq!(found, wanted, "{text}");
        }
    }
}
