//! Logs through tracing: text for people, JSON for collectors.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Libraries that say too much at INFO.
const QUIET: &str = "hyper=warn,rustls=warn,reqwest=warn,h2=warn,axum=warn";

/// Installs the log once for the process, to standard error. `level` is a filter such as `info` or
/// `leeward::probe=debug`; `RUST_LOG` is not read. A second call changes nothing.
pub fn install_logs(format: LogFormat, level: &str) {
    let filter =
        EnvFilter::try_new(format!("{level},{QUIET}")).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
