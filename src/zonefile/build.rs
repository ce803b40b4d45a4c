//! Records to a served zone.
//!
//! In: validated records. Out: the zone. Never here: rules; a fault here is one of size.

use crate::zone::{BuildFault, PolicyBuilder, Soa, Zone, build_zone};

use super::records::Records;

/// Builds the zone that records make; it has no policies.
///
/// # Errors
/// If an RRset, a name or the zone is larger than the arena or a DNS message can hold.
pub fn build_master_zone(records: &Records) -> Result<Zone, BuildFault> {
    let (ttl, rdata) = records.soa().unwrap_or_default();
    let soa = Soa {
        rdata,
        // RFC 2308, section 5: the smaller of MINIMUM and the SOA's own TTL.
        negative_ttl: minimum_of(rdata).min(ttl),
    };
    let policies = PolicyBuilder::new().finish();
    build_zone(&records.apex(), soa, &records.log, policies)
}

/// Reads the MINIMUM of SOA RDATA: its last four octets (RFC 1035, section 3.3.13).
pub(super) fn minimum_of(soa: &[u8]) -> u32 {
    soa.last_chunk::<4>()
        .map_or(0, |octets| u32::from_be_bytes(*octets))
}
