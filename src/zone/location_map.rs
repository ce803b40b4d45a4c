//! Location maps, one for each distinct list of location rules that a root can reach: the common refinement of all
//! of them, so that a query looks up its client once (design, A8).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::geo::{ClassMap, ClientAt, Locations, PlaceId, refine};

use super::location::{LocationRows, ReadyRule};

use super::client_location::{CHILDREN_MAX, ClientLocation};
use super::policy::{LocationRule, Policies};
use crate::geo::TimesFor;

/// Most classes of one map.
const CLASSES_MAX: usize = 65_535;

/// Address to class and scope, and the order of children by class.
#[derive(Debug)]
pub struct LocationMap {
    classes: ClassMap,
    rows: LocationRows,
    rules: Vec<(u32, ReadyRule)>,
}

impl LocationMap {
    /// Builds the map of some rules of a zone over a location database.
    pub fn build(policies: &Policies, rules: &[u32], locations: &Locations) -> Self {
        let ready: Vec<(u32, ReadyRule)> = rules
            .iter()
            .map(|&rule| (rule, ReadyRule::new(&policies.rules[rule as usize])))
            .collect();
        let mut prefixes: Vec<IpNet> = Vec::new();
        for (_, rule) in &ready {
            prefixes.extend(prefixes_of(rule.rule()));
        }
        let mut ids: HashMap<Vec<Vec<u16>>, u16> = HashMap::new();
        let mut classes: Vec<Vec<Vec<u16>>> = Vec::new();
        let mut room = [0; CHILDREN_MAX];
        // Without prefixes the place alone decides, so each is ordered once.
        let mut by_place: HashMap<PlaceId, u16> = HashMap::new();
        let is_by_place = prefixes.is_empty();
        let mut classify = |client: ClientAt<'_>| {
            if let (true, Some(&class)) = (is_by_place, by_place.get(&client.place_id)) {
                return class;
            }
            let place_id = client.place_id;
            let client = ClientLocation {
                place: client.info.place,
                point: client.info.point,
                prefix: Some(client.address.into()),
            };
            let orders: Vec<Vec<u16>> = ready
                .iter()
                .map(|(_, rule)| room_slice(rule, &client, &mut room).to_vec())
                .collect();
            if let Some(&class) = ids.get(&orders) {
                by_place.insert(place_id, class);
                return class;
            }
            // Beyond the bound the last class stands for all others; validate refuses so many rules before.
            let class = classes.len().min(CLASSES_MAX) as u16;
            if classes.len() < CLASSES_MAX {
                by_place.insert(place_id, class);
                classes.push(orders.clone());
                ids.insert(orders, class);
            }
            class
        };
        let (v4, v6) = refine(locations, &prefixes, &mut classify);
        Self {
            classes: ClassMap::build(&v4, &v6),
            rows: LocationRows::pack(rules, &classes),
            rules: ready,
        }
    }

    /// Returns class and scope of a full address.
    #[inline]
    pub fn lookup(&self, address: IpAddr) -> (u16, u8) {
        self.classes.lookup(address)
    }

    /// Reads the first entry of a [`Self::lookup`], so that it is in the cache later.
    #[inline]
    pub fn read_top(&self, address: IpAddr) -> u32 {
        self.classes.read_top(address)
    }

    /// Reads the second entry of a [`Self::lookup`].
    #[inline]
    pub fn read_below(&self, address: IpAddr) -> u32 {
        self.classes.read_below(address)
    }

    /// Returns the rows by class.
    #[inline]
    pub fn rows(&self) -> &LocationRows {
        &self.rows
    }

    /// Returns a rule by its number.
    pub fn rule(&self, rule: u32) -> Option<&ReadyRule> {
        let found = self.rules.iter().find(|(known, _)| *known == rule);
        found.map(|(_, ready)| ready)
    }

    /// Orders the children of a rule for a client that has no class; returns how many.
    pub fn order_on_the_spot(
        &self,
        rule: u32,
        client: &ClientLocation,
        out: &mut [u16; CHILDREN_MAX],
    ) -> usize {
        self.rule(rule).map_or(0, |ready| ready.order(client, out))
    }
}

/// Returns the prefixes at whose borders a rule may change its mind.
fn prefixes_of(rule: &LocationRule) -> Vec<IpNet> {
    match rule {
        LocationRule::Subnets { prefixes, .. } => {
            prefixes.iter().map(|(prefix, _)| *prefix).collect()
        }
        LocationRule::Latency { times, .. } => times
            .iter()
            .filter_map(|line| match line.client {
                TimesFor::Prefix(prefix) => Some(prefix),
                TimesFor::Place(_) | TimesFor::Default => None,
            })
            .collect(),
        LocationRule::Geo { .. } | LocationRule::Nearest { .. } => Vec::new(),
    }
}

fn room_slice<'a>(
    rule: &ReadyRule,
    client: &ClientLocation,
    room: &'a mut [u16; CHILDREN_MAX],
) -> &'a [u16] {
    let len = rule.order(client, room);
    &room[..len]
}

/// Builds every map that a zone needs.
pub fn build_maps(policies: &Policies, locations: &Locations) -> Box<[Arc<LocationMap>]> {
    policies
        .maps
        .iter()
        .map(|rules| Arc::new(LocationMap::build(policies, rules, locations)))
        .collect()
}
