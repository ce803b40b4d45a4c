//! Runner of `[[expect]]` blocks (rule a50): the engine on supposed inputs, and its result beside the wanted one.

use crate::clock::WallTime;
use crate::diagnostic::Span;
use crate::geo::Locations;
use crate::health::Status;
use crate::model::{ExpectModel, From, MaintenanceModel, Outcome, ZoneModel};
use crate::view::{Fold, Inputs};
use crate::wire::Rcode;
use crate::zone::{Policies, ServedZone};

use super::explain::explain;

use super::explanation::{Explanation, GivenClient, Question, ZoneState};
use super::reference::{ReferenceFault, Suppose, apply_references};
use super::report::explanation_text;

/// Greatest difference of a share, in percent (rule a50).
const SHARE_TOLERANCE: f64 = 0.5;

/// An expectation that does not hold, or cannot be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectFailure {
    /// Title of the expectation.
    pub title: String,
    /// Position in the file.
    pub span: Span,
    /// Failure, one sentence.
    pub message: String,
    /// The decision's trace.
    pub trace: String,
    /// True if it was skipped for want of a database (a warning), rather than failed.
    pub is_skipped: bool,
}

/// Runs every expectation of a zone. Without `has_database` those that locate an address are skipped.
pub fn check_expectations(
    model: &ZoneModel,
    served: &ServedZone,
    locations: &Locations,
    has_database: bool,
) -> Vec<ExpectFailure> {
    let run = |expect| check_one(model, served, locations, has_database, expect);
    model.expects.iter().flat_map(run).collect()
}

fn check_one(
    model: &ZoneModel,
    served: &ServedZone,
    locations: &Locations,
    has_database: bool,
    expect: &ExpectModel,
) -> Vec<ExpectFailure> {
    let failure = |span: &Span, message: String| ExpectFailure {
        title: expect.title.clone(),
        span: span.clone(),
        message,
        trace: String::new(),
        is_skipped: false,
    };
    let policies = &served.zone.policies;
    let (inputs, faults) = supposed(model, policies, expect);
    let mut failures: Vec<ExpectFailure> = faults
        .into_iter()
        .map(|(span, fault)| failure(&span, fault.to_string()))
        .collect();
    let client = match expect.from {
        None => GivenClient::Unknown,
        Some(From::Place(place)) => GivenClient::Place(place),
        Some(From::Address(address)) => GivenClient::Address(address),
    };
    if let GivenClient::Address(address) = client
        && !has_database
        && locations.locate(address).place.is_none()
        && !policies.rules.is_empty()
    {
        let message =
            format!("skipped: where {address} is needs a location database, and none is loaded");
        failures.push(ExpectFailure {
            is_skipped: true,
            ..failure(&expect.span, message)
        });
        return failures;
    }
    let view = Fold::new(policies, inputs.clone()).view();
    let zone_state = ZoneState {
        served,
        view: &view,
        inputs: &inputs,
        locations,
        evidence: &|_| None,
    };
    let question = Question {
        name: expect.name.clone(),
        rtype: expect.rtype,
    };
    let explanation = explain(&zone_state, &question, client);
    failures.extend(
        differences(model, expect, &explanation)
            .into_iter()
            .map(|message| ExpectFailure {
                trace: explanation_text(&explanation),
                ..failure(&expect.span, message)
            }),
    );
    failures
}

/// Returns the inputs that an expectation supposes, and the references that match nothing.
fn supposed(
    model: &ZoneModel,
    policies: &Policies,
    expect: &ExpectModel,
) -> (Inputs, Vec<(Span, ReferenceFault)>) {
    let mut inputs = Inputs::uniform(policies, Status::Healthy);
    let mut faults = Vec::new();
    set_switches(policies, expect, &mut inputs);
    if let Some(now) = expect.now {
        let found = apply_maintenance(model, policies, now, &mut inputs).into_iter();
        faults.extend(found.map(|fault| (expect.span.clone(), fault)));
    }
    for (list, suppose) in [(&expect.down, Suppose::Down), (&expect.up, Suppose::Up)] {
        for (reference, span) in list {
            let one = [reference.as_str()];
            let found = apply_references(model, policies, one, suppose, &mut inputs).into_iter();
            faults.extend(found.map(|fault| (span.clone(), fault)));
        }
    }
    (inputs, faults)
}

