//! The control API over a real socket, in front of a control loop that answers from fixed data.
//!
//! `UPDATE_GOLDEN=1 cargo test --test behaviour control::` rewrites the stored text; read the difference before you commit it.

#[path = "control/prometheus.rs"]
mod prometheus;
#[path = "control/site.rs"]
mod site;

use std::path::PathBuf;

use leeward::admin::{ClientFault, get, post, status_text};
use leeward::metrics::{Kind, METRICS};
use leeward::timeline::AlarmKind;

use site::{Site, ask, report};

fn compare(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/control")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("the golden folder is there");
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, stored, "{name}: UPDATE_GOLDEN=1 rewrites it");
}

#[test]
fn status_reads_as_it_did() {
    compare("status.txt", &status_text(&report()));
}

#[test]
fn page_reads_as_it_did() {
    let site = Site::open();
    let answer = ask(site.address, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").expect("header and body");
    for wanted in [
        "HTTP/1.1 200 OK",
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "connection: close",
    ] {
        assert!(head.contains(wanted), "{wanted}: {head}");
    }
    assert!(!body.contains("<script"), "{body}");
    compare("page.html", body);
}

#[test]
fn metrics_are_text_that_a_collector_reads() {
    let site = Site::open();
    let text = get(site.address, "/metrics").expect("it answers");
    assert_eq!(prometheus::faults(&text), Vec::<String>::new(), "{text}");
    compare("metrics.txt", &text);
}

#[test]
fn every_page_answers_and_every_fault_is_json_with_help() {
    let site = Site::open();
    let cases = [
        ("GET", "/healthz", 200, "ok"),
        ("GET", "/readyz", 503, "first probes are under way"),
        (
            "GET",
            "/api/status",
            200,
            "\"shop.example.com us-east/192.0.2.10 web\"",
        ),
        ("GET", "/api/timeline", 200, "\"since\":null"),
        (
            "GET",
            "/api/timeline?filter=us-east&limit=7",
            200,
            "\"filter\":\"us-east\",\"limit\":7",
        ),
        ("GET", "/api/timeline?limit=999999", 200, "\"limit\":1000"),
        ("GET", "/api/timeline?since=2h", 200, "Z\""),
        (
            "GET",
            "/api/timeline?since=2",
            400,
            "`since` is no duration",
        ),
        ("GET", "/api/timeline?filer=x", 400, "unknown field `filer`"),
        (
            "GET",
            "/api/explain?name=www.shop.example.com&type=AAAA",
            200,
            "AAAA",
        ),
        ("GET", "/api/explain?name=bad", 400, "`bad` lies in no zone"),
        ("GET", "/api/explain", 400, "missing field `name`"),
        ("GET", "/api/explain?name=a&name=b", 400, "duplicate field"),
        ("GET", "/api/geo?address=198.51.100.7", 200, "198.51.100.7"),
        ("GET", "/api/geo?address=x", 400, "`x` is no address"),
        ("POST", "/api/reload", 200, "loaded"),
        ("GET", "/api/reload", 405, "does not take that method"),
        ("POST", "/api/status", 405, "does not take that method"),
        ("GET", "/nowhere", 404, "no such page"),
    ];
    for (method, path, code, wanted) in cases {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Leeward-Request: 1\r\n\r\n");
        let answer = ask(site.address, &request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{path}: {answer}"
        );
        let (_, body) = answer.split_once("\r\n\r\n").expect("header and body");
        if code >= 400 {
            let fault: serde_json::Value = serde_json::from_str(body).expect("faults are JSON");
            let error = fault["error"].as_str().unwrap_or_default();
            assert!(error.contains(wanted), "{method} {path}: {body}");
            assert!(
                !fault["help"].as_str().unwrap_or_default().is_empty(),
                "{path}: {body}"
            );
        } else {
            assert!(body.contains(wanted), "{method} {path}: {body}");
        }
    }
}

#[test]
fn readiness_follows_the_signs_of_life() {
    let site = Site::open();
    site.pulse.ready();
    let none = get(site.address, "/readyz").expect_err("no zone is served");
    assert!(none.to_string().contains("no zone is served"), "{none}");
    site.pulse.serving(3, 0);
    assert_eq!(get(site.address, "/readyz").expect("ready"), "ready\n");
    site.pulse.serving(3, 1);
    let old = ask(
        site.address,
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert!(
        old.starts_with("HTTP/1.1 200 ") && old.contains("leeward-zones: old-versions"),
        "{old}"
    );
    assert!(
        old.contains("1 of 3 zones are served from their last good version"),
        "{old}"
    );
    assert_eq!(get(site.address, "/healthz").expect("alive"), "ok\n");
}

#[test]
fn pages_of_other_sites_are_kept_out() {
    let site = Site::open();
    let cases = [
        (
            "POST",
            "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n",
            403,
        ),
        (
            "POST",
            "Host: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nX-Leeward-Request: 1\r\n",
            200,
        ),
        // X12: what speaks HTTP without meaning to command, such as a check of a zone.
        ("POST", "Host: 127.0.0.1\r\n", 403),
        ("POST", "Host: evil.example\r\n", 421),
    ];
    for (method, headers, code) in cases {
        let answer = ask(
            site.address,
            &format!("{method} /api/reload HTTP/1.1\r\n{headers}\r\n"),
        );
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{headers}: {answer}"
        );
    }
}

#[test]
fn what_is_no_http_or_too_much_of_it_is_refused() {
    let site = Site::open();
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "a: b\r\n".repeat(500)
    );
    for (name, request, code) in [
        ("garbage", "\u{16}\u{3}\u{1}\r\n\r\n", "400"),
        ("five hundred headers", &long, "431"),
    ] {
        let answer = ask(site.address, request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{name}: {answer}"
        );
    }
    assert_eq!(
        get(site.address, "/healthz").expect("others are served"),
        "ok\n"
    );
}

