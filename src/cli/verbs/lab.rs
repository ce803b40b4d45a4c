//! `leeward lab`: regions on loopback that can be killed, a server in front of them, a resolver before that, and a board.

use std::future::poll_fn;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::admin::{LogFormat, LogGuard, install_logs};
use crate::cli::arguments::{LabAction, LabArguments};
use crate::cli::lab_board::{Watched, watch};
use crate::cli::lab_terminal::{Above, LabTerminal, columns};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::clock::Clock;
use crate::config::server_file::{
    CertificateSetting, ExplainSettings, GeoSettings, RateLimitSettings, ServerConfig, TlsSettings,
};
use crate::daemon::{Running, start};
use crate::geo::Place;
use crate::lab::{
    Endpoints, LAB_NETWORKS, LabCommand, LabPlan, LabPorts, LabScreen, Outside, OutsidePlan,
    OutsideSockets, Remote, Seen, lab_zone_file, listen_remote, read_lines, run_lab, send_command,
};
use crate::server::Transport;

/// Runs `lab`.
pub(in crate::cli) fn lab(arguments: &LabArguments, output: &mut Output) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Complaint::cannot_run(format!("start the runtime: {cause}")))?;
    let ports = LabPorts {
        port: arguments.port,
        http: arguments.http,
    };
    let outcome = match arguments.action {
        Some(action) => runtime.block_on(command(action, ports, output)),
        None => runtime.block_on(run(arguments, ports, output)),
    };
    // A thread waits for typed lines and cannot be called off.
    runtime.shutdown_background();
    outcome
}

async fn command(action: LabAction, ports: LabPorts, output: &mut Output) -> Outcome {
    let command = match action {
        LabAction::Kill(at) => LabCommand::Kill(at.region),
        LabAction::Heal(at) => LabCommand::Heal(at.region),
        LabAction::Slow(at) => LabCommand::Slow(at.region),
        LabAction::Status => LabCommand::Status,
    };
    let text = send_command(ports.control(), command)
        .await
        .map_err(Complaint::cannot_run)?;
    output.line(&text);
    Ok(Exit::Fine)
}

