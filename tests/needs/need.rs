//! What some tests need beyond the Rust toolchain, and what becomes of them where it is not there: never a silent pass.
//!
//! In: `LEEWARD_SKIP`, names with commas between them, left out on purpose (`LEEWARD_SKIP_PEERS=1` means `peers,zonemaster`);
//! `LEEWARD_UNCHECKED`, a file. Out: a line in that file for each check that was not made. Without the file a missing need
//! fails the test that has it.
//!
//! | Skipped by name | Is there | `LEEWARD_UNCHECKED` | The test |
//! |---|---|---|---|
//! | yes | - | set | is left out, and the file says `skipped` |
//! | yes | - | not set | is left out, and standard error says so |
//! | no | yes | - | checks |
//! | no | no | set | is left out, and the file says `missing` |
//! | no | no | not set | fails |

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Something that a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The servers that answers are compared with.
    Peers,
    /// The judges of a zone, and a network namespace for them.
    Zonemaster,
    /// A client that is not ours.
    Dig,
    /// The client that HTTP checks are judged beside.
    Curl,
    /// The right to send datagrams from port 0.
    RawSockets,
}

/// Whether a test is to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    Met,
    Skipped,
    Missing(String),
}

impl Need {
    /// All of them.
    const ALL: [Self; 5] = [
        Self::Peers,
        Self::Zonemaster,
        Self::Dig,
        Self::Curl,
        Self::RawSockets,
    ];

    /// Says whether a check can be made, and notes it where it cannot.
    ///
    /// # Panics
    /// If what is needed is missing, was not skipped by name, and there is no file to note it in.
    #[must_use]
    pub(crate) fn is_met(self) -> bool {
        let standing = self.standing(&skipped(|name| std::env::var_os(name)));
        let file = std::env::var_os("LEEWARD_UNCHECKED");
        note(self, &standing, file.as_ref().map(Path::new));
        standing == Standing::Met
    }

    /// Name for `--skip`.
    fn name(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::Zonemaster => "zonemaster",
            Self::Dig => "dig",
            Self::Curl => "curl",
            Self::RawSockets => "raw-sockets",
        }
    }

    /// What is not checked without it.
    fn loss(self) -> &'static str {
        match self {
            Self::Peers => "no answer is compared with NSD, Knot and BIND",
            Self::Zonemaster => "Zonemaster and DNSViz judge no zone",
            Self::Dig => "dig reads no answer",
            Self::Curl => "no HTTP check is judged beside curl",
            Self::RawSockets => "no datagram from port 0 is sent",
        }
    }

    fn standing(self, skipped: &[String]) -> Standing {
        if skipped.iter().any(|name| name == self.name()) {
            return Standing::Skipped;
        }
        match self.find() {
            Ok(()) => Standing::Met,
            Err(why) => Standing::Missing(why),
        }
    }

    /// Says what is missing.
    fn find(self) -> Result<(), String> {
        match self {
            Self::Peers => programs(&["nsd", "knotd", "named"]),
            Self::Zonemaster => {
                programs(&["zonemaster-cli", "dnsviz", "nsd", "dig", "ip", "unshare"])?;
                let tried = Command::new("unshare")
                    .args(["--net", "ip", "link"])
                    .output();
                match tried {
                    Ok(output) if output.status.success() => Ok(()),
                    _ => Err("the right to make a network namespace".to_owned()),
                }
            }
            Self::Dig => programs(&["dig"]),
            Self::Curl => programs(&["curl"]),
            Self::RawSockets => {
                let (domain, kind) = (socket2::Domain::IPV4, socket2::Type::RAW);
                socket2::Socket::new(domain, kind, Some(socket2::Protocol::UDP))
                    .map(drop)
                    .map_err(|cause| format!("the right to open raw sockets: {cause}"))
            }
        }
    }
}

/// Looks for programs where daemons lie too, which only root's PATH names.
fn programs(names: &[&str]) -> Result<(), String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders: Vec<&str> = path
        .split(':')
        .chain(["/usr/sbin", "/usr/local/sbin"])
        .collect();
    let is_missing = |name: &&&str| {
        !folders
            .iter()
            .any(|folder| Path::new(folder).join(name).is_file())
    };
    let missing: Vec<&str> = names.iter().filter(is_missing).copied().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(missing.join(", ")),
    }
}

/// Reads what is left out on purpose.
fn skipped(variable: impl Fn(&str) -> Option<OsString>) -> Vec<String> {
    let list = variable("LEEWARD_SKIP").unwrap_or_default();
    let list = list.to_string_lossy();
    let mut names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
    if variable("LEEWARD_SKIP_PEERS").is_some_and(|value| value == "1") {
        names.extend([Need::Peers, Need::Zonemaster].map(|need| need.name().to_owned()));
    }
    names
}

/// Writes down what is not checked.
fn note(need: Need, standing: &Standing, file: Option<&Path>) {
    let (name, loss) = (need.name(), need.loss());
    let (word, told) = match standing {
        Standing::Met => return,
        Standing::Skipped => ("skipped", loss.to_owned()),
        Standing::Missing(what) => ("missing", format!("{loss}; missing: {what}")),
    };
    let Some(file) = file else {
        assert_eq!(
            word, "skipped",
            "{told}. `tests/peers.sh judges` installs it, as root; LEEWARD_SKIP={name} leaves it out"
        );
        eprintln!("NOT CHECKED: {told} ({name} is skipped by name)");
        return;
    };
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file);
    let line = format!("{name}\t{word}\t{told}\n");
    opened
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .unwrap_or_else(|cause| panic!("{}: {cause}", file.display()));
}

#[test]
fn what_is_skipped_by_name_is_noted_and_what_is_missing_fails_or_is_noted() {
    let variables = |list: &'static str, peers: &'static str| {
        move |name: &str| match name {
            "LEEWARD_SKIP" => Some(list.into()),
            _ => Some(peers.into()),
        }
    };
    let is_skipped = |need: Need, list, peers| {
        need.standing(&skipped(variables(list, peers))) == Standing::Skipped
    };
    assert!(is_skipped(Need::Dig, "fuzz, dig", "0"));
    assert!(is_skipped(Need::Zonemaster, "", "1") && is_skipped(Need::Peers, "", "1"));
    assert!(!is_skipped(Need::Dig, "digs", "1"));
    for need in Need::ALL {
        let script = include_str!("../../test");
        assert!(script.contains(need.name()), "./test knows {need:?}");
    }
    assert!(programs(&["sh"]).is_ok());
    assert_eq!(
        programs(&["sh", "no-such-program"]),
        Err("no-such-program".to_owned())
    );

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("unchecked");
    let missing = Standing::Missing("dig".to_owned());
    note(Need::Dig, &Standing::Met, Some(&file));
    note(Need::Dig, &missing, Some(&file));
    note(Need::Dig, &Standing::Skipped, Some(&file));
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert_eq!(
        text,
        "dig\tmissing\tdig reads no answer; missing: dig\ndig\tskipped\tdig reads no answer\n"
    );
    let failed = std::panic::catch_unwind(|| note(Need::Dig, &missing, None));
    assert!(
        failed.is_err(),
        "what is missing fails where nobody notes it"
    );
    note(Need::Dig, &Standing::Skipped, None);
}
