//! What to ask about a zone: every owner, every name above it, names below and beside, wildcards literally.
//!
//! In: zones of one group. Out: names and types. Never here: answers.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::Rtype;

use super::lot::Lot;
use super::zone::{Zone, below, parent};

/// Types that the zones hold.
const HELD: [Rtype; 10] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::NS,
    Rtype::CNAME,
    Rtype::DNAME,
    Rtype::MX,
    Rtype::TXT,
    Rtype::SOA,
    Rtype::DS,
    Rtype::SRV,
];

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) rtype: Rtype,
    /// Number of the group in the run.
    pub(crate) group: usize,
}

/// Collects the questions about one group. Each name is asked for the types it holds, for A, and for `extra` others.
pub(crate) fn questions(
    group: usize,
    zones: &[Zone],
    extra: usize,
    lot: &mut Lot,
) -> Vec<Question> {
    let mut list = Vec::new();
    for (name, held) in names(zones) {
        let mut types = held;
        types.insert(Rtype::A);
        for _ in 0..extra {
            types.insert(lot.one(&HELD));
        }
        if lot.percent(10) {
            types.insert(lot.one(&[
                Rtype::ANY,
                Rtype::from_int(65_280),
                Rtype::HTTPS,
                Rtype::PTR,
            ]));
        }
        let ask = |rtype| Question {
            name: name.clone(),
            rtype,
            group,
        };
        list.extend(types.into_iter().map(ask));
    }
    list
}

fn names(zones: &[Zone]) -> BTreeMap<String, BTreeSet<Rtype>> {
    let mut names: BTreeMap<String, BTreeSet<Rtype>> = BTreeMap::new();
    for zone in zones {
        for (owner, types) in &zone.records {
            let held = names.entry(owner.clone()).or_default();
            held.extend(types.keys().map(|name| rtype(name)));
            for label in ["a", "x", "*"] {
                names.entry(below(label, owner)).or_default();
            }
            names.entry(below("x", &below("a", owner))).or_default();
            let mut above = owner.as_str();
            while above != zone.apex {
                above = parent(above).expect("the owner is below the apex");
                for label in ["b", "x"] {
                    names.entry(below(label, above)).or_default();
                }
                names.entry(above.to_owned()).or_default();
            }
        }
    }
    names
}

fn rtype(name: &str) -> Rtype {
    name.parse()
        .expect("a mnemonic that the second library knows")
}
