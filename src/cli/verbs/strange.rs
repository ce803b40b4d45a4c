//! A given file that is no zone file by its name: its content, and the name that it needs.
//!
//! In: the path of one file. Out: a complaint with the remedy. Never here: folders, and files whose names tell their
//! form.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::cli::output::{Complaint, Exit};
use crate::wire::{Name, foreign_form, looks_like_master};

/// Octets searched of the file; chosen, the SOA of any zone stands among them.
const LOOKED_AT: u64 = 4_096;

/// Complains about a file that is read as a zone and whose name does not tell its form.
pub(super) fn complain_of_name(path: &Path) -> Option<Complaint> {
    let has_form = path
        .extension()
        .is_some_and(|ending| ending == "toml" || ending == "zone");
    if has_form || !path.is_file() {
        return None;
    }
    let mut octets = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut octets));
    // Whoever reads it whole says why it cannot be read.
    read.ok()?;
    let shown = path.display();
    let complaint = |what: &str, help: String| Complaint {
        message: format!("`{shown}` {what}"),
        help: Some(help),
        exit: Exit::Faults,
    };
    if let Some(form) = foreign_form(&octets) {
        return Some(complaint(
            &format!("is {}, not a zone", form.what),
            form.help.to_owned(),
        ));
    }
    let text = String::from_utf8_lossy(&octets);
    if looks_like_master(&octets) {
        let zone = zone_in(&text).or_else(|| zone_of(path));
        let zone = zone.map_or_else(|| "example.com".to_owned(), |name| bare(&name));
        return Some(complaint(
            "is a master file by what it says, and not by its name",
            format!(
                "call it `{zone}.zone`: names of master files end in `.zone`; `leeward convert --to toml --origin {zone} FILE` reads it as it is"
            ),
        ));
    }
    if text
        .lines()
        .any(|line| line.trim_start().starts_with("zone ") || line.starts_with("[names"))
    {
        return Some(complaint(
            "is a zone in TOML by what it says, and not by its name",
            "give it a name that ends in `.toml`".to_owned(),
        ));
    }
    let what = if octets.is_empty() {
        "is empty"
    } else {
        "is no zone file"
    };
    Some(complaint(
        what,
        "names of zones in TOML end in `.toml`, of master files in `.zone`".to_owned(),
    ))
}

/// Returns the zone that the text names: the first whole `$ORIGIN`, else the owner of the SOA if it is whole.
fn zone_in(text: &str) -> Option<Name> {
    let origin = text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let is_origin = words.next()?.eq_ignore_ascii_case("$ORIGIN");
        words
            .next()
            .filter(|name| is_origin && name.len() > 1 && name.ends_with('.'))
    });
    let owner = || {
        text.lines().find_map(|line| {
            let has_soa = line
                .split_whitespace()
                .take(4)
                .any(|word| word.eq_ignore_ascii_case("SOA"));
            let first = line.split_whitespace().next()?;
            (has_soa && first.len() > 1 && first.ends_with('.')).then_some(first)
        })
    };
    Name::parse_absolute(origin.or_else(owner)?).ok()
}

/// Returns the zone that a name such as `db.example.com` or `example.com.hosts` is for.
fn zone_of(path: &Path) -> Option<Name> {
    const STARTS: [&str; 6] = ["db.", "zone.", "pri.", "named.", "master.", "fwd."];
    const ENDS: [&str; 12] = [
        ".db",
        ".hosts",
        ".txt",
        ".dns",
        ".bind",
        ".zonefile",
        ".zone.txt",
        ".signed",
        ".master",
        ".conf",
        ".bak",
        ".old",
    ];
    let name = path.file_name()?.to_string_lossy().into_owned();
    let mut zone = name.as_str();
    for end in ENDS {
        zone = zone.strip_suffix(end).unwrap_or(zone);
    }
    for start in STARTS {
        zone = zone.strip_prefix(start).unwrap_or(zone);
    }
    Name::parse_absolute(zone)
        .ok()
        .filter(|name| name.label_count() > 1)
}

fn bare(name: &Name) -> String {
    name.to_string().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F23: what is named and is no zone file by its name is told what to be called.
    #[test]
    fn a_file_is_told_what_to_be_called() {
        let folder = tempfile::tempdir().expect("a folder");
        let master = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n";
        let whole = "$ORIGIN shop.example.\n$TTL 3600\n";
        let cases: &[(&str, &[u8], &str, &str)] = &[
            (
                "db.example.com",
                master.as_bytes(),
                "a master file",
                "`example.com.zone`",
            ),
            (
                "db.other",
                whole.as_bytes(),
                "a master file",
                "`shop.example.zone`",
            ),
            (
                "example.com.db",
                master.as_bytes(),
                "a master file",
                "`example.com.zone`",
            ),
            (
                "example.com.hosts",
                master.as_bytes(),
                "a master file",
                "`example.com.zone`",
            ),
            ("zone.txt", master.as_bytes(), "a master file", ".zone`"),
            (
                "named.conf",
                b"zone \"example.com\" { type master; };",
                "configuration",
                "example.com.zone",
            ),
            ("zone.json", b"{\"name\": 1}", "JSON", "export"),
            ("zone.yaml", b"---\nwww:\n  type: A\n", "YAML", "octoDNS"),
            ("example.com.zone.gz", b"\x1f\x8b\x08\0", "gzip", "unpack"),
            ("wide.txt", b"\xff\xfe$\0T\0", "UTF-16", "UTF-8"),
            ("empty", b"", "is empty", ".toml"),
            ("notes.txt", b"hello\n", "no zone file", ".toml"),
            (
                "example.com.tml",
                b"zone = \"example.com\"\n",
                "zone in TOML",
                ".toml",
            ),
        ];
        for (name, octets, wanted, help) in cases {
            let path = folder.path().join(name);
            std::fs::write(&path, octets).expect("a writable folder");
            let found = complain_of_name(&path).expect(name);
            assert!(found.message.contains(wanted), "{name}: {}", found.message);
            let text = found.help.expect("help");
            assert!(
                text.contains(help) && !text.contains("\"$TTL\""),
                "{name}: {text}"
            );
            assert_eq!(found.exit, Exit::Faults);
        }
        for name in ["example.com.zone", "example.com.toml"] {
            let path = folder.path().join(name);
            std::fs::write(&path, master).expect("a writable folder");
            assert!(complain_of_name(&path).is_none(), "{name}");
        }
        assert!(complain_of_name(folder.path()).is_none());
        assert!(complain_of_name(&folder.path().join("absent")).is_none());
    }
}
