//! Checks and references to them.

use super::text::{Lines, duration, inline, key, list, quote, rows};
use crate::health::{
    DegradedRule, DnsProbe, Endpoint, GrpcProbe, HttpProbe, MetricProbe, ProbeKind, TcpProbe,
    Timeout, TlsProbe,
};
use crate::model::{CalculatedRule, CheckKind, CheckModel, CheckRef, ProbeTemplate, ZoneModel};

/// Writes a check.
pub(super) fn show_check(model: &ZoneModel, check: &CheckModel, lines: &mut Lines) {
    lines.header(&format!("checks.{}", key(&check.id)));
    match &check.kind {
        CheckKind::Probe(template) => show_probe(template, lines),
        CheckKind::Manual { on } => {
            lines.set("type", quote("manual"));
            lines.set("on", on.to_string());
        }
        CheckKind::Panel {
            switches,
            at_least,
            at_most,
        } => {
            lines.set("type", quote("manual"));
            let entries: Vec<(String, String)> = switches
                .iter()
                .map(|(name, is_on)| (key(name), is_on.to_string()))
                .collect();
            lines.set("switches", inline(&entries));
            lines.set("at-least", at_least.to_string());
            lines.set("at-most", at_most.to_string());
        }
        CheckKind::Calculated { rule, children } => {
            lines.set("type", quote("calculated"));
            let children = rows(children.iter().map(|child| quote(&reference(model, child))));
            match rule {
                CalculatedRule::All => lines.set("all", children),
                CalculatedRule::Any => lines.set("any", children),
                CalculatedRule::Not => lines.set("not", children),
                CalculatedRule::AtLeast(count) => {
                    lines.set("at-least", count.to_string());
                    lines.set("of", children);
                }
            }
        }
    }
    lines.set("invert", check.invert.to_string());
    lines.set("disabled", check.disabled.to_string());
    lines.set(
        "unknown",
        quote(if check.unknown_is_healthy {
            "healthy"
        } else {
            "unhealthy"
        }),
    );
}

fn degraded(rule: &DegradedRule) -> String {
    let mut entries = Vec::new();
    if let Some(latency) = rule.latency {
        entries.push(("latency".to_owned(), duration(latency)));
    }
    if let Some(percent) = rule.failures_percent {
        entries.push(("failures".to_owned(), quote(&format!("{percent}%"))));
    }
    let weight = quote(&format!("{}%", rule.weight_percent));
    entries.push(("weight".to_owned(), weight));
    inline(&entries)
}

fn show_probe(template: &ProbeTemplate, lines: &mut Lines) {
    lines.set("type", quote(template.kind.word()));
    if let ProbeKind::Heartbeat(_) = template.kind {
        lines.set("every", duration(template.interval));
        lines.set("fall", template.damping.fall.to_string());
        lines.set("rise", template.damping.rise.to_string());
        return;
    }
    // What asks Prometheus goes to its `url`.
    if !matches!(template.kind, ProbeKind::Metric(_)) {
        show_endpoint(template, lines);
    }
    lines.set("interval", duration(template.interval));
    lines.set("timeout", timeout(&template.timeout));
    lines.set("fall", template.damping.fall.to_string());
    lines.set("rise", template.damping.rise.to_string());
    lines.set("forgive", template.damping.forgive.to_string());
    if let Some(rule) = &template.damping.degraded {
        lines.set("degraded", degraded(rule));
    }
    if matches!(template.kind, ProbeKind::Http(_) | ProbeKind::Tcp(_)) {
        lines.set("watch", template.watch.to_string());
    }
    match &template.kind {
        ProbeKind::Http(http) => show_http(http, lines),
        ProbeKind::Tcp(tcp) => show_tcp(tcp, lines),
        ProbeKind::Dns(dns) => show_dns(dns, lines),
        ProbeKind::Tls(certificate) => {
            show_tls(&certificate.tls, "", lines);
            lines.set("days-left", certificate.days_left.to_string());
        }
        ProbeKind::Grpc(grpc) => show_grpc(grpc, lines),
        ProbeKind::Metric(metric) => show_metric(metric, template.port, lines),
        ProbeKind::Exec(exec) => {
            lines.set("command", list(exec.command.iter().map(|word| quote(word))));
        }
        ProbeKind::Heartbeat(_) => {}
    }
}

fn show_endpoint(template: &ProbeTemplate, lines: &mut Lines) {
    match &template.endpoint {
        Some(Endpoint::Address(address)) => lines.set("address", quote(&address.to_string())),
        // Here a name is absolute exactly when it ends in a dot (rule a6).
        Some(Endpoint::Host(host)) => {
            lines.set("target", quote(&format!("{}.", host.trim_end_matches('.'))));
        }
        Some(Endpoint::Here) => lines.note("A gate: judged once, for the whole pool."),
        None => lines.note("A recipe: applied to the address of each member."),
    }
    if template.port != 0 {
        lines.set("port", template.port.to_string());
    }
}

