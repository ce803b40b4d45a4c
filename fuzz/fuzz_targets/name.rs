//! Names from octets and from text keep to their bounds, and their text reads back.
#![no_main]

use leeward::wire::{NAME_MAX, Name};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok((name, length)) = Name::from_wire(input) {
        assert_eq!(name.octets(), &input[..length]);
        check(&name);
    }
    if let Ok(name) = std::str::from_utf8(input).map_err(drop).and_then(|text| {
        let origin = Name::parse_absolute("example.com").map_err(drop)?;
        Name::parse(text, &origin).map_err(drop)
    }) {
        check(&name);
    }
});

fn check(name: &Name) {
    assert!(name.octets().len() <= NAME_MAX);
    let again = Name::parse_absolute(&name.to_string()).expect("our own text");
    assert_eq!(again.octets(), name.octets());
}
