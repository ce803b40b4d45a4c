//! A comparison of answers for people: names by zone, clients that change alike on one line, then the sums.

use std::fmt::Write as _;

use super::answered::{Answered, percent};
use super::diff::{AnswerDiff, Change};
use super::simulate_text::{listed, named};

/// Writes a comparison for people.
pub fn diff_text(diff: &AnswerDiff) -> String {
    let mut text = String::new();
    for zone in &diff.zones_removed {
        let _ = writeln!(
            text,
            "zone {zone} is removed: its names are answered REFUSED, or by the zone above"
        );
    }
    for zone in &diff.zones_added {
        let _ = writeln!(text, "zone {zone} is added");
    }
    for zone in diff.changes.chunk_by(|a, b| a.zone == b.zone) {
        let _ = writeln!(text, "zone {}", zone[0].zone);
        for changes in zone.chunk_by(|a, b| (&a.name, &a.rtype) == (&b.name, &b.rtype)) {
            push_name(&mut text, changes);
        }
    }
    let _ = writeln!(text, "{}", diff_summary(diff));
    text
}

/// Sums a comparison up in one line.
pub fn diff_summary(diff: &AnswerDiff) -> String {
    if diff.is_empty() {
        return "no answer changes".to_owned();
    }
    let ttl_only = diff
        .changes
        .iter()
        .filter(|change| !change.has_new_records())
        .count();
    let mut text = format!(
        "{} of {} names answer differently ({} %)",
        diff.names_changed,
        diff.names,
        percent(diff.names_share())
    );
    if diff.names_changed == 0 && ttl_only > 0 {
        text = "only TTLs change".to_owned();
    }
    if let Some(share) = diff.queries_changed {
        let _ = write!(
            text,
            ", about {} % of the last hour's queries",
            percent(share)
        );
    }
    if diff.is_cut {
        text += "; not everything could be compared";
    }
    text
}

fn push_name(text: &mut String, changes: &[Change]) {
    let Some(first) = changes.first() else { return };
    let title = named(&first.name, first.more_names, &first.rtype);
    let about = |change: &Change| match change.queries {
        Some(share) => format!(", about {} % of the last hour's queries", percent(share)),
        None => String::new(),
    };
    if let [change] = changes
        && change.is_everybody
    {
        let _ = writeln!(text, "  {title}: {}{}", words(change), about(change));
        return;
    }
    let _ = writeln!(text, "  {title}");
    for change in changes {
        let clients: Vec<&str> = change.from.iter().map(String::as_str).collect();
        let _ = writeln!(
            text,
            "    from {}: {}{}",
            listed(&clients),
            words(change),
            about(change)
        );
    }
}

/// Writes a change in the fewest words that distinguish both sides: pools, else records, else the TTL.
fn words(change: &Change) -> String {
    let (before, after) = (&change.before, &change.after);
    if !change.has_new_records() {
        return format!("TTL {} s -> {} s", before.ttl, after.ttl);
    }
    let (from, to) = (before.shown(), after.shown());
    if from != to && !before.pools.is_empty() && !after.pools.is_empty() {
        return format!("{from} -> {to}");
    }
    format!("{} -> {}", side(before), side(after))
}

fn side(answered: &Answered) -> String {
    match answered.pools.as_slice() {
        [] => answered.shown_records(),
        _ => format!("{} ({})", answered.shown(), answered.shown_records()),
    }
}
