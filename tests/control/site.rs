//! A control API on a port of its own, with a control loop that answers from fixed data.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use leeward::admin::{
    AlarmRow, Ask, Asking, DoubtRow, Exposition, FlattenedRow, HeldRow, Kept, LoadGauges, NameRow,
    NotListed, OrderFault, PoolRow, Pulse, RefusedFile, ServedPool, ServerRow, SharedReport,
    StatusReport, TargetRow, ZoneRow, serve,
};
use leeward::clock::Clock;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

/// A running API; it ends when this is dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) pulse: Arc<Pulse>,
    _stop: watch::Sender<bool>,
    _runtime: Runtime,
}

impl Site {
    /// Opens a site whose control loop beats.
    pub(crate) fn open() -> Self {
        Self::open_with(Some(keep))
    }

    /// Opens a site without anyone who keeps the state.
    pub(crate) fn open_without_loop() -> Self {
        Self::open_with(None)
    }

    fn open_with(control_loop: Option<fn(Ask)>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (asks, mut asked) = mpsc::channel(8);
        let (stop, stopping) = watch::channel(false);
        let clock = Clock::start();
        let pulse = Arc::new(Pulse::default());
        pulse.beat(clock.now().nanos() / 1_000_000_000);
        let asking = Asking {
            asks,
            exposition: Arc::new(exposition()),
            pulse: Arc::clone(&pulse),
            hosts: ["ns1.example.com".to_owned()].into(),
            clock,
        };
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let address = listener.local_addr().expect("bound");
        runtime.spawn(serve(listener, asking, stopping));
        if let Some(control_loop) = control_loop {
            runtime.spawn(async move {
                while let Some(ask) = asked.recv().await {
                    control_loop(ask);
                }
            });
        }
        Self {
            address,
            pulse,
            _stop: stop,
            _runtime: runtime,
        }
    }
}

fn keep(ask: Ask) {
    match ask {
        Ask::Status(answer) => drop(answer.send(Arc::new(SharedReport::new(report())))),
        Ask::Explain(request, answer) => drop(answer.send(if request.name == "bad" {
            Err("`bad` lies in no zone that is served (REFUSED)".to_owned())
        } else {
            Ok(json!({ "name": request.name, "type": request.rtype }))
        })),
        Ask::Reload(_, answer) => drop(answer.send(json!({ "result": "loaded" }))),
        Ask::Timeline(wanted, answer) => drop(answer.send(
            json!({ "filter": wanted.filter, "limit": wanted.limit, "since": wanted.since }),
        )),
        Ask::Queries(answer) => drop(answer.send(Vec::new())),
        Ask::Simulate(_, answer) => drop(answer.send(Err("nothing is served".to_owned()))),
        Ask::Release(wanted, answer) => drop(answer.send(if wanted.name == "www" {
            Ok(json!({ "zone": wanted.zone, "name": wanted.name, "released": 1 }))
        } else {
            Err(OrderFault::Refused(format!(
                "`{}` has no failback that could be released",
                wanted.name
            )))
        })),
        Ask::Switches(answer) => drop(answer.send(Vec::new())),
        Ask::Switch(request, answer) => drop(answer.send(Err(match request.set.as_str() {
            "unsaved" => OrderFault::NotSaved("the disk is full".to_owned()),
            "busy" => OrderFault::Busy,
            _ => OrderFault::Refused(request.set),
        }))),
        Ask::Heartbeat(report, answer) => drop(answer.send(match report.is_good {
            true => Ok(Kept::OnDisk),
            false => Err(OrderFault::Refused(report.note)),
        })),
        Ask::Geo(address, answer) => drop(answer.send(json!({ "address": address.to_string() }))),
    }
}

/// Sends octets and reads until the server closes.
pub(crate) fn ask(server: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(server).expect("it listens");
    let patience = Some(Duration::from_secs(10));
    stream.set_read_timeout(patience).expect("a socket option");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8(answer).expect("text")
}

fn exposition() -> Exposition {
    let exposition = Exposition::new();
    for (rtype, rcode, total) in [("A", "NOERROR", 41), ("AAAA", "NXDOMAIN", 2)] {
        let labels = [("transport", "udp"), ("type", rtype), ("rcode", rcode)];
        exposition.total("leeward_queries_total", &labels, total);
    }
    let labels = [
        ("zone", "shop.example.com"),
        ("check", "web"),
        ("outcome", "good"),
    ];
    exposition.add("leeward_probes_total", &labels, 9);
    let labels = [("zone", "shop.example.com"), ("check", "the \"big\" one\\")];
    for seconds in [0.0042, 0.3, 45.0] {
        exposition.record("leeward_probe_duration_seconds", &labels, seconds);
    }
    exposition.record("leeward_flip_seconds", &[], 0.0003);
    let gauges = LoadGauges::default();
    let member = |address| {
        [
            ("zone", "shop.example.com"),
            ("check", "web"),
            ("pool", "us-east"),
            ("member", address),
        ]
    };
    gauges.gauge("leeward_target_status", &member("192.0.2.10"), 0.0);
    gauges.gauge("leeward_target_status", &member("192.0.2.11"), -1.0);
    exposition.put(gauges);
    exposition
}

