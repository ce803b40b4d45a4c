//! Arguments of `explain`: the question, who asks it, and what is supposed to be down.
//!
//! In: words. Out: a question for a running server or for the zone files alone. Never here: answers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::arguments::{SERVER_DEFAULT, ZONES_DEFAULT};
use super::values::{ClientSource, Prefix, parse_client, parse_owner, parse_prefix, parse_rtype};
use crate::wire::{Name, Rtype};

/// Arguments of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArguments {
    /// Owner name, in full; the final dot may be left out
    #[arg(value_name = "NAME", value_parser = parse_owner)]
    pub name: Name,
    /// Record type
    #[arg(value_name = "TYPE", value_parser = parse_rtype)]
    pub rtype: Rtype,
    /// Decide from the zone files of this folder, without a running server
    #[arg(long, value_name = "ZONES_DIR", conflicts_with = "server")]
    pub zones: Option<PathBuf>,
    /// Who asks: a resolver's address, or a place such as EU-DE
    #[arg(long, value_name = "ADDR|PLACE", value_parser = parse_client)]
    pub from: Option<ClientSource>,
    /// Client subnet that the resolver sends along (RFC 7871)
    #[arg(long, value_name = "PREFIX", value_parser = parse_prefix)]
    pub subnet: Option<Prefix>,
    /// Suppose that this is down: pool:x, target:x/ADDR, check:x, site:x or a glob; may be repeated
    #[arg(long, value_name = "REF")]
    pub down: Vec<String>,
    /// Suppose that this is up, after every --down; may be repeated
    #[arg(long, value_name = "REF")]
    pub up: Vec<String>,
    /// Server file whose networks and database say where addresses are; default: leeward.toml here or beside the folder
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    pub config: Option<PathBuf>,
    /// HTTP address of the running server to ask [default: 127.0.0.1:8053]
    #[arg(long, value_name = "ADDR:PORT")]
    pub server: Option<SocketAddr>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Whose health and zones an explanation is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExplainSource {
    /// A running server, as it is now.
    Server(SocketAddr),
    /// Zone files alone: all targets healthy but those named down.
    Zones(PathBuf),
}

impl ExplainArguments {
    /// Says whom to ask: whoever is named, else the zone files for a supposition, else the running server.
    pub fn source(&self) -> ExplainSource {
        let is_supposition = !self.down.is_empty() || !self.up.is_empty();
        match (&self.zones, self.server) {
            (Some(zones), _) => ExplainSource::Zones(zones.clone()),
            (None, Some(server)) => ExplainSource::Server(server),
            (None, None) if is_supposition => ExplainSource::Zones(PathBuf::from(ZONES_DEFAULT)),
            (None, None) => ExplainSource::Server(SERVER_DEFAULT),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::arguments::{Arguments, Verb};

    #[test]
    fn a_supposition_needs_no_server_unless_one_is_named() {
        let server: SocketAddr = "192.0.2.1:9".parse().expect("an address");
        let cases: [(&[&str], ExplainSource); 6] = [
            (&[], ExplainSource::Server(SERVER_DEFAULT)),
            (&["--server", "192.0.2.1:9"], ExplainSource::Server(server)),
            (&["--down", "pool:x"], ExplainSource::Zones("zones".into())),
            (&["--up", "pool:x"], ExplainSource::Zones("zones".into())),
            (
                &["--zones", "z", "--down", "pool:x"],
                ExplainSource::Zones("z".into()),
            ),
            (
                &["--server", "192.0.2.1:9", "--down", "pool:x"],
                ExplainSource::Server(server),
            ),
        ];
        for (flags, wanted) in cases {
            let words = ["leeward", "explain", "www.lab.example", "A"];
            let words = words.iter().chain(flags);
            let arguments = Arguments::try_parse_from(words).expect("a case");
            let Verb::Explain(arguments) = arguments.verb else {
                panic!("{flags:?} is another verb");
            };
            assert_eq!(arguments.source(), wanted, "{flags:?}");
        }
    }
}
