//! Grows small zones at random: wildcards, aliases, cuts, glue, empty non-terminals, loops, in any combination.
//!
//! In: a seed. Out: groups of one or two zones that refer to each other, in the spirit of the SCALE tests (Kakarla and
//! others, NSDI 2022): a tiny alphabet makes names meet. Never here: servers, expectations.

use std::collections::BTreeMap;

use super::lot::Lot;
use super::zone::{Zone, below};

/// Labels of owners; the repeated ones are met more often.
const LABELS: [&str; 8] = ["a", "a", "b", "b", "c", "*", "*", "ns"];
/// Labels below which names are seldom owned.
const DEPTH_MAX: usize = 4;

/// How the two zones of a group stand to each other.
enum Kin {
    Single,
    Sibling,
    Child { is_delegated: bool },
}

/// Grows the group with this number.
pub(crate) fn group(number: usize, seed: u64) -> Vec<Zone> {
    let mut lot = Lot::new(seed ^ (u64::try_from(number).expect("a small number") << 20));
    let apex = format!("z{number}.test.");
    let kin = match lot.below(10) {
        0..=4 => Kin::Single,
        5..=7 => Kin::Sibling,
        8 => Kin::Child { is_delegated: true },
        _ => Kin::Child {
            is_delegated: false,
        },
    };
    let other = match kin {
        Kin::Single => format!("unserved{number}.invalid."),
        Kin::Sibling => format!("y{number}.test."),
        Kin::Child { .. } => below(lot.one(&["a", "b"]), &apex),
    };
    let mut first = Grower::new(&mut lot, &apex, &other);
    first.grow();
    if let Kin::Child { is_delegated: true } = kin {
        first.delegate();
    }
    let first = first.zone;
    if matches!(kin, Kin::Single) {
        return vec![first];
    }
    let mut second = Grower::new(&mut lot, &other, &apex);
    second.grow();
    let second = second.zone;
    vec![first, second]
}

/// What some peer refuses to load; kept to a few zones, so that most are served by all.
#[derive(Clone, Copy)]
struct Odd {
    /// Data below a DNAME record, which NSD and Knot refuse (RFC 6672, section 2.4).
    is_data_below_dname: bool,
    /// A wildcard that owns NS records, which BIND refuses (RFC 4592, section 4.2).
    is_wildcard_cut: bool,
}

struct Grower<'a> {
    lot: &'a mut Lot,
    odd: Odd,
    zone: Zone,
    other: String,
    address: u8,
}

impl<'a> Grower<'a> {
    fn new(lot: &'a mut Lot, apex: &str, other: &str) -> Self {
        let odd = Odd {
            is_data_below_dname: lot.percent(4),
            is_wildcard_cut: lot.percent(6),
        };
        Self {
            lot,
            odd,
            zone: Zone::new(apex),
            other: other.to_owned(),
            address: 0,
        }
    }

    fn grow(&mut self) {
        self.grow_apex();
        for _ in 0..2 + self.lot.below(7) {
            let owner = self.owner();
            if !self.zone.records.contains_key(&owner) {
                self.grow_owner(&owner);
            }
        }
        if !self.odd.is_data_below_dname {
            self.clear_below_dname();
        }
    }

    /// Takes away what lies below DNAME records.
    fn clear_below_dname(&mut self) {
        let is_dname = |types: &BTreeMap<&str, _>| types.contains_key("DNAME");
        let owners: Vec<String> = self
            .zone
            .records
            .iter()
            .filter(|(_, types)| is_dname(types))
            .map(|(owner, _)| format!(".{owner}"))
            .collect();
        let is_below = |name: &String| owners.iter().any(|owner| name.ends_with(owner));
        self.zone.records.retain(|name, _| !is_below(name));
    }

    fn grow_apex(&mut self) {
        let apex = self.zone.apex.clone();
        let minimum = self.lot.one(&["60", "86400"]);
        let soa = format!("ns.{apex} host.{apex} 1 7200 900 1209600 {minimum}");
        self.zone.add(&apex, "SOA", soa);
        let is_aliased = self.lot.percent(6);
        if is_aliased {
            let target = self.target();
            self.zone.add(&apex, "DNAME", target);
        }
        let host = match is_aliased || self.lot.percent(25) {
            true => below(
                "ns",
                self.lot.one(&["elsewhere.invalid.", self.other.as_str()]),
            ),
            false => below("ns", &apex),
        };
        if host == below("ns", &apex) {
            self.add_addresses(&host);
        }
        self.zone.add(&apex, "NS", host);
        if self.lot.percent(30) {
            self.add_some(&apex);
        }
    }

