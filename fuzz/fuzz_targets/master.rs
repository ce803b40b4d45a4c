//! Any octets are read as a master file without a panic, findings lie in the text, and what is shown reads back to the
//! same zone.
#![no_main]

use leeward::diagnostic::Severity;
use leeward::zonefile::{build_master_zone, show_master};
use leeward_fuzz::read_zone_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let reading = read_zone_text(input);
    let Some(records) = &reading.records else {
        let is_told = reading.findings.iter().any(|found| found.severity == Severity::Fault);
        assert!(is_told, "refused without a fault");
        return;
    };
    let Ok(zone) = build_master_zone(records) else {
        return;
    };
    let shown = show_master(&zone);
    let again = read_zone_text(shown.as_bytes());
    let records = again.records.as_ref().unwrap_or_else(|| panic!("{shown}\n{:?}", again.findings));
    let rebuilt = build_master_zone(records).expect("as large as before");
    assert_eq!(show_master(&rebuilt), shown);
    assert_eq!(rebuilt.name_count(), zone.name_count());
});
