//! A state file read by parts: what can be read of it is used, and what cannot be read costs only itself.
//!
//! In: the path of a state file. Out: its entries as far as they can be read, and what is lost, in words; a damaged file is
//! kept beside. Never here: what entries mean.
//!
//! | What stands there | What is read |
//! |---|---|
//! | nothing | nothing; a first start |
//! | JSON that is whole | every section, every entry; one that does not fit is left out |
//! | JSON that breaks off or is garbled | every section from its name on; after a fault the next line |
//! | anything else: a pipe, a device, a folder, too large, unreadable | nothing |

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Largest state file in octets: five times that of 100,000 targets.
const SIZE_MAX: u64 = 256 << 20;
/// Damaged files that are kept of one name; chosen: an operator looks at one, and a disk must not fill.
const KEPT_MAX: u32 = 10;
/// Faults that are told of one section; further ones are counted.
const FAULTS_TOLD_MAX: usize = 3;

/// A state file under reading.
#[derive(Debug, Default)]
pub(super) struct Parts {
    text: Vec<u8>,
    /// Its sections, if it is JSON as a whole.
    root: Option<Map<String, Value>>,
    /// What is wrong with it.
    pub(super) faults: Vec<String>,
    /// Entries that were there and could not be read, as far as they can be counted.
    pub(super) lost: usize,
}

/// Reads a file; `None` if there is none.
///
/// # Errors
/// Says why nothing of it can be read.
pub(super) fn read_file(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match fs::metadata(path) {
        // A link that leads nowhere is no first start.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return match fs::symlink_metadata(path) {
                Ok(_) => Err("it is a link that leads nowhere".to_owned()),
                Err(_) => Ok(None),
            };
        }
        Err(cause) => return Err(cause.to_string()),
        // A pipe would hold the reader up for good, and a device may never end.
        Ok(found) if !found.is_file() => return Err("it is not a regular file".to_owned()),
        Ok(found) if found.len() > SIZE_MAX => {
            return Err(format!(
                "it has {} octets; the limit is {SIZE_MAX}",
                found.len()
            ));
        }
        Ok(_) => {}
    }
    // Without waiting: it may have become a pipe meanwhile. It may grow while it is read.
    let mut options = fs::OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let mut text = Vec::new();
    let read = options
        .open(path)
        .and_then(|file| file.take(SIZE_MAX).read_to_end(&mut text));
    read.map(|_| Some(text)).map_err(|cause| cause.to_string())
}

impl Parts {
    /// Takes the text of a file apart.
    pub(super) fn of(text: Vec<u8>) -> Self {
        let mut parts = Self::default();
        match serde_json::from_slice::<Value>(&text) {
            Ok(Value::Object(root)) => parts.root = Some(root),
            Ok(_) => parts.faults.push("it holds no table".to_owned()),
            Err(cause) => parts.faults.push(format!("{cause}")),
        }
        parts.text = text;
        parts
    }

    /// Says whether anything was left out.
    pub(super) fn are_damaged(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Returns a number at the top.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        if let Some(root) = &self.root {
            return root.get(key)?.as_u64();
        }
        let at = self.find(key, |_| true)?;
        let digits = self.text[at..].iter().take_while(|c| c.is_ascii_digit());
        let digits: Vec<u8> = digits.copied().collect();
        String::from_utf8(digits).ok()?.parse().ok()
    }

    /// Returns a section that is one value; what is missing is empty.
    pub(super) fn value<T: DeserializeOwned + Default>(&mut self, section: &str) -> T {
        let found = match &mut self.root {
            Some(root) => root.remove(section),
            None => self.find(section, |first| first == b'{').and_then(|at| {
                let mut values =
                    serde_json::Deserializer::from_slice(&self.text[at..]).into_iter::<Value>();
                values.next()?.ok()
            }),
        };
        let Some(found) = found else {
            return T::default();
        };
        serde_json::from_value(found).unwrap_or_else(|cause| {
            self.lost += 1;
            self.faults.push(format!("`{section}` is lost: {cause}"));
            T::default()
        })
    }

