//! What survives a restart: orders, statuses with their age, serials, and what failovers remember.
//!
//! In: the state folder, what is to be saved. Out: files that are whole or the ones before; what an earlier run saved, as far
//! as it can be read, with what is lost in words. Never here: when something is saved; failing to save never stops answers.
//!
//! | File | What it holds | When it is written |
//! |---|---|---|
//! | `state.json` | everything | every ten seconds, soon after a failover, at the end |
//! | `orders.json` | what operators and their jobs ordered, and what failovers remember | before an order is answered |
//!
//! The file with the greater `sequence` says what was ordered. A damaged file is kept as `NAME.bad`, and read by parts. A
//! process holds a lock on the folder while it saves there, so that two servers do not overwrite each other's state.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::health::SavedStatus;
use crate::publish::SavedZone;
use crate::resolver::SavedLease;

use super::salvage::{self, Parts};
use crate::daemon::durable::{self, Readers};
use crate::daemon::loading::Serials;
use crate::daemon::watching::{SavedBeat, SavedSwitch};

/// Version of the files' format.
const FORMAT: u64 = 1;
/// The file of everything.
const WHOLE: &str = "state.json";
/// The file of orders.
const ORDERS: &str = "orders.json";

/// What was ordered, and what failovers remember.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(in crate::daemon) struct SavedOrders {
    #[serde(default)]
    pub(in crate::daemon) switches: Vec<SavedSwitch>,
    /// What failovers and last known answers remember.
    #[serde(default)]
    pub(in crate::daemon) zones: Vec<SavedZone>,
    #[serde(default)]
    pub(in crate::daemon) heartbeats: Vec<SavedBeat>,
}

/// The saved state.
#[derive(Debug, Default, Deserialize)]
pub(in crate::daemon) struct Saved {
    #[serde(default)]
    pub(in crate::daemon) format: u64,
    /// Grows with every save of either file.
    #[serde(default)]
    pub(in crate::daemon) sequence: u64,
    #[serde(flatten)]
    pub(in crate::daemon) orders: SavedOrders,
    #[serde(default)]
    pub(in crate::daemon) serials: Serials,
    #[serde(default)]
    pub(in crate::daemon) flattened: Vec<SavedLease>,
    #[serde(default)]
    pub(in crate::daemon) statuses: Vec<SavedStatus>,
}

/// A file that could not be read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::daemon) struct Damage {
    /// The file.
    pub(in crate::daemon) file: PathBuf,
    /// Where it is kept, if it could be.
    pub(in crate::daemon) kept: Option<PathBuf>,
    /// What is wrong, what is lost, and where the file is kept.
    pub(in crate::daemon) text: String,
    /// Entries that are lost, as far as they can be counted.
    pub(in crate::daemon) lost: usize,
}

/// Reads the saved state; a missing file is a first start. Never fails: what cannot be read is lost, and told.
pub(in crate::daemon) fn read(folder: &Path) -> (Saved, Vec<Damage>) {
    let (mut saved, whole_damage) = read_one(&folder.join(WHOLE));
    let (orders, orders_damage) = read_one(&folder.join(ORDERS));
    if orders.sequence > saved.sequence {
        saved.sequence = orders.sequence;
        if orders_damage.is_none() {
            saved.orders = orders.orders;
        } else {
            // What is lost of the newer file may stand in the older one; later entries win.
            saved.orders.switches.extend(orders.orders.switches);
            saved.orders.zones.extend(orders.orders.zones);
            saved.orders.heartbeats.extend(orders.orders.heartbeats);
        }
    }
    let damages = whole_damage.into_iter().chain(orders_damage).collect();
    (saved, damages)
}

fn read_one(path: &Path) -> (Saved, Option<Damage>) {
    let text = match salvage::read_file(path) {
        Ok(None) => return (Saved::default(), None),
        Ok(Some(text)) => text,
        Err(cause) => return (Saved::default(), Some(damage(path, &[cause], 0))),
    };
    // Nearly always it is whole, and read in one go.
    if let Ok(saved) = serde_json::from_slice::<Saved>(&text)
        && saved.format == FORMAT
    {
        return (saved, None);
    }
    let mut parts = Parts::of(text);
    let format = parts.number("format");
    match format {
        Some(FORMAT) => {}
        Some(other) => parts.faults.push(format!(
            "its format is {other}, and this version writes {FORMAT}; what it understands of it is used"
        )),
        None => parts.faults.push("it names no format".to_owned()),
    }
    let saved = Saved {
        format: FORMAT,
        sequence: parts.number("sequence").unwrap_or(0),
        orders: SavedOrders {
            switches: parts.list("switches"),
            zones: parts.list("zones"),
            heartbeats: parts.list("heartbeats"),
        },
        serials: parts.value("serials"),
        flattened: parts.list("flattened"),
        statuses: parts.list("statuses"),
    };
    let found = damage(path, &parts.faults, parts.lost);
    (saved, parts.are_damaged().then_some(found))
}