    fn grow_owner(&mut self, owner: &str) {
        let kinds = match owner.starts_with("*.") && !self.odd.is_wildcard_cut {
            true => 80,
            false => 100,
        };
        match self.lot.below(kinds) {
            0..=44 => {
                for _ in 0..1 + self.lot.below(2) {
                    self.add_some(owner);
                }
            }
            45..=64 => {
                let target = self.target();
                self.zone.add(owner, "CNAME", target);
            }
            65..=79 => {
                let target = self.target();
                self.zone.add(owner, "DNAME", target);
                if self.lot.percent(30) {
                    self.add_some(owner);
                }
            }
            _ => self.cut(owner),
        }
    }

    /// Makes a zone cut, with or without glue, DS and data that it hides.
    fn cut(&mut self, owner: &str) {
        for _ in 0..1 + self.lot.below(2) {
            let host = match self.lot.below(5) {
                0..=1 => below("ns", owner),
                2 => owner.to_owned(),
                3 => self.target(),
                _ => below(self.lot.one(&["ns", "a", "b"]), &self.zone.apex),
            };
            let is_inside = host.ends_with(owner);
            if is_inside && self.lot.percent(85) && !self.is_alias(&host) {
                self.add_addresses(&host);
            }
            self.zone.add(owner, "NS", host);
        }
        if self.lot.percent(40) {
            let digest = "0123456789ABCDEF0123456789ABCDEF01234567";
            self.zone.add(owner, "DS", format!("4711 13 1 {digest}"));
        }
        if self.lot.percent(20) {
            self.add_some(owner);
        }
        if self.lot.percent(20) {
            let hidden = below(self.lot.one(&["a", "*", "b"]), owner);
            if !self.zone.records.contains_key(&hidden) {
                self.grow_owner(&hidden);
            }
        }
    }

    /// Delegates the other zone of the group, as a parent should.
    fn delegate(&mut self) {
        let child = self.other.clone();
        let host = below("ns", &child);
        self.zone.records.remove(&child);
        self.zone.add(&child, "NS", host.clone());
        if !self.is_alias(&host) {
            self.add_addresses(&host);
        }
    }

    /// Adds one record of an ordinary type.
    fn add_some(&mut self, owner: &str) {
        match self.lot.below(8) {
            0..=2 => self.add_address(owner, "A"),
            3 => self.add_address(owner, "AAAA"),
            4..=5 => {
                let text = format!("\"text {}\"", self.lot.below(10));
                self.zone.add(owner, "TXT", text);
            }
            6 => {
                let target = self.target();
                self.zone.add(owner, "MX", format!("10 {target}"));
            }
            _ => {
                let target = self.target();
                self.zone.add(owner, "SRV", format!("1 2 53 {target}"));
            }
        }
    }

    fn add_addresses(&mut self, host: &str) {
        self.add_address(host, "A");
        if self.lot.percent(40) {
            self.add_address(host, "AAAA");
        }
    }

    fn add_address(&mut self, owner: &str, rtype: &'static str) {
        self.address = self.address.wrapping_add(1);
        let rdata = match rtype {
            "A" => format!("192.0.2.{}", self.address),
            _ => format!("2001:db8::{:x}", self.address),
        };
        self.zone.add(owner, rtype, rdata);
    }

    fn is_alias(&self, owner: &str) -> bool {
        self.zone.has(owner, "CNAME")
    }

    /// Draws an owner below the apex, often below one that is there.
    fn owner(&mut self) -> String {
        let mut name = self.zone.apex.clone();
        if self.lot.percent(35) {
            let owners: Vec<&String> = self.zone.records.keys().collect();
            name = self.lot.one(&owners).clone();
        }
        let depth = self.depth(&name);
        for _ in 0..1 + self.lot.below(2) {
            if depth < DEPTH_MAX {
                name = below(self.lot.one(&LABELS), &name);
            }
        }
        match name == self.zone.apex {
            true => below("a", &name),
            false => name,
        }
    }

    fn depth(&self, name: &str) -> usize {
        let dots = |text: &str| text.matches('.').count();
        dots(name) - dots(&self.zone.apex)
    }

    /// Draws a name that an alias or a host name leads to: here, in the other zone, or where nobody serves.
    fn target(&mut self) -> String {
        let base = match self.lot.below(20) {
            0..=12 => self.zone.apex.clone(),
            13..=17 => self.other.clone(),
            18 => return "elsewhere.invalid.".to_owned(),
            _ => return self.zone.apex.clone(),
        };
        if self.lot.percent(30) && base == self.zone.apex {
            let owners: Vec<&String> = self.zone.records.keys().collect();
            if !owners.is_empty() {
                let owner = self.lot.one(&owners).to_string();
                return match self.lot.percent(40) {
                    true => below(self.lot.one(&LABELS), &owner),
                    false => owner,
                };
            }
        }
        let mut name = base;
        for _ in 0..self.lot.below(4) {
            name = below(self.lot.one(&LABELS), &name);
        }
        name
    }
}
