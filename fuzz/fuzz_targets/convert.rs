//! A master file as zone TOML serves what the file serves, unless a loss is told; and that TOML as a master file again.
#![no_main]

use leeward::diagnostic::Severity;
use leeward::compile::compile_zone;
use leeward::config::read_zone;
use leeward::lint;
use leeward::convert::{PolicyForm, convert_to_master, convert_to_toml};
use leeward::zonefile::{build_master_zone, show_master};
use leeward_fuzz::{Shelf, read_zone_text, source};
use libfuzzer_sys::fuzz_target;

/// Codes of names left out, and of TTLs changed: the TOML serves less than the file.
const LOSSES: [&str; 2] = ["V001", "V003"];

fuzz_target!(|input: &[u8]| {
    let reading = read_zone_text(input);
    let Some(records) = &reading.records else {
        return;
    };
    let Ok(wanted) = build_master_zone(records) else {
        return;
    };
    let made = convert_to_toml(records, &reading);
    let Some(toml) = made.text else {
        let is_told = made.diagnostics.iter().any(|found| found.severity == Severity::Fault);
        assert!(is_told, "forbidden without a fault");
        return;
    };
    let (model, found) = read_zone(&source(&toml), &Shelf);
    let model = model.unwrap_or_else(|| panic!("{toml}\n{found:?}"));
    let reviewed = lint::review_zone(&model);
    let faults: Vec<_> = reviewed
        .into_iter()
        .filter(|found| found.severity == Severity::Fault)
        .collect();
    assert!(faults.is_empty(), "{toml}\n{faults:?}");
    let built = compile_zone(&model, model.soa.serial.unwrap_or(1)).expect("as large as before");
    if made.diagnostics.iter().any(|found| LOSSES.contains(&found.code)) {
        return;
    }
    assert_eq!(show_master(&built), show_master(&wanted), "{toml}");
    let back = convert_to_master(&model, &built, PolicyForm::Comments);
    let text = back.text.expect("nothing forbids it");
    let again = read_zone_text(text.as_bytes());
    let records = again.records.as_ref().unwrap_or_else(|| panic!("{text}\n{:?}", again.findings));
    let rebuilt = build_master_zone(records).expect("as large as before");
    assert_eq!(show_master(&rebuilt), show_master(&built), "{text}");
});
