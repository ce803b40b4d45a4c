//! Absolute domain names in wire form (RFC 1035, section 3.1), case kept, compared without case (RFC 4343).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::idn::help_with_ascii;

/// Longest label in octets (RFC 1035, section 2.3.4).
pub const LABEL_MAX: usize = 63;
/// Longest name in octets, root label included (RFC 1035, section 2.3.4).
pub const NAME_MAX: usize = 255;

/// An absolute domain name: length-prefixed labels with the root label at the end.
///
/// Clones share their octets.
#[derive(Clone)]
pub struct Name {
    octets: Arc<[u8]>,
}

/// Reason why text or octets are no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// Empty text.
    Empty,
    /// Two dots in a row, or a dot at the start.
    EmptyLabel,
    /// A label of more than 63 octets.
    LabelTooLong,
    /// More than 255 octets in wire form.
    TooLong,
    /// A backslash that starts no `\X` or `\DDD` escape.
    BadEscape,
    /// A character outside ASCII that is not written as `\DDD`: the wire holds `xn--` labels.
    NotAscii,
    /// Octets that end early or hold a compression pointer.
    BadOctets,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the name is empty",
            Self::EmptyLabel => "a label is empty (two dots in a row, or a dot at the start)",
            Self::LabelTooLong => "a label is longer than 63 octets",
            Self::TooLong => "the name is longer than 255 octets",
            Self::BadEscape => {
                "a backslash must be followed by three digits up to 255 or by one other character"
            }
            Self::NotAscii => "it has characters outside ASCII",
            Self::BadOctets => "the octets do not form a name",
        })
    }
}

impl NameFault {
    /// Returns what to write instead of `text`, where that is known.
    pub fn help(self, text: &str) -> Option<String> {
        match self {
            Self::NotAscii => help_with_ascii(text),
            _ => None,
        }
    }
}

impl Name {
    /// Returns the root name.
    pub fn root() -> Self {
        Self {
            octets: Arc::new([0]),
        }
    }

    /// Reads a name in master-file form. Without a dot at the end it is relative to `origin`; `@` alone is `origin`.
    /// Letters outside ASCII are refused: [`NameFault::help`] has the form to write. `\DDD` may stand for any octet.
    ///
    /// # Errors
    /// The fault of the text.
    pub fn parse(text: &str, origin: &Self) -> Result<Self, NameFault> {
        if text == "@" {
            return Ok(origin.clone());
        }
        let mut room = [0; NAME_MAX];
        let (mut len, is_absolute) = parse_labels(text.as_bytes(), &mut room)?;
        let end: &[u8] = if is_absolute { &[0] } else { &origin.octets };
        let rest = room.get_mut(len..len + end.len());
        rest.ok_or(NameFault::TooLong)?.copy_from_slice(end);
        len += end.len();
        Ok(Self {
            octets: room[..len].into(),
        })
    }

    /// Reads a name that is absolute with or without a dot at the end.
    ///
    /// # Errors
    /// The fault of the text.
    pub fn parse_absolute(text: &str) -> Result<Self, NameFault> {
        Self::parse(text, &Self::root())
    }

    /// Takes the uncompressed name at the start of `octets`; returns it with its length in octets.
    ///
    /// # Errors
    /// [`NameFault::BadOctets`] if the octets end early, hold a pointer, or exceed 255.
    pub fn from_wire(octets: &[u8]) -> Result<(Self, usize), NameFault> {
        let mut at = 0;
        loop {
            let length = usize::from(*octets.get(at).ok_or(NameFault::BadOctets)?);
            if length > LABEL_MAX {
                return Err(NameFault::BadOctets);
            }
            at += 1 + length;
            if at > NAME_MAX || at > octets.len() {
                return Err(NameFault::BadOctets);
            }
            if length == 0 {
                return Ok((
                    Self {
                        octets: octets[..at].into(),
                    },
                    at,
                ));
            }
        }
    }

    /// Returns the wire form, root label included.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Returns the wire form with ASCII letters in lower case.
    pub fn to_folded(&self) -> Vec<u8> {
        // Length octets are below 'A', so the whole name may be folded blindly.
        self.octets.to_ascii_lowercase()
    }

