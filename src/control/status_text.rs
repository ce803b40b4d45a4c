//! A status report for terminals: what is served now, why, since when.

use comfy_table::{ContentArrangement, Table, presets};

use crate::clock::format_duration;

use super::status::{NameRow, StatusReport, TargetRow};

/// Rows of one table before the rest is only counted (chosen: three screens).
const ROWS_MAX: usize = 100;

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head);
    table
}

/// Writes a report. Unhealthy rows come first; no colour carries meaning alone.
pub fn status_text(report: &StatusReport) -> String {
    let server = &report.server;
    let mut text = format!(
        "leeward {}, up {}, world {}, {} targets, listening on {}\n{}\n",
        server.version,
        format_duration(std::time::Duration::from_secs(server.uptime_s)),
        server.generation,
        server.targets,
        server.listen.join(" "),
        server.location,
    );
    for file in &report.files_refused {
        text.push_str(&format!("\nREFUSED {} since {}\n", file.file, file.since));
        file.faults
            .iter()
            .for_each(|fault| text.push_str(&format!("  {fault}\n")));
    }
    text.push_str("\nNAMES\n");
    text.push_str(&names_table(&report.names));
    text.push_str("\n\nPOOLS\n");
    let mut pools = table(&["ZONE", "POOL", "STATUS", "HEALTHY", "HELD"]);
    for row in report.pools.iter().take(ROWS_MAX) {
        let healthy = format!("{} of {}", row.healthy, row.total);
        pools.add_row([
            row.zone.clone(),
            row.pool.clone(),
            row.status.clone(),
            healthy,
            row.held.to_string(),
        ]);
    }
    text.push_str(&pools.to_string());
    text.push_str("\n\nTARGETS\n");
    text.push_str(&targets_table(&report.targets));
    text.push_str("\n\nZONES\n");
    let mut zones = table(&["ZONE", "SERIAL", "NAMES", "LOADED", "STATE", "FILE"]);
    for row in report.zones.iter().take(ROWS_MAX) {
        zones.add_row([
            row.zone.clone(),
            row.serial.to_string(),
            row.names.to_string(),
            row.loaded_at.clone(),
            row.state.clone(),
            row.file.clone(),
        ]);
    }
    text.push_str(&zones.to_string());
    text.push('\n');
    text
}

fn names_table(rows: &[NameRow]) -> String {
    let mut names = table(&["NAME", "TYPE", "SERVES", "TTL", "BECAUSE"]);
    for row in rows.iter().take(ROWS_MAX) {
        let serves: Vec<String> = row
            .serves
            .iter()
            .map(|served| format!("{} {:.0}%", served.pool, served.share * 100.0))
            .collect();
        let serves = if serves.is_empty() {
            row.rcode.clone()
        } else {
            serves.join(", ")
        };
        names.add_row([
            row.name.clone(),
            row.rtype.clone(),
            serves,
            format!("{} s", row.ttl),
            row.because.clone(),
        ]);
    }
    with_rest(names, rows.len())
}

fn targets_table(rows: &[TargetRow]) -> String {
    let mut sorted: Vec<&TargetRow> = rows.iter().collect();
    sorted.sort_by_key(|row| match row.status.as_str() {
        "unhealthy" => 0,
        "unknown" => 1,
        _ => 2,
    });
    let mut targets = table(&["STATUS", "FOR", "TARGET", "CHECK", "LAST PROBE", "EVIDENCE"]);
    for row in sorted.into_iter().take(ROWS_MAX) {
        let place = if row.pool.is_empty() {
            row.probed.clone()
        } else {
            format!("{}/{}", row.pool, row.address)
        };
        let age = row
            .last_probe_age_s
            .map_or_else(|| "never".to_owned(), |age| format!("{age:.1} s ago"));
        let held = format_duration(std::time::Duration::from_secs(row.since_s));
        targets.add_row([
            row.status.clone(),
            held,
            place,
            row.check.clone(),
            age,
            row.evidence.clone(),
        ]);
    }
    with_rest(targets, rows.len())
}

fn with_rest(table: Table, rows: usize) -> String {
    let rest = rows.saturating_sub(ROWS_MAX);
    if rest == 0 {
        table.to_string()
    } else {
        format!("{table}\n... and {rest} more; --json has all")
    }
}
