//! The search for text or a match in the first octets of a body or reply.
//!
//! In: chunks as they arrive, maybe compressed. Out: whether the wanted text is there. Never here: sockets.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use regex::bytes::Regex;

use crate::health::{Finding, Searched, Wanted};

/// Octets searched; a match must lie wholly within them (Route 53, 3.2.3).
pub(super) const SEARCHED_MAX: usize = 5_120;

/// Most compressed octets read. A body that inflates to less than 5,120 octets is hardly ever longer.
const COMPRESSED_MAX: usize = 16_384;

/// Text and pattern that must be found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Content<'a> {
    pub(super) contains: Option<&'a str>,
    pub(super) regex: Option<&'a Regex>,
}

/// Compression of a body (`Content-Encoding`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// None, or one that is searched as it is (Route 53, 3.2.4).
    Plain,
    /// `gzip`.
    Gzip,
    /// `deflate`: with a zlib header as RFC 9110, section 8.4.1.2 says, or bare as some servers send it.
    Deflate,
}

impl Encoding {
    pub(super) fn of(header: Option<&[u8]>) -> Self {
        let Some(header) = header else {
            return Self::Plain;
        };
        match header.trim_ascii().to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Self::Gzip,
            b"deflate" => Self::Deflate,
            _ => Self::Plain,
        }
    }
}

impl Content<'_> {
    /// Returns whether no content is wanted, so that no body need be read.
    pub(super) fn is_empty(&self) -> bool {
        self.contains.is_none() && self.regex.is_none()
    }

    /// Returns whether further octets cannot change the result. A text once found stays found; a pattern may end in
    /// `$`, so it is matched against the whole.
    pub(super) fn is_settled_by(&self, octets: &[u8]) -> bool {
        octets.len() >= SEARCHED_MAX || (self.regex.is_none() && self.lacks(octets).is_none())
    }

    /// Returns the text or pattern that is lacking.
    pub(super) fn lacks(&self, octets: &[u8]) -> Option<Wanted> {
        if let Some(text) = self.contains
            && !contains(octets, text.as_bytes())
        {
            return Some(Wanted::Text(text.into()));
        }
        match self.regex {
            Some(regex) if !regex.is_match(octets) => Some(Wanted::Pattern(regex.as_str().into())),
            _ => None,
        }
    }

    /// Evaluates the octets read.
    pub(super) fn evaluate(&self, octets: &[u8], place: Searched) -> Result<(), Finding> {
        match self.lacks(octets) {
            None => Ok(()),
            Some(wanted) => Err(Finding::Lacks {
                place,
                wanted,
                searched: octets.len(),
            }),
        }
    }
}

fn contains(octets: &[u8], text: &[u8]) -> bool {
    text.is_empty() || octets.windows(text.len()).any(|window| window == text)
}

/// Octets to search, collected from chunks.
pub(super) struct Collected {
    decoder: Decoder,
    compressed: usize,
}

enum Decoder {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
    /// Either of two forms, known by the first octets.
    Deflate,
    Zlib(Box<ZlibDecoder<Bounded>>),
    Bare(Box<DeflateDecoder<Bounded>>),
}

impl Collected {
    pub(super) fn new(encoding: Encoding) -> Self {
        let decoder = match encoding {
            Encoding::Plain => Decoder::Plain(Bounded::default()),
            Encoding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(Bounded::default()))),
            Encoding::Deflate => Decoder::Deflate,
        };
        Self {
            decoder,
            compressed: 0,
        }
    }

    /// Takes a chunk; returns whether more are of use.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<bool, Finding> {
        self.compressed += chunk.len();
        if let (Decoder::Deflate, Some(first)) = (&self.decoder, chunk.first()) {
            // RFC 1950, section 2.2: the low four bits of the first octet are 8 for deflate. A bare stream may begin so
            // only with a stored block that has garbage in its padding.
            self.decoder = if first & 0x0f == 8 {
                Decoder::Zlib(Box::new(ZlibDecoder::new(Bounded::default())))
            } else {
                Decoder::Bare(Box::new(DeflateDecoder::new(Bounded::default())))
            };
        }
        let written = match &mut self.decoder {
            Decoder::Plain(octets) => octets.write_all(chunk),
            Decoder::Gzip(decoder) => decoder.write_all(chunk).and_then(|()| decoder.flush()),
            Decoder::Zlib(decoder) => decoder.write_all(chunk).and_then(|()| decoder.flush()),
            Decoder::Bare(decoder) => decoder.write_all(chunk).and_then(|()| decoder.flush()),
            Decoder::Deflate => Ok(()),
        };
        let is_full = self.octets().len() >= SEARCHED_MAX;
        match written {
            Err(_) if !is_full => Err(Finding::Malformed("the compressed body is broken".into())),
            _ => Ok(!is_full && self.compressed < COMPRESSED_MAX),
        }
    }

    /// Ends the body. One that is declared compressed and inflates to no octets mostly is not compressed.
    pub(super) fn finish(&mut self) -> Result<(), Finding> {
        if self.compressed == 0 || !self.octets().is_empty() {
            return Ok(());
        }
        let finished = match &mut self.decoder {
            Decoder::Plain(_) | Decoder::Deflate => Ok(()),
            Decoder::Gzip(decoder) => decoder.try_finish(),
            Decoder::Zlib(decoder) => decoder.try_finish(),
            Decoder::Bare(decoder) => decoder.try_finish(),
        };
        finished.map_err(|_| Finding::Malformed("the compressed body is broken".into()))
    }

    pub(super) fn octets(&self) -> &[u8] {
        match &self.decoder {
            Decoder::Plain(octets) => &octets.0,
            Decoder::Gzip(decoder) => &decoder.get_ref().0,
            Decoder::Zlib(decoder) => &decoder.get_ref().0,
            Decoder::Bare(decoder) => &decoder.get_ref().0,
            Decoder::Deflate => &[],
        }
    }
}

