//! Names with letters outside ASCII: what to write instead (RFC 5890, RFC 5891; mapped as UTS #46 does).
//!
//! In: a name as it is written. Out: its form in ASCII, and help for a message. Never here: reading such a name;
//! the wire holds the ASCII form only, and the writer of the file shall see which.

/// Octets of a name that is turned into ASCII; chosen, far above what a name of 255 octets can be made of.
const TEXT_MAX: usize = 1_024;

/// Returns the ASCII form of a name: each label with letters outside ASCII as `xn--`. `None` if it has none.
pub fn to_ascii_form(text: &str) -> Option<String> {
    if text.len() > TEXT_MAX || text.contains('\\') || text.chars().any(is_punctuation) {
        return None;
    }
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    if visible.is_ascii() && visible.len() < text.len() {
        return (!visible.is_empty()).then_some(visible);
    }
    let form = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::URL)
        .or_else(|_| idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::EMPTY))
        .ok()?;
    // A name that would be none after all is no advice.
    let is_name = !form.is_empty() && !form.contains([' ', '\t', '"', ';', '(', ')', '@']);
    (is_name && form.is_ascii()).then(|| form.into_owned())
}

/// Returns whether a character is punctuation of running text: names that hold it were copied with the text around.
fn is_punctuation(c: char) -> bool {
    let is_letter_like = matches!(c, 'ª' | '·' | 'º');
    matches!(
        c,
        '\u{a0}'..='\u{bf}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205f}' | '\u{3008}'..='\u{301f}'
    ) && !is_letter_like
        && !is_invisible(c)
}

/// Returns whether a character is invisible: it comes with text that is copied from a page.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}

/// Returns advice on what to write for a name with characters outside ASCII; `None` if all of it is ASCII.
pub fn help_with_ascii(text: &str) -> Option<String> {
    let strange = text.chars().find(|c| !c.is_ascii())?;
    let code = u32::from(strange);
    Some(match to_ascii_form(text) {
        Some(form) if form.to_ascii_lowercase().contains("xn--") => format!("write `{form}`"),
        Some(form) => format!(
            "write `{form}`: U+{code:04X} in it is not seen, or looks like another character"
        ),
        None if strange.is_alphabetic() => {
            "write its labels in their `xn--` form (RFC 5891)".to_owned()
        }
        None => format!("take U+{code:04X} out; names have letters, digits, `-` and `_`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_ascii_have_a_form_to_write() {
        let cases = [
            ("bücher", Some("write `xn--bcher-kva`")),
            (
                "Bücher.Example.com.",
                Some("write `xn--bcher-kva.example.com.`"),
            ),
            ("*.bücher", Some("write `*.xn--bcher-kva`")),
            ("_dmarc.bücher", Some("write `_dmarc.xn--bcher-kva`")),
            ("例え.テスト", Some("write `xn--r8jz45g.xn--zckzah`")),
            ("faß.de", Some("write `xn--fa-hia.de`")),
            ("пример。рф", Some("write `xn--e1afmkfd.xn--p1ai`")),
            ("www.example.com", None),
            ("", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(help_with_ascii(text).as_deref(), wanted, "{text}");
        }
        // Copied with what cannot be seen, or typed in full width.
        for text in ["www\u{200b}", "ｗｗｗ"] {
            let help = help_with_ascii(text).expect("help");
            assert!(help.starts_with("write `www`: U+"), "{help}");
        }
        for text in ["a\u{a0}b", "“www”", "b\\252ü"] {
            let help = help_with_ascii(text).expect("help");
            assert!(!help.starts_with("write `"), "{help}");
        }
        assert_eq!(to_ascii_form(&"ü".repeat(TEXT_MAX)), None);
    }
}
