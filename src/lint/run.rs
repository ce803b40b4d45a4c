//! All reviews in one call, and the list of what they find.

use super::{families, flattened, names, policy, pools, timing};
use crate::diagnostic::Diagnostic;
use crate::model::ZoneModel;

/// Every code of the reviews with a title of one line, in order.
pub const CODES: &[(&str, &str)] = &[
    ("R001", "a pool that nothing leads to"),
    ("R002", "a check that nothing uses"),
    ("R003", "a first tier that can never be unhealthy"),
    (
        "R004",
        "something unchecked that keeps a policy healthy for ever",
    ),
    ("R005", "a name that takes others out of a wildcard"),
    ("R006", "one family sent to another pool than the other"),
    ("R007", "other data beside a name that may be a CNAME"),
    (
        "R008",
        "failback over tiers whose health depends on the client",
    ),
    ("R009", "a policy that is too wide or deep"),
    ("R010", "a TTL much longer than detection"),
    ("R011", "one site behind all pools"),
    ("R012", "a check that probes the name it guards"),
    ("R013", "weights that are all zero"),
    ("R014", "more records than fit one UDP packet"),
    (
        "R015",
        "a switch panel whose first values break its own rule",
    ),
    ("R016", "a min-healthy that one family can never meet"),
    ("R017", "an entry of nearest or latency without a location"),
    ("R018", "a private address among public ones"),
    ("R019", "a tier that has only what the tier before it has"),
    (
        "R021",
        "a target whose provider cannot see where clients are",
    ),
];

/// Reviews a zone and returns everything found, in the order of the file.
pub fn review_zone(model: &ZoneModel) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    policy::review(model, &mut findings);
    pools::review(model, &mut findings);
    names::review(model, &mut findings);
    families::review(model, &mut findings);
    timing::review(model, &mut findings);
    flattened::review(model, &mut findings);
    findings.sort_by_key(|finding| (finding.span.0.start, finding.code));
    let at_file = findings.into_iter();
    at_file.map(|finding| finding.at(&model.file)).collect()
}