    /// Returns the labels from the leftmost to the one before the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.octets[..];
        std::iter::from_fn(move || {
            let (&length, after) = rest.split_first()?;
            if length == 0 {
                return None;
            }
            let (label, next) = after.split_at(usize::from(length));
            rest = next;
            Some(label)
        })
    }

    /// Counts the labels, the root label not included.
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// Returns whether this is the root name.
    pub fn is_root(&self) -> bool {
        self.octets.len() == 1
    }

    /// Returns whether the leftmost label is `*` (RFC 4592, section 2.1.1).
    pub fn is_wildcard(&self) -> bool {
        self.octets.starts_with(&[1, b'*'])
    }

    /// Returns whether this name is `other` or below it.
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        is_at_or_below(&self.octets, &other.octets)
    }

    /// Returns the name without its leftmost label; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (&length, _) = self.octets.split_first()?;
        (length != 0).then(|| Self {
            octets: self.octets[1 + usize::from(length)..].into(),
        })
    }

    /// Returns the rightmost `labels` labels; `None` if there are fewer.
    pub fn suffix(&self, labels: usize) -> Option<Self> {
        let skip = self.label_count().checked_sub(labels)?;
        let start: usize = self.labels().take(skip).map(|label| label.len() + 1).sum();
        Some(Self {
            octets: self.octets[start..].into(),
        })
    }

    /// Returns this name with `label` before it.
    ///
    /// # Errors
    /// If the label or the result is too long, or the label is empty.
    pub fn child(&self, label: &[u8]) -> Result<Self, NameFault> {
        if label.is_empty() {
            return Err(NameFault::EmptyLabel);
        }
        if label.len() > LABEL_MAX {
            return Err(NameFault::LabelTooLong);
        }
        if self.octets.len() + label.len() + 1 > NAME_MAX {
            return Err(NameFault::TooLong);
        }
        let mut octets = Vec::with_capacity(self.octets.len() + label.len() + 1);
        octets.push(u8::try_from(label.len()).map_err(|_| NameFault::LabelTooLong)?);
        octets.extend_from_slice(label);
        octets.extend_from_slice(&self.octets);
        Ok(Self {
            octets: octets.into(),
        })
    }

    /// Writes the name relative to `origin` (`@` for `origin` itself), or absolute if it lies outside.
    pub fn to_relative(&self, origin: &Self) -> String {
        if self == origin {
            return "@".to_owned();
        }
        if !self.is_at_or_below(origin) || origin.is_root() {
            return self.to_string();
        }
        let count = self.label_count() - origin.label_count();
        let mut text = String::new();
        for label in self.labels().take(count) {
            if !text.is_empty() {
                text.push('.');
            }
            push_label(&mut text, label);
        }
        text
    }
}

/// Returns whether a name in wire form is another one or below it.
pub fn is_at_or_below(name: &[u8], other: &[u8]) -> bool {
    let mut rest = name;
    // A name is never longer than its labels, so this ends.
    while rest.len() > other.len() {
        let Some((&length, after)) = rest.split_first() else {
            return false;
        };
        rest = after.get(usize::from(length)..).unwrap_or_default();
    }
    rest.eq_ignore_ascii_case(other)
}

/// Splits text into length-prefixed labels; returns their length in octets, and whether the text ended in a dot.
fn parse_labels(text: &[u8], room: &mut [u8; NAME_MAX]) -> Result<(usize, bool), NameFault> {
    if text.is_empty() {
        return Err(NameFault::Empty);
    }
    if text == b"." {
        return Ok((0, true));
    }
    // Where the label's length octet stands, and where its next octet goes.
    let (mut start, mut next) = (0, 1);
    let mut at = 0;
    let mut ended_in_dot = false;
    while let Some(&octet) = text.get(at) {
        ended_in_dot = octet == b'.';
        if ended_in_dot {
            end_label(room, start, next)?;
            (start, next) = (next, next + 1);
            at += 1;
            continue;
        }
        let (octet, used) = match octet {
            b'\\' => parse_escape(&text[at + 1..])?,
            octet if octet.is_ascii() => (octet, 0),
            _ => return Err(NameFault::NotAscii),
        };
        if next - start > LABEL_MAX {
            return Err(NameFault::LabelTooLong);
        }
        *room.get_mut(next).ok_or(NameFault::TooLong)? = octet;
        next += 1;
        at += 1 + used;
    }
    if ended_in_dot {
        return Ok((start, true));
    }
    end_label(room, start, next)?;
    Ok((next, false))
}

/// Writes the length octet of the label that stands between its place and `next`.
fn end_label(room: &mut [u8; NAME_MAX], start: usize, next: usize) -> Result<(), NameFault> {
    let length = next - start - 1;
    if length == 0 {
        return Err(NameFault::EmptyLabel);
    }
    *room.get_mut(start).ok_or(NameFault::TooLong)? = length as u8;
    Ok(())
}