    /// Returns the entries of a section; what is missing is empty.
    pub(super) fn list<T: DeserializeOwned>(&mut self, section: &str) -> Vec<T> {
        let found = match &mut self.root {
            Some(root) => match root.remove(section) {
                None => Vec::new(),
                Some(Value::Array(entries)) => entries.into_iter().map(Ok).collect(),
                Some(_) => vec![Err("it is no list".to_owned())],
            },
            None => self.entries(section),
        };
        let mut entries = Vec::with_capacity(found.len());
        let mut faults = Vec::new();
        for entry in found {
            let read = entry
                .and_then(|value| serde_json::from_value(value).map_err(|cause| cause.to_string()));
            match read {
                Ok(entry) => entries.push(entry),
                Err(cause) => faults.push(cause),
            }
        }
        if !faults.is_empty() {
            self.lost += faults.len();
            let (count, total) = (faults.len(), faults.len() + entries.len());
            faults.dedup();
            faults.truncate(FAULTS_TOLD_MAX);
            self.faults.push(format!(
                "{count} of {total} entries of `{section}` lost: {}",
                faults.join("; ")
            ));
        }
        entries
    }

    /// Finds where the value of a key begins in a text that is no JSON as a whole. Within a text of JSON a quotation mark
    /// has a backslash before it, so what is found is no part of one.
    fn find(&self, key: &str, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
        let quoted = format!("\"{key}\"");
        let quoted = quoted.as_bytes();
        let mut from = 0;
        while let Some(found) = position(&self.text[from..], quoted) {
            let after = from + found + quoted.len();
            let is_text = found + from > 0 && self.text[from + found - 1] == b'\\';
            let colon = skip_blanks(&self.text, after);
            if !is_text && self.text.get(colon) == Some(&b':') {
                let at = skip_blanks(&self.text, colon + 1);
                if self.text.get(at).is_some_and(|first| is_wanted(*first)) {
                    return Some(at);
                }
            }
            from = after;
        }
        None
    }

    /// Reads the entries of a section one by one; after one that is garbled the next line is tried.
    fn entries(&self, section: &str) -> Vec<Result<Value, String>> {
        let mut entries = Vec::new();
        let Some(start) = self.find(section, |first| first == b'[') else {
            return entries;
        };
        let mut at = start + 1;
        loop {
            while self
                .text
                .get(at)
                .is_some_and(|c| *c == b',' || is_blank(*c))
            {
                at += 1;
            }
            // Entries are tables; anything else ends the section, or is the next one.
            if self.text.get(at) != Some(&b'{') {
                return entries;
            }
            let mut values =
                serde_json::Deserializer::from_slice(&self.text[at..]).into_iter::<Value>();
            match values.next() {
                Some(Ok(value)) => {
                    entries.push(Ok(value));
                    at += values.byte_offset();
                }
                Some(Err(cause)) => {
                    entries.push(Err(cause.to_string()));
                    let Some(line) = self.text[at..].iter().position(|c| *c == b'\n') else {
                        return entries;
                    };
                    at += line + 1;
                }
                None => return entries,
            }
        }
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|octet| is_blank(*octet)) {
        at += 1;
    }
    at
}

