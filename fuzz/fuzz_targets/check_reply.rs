//! Replies to `dns` checks are read within bounds, and only what is a response.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| leeward::probe::fuzz::read_any_reply(input));
