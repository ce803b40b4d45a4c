//! Any octets of any type have text; the text of sound octets reads back to them, and that of others is refused.
#![no_main]

use leeward::wire::{Name, Rtype, additional_name, check_rdata, parse_rdata, rdata_name_ranges, rdata_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((code, octets)) = input.split_first_chunk::<2>() else {
        return;
    };
    let rtype = Rtype(u16::from_be_bytes(*code));
    let text = rdata_text(rtype, octets);
    let parsed = parse_rdata(rtype, &text, &Name::root());
    match check_rdata(rtype, octets) {
        Ok(()) => assert_eq!(&*parsed.expect(&text).octets, octets, "{rtype} {text}"),
        Err(_) => assert!(text.starts_with("\\#") && parsed.is_err(), "{rtype} {text}"),
    }
    for found in rdata_name_ranges(rtype, octets) {
        let (_, length) = Name::from_wire(&octets[found.range.clone()]).expect("a name");
        assert_eq!(length, found.range.len());
    }
    if let Some(range) = additional_name(rtype, octets) {
        assert!(Name::from_wire(&octets[range]).is_ok());
    }
});