/// Keeps the first octets and refuses more once it is full, so that a small body cannot inflate to a large one.
#[derive(Debug, Default)]
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let room = SEARCHED_MAX - self.0.len();
        let taken = &octets[..octets.len().min(room)];
        self.0.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use proptest::prelude::*;

    fn content<'a>(contains: Option<&'a str>, regex: Option<&'a Regex>) -> Content<'a> {
        Content { contains, regex }
    }

    /// Compresses in each supported way.
    fn compressed(body: &[u8]) -> [(Encoding, Vec<u8>); 4] {
        let level = Compression::default();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(body).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(body).unwrap();
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), level);
        bare.write_all(body).unwrap();
        [
            (Encoding::Plain, body.to_vec()),
            (Encoding::Gzip, gzip.finish().unwrap()),
            (Encoding::Deflate, zlib.finish().unwrap()),
            (Encoding::Deflate, bare.finish().unwrap()),
        ]
    }

    fn collect(encoding: Encoding, octets: &[u8], chunk: usize) -> Result<Vec<u8>, Finding> {
        let mut collected = Collected::new(encoding);
        for chunk in octets.chunks(chunk) {
            if !collected.push(chunk)? {
                break;
            }
        }
        Ok(collected.octets().to_vec())
    }

    #[test]
    fn searches_the_first_5120_octets() {
        // H9 of the Route 53 cases: bytes 5119-5120 count, 5120-5121 do not (counted from 1).
        let body = |before: usize| [vec![b'.'; before], b"OK".to_vec()].concat();
        let (at_end, at_start) = (Regex::new("OK$").unwrap(), Regex::new("^K").unwrap());
        let cases = [
            (body(5_118), content(Some("OK"), None), true),
            (body(5_119), content(Some("OK"), None), false),
            (body(5_118), content(None, Some(&at_end)), true),
            (body(0), content(Some("ok"), None), false),
            (body(0), content(Some("OK"), Some(&at_start)), false),
            (body(0), content(Some(""), None), true),
        ];
        for (body, content, wanted) in cases {
            for (encoding, octets) in compressed(&body) {
                let collected = collect(encoding, &octets, 1000).unwrap();
                let found = content.lacks(&collected).is_none();
                assert_eq!(found, wanted, "{content:?} {encoding:?} {}", body.len());
            }
        }
    }

    #[test]
    fn bounds_what_a_small_body_inflates_to() {
        for (encoding, octets) in compressed(&vec![b'.'; 10_000_000]) {
            assert_eq!(collect(encoding, &octets, 100).unwrap().len(), SEARCHED_MAX);
        }
    }

    #[test]
    fn knows_what_settles_a_search() {
        let at_end = Regex::new("OK$").unwrap();
        let cases = [
            (content(Some("OK"), None), "not yet", false),
            (content(Some("OK"), None), "now OK", true),
            (content(None, Some(&at_end)), "now OK", false),
        ];
        for (content, text, wanted) in cases {
            assert_eq!(content.is_settled_by(text.as_bytes()), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_octets_in_any_encoding(octets: Vec<u8>, chunk in 1usize..50) {
            for encoding in [Encoding::Plain, Encoding::Gzip, Encoding::Deflate] {
                if let Ok(collected) = collect(encoding, &octets, chunk) {
                    prop_assert!(collected.len() <= SEARCHED_MAX);
                }
            }
        }

        #[test]
        fn inflates_what_was_deflated(body: Vec<u8>, chunk in 1usize..50) {
            for (encoding, octets) in compressed(&body) {
                prop_assert_eq!(collect(encoding, &octets, chunk).unwrap(), body.clone());
            }
        }
    }
}