#[test]
fn verbs_say_when_nobody_listens_and_what_the_server_refused() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("bound");
    drop(closed);
    let fault = get(address, "/api/status").expect_err("nobody listens");
    let text = fault.to_string();
    assert!(
        text.starts_with(&format!("no server answers at {address} (")),
        "{text}"
    );
    assert!(
        text.ends_with("is `leeward serve` running? (--server ADDR asks elsewhere)"),
        "{text}"
    );
    let site = Site::open();
    assert!(
        post(site.address, "/api/reload")
            .expect("it answers")
            .contains("loaded")
    );
    let refused = get(site.address, "/api/geo?address=x").expect_err("no address");
    assert!(matches!(refused, ClientFault::Refused(400, _)), "{refused}");
}

#[test]
fn a_control_loop_that_ended_is_told_apart_from_a_busy_one() {
    let site = Site::open_without_loop();
    let fault = get(site.address, "/api/status").expect_err("nobody keeps the state");
    assert!(
        fault.to_string().contains("the server is stopping"),
        "{fault}"
    );
    get(site.address, "/metrics").expect("metrics need no control loop");
}

#[test]
fn the_manual_lists_every_metric() {
    let row = |metric: &leeward::metrics::Metric| {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let labels = labels.join(", ");
        format!(
            "| `{}` | {kind} | {labels} | {} |",
            metric.name, metric.help
        )
    };
    let rows: Vec<String> = METRICS.iter().map(row).collect();
    compare_manual("| `leeward_", &rows);
}

#[test]
fn the_manual_lists_every_alarm() {
    let row = |kind: AlarmKind| format!("| `{}` | {} |", kind.word(), kind.meaning());
    let rows: Vec<String> = AlarmKind::all().map(row).collect();
    let first = rows[0]
        .split_inclusive(" |")
        .next()
        .expect("a cell")
        .to_owned();
    compare_manual(&first, &rows);
}

/// Compares the rows of the table that begins with `first` with the manual, or writes them there.
fn compare_manual(first: &str, rows: &[String]) {
    // Two tests may rewrite it at once.
    static WRITER: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _writer = WRITER.lock().expect("no writer failed");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md");
    let manual = std::fs::read_to_string(&path).expect("the manual is there");
    let start = manual.find(first).expect("the manual has the table");
    let end = manual[start..].find("\n\n").expect("the table ends") + start;
    let wanted = rows.join("\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let text = format!("{}{wanted}{}", &manual[..start], &manual[end..]);
        std::fs::write(path, text).expect("the manual can be written");
        return;
    }
    assert_eq!(&manual[start..end], wanted, "UPDATE_GOLDEN=1 rewrites it");
}
