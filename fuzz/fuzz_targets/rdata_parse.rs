//! Any text is read to sound octets or refused at a place that lies in it.
#![no_main]

use leeward::wire::{Name, Rtype, check_rdata, parse_rdata, rdata_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((code, text)) = input.split_first_chunk::<2>() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let rtype = Rtype(u16::from_be_bytes(*code));
    let origin = Name::parse_absolute("example.com").expect("a name");
    match parse_rdata(rtype, text, &origin) {
        Ok(parsed) => {
            assert_eq!(check_rdata(rtype, &parsed.octets), Ok(()));
            let again = parse_rdata(rtype, &rdata_text(rtype, &parsed.octets), &Name::root());
            assert_eq!(again.expect("our own text").octets, parsed.octets);
        }
        Err(fault) => {
            if let Some(range) = fault.range {
                assert!(text.get(range).is_some());
            }
        }
    }
});