/// Reads the octets behind a backslash: `DDD` or one other character (RFC 1035, section 5.1).
pub(super) fn parse_escape(after: &[u8]) -> Result<(u8, usize), NameFault> {
    match after {
        [a, b, c, ..] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() => {
            let value = u32::from(a - b'0') * 100 + u32::from(b - b'0') * 10 + u32::from(c - b'0');
            u8::try_from(value)
                .map(|octet| (octet, 3))
                .map_err(|_| NameFault::BadEscape)
        }
        [octet, ..] if !octet.is_ascii_digit() => Ok((*octet, 1)),
        _ => Err(NameFault::BadEscape),
    }
}

fn push_label(text: &mut String, label: &[u8]) {
    for &octet in label {
        match octet {
            b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                text.push('\\');
                text.push(char::from(octet));
            }
            0x21..=0x7e => text.push(char::from(octet)),
            _ => text.push_str(&format!("\\{octet:03}")),
        }
    }
}

impl fmt::Display for Name {
    /// Writes the absolute name with a dot at the end; unusual octets as `\DDD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.pad(".");
        }
        let mut text = String::with_capacity(self.octets.len());
        for label in self.labels() {
            push_label(&mut text, label);
            text.push('.');
        }
        f.pad(&text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.octets.eq_ignore_ascii_case(&other.octets)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_octets(&self.octets, state);
    }
}

/// Hashes a name in wire form as [`Name`] does: without case.
pub fn hash_octets<H: Hasher>(octets: &[u8], state: &mut H) {
    // Eight octets at a time; names end themselves, so that zeros behind the last add nothing.
    let (words, rest) = octets.as_chunks::<8>();
    for word in words {
        state.write_u64(u64::from_ne_bytes(
            word.map(|octet| octet.to_ascii_lowercase()),
        ));
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        state.write_u64(u64::from_ne_bytes(
            word.map(|octet| octet.to_ascii_lowercase()),
        ));
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    /// Canonical order (RFC 4034, section 6.1): by labels from the root, without case.
    fn cmp(&self, other: &Self) -> Ordering {
        let folded = |name: &Self| -> Vec<Vec<u8>> {
            let mut labels: Vec<Vec<u8>> = name.labels().map(<[u8]>::to_ascii_lowercase).collect();
            labels.reverse();
            labels
        };
        folded(self).cmp(&folded(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_relative_absolute_and_escaped_names() {
        let origin = Name::parse_absolute("example.com").expect("a name");
        let cases = [
            ("www", Ok("www.example.com.")),
            ("@", Ok("example.com.")),
            ("a.b.c", Ok("a.b.c.example.com.")),
            ("other.net.", Ok("other.net.")),
            (r"a\.b", Ok(r"a\.b.example.com.")),
            (r"\000x", Ok(r"\000x.example.com.")),
            (".", Ok(".")),
            ("a..b", Err(NameFault::EmptyLabel)),
            (".a", Err(NameFault::EmptyLabel)),
            ("", Err(NameFault::Empty)),
            (r"a\25", Err(NameFault::BadEscape)),
            (r"a\256", Err(NameFault::BadEscape)),
            ("b\u{fc}cher", Err(NameFault::NotAscii)),
            ("b\\\u{fc}cher", Err(NameFault::NotAscii)),
            (r"b\195\188cher", Ok(r"b\195\188cher.example.com.")),
        ];
        for (text, wanted) in cases {
            let found = Name::parse(text, &origin).map(|name| name.to_string());
            assert_eq!(found, wanted.map(str::to_owned), "{text:?}");
        }
        assert_eq!(
            Name::parse(&"a".repeat(64), &origin),
            Err(NameFault::LabelTooLong)
        );
        assert_eq!(
            Name::parse(&"a.".repeat(130), &origin),
            Err(NameFault::TooLong)
        );
    }

    #[test]
    fn compares_without_case_and_knows_ancestors() {
        let origin = Name::parse_absolute("Example.COM").expect("a name");
        let name = Name::parse("a.b", &Name::parse_absolute("example.com").expect("a name"))
            .expect("a name");
        assert!(name.is_at_or_below(&origin));
        assert!(origin.is_at_or_below(&origin));
        assert!(!origin.is_at_or_below(&name));
        assert_eq!(name.to_relative(&origin), "a.b");
        assert_eq!(
            name.parent().and_then(|parent| parent.parent()),
            Some(origin)
        );
    }
}
