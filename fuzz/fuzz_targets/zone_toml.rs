//! Any text is read as a zone file without a panic; findings lie in the text and can be shown; a zone that is taken can be
//! reviewed, compiled, shown, judged, and answers.
#![no_main]

use std::sync::Arc;

use leeward::diagnostic::{Severity, render_json, render_text};
use leeward::compile::compile_zone;
use leeward::config::{read_zone, show};
use leeward::lint;
use leeward::geo::Locations;
use leeward::simulate::check_expectations;
use leeward::zone::ServedZone;
use leeward_fuzz::{Shelf, source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let source = source(text);
    let (model, mut found) = read_zone(&source, &Shelf);
    let is_fault = |severity: Severity| severity == Severity::Fault;
    assert_eq!(model.is_none(), found.iter().any(|found| is_fault(found.severity)));
    for one in &found {
        assert!(text.get(one.span.0.clone()).is_some(), "{one:?} is outside");
    }
    if let Some(model) = model {
        found.extend(lint::review_zone(&model));
        if let Ok(zone) = compile_zone(&model, 1) {
            let locations = Arc::new(Locations::unknown());
            let served = ServedZone::new(zone, &locations);
            check_expectations(&model, &served, &locations, true);
            check_shown(&model);
        }
    }
    render_text(&found, std::slice::from_ref(&source), false);
    render_json(&found, std::slice::from_ref(&source));
});

/// What `show --effective` writes is a zone file that says the same.
fn check_shown(model: &leeward::model::ZoneModel) {
    let shown = show::show_zone(model);
    let (again, found) = read_zone(&leeward_fuzz::source(&shown), &Shelf);
    let again = again.unwrap_or_else(|| panic!("{shown}\n{found:?}"));
    assert_eq!(show::show_zone(&again), shown);
}
