//! Findings of conversions: codes and bounds, and the SOA of a master file.
//!
//! In: records. Out: values. Never here: the choice of records to keep.

use crate::diagnostic::Bounds;
use crate::model::SoaModel;
use crate::wire::Name;
use crate::zonefile::Records;

/// Every code with a title of one line, in order.
pub const CONVERT_CODES: &[(&str, &str)] = &[
    ("V001", "records that zone TOML refuses"),
    ("V003", "a number out of the bounds of zone TOML"),
    ("V004", "no NS at the apex"),
    ("V005", "missing glue"),
    ("V010", "a policy that a master file cannot say"),
    ("V011", "a policy written as plain records"),
    ("V012", "a serial that depends on the date"),
    ("V099", "more findings than are shown"),
];

/// Diagnostics that are kept of one conversion. Chosen so that a screen or two hold what matters.
pub(super) const BOUNDS: Bounds = Bounds {
    faults_max: 50,
    others_max: 500,
    alike_max: 50,
};

/// Reads the SOA of records into the form of a zone model (RFC 1035, section 3.3.13).
pub fn soa_of(records: &Records) -> SoaModel {
    let (ttl, rdata) = records.soa().unwrap_or_default();
    let name = |octets: &[u8]| Name::from_wire(octets).unwrap_or_else(|_| (Name::root(), 1));
    let (mname, length) = name(rdata);
    let (rname, more) = name(rdata.get(length..).unwrap_or_default());
    let number = |at: usize| {
        let from = length + more + at * 4;
        let octets = rdata
            .get(from..from + 4)
            .and_then(|octets| octets.first_chunk());
        octets.map_or(0, |octets| u32::from_be_bytes(*octets))
    };
    SoaModel {
        mname,
        rname,
        serial: Some(number(0)),
        refresh: number(1),
        retry: number(2),
        expire: number(3),
        ttl,
        negative_ttl: number(4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(CONVERT_CODES.is_sorted_by(|one, other| one.0 < other.0));
    }
}
