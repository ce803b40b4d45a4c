//! HTTP responses are read within bounds, and alike in one piece and in many.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| leeward::probe::fuzz::read_any_response(input));