/// A server in the middle of an outage, with a refused file, and a target that sends what a terminal would obey.
pub(crate) fn report() -> StatusReport {
    let zone = || "shop.example.com".to_owned();
    let target = |member: &str, status: &str, since_s, evidence: &str| TargetRow {
        id: format!("shop.example.com us-east/{member} web"),
        zone: zone(),
        check: "web".to_owned(),
        pool: "us-east".to_owned(),
        address: member.to_owned(),
        probed: format!("{member} port 443"),
        site: "us-east-1".to_owned(),
        status: status.to_owned(),
        since: "2026-12-05T22:00:00Z".to_owned(),
        since_s,
        evidence: evidence.to_owned(),
        last_probe_age_s: (status != "unknown").then_some(1.25),
        latency_ms: (status == "healthy").then_some(12.5),
    };
    let pool = |pool: &str, status: &str, healthy| PoolRow {
        zone: zone(),
        pool: pool.to_owned(),
        healthy,
        total: 2,
        status: status.to_owned(),
        held: 0,
    };
    StatusReport {
        alarms: vec![AlarmRow {
            kind: "zones-folder".to_owned(),
            subject: String::new(),
            since: "2026-12-05T21:58:00Z".to_owned(),
            text: "read zones folder zones: No such file or directory (os error 2)".to_owned(),
            meaning: "The zones folder cannot be used: every zone is served as before.".to_owned(),
        }],
        flattened: vec![FlattenedRow {
            target: "shop.cdn.example.net.".to_owned(),
            state: "kept".to_owned(),
            says: "A 203.0.113.1, resolved 2m ago from 192.0.2.53:53, kept since its TTL ended: lookups fail for 1m: 192.0.2.53:53 did not answer in time; next lookup in 20s".to_owned(),
        }],
        not_listed: NotListed {
            names: 12,
            ..NotListed::default()
        },
        reload_waiting: None,
        held: vec![HeldRow {
            zone: zone(),
            name: "pay".to_owned(),
            failover: "pay A failover".to_owned(),
            on: "eu-west".to_owned(),
            since: "2026-12-05T21:40:00Z".to_owned(),
            release: "leeward release pay.shop.example.com".to_owned(),
        }],
        self_doubt: Some(DoubtRow {
            since: "2026-12-05T21:59:30Z".to_owned(),
            until: None,
            why: "none of 2 anchors passes".to_owned(),
        }),
        server: ServerRow {
            version: "0.1.0".to_owned(),
            uptime_s: 93_784,
            generation: 7,
            listen: vec!["127.0.0.1:5300".to_owned()],
            targets: 3,
            location: "no location database: places come from client subnets in zone files only"
                .to_owned(),
        },
        zones: vec![ZoneRow {
            zone: zone(),
            file: "zones/shop.toml".to_owned(),
            serial: 2_026_120_501,
            names: 12,
            loaded_at: "2026-12-04T20:00:00Z".to_owned(),
            state: "last good version served".to_owned(),
            why: "zones/shop.toml is refused".to_owned(),
            old_since: Some("2026-12-05T20:00:00Z".to_owned()),
            digest: "0123456789abcdef".to_owned(),
            warnings: 1,
            findings: vec!["7:1 L047 a list of one".to_owned()],
        }],
        targets: vec![
            target("192.0.2.10", "healthy", 93_000, "status 200 in 12 ms"),
            target(
                "192.0.2.11",
                "unhealthy",
                130,
                "body lacks \"ready\": \"\u{1b}[2J<b>no</b>\"",
            ),
            target("2001:db8:1::10", "unknown", 3, "no probe has ended yet"),
        ],
        pools: vec![pool("us-east", "partial", 1), pool("eu-west", "healthy", 2)],
        names: vec![NameRow {
            zone: zone(),
            name: "www.shop.example.com".to_owned(),
            rtype: "A".to_owned(),
            serves: vec![
                ServedPool {
                    pool: "us-east".to_owned(),
                    share: 0.7,
                },
                ServedPool {
                    pool: "eu-west".to_owned(),
                    share: 0.3,
                },
            ],
            rcode: "NOERROR".to_owned(),
            ttl: 30,
            because: "192.0.2.11 is out: body lacks \"ready\"".to_owned(),
        }],
        files_refused: vec![RefusedFile {
            file: "zones/shop.toml".to_owned(),
            since: "2026-12-05T21:58:00Z".to_owned(),
            faults: vec!["31:9 E0203 no pool `us-est`".to_owned()],
        }],
    }
}
