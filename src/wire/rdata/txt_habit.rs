//! Slips in TXT records: text that is served otherwise than meant.
//!
//! In: the strings of a TXT or SPF record in wire form. Out: what they are served as, and what was most likely meant. Never
//! here: faults; each of these records is legal.

use crate::wire::code::Rtype;
use crate::wire::text::{Lexeme, Tokens};

/// Octets of the text that a message shows; chosen to keep messages on one line.
const SHOWN_MAX: usize = 60;

/// A record that is served otherwise than meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtHabit {
    /// Kind of the slip.
    pub why: TxtSlip,
    /// Beginning of the text that is served.
    pub served: String,
    /// Text that was most likely meant; `None` if it cannot be guessed.
    pub meant: Option<String>,
}

/// Kind of slip in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxtSlip {
    /// The quotes around the text are part of it.
    Quotes,
    /// Several strings in quotes became one text, quotes included.
    Strings,
    /// Backslashes before `;` or `"` are part of the text.
    Backslashes,
    /// Line breaks or tabs are part of the text.
    Breaks,
    /// The text ends where a comment began.
    Comment,
    /// Words without quotes became strings that are read without blanks between.
    Words,
}

impl TxtSlip {
    /// Returns what clients get, one sentence without a full stop.
    pub fn words(self) -> &'static str {
        match self {
            Self::Quotes => "the quotes are served as part of the text",
            Self::Strings => "this is one text with quotes in it, not several strings",
            Self::Backslashes => "the backslashes are served as part of the text",
            Self::Breaks => "line breaks or tabs are served as part of the text",
            Self::Comment => "the text ends at the `;`, where a comment begins",
            Self::Words => {
                "words without quotes are strings of their own, read without blanks between"
            }
        }
    }
}

/// Finds a slip in the text of a record: the strings of TXT and SPF, the value of CAA, the target of URI.
pub fn find_text_habit(rtype: Rtype, rdata: &[u8]) -> Option<TxtHabit> {
    let value = match rtype {
        Rtype::TXT | Rtype::SPF => return find_txt_habit(rdata),
        // RFC 8659, section 4.1: flags, the length of the tag, the tag, the value.
        Rtype::CAA => rdata.get(2 + usize::from(*rdata.get(1)?)..)?,
        // RFC 7553, section 4.5: priority and weight, then the target.
        Rtype::URI => rdata.get(4..)?,
        _ => return None,
    };
    let text = std::str::from_utf8(value).ok()?;
    let (why, meant) = find_slip(text, &[]).filter(|(why, _)| *why != TxtSlip::Comment)?;
    Some(TxtHabit {
        why,
        served: shortened(text),
        meant: meant.as_deref().map(shortened),
    })
}

/// Finds a slip in the strings of a TXT or SPF record.
fn find_txt_habit(rdata: &[u8]) -> Option<TxtHabit> {
    // Nearly every text has none of these.
    let may_slip = rdata
        .iter()
        .any(|octet| matches!(octet, b'"' | b'\\' | b'\n' | b'\r' | b'\t' | b'\'' | 0x80..));
    let is_tagged = rdata
        .get(1..3)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"v="));
    if !may_slip && !is_tagged {
        return None;
    }
    let strings = strings_of(rdata)?;
    let text = String::from_utf8(strings.concat()).ok()?;
    let (why, meant) = find_slip(&text, &strings)?;
    Some(TxtHabit {
        why,
        served: shortened(&text),
        meant: meant.as_deref().map(shortened),
    })
}

fn strings_of(rdata: &[u8]) -> Option<Vec<&[u8]>> {
    let mut strings = Vec::new();
    let mut rest = rdata;
    while let Some((&length, after)) = rest.split_first() {
        let (string, next) = after.split_at_checked(usize::from(length))?;
        strings.push(string);
        rest = next;
    }
    Some(strings)
}

fn find_slip(text: &str, strings: &[&[u8]]) -> Option<(TxtSlip, Option<String>)> {
    if let Some(inner) = unquoted(text) {
        let several = joined(text);
        let is_one = !inner.contains(['"']) || several.is_none();
        let why = if is_one {
            TxtSlip::Quotes
        } else {
            TxtSlip::Strings
        };
        return Some((why, Some(several.unwrap_or_else(|| plain(inner)))));
    }
    if text.contains("\\;") || text.contains("\\\"") {
        return Some((TxtSlip::Backslashes, Some(plain(text))));
    }
    if text.contains(['\n', '\r', '\t']) {
        let meant: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        return Some((TxtSlip::Breaks, Some(meant)));
    }
    let tag = text.trim_end().to_ascii_lowercase();
    if CUT_SHORT.contains(&tag.as_str()) {
        return Some((TxtSlip::Comment, None));
    }
    let is_words = strings.len() > 1
        && strings
            .first()
            .is_some_and(|first| first.eq_ignore_ascii_case(b"v=spf1"))
        && !text.contains(' ');
    if is_words {
        let words: Vec<_> = strings
            .iter()
            .map(|word| String::from_utf8_lossy(word))
            .collect();
        return Some((TxtSlip::Words, Some(words.join(" "))));
    }
    None
}

