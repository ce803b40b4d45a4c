//! TXT from raw text, for zone files that need no master-file quoting.
//!
//! In: text or strings as they are meant. Out: strings cut to length, and RDATA. Never here: quotes and escapes.

use super::fault::{RdataFault, RdataFaultKind};
use super::source::RDATA_MAX;
use crate::wire::code::Rtype;

/// Longest character-string in octets (RFC 1035, section 3.3).
pub const STRING_MAX: usize = 255;

/// Returns whether records of a type are written as raw text in zone TOML (rule a8): TXT, and SPF, which is the same.
pub fn holds_raw_text(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::TXT | Rtype::SPF)
}

/// Cuts raw text into character-strings of at most 255 octets; empty text is one empty string.
pub fn split_txt(text: &str) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return vec![Vec::new()];
    }
    text.as_bytes()
        .chunks(STRING_MAX)
        .map(<[u8]>::to_vec)
        .collect()
}

/// Makes the RDATA of one TXT record from its strings.
///
/// # Errors
/// If there is no string, or one is longer than 255 octets, or all together are longer than 65535.
pub fn txt_rdata(strings: &[&[u8]]) -> Result<Box<[u8]>, RdataFault> {
    let fault = |message: String| Err(RdataFault::new(RdataFaultKind::Text, message));
    if strings.is_empty() {
        return fault("TXT needs at least one string".to_owned());
    }
    let mut octets = Vec::new();
    for string in strings {
        let Ok(length) = u8::try_from(string.len()) else {
            return fault(format!(
                "a string of TXT has at most {STRING_MAX} octets, and this one {}",
                string.len()
            ));
        };
        octets.push(length);
        octets.extend_from_slice(string);
    }
    if octets.len() > RDATA_MAX {
        return fault(format!(
            "the strings of one TXT record have {} octets; at most {RDATA_MAX} fit",
            octets.len()
        ));
    }
    Ok(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_long_text_and_refuses_long_strings() {
        let long = "é".repeat(200);
        let strings = split_txt(&long);
        assert_eq!(strings.iter().map(Vec::len).collect::<Vec<_>>(), [255, 145]);
        assert_eq!(strings.concat(), long.as_bytes());
        assert_eq!(split_txt(""), [Vec::<u8>::new()]);

        assert_eq!(txt_rdata(&[b"ab", b""]).as_deref(), Ok(&b"\x02ab\x00"[..]));
        assert!(txt_rdata(&[]).is_err());
        assert!(txt_rdata(&[&[0; 256]]).is_err());
        assert!(txt_rdata(&[&[0; 255][..]; 255]).is_ok());
        assert!(txt_rdata(&[&[0; 255][..]; 256]).is_err());
    }
}
