//! The server file while the server runs: looked at as zone files are, read again when it changed.
//!
//! In: the file that the server was started from. Out: settings that hold from now on, or why none do. Never here: what a key
//! means.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::server_file::{Renewal, ServerConfig, read_server_file, renew};
use crate::diagnostic::{Severity, Source};

use super::looks::Looks;
use super::when::When;
use crate::daemon::files::{Stamp, read_octets, stamp};
use crate::daemon::reports::finding_text;
use crate::daemon::zone_files::text_of;

/// The server file, and what it said.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct ServerFile {
    path: PathBuf,
    stamp: Option<Stamp>,
    /// What it said at the start, and what it said when it was read last.
    said: Option<(Arc<ServerConfig>, Arc<ServerConfig>)>,
}

/// What reading the file again brought.
#[derive(Debug)]
pub(in crate::daemon) struct Reread {
    stamp: Option<Stamp>,
    /// What it says, what holds from now on, and what came of it.
    read: Result<(Arc<ServerConfig>, ServerConfig, Renewal), String>,
}

impl Reread {
    /// Returns the settings that hold from now on.
    pub(super) fn config(&self) -> Option<&ServerConfig> {
        self.read.as_ref().ok().map(|(_, config, _)| config)
    }

    /// Says whether keys that begin so change.
    pub(super) fn changes(&self, key: &str) -> bool {
        let renewal = self.read.as_ref().map(|(_, _, renewal)| renewal);
        renewal.is_ok_and(|renewal| {
            renewal
                .changed
                .iter()
                .any(|changed| changed.starts_with(key))
        })
    }
}

impl ServerFile {
    /// Notes what a file says as the server starts.
    pub(in crate::daemon) fn start(path: PathBuf) -> Self {
        // The stamp first: what is written meanwhile is read again at the next look.
        let stamp = stamp(&path);
        let read = read(&path).ok().map(Arc::new);
        Self {
            said: read.map(|config| (Arc::clone(&config), config)),
            stamp,
            path,
        }
    }

    /// Takes what reading the file again brought; returns the settings that hold from now on, and what became of each
    /// change. On a fault the settings before hold on.
    pub(super) fn take(&mut self, reread: Reread) -> Result<(ServerConfig, Renewal), String> {
        self.stamp = reread.stamp;
        let (new, config, renewal) = reread.read?;
        let started = self.said.as_ref().map(|(started, _)| Arc::clone(started));
        self.said = Some((started.unwrap_or_else(|| Arc::clone(&new)), new));
        Ok((config, renewal))
    }

    /// Reads the file again if it changed, or in any case if asked to.
    pub(super) fn look(&self, current: &ServerConfig, looks: &Looks, when: When) -> Option<Reread> {
        let now = stamp(&self.path);
        if !looks.is_server_file_new(&now, &self.stamp, when) {
            return None;
        }
        let taken = read(&self.path).map(|new| {
            let mut config = current.clone();
            let new = Arc::new(new);
            let renewal = match &self.said {
                Some((started, known)) => renew(&mut config, (started, known), &new),
                None => Renewal::default(),
            };
            (new, config, renewal)
        });
        Some(Reread {
            stamp: now,
            read: taken,
        })
    }
}

/// Reads a server file; fails with its first fault.
fn read(path: &std::path::Path) -> Result<ServerConfig, String> {
    let shown = path.display();
    let text = read_octets(path).and_then(|octets| text_of(&octets));
    let text = text.map_err(|cause| format!("{shown} cannot be read: {cause}"))?;
    let source = Source::new(path, text);
    let (config, findings) = read_server_file(&source);
    let faults = findings.into_iter();
    let faults: Vec<_> = faults
        .filter(|found| found.severity == Severity::Fault)
        .collect();
    match (config, faults.first()) {
        (Some(config), None) => Ok(config),
        (_, Some(first)) => Err(format!(
            "{shown}:{} ({} fault(s); `leeward validate {shown}` shows all)",
            finding_text(path, &source.text, first),
            faults.len()
        )),
        (None, None) => Err(format!("{shown} has faults")),
    }
}
