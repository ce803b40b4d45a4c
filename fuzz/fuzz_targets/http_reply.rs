//! Whatever an endpoint replies to a probe, the probe ends in time with a finding, and what it shows is bounded.
//!
//! The first octet chooses the check: HTTP with a text, a pattern, redirects, HEAD; a TCP exchange; a query to Prometheus.
#![no_main]

use leeward_fuzz::loopback::Endpoint;
use libfuzzer_sys::fuzz_target;

/// Longest evidence, in octets: the longest texts of zone files and replies that findings quote, and words around them.
const EVIDENCE_MAX: usize = 2_048;

thread_local! {
    static ENDPOINT: Endpoint = Endpoint::open();
}

fuzz_target!(|input: &[u8]| {
    let Some((check, reply)) = input.split_first() else {
        return;
    };
    ENDPOINT.with(|endpoint| {
        let observation = endpoint.probe(*check, reply);
        let told = observation.evidence.finding.to_string();
        assert!(told.len() <= EVIDENCE_MAX, "{} octets: {told}", told.len());
        assert!(!told.contains(['\n', '\r', '\0', '\x1b']), "{told:?}");
    });
});