/// Keeps a damaged file beside as `NAME.bad`, or with a number after it if there is one already; nothing that is kept is
/// ever replaced. A regular file stays in its place as well until a good one replaces it: should the process end before
/// that, what can be read of it is not lost.
///
/// # Errors
/// Says why it could not be kept.
pub(super) fn keep(path: &Path) -> Result<PathBuf, String> {
    let fault = |cause: io::Error| format!("keep {}: {cause}", path.display());
    let found = fs::symlink_metadata(path).map_err(fault)?;
    for number in 1..=KEPT_MAX {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".bad");
        if number > 1 {
            name.push(format!(".{number}"));
        }
        let kept = path.with_file_name(name);
        if let Ok(known) = fs::symlink_metadata(&kept) {
            if (known.dev(), known.ino()) == (found.dev(), found.ino()) {
                return Ok(kept);
            }
            continue;
        }
        // Not every file system has hard links.
        if found.is_file() && fs::hard_link(path, &kept).is_ok() {
            return Ok(kept);
        }
        return fs::rename(path, &kept).map(|()| kept).map_err(fault);
    }
    Err(format!(
        "keep {}: {KEPT_MAX} damaged ones are kept already, and the next save replaces it; move some away",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Entry {
        id: u32,
    }

    #[test]
    fn reads_every_entry_that_can_be_read() {
        let whole = "{\"format\":1,\"sequence\":7,\n\"a\":[\n{\"id\":1},\n{\"id\":2}\n],\n\"b\":[\n{\"id\":3},\n{\"id\":4}\n],\n\"s\":{\"zones\":{}}\n}\n";
        let line = whole.replace('\n', "");
        // Text, entries of a, entries of b, lost.
        let cases = [
            (whole.to_owned(), vec![1, 2], vec![3, 4], 0),
            (line.clone(), vec![1, 2], vec![3, 4], 0),
            (
                whole.replace("\"id\":2", "\"ix\":2"),
                vec![1],
                vec![3, 4],
                1,
            ),
            (
                whole.replace("\"id\":2", "\"id\":-2"),
                vec![1],
                vec![3, 4],
                1,
            ),
            (whole.replace("{\"id\":2}", "7"), vec![1], vec![3, 4], 1),
            (whole.replace("\"id\":2", "\"id:2"), vec![1], vec![3, 4], 1),
            (
                whole.replace("\"id\":1", "\"id\":@"),
                vec![2],
                vec![3, 4],
                1,
            ),
            (whole.replace("\"a\":[", "\"a\":{"), vec![], vec![3, 4], 0),
            (
                whole.replace("\"a\":[\n{\"id\":1},\n{\"id\":2}\n]", "\"a\":5"),
                vec![],
                vec![3, 4],
                1,
            ),
            (
                whole.replace("\"s\":{", "\"s\":{{"),
                vec![1, 2],
                vec![3, 4],
                0,
            ),
            (
                whole[..whole.len() - 23].to_owned(),
                vec![1, 2],
                vec![3, 4],
                0,
            ),
            (line[..line.len() - 26].to_owned(), vec![1, 2], vec![3], 1),
            (String::new(), vec![], vec![], 0),
            ("[]".to_owned(), vec![], vec![], 0),
            ("null".to_owned(), vec![], vec![], 0),
            ("[".repeat(100_000), vec![], vec![], 0),
            (
                "{\"x\":\"\\\"a\\\":[{}]\", \"a\":[{\"id\":1}]".to_owned(),
                vec![1],
                vec![],
                0,
            ),
        ];
        for (text, a, b, lost) in cases {
            let mut parts = Parts::of(text.clone().into_bytes());
            let ids =
                |entries: Vec<Entry>| entries.iter().map(|entry| entry.id).collect::<Vec<_>>();
            let found = (ids(parts.list("a")), ids(parts.list("b")));
            let shown = text.get(..200).unwrap_or(&text);
            assert_eq!(found, (a, b), "{shown}: {:?}", parts.faults);
            assert_eq!(parts.lost, lost, "{shown}: {:?}", parts.faults);
            assert_eq!(
                parts.are_damaged(),
                text != whole && text != line,
                "{shown}"
            );
        }
        let cut = Parts::of(whole.as_bytes()[..20].to_vec());
        assert_eq!(cut.number("format"), Some(1));
        assert_eq!(cut.number("sequence"), None);
    }

    #[test]
    fn reads_no_pipe_device_or_folder_and_waits_for_none() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        assert_eq!(read_file(&at("absent")), Ok(None));
        fs::write(at("file"), "{}").expect("a writable folder");
        assert_eq!(read_file(&at("file")), Ok(Some(b"{}".to_vec())));
        let pipe = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(pipe.expect("mkfifo runs").success());
        fs::create_dir(at("folder")).expect("a writable folder");
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, at(name));
        link("/dev/zero", "device").expect("a writable folder");
        link("nowhere", "dangling").expect("a writable folder");
        link("self", "self").expect("a writable folder");
        let huge = fs::File::create(at("huge")).expect("a writable folder");
        huge.set_len(SIZE_MAX + 1).expect("a sparse file");
        for name in ["pipe", "folder", "device", "dangling", "self", "huge"] {
            read_file(&at(name)).expect_err(name);
        }
    }

    #[test]
    fn keeps_damaged_files_and_replaces_none() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("state.json");
        for number in 1..=KEPT_MAX {
            let _ = fs::remove_file(&path);
            fs::write(&path, format!("bad {number}")).expect("a writable folder");
            let kept = keep(&path).expect("room");
            assert_eq!(keep(&path).expect("kept already"), kept);
            let text = fs::read_to_string(&kept).expect("kept");
            assert_eq!(text, format!("bad {number}"));
            assert!(path.exists(), "it stays until a good one replaces it");
        }
        let first = fs::read_to_string(root.path().join("state.json.bad")).expect("kept");
        assert_eq!(first, "bad 1");
        fs::remove_file(&path).expect("there");
        fs::create_dir(&path).expect("a writable folder");
        assert!(keep(&path).expect_err("no room").contains("move some away"));
        fs::remove_file(root.path().join("state.json.bad.4")).expect("kept");
        let kept = keep(&path).expect("room again");
        assert!(kept.ends_with("state.json.bad.4") && !path.exists());
    }
}
