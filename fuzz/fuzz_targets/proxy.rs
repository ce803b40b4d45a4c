//! PROXY headers of both versions are read within bounds, and their beginnings say how much is missing.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| leeward::server::fuzz::read_any_header(input));
