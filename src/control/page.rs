//! The status page: plain HTML with text first, nothing from elsewhere, the whole state without script.

use super::status::StatusReport;

fn escaped(text: &str) -> String {
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

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:1.5em;max-width:75em}table{border-collapse:collapse;\
margin-bottom:1.5em}td,th{text-align:left;padding:.2em .9em .2em 0;vertical-align:top}th{border-bottom:1px solid}\
.unhealthy td:first-child,.refused{font-weight:bold;color:#b00020}@media(prefers-color-scheme:dark){body{background:#111;\
color:#ddd}.unhealthy td:first-child,.refused{color:#ff8a80}}";

/// Rows of one table on the page (chosen; the API has all).
const ROWS_MAX: usize = 500;

fn table(head: &[&str], rows: impl Iterator<Item = (String, Vec<String>)>) -> String {
    let mut html = String::from("<table><tr>");
    head.iter()
        .for_each(|cell| html.push_str(&format!("<th>{cell}</th>")));
    html.push_str("</tr>");
    for (class, cells) in rows.take(ROWS_MAX) {
        html.push_str(&format!("<tr class=\"{}\">", escaped(&class)));
        cells
            .iter()
            .for_each(|cell| html.push_str(&format!("<td>{}</td>", escaped(cell))));
        html.push_str("</tr>");
    }
    html.push_str("</table>");
    html
}

/// Writes the page.
pub(super) fn page(report: &StatusReport) -> String {
    let refused: String = report
        .files_refused
        .iter()
        .map(|file| {
            let faults = file.faults.join("; ");
            format!(
                "<p class=refused>Refused: {} since {}: {}</p>",
                escaped(&file.file),
                escaped(&file.since),
                escaped(&faults)
            )
        })
        .collect();
    let names = report.names.iter().map(|row| {
        let serves: Vec<String> = row
            .serves
            .iter()
            .map(|served| format!("{} {:.0} %", served.pool, served.share * 100.0))
            .collect();
        let cells = vec![
            row.name.clone(),
            row.rtype.clone(),
            serves.join(", "),
            row.because.clone(),
        ];
        (String::new(), cells)
    });
    let targets = report.targets.iter().map(|row| {
        let cells = vec![
            row.status.clone(),
            row.since.clone(),
            row.id.clone(),
            row.evidence.clone(),
        ];
        (row.status.clone(), cells)
    });
    let zones = report.zones.iter().map(|row| {
        (
            String::new(),
            vec![
                row.zone.clone(),
                row.serial.to_string(),
                row.state.clone(),
                row.file.clone(),
            ],
        )
    });
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5>\
         <meta name=viewport content=\"width=device-width\"><title>Leeward</title><style>{STYLE}</style>\
         <h1>Leeward {}</h1>{refused}<h2>Names: what is served now, and why</h2>{}<h2>Targets: since when, and the \
         evidence</h2>{}<h2>Zones</h2>{}<p>As data: <a href=api/status>status</a>, <a href=api/timeline>timeline</a>, \
         <a href=metrics>metrics</a>.</p></html>",
        escaped(&report.server.version),
        table(&["Name", "Type", "Serves", "Because"], names),
        table(&["Status", "Since", "Target", "Evidence"], targets),
        table(&["Zone", "Serial", "State", "File"], zones),
    )
}

#[cfg(test)]
mod tests {
    use super::super::status::TargetRow;
    use super::*;

    #[test]
    fn writes_no_markup_that_came_from_outside() {
        let evidence = "body lacks \"<script>alert(1)</script>\"".to_owned();
        let report = StatusReport {
            targets: vec![TargetRow {
                evidence,
                ..TargetRow::default()
            }],
            ..StatusReport::default()
        };
        let html = page(&report);
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }
}
