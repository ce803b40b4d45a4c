//! Records of a master file that zone TOML holds: its rules about zone cuts, aliases and types.
//!
//! In: the RRsets of a zone. Out: for each the reason of a refusal, if any; name servers without glue. Never here:
//! text.

use std::collections::{HashMap, HashSet};

use crate::wire::{Name, Rtype};
use crate::zonefile::Rrset;

/// Cuts, aliases and addresses of a zone, by name.
#[derive(Debug, Default)]
pub(super) struct Standings {
    apex: Option<Name>,
    /// Delegated names; true if the name is one of its own name servers.
    cuts: HashMap<Name, bool>,
    aliases: HashSet<Name>,
    /// Names with addresses; only filled if there are cuts.
    addresses: HashSet<Name>,
}

impl Standings {
    /// Looks at every RRset of a zone.
    pub(super) fn new(apex: &Name, sets: &[Rrset<'_>]) -> Self {
        let mut standings = Self {
            apex: Some(apex.clone()),
            ..Self::default()
        };
        for set in sets {
            match set.rtype {
                Rtype::NS if set.owner != *apex => {
                    let serves_itself = hosts(set).any(|host| host == set.owner);
                    standings.cuts.insert(set.owner.clone(), serves_itself);
                }
                Rtype::CNAME => {
                    standings.aliases.insert(set.owner.clone());
                }
                _ => {}
            }
        }
        if !standings.cuts.is_empty() {
            let has_address = |set: &&Rrset<'_>| matches!(set.rtype, Rtype::A | Rtype::AAAA);
            let owners = sets.iter().filter(has_address).map(|set| set.owner.clone());
            standings.addresses = owners.collect();
        }
        standings
    }

    /// Returns the uppermost cut at or above a name.
    fn cut_of(&self, name: &Name) -> Option<(Name, bool)> {
        if self.cuts.is_empty() {
            return None;
        }
        let mut found = None;
        let mut next = Some(name.clone());
        while let Some(owner) = next.filter(|owner| self.is_below_apex(owner)) {
            next = owner.parent();
            if let Some(serves_itself) = self.cuts.get(&owner) {
                found = Some((owner, *serves_itself));
            }
        }
        found
    }

    fn is_below_apex(&self, name: &Name) -> bool {
        self.apex
            .as_ref()
            .is_some_and(|apex| name != apex && name.is_at_or_below(apex))
    }

    /// Returns the reason why zone TOML refuses an RRset; `None` if it does not.
    pub(super) fn refusal(&self, set: &Rrset<'_>) -> Option<String> {
        let rtype = set.rtype;
        // Questions and parts of messages (RFC 6895, section 3.1).
        if rtype.0 == 0 || rtype == Rtype::OPT || (128..=255).contains(&rtype.0) {
            return Some("is no type that a zone holds".to_owned());
        }
        if rtype != Rtype::CNAME && self.aliases.contains(&set.owner) {
            return Some("stands beside a CNAME, which stands alone in zone TOML".to_owned());
        }
        let (cut, serves_itself) = self.cut_of(&set.owner)?;
        let is_glue = matches!(rtype, Rtype::A | Rtype::AAAA);
        if cut != set.owner {
            return (!is_glue).then(|| format!("is hidden by the delegation of {cut}"));
        }
        let is_kept = matches!(rtype, Rtype::NS | Rtype::DS) || (is_glue && serves_itself);
        (!is_kept).then(|| format!("is hidden by the delegation of {cut} itself"))
    }

    /// Finds a name server of a cut that lies below its own cut without an address (RFC 9471).
    pub(super) fn missing_glue(&self, set: &Rrset<'_>) -> Option<Name> {
        let is_cut = set.rtype == Rtype::NS && self.cuts.contains_key(&set.owner);
        if !is_cut {
            return None;
        }
        hosts(set).find(|host| host.is_at_or_below(&set.owner) && !self.addresses.contains(host))
    }
}

/// Returns the hosts of NS records.
fn hosts(set: &Rrset<'_>) -> impl Iterator<Item = Name> {
    let name = |rdata: &&[u8]| Name::from_wire(rdata).ok().map(|(name, _)| name);
    set.rdata.iter().filter_map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse_absolute(text).expect("a name")
    }

    #[test]
    fn keeps_what_a_cut_does_not_hide() {
        let host = name("s.example");
        let elsewhere = name("ns.test");
        let set = |owner: &str, rtype, rdata| Rrset {
            owner: name(owner),
            rtype,
            ttl: 60,
            rdata: vec![rdata],
            place: (0, 0..1),
        };
        let sets = [
            set("example", Rtype::NS, elsewhere.octets()),
            set("s.example", Rtype::NS, host.octets()),
            set("t.example", Rtype::NS, elsewhere.octets()),
            set("c.example", Rtype::CNAME, elsewhere.octets()),
        ];
        let standings = Standings::new(&name("example"), &sets);
        let cases = [
            ("example", Rtype::TXT, true),
            ("s.example", Rtype::NS, true),
            ("s.example", Rtype::DS, true),
            ("s.example", Rtype::A, true),
            ("s.example", Rtype::TXT, false),
            ("t.example", Rtype::A, false),
            ("x.t.example", Rtype::A, true),
            ("x.t.example", Rtype::NS, false),
            ("x.y.t.example", Rtype::TXT, false),
            ("c.example", Rtype::CNAME, true),
            ("c.example", Rtype::RRSIG, false),
            ("d.example", Rtype::RRSIG, true),
            ("d.example", Rtype(255), false),
        ];
        for (owner, rtype, wanted) in cases {
            let found = standings.refusal(&set(owner, rtype, b"\x00"));
            assert_eq!(found.is_none(), wanted, "{owner} {rtype}: {found:?}");
        }
        assert_eq!(standings.missing_glue(&sets[0]), None);
        assert_eq!(standings.missing_glue(&sets[1]), Some(host.clone()));
        assert_eq!(standings.missing_glue(&sets[2]), None);
    }
}