/// Texts that go on after a `;` wherever they are used: with nothing behind it was cut off.
const CUT_SHORT: [&str; 6] = [
    "v=dmarc1",
    "v=dkim1",
    "v=stsv1",
    "v=tlsrptv1",
    "v=bimi1",
    "v=bimi1;",
];

/// Returns the inside of text in quotes of one kind or another.
fn unquoted(text: &str) -> Option<&str> {
    [
        ('"', '"'),
        ('\'', '\''),
        ('\u{201c}', '\u{201d}'),
        ('\u{201e}', '\u{201c}'),
        ('\u{2018}', '\u{2019}'),
    ]
    .iter()
    .find_map(|(open, close)| text.trim().strip_prefix(*open)?.strip_suffix(*close))
}

/// Reads text as strings in quotes; `None` if it is not that alone.
fn joined(text: &str) -> Option<String> {
    let mut octets = Vec::new();
    for lexeme in Tokens::new(text) {
        match lexeme.ok()? {
            Lexeme::Token(token) if token.is_quoted => octets.extend(token.to_octets().ok()?),
            _ => return None,
        }
    }
    String::from_utf8(octets).ok()
}

fn plain(text: &str) -> String {
    text.replace("\\;", ";").replace("\\\"", "\"")
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
        .escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
        .replace("\\\\", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rdata(strings: &[&str]) -> Vec<u8> {
        let octets = strings.iter().flat_map(|text| {
            let length = u8::try_from(text.len()).expect("a short string");
            std::iter::once(length).chain(text.bytes())
        });
        octets.collect()
    }

    #[test]
    fn finds_what_is_served_otherwise_than_meant() {
        use TxtSlip::*;
        type Found = Option<(TxtSlip, Option<&'static str>)>;
        let cases: &[(&[&str], Found)] = &[
            (&["\"v=spf1 -all\""], Some((Quotes, Some("v=spf1 -all")))),
            (&["'v=spf1 -all'"], Some((Quotes, Some("v=spf1 -all")))),
            (
                &["\u{201c}v=spf1 -all\u{201d}"],
                Some((Quotes, Some("v=spf1 -all"))),
            ),
            (
                &["\"v=DKIM1; p=AA\" \"BB\""],
                Some((Strings, Some("v=DKIM1; p=AABB"))),
            ),
            (&["( \"a\" \"b\" )"], None),
            (
                &["v=DMARC1\\; p=none"],
                Some((Backslashes, Some("v=DMARC1; p=none"))),
            ),
            (&["say \\\"hi\\\""], Some((Backslashes, Some("say \"hi\"")))),
            (
                &["v=DKIM1; p=AA\n  BB"],
                Some((Breaks, Some("v=DKIM1; p=AA BB"))),
            ),
            (&["v=DMARC1"], Some((Comment, None))),
            (
                &["v=spf1", "mx", "-all"],
                Some((Words, Some("v=spf1 mx -all"))),
            ),
            (&["v=spf1 mx ", "-all"], None),
            (&["v=spf1 mx -all"], None),
            (&["say \"hi\" to"], None),
            (&["C:\\path"], None),
            (&["it's"], None),
            (&["\""], None),
            (&[""], None),
        ];
        for (strings, wanted) in cases {
            let found = find_txt_habit(&rdata(strings)).map(|habit| (habit.why, habit.meant));
            let wanted = wanted.map(|(why, meant)| (why, meant.map(str::to_owned)));
            assert_eq!(found, wanted, "{strings:?}");
        }
        let caa = |value: &str| [&[0, 5], &b"issue"[..], value.as_bytes()].concat();
        let found = |value| find_text_habit(Rtype::CAA, &caa(value)).map(|habit| habit.why);
        assert_eq!(found("'ca.example.net'"), Some(Quotes));
        assert_eq!(found("\"ca.example.net\""), Some(Quotes));
        assert_eq!(found("ca.example.net"), None);
        assert_eq!(
            find_text_habit(Rtype::URI, b"\0\x01\0\x01'http://a/'").map(|habit| habit.why),
            Some(Quotes)
        );
        assert_eq!(find_text_habit(Rtype::CAA, b"\0\x09a"), None);
        assert_eq!(find_txt_habit(b"\x05ab"), None);
        assert_eq!(find_txt_habit(b""), None);
    }
}
