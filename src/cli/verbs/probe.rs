//! `leeward probe`: the checks once, now, from this host, with phases and verdict.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::cli::arguments::ProbeArguments;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::clock::Clock;
use crate::daemon::{ZoneSet, command_settings, lookup_settings};
use crate::geo::Locations;
use crate::health::{Observation, Outcome as Verdict, Target};
use crate::probe::{ProbeContext, Reach, probe_once};
use crate::resolver::Names;

use super::offline::{complain_of_refusals, find_config, load, read_config};

/// One probe, as it is shown.
#[derive(Debug, Serialize)]
struct Row {
    zone: String,
    check: String,
    pool: String,
    member: String,
    verdict: &'static str,
    evidence: String,
    connect_ms: Option<f64>,
    tls_ms: Option<f64>,
    first_byte_ms: Option<f64>,
    total_ms: Option<f64>,
}

/// Most probes at once unless the server file says it: fewer than any system's open files.
const AT_ONCE: usize = 500;

/// Runs `probe`.
pub(in crate::cli) fn probe(arguments: &ProbeArguments, output: &mut Output) -> Outcome {
    let set = load(&arguments.zones, &Locations::unknown())?;
    let settings = match find_config(None, &arguments.zones) {
        Some(path) => read_config(&path, false)?.0,
        None => crate::config::server_file::ServerConfig::default(),
    };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|cause| Complaint::cannot_run(format!("start the runtime: {cause}")))?;
    let probing = &settings.probe;
    let commands = Some(command_settings(&settings.exec));
    let clock = Clock::start();
    let lookups = lookup_settings(&settings.resolver, settings.resolver.concurrency);
    let kit = ProbeContext::with_commands(
        &probing.user_agent,
        Reach {
            allow: probing.allow.clone(),
            own: settings.http.into_iter().collect(),
        },
        clock,
        commands,
        Some(Names::alone(lookups, clock)),
    );
    let wanted = wanted(&set, arguments.check.as_deref());
    if wanted.is_empty() {
        // A file that is refused has no checks: its faults say why.
        if let Some(complaint) = complain_of_refusals(&set, output.is_colour()) {
            return Err(complaint);
        }
        let checks = arguments
            .check
            .as_deref()
            .map_or_else(String::new, |check| format!(" `{check}`"));
        return Err(Complaint::usage(format!(
            "no check{checks} with a target in {}",
            arguments.zones.display()
        )));
    }
    let rows = runtime.block_on(run(kit, wanted, probing.concurrency.unwrap_or(AT_ONCE)));
    if arguments.json {
        output.json(&rows)?;
    } else {
        rows.iter().for_each(|row| output.line(&line(row)));
    }
    if let Some(complaint) = complain_of_refusals(&set, output.is_colour()) {
        return Err(complaint);
    }
    let are_good = rows.iter().all(|row| row.verdict == "good");
    Ok(if are_good { Exit::Fine } else { Exit::Faults })
}

/// Lists every use of a target: zone, check, pool, member.
fn wanted(set: &ZoneSet, check: Option<&str>) -> Vec<([String; 4], Arc<Target>)> {
    let mut wanted = Vec::new();
    for zone in &set.zones {
        let policies = &zone.served.zone.policies;
        for used in policies
            .uses
            .iter()
            .filter(|used| check.is_none_or(|check| used.check == check))
        {
            let target = Arc::new(policies.targets[used.slot as usize].clone());
            let apex = zone.model.apex.to_string();
            wanted.push((
                [
                    apex,
                    used.check.clone(),
                    used.pool.clone(),
                    used.member.clone(),
                ],
                target,
            ));
        }
    }
    wanted
}

async fn run(
    kit: Arc<ProbeContext>,
    wanted: Vec<([String; 4], Arc<Target>)>,
    concurrency: usize,
) -> Vec<Row> {
    let turns = Arc::new(Semaphore::new(concurrency));
    let mut probes = JoinSet::new();
    for (number, (labels, target)) in wanted.into_iter().enumerate() {
        let (kit, turns) = (Arc::clone(&kit), Arc::clone(&turns));
        probes.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            (number, labels, probe_once(&kit, &target).await)
        });
    }
    let mut done: Vec<_> = probes.join_all().await;
    done.sort_by_key(|(number, ..)| *number);
    done.into_iter()
        .map(|(_, labels, observation)| row(labels, &observation))
        .collect()
}

fn row(labels: [String; 4], observation: &Observation) -> Row {
    let [zone, check, pool, member] = labels;
    let millis =
        |phase: Option<Duration>| phase.map(|time| (time.as_secs_f64() * 1e6).round() / 1e3);
    Row {
        zone,
        check,
        pool,
        member,
        verdict: match observation.outcome {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::NoEvidence => "no evidence",
        },
        evidence: observation.evidence.to_string(),
        connect_ms: millis(observation.phases.connect),
        tls_ms: millis(observation.phases.tls),
        first_byte_ms: millis(observation.phases.first_byte),
        total_ms: millis(observation.phases.total),
    }
}

fn line(row: &Row) -> String {
    let place = if row.pool.is_empty() {
        String::new()
    } else {
        format!("{}/{} ", row.pool, row.member)
    };
    let phases = [
        ("connect", row.connect_ms),
        ("tls", row.tls_ms),
        ("first byte", row.first_byte_ms),
        ("total", row.total_ms),
    ];
    let phases: Vec<String> = phases
        .iter()
        .filter_map(|(name, time)| time.map(|time| format!("{name} {time:.1} ms")))
        .collect();
    format!(
        "{:<11} {} {place}{}: {} ({})",
        row.verdict,
        row.zone,
        row.check,
        row.evidence,
        phases.join(", ")
    )
}