/// Sets the switches that the expectation names on, and the others of their panels off.
fn set_switches(policies: &Policies, expect: &ExpectModel, inputs: &mut Inputs) {
    for (slot, (check, index)) in policies.switch_names.iter().enumerate() {
        if expect.on.iter().any(|(panel, _)| panel == check) {
            let is_named = expect
                .on
                .iter()
                .any(|(panel, switch)| panel == check && switch.unwrap_or(0) == *index);
            inputs.switches[slot] = is_named;
        }
    }
}

/// Applies the maintenance that is under way at a time (rule a49); returns references that match nothing.
pub fn apply_maintenance(
    model: &ZoneModel,
    policies: &Policies,
    now: WallTime,
    inputs: &mut Inputs,
) -> Vec<ReferenceFault> {
    let is_under_way = |work: &&MaintenanceModel| work.from <= now && now < work.until;
    let mut faults = Vec::new();
    for work in model.maintenance.iter().filter(is_under_way) {
        for (list, suppose) in [
            (&work.drain, Suppose::Drained),
            (&work.down, Suppose::HeldDown),
        ] {
            let references = list.iter().map(|(reference, _)| reference.as_str());
            faults.extend(apply_references(
                model, policies, references, suppose, inputs,
            ));
        }
    }
    faults
}

/// Lists the differences of an explanation from the wanted result.
fn differences(model: &ZoneModel, expect: &ExpectModel, found: &Explanation) -> Vec<String> {
    let wanted = &expect.wanted;
    let mut differences = Vec::new();
    differences.extend(pools_differ(model, expect, found));
    for (id, percent) in &wanted.share {
        let name = &model.pools[*id].id;
        let share = found.pools.iter().find(|(pool, _)| pool == name);
        let share = share.map_or(0.0, |(_, share)| share * 100.0);
        if (share - percent).abs() > SHARE_TOLERANCE {
            differences.push(format!(
                "expected {percent} % for {name}, but its share is {share:.1} %"
            ));
        }
    }
    differences.extend(
        wanted
            .rdata
            .as_ref()
            .and_then(|rdata| rdata_differs(rdata, found)),
    );
    if let Some(rcode) = wanted.rcode
        && rcode != found.rcode
    {
        differences.push(format!(
            "expected {rcode}, but the response code is {}",
            found.rcode
        ));
    }
    if let Some(ttl) = wanted.ttl
        && ttl != found.ttl
    {
        differences.push(format!(
            "expected a TTL of {ttl} s, but it is {} s",
            found.ttl
        ));
    }
    differences
}

/// Compares the pools, or the outcome without records.
fn pools_differ(model: &ZoneModel, expect: &ExpectModel, found: &Explanation) -> Option<String> {
    let candidates = found.candidates.iter();
    let mut pools: Vec<&str> = candidates
        .filter_map(|candidate| candidate.pool.as_deref())
        .collect();
    pools.sort_unstable();
    pools.dedup();
    let shown = if pools.is_empty() {
        outcome_word(found).to_owned()
    } else {
        pools.join(", ")
    };
    if let Some(ids) = &expect.wanted.pools {
        let mut names: Vec<&str> = ids.iter().map(|&id| model.pools[id].id.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let message = format!("expected {}, but the answer is {shown}", names.join(", "));
        return (names != pools).then_some(message);
    }
    let word = match expect.wanted.outcome? {
        Outcome::NoData => "nodata",
        Outcome::NxDomain => "nxdomain",
        Outcome::ServFail => "servfail",
    };
    let message = format!("expected {word}, but the answer is {shown}");
    (word != outcome_word(found)).then_some(message)
}

fn rdata_differs(wanted: &[String], found: &Explanation) -> Option<String> {
    let records = found
        .candidates
        .iter()
        .flat_map(|candidate| &candidate.rdata);
    let mut given: Vec<&str> = records.map(String::as_str).collect();
    let mut named: Vec<&str> = wanted.iter().map(String::as_str).collect();
    given.sort_unstable();
    named.sort_unstable();
    (given != named).then(|| {
        format!(
            "expected {}, but the records are {}",
            named.join(", "),
            given.join(", ")
        )
    })
}

fn outcome_word(found: &Explanation) -> &'static str {
    match found.rcode {
        _ if !found.candidates.is_empty() => "static records",
        Rcode::NXDOMAIN => "nxdomain",
        Rcode::SERVFAIL => "servfail",
        _ => "nodata",
    }
}