fn damage(path: &Path, faults: &[String], lost: usize) -> Damage {
    let kept = salvage::keep(path);
    let place = match &kept {
        Ok(kept) => format!("it is kept as {}", kept.display()),
        Err(fault) => fault.clone(),
    };
    Damage {
        file: path.to_path_buf(),
        text: format!("read {}: {}; {place}", path.display(), faults.join("; ")),
        kept: kept.ok(),
        lost,
    }
}

/// Writes everything.
///
/// # Errors
/// If the folder cannot be written; the old file stays.
pub(in crate::daemon) fn write_whole(folder: &Path, saved: &Saved) -> Result<(), String> {
    let mut text = Text::begin(saved.sequence);
    text.orders(&saved.orders)?;
    text.value("serials", &saved.serials)?;
    text.list("flattened", &saved.flattened)?;
    text.list("statuses", &saved.statuses)?;
    durable::replace(&folder.join(WHOLE), &text.end(), Readers::Anyone)
}

/// Writes what was ordered.
///
/// # Errors
/// If the folder cannot be written; the old file stays.
pub(in crate::daemon) fn write_orders(
    folder: &Path,
    sequence: u64,
    orders: &SavedOrders,
) -> Result<(), String> {
    let mut text = Text::begin(sequence);
    text.orders(orders)?;
    durable::replace(&folder.join(ORDERS), &text.end(), Readers::Anyone)
}

