//! Queries of any octets are read without a panic, and what is read lies inside the message.
#![no_main]

use leeward::wire::{QueryName, Unanswerable, parse_query, write_bad_key};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let edns = match parse_query(input, &mut QueryName::default()) {
        Ok(query) => {
            assert!(query.question_end() <= input.len());
            query.edns
        }
        Err(Unanswerable::Silence) => return,
        Err(Unanswerable::Refuse(refusal)) => {
            let end = refusal.question_end.map_or(12, usize::from);
            assert!(end <= input.len());
            if let Some(tsig) = refusal.tsig {
                let mut out = [0; 1232];
                let _ = write_bad_key(input, usize::from(tsig), &mut out, end);
            }
            refusal.edns
        }
    };
    if let Some(cookie) = edns.and_then(|edns| edns.cookie) {
        assert!(matches!(cookie.of(input).len(), 8 | 16..=40));
    }
});
