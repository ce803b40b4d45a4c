//! `leeward lab`: regions on loopback that can be killed, a server in front of them, and a board.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::arguments::{LabAction, LabArguments};
use crate::cli::lab_board::watch;
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::clock::Clock;
use crate::config::server_file::{
    CertificateSetting, ExplainSettings, GeoSettings, ServerConfig, TlsSettings,
};
use crate::control::{LogFormat, install_logs};
use crate::daemon::start;
use crate::lab::{
    ENDPOINT_PORT, Endpoints, LAB_CONTROL, LAB_HTTP, LAB_NETWORKS, LAB_TLS_PORT, LAB_ZONE_FILE,
    LabCommand, LabPlan, Seen, listen_remote, read_lines, run_lab, send_command,
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
        None => {
            let _log = install_logs(LogFormat::Text, "error")
                .map_err(|cause| Complaint::cannot_run(format!("begin the log: {cause}")))?;
            runtime.block_on(run(arguments, output))
        }
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
    let (folder, is_own) = match &arguments.zones {
        Some(zones) => (zones.clone(), false),
        None => (
            own_folder().map_err(|cause| cannot(format!("write the lab's zone: {cause}")))?,
            true,
        ),
    };
    let config = config(arguments, &folder);
    let clock = Clock::start();
    let running = start(config, clock)
        .await
        .map_err(|fault| cannot(fault.to_string()))?;
    output.line(&format!(
        "zones: {} (edit a file there: a correct change is live in two seconds)",
        folder.display()
    ));
    if let Some(http) = running.http() {
        output.line(&format!("page, status and metrics: http://{http}/"));
    }
    for tls in running.listen().of(Transport::Tls) {
        output.line(&format!(
            "DNS over TLS, with a certificate of its own: dig @{} -p {} +tls www.lab.example",
            tls.ip(),
            tls.port()
        ));
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    let watching = watch(running.asks(), running.zones(), Arc::clone(&seen)).await;
    let plan = LabPlan {
        endpoints,
        listen: running
            .addresses()
            .first()
            .copied()
            .unwrap_or(arguments.listen),
        source: Arc::new(move || seen.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        lines: read_lines().map_err(|cause| cannot(format!("read commands: {cause}")))?,
        remote,
        is_terminal: output.is_terminal(),
        is_colour: output.is_colour(),
        clock,
    };
    let stop = async {
        // Without signals only `quit` ends the lab.
        let _ = tokio::signal::ctrl_c().await;
    };
    run_lab(plan, stop, &mut |text| output.raw(text.as_bytes())).await;
    watching.abort();
    running.stop().await;
    if is_own {
        // What cannot be removed is a small file in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&folder);
    }
    output.line("the lab is closed");
    Ok(Exit::Fine)
}

/// The lab's server: its zone, networks that stand for places, nothing kept.
fn config(arguments: &LabArguments, zones: &Path) -> ServerConfig {
    let networks = LAB_NETWORKS.iter().filter_map(|(prefix, place)| {
        let (address, len) = prefix.split_once('/')?;
        Some((
            address.parse().ok()?,
            len.parse().ok()?,
            Place::parse(place).ok()?,
        ))
    });
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
            allow: vec![
                (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
                (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
            ],
        },
        ..ServerConfig::default()
    }
}

fn own_folder() -> std::io::Result<std::path::PathBuf> {
    let folder = std::env::temp_dir().join(format!("leeward-lab-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("lab.toml"), LAB_ZONE_FILE)?;
    Ok(folder)
}
