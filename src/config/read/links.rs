//! Rules over references: cycles and depth (rules a14, a32, a42), and what depends on the client where it must not
//! (rule a32).
//!
//! In: every reference of the file. Out: faults that show the path. Never here: what checks are applied to.

use std::collections::HashMap;

use super::nodes::DEPTH_MAX;
use super::reader::{Edge, Item, Reader};
use crate::diagnostic::Diagnostic;
use crate::model::CheckRef;

/// Deepest nesting of calculated checks (zone format, section 2).
const CHECK_DEPTH_MAX: usize = 8;

/// Items of a circle that are shown; chosen, longer ones are found by the ends.
const CIRCLE_SHOWN_MAX: usize = 12;

/// References by the item that holds them.
struct Graph<'e> {
    edges: &'e [Edge],
    from: HashMap<Item, Vec<usize>>,
}

impl<'e> Graph<'e> {
    fn new(edges: &'e [Edge]) -> Self {
        let mut from: HashMap<Item, Vec<usize>> = HashMap::new();
        for (i, edge) in edges.iter().enumerate() {
            from.entry(edge.from).or_default().push(i);
        }
        Self { edges, from }
    }

    fn of(&self, item: Item) -> &[usize] {
        self.from.get(&item).map_or(&[], Vec::as_slice)
    }
}

/// Validates every reference of the file; says whether they are free of cycles.
pub(super) fn validate(reader: &mut Reader<'_>) -> bool {
    let edges = std::mem::take(&mut reader.edges);
    let graph = Graph::new(&edges);
    let mut items: Vec<Item> = graph.from.keys().copied().collect();
    items.sort_unstable();
    let order = validate_cycles(reader, &graph, &items);
    let is_free = order.is_some();
    if let Some(order) = order {
        validate_depth(reader, &graph, &order);
        validate_located_gates(reader, &graph, &order);
    }
    reader.edges = edges;
    is_free
}

/// State of an item in the search for cycles.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    OnPath,
    Done,
}

/// Searches cycles without recursion; returns the items so that each comes after all it refers to, if there is none.
fn validate_cycles(
    reader: &mut Reader<'_>,
    graph: &Graph<'_>,
    items: &[Item],
) -> Option<Vec<Item>> {
    let mut marks: HashMap<Item, Mark> = HashMap::new();
    let mut order = Vec::new();
    let mut is_free = true;
    for &start in items {
        if marks.contains_key(&start) {
            continue;
        }
        marks.insert(start, Mark::OnPath);
        // The item, how many of its references are done, and the reference that led to it.
        let mut path: Vec<(Item, usize, Option<usize>)> = vec![(start, 0, None)];
        while let Some((item, done, _)) = path.last_mut() {
            let item = *item;
            let Some(&next) = graph.of(item).get(*done) else {
                marks.insert(item, Mark::Done);
                order.push(item);
                path.pop();
                continue;
            };
            *done += 1;
            let to = graph.edges[next].to;
            match marks.get(&to) {
                Some(Mark::Done) => {}
                Some(Mark::OnPath) => {
                    is_free = false;
                    report_cycle(reader, graph, &path, next);
                }
                None => {
                    marks.insert(to, Mark::OnPath);
                    path.push((to, 0, Some(next)));
                }
            }
        }
    }
    is_free.then_some(order)
}

fn report_cycle(
    reader: &mut Reader<'_>,
    graph: &Graph<'_>,
    path: &[(Item, usize, Option<usize>)],
    last: usize,
) {
    let closing = &graph.edges[last];
    let start = path
        .iter()
        .position(|(item, ..)| *item == closing.to)
        .unwrap_or(0);
    let circle = &path[start..];
    let mut words: Vec<String> = circle
        .iter()
        .take(CIRCLE_SHOWN_MAX)
        .map(|(item, ..)| describe(reader, *item))
        .collect();
    if circle.len() > CIRCLE_SHOWN_MAX {
        words.push("...".to_owned());
    }
    words.push(describe(reader, closing.to));
    let mut diagnostic = Diagnostic::fault(
        "L034",
        closing.span.clone(),
        &closing.path,
        format!("references go in a circle: {}", words.join(" -> ")),
    )
    .label("closes the circle")
    .help("take out one of these references");
    for (_, _, reference) in circle.iter().skip(1).take(CIRCLE_SHOWN_MAX) {
        if let Some(edge) = reference.map(|i| &graph.edges[i]) {
            diagnostic = diagnostic.related(
                edge.span.clone(),
                format!("leads to {}", describe(reader, edge.to)),
            );
        }
    }
    reader.faults.push(diagnostic);
}

