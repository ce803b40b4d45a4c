//! A status report for terminals: answers now, reasons, times.
//!
//! In: a report, maybe from another machine. Out: text without colour; what a target sent cannot command the terminal.

use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};

use crate::clock::format_duration;

use super::plain::plain;
use super::status::{AlarmRow, FlattenedRow, NameRow, PoolRow, StatusReport, TargetRow, ZoneRow};

/// Most rows of one table; the rest is counted (chosen: three screens).
const ROWS_MAX: usize = 100;

/// Writes a report, trouble first; no colour carries meaning alone.
pub fn status_text(report: &StatusReport) -> String {
    let server = &report.server;
    let mut text = format!(
        "leeward {}, up {}, world {}, {}, listening on {}\n{}\n",
        plain(&server.version),
        format_duration(Duration::from_secs(server.uptime_s)),
        server.generation,
        counted(server.targets, "target"),
        plain(&server.listen.join(" ")),
        plain(&server.location),
    );
    for alarm in &report.alarms {
        text.push_str(&format!(
            "\nALARM {} since {}: {}\n  {}\n",
            plain(&named(alarm)),
            plain(&alarm.since),
            plain(&alarm.text),
            plain(&alarm.meaning),
        ));
    }
    if let Some(waiting) = &report.reload_waiting {
        text.push_str(&format!(
            "\nRELOAD WAITS since {} for leeward reload --yes: {}\n",
            plain(&waiting.since),
            plain(&waiting.why)
        ));
        for line in &waiting.changes {
            text.push_str(&format!("  {}\n", plain(line)));
        }
    }
    if let Some(doubt) = &report.self_doubt {
        text.push_str(&format!(
            "\nSELF-DOUBT since {}, every status is {}: {}\n",
            plain(&doubt.since),
            plain(&doubt.held()),
            plain(&doubt.why)
        ));
    }
    for held in report.held.iter().take(ROWS_MAX) {
        text.push_str(&format!(
            "\nHELD {} on {} since {} ({})\n",
            plain(&held.failover),
            plain(&held.on),
            plain(&held.since),
            plain(&held.release)
        ));
    }
    files(&mut text, report);
    for line in report.not_listed.lines() {
        text.push_str(&format!("\nNOT LISTED {line}\n"));
    }
    section(&mut text, "NAMES", names(&report.names));
    section(&mut text, "POOLS", pools(&report.pools));
    section(&mut text, "TARGETS", targets(&report.targets));
    if !report.flattened.is_empty() {
        section(&mut text, "FLATTENED", flattened(&report.flattened));
    }
    section(&mut text, "ZONES", zones(&report.zones));
    text
}

/// Lists refused files, and zones served with warnings.
fn files(text: &mut String, report: &StatusReport) {
    for file in &report.files_refused {
        text.push_str(&format!(
            "\nREFUSED {} since {}\n",
            plain(&file.file),
            plain(&file.since)
        ));
        for fault in &file.faults {
            text.push_str(&format!("  {}\n", plain(fault)));
        }
    }
    let warned = report.zones.iter().filter(|zone| zone.warnings > 0);
    for zone in warned.take(ROWS_MAX) {
        text.push_str(&format!(
            "\nWARNINGS {} of {}: {}\n",
            zone.warnings,
            plain(&zone.zone),
            plain(&zone.file)
        ));
        for found in &zone.findings {
            text.push_str(&format!("  {}\n", plain(found)));
        }
    }
}

/// Names an alarm by its kind and subject.
pub(super) fn named(alarm: &AlarmRow) -> String {
    if alarm.subject.is_empty() {
        alarm.kind.clone()
    } else {
        format!("{} {}", alarm.kind, alarm.subject)
    }
}

