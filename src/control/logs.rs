//! Logs through tracing: text for people, JSON for collectors.
//!
//! In: what happened. Out: one line an event on standard error. Never here: deciding what is worth a line.

use std::io::IsTerminal as _;

use tracing::field::Field;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::timeline::EventKind;

use super::plain::plain;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Libraries that say too much at INFO. The filter that the operator writes comes after it, and wins.
const QUIET: &str = "hyper=warn,hyper_util=warn,rustls=warn,reqwest=warn,axum=warn";

/// Fields that repeat parts of the message for collectors start with this; text leaves them out.
const PART: &str = "event.";

/// Installs the log once for the process, to standard error; a second call changes nothing. `level` is a filter such
/// as `info`, or `warn,leeward::probe=debug`; one that cannot be read is reported in the log, and `info` holds.
/// `RUST_LOG` is not read.
pub fn install_logs(format: LogFormat, level: &str) {
    let read = EnvFilter::try_new(format!("{QUIET},{level}"));
    let fault = read.as_ref().err().map(ToString::to_string);
    let filter = read.unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},info")));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Text => builder
            .with_target(false)
            .fmt_fields(debug_fn(write_field))
            .try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let (Ok(()), Some(fault)) = (installed, fault) {
        warn!(
            "`{level}` is no log filter ({fault}); info is used: write error, warn, info, debug or trace, or \
             leeward::probe=debug for one module"
        );
    }
}

/// Writes one field of a line for people: the message as it is, others as NAME=VALUE, parts of the message not again.
fn write_field(
    writer: &mut Writer<'_>,
    field: &Field,
    value: &dyn std::fmt::Debug,
) -> std::fmt::Result {
    let text = format!("{value:?}");
    match field.name() {
        "message" => writer.write_str(&plain(&text)),
        name if name.starts_with(PART) => Ok(()),
        name => write!(writer, " {name}={}", plain(&text)),
    }
}

/// Logs an event once: what went worse at WARN or ERROR, the rest at INFO; parts of a transition are fields, too.
pub fn log_event(kind: &EventKind) {
    match kind {
        EventKind::Transition {
            target,
            from,
            to,
            evidence,
            counted,
        } => {
            if to == "healthy" {
                info!(
                    event.kind = "transition",
                    event.target = target,
                    event.from = from,
                    event.to = to,
                    event.evidence = evidence,
                    event.counted = counted,
                    "{kind}"
                );
            } else {
                warn!(
                    event.kind = "transition",
                    event.target = target,
                    event.from = from,
                    event.to = to,
                    event.evidence = evidence,
                    event.counted = counted,
                    "{kind}"
                );
            }
        }
        EventKind::Refused { .. } => error!("{kind}"),
        EventKind::Waiting { .. }
        | EventKind::Flattened { is_worse: true, .. }
        | EventKind::Alarm {
            has_ended: false, ..
        }
        | EventKind::SelfDoubt {
            is_doubting: true, ..
        } => warn!("{kind}"),
        EventKind::Reload { .. }
        | EventKind::Mended { .. }
        | EventKind::Maintenance { .. }
        | EventKind::SelfDoubt { .. }
        | EventKind::Released { .. }
        | EventKind::Switched { .. }
        | EventKind::Flattened { .. }
        | EventKind::Alarm { .. }
        | EventKind::Started => info!("{kind}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Lines written in a test.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("one writer").extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn transition(to: &str, evidence: &str) -> EventKind {
        EventKind::Transition {
            target: "shop.example.com us-east/192.0.2.10 web".to_owned(),
            from: "unknown".to_owned(),
            to: to.to_owned(),
            evidence: evidence.to_owned(),
            counted: "3 failures of 3".to_owned(),
        }
    }

    fn logged(format: LogFormat, kind: &EventKind) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let builder = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_target(false)
            .with_writer(move || writer.clone());
        let subscriber: Box<dyn tracing::Subscriber + Send + Sync> = match format {
            LogFormat::Text => Box::new(builder.fmt_fields(debug_fn(write_field)).finish()),
            LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
        };
        tracing::subscriber::with_default(subscriber, || log_event(kind));
        let octets = lines.0.lock().expect("one reader").clone();
        String::from_utf8(octets).expect("text")
    }

    #[test]
    fn says_a_transition_once_and_forges_no_line() {
        assert_eq!(
            logged(LogFormat::Text, &transition("unhealthy", "status 503")),
            " WARN shop.example.com us-east/192.0.2.10 web: unknown -> unhealthy: status 503 (3 failures of 3)\n"
        );
        let forged = logged(
            LogFormat::Text,
            &transition("healthy", "a\n\u{1b}[2J WARN b"),
        );
        assert_eq!(forged.lines().count(), 1, "{forged:?}");
        assert!(
            forged.starts_with(" INFO ") && !forged.contains('\u{1b}'),
            "{forged:?}"
        );
    }

    #[test]
    fn gives_collectors_the_parts() {
        let line = logged(LogFormat::Json, &transition("unhealthy", "status 503"));
        let line: serde_json::Value = serde_json::from_str(&line).expect("a JSON object a line");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["event.to"], "unhealthy");
        assert_eq!(line["event.evidence"], "status 503");
    }
}
