//! Words to the service manager: systemd's notification protocol.
//!
//! In: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`, and what happens. Out: datagrams of a line each. Never here:
//! waiting; a word that cannot be sent at once is lost, and the next sign of life follows in a second. The crate sd-notify
//! 0.5 waits where the socket is full, and takes an abstract name for a path.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tracing::warn;

/// The shortest watchdog time that one sign of life a second can keep quiet.
const WATCHDOG_MIN: Duration = Duration::from_secs(2);

/// What the service manager is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Queries are answered, with the newest zones.
    Ready,
    /// Files are read again, because a signal asked for it.
    Reloading,
    /// The end has begun.
    Stopping,
    /// The control loop is alive.
    Alive,
}

impl Word {
    const fn line(self) -> &'static str {
        match self {
            Self::Ready => "READY=1",
            Self::Reloading => "RELOADING=1",
            Self::Stopping => "STOPPING=1",
            Self::Alive => "WATCHDOG=1",
        }
    }
}

/// The way to the service manager, if there is one.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    way: Option<(UnixDatagram, SocketAddr)>,
    has_watchdog: bool,
    /// Whether a reload was told that has not ended.
    is_reloading: bool,
}

impl Notifier {
    /// Finds the service manager in the environment; mostly there is none.
    pub(super) fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        Self::find(variable, std::process::id()).unwrap_or_else(|message| {
            warn!("{message}; the service manager is told nothing");
            Self::default()
        })
    }

    fn find(variable: impl Fn(&str) -> Option<String>, process: u32) -> Result<Self, String> {
        let Some(path) = variable("NOTIFY_SOCKET") else {
            return Ok(Self::default());
        };
        let fault = |cause: std::io::Error| format!("NOTIFY_SOCKET=`{path}`: {cause}");
        let address = match path.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None if path.starts_with('/') => SocketAddr::from_pathname(&path),
            None => Err(std::io::ErrorKind::Unsupported.into()),
        };
        let address = address.map_err(fault)?;
        let socket = UnixDatagram::unbound().map_err(fault)?;
        socket.set_nonblocking(true).map_err(fault)?;
        let number = |name| variable(name).and_then(|text| text.parse::<u64>().ok());
        let is_watched = number("WATCHDOG_PID").is_none_or(|watched| watched == u64::from(process));
        let watchdog = number("WATCHDOG_USEC").filter(|_| is_watched);
        if watchdog.is_some_and(|time| Duration::from_micros(time) < WATCHDOG_MIN) {
            warn!("WatchdogSec is less than two seconds; signs of life come once a second");
        }
        Ok(Self {
            way: Some((socket, address)),
            has_watchdog: watchdog.is_some(),
            is_reloading: false,
        })
    }

    /// Says that files are read again.
    pub(super) fn begin_reload(&mut self) {
        self.is_reloading = true;
        self.tell(Word::Reloading);
    }

    /// Says that the newest zones are answered, if a reload was told before.
    pub(super) fn end_reload(&mut self) {
        if std::mem::take(&mut self.is_reloading) {
            self.tell(Word::Ready);
        }
    }

    /// Says a word.
    pub(super) fn tell(&self, word: Word) {
        let Some((socket, address)) = &self.way else {
            return;
        };
        if word == Word::Alive && !self.has_watchdog {
            return;
        }
        // A full or absent socket costs the word, and nothing else.
        let _ = socket.send_to_addr(word.line().as_bytes(), address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<Notifier, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Notifier::find(variable, 77)
    }

    fn heard(socket: &UnixDatagram) -> Vec<String> {
        socket.set_nonblocking(true).expect("an option");
        let mut words = Vec::new();
        let mut buffer = [0; 64];
        while let Ok(len) = socket.recv(&mut buffer) {
            words.push(String::from_utf8_lossy(&buffer[..len]).into_owned());
        }
        words
    }

    #[test]
    fn tells_what_happens_on_a_path_or_an_abstract_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let by_path = UnixDatagram::bind(&path).expect("a socket");
        let name = format!("leeward-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let by_name = UnixDatagram::bind_addr(&address).expect("a socket");
        let cases = [
            (path.display().to_string(), by_path),
            (format!("@{name}"), by_name),
        ];
        for (text, socket) in cases {
            let watched = [
                ("NOTIFY_SOCKET", text.as_str()),
                ("WATCHDOG_USEC", "30000000"),
                ("WATCHDOG_PID", "77"),
            ];
            let notifier = find(&watched).expect("a way");
            for word in [Word::Ready, Word::Reloading, Word::Alive, Word::Stopping] {
                notifier.tell(word);
            }
            let wanted = ["READY=1", "RELOADING=1", "WATCHDOG=1", "STOPPING=1"];
            assert_eq!(heard(&socket), wanted, "{text}");
            for unwatched in [
                &watched[..1],
                &[watched[0], watched[1], ("WATCHDOG_PID", "78")],
            ] {
                find(unwatched).expect("a way").tell(Word::Alive);
                assert!(heard(&socket).is_empty(), "{unwatched:?}");
            }
        }
    }

    #[test]
    fn says_nothing_where_nobody_listens() {
        find(&[]).expect("no fault").tell(Word::Ready);
        find(&[("NOTIFY_SOCKET", "/nowhere/at/all")])
            .expect("no fault")
            .tell(Word::Ready);
        assert!(find(&[("NOTIFY_SOCKET", "vsock:2:1")]).is_err());
    }
}
