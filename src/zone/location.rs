//! Order of the children of a location-dependent node, by the place of a client.
//!
//! [`ReadyRule::order`] is the one rule (`route53` 2.5.4, 2.6.4, 2.8.5, 2.8.7). [`LocationRows`] holds its results by
//! class, made at load; a client whose prefix is too short for a class, or who is known only by place, is ordered on
//! the spot.

use crate::geo::{Coordinates, PrefixTable, biased, great_circle_km};

use super::client_location::{CHILDREN_MAX, ClientLocation};
use super::latency::LatencyTable;
use super::policy::LocationRule;

/// A location rule ready to order children: prefixes in a table that finds all covering blocks in log time.
#[derive(Debug)]
pub struct ReadyRule {
    rule: LocationRule,
    prefixes: Option<PrefixTable<u16>>,
    latency: Option<LatencyTable>,
}

impl ReadyRule {
    /// Makes a rule ready.
    pub fn new(rule: &LocationRule) -> Self {
        let prefixes = match rule {
            LocationRule::Subnets { prefixes, .. } => {
                Some(PrefixTable::build(prefixes.iter().copied()))
            }
            _ => None,
        };
        let latency = match rule {
            LocationRule::Latency { points, times } => Some(LatencyTable::new(points, times)),
            _ => None,
        };
        Self {
            rule: rule.clone(),
            prefixes,
            latency,
        }
    }

    /// Returns the rule.
    pub fn rule(&self) -> &LocationRule {
        &self.rule
    }

    /// Returns the table of times of a latency rule.
    pub fn latency(&self) -> Option<&LatencyTable> {
        self.latency.as_ref()
    }

    /// Writes the children for a client in the order they are tried; returns how many.
    ///
    /// | Rule | Order |
    /// |---|---|
    /// | geo | subdivision, country, continent, default (`route53` 2.5.4) |
    /// | subnets | longest covering block first, default (2.8.5, 2.8.7); longer blocks than the prefix do not match (2.8.4) |
    /// | nearest | by biased distance, ties and unknown clients in written order (2.6.4-2.6.7) |
    /// | latency | by time, measured or by distance; ties and unknown distances in written order (2.4.2) |
    pub fn order(&self, client: &ClientLocation, out: &mut [u16; CHILDREN_MAX]) -> usize {
        if let Some(latency) = &self.latency {
            return latency.order(client, out);
        }
        let mut list = Children { out, len: 0 };
        match &self.rule {
            LocationRule::Geo { places, default } => {
                if let Some(place) = client.place {
                    for wanted in place.chain() {
                        let found = places.iter().find(|(known, _)| *known == wanted);
                        list.push(found.map(|(_, child)| *child));
                    }
                }
                list.push(*default);
            }
            LocationRule::Subnets { default, .. } => {
                if let (Some(table), Some(prefix)) = (&self.prefixes, client.prefix) {
                    for child in table.chain(prefix) {
                        list.push(Some(child));
                    }
                }
                list.push(*default);
            }
            LocationRule::Nearest { points } => order_by_distance(points, client.point, &mut list),
            LocationRule::Latency { .. } => {}
        }
        list.len
    }
}

struct Children<'a> {
    out: &'a mut [u16; CHILDREN_MAX],
    len: usize,
}

impl Children<'_> {
    /// Adds a child that is not listed yet.
    fn push(&mut self, child: Option<u16>) {
        let Some(child) = child else { return };
        if self.len < CHILDREN_MAX && !self.out[..self.len].contains(&child) {
            self.out[self.len] = child;
            self.len += 1;
        }
    }
}

fn order_by_distance(
    points: &[(Coordinates, i8)],
    client: Option<Coordinates>,
    list: &mut Children<'_>,
) {
    let count = points.len().min(CHILDREN_MAX);
    for child in 0..count {
        list.push(Some(child as u16));
    }
    let Some(client) = client else { return };
    let mut distances = [0.0; CHILDREN_MAX];
    for (distance, (point, bias)) in distances.iter_mut().zip(points) {
        *distance = biased(great_circle_km(client, *point), *bias);
    }
    // A stable order keeps ties as written.
    let by_distance = |a: &u16, b: &u16| {
        let (a_km, b_km): (f64, f64) = (distances[usize::from(*a)], distances[usize::from(*b)]);
        a_km.total_cmp(&b_km).then(a.cmp(b))
    };
    list.out[..count].sort_unstable_by(by_distance);
}

/// Orders by class and rule, in one flat array.
#[derive(Clone, Debug, Default)]
pub struct LocationRows {
    rules: Box<[u32]>,
    starts: Box<[u32]>,
    orders: Box<[u16]>,
}

impl LocationRows {
    /// Packs rows: for each class the orders of the rules, in the order of `rules`.
    pub fn pack(rules: &[u32], classes: &[Vec<Vec<u16>>]) -> Self {
        let mut starts = vec![0];
        let mut orders = Vec::new();
        for order in classes.iter().flatten() {
            orders.extend_from_slice(order);
            starts.push(orders.len() as u32);
        }
        Self {
            rules: rules.into(),
            starts: starts.into(),
            orders: orders.into(),
        }
    }

    /// Returns the order of a rule's children for a class; empty for a rule that is not among these.
    #[inline]
    pub fn order(&self, class: u16, rule: u32) -> &[u16] {
        let Some(at) = self.rules.iter().position(|&known| known == rule) else {
            return &[];
        };
        let row = usize::from(class) * self.rules.len() + at;
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(&from), Some(&to)) => &self.orders[from as usize..to as usize],
            _ => &[],
        }
    }
}
