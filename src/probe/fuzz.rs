//! Entry points of probes for fuzz targets: the readers of replies to `dns` checks, of HTTP responses, and of
//! compressed bodies.
//!
//! In: any octets. Out: nothing. Never here: anything that a server runs; it is built for fuzzing only.

use super::content::{Collected, Encoding, SEARCHED_MAX};
use super::http1::HeadReader;
use crate::wire::{ClientQuery, NAME_MAX, Name, NoReply, ReplyRecord, Rtype};

/// Types with readers of their RDATA, and one that is taken as it is.
const TYPES: [Rtype; 5] = [Rtype::A, Rtype::CNAME, Rtype::MX, Rtype::SRV, Rtype::SOA];

/// Most octets of a head.
const HEAD_MAX: usize = 2_048;

/// Reads octets as the reply to a check's query: as they are, and with the query's own header and question before them.
///
/// # Panics
/// If what is no response is taken for one, or a reply that was cut off has records.
pub fn read_any_reply(octets: &[u8]) {
    let name = Name::parse_absolute("a.example.").expect("a name");
    for rtype in TYPES {
        let query = ClientQuery {
            id: 7,
            name: name.clone(),
            rtype,
            payload_size: None,
        };
        let mut framed = query.octets();
        if let Some((counts, rest)) = octets.split_first_chunk::<3>() {
            framed[2] = 0x80 | counts[0];
            framed[3] = counts[1];
            framed[7] = counts[2];
            framed.extend_from_slice(rest);
        }
        for message in [octets, &framed] {
            if let Ok(reply) = query.read_reply(message) {
                assert!(!reply.is_truncated || reply.answers.is_empty());
                // Names grow when they are written in full, each to 255 octets at most; there are two in SOA.
                let is_bound =
                    |record: &ReplyRecord| record.rdata.len() <= message.len() + 2 * NAME_MAX;
                assert!(
                    reply.answers.iter().all(is_bound),
                    "a record beyond its bound"
                );
            }
        }
        framed[2] &= 0x7f;
        assert_eq!(query.read_reply(&framed), Err(NoReply::Stray));
    }
}

/// Collects octets as a body, in chunks, in each encoding that is understood.
///
/// # Panics
/// If more is kept than is searched.
pub fn read_any_body(octets: &[u8]) {
    let Some((size, body)) = octets.split_first() else {
        return;
    };
    for encoding in [&b"gzip"[..], b"deflate", b"br"] {
        let mut collected = Collected::new(Encoding::of(Some(encoding)));
        for chunk in body.chunks(usize::from(*size) + 1) {
            if !collected.push(chunk).is_ok_and(|wants_more| wants_more) {
                break;
            }
        }
        assert!(collected.octets().len() <= SEARCHED_MAX);
    }
}

/// Reads octets as an HTTP response that ends with its connection: in one piece, and in pieces as the first octet says.
///
/// # Panics
/// If the pieces give another response than the whole, or a body is longer than what was sent.
pub fn read_any_response(octets: &[u8]) {
    let Some((size, octets)) = octets.split_first() else {
        return;
    };
    let whole = read_in_pieces(octets, octets.len().max(1));
    assert_eq!(read_in_pieces(octets, usize::from(*size) + 1), whole);
    if let Some((status, body)) = whole {
        assert!(status <= 999 && body.len() <= octets.len());
    }
}

/// Status and body of a response; `None` if it is none.
fn read_in_pieces(octets: &[u8], size: usize) -> Option<(u16, Vec<u8>)> {
    let mut reader = HeadReader::new(HEAD_MAX);
    let (mut read, mut is_whole) = (0, false);
    for piece in octets.chunks(size) {
        let taken = reader.take(piece).ok()?;
        read += taken.unwrap_or(piece.len());
        if taken.is_some() {
            is_whole = true;
            break;
        }
    }
    if !is_whole {
        reader.close().ok()?;
    }
    let head = reader.into_head();
    let (mut framing, mut body) = (head.framing(false).ok()?, Vec::new());
    for piece in octets[read..].chunks(size) {
        framing.take(piece, &mut body).ok()?;
    }
    Some((head.status, body))
}