async fn run(arguments: &LabArguments, ports: LabPorts, output: &mut Output) -> Outcome {
    let sockets = open(ports).await?;
    // The zone that ships is written to a folder of this process's own, so that the lab runs from anywhere and the
    // zone can be edited while it runs.
    let own = match &arguments.zones {
        Some(_) => None,
        None => Some(OwnFolder::make(ports).map_err(cannot("write the lab's zone"))?),
    };
    let folder = match (&arguments.zones, &own) {
        (Some(zones), _) => zones.clone(),
        (None, own) => own.as_ref().map(|own| own.0.clone()).unwrap_or_default(),
    };
    let signals = Signals::listen().map_err(cannot("listen for signals"))?;
    let clock = Clock::start();
    let running = begin(config(ports, &folder), ports, clock).await?;
    let outside = begin_outside(sockets.outside, &running, ports, clock)?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let watched = Watched::new(running.asks(), outside.behind(), running.zones());
    let watching = watch(watched, Arc::clone(&seen)).await;
    let terminal = output.is_terminal().then(LabTerminal::open).flatten();
    let _log = begin_log(terminal.as_ref().map(|(terminal, _)| terminal))
        .map_err(cannot("begin the log"))?;
    let (terminal, lines) = match terminal {
        Some((terminal, lines)) => (Some(terminal), Ok(lines)),
        None => (None, read_lines()),
    };
    let plan = LabPlan {
        endpoints: sockets.endpoints,
        ports,
        source: Arc::new(move || seen.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        lines: lines.map_err(cannot("read commands"))?,
        remote: sockets.remote,
        places: places(&running, &folder),
        terminal: terminal.as_ref().map(screen),
        is_colour: output.is_colour(),
        clock,
    };
    run_lab(plan, signals.any(), &mut |text| output.raw(text.as_bytes())).await;
    watching.abort();
    outside.stop().await;
    running.stop().await;
    drop((own, terminal));
    output.line("the lab is closed");
    Ok(Exit::Fine)
}

/// Returns a function that makes a complaint of a cause: the failed action, then the cause.
fn cannot<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Complaint {
    move |cause| Complaint::cannot_run(format!("{what}: {cause}"))
}

/// Everything of the lab that listens, but for the server.
struct Sockets {
    outside: OutsideSockets,
    endpoints: Endpoints,
    remote: Remote,
}

/// Binds all sockets of the lab; a complaint about a taken port names the remedy.
async fn open(ports: LabPorts) -> Result<Sockets, Complaint> {
    let taken = |fault: &dyn std::fmt::Display, way_out: String| {
        Complaint::cannot_run(fault.to_string()).with_help(way_out)
    };
    let outside = OutsideSockets::bind(ports.resolver(), ports.parent())
        .await
        .map_err(|fault| taken(&fault, ports.other_port()))?;
    let endpoints =
        Endpoints::start(ports.endpoints())
            .await
            .map_err(|fault| match fault.error.kind() {
                ErrorKind::AddrInUse => taken(&fault, ports.other_http()),
                _ => Complaint::cannot_run(fault.to_string()),
            })?;
    let control = ports.control();
    let remote = listen_remote(control).await.map_err(|cause| {
        let fault = format!("listen for other terminals on {control}: {cause}");
        taken(&fault, ports.other_http())
    })?;
    Ok(Sockets {
        outside,
        endpoints,
        remote,
    })
}

/// Starts the server. `serve` goes on without an address that is taken; a lab without it shows no answers.
async fn begin(config: ServerConfig, ports: LabPorts, clock: Clock) -> Result<Running, Complaint> {
    let running = start(config, clock).await.map_err(|fault| {
        let is_taken = std::net::UdpSocket::bind(ports.name_server()).is_err();
        let complaint = Complaint::cannot_run(fault.to_string());
        match is_taken {
            true => complaint.with_help(ports.other_port()),
            false => complaint,
        }
    })?;
    let listen = running.listen();
    let dns = [
        (Transport::Udp, ports.name_server()),
        (Transport::Tls, ports.tls()),
    ];
    let missing = dns
        .into_iter()
        .find(|(transport, address)| !listen.of(*transport).contains(address));
    let fault = match missing {
        Some((_, address)) => Some((address, ports.other_port())),
        None if running.http().is_none() => Some((ports.page(), ports.other_http())),
        None => None,
    };
    let Some((address, way_out)) = fault else {
        return Ok(running);
    };
    running.stop().await;
    let message = format!("listen on {address}: the port is taken");
    Err(Complaint::cannot_run(message).with_help(way_out))
}

/// Starts the parent zone and the resolver.
fn begin_outside(
    sockets: OutsideSockets,
    running: &Running,
    ports: LabPorts,
    clock: Clock,
) -> Result<Outside, Complaint> {
    let zones = running.zones().zones.iter();
    let plan = OutsidePlan {
        apexes: zones.map(|zone| zone.model.apex.clone()).collect(),
        name_server: ports.name_server(),
        clock,
    };
    Outside::start(sockets, plan).map_err(cannot("serve the parent zone"))
}

/// Sends the log to standard error, or above the input line.
fn begin_log(terminal: Option<&LabTerminal>) -> std::io::Result<Option<LogGuard>> {
    match terminal {
        None => install_logs(LogFormat::Text, "error").map(Some),
        Some(terminal) => {
            log_above(terminal.above());
            Ok(None)
        }
    }
}

/// Lines of the board with the page's address and the zones folder: one, which a small terminal has room for.
fn places(running: &Running, folder: &Path) -> Vec<String> {
    let page = running.http().map(|http| format!("page http://{http}/"));
    let zones = format!("zones {} (edited: live in 2 s)", folder.display());
    vec![
        page.into_iter()
            .chain([zones])
            .collect::<Vec<_>>()
            .join(", "),
    ]
}

fn screen(terminal: &LabTerminal) -> LabScreen {
    let (mut above, begin) = (terminal.above(), terminal.begin());
    LabScreen {
        columns,
        tell: Box::new(move |text| {
            // What it cannot write it drops itself.
            let _ = above.write_all(text.as_bytes());
            // The introduction is the first that is told, when the board is drawn.
            begin();
        }),
    }
}

/// Sends the log above the input line.
fn log_above(above: Above) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_target(false)
        .with_ansi(false)
        .with_writer(Mutex::new(above));
    // A log that somebody installed before stays.
    drop(builder.try_init());
}

/// The signals that end the lab; it cleans up on each.
struct Signals(Vec<Signal>);

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ];
        kinds
            .into_iter()
            .map(signal)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Waits for one of them.
    async fn any(mut self) {
        poll_fn(|context| {
            let is_any = self
                .0
                .iter_mut()
                .any(|signal| signal.poll_recv(context).is_ready());
            if is_any {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// A folder with the zone that ships, removed however the lab ends.
struct OwnFolder(PathBuf);

impl OwnFolder {
    fn make(ports: LabPorts) -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("leeward-lab-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let own = Self(folder);
        std::fs::write(own.0.join("lab.toml"), lab_zone_file(ports.endpoints()))?;
        Ok(own)
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // What cannot be removed is a small file in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Settings of the lab's server: its zone, networks that stand for places, no state folder.
fn config(ports: LabPorts, zones: &Path) -> ServerConfig {
    let networks = LAB_NETWORKS
        .iter()
        .filter_map(|(prefix, place)| Some((prefix.parse().ok()?, Place::parse(place).ok()?)));
    ServerConfig {
        listen: vec![ports.name_server()],
        tls: TlsSettings {
            listen: vec![ports.tls()],
            certificate: Some(CertificateSetting::SelfSigned),
        },
        zones: zones.to_path_buf(),
        http: Some(ports.page()),
        state: None,
        geo: GeoSettings {
            networks: networks.collect(),
            ..GeoSettings::default()
        },
        explain: ExplainSettings {
            allow: RateLimitSettings::ALLOW.to_vec(),
        },
        ..ServerConfig::default()
    }
}
