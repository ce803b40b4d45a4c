//! Hexadecimal, Base64 and Base32hex (RFC 4648) as master files use them.
//!
//! In: text symbols or octets. Out: octets or text. Never here: blanks (tokens are joined before) and lengths.

/// Encoding of octets as text, by the bits of a symbol and the symbols of a full group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// RFC 4648, section 8; written in upper case, read in any.
    Hex,
    /// RFC 4648, section 4, with padding.
    Base64,
    /// RFC 4648, section 7, without padding (RFC 5155, section 3.3); read in any case.
    Base32Hex,
}

const HEX: &[u8] = b"0123456789ABCDEF";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32_HEX: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";

/// Reason why text is not of an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EncodingFault {
    /// A character that is no symbol of the encoding, at this octet.
    BadSymbol(usize),
    /// The last symbols do not make whole octets.
    Incomplete,
    /// The padding is missing, too long, or not at the end.
    BadPadding,
    /// Bits that belong to no octet are set.
    LooseBits,
}

impl Encoding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hex => "hexadecimal",
            Self::Base64 => "Base64",
            Self::Base32Hex => "Base32hex",
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::Hex => 4,
            Self::Base64 => 6,
            Self::Base32Hex => 5,
        }
    }

    fn value(self, symbol: u8) -> Option<u32> {
        let value = match (self, symbol) {
            (_, b'0'..=b'9') if self != Self::Base64 => symbol - b'0',
            (Self::Hex, b'a'..=b'f' | b'A'..=b'F') => symbol.to_ascii_lowercase() - b'a' + 10,
            (Self::Base32Hex, b'a'..=b'v' | b'A'..=b'V') => symbol.to_ascii_lowercase() - b'a' + 10,
            (Self::Base64, b'A'..=b'Z') => symbol - b'A',
            (Self::Base64, b'a'..=b'z') => symbol - b'a' + 26,
            (Self::Base64, b'0'..=b'9') => symbol - b'0' + 52,
            (Self::Base64, b'+') => 62,
            (Self::Base64, b'/') => 63,
            _ => return None,
        };
        Some(u32::from(value))
    }

    /// Reads symbols; strict about padding and unused bits, so that every text has one reading and back.
    pub(super) fn decode(self, text: &[u8]) -> Result<Vec<u8>, EncodingFault> {
        let symbols = match self {
            Self::Base64 => strip_padding(text)?,
            Self::Hex | Self::Base32Hex => text,
        };
        let mut octets = Vec::with_capacity(symbols.len());
        let (mut held, mut held_bits) = (0_u32, 0);
        for (at, &symbol) in symbols.iter().enumerate() {
            let value = self.value(symbol).ok_or(EncodingFault::BadSymbol(at))?;
            held = held << self.bits() | value;
            held_bits += self.bits();
            if held_bits >= 8 {
                held_bits -= 8;
                octets.extend(u8::try_from(held >> held_bits));
                held &= (1 << held_bits) - 1;
            }
        }
        if held_bits >= self.bits() {
            Err(EncodingFault::Incomplete)
        } else if held != 0 {
            Err(EncodingFault::LooseBits)
        } else {
            Ok(octets)
        }
    }

    /// Writes octets.
    pub(super) fn encode(self, octets: &[u8]) -> String {
        let alphabet = match self {
            Self::Hex => HEX,
            Self::Base64 => BASE64,
            Self::Base32Hex => BASE32_HEX,
        };
        let mut text = String::with_capacity(octets.len() * 2);
        let mask = (1_u32 << self.bits()) - 1;
        let mut push = |value: u32| {
            let symbol = usize::try_from(value & mask)
                .ok()
                .and_then(|at| alphabet.get(at));
            text.extend(symbol.map(|&symbol| char::from(symbol)));
        };
        let (mut held, mut held_bits) = (0_u32, 0);
        for &octet in octets {
            held = held << 8 | u32::from(octet);
            held_bits += 8;
            while held_bits >= self.bits() {
                held_bits -= self.bits();
                push(held >> held_bits);
            }
            held &= (1 << held_bits) - 1;
        }
        if held_bits > 0 {
            push(held << (self.bits() - held_bits));
        }
        while self == Self::Base64 && !text.len().is_multiple_of(4) {
            text.push('=');
        }
        text
    }
}

/// Takes `=` off the end and checks that the whole is made of groups of four.
fn strip_padding(text: &[u8]) -> Result<&[u8], EncodingFault> {
    let padding = text
        .iter()
        .rev()
        .take_while(|&&octet| octet == b'=')
        .count();
    let symbols = text.get(..text.len() - padding).unwrap_or_default();
    if let Some(at) = symbols
        .iter()
        .position(|&octet| Encoding::Base64.value(octet).is_none())
    {
        return Err(match symbols.get(at) {
            Some(b'=') => EncodingFault::BadPadding,
            _ => EncodingFault::BadSymbol(at),
        });
    }
    if padding > 2 || !text.len().is_multiple_of(4) {
        return Err(EncodingFault::BadPadding);
    }
    Ok(symbols)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_the_vectors_of_rfc_4648() {
        let cases = [
            (Encoding::Base64, &b""[..], ""),
            (Encoding::Base64, b"f", "Zg=="),
            (Encoding::Base64, b"fo", "Zm8="),
            (Encoding::Base64, b"foobar", "Zm9vYmFy"),
            (Encoding::Hex, b"foobar", "666F6F626172"),
            (Encoding::Base32Hex, b"f", "CO"),
            (Encoding::Base32Hex, b"fooba", "CPNMUOJ1"),
            (Encoding::Base32Hex, b"foobar", "CPNMUOJ1E8"),
        ];
        for (encoding, octets, text) in cases {
            assert_eq!(encoding.encode(octets), text);
            assert_eq!(
                encoding.decode(text.as_bytes()),
                Ok(octets.to_vec()),
                "{text}"
            );
        }
        assert_eq!(Encoding::Hex.decode(b"ff"), Ok(vec![255]));
    }

    #[test]
    fn refuses_text_that_has_no_single_reading() {
        let cases = [
            (Encoding::Hex, "ABC", EncodingFault::Incomplete),
            (Encoding::Hex, "AG", EncodingFault::BadSymbol(1)),
            (Encoding::Base64, "Zg", EncodingFault::BadPadding),
            (Encoding::Base64, "Zg=", EncodingFault::BadPadding),
            (Encoding::Base64, "Z===", EncodingFault::BadPadding),
            (Encoding::Base64, "Zg==Zg==", EncodingFault::BadPadding),
            (Encoding::Base64, "Zh==", EncodingFault::LooseBits),
            (Encoding::Base64, "Zg-_", EncodingFault::BadSymbol(2)),
            (Encoding::Base32Hex, "CPN", EncodingFault::Incomplete),
            (Encoding::Base32Hex, "CW", EncodingFault::BadSymbol(1)),
        ];
        for (encoding, text, wanted) in cases {
            assert_eq!(encoding.decode(text.as_bytes()), Err(wanted), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base32Hex] {
                prop_assert_eq!(encoding.decode(encoding.encode(&octets).as_bytes()), Ok(octets.clone()));
            }
        }
    }
}