/// Names an item as references do.
pub(super) fn describe(reader: &Reader<'_>, item: Item) -> String {
    let index = &reader.index;
    match item {
        Item::Check(id) => format!("check:{}", index.checks[id].id),
        Item::Pool(id) => match index.pools.get(id) {
            Some(pool) => format!("pool:{}", pool.id),
            None => "these records".to_owned(),
        },
        Item::Name(id) => match index.names.get(id) {
            Some(name) => format!("name:{}", name.owner.to_relative(&reader.apex)),
            None => "this file".to_owned(),
        },
    }
}

/// Validates the depth of nodes and references together, and that of calculated checks.
fn validate_depth(reader: &mut Reader<'_>, graph: &Graph<'_>, order: &[Item]) {
    let mut depths: HashMap<Item, (usize, usize)> = HashMap::new();
    for item in order {
        let (mut nodes, mut checks) = (0, 0);
        let mut reported = false;
        for edge in graph.of(*item).iter().map(|i| &graph.edges[*i]) {
            let below = depths.get(&edge.to).copied().unwrap_or_default();
            let is_child = matches!((edge.from, edge.to), (Item::Check(_), Item::Check(_)));
            let (own_nodes, own_checks) = if is_child {
                (0, below.1 + 1)
            } else if edge.is_check {
                (0, 0)
            } else {
                (edge.depth + below.0, 0)
            };
            let message = if own_nodes > DEPTH_MAX {
                Some(format!(
                    "policies and references are more than {DEPTH_MAX} deep from here"
                ))
            } else if own_checks >= CHECK_DEPTH_MAX {
                Some(format!(
                    "calculated checks are more than {CHECK_DEPTH_MAX} deep from here"
                ))
            } else {
                None
            };
            if let Some(message) = message.filter(|_| !reported) {
                reported = true;
                reader.faults.push(
                    Diagnostic::fault("L035", edge.span.clone(), &edge.path, message)
                        .label("too deep"),
                );
            }
            nodes = nodes.max(own_nodes);
            checks = checks.max(own_checks);
        }
        // What is too deep is reported once, not by everyone who refers to it.
        depths.insert(*item, if reported { (0, 0) } else { (nodes, checks) });
    }
}

/// Refuses gates whose health depends on where the client is: it would have no one value.
fn validate_located_gates(reader: &mut Reader<'_>, graph: &Graph<'_>, order: &[Item]) {
    let mut located = reader.located.clone();
    for item in order {
        let reaches = graph
            .of(*item)
            .iter()
            .map(|i| &graph.edges[*i])
            .any(|edge| !edge.is_check && located.contains(&edge.to));
        if reaches {
            located.insert(*item);
        }
    }
    let mut found = Vec::new();
    for used in &reader.check_uses {
        let item = match used.check {
            CheckRef::Pool(id) => Item::Pool(id),
            CheckRef::Name(id) => Item::Name(id),
            _ => continue,
        };
        if located.contains(&item) {
            found.push((used.clone(), item));
        }
    }
    for (used, item) in found {
        let text = describe(reader, item);
        reader.faults.push(
            Diagnostic::fault(
                "L039",
                used.span,
                &used.path,
                format!("the health of `{text}` depends on where the client is"),
            )
            .label("has no one value")
            .help("refer to the pools below its `geo`, `subnets`, `nearest` or `latency`"),
        );
    }
}
