//! Bodies in any encoding inflate within bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| leeward::probe::fuzz::read_any_body(input));
