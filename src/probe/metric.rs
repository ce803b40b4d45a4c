//! One query to a Prometheus server, and the comparison of its values with a threshold.
//!
//! In: an expression, a threshold, the server's address. Out: a finding. Never here: the target itself: where
//! Prometheus cannot be asked or has no value, the state of the target is unknown, and the finding is no evidence.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use super::attempt::{Attempt, Attempted};
use super::classify::failed_to_connect;
use super::http::fetch;
use super::trace::Trace;
use crate::health::{Finding, HttpProbe, MetricProbe, Threshold};

/// Most octets of a response; an expression for one status has few values.
const RESPONSE_MAX: usize = 65_536;

/// Most characters of an error of the server in evidence.
const ERROR_SHOWN_MAX: usize = 160;

/// A response of `/api/v1/query`.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Values>,
}

#[derive(Deserialize)]
struct Values {
    #[serde(rename = "resultType")]
    kind: String,
    result: Value,
}

/// Asks one address.
pub(super) async fn probe_metric(attempt: &Attempt<'_>, metric: &MetricProbe) -> Attempted {
    let wanted_name = attempt.plan.wanted_name.clone();
    let trace = Trace::begin(attempt.context.clock, attempt.address, wanted_name);
    let request = make_request(metric);
    let exchange = trace.scope(fetch(attempt, &request, &trace, RESPONSE_MAX));
    let finding = match attempt.budget.run(&trace, exchange).await {
        Ok(Ok((status, body))) => evaluate(metric.healthy_if, status, &body),
        Ok(Err(finding)) | Err(finding) => {
            Finding::Insufficient(format!("Prometheus cannot be asked: {finding}").into())
        }
    };
    Attempted {
        finding,
        is_connected: !failed_to_connect(&trace),
        trace,
    }
}

fn make_request(metric: &MetricProbe) -> HttpProbe {
    let mut path = format!("{}/api/v1/query?query=", metric.prefix);
    for octet in metric.query.bytes() {
        // RFC 3986, section 2.3: these stand for themselves.
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            path.push(char::from(octet));
        } else {
            write!(path, "%{octet:02X}").expect("a String takes everything");
        }
    }
    HttpProbe {
        tls: metric.tls.clone(),
        method: "GET".to_owned(),
        path,
        host: metric.host.clone(),
        headers: vec![("Accept".to_owned(), "application/json".to_owned())],
        status: Vec::new(),
        contains: None,
        regex: None,
        follow_redirects: 0,
        days_left: 0,
        header_bytes: HttpProbe::HEADER_BYTES,
    }
}

fn evaluate(healthy_if: Threshold, status: u16, body: &[u8]) -> Finding {
    let values = match read_values(status, body) {
        Ok(values) => values,
        Err(why) => return Finding::Insufficient(why.into()),
    };
    if values.is_empty() {
        return Finding::Insufficient("Prometheus has no value for the query".into());
    }
    if let Some(value) = values.iter().find(|value| value.is_nan()) {
        return Finding::Insufficient(format!("Prometheus says {value}").into());
    }
    // Every series counts: one that breaks the threshold decides.
    match values.iter().find(|value| !healthy_if.holds(**value)) {
        Some(value) => Finding::Unfulfilled(format!("value {value} is not {healthy_if}").into()),
        None => Finding::Fulfilled(format!("value {} is {healthy_if}", values[0]).into()),
    }
}

/// Reads the values of a scalar or of an instant vector.
fn read_values(status: u16, body: &[u8]) -> Result<Vec<f64>, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| format!("Prometheus answered no JSON of its API (status {status})"))?;
    if answer.status != "success" {
        let error: String = answer
            .error
            .chars()
            .take(ERROR_SHOWN_MAX)
            // As a log shows it on one line.
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        return Err(format!("Prometheus refused the query: {error}"));
    }
    let data = answer.data.ok_or("Prometheus answered without data")?;
    let values: Option<Vec<f64>> = match (data.kind.as_str(), &data.result) {
        ("scalar", sample) => read_sample(sample).map(|value| vec![value]),
        ("vector", Value::Array(series)) => series
            .iter()
            .map(|each| read_sample(each.get("value")?))
            .collect(),
        (kind, _) => {
            return Err(format!(
                "the query gives a {kind:.20}, not a number or an instant vector"
            ));
        }
    };
    values.ok_or_else(|| "Prometheus answered a value that is no number".to_owned())
}

/// Reads `[time, "value"]`.
fn read_sample(sample: &Value) -> Option<f64> {
    match sample.get(1)?.as_str()? {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluates_every_series() {
        let vector = |values: &str| {
            format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{values}]}}}}"#
            )
        };
        #[rustfmt::skip]
        let cases = [
            (vector(r#"{"metric":{},"value":[1,"0.01"]}"#), "value 0.01 is < 0.05"),
            (vector(r#"{"metric":{},"value":[1,"0.01"]},{"metric":{},"value":[1,"0.5"]}"#), "value 0.5 is not < 0.05"),
            (vector(r#"{"metric":{},"value":[1,"+Inf"]}"#), "value inf is not < 0.05"),
            (vector(r#"{"metric":{},"value":[1,"NaN"]}"#), "Prometheus says NaN (no evidence)"),
            (vector(r#"{"metric":{},"value":[1,"x"]}"#), "Prometheus answered a value that is no number (no evidence)"),
            (vector(""), "Prometheus has no value for the query (no evidence)"),
            (r#"{"status":"success","data":{"resultType":"scalar","result":[1,"0"]}}"#.to_owned(), "value 0 is < 0.05"),
            (r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.to_owned(),
             "the query gives a matrix, not a number or an instant vector (no evidence)"),
            (r#"{"status":"error","error":"parse error"}"#.to_owned(), "Prometheus refused the query: parse error (no evidence)"),
            ("<html>".to_owned(), "Prometheus answered no JSON of its API (status 200) (no evidence)"),
        ];
        let healthy_if = Threshold::parse("< 0.05").unwrap();
        for (body, wanted) in cases {
            let finding = evaluate(healthy_if, 200, body.as_bytes());
            assert_eq!(finding.to_string(), wanted, "{body}");
        }
    }
}
