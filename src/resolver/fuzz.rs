//! Entry point of the stub resolver for fuzz targets: its reader of replies.
//!
//! In: any octets. Out: nothing. Never here: anything that a server runs; it is built for fuzzing only.

use super::message::{CHAIN_MAX, read_response};
use crate::wire::{ClientQuery, Name, NoReply, Rtype};

/// Reads octets as the reply to a query: as they are, and with the query's own header and question before them.
///
/// # Panics
/// If a reply is accepted with aliases beyond the bound, addresses of another family, or one twice.
pub fn read_any_response(octets: &[u8]) {
    let name = Name::parse_absolute("a.example.").expect("a name");
    for rtype in [Rtype::A, Rtype::AAAA] {
        let query = ClientQuery {
            id: 7,
            name: name.clone(),
            rtype,
            payload_size: None,
        };
        let mut framed = query.octets();
        if let Some((counts, rest)) = octets.split_first_chunk::<4>() {
            framed[2] = 0x80 | counts[0];
            framed[3] = counts[1];
            framed[7] = counts[2];
            framed[9] = counts[3];
            framed.extend_from_slice(rest);
        }
        for message in [octets, &framed] {
            let Ok(response) = read_response(&query, message) else {
                continue;
            };
            assert!(response.aliases.len() <= CHAIN_MAX);
            let mut seen = response.addresses.clone();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), response.addresses.len(), "an address twice");
            let is_meant = |v6: bool| v6 == (rtype == Rtype::AAAA);
            assert!(seen.iter().all(|address| is_meant(address.is_ipv6())));
            assert!(!response.is_truncated || seen.is_empty());
            assert!(response.ttl.is_none_or(|ttl| i32::try_from(ttl).is_ok()));
        }
        // Nothing that is not marked as a response is taken for one.
        framed[2] &= 0x7f;
        let read = read_response(&query, &framed);
        assert_eq!(read, Err(NoReply::Stray));
    }
}