/// Removes the file of orders, when everything that it holds stands in the other one.
///
/// # Errors
/// If it is there and cannot be removed.
pub(in crate::daemon) fn forget_orders(folder: &Path) -> Result<(), String> {
    let path = folder.join(ORDERS);
    match fs::remove_file(&path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("remove {}: {cause}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// JSON with a line an entry: whatever is garbled later costs a line. What operators ordered stands first, so that a file
/// that breaks off costs what probes find again.
struct Text(Vec<u8>);

impl Text {
    fn begin(sequence: u64) -> Self {
        Self(format!("{{\"format\":{FORMAT},\"sequence\":{sequence}").into_bytes())
    }

    fn orders(&mut self, orders: &SavedOrders) -> Result<(), String> {
        self.list("switches", &orders.switches)?;
        self.list("zones", &orders.zones)?;
        self.list("heartbeats", &orders.heartbeats)
    }

    fn list<T: Serialize>(&mut self, section: &str, entries: &[T]) -> Result<(), String> {
        self.0
            .extend_from_slice(format!(",\n\"{section}\":[").as_bytes());
        for (number, entry) in entries.iter().enumerate() {
            self.0
                .extend_from_slice(if number == 0 { b"\n" } else { b",\n" });
            self.json(section, entry)?;
        }
        self.0.extend_from_slice(b"\n]");
        Ok(())
    }

    fn value<T: Serialize>(&mut self, section: &str, value: &T) -> Result<(), String> {
        self.0
            .extend_from_slice(format!(",\n\"{section}\":").as_bytes());
        self.json(section, value)
    }

    fn json<T: Serialize>(&mut self, section: &str, value: &T) -> Result<(), String> {
        serde_json::to_writer(&mut self.0, value)
            .map_err(|cause| format!("write `{section}` as JSON: {cause}"))
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\n}\n");
        self.0
    }
}

/// The right to save in a folder: a lock on it, which ends with the process.
#[derive(Debug, Default)]
pub(in crate::daemon) struct FolderLock(Option<File>);

impl FolderLock {
    /// Makes sure that this process alone saves in a folder, which is made if it is missing.
    ///
    /// # Errors
    /// If another process saves there, or the folder cannot be made.
    pub(in crate::daemon) fn hold(&mut self, folder: &Path) -> Result<(), String> {
        durable::make_folder(folder)?;
        let fault = |cause: std::io::Error| format!("open {}: {cause}", folder.display());
        let found = fs::metadata(folder).map_err(fault)?;
        let is_same = |held: &File| {
            held.metadata()
                .is_ok_and(|held| (held.dev(), held.ino()) == (found.dev(), found.ino()))
        };
        if self.0.as_ref().is_some_and(is_same) {
            return Ok(());
        }
        self.0 = None;
        let opened = File::open(folder).map_err(fault)?;
        match opened.try_lock() {
            Err(TryLockError::WouldBlock) => Err(format!(
                "another process saves in {}: give each server a `state` folder of its own",
                folder.display()
            )),
            // A file system without locks keeps nobody out.
            Ok(()) | Err(TryLockError::Error(_)) => {
                self.0 = Some(opened);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch(check: &str, is_on: bool) -> SavedSwitch {
        let text = format!(
            "{{\"zone\":\"a.example.\",\"check\":\"{check}\",\"switch\":\"\",\"on\":{is_on}}}"
        );
        serde_json::from_str(&text).expect("a switch")
    }

    fn saved(sequence: u64, switches: Vec<SavedSwitch>) -> Saved {
        Saved {
            sequence,
            orders: SavedOrders {
                switches,
                ..SavedOrders::default()
            },
            ..Saved::default()
        }
    }

    #[test]
    fn the_greater_sequence_says_what_was_ordered() {
        let root = tempfile::tempdir().expect("a folder");
        let (first, damages) = read(root.path());
        assert!(first.orders == SavedOrders::default() && damages.is_empty());
        for (whole, orders, wanted) in [(1, 2, false), (3, 2, true), (5, 9, false)] {
            let on = saved(whole, vec![switch("gate", true)]);
            write_whole(root.path(), &on).expect("a writable folder");
            let off = saved(0, vec![switch("gate", false)]).orders;
            write_orders(root.path(), orders, &off).expect("a writable folder");
            let (found, damages) = read(root.path());
            assert_eq!(found.orders.switches, [switch("gate", wanted)]);
            assert_eq!(found.sequence, whole.max(orders));
            assert!(damages.is_empty(), "{damages:?}");
        }
    }

    // X16.
    #[test]
    fn a_damaged_file_is_kept_and_costs_only_what_is_damaged() {
        let three = || vec![switch("a", false), switch("b", false), switch("c", false)];
        type Damaged = (&'static str, fn(String) -> String, usize);
        let damages: [Damaged; 7] = [
            (
                "one entry",
                |text| text.replacen("\"check\":\"b\"", "\"czech\":\"b\"", 1),
                2,
            ),
            (
                "a garbled entry",
                |text| text.replacen("\"check\":\"b\"", "\"check\":\"b", 1),
                2,
            ),
            ("the end", |text| text[..text.len() - 60].to_owned(), 3),
            (
                "a later section",
                |text| text.replace("\"statuses\":[", "\"statuses\":[7"),
                3,
            ),
            (
                "a newer format",
                |text| text.replace("\"format\":1", "\"format\":2"),
                3,
            ),
            ("no format", |text| text.replace("\"format\":1,", ""), 3),
            ("all", |_| "\u{0}\u{0}\u{0}".to_owned(), 0),
        ];
        for (what, spoil, left) in damages {
            let root = tempfile::tempdir().expect("a folder");
            write_whole(root.path(), &saved(4, three())).expect("a writable folder");
            let path = root.path().join(WHOLE);
            let text = spoil(fs::read_to_string(&path).expect("written"));
            fs::write(&path, &text).expect("a writable folder");
            let (found, damages) = read(root.path());
            assert_eq!(found.orders.switches.len(), left, "{what}: {damages:?}");
            let [damage] = &damages[..] else {
                panic!("{what}: one damage, not {damages:?}");
            };
            let kept = damage.kept.as_ref().expect("a writable folder");
            assert_eq!(*kept, root.path().join("state.json.bad"));
            // The next save replaces the file and leaves the kept one.
            write_whole(root.path(), &found).expect("a writable folder");
            assert_eq!(fs::read_to_string(kept).expect("kept"), text, "{what}");
            assert!(read(root.path()).1.is_empty(), "{what}");
        }
    }

    #[test]
    fn what_a_damaged_file_of_orders_lost_stands_in_the_other() {
        let root = tempfile::tempdir().expect("a folder");
        let before = saved(1, vec![switch("a", false), switch("b", false)]);
        write_whole(root.path(), &before).expect("a writable folder");
        let after = saved(0, vec![switch("a", true), switch("b", true)]).orders;
        write_orders(root.path(), 2, &after).expect("a writable folder");
        let path = root.path().join(ORDERS);
        let text = fs::read_to_string(&path).expect("written");
        fs::write(&path, text.replace("\"check\":\"b\"", "\"check\":7")).expect("writable");
        let (found, damages) = read(root.path());
        assert_eq!(damages.len(), 1);
        let wanted = [switch("a", false), switch("b", false), switch("a", true)];
        assert_eq!(found.orders.switches, wanted, "later entries win");
    }

    #[test]
    fn two_processes_do_not_save_in_one_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("state");
        let (mut first, mut second) = (FolderLock::default(), FolderLock::default());
        first.hold(&folder).expect("nobody is there");
        first.hold(&folder).expect("still ours");
        let fault = second.hold(&folder).expect_err("taken");
        assert!(fault.contains("another process"), "{fault}");
        // A folder that was made anew is another one.
        fs::remove_dir(&folder).expect("empty");
        second.hold(&folder).expect("a new folder");
        assert!(first.hold(&folder).is_err());
        drop(second);
        first.hold(&folder).expect("nobody is there any more");
    }
}
