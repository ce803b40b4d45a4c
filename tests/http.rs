//! HTTP endpoints as the field has them, each judged by our prober and by curl: `http/odd.toml`.
//!
//! curl is the measure: what it takes, we take, but for the rows that say why not. The rows check curl's own verdict too, so
//! that none tells of a curl that never was. curl is a Debian package.

#[path = "http/odd.rs"]
mod odd;

use std::process::{Command, Stdio};

use leeward::health::{HttpProbe, Outcome, ProbeKind, Target, Timeout, TlsProbe};
use leeward::probe::probe_once;

use crate::endpoint::Listening;
use crate::need::Need;
use crate::probing::{context, http_probe};
use crate::wait::PATIENCE;
use odd::{Odd, When, open, read_rows};

/// Times that an endpoint is asked that answers before it reads: what may fail once in a while shows.
const TIMES: usize = 40;

fn target(row: &Odd, endpoint: &Listening) -> Target {
    let tls = row.tls.then(|| TlsProbe {
        server_name: Some("www.example.com".into()),
        verify: false,
        ca_pem: None,
    });
    let kind = ProbeKind::Http(HttpProbe {
        tls,
        method: row.method.clone(),
        path: "/health".into(),
        host: "www.example.com".into(),
        contains: row.wants.clone(),
        header_bytes: row.header_bytes,
        ..http_probe()
    });
    // A probe that waits for what does not come takes it whole.
    crate::probing::target(endpoint.address, kind, Timeout::Whole(PATIENCE))
}

#[test]
fn judges_odd_endpoints_as_curl_does_or_says_why_not() {
    let rows = read_rows(include_str!("http/odd.toml"));
    assert!(rows.len() >= 40, "{} rows", rows.len());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let context = context();
    let mut wrong = Vec::new();
    for row in &rows {
        assert_eq!(
            row.why.is_some(),
            row.healthy != row.curl,
            "{}: `why`",
            row.title
        );
        let endpoint = runtime.block_on(open(row));
        let target = target(row, &endpoint).into();
        let times = if row.when == When::After { 1 } else { TIMES };
        for time in 0..times {
            let observation = runtime.block_on(probe_once(&context, &target));
            let evidence = observation.evidence.to_string();
            let is_healthy = observation.outcome == Outcome::Good;
            if is_healthy != row.healthy || !evidence.starts_with(&row.evidence) {
                wrong.push(format!("{} (time {time}): {evidence}", row.title));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn curl_judges_odd_endpoints_as_the_rows_say() {
    if !Need::Curl.is_met() {
        return;
    }
    let version = Command::new("curl").arg("--version").output();
    let version = version.expect("curl was just found");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    println!("{}", version.lines().next().unwrap_or_default());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut wrong = Vec::new();
    for row in read_rows(include_str!("http/odd.toml")) {
        let endpoint = runtime.block_on(open(&row));
        let (is_healthy, told) = ask_curl(&row, &endpoint);
        if is_healthy != row.curl {
            wrong.push(format!("{}: {told}", row.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Asks curl as a check would: status 200 to 299, and the wanted text in the body.
fn ask_curl(row: &Odd, endpoint: &Listening) -> (bool, String) {
    let scheme = if row.tls { "https" } else { "http" };
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--insecure",
        "--http1.1",
        "--noproxy",
        "*",
    ])
    .args([
        "--compressed",
        "--max-time",
        "3",
        "--write-out",
        "\n%{http_code}",
    ])
    .stdin(Stdio::null());
    match row.method.as_str() {
        "GET" => &mut curl,
        "HEAD" => curl.arg("--head"),
        method => curl.args(["--request", method]),
    };
    let output = curl
        .arg(format!("{scheme}://{}/health", endpoint.address))
        .output()
        .expect("curl runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, code) = told.rsplit_once('\n').unwrap_or_default();
    let is_wanted = row.wants.as_deref().is_none_or(|text| body.contains(text));
    let is_healthy = output.status.success() && code.starts_with('2') && is_wanted;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        is_healthy,
        format!("{}, code {code}, {complaint}", output.status),
    )
}
