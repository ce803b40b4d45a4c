//! Probes of one target, run once.
//!
//! In: an address and what to probe. Out: observations. Never here: expectations.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use leeward::clock::Clock;
use leeward::health::{
    Damping, Endpoint, HttpProbe, Observation, ProbeKind, ProbeRecipe, Target, TcpProbe, Timeout,
};
use leeward::probe::{ProbeContext, probe_once};

/// Time for probes that are to end by themselves.
pub(crate) const AMPLE: Timeout = Timeout::Whole(Duration::from_secs(10));

/// Time for probes that are to run out of it.
pub(crate) const SCARCE: Timeout = Timeout::Whole(Duration::from_millis(80));

pub(crate) fn http_probe() -> HttpProbe {
    HttpProbe {
        tls: None,
        method: "GET".into(),
        path: "/".into(),
        host: String::new(),
        headers: vec![],
        status: vec![(200, 299)],
        contains: None,
        regex: None,
        follow_redirects: 0,
        days_left: 0,
        header_bytes: HttpProbe::HEADER_BYTES,
    }
}

/// A `tcp` check that connects and no more.
pub(crate) fn tcp_probe() -> TcpProbe {
    TcpProbe {
        tls: None,
        send: None,
        contains: None,
        regex: None,
    }
}

pub(crate) fn target(address: SocketAddr, kind: ProbeKind, timeout: Timeout) -> Target {
    Target {
        probe: ProbeRecipe {
            endpoint: Endpoint::Address(address.ip()),
            port: address.port(),
            kind,
            interval: Duration::from_secs(10),
            timeout,
            watch: false,
        },
        damping: Damping {
            rise: 2,
            fall: 3,
            forgive: 1,
            degraded: None,
        },
    }
}

pub(crate) fn context() -> Arc<ProbeContext> {
    ProbeContext::new("leeward-test", vec![], Clock::start())
}

/// Probes once; returns the evidence as text.
pub(crate) async fn probe(address: SocketAddr, kind: ProbeKind, timeout: Timeout) -> String {
    observe(address, kind, timeout).await.evidence.to_string()
}

pub(crate) async fn observe(address: SocketAddr, kind: ProbeKind, timeout: Timeout) -> Observation {
    let target = Arc::new(target(address, kind, timeout));
    probe_once(&context(), &target).await
}
