//! `leeward serve`: answers in the foreground until SIGTERM or SIGINT; SIGHUP reloads.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::admin;
use crate::cli::arguments::{LogFormat, ServeArguments, ServeSource};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::clock::Clock;
use crate::config::server_file::{self, ServerConfig};
use crate::daemon::{Running, load_locations, start_from};
use crate::diagnostic::{Severity, render_text, summary};
use crate::server::{Drained, Transport};

use super::offline::{load_within, read_config};
use super::validate::validate_zones;

/// Longest time for tasks to end when all else has. Chosen; no standard value.
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);

/// Runs `serve`.
pub(in crate::cli) fn serve(arguments: &ServeArguments, output: &mut Output) -> Outcome {
    let (config, warnings) = config(arguments, output)?;
    if arguments.check {
        return check(&config, &warnings, output);
    }
    // Until the very end: what was logged last is written.
    let _log = install_logs(arguments, &config)?;
    // In the log, so that its first line is as the others are.
    for line in warnings.lines().filter(|line| !line.trim().is_empty()) {
        warn!("server file: {line}");
    }
    let file = match arguments.source() {
        ServeSource::File(path, _) => Some(path),
        ServeSource::Zones(_) => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Complaint::cannot_run(format!("start the runtime: {cause}")))?;
    let ended = runtime.block_on(async {
        let running = start_from(config, file, Clock::start())
            .await
            .map_err(|fault| Complaint::cannot_run(fault.to_string()))?;
        for address in running.addresses() {
            info!("answering on {address}, UDP and TCP");
        }
        for (transport, what) in [
            (Transport::Tls, "DNS over TLS"),
            (Transport::Https, "DNS over HTTPS"),
            (Transport::Quic, "DNS over QUIC"),
        ] {
            for address in running.listen().of(transport) {
                info!("answering on {address}, {what}");
            }
        }
        if let Some(http) = running.http() {
            info!("metrics, status and control on http://{http}/");
        }
        wait_for_end(&running).await?;
        info!("stopping: finishing what is queued");
        match running.stop().await {
            Drained::InTime => info!("stopped"),
            Drained::CutOff => {
                info!("stopped; some connections were cut off after five seconds")
            }
        }
        Ok(Exit::Fine)
    });
    // A disk or a reader that hangs does not hold up the end.
    runtime.shutdown_timeout(SHUTDOWN_MAX);
    ended
}

/// Combines the server file, or defaults around a folder, with the command line, which wins.
fn config(
    arguments: &ServeArguments,
    output: &Output,
) -> Result<(ServerConfig, String), Complaint> {
    let (mut config, warnings) = match arguments.source() {
        ServeSource::File(path, zones) => {
            let help = "or name a folder of zones: leeward serve ZONES_DIR";
            // Faults are for a terminal; warnings go to the log, which has no colours.
            let read = read_config(&path, false);
            let read = read.or_else(|_| read_config(&path, output.is_colour()));
            let (mut config, warnings) = read.map_err(|complaint| complaint.with_help(help))?;
            config.zones = zones.unwrap_or(config.zones);
            (config, warnings)
        }
        ServeSource::Zones(zones) => {
            let config = ServerConfig {
                zones,
                ..ServerConfig::default()
            };
            (config, String::new())
        }
    };
    if !arguments.listen.is_empty() {
        config.listen.clone_from(&arguments.listen);
    }
    if arguments.http.is_some() {
        config.http = arguments.http;
    }
    Ok((config, warnings))
}

/// Reads all that a start would read, and reports its faults.
fn check(config: &ServerConfig, warnings: &str, output: &mut Output) -> Outcome {
    let locations =
        load_locations(&config.geo).map_err(|fault| Complaint::cannot_run(fault.to_string()))?;
    let set = load_within(&config.zones, &config.zone_links, &locations)?;
    let (diagnostics, sources) = validate_zones(&config.zones, &set);
    if !warnings.is_empty() {
        output.line(warnings);
    }
    let text = render_text(&diagnostics, &sources, output.is_colour());
    output.line(
        if text.is_empty() {
            summary(&diagnostics, sources.len())
        } else {
            text
        }
        .as_str(),
    );
    let mut found = diagnostics.iter();
    let is_faulty = found.any(|found| found.severity == Severity::Fault);
    Ok(if is_faulty { Exit::Faults } else { Exit::Fine })
}

fn install_logs(
    arguments: &ServeArguments,
    config: &ServerConfig,
) -> Result<admin::LogGuard, Complaint> {
    let is_json = match arguments.log_format {
        Some(format) => format == LogFormat::Json,
        None => config.log.format == server_file::LogFormat::Json,
    };
    let level = server_file::LogLevel::ALL
        .iter()
        .find(|(_, level)| *level == config.log.level);
    let format = if is_json {
        admin::LogFormat::Json
    } else {
        admin::LogFormat::Text
    };
    admin::install_logs(format, level.map_or("info", |(word, _)| word))
        .map_err(|cause| Complaint::cannot_run(format!("begin the log: {cause}")))
}

async fn wait_for_end(running: &Running) -> Result<(), Complaint> {
    let listen = |kind| {
        signal(kind).map_err(|cause| Complaint::cannot_run(format!("listen for signals: {cause}")))
    };
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => {
                info!("SIGHUP: reading zone files and server file");
                running.reload();
            }
        }
    }
}
