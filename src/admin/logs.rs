//! Logs through tracing: text for people, JSON for collectors.
//!
//! In: events. Out: one line an event on standard error, by a thread of its own (see [`super::log_lines`]). Never here:
//! the choice of events.

use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tracing::field::Field;
use tracing::{Metadata, error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::clock::{Clock, Moment};
use crate::timeline::EventKind;

use super::log_lines::{Lines, Shape};
use super::plain::plain;

/// Form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Filter for libraries that log single connections: metrics count those, and only errors are lines. The operator's
/// filter comes after it, and wins.
const QUIET: &str = "h2=error,hyper=error,hyper_util=error,quinn=error,quinn_proto=error,quinn_udp=error,rustls=error,\
                     tokio_rustls=error,reqwest=error,axum=error,tower=error,mio=error";
/// Lines of all libraries in [`LIBRARY_INTERVAL`], whatever their level: the rate at which a client may make them
/// write.
const LIBRARY_LINES_MAX: u32 = 10;
/// See [`LIBRARY_LINES_MAX`].
const LIBRARY_INTERVAL: Duration = Duration::from_secs(60);
/// Longest time for lines to be written when the process ends. Chosen; no standard value.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// The log of the process.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    lines: Lines,
    libraries: Allowance,
}

/// Counts of lost lines, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LostLines {
    /// Lines dropped because the queue was full or they could not be written.
    pub dropped: u64,
    /// Lines of libraries beyond their rate.
    pub suppressed: u64,
}

/// Returns how many lines were lost since the start.
pub fn lost_log_lines() -> LostLines {
    LOG.get().map_or_else(LostLines::default, |log| LostLines {
        dropped: log.lines.dropped(),
        suppressed: log.libraries.suppressed.load(Ordering::Relaxed),
    })
}

/// Rate limit of lines of libraries.
struct Allowance {
    clock: Clock,
    /// Begin of the current interval, and number of lines in it.
    taken: Mutex<(Moment, u32)>,
    suppressed: AtomicU64,
}

impl Allowance {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            taken: Mutex::new((clock.now(), 0)),
            suppressed: AtomicU64::new(0),
        }
    }

    /// Takes one line, if one is left.
    fn take(&self) -> bool {
        let now = self.clock.now();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(taken.0) >= LIBRARY_INTERVAL {
            *taken = (now, 0);
        }
        let is_left = taken.1 < LIBRARY_LINES_MAX;
        if is_left {
            taken.1 += 1;
        } else {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
        }
        is_left
    }
}

/// Gives the formatter a place for its line.
struct ToLog;

/// A place for one line; `None` for one that is too many.
struct Place(Option<&'static Lines>);

impl<'a> MakeWriter<'a> for ToLog {
    type Writer = Place;

    fn make_writer(&'a self) -> Place {
        Place(LOG.get().map(|log| &log.lines))
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Place {
        let is_ours = line.target().starts_with(env!("CARGO_PKG_NAME"));
        let is_let = |log: &&Log| is_ours || log.libraries.take();
        Place(LOG.get().filter(is_let).map(|log| &log.lines))
    }
}

impl Write for Place {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(lines) = self.0 {
            lines.take(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the rest of the queue when it is dropped, for at most a second: keep it until the process ends.
#[derive(Debug)]
#[must_use = "what was logged last is lost without it"]
pub struct LogGuard(());

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(log) = LOG.get() {
            log.lines.flush(FLUSH_MAX);
        }
    }
}

/// Fields that repeat parts of the message for collectors start with this; text leaves them out.
const PART: &str = "event.";

/// Installs the log once for the process, to standard error; a second call changes nothing. `level` is a filter such
/// as `info`, or `warn,leeward::probe=debug`; one that cannot be read is reported in the log, and `info` holds.
/// `RUST_LOG` is not read.
///
/// # Errors
/// If the system gives no thread or descriptor for it.
pub fn install_logs(format: LogFormat, level: &str) -> io::Result<LogGuard> {
    let shape = match format {
        LogFormat::Text => Shape::Text,
        LogFormat::Json => Shape::Json,
    };
    if LOG.get().is_none() {
        // A descriptor of its own: a write that hangs must not hold the lock of the standard library's handle.
        let sink = std::fs::File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let lines = Lines::start(sink, shape, |lost| {
            warn!("{lost} log lines were dropped: nobody read them, or they could not be written");
        })?;
        let libraries = Allowance::new(Clock::start());
        // Another thread may have been first; its log is as good.
        let _ = LOG.set(Log { lines, libraries });
    }
    let read = EnvFilter::try_new(format!("{QUIET},{level}"));
    let fault = read.as_ref().err().map(ToString::to_string);
    let filter = read.unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},info")));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(ToLog);
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
    log_panics();
    Ok(LogGuard(()))
}

/// Writes panics to the log: the standard library would write them to standard error itself, and wait for its reader.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(String::new, ToString::to_string);
        let said = panic.payload_as_str().unwrap_or("no words");
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name");
        error!("a fault of the program at {place} in thread {name}: {said}");
    }));
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

/// Logs an event: a change for the worse at WARN or ERROR, the rest at INFO; parts of a transition are fields, too.
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
        | EventKind::Removed { .. }
        | EventKind::Moved { is_same: false, .. }
        | EventKind::Names { removed: 1.., .. }
        | EventKind::Warnings { .. }
        | EventKind::SerialFell { .. }
        | EventKind::Flattened { is_worse: true, .. }
        | EventKind::Alarm {
            has_ended: false, ..
        }
        | EventKind::SelfDoubt {
            is_doubting: true, ..
        } => warn!("{kind}"),
        EventKind::Reload { .. }
        | EventKind::Mended { .. }
        | EventKind::Withdrawn { .. }
        | EventKind::Moved { .. }
        | EventKind::Names { .. }
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

    impl Write for Lines {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one writer").extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
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

    // X7.
    #[test]
    fn libraries_write_no_faster_than_they_may() {
        let allowance = Allowance::new(Clock::start());
        let written = (0..1_000).filter(|_| allowance.take()).count();
        assert_eq!(written, LIBRARY_LINES_MAX as usize);
        assert_eq!(allowance.suppressed.load(Ordering::Relaxed), 990);
        EnvFilter::try_new(format!("{QUIET},info")).expect("a filter");
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
