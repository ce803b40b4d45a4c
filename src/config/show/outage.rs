//! Outage tests and planned work.

use super::text::{Lines, inline, key, quote, rows, seconds};
use crate::diagnostic::Span;
use crate::model::{CheckKind, CheckRef, ExpectModel, From, MaintenanceModel, Outcome, ZoneModel};

/// Writes an `[[expect]]` block.
pub(super) fn show_expect(model: &ZoneModel, expect: &ExpectModel, lines: &mut Lines) {
    lines.item("expect");
    lines.set("name", quote(&expect.title));
    show_refs("down", &expect.down, lines);
    show_refs("up", &expect.up, lines);
    if !expect.on.is_empty() {
        let switches = expect.on.iter().map(|(check, switch)| {
            let reference = match switch {
                Some(switch) => CheckRef::Switch(*check, *switch),
                None => CheckRef::Check(*check),
            };
            debug_assert!(model.checks.get(*check).is_none_or(|check| matches!(
                check.kind,
                CheckKind::Manual { .. } | CheckKind::Panel { .. }
            )));
            quote(&super::checks::reference(model, &reference))
        });
        lines.set("on", rows(switches));
    }
    if let Some(now) = expect.now {
        lines.set("now", now.to_string());
    }
    let mut ask = vec![
        (
            "name".to_owned(),
            quote(&expect.name.to_relative(&model.apex)),
        ),
        ("type".to_owned(), quote(&expect.rtype.to_string())),
    ];
    let mut note = String::new();
    match expect.from {
        Some(From::Place(place)) => {
            ask.push(("from".to_owned(), quote(&place.to_string())));
            note = place.english_name();
        }
        Some(From::Address(address)) => ask.push(("from".to_owned(), quote(&address.to_string()))),
        None => {}
    }
    lines.set_noted("ask", &inline(&ask), &note);
    show_wanted(model, expect, lines);
}

fn show_wanted(model: &ZoneModel, expect: &ExpectModel, lines: &mut Lines) {
    let wanted = &expect.wanted;
    let id_of = |id: &usize| model.pools.get(*id).map_or("", |pool| pool.id.as_str());
    match (&wanted.pools, wanted.outcome) {
        (Some(pools), _) => lines.set("answer", rows(pools.iter().map(|id| quote(id_of(id))))),
        (None, Some(outcome)) => lines.set(
            "answer",
            quote(match outcome {
                Outcome::NoData => "nodata",
                Outcome::NxDomain => "nxdomain",
                Outcome::ServFail => "servfail",
            }),
        ),
        (None, None) => {}
    }
    if !wanted.share.is_empty() {
        let shares: Vec<(String, String)> = wanted
            .share
            .iter()
            .map(|(id, percent)| {
                let is_whole = percent.fract() == 0.0;
                let percent = if is_whole {
                    format!("{percent:.0}")
                } else {
                    percent.to_string()
                };
                (key(id_of(id)), percent)
            })
            .collect();
        lines.set("share", inline(&shares));
    }
    if let Some(rdata) = &wanted.rdata {
        lines.set("rdata", rows(rdata.iter().map(|text| quote(text))));
    }
    if let Some(rcode) = wanted.rcode {
        lines.set("rcode", quote(&rcode.to_string()));
    }
    if let Some(ttl) = wanted.ttl {
        lines.set("ttl", seconds(ttl));
    }
}

/// Writes a `[[maintenance]]` block.
pub(super) fn show_maintenance(maintenance: &MaintenanceModel, lines: &mut Lines) {
    lines.item("maintenance");
    show_refs("drain", &maintenance.drain, lines);
    show_refs("down", &maintenance.down, lines);
    lines.set("from", maintenance.from.to_string());
    lines.set("until", maintenance.until.to_string());
    lines.set("reason", quote(&maintenance.reason));
}

fn show_refs(name: &str, refs: &[(String, Span)], lines: &mut Lines) {
    if !refs.is_empty() {
        lines.set(name, rows(refs.iter().map(|(text, _)| quote(text))));
    }
}