/// Rows in order, under their headings.
struct Rows {
    head: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

fn names(names: &[NameRow]) -> Rows {
    let row = |row: &NameRow| {
        vec![
            row.name.clone(),
            row.rtype.clone(),
            served_text(row),
            format!("{} s", row.ttl),
            row.because.clone(),
        ]
    };
    Rows {
        head: &["NAME", "TYPE", "SERVES", "TTL", "BECAUSE"],
        rows: names.iter().map(row).collect(),
    }
}

fn pools(pools: &[PoolRow]) -> Rows {
    let row = |row: &PoolRow| {
        vec![
            row.zone.clone(),
            row.pool.clone(),
            row.status.clone(),
            format!("{} of {}", row.healthy, row.total),
            row.held.to_string(),
        ]
    };
    Rows {
        head: &["ZONE", "POOL", "STATUS", "HEALTHY", "HELD"],
        rows: pools.iter().map(row).collect(),
    }
}

fn targets(targets: &[TargetRow]) -> Rows {
    let row = |row: &TargetRow| {
        vec![
            row.status.clone(),
            format_duration(Duration::from_secs(row.since_s)),
            row.zone.clone(),
            place_text(row),
            row.check.clone(),
            row.last_probe_age_s
                .map_or_else(|| "never".to_owned(), |age| format!("{age:.1} s ago")),
            row.evidence.clone(),
        ]
    };
    let mut sorted: Vec<&TargetRow> = targets.iter().collect();
    sorted.sort_by_key(|row| urgency(row));
    Rows {
        head: &[
            "STATUS",
            "FOR",
            "ZONE",
            "TARGET",
            "CHECK",
            "LAST PROBE",
            "EVIDENCE",
        ],
        rows: sorted.into_iter().map(row).collect(),
    }
}

fn flattened(targets: &[FlattenedRow]) -> Rows {
    let row = |row: &FlattenedRow| vec![row.state.clone(), row.target.clone(), row.says.clone()];
    Rows {
        head: &["STATE", "TARGET", "ADDRESSES"],
        rows: targets.iter().map(row).collect(),
    }
}

fn zones(zones: &[ZoneRow]) -> Rows {
    let row = |row: &ZoneRow| {
        vec![
            row.zone.clone(),
            row.serial.to_string(),
            row.names.to_string(),
            row.loaded_at.clone(),
            if row.why.is_empty() {
                row.state.clone()
            } else {
                format!("{}: {}", row.state, row.why)
            },
            row.file.clone(),
        ]
    };
    Rows {
        head: &["ZONE", "SERIAL", "NAMES", "LOADED", "STATE", "FILE"],
        rows: zones.iter().map(row).collect(),
    }
}

/// Lists the pools that a name serves with their shares, or the response code if none.
pub(super) fn served_text(row: &NameRow) -> String {
    if row.serves.is_empty() {
        return row.rcode.clone();
    }
    let shares = row
        .serves
        .iter()
        .map(|served| format!("{} {:.0} %", served.pool, served.share * 100.0));
    shares.collect::<Vec<_>>().join(", ")
}

/// Names a target within its zone.
pub(super) fn place_text(row: &TargetRow) -> String {
    if row.pool.is_empty() {
        row.probed.clone()
    } else {
        format!("{}/{}", row.pool, row.address)
    }
}

/// Returns the rank of a target in the list: unhealthy 0, unknown 1, others 2.
pub(super) fn urgency(row: &TargetRow) -> u8 {
    match row.status.as_str() {
        "unhealthy" => 0,
        "unknown" => 1,
        _ => 2,
    }
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn section(text: &mut String, title: &str, rows: Rows) {
    text.push_str(&format!("\n{title}\n"));
    if rows.rows.is_empty() {
        text.push_str("  none\n");
        return;
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(rows.head);
    for row in rows.rows.iter().take(ROWS_MAX) {
        table.add_row(row.iter().map(|cell| plain(cell)));
    }
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let rest = rows.rows.len().saturating_sub(ROWS_MAX);
    if rest > 0 {
        text.push_str(&format!(" ... and {rest} more; --json has all\n"));
    }
}
