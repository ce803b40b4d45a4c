//! The owner names of a zone, the names above them, and the cuts.
//!
//! In: the model and the index of names. Out: whether a name exists, and what delegates it. Never here: rules.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use super::reader::NameIds;
use crate::model::{NameId, NameModel, ZoneModel};
use crate::wire::{Name, Rtype, hash_octets};

/// The owner names of the zone, and which of them are cuts.
pub(super) struct Owners<'m> {
    apex: &'m Name,
    written: &'m NameIds,
    /// Names between an owner and the apex.
    above: HashSet<NameOctets<'m>>,
    /// Delegated names (rule a53).
    pub(super) cuts: HashMap<Name, NameId>,
}

/// A name in wire form that is borrowed, compared without case.
#[derive(Clone, Copy)]
struct NameOctets<'m>(&'m [u8]);

impl Hash for NameOctets<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_octets(self.0, state);
    }
}

impl PartialEq for NameOctets<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for NameOctets<'_> {}

impl<'m> NameOctets<'m> {
    /// The name without its leftmost label; `None` for the root.
    fn parent(self) -> Option<Self> {
        let (&length, after) = self.0.split_first()?;
        let rest = after.get(usize::from(length)..)?;
        (length != 0).then_some(Self(rest))
    }
}

/// Collects the owners of a zone.
pub(super) fn collect_owners<'m>(model: &'m ZoneModel, written: &'m NameIds) -> Owners<'m> {
    let mut owners = Owners {
        apex: &model.apex,
        written,
        above: HashSet::new(),
        cuts: HashMap::new(),
    };
    let apex_len = model.apex.octets().len();
    for (id, name) in model.names.iter().enumerate() {
        if name.owner != model.apex && has_type(name, Rtype::NS) {
            owners.cuts.insert(name.owner.clone(), id);
        }
        let mut next = NameOctets(name.owner.octets()).parent();
        while let Some(above) = next.filter(|above| above.0.len() > apex_len) {
            // What lies above a name that was met before was met with it.
            let is_new = owners.above.insert(above);
            next = above.parent().filter(|_| is_new);
        }
    }
    owners
}

impl Owners<'_> {
    /// Says whether a name is written, or lies above one that is.
    pub(super) fn has(&self, name: &Name) -> bool {
        let is_above = || self.above.contains(&NameOctets(name.octets()));
        name == self.apex || self.written.contains_key(name) || is_above()
    }

    /// Finds the cut at or above a name, the uppermost one.
    pub(super) fn cut_of(&self, name: &Name, apex: &Name) -> Option<NameId> {
        if self.cuts.is_empty() {
            return None;
        }
        let mut found = None;
        let mut next = Some(name.clone());
        while let Some(owner) = next.filter(|owner| owner != apex && owner.is_at_or_below(apex)) {
            found = self.cuts.get(&owner).copied().or(found);
            next = owner.parent();
        }
        found
    }
}

/// Says whether a name has static records of a type.
pub(super) fn has_type(name: &NameModel, rtype: Rtype) -> bool {
    name.rrsets.iter().any(|rrset| rrset.rtype == rtype)
}
