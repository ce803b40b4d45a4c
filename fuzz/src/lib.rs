//! What fuzz targets share: a world that uses all of the engine, and files that nobody has.
//!
//! In: nothing. Out: worlds, zones, readings. Never here: laws; each target states its own.

pub mod loopback;
pub mod world;

use std::path::{Path, PathBuf};

use leeward::config::Files;
use leeward::diagnostic::Source;
use leeward::zonefile::{Inclusions, Reading, read_master};
use leeward::wire::Name;

/// Files beside a zone; there is one.
pub struct Shelf;

impl Files for Shelf {
    fn read(&self, relative: &Path) -> Result<String, String> {
        match relative.to_str() {
            Some("networks.txt") => Ok("198.51.100.0/24\n2001:db8::/32\n".to_owned()),
            _ => Err("there is no such file".to_owned()),
        }
    }
}

impl Inclusions for Shelf {
    fn include(&mut self, _from: &Path, named: &str) -> Result<(PathBuf, Vec<u8>), String> {
        match named {
            "hosts" => Ok((named.into(), b"x A 192.0.2.7\n".to_vec())),
            "loop" => Ok((named.into(), b"$INCLUDE loop\n".to_vec())),
            _ => Err("there is no such file".to_owned()),
        }
    }
}

/// Reads a master file of `example.`
pub fn read_zone_text(octets: &[u8]) -> Reading {
    let origin = Name::parse_absolute("example").expect("a name");
    read_master("example.zone".as_ref(), octets.to_vec(), &origin, &mut Shelf)
}

/// A zone file as the reader takes it.
pub fn source(text: &str) -> Source {
    Source {
        path: "example.toml".into(),
        text: text.to_owned(),
    }
}
