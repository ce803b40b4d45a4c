//! `leeward lab`: regions on loopback that can be killed, a server in front of them, and a board.

use std::future::poll_fn;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::arguments::{LabAction, LabArguments};
use crate::cli::lab_board::watch;
use crate::cli::lab_terminal::{Above, LabTerminal, columns};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::clock::Clock;
use crate::config::server_file::{
    CertificateSetting, ExplainSettings, GeoSettings, RateLimitSettings, ServerConfig, TlsSettings,
};
use crate::control::{LogFormat, LogGuard, install_logs};
use crate::daemon::{Running, start};
use crate::lab::{
    ENDPOINT_PORT, Endpoints, LAB_CONTROL, LAB_HTTP, LAB_NETWORKS, LAB_TLS_PORT, LAB_ZONE_FILE,
    LabCommand, LabPlan, LabScreen, Seen, listen_remote, read_lines, run_lab, send_command,
};
use crate::place::Place;
use crate::server::Transport;

/// Runs `lab`.
pub(in crate::cli) fn lab(arguments: &LabArguments, output: &mut Output) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Complaint::cannot_run(format!("start the runtime: {cause}")))?;
    let outcome = match arguments.action {
        Some(action) => runtime.block_on(command(action, output)),
        None => runtime.block_on(run(arguments, output)),
    };
    // A thread waits for typed lines and cannot be called off.
    runtime.shutdown_background();
    outcome
}

async fn command(action: LabAction, output: &mut Output) -> Outcome {
    let command = match action {
        LabAction::Kill(at) => LabCommand::Kill(at.region),
        LabAction::Heal(at) => LabCommand::Heal(at.region),
        LabAction::Slow(at) => LabCommand::Slow(at.region),
        LabAction::Status => LabCommand::Status,
    };
    let text = send_command(LAB_CONTROL, command)
        .await
        .map_err(Complaint::cannot_run)?;
    output.line(&text);
    Ok(Exit::Fine)
}

async fn run(arguments: &LabArguments, output: &mut Output) -> Outcome {
    let cannot = |message: String| Complaint::cannot_run(message);
    let endpoints = Endpoints::start(ENDPOINT_PORT)
        .await
        .map_err(|fault| cannot(fault.to_string()))?;
    let remote = listen_remote(LAB_CONTROL).await.map_err(|cause| {
        cannot(format!(
            "listen for other terminals on {LAB_CONTROL}: {cause} (does another lab run?)"
        ))
    })?;
    // The zone that ships is written to a folder of this process's own, so that the lab runs from anywhere and the
    // zone can be edited while it runs.
    let own = match &arguments.zones {
        Some(_) => None,
        None => Some(
            OwnFolder::make().map_err(|cause| cannot(format!("write the lab's zone: {cause}")))?,
        ),
    };
    let folder = match (&arguments.zones, &own) {
        (Some(zones), _) => zones.clone(),
        (None, own) => own.as_ref().map(|own| own.0.clone()).unwrap_or_default(),
    };
    let signals =
        Signals::listen().map_err(|cause| cannot(format!("listen for signals: {cause}")))?;
    let clock = Clock::start();
    let running = start(config(arguments, &folder), clock)
        .await
        .map_err(|fault| cannot(fault.to_string()))?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let watching = watch(running.asks(), running.zones(), Arc::clone(&seen)).await;
    let terminal = output.is_terminal().then(LabTerminal::open).flatten();
    let _log = begin_log(terminal.as_ref().map(|(terminal, _)| terminal))
        .map_err(|cause| cannot(format!("begin the log: {cause}")))?;
    let (terminal, lines) = match terminal {
        Some((terminal, lines)) => (Some(terminal), Ok(lines)),
        None => (None, read_lines()),
    };
    let lines = lines.map_err(|cause| cannot(format!("read commands: {cause}")))?;
    let plan = LabPlan {
        endpoints,
        listen: running
            .addresses()
            .first()
            .copied()
            .unwrap_or(arguments.listen),
        source: Arc::new(move || seen.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        lines,
        remote,
        places: places(&running, &folder),
        terminal: terminal.as_ref().map(screen),
        is_colour: output.is_colour(),
        clock,
    };
    run_lab(plan, signals.any(), &mut |text| output.raw(text.as_bytes())).await;
    watching.abort();
    running.stop().await;
    drop((own, terminal));
    output.line("the lab is closed");
    Ok(Exit::Fine)
}

/// Sends the log to standard error, or above the line that is typed.
fn begin_log(terminal: Option<&LabTerminal>) -> std::io::Result<Option<LogGuard>> {
    match terminal {
        None => install_logs(LogFormat::Text, "error").map(Some),
        Some(terminal) => {
            log_above(terminal.above());
            Ok(None)
        }
    }
}

/// What the board shows of where things are.
fn places(running: &Running, folder: &Path) -> Vec<String> {
    let mut places = vec![format!(
        "zones: {} (edit a file: live in two seconds)",
        folder.display()
    )];
    if let Some(http) = running.http() {
        places.push(format!("page, status and metrics: http://{http}/"));
    }
    for tls in running.listen().of(Transport::Tls) {
        places.push(format!(
            "DNS over TLS: dig @{} -p {} +tls www.lab.example",
            tls.ip(),
            tls.port()
        ));
    }
    places
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

/// Sends the log above the line that is typed.
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

    /// Returns when one of them comes.
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
    fn make() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("leeward-lab-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let own = Self(folder);
        std::fs::write(own.0.join("lab.toml"), LAB_ZONE_FILE)?;
        Ok(own)
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // What cannot be removed is a small file in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The lab's server: its zone, networks that stand for places, nothing kept.
fn config(arguments: &LabArguments, zones: &Path) -> ServerConfig {
    let networks = LAB_NETWORKS
        .iter()
        .filter_map(|(prefix, place)| Some((prefix.parse().ok()?, Place::parse(place).ok()?)));
    let tls_port = match arguments.listen.port() {
        // Any free port: both are.
        0 => 0,
        _ => LAB_TLS_PORT,
    };
    ServerConfig {
        listen: vec![arguments.listen],
        tls: TlsSettings {
            listen: vec![SocketAddr::new(arguments.listen.ip(), tls_port)],
            certificate: Some(CertificateSetting::SelfSigned),
        },
        zones: zones.to_path_buf(),
        http: Some(LAB_HTTP),
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
