//! Statuses as they are saved over a restart.
//!
//! In: targets. Out: a stable text key for what a target probes, and the record that is written under it. Never here:
//! files, formats, clocks.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::target::{Endpoint, ProbeKind, ProbeRecipe, Status, TcpProbe, TlsProbe};

/// A saved status. Unknown is never saved: it is what a missing record means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStatus {
    /// Fingerprint of the probe: see [`fingerprint`].
    pub probe: String,
    /// The status.
    pub status: Status,
    /// Start of the status, milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// Time when a probe last gave evidence, milliseconds since the Unix epoch.
    pub heard_ms: i64,
    /// Evidence of the last probe, as text.
    pub evidence: String,
}

/// Writes a text that names what a recipe probes, the same in every run: `https [2001:db8::1]:443 5d0c...`.
///
/// Interval, timeouts and damping are left out: a change of how often or how patiently a target is judged
/// leaves the question as it was, and the status stays.
pub fn fingerprint(recipe: &ProbeRecipe) -> String {
    let word = match &recipe.kind {
        ProbeKind::Tcp(TcpProbe { tls: Some(_), .. }) => "tcp+tls",
        kind => kind.word(),
    };
    let mut text = match &recipe.endpoint {
        Endpoint::Address(address) => {
            let socket = std::net::SocketAddr::new(*address, recipe.port);
            format!("{word} {socket} ")
        }
        Endpoint::Host(host) => format!("{word} {host}:{} ", recipe.port),
        Endpoint::Here => format!("{word} "),
    };
    write!(text, "{:016x}", digest(&recipe.kind)).expect("a String takes everything");
    text
}

fn digest(kind: &ProbeKind) -> u64 {
    let mut fields = Fields(FNV_BASIS);
    match kind {
        ProbeKind::Http(http) => {
            fields.add("http");
            fields.add_tls(http.tls.as_ref());
            for text in [&http.method, &http.path, &http.host] {
                fields.add(text);
            }
            for (name, value) in &http.headers {
                fields.add(name);
                fields.add(value);
            }
            for (low, high) in &http.status {
                fields.add(&format!("{low}-{high}"));
            }
            fields.add_optional(http.contains.as_deref());
            fields.add_optional(http.regex.as_deref());
            fields.add(&http.follow_redirects.to_string());
            fields.add(&http.days_left.to_string());
        }
        ProbeKind::Tcp(tcp) => {
            fields.add("tcp");
            fields.add_tls(tcp.tls.as_ref());
            fields.add_optional(tcp.send.as_deref());
            fields.add_optional(tcp.contains.as_deref());
            fields.add_optional(tcp.regex.as_deref());
        }
        ProbeKind::Dns(_)
        | ProbeKind::Tls(_)
        | ProbeKind::Grpc(_)
        | ProbeKind::Metric(_)
        | ProbeKind::Exec(_)
        | ProbeKind::Heartbeat(_) => fields.add_protocol(kind),
    }
    fields.0
}

/// FNV-1a with 64 bits over fields of known length: stable over versions of compiler and library, unlike `Hash`.
struct Fields(u64);

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

impl Fields {
    fn add(&mut self, text: &str) {
        let length = (text.len() as u64).to_be_bytes();
        for octet in length.iter().chain(text.as_bytes()) {
            self.0 = (self.0 ^ u64::from(*octet)).wrapping_mul(FNV_PRIME);
        }
    }

    fn add_optional(&mut self, text: Option<&str>) {
        self.add(if text.is_some() { "some" } else { "none" });
        self.add(text.unwrap_or_default());
    }

    /// Adds a probe of a protocol that is neither HTTP nor bare TCP.
    fn add_protocol(&mut self, kind: &ProbeKind) {
        self.add(kind.word());
        match kind {
            ProbeKind::Dns(dns) => {
                self.add(&dns.question);
                for record in &dns.expect {
                    self.add(&record.text);
                }
            }
            ProbeKind::Tls(certificate) => {
                self.add_tls(Some(&certificate.tls));
                self.add(&certificate.days_left.to_string());
            }
            ProbeKind::Grpc(grpc) => {
                self.add_tls(grpc.tls.as_ref());
                self.add(&grpc.host);
                self.add(&grpc.service);
            }
            ProbeKind::Metric(metric) => {
                self.add_tls(metric.tls.as_ref());
                for text in [&metric.host, &metric.prefix, &metric.query] {
                    self.add(text);
                }
                self.add(&metric.healthy_if.to_string());
            }
            ProbeKind::Exec(exec) => exec.command.iter().for_each(|word| self.add(word)),
            ProbeKind::Heartbeat(heartbeat) => {
                self.add(&heartbeat.zone);
                self.add(&heartbeat.check);
            }
            ProbeKind::Http(_) | ProbeKind::Tcp(_) => {}
        }
    }

    fn add_tls(&mut self, tls: Option<&TlsProbe>) {
        let Some(tls) = tls else {
            return self.add("plain");
        };
        self.add("tls");
        self.add_optional(tls.server_name.as_deref());
        self.add(if tls.verify { "verify" } else { "trust" });
        self.add_optional(tls.ca_pem.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{HttpProbe, Timeout};
    use std::time::Duration;

    fn recipe(change: impl FnOnce(&mut ProbeRecipe, &mut HttpProbe)) -> ProbeRecipe {
        let mut http = HttpProbe {
            tls: None,
            method: "GET".into(),
            path: "/".into(),
            host: "www.example.com".into(),
            headers: vec![],
            status: vec![(200, 299)],
            contains: None,
            regex: None,
            follow_redirects: 0,
            days_left: 0,
            header_bytes: HttpProbe::HEADER_BYTES,
        };
        let mut recipe = ProbeRecipe {
            endpoint: Endpoint::Address("2001:db8::1".parse().expect("an address")),
            port: 80,
            kind: ProbeKind::Http(http.clone()),
            interval: Duration::from_secs(10),
            timeout: Timeout::Whole(Duration::from_secs(3)),
            watch: false,
        };
        change(&mut recipe, &mut http);
        recipe.kind = ProbeKind::Http(http);
        recipe
    }

    #[test]
    fn tells_probes_apart_by_what_they_ask() {
        let plain = fingerprint(&recipe(|_, _| {}));
        assert_eq!(plain, "http [2001:db8::1]:80 ddac046142a4ba34");
        let patient = recipe(|recipe, _| recipe.interval = Duration::from_secs(1));
        assert_eq!(fingerprint(&patient), plain, "the interval does not count");
        let others = [
            recipe(|recipe, _| recipe.port = 81),
            recipe(|recipe, _| recipe.endpoint = Endpoint::Host("a.example".into())),
            recipe(|_, http| http.path = "/x".into()),
            recipe(|_, http| http.contains = Some(String::new())),
            recipe(|_, http| http.headers = vec![("a".into(), "b".into())]),
            recipe(|_, http| http.status = vec![(200, 399)]),
            recipe(|_, http| http.days_left = 14),
        ];
        for other in others {
            assert_ne!(fingerprint(&other), plain, "{other:?}");
        }
    }
}
