//! Records to a served zone.
//!
//! In: judged records. Out: the zone. Never here: rules; a fault here is one of size.

use crate::wire::Rtype;
use crate::zone::{BuildFault, PolicyBuilder, Zone, ZoneBuilder};

use super::records::Records;

/// Builds the zone that records make; it has no policies.
///
/// # Errors
/// If an RRset, a name or the zone is larger than the arena or a DNS message can hold.
pub fn build_master_zone(records: &Records) -> Result<Zone, BuildFault> {
    let apex = records.apex();
    let (ttl, soa) = records.soa().unwrap_or_default();
    let minimum = minimum_of(soa);
    // RFC 2308, section 5: the smaller of MINIMUM and the SOA's own TTL.
    let mut builder = ZoneBuilder::new(&apex, soa, ttl, minimum.min(ttl))?;
    for rows in records.rows.chunk_by(|one, other| one.owner == other.owner) {
        let owner = builder.owner(records.names.octets(rows[0].owner))?;
        for set in rows.chunk_by(|one, other| one.rtype == other.rtype) {
            if set[0].rtype != Rtype::SOA {
                let rdata = set.iter().map(|row| records.rdata(row));
                builder.add_rrset(owner, set[0].rtype, set[0].ttl, rdata)?;
            }
        }
    }
    builder.finish(PolicyBuilder::new().finish())
}

/// Reads the MINIMUM of SOA RDATA: its last four octets (RFC 1035, section 3.3.13).
pub(super) fn minimum_of(soa: &[u8]) -> u32 {
    soa.last_chunk::<4>()
        .map_or(0, |octets| u32::from_be_bytes(*octets))
}
