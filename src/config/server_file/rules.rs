//! Rules between keys of the server file.
//!
//! In: settings as read, and where they are written. Out: settings that agree with each other, or findings. Never here: single
//! values.

use ipnet::IpNet;
use toml::de::{DeTable, DeValue};

use super::serving_options::CertificateSetting;
use super::settings::ServerConfig;
use crate::clock::format_duration;
use crate::config::values::Faults;
use crate::diagnostic::{Diagnostic, Span};

/// Where keys are written.
struct Written<'t>(&'t DeTable<'t>);

impl Written<'_> {
    /// Finds a key of a table.
    fn find(&self, path: &str) -> Option<Span> {
        let (table, key) = path.split_once('.')?;
        let table = self.0.get(table)?.get_ref().as_table()?;
        Some(Span(table.get(key)?.span()))
    }

    /// Says whether a list has no items.
    fn is_empty_list(&self, path: &str) -> bool {
        let value = path
            .split_once('.')
            .and_then(|(table, key)| self.0.get(table)?.get_ref().as_table()?.get(key));
        value.is_some_and(
            |value| matches!(value.get_ref(), DeValue::Array(items) if items.is_empty()),
        )
    }
}

/// Validates the settings together.
pub(super) fn validate(root: &DeTable<'_>, config: &mut ServerConfig, faults: &mut Faults<'_>) {
    let written = Written(root);
    validate_pairs(&written, config, faults);
    validate_certificate(&written, config, faults);
    require_certificate(&written, config, faults);
    if let (Some(span), Some(family)) = (
        written.find("proxy.allow"),
        whole_family(&config.proxy.allow),
    ) {
        let message = format!(
            "`proxy.allow` covers every {family} address: all clients must send a header, and may claim any address in it"
        );
        faults.push(
            Diagnostic::warning("S015", span, "proxy.allow", message)
                .help("name the addresses of your load balancers alone"),
        );
    }
}

/// A bound is never beyond the other; where only one is written, the other gives way.
fn validate_pairs(written: &Written<'_>, config: &mut ServerConfig, faults: &mut Faults<'_>) {
    let (resolver, tcp) = (&mut config.resolver, &mut config.tcp);
    match written.find("resolver.ttl-max") {
        Some(span) if resolver.ttl_max < resolver.ttl_min => {
            let least = format_duration(resolver.ttl_min);
            let message = format!("`resolver.ttl-max` is below `ttl-min`, which is {least}");
            faults.push(Diagnostic::fault("S004", span, "resolver.ttl-max", message));
        }
        Some(_) => {}
        None => resolver.ttl_max = resolver.ttl_max.max(resolver.ttl_min),
    }
    match written.find("tcp.connections-per-address") {
        Some(span) if tcp.connections_per_address > tcp.connections => {
            let path = "tcp.connections-per-address";
            let message = format!(
                "`{path}` is above `connections`, which is {}",
                tcp.connections
            );
            faults.push(Diagnostic::fault("S004", span, path, message));
        }
        Some(_) => {}
        None => tcp.connections_per_address = tcp.connections_per_address.min(tcp.connections),
    }
}

/// Finds a certificate file without its key, and a key without its certificate.
fn validate_certificate(written: &Written<'_>, config: &ServerConfig, faults: &mut Faults<'_>) {
    let (certificate, key) = (written.find("tls.certificate"), written.find("tls.key"));
    let setting = &config.tls.certificate;
    let (path, span, message, help) = match (certificate, key, setting) {
        (Some(_), Some(key), Some(CertificateSetting::SelfSigned)) => (
            "tls.key",
            key,
            "a self-signed certificate brings its own key",
            "leave `key` out",
        ),
        (Some(certificate), None, Some(CertificateSetting::Files { .. })) => (
            "tls.certificate",
            certificate,
            "a certificate file needs its private key",
            "add `key = \"...\"`, a PEM file",
        ),
        (None, Some(key), _) => (
            "tls.key",
            key,
            "a private key needs its certificate",
            "add `certificate = \"...\"`, a PEM file",
        ),
        _ => return,
    };
    faults.push(Diagnostic::fault("S014", span, path, message).help(help));
}

/// Finds transports that listen without a certificate to show.
fn require_certificate(written: &Written<'_>, config: &ServerConfig, faults: &mut Faults<'_>) {
    if written.find("tls.certificate").is_some() || written.find("tls.key").is_some() {
        return;
    }
    for path in ["tls.listen", "https.listen", "quic.listen"] {
        let is_plain = path == "https.listen" && config.https.is_plain;
        let Some(span) = written.find(path) else {
            continue;
        };
        if is_plain || written.is_empty_list(path) {
            continue;
        }
        let message = format!("`{path}` needs a certificate");
        faults.push(Diagnostic::fault("S014", span, path, message).help(
            "add `certificate` and `key` to `[tls]`, or `certificate = \"self-signed\"` for a trial",
        ));
    }
}

/// Finds a family all of whose addresses are covered.
fn whole_family(networks: &Vec<IpNet>) -> Option<&'static str> {
    let together = IpNet::aggregate(networks);
    let whole = together.iter().find(|network| network.prefix_len() == 0);
    whole.map(|network| match network {
        IpNet::V4(_) => "IPv4",
        IpNet::V6(_) => "IPv6",
    })
}
