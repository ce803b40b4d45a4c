//! The body of an HTTP/1 response: counted, in chunks, or until the connection ends (RFC 9112, sections 6 and 7).
//!
//! In: octets as they arrive. Out: those of the body. Never here: sockets, compression, limits.

/// Transfer coding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Coding {
    #[default]
    Plain,
    Chunked,
    /// Any other; as written.
    Unknown(Box<str>),
}

/// Framing of the body, with the state of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum Framing {
    /// At its end.
    Over,
    /// Octets still to come, of a counted body.
    Counted(u64),
    /// Chunks.
    Chunked(Part),
    /// All octets until the connection ends.
    UntilClose,
}

/// Next part of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum Part {
    /// Size: value so far, and number of digits read.
    Size(u64, u8),
    /// The rest of the line with its size; the size.
    Extension(u64),
    /// Octets of data still to come.
    Data(u64),
    /// The end of the line after the data.
    End,
}

/// Most digits of a chunk's size: as many as 64 bits have.
const DIGITS_MAX: u8 = 16;

impl Framing {
    pub(super) const fn chunked() -> Self {
        Self::Chunked(Part::Size(0, 0))
    }

    pub(super) const fn counted(octets: u64) -> Self {
        match octets {
            0 => Self::Over,
            _ => Self::Counted(octets),
        }
    }

    pub(in crate::probe) fn is_over(self) -> bool {
        self == Self::Over
    }

    /// Takes octets in and adds those of the body to `body`. Octets after the body are passed over; so are trailers,
    /// since the chunk of size 0 ends the octets of the body.
    pub(in crate::probe) fn take(
        &mut self,
        octets: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Box<str>> {
        let mut rest = octets;
        while !rest.is_empty() {
            rest = match self {
                Self::Over => return Ok(()),
                Self::UntilClose => {
                    body.extend_from_slice(rest);
                    return Ok(());
                }
                Self::Counted(left) => {
                    let rest = copy(rest, left, body);
                    if *left == 0 {
                        *self = Self::Over;
                    }
                    rest
                }
                Self::Chunked(Part::Data(left)) => {
                    let rest = copy(rest, left, body);
                    if *left == 0 {
                        *self = Self::Chunked(Part::End);
                    }
                    rest
                }
                Self::Chunked(part) => {
                    *self = step(*part, rest[0])?;
                    &rest[1..]
                }
            };
        }
        Ok(())
    }
}

/// Moves up to `left` octets to the body; returns the rest.
fn copy<'a>(octets: &'a [u8], left: &mut u64, body: &mut Vec<u8>) -> &'a [u8] {
    let count = usize::try_from(*left).map_or(octets.len(), |left| left.min(octets.len()));
    body.extend_from_slice(&octets[..count]);
    *left -= count as u64;
    &octets[count..]
}

/// Takes one octet around the data of a chunk, as leniently as curl: any extension, bare line feeds.
fn step(part: Part, octet: u8) -> Result<Framing, Box<str>> {
    let next = match (part, octet) {
        (Part::Size(size, digits), _) if octet.is_ascii_hexdigit() => {
            if digits == DIGITS_MAX {
                return Err("the size of a chunk has too many digits".into());
            }
            let digit = char::from(octet).to_digit(16).unwrap_or_default();
            Part::Size(size << 4 | u64::from(digit), digits + 1)
        }
        (Part::Size(_, 0), _) => {
            let shown = char::from(octet);
            return Err(format!("the size of a chunk begins with {shown:?}").into());
        }
        (Part::Size(0, _) | Part::Extension(0), b'\n') => return Ok(Framing::Over),
        (Part::Size(size, _) | Part::Extension(size), b'\n') => Part::Data(size),
        (Part::Size(size, _) | Part::Extension(size), _) => Part::Extension(size),
        (Part::End, b'\r') => Part::End,
        (Part::End, b'\n') => Part::Size(0, 0),
        (Part::End | Part::Data(_), _) => {
            return Err("a chunk is longer than its size says".into());
        }
    };
    Ok(Framing::Chunked(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(
        mut framing: Framing,
        octets: &[u8],
        piece: usize,
    ) -> Result<(Vec<u8>, bool), Box<str>> {
        let mut body = Vec::new();
        for piece in octets.chunks(piece) {
            framing.take(piece, &mut body)?;
        }
        Ok((body, framing.is_over()))
    }

    #[test]
    fn reads_bodies_as_they_are_written_in_the_field() {
        let chunked = Framing::chunked();
        let ready = |is_over| Ok((b"ready".to_vec(), is_over));
        #[rustfmt::skip]
        let cases: [(Framing, &[u8], _); 13] = [
            (Framing::counted(5), b"ready and more", ready(true)),
            (Framing::counted(9), b"ready", ready(false)),
            (Framing::counted(0), b"more", Ok((vec![], true))),
            (Framing::UntilClose, b"ready", ready(false)),
            (chunked, b"5\r\nready\r\n0\r\n\r\n", ready(true)),
            (chunked, b"5\nready\n0\n\n", ready(true)),
            (chunked, b"5 ;a=\"b\"\r\nready\r\n000;x\r\nX: y\r\n\r\n", ready(true)),
            (chunked, b"0003\r\nrea\r\n2\r\ndy\r\n0\r\n", ready(true)),
            (chunked, b"5\r\nready\r\n", ready(false)),
            (chunked, b"A\r\nreadyready\r\n0\r\n", Ok((b"readyready".to_vec(), true))),
            (chunked, b"xyz\r\n", Err("the size of a chunk begins with 'x'".into())),
            (chunked, b"5\r\nready0\r\n", Err("a chunk is longer than its size says".into())),
            (chunked, b"00000000000000000\r\n", Err("the size of a chunk has too many digits".into())),
        ];
        for (framing, octets, wanted) in cases {
            for piece in [1, 2, 100] {
                assert_eq!(
                    read(framing, octets, piece),
                    wanted,
                    "{}",
                    octets.escape_ascii()
                );
            }
        }
    }

    proptest! {
        #[test]
        fn reads_the_same_in_pieces(octets in "[0-9a-f;\r\n ]{0,60}", piece in 1usize..9) {
            let whole = read(Framing::chunked(), octets.as_bytes(), 100);
            prop_assert_eq!(read(Framing::chunked(), octets.as_bytes(), piece), whole);
        }
    }
}
