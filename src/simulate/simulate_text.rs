//! A simulation for people: answers by name, clients with the same answer on one line, then traffic, then losses.

use std::fmt::Write as _;

use super::answered::{Answered, percent};
use super::simulation::{SimulatedAnswer, Simulation};

/// Clients that one line names; the rest is counted.
const CLIENTS_MAX: usize = 6;

/// Writes a simulation for people.
pub fn simulation_text(simulation: &Simulation) -> String {
    let mut text = String::new();
    let is_supposed = !simulation.supposed.is_empty();
    if is_supposed {
        let _ = writeln!(text, "supposed: {}", simulation.supposed);
    }
    let is_walk = simulation.losses_walked > 0;
    if simulation.answers.is_empty() {
        text += "no name here has a policy that was asked for\n";
    }
    let same_decision =
        |a: &SimulatedAnswer, b: &SimulatedAnswer| (&a.name, &a.rtype) == (&b.name, &b.rtype);
    // A walk from where things stand is about the losses alone.
    if is_supposed || !is_walk {
        for answers in simulation.answers.chunk_by(same_decision) {
            push_name(&mut text, answers, is_supposed);
        }
        push_traffic(&mut text, simulation, is_supposed);
    }
    if is_walk {
        push_losses(&mut text, simulation);
    }
    if simulation.is_cut {
        text += "there is more than one simulation asks; name some of it with --name or --from\n";
    }
    text
}

/// Names a decision by its first name.
pub(super) fn named(name: &str, more_names: usize, rtype: &str) -> String {
    match more_names {
        0 => format!("{name} {rtype}"),
        1 => format!("{name} and 1 more name, {rtype}"),
        more => format!("{name} and {more} more names, {rtype}"),
    }
}

/// Lists clients, a few by name.
pub(super) fn listed(clients: &[&str]) -> String {
    let shown = clients
        .iter()
        .take(CLIENTS_MAX)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match clients.len().saturating_sub(CLIENTS_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn push_name(text: &mut String, answers: &[SimulatedAnswer], is_supposed: bool) {
    let Some(first) = answers.first() else { return };
    let _ = writeln!(
        text,
        "{}",
        named(&first.name, first.more_names, &first.rtype)
    );
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for answer in answers {
        let line = change(&answer.before, &answer.after, is_supposed);
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, clients)) => clients.push(&answer.from),
            None => lines.push((line, vec![&answer.from])),
        }
    }
    for (line, clients) in lines {
        let _ = writeln!(text, "  {}: {line}", listed(&clients));
    }
}

/// Writes the answer, or its change.
fn change(before: &Answered, after: &Answered, is_supposed: bool) -> String {
    if !is_supposed {
        return after.shown();
    }
    if before.has_same_records(after) && before.hazard() == after.hazard() {
        return format!("{} (unchanged)", after.shown());
    }
    let (from, to) = (before.shown(), after.shown());
    if from == to {
        format!(
            "{from}: {} -> {}",
            before.shown_records(),
            after.shown_records()
        )
    } else {
        format!("{from} -> {to}")
    }
}

fn push_traffic(text: &mut String, simulation: &Simulation, is_supposed: bool) {
    if simulation.traffic.is_empty() {
        return;
    }
    let basis = match simulation.queries_weighed {
        0 => "each question above counted alike".to_owned(),
        1 => "by 1 query sampled in the last hour".to_owned(),
        queries => format!("by {queries} queries sampled in the last hour"),
    };
    let _ = writeln!(text, "traffic by pool, {basis}");
    let width = simulation
        .traffic
        .iter()
        .map(|share| share.pool.len())
        .max()
        .unwrap_or(0)
        .max(16);
    let mut zone = "";
    let has_zones = simulation
        .traffic
        .windows(2)
        .any(|pair| pair[0].zone != pair[1].zone);
    for share in &simulation.traffic {
        if has_zones && zone != share.zone {
            zone = &share.zone;
            let _ = writeln!(text, "  in zone {zone}");
        }
        let before = percent(share.before);
        if is_supposed {
            let _ = writeln!(
                text,
                "  {:<width$} {before:>5} % -> {:>5} %",
                share.pool,
                percent(share.after)
            );
        } else {
            let _ = writeln!(text, "  {:<width$} {before:>5} %", share.pool);
        }
    }
}

fn push_losses(text: &mut String, simulation: &Simulation) {
    let walked = simulation.losses_walked;
    let _ = writeln!(
        text,
        "{walked} single losses of a target, pool, site or gate"
    );
    if simulation.losses.is_empty() {
        text.push_str("  none leaves a name empty, on last resort or over capacity\n");
    }
    for loss in simulation.losses.chunk_by(|a, b| a.loss == b.loss) {
        let _ = writeln!(text, "  without {}", loss[0].loss);
        for finding in loss {
            let clients: Vec<&str> = finding.from.iter().map(String::as_str).collect();
            let _ = writeln!(
                text,
                "    {} ends {} ({})",
                named(&finding.name, finding.more_names, &finding.rtype),
                finding.hazard.words(),
                listed(&clients),
            );
        }
    }
}
