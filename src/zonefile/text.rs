//! The text of a file: octets to characters, and the places of octets that are none.
//!
//! In: the octets of a file. Out: text, or a flaw if the file is no master file at all. Never here: lines.

use std::ops::Range;

use crate::wire::{Rtype, Token, foreign_form, to_ascii_form};

use super::flaw::{Flaw, shown};

/// Text of a file.
#[derive(Debug)]
pub(super) struct FileText {
    pub(super) text: String,
    /// Places of `\DDD` for octets that are no UTF-8, in order.
    pub(super) made: Vec<usize>,
}

/// Makes text of octets; those that are no UTF-8 become `\DDD`, which means the same in names and strings.
pub(super) fn to_text(octets: Vec<u8>) -> FileText {
    let fault = match String::from_utf8(octets) {
        Ok(text) => {
            return FileText {
                text,
                made: Vec::new(),
            };
        }
        Err(fault) => fault,
    };
    let (mut text, mut made) = (String::new(), Vec::new());
    for octet in fault.into_bytes() {
        if octet.is_ascii() {
            text.push(char::from(octet));
        } else {
            made.push(text.len());
            text.push_str(&format!("\\{octet:03}"));
        }
    }
    FileText { text, made }
}

/// Returns whether Windows wrote a file: one of its first comments is `Database file example.com.dns for ...`.
pub(super) fn is_of_windows(text: &str) -> bool {
    let comments = text
        .lines()
        .take_while(|line| line.starts_with(';') || line.is_empty());
    let mut comments = comments.take(COMMENTS_MAX);
    comments.any(|line| line.contains("Database file ") && line.contains(".dns"))
}

/// Most comments at the top that are searched; chosen, Windows writes four.
const COMMENTS_MAX: usize = 8;

/// Recognises a file of another form than a master file, and makes a fault without its content.
pub(super) fn find_form(octets: &[u8]) -> Option<Flaw> {
    let form = foreign_form(octets)?;
    let message = format!("this is {}, not a master file", form.what);
    Some(("M039", 0..0, message, Some(form.help.to_owned())))
}

/// Finds octets that are no UTF-8 where a name stands: their letters are unknown.
pub(super) fn find_made(made: &[usize], tokens: &[Token<'_>]) -> Option<Flaw> {
    let is_within = |range: &Range<usize>| {
        let from = made.partition_point(|at| *at < range.start);
        made.get(from).is_some_and(|at| *at < range.end)
    };
    let token = tokens.iter().find(|token| is_within(&token.range))?;
    let message = format!(
        "`{}` is no domain name: it has octets that are no UTF-8",
        shown(token.raw)
    );
    let help = match to_ascii_form(&as_latin1(token.raw)) {
        Some(form) => format!("save the file as UTF-8; if it is ISO 8859-1, write `{form}`"),
        None => "save the file as UTF-8, and write names in their `xn--` form".to_owned(),
    };
    Some(("M002", token.range.clone(), message, Some(help)))
}

/// Reads `\DDD` as characters of ISO 8859-1, whose numbers are those of Unicode.
fn as_latin1(raw: &str) -> String {
    let mut text = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let digits = rest
            .get(at + 1..at + 4)
            .and_then(|digits| digits.parse::<u8>().ok());
        text.push(digits.map_or('\\', char::from));
        rest = rest
            .get(at + if digits.is_some() { 4 } else { 1 }..)
            .unwrap_or_default();
    }
    text.push_str(rest);
    text
}

/// Returns whether the data of a type are strings, which may hold any octets.
pub(super) fn holds_strings(rtype: Rtype) -> bool {
    matches!(
        rtype,
        Rtype::TXT | Rtype::SPF | Rtype::HINFO | Rtype::CAA | Rtype::URI | Rtype::NAPTR
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_that_are_no_utf_8_are_read_as_escapes() {
        let read = to_text(b"b\xfccher A".to_vec());
        assert_eq!(
            (read.text.as_str(), &read.made[..]),
            ("b\\252cher A", &[1][..])
        );
        assert_eq!(as_latin1(&read.text), "b\u{fc}cher A");
        assert_eq!(as_latin1("a\\.b\\"), "a\\.b\\");
        assert_eq!(to_text("b\u{fc}".into()).made, [0usize; 0]);
    }
}
