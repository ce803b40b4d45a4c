//! The status page: plain HTML with text first, all in one response, the whole state without script.
//!
//! In: a report. Out: one page that reloads itself. Never here: colour without a word beside it, unescaped text.

use std::time::Duration;

use crate::clock::format_duration;

use super::plain::plain;
use super::status::{StatusReport, TargetRow};
use super::status_text::{named, place_text, served_text, urgency};

/// Rows of one table on the page (chosen; the API has all).
const ROWS_MAX: usize = 500;

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:1.5em;max-width:80em}table{border-collapse:collapse;\
margin-bottom:1.5em}td,th{text-align:left;padding:.2em .9em .2em 0;vertical-align:top}th{border-bottom:1px solid}\
.unhealthy td:first-child,.refused{font-weight:bold;color:#b00020}.unknown td:first-child{font-style:italic}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8ab4f8}.unhealthy td:first-child,\
.refused{color:#ff8a80}}";

/// A table: headings, and rows with the class that marks them.
struct Rows<'a> {
    head: &'a [&'a str],
    rows: Vec<(&'a str, Vec<String>)>,
}

/// Writes the page.
pub(super) fn page(report: &StatusReport) -> String {
    let server = &report.server;
    let mut html = format!(
        "<!doctype html>\n<html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5>\n\
         <meta name=viewport content=\"width=device-width\"><title>{}</title><style>{STYLE}</style>\n\
         <h1>Leeward</h1>\n<p>{}</p>\n",
        escaped(&title(report)),
        escaped(&format!(
            "Version {}, up {}, world {}, listening on {}. {}",
            server.version,
            format_duration(Duration::from_secs(server.uptime_s)),
            server.generation,
            server.listen.join(" "),
            server.location,
        )),
    );
    let mut notice = |text: String| {
        html.push_str(&format!("<p class=refused>{}</p>\n", escaped(&text)));
    };
    for alarm in report.alarms.iter().take(ROWS_MAX) {
        notice(format!(
            "Alarm {} since {}: {}. {}",
            named(alarm),
            alarm.since,
            alarm.text.trim_end_matches('.'),
            alarm.meaning
        ));
    }
    let unlisted = report.alarms.len().saturating_sub(ROWS_MAX);
    if unlisted > 0 {
        notice(format!("... and {unlisted} more alarms"));
    }
    if let Some(waiting) = &report.reload_waiting {
        notice(format!(
            "A reload waits since {} for leeward reload --yes: {}",
            waiting.since, waiting.why
        ));
        for line in &waiting.changes {
            notice(line.clone());
        }
    }
    if let Some(doubt) = &report.self_doubt {
        notice(format!(
            "Self-doubt since {}, every status is {}: {}",
            doubt.since,
            doubt.held(),
            doubt.why
        ));
    }
    for held in report.held.iter().take(ROWS_MAX) {
        notice(format!(
            "Held: {} on {} since {} ({})",
            held.failover, held.on, held.since, held.release
        ));
    }
    for file in &report.files_refused {
        let text = format!(
            "Refused: {} since {}: {}",
            file.file,
            file.since,
            file.faults.join("; ")
        );
        notice(text);
    }
    for line in report.not_listed.lines() {
        html.push_str(&format!("<p>{}</p>\n", escaped(&line)));
    }
    section(
        &mut html,
        "Names: what is served now, and why",
        names(report),
    );
    section(&mut html, "Pools", pools(report));
    section(
        &mut html,
        "Targets: since when, and the evidence",
        targets(report),
    );
    if !report.flattened.is_empty() {
        section(
            &mut html,
            "Targets answered as their addresses",
            flattened(report),
        );
    }
    section(&mut html, "Zones", zones(report));
    html.push_str(
        "<p>Names show what a client of unknown place gets. As data: <a href=api/status>status</a>, \
         <a href=api/timeline>timeline</a>, <a href=metrics>metrics</a>.</p>\n</html>\n",
    );
    html
}

/// Writes the title for the browser's tab, with the state in short.
fn title(report: &StatusReport) -> String {
    let is_out = |row: &&TargetRow| row.status == "unhealthy";
    let out = report.targets.iter().filter(is_out).count();
    let counts = [
        (report.alarms.len(), "in alarm"),
        (out, "unhealthy"),
        (report.files_refused.len(), "refused"),
    ];
    let mut parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if report.self_doubt.is_some() {
        parts.push("in self-doubt".to_owned());
    }
    if report.reload_waiting.is_some() {
        parts.push("a reload waits".to_owned());
    }
    if parts.is_empty() {
        parts.push("all is well".to_owned());
    }
    format!("Leeward: {}", parts.join(", "))
}

fn names(report: &StatusReport) -> Rows<'_> {
    let rows = report.names.iter().map(|row| {
        let cells = vec![
            row.name.clone(),
            row.rtype.clone(),
            served_text(row),
            format!("{} s", row.ttl),
            row.because.clone(),
        ];
        ("", cells)
    });
    Rows {
        head: &["Name", "Type", "Serves", "TTL", "Because"],
        rows: rows.collect(),
    }
}