fn timeout(timeout: &Timeout) -> String {
    match timeout {
        Timeout::Whole(whole) => duration(*whole),
        Timeout::Phases {
            connect,
            response,
            body,
        } => inline(&[
            ("connect".to_owned(), duration(*connect)),
            ("response".to_owned(), duration(*response)),
            ("body".to_owned(), duration(*body)),
        ]),
    }
}

fn show_http(http: &HttpProbe, lines: &mut Lines) {
    if http.host.is_empty() {
        lines.note("host: each member's target; without TLS its address.");
    } else {
        lines.set("host", quote(&http.host));
    }
    lines.set("path", quote(&http.path));
    lines.set("method", quote(&http.method));
    if !http.headers.is_empty() {
        let entries: Vec<(String, String)> = http
            .headers
            .iter()
            .map(|(name, value)| (key(name), quote(value)))
            .collect();
        lines.set("headers", inline(&entries));
    }
    let codes = http.status.iter().map(|(low, high)| {
        quote(&if low == high {
            low.to_string()
        } else {
            format!("{low}-{high}")
        })
    });
    lines.set("status", rows(codes));
    show_search(http.contains.as_deref(), http.regex.as_deref(), lines);
    lines.set("follow-redirects", http.follow_redirects.to_string());
    lines.set("header-bytes", http.header_bytes.to_string());
    if let Some(tls) = &http.tls {
        show_tls(tls, &http.host, lines);
        lines.set("days-left", http.days_left.to_string());
    }
}

fn show_tcp(tcp: &TcpProbe, lines: &mut Lines) {
    lines.set("tls", tcp.tls.is_some().to_string());
    if let Some(send) = &tcp.send {
        lines.set("send", quote(send));
    }
    show_search(tcp.contains.as_deref(), tcp.regex.as_deref(), lines);
    if let Some(tls) = &tcp.tls {
        show_tls(tls, "", lines);
    }
}

fn show_dns(dns: &DnsProbe, lines: &mut Lines) {
    lines.set("query", quote(&dns.question));
    if !dns.expect.is_empty() {
        lines.set(
            "expect",
            rows(dns.expect.iter().map(|record| quote(&record.text))),
        );
    }
}

fn show_grpc(grpc: &GrpcProbe, lines: &mut Lines) {
    if grpc.host.is_empty() {
        lines.note("host: each member's target, else its address.");
    } else {
        lines.set("host", quote(&grpc.host));
    }
    lines.set("service", quote(&grpc.service));
    lines.set("tls", grpc.tls.is_some().to_string());
    if let Some(tls) = &grpc.tls {
        show_tls(tls, &grpc.host, lines);
    }
}

fn show_metric(metric: &MetricProbe, port: u16, lines: &mut Lines) {
    let scheme = if metric.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{}:{port}{}", metric.host, metric.prefix);
    lines.set("url", quote(&url));
    lines.set("query", quote(&metric.query));
    lines.set("healthy-if", quote(&metric.healthy_if.to_string()));
}

fn show_search(contains: Option<&str>, regex: Option<&str>, lines: &mut Lines) {
    if let Some(contains) = contains {
        lines.set("contains", quote(contains));
    }
    if let Some(regex) = regex {
        lines.set("regex", quote(regex));
    }
}

fn show_tls(tls: &TlsProbe, host: &str, lines: &mut Lines) {
    match &tls.server_name {
        Some(name) if name != host => lines.set("server-name", quote(name)),
        _ => {}
    }
    lines.set("verify", tls.verify.to_string());
    match &tls.ca_pem {
        Some(pem) => lines.note(&format!(
            "ca: {} octets from the file that was written here.",
            pem.len()
        )),
        None => lines.note("ca: the system's roots."),
    }
}

/// Writes `check = ...`; nothing if there are none.
pub(super) fn references(model: &ZoneModel, refs: &[CheckRef]) -> Option<String> {
    (!refs.is_empty()).then(|| list(refs.iter().map(|each| quote(&reference(model, each)))))
}

/// Writes a reference as a `check` key has it.
pub(super) fn reference(model: &ZoneModel, reference: &CheckRef) -> String {
    let id_of = |id: &usize| model.checks.get(*id).map_or("", |check| check.id.as_str());
    match reference {
        CheckRef::Check(id) => id_of(id).to_owned(),
        CheckRef::Switch(id, switch) => {
            let name = match model.checks.get(*id).map(|check| &check.kind) {
                Some(CheckKind::Panel { switches, .. }) => {
                    switches.get(*switch).map_or("", |(name, _)| name)
                }
                _ => "",
            };
            format!("{}/{name}", id_of(id))
        }
        CheckRef::Pool(id) => format!(
            "pool:{}",
            model.pools.get(*id).map_or("", |pool| pool.id.as_str())
        ),
        CheckRef::Name(id) => format!(
            "name:{}",
            model
                .names
                .get(*id)
                .map_or_else(String::new, |name| name.owner.to_relative(&model.apex))
        ),
    }
}
