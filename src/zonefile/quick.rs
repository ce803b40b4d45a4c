//! Names and RDATA of the plain forms, which are nearly all of a large zone, read without allocating.
//!
//! In: tokens. Out: octets, or `None` if the form is not plain; `wire` reads it then, and finds the faults. Never here:
//! escapes, faults, any form that `wire` does not read to the same octets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{LABEL_MAX, NAME_MAX, Name, Rtype, Token};

/// Room for one name or address.
#[derive(Debug)]
pub(super) struct Room {
    octets: [u8; NAME_MAX],
    len: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            octets: [0; NAME_MAX],
            len: 0,
        }
    }
}

impl Room {
    /// Returns the octets read last.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    fn take(&mut self, octets: &[u8]) -> Option<()> {
        self.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        self.len = octets.len();
        Some(())
    }

    /// Reads a name of plain labels.
    pub(super) fn take_name(&mut self, token: &Token<'_>, origin: &Name) -> Option<()> {
        let text = token.raw.as_bytes();
        // With a length octet before and a root label behind.
        if token.is_quoted || text.is_empty() || text.len() + 2 > NAME_MAX {
            return None;
        }
        if text == b"@" {
            return self.take(origin.octets());
        }
        let mut start = 0;
        for (at, &octet) in (1..).zip(text) {
            match octet {
                b'.' => {
                    self.octets[start] = length_of_label(start, at)?;
                    start = at;
                }
                b'\\' | b'"' | b'@' | 0x80.. => return None,
                octet => self.octets[at] = octet,
            }
        }
        let end = text.len() + 1;
        if start + 1 == end {
            // It ended in a dot.
            self.octets[start] = 0;
            self.len = end;
            return Some(());
        }
        self.octets[start] = length_of_label(start, end)?;
        let rest = origin.octets();
        self.octets
            .get_mut(end..end + rest.len())?
            .copy_from_slice(rest);
        self.len = end + rest.len();
        Some(())
    }

    /// Reads the RDATA of an address, or of a type that holds one name.
    pub(super) fn take_rdata(
        &mut self,
        rtype: Rtype,
        tokens: &[Token<'_>],
        origin: &Name,
    ) -> Option<()> {
        let [token] = tokens else { return None };
        if token.is_quoted {
            return None;
        }
        match rtype {
            Rtype::A => self.take(&token.raw.parse::<Ipv4Addr>().ok()?.octets()),
            Rtype::AAAA => self.take(&token.raw.parse::<Ipv6Addr>().ok()?.octets()),
            Rtype::NS | Rtype::CNAME | Rtype::PTR if is_plainly_a_name(token.raw) => {
                self.take_name(token, origin)
            }
            _ => None,
        }
    }
}

/// Returns the length octet of the label whose length octet stands at `start` and that ends before `end`.
fn length_of_label(start: usize, end: usize) -> Option<u8> {
    let length = end - start - 1;
    let is_label = length > 0 && length <= LABEL_MAX;
    is_label.then_some(length as u8)
}

/// Returns whether a text is ASCII and no address.
fn is_plainly_a_name(text: &str) -> bool {
    let looks_like_address = text.contains(':') || text.ends_with(|c: char| c.is_ascii_digit());
    text.is_ascii() && !(looks_like_address && text.parse::<IpAddr>().is_ok())
}

/// Returns a type that is written as most are: one of the frequent ones, in upper case.
pub(super) fn frequent_type(text: &str) -> Option<Rtype> {
    Some(match text.as_bytes() {
        b"A" => Rtype::A,
        b"AAAA" => Rtype::AAAA,
        b"NS" => Rtype::NS,
        b"CNAME" => Rtype::CNAME,
        b"TXT" => Rtype::TXT,
        b"MX" => Rtype::MX,
        b"PTR" => Rtype::PTR,
        b"DS" => Rtype::DS,
        b"RRSIG" => Rtype::RRSIG,
        b"NSEC" => Rtype::NSEC,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Lexeme, Tokens, parse_rdata_tokens};

    fn tokens(text: &str) -> Vec<Token<'_>> {
        let lexemes = Tokens::new(text).flatten();
        let tokens = lexemes.filter_map(|lexeme| match lexeme {
            Lexeme::Token(token) => Some(token),
            Lexeme::LineEnd(_) => None,
        });
        tokens.collect()
    }

    /// Compares with `wire`; returns whether the form was plain.
    fn is_plain(rtype: Rtype, text: &str, origin: &Name) -> Result<bool, TestCaseError> {
        let mut room = Room::default();
        let tokens = tokens(text);
        if room.take_rdata(rtype, &tokens, origin).is_none() {
            return Ok(false);
        }
        let wanted = parse_rdata_tokens(rtype, &tokens, origin);
        let wanted = wanted.map_err(|fault| TestCaseError::fail(format!("{text}: {fault:?}")))?;
        prop_assert_eq!(room.octets(), &*wanted.octets, "{}", text);
        Ok(true)
    }

    #[test]
    fn takes_plain_forms_only() {
        let origin = Name::parse_absolute("Example.test").expect("a name");
        let long = format!("{}.{}", "a".repeat(63), "b".repeat(63));
        let cases = [
            (Rtype::A, "192.0.2.1", true),
            (Rtype::A, "192.0.2.01", false),
            (Rtype::A, "\"192.0.2.1\"", false),
            (Rtype::A, "192.0.2.1 192.0.2.2", false),
            (Rtype::A, "\\# 4 c0000201", false),
            (Rtype::AAAA, "2001:db8::1", true),
            (Rtype::AAAA, "::ffff:192.0.2.1", true),
            (Rtype::NS, "ns1", true),
            (Rtype::NS, "@", true),
            (Rtype::CNAME, "a.b.example.NET.", true),
            (Rtype::NS, "192.0.2.1", false),
            (Rtype::NS, "2001:db8::1", false),
            (Rtype::NS, "h\u{fc}", false),
            (Rtype::CNAME, "n1", true),
            (Rtype::PTR, ".", false),
            (Rtype::PTR, "a..b", false),
            (Rtype::PTR, ".a", false),
            (Rtype::PTR, "a\\.b", false),
            (Rtype::PTR, "a=\"b\"", false),
            (Rtype::PTR, &long, true),
            (Rtype::PTR, &format!("{long}.{long}"), false),
            (Rtype::PTR, &"a".repeat(64), false),
            (Rtype::TXT, "a", false),
        ];
        for (rtype, text, wanted) in cases {
            let found = is_plain(rtype, text, &origin).expect("the octets of wire");
            assert_eq!(found, wanted, "{rtype} {text}");
        }
    }

    #[test]
    fn frequent_types_are_those_of_the_table() {
        for (rtype, mnemonic) in Rtype::KNOWN {
            let frequent = frequent_type(mnemonic);
            assert!(frequent.is_none_or(|found| found == *rtype), "{mnemonic}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_wire_reads(
            text in r#"[a-cA-C0-9\u{fc}.:@*\\_"-]{1,12}|[0-9]\.[0-9]\.[0-9]\.[0-9]"#,
            long in r"([a-z]{1,64}\.){1,5}[a-z]{0,9}",
            origin in prop_oneof![Just("."), Just("example.test"), Just("a.B.c")],
        ) {
            let origin = Name::parse_absolute(origin).expect("a name");
            for text in [text, long] {
                for rtype in [Rtype::A, Rtype::AAAA, Rtype::NS] {
                    is_plain(rtype, &text, &origin)?;
                }
            }
        }
    }
}