fn pools(report: &StatusReport) -> Rows<'_> {
    let rows = report.pools.iter().map(|row| {
        let cells = vec![
            row.status.clone(),
            row.zone.clone(),
            row.pool.clone(),
            format!("{} of {}", row.healthy, row.total),
            row.held.to_string(),
        ];
        (row.status.as_str(), cells)
    });
    Rows {
        head: &["Status", "Zone", "Pool", "Healthy", "Held"],
        rows: rows.collect(),
    }
}

fn targets(report: &StatusReport) -> Rows<'_> {
    let mut sorted: Vec<&TargetRow> = report.targets.iter().collect();
    sorted.sort_by_key(|row| urgency(row));
    let rows = sorted.into_iter().map(|row| {
        let probed = row.last_probe_age_s;
        let cells = vec![
            row.status.clone(),
            row.since.clone(),
            row.zone.clone(),
            place_text(row),
            row.check.clone(),
            probed.map_or_else(|| "never".to_owned(), |age| format!("{age:.1} s ago")),
            row.evidence.clone(),
        ];
        (row.status.as_str(), cells)
    });
    Rows {
        head: &[
            "Status",
            "Since",
            "Zone",
            "Target",
            "Check",
            "Last probe",
            "Evidence",
        ],
        rows: rows.collect(),
    }
}

fn flattened(report: &StatusReport) -> Rows<'_> {
    let rows = report.flattened.iter().map(|row| {
        let cells = vec![row.state.clone(), row.target.clone(), row.says.clone()];
        ("", cells)
    });
    Rows {
        head: &["State", "Target", "Addresses"],
        rows: rows.collect(),
    }
}

fn zones(report: &StatusReport) -> Rows<'_> {
    let rows = report.zones.iter().map(|row| {
        let cells = vec![
            row.zone.clone(),
            row.serial.to_string(),
            row.names.to_string(),
            row.loaded_at.clone(),
            row.state.clone(),
            row.file.clone(),
        ];
        ("", cells)
    });
    Rows {
        head: &["Zone", "Serial", "Names", "Loaded", "State", "File"],
        rows: rows.collect(),
    }
}

fn section(html: &mut String, title: &str, rows: Rows<'_>) {
    html.push_str(&format!("<h2>{title}</h2>\n"));
    if rows.rows.is_empty() {
        html.push_str("<p>None.</p>\n");
        return;
    }
    html.push_str("<table><tr>");
    for cell in rows.head {
        html.push_str(&format!("<th>{cell}</th>"));
    }
    html.push_str("</tr>\n");
    for (class, cells) in rows.rows.iter().take(ROWS_MAX) {
        html.push_str(&format!("<tr class=\"{}\">", escaped(class)));
        for cell in cells {
            html.push_str(&format!("<td>{}</td>", escaped(cell)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    let rest = rows.rows.len().saturating_sub(ROWS_MAX);
    if rest > 0 {
        html.push_str(&format!(
            "<p>... and {rest} more; <a href=api/status>the data</a> has all.</p>\n"
        ));
    }
}

fn escaped(text: &str) -> String {
    let text = plain(text);
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::status::{DoubtRow, HeldRow, WaitingReload};
    use super::*;

    #[test]
    fn writes_no_markup_that_came_from_outside_and_counts_what_it_leaves_out() {
        let target = TargetRow {
            evidence: "body lacks \"<script>alert(1)</script>\"".to_owned(),
            status: "unhealthy\"><script>".to_owned(),
            ..TargetRow::default()
        };
        let report = StatusReport {
            targets: vec![target; ROWS_MAX + 3],
            ..StatusReport::default()
        };
        let html = page(&report);
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;script&gt;"));
        assert!(html.contains("... and 3 more"));
    }

    #[test]
    fn says_what_is_held_doubted_and_waiting_first() {
        let report = StatusReport {
            held: vec![HeldRow {
                failover: "www A".to_owned(),
                on: "b".to_owned(),
                since: "2026-01-02T03:04:05Z".to_owned(),
                release: "leeward release www".to_owned(),
                ..HeldRow::default()
            }],
            self_doubt: Some(DoubtRow {
                since: "2026-01-02T03:04:06Z".to_owned(),
                until: None,
                why: "no anchor <answers>".to_owned(),
            }),
            reload_waiting: Some(WaitingReload {
                why: "too many answers change".to_owned(),
                changes: vec!["www A: a -> b".to_owned()],
                ..WaitingReload::default()
            }),
            ..StatusReport::default()
        };
        let html = page(&report);
        for wanted in [
            "Held: www A on b since 2026-01-02T03:04:05Z (leeward release www)",
            "Self-doubt since 2026-01-02T03:04:06Z, every status is held: no anchor &lt;answers&gt;",
            "for leeward reload --yes: too many answers change",
            "<p class=refused>www A: a -&gt; b</p>",
        ] {
            assert!(html.contains(wanted), "{wanted}: {html}");
            assert!(html.find(wanted) < html.find("Names: what"));
        }
    }
}
