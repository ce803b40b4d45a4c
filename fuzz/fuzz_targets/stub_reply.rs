//! Replies to the stub resolver are read within bounds, and only what is a response.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| leeward::resolver::fuzz::read_any_response(input));
