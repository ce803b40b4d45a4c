//! Arguments of `explain`: the question, its client, and suppositions.
//!
//! In: words. Out: a question for a running server or for the zone files alone. Never here: answers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;

use super::values::{Basis, ClientSource, parse_client, parse_owner, parse_prefix, parse_rtype};
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
    pub subnet: Option<IpNet>,
    /// Suppose that this is down: pool:x, target:x/ADDR, check:x, site:x or a glob; may be repeated
    #[arg(long, value_name = "REF")]
    pub down: Vec<String>,
    /// Suppose that this is up, after every --down; may be repeated
    #[arg(long, value_name = "REF")]
    pub up: Vec<String>,
    /// Server file whose networks and database say where addresses are; default: leeward.toml here or beside the folder
    #[arg(long, value_name = "FILE", requires = "zones")]
    pub config: Option<PathBuf>,
    /// HTTP address of the running server to ask [default: 127.0.0.1:8053]
    #[arg(long, value_name = "ADDR:PORT")]
    pub server: Option<SocketAddr>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

impl ExplainArguments {
    /// Returns the source of zones and health.
    pub fn basis(&self) -> Basis {
        Basis::choose(self.zones.as_ref(), self.server)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::arguments::{Arguments, Verb};
    use crate::cli::values::SERVER_DEFAULT;

    /// N8: `explain` and `simulate` choose alike, whatever is supposed.
    #[test]
    fn both_verbs_ask_the_running_server_unless_zone_files_are_named() {
        let server: SocketAddr = "192.0.2.1:9".parse().expect("an address");
        let cases: [(&[&str], Basis); 6] = [
            (&[], Basis::Server(SERVER_DEFAULT)),
            (&["--server", "192.0.2.1:9"], Basis::Server(server)),
            (&["--down", "pool:x"], Basis::Server(SERVER_DEFAULT)),
            (&["--up", "pool:x"], Basis::Server(SERVER_DEFAULT)),
            (
                &["--zones", "z", "--down", "pool:x"],
                Basis::Zones("z".into()),
            ),
            (
                &["--server", "192.0.2.1:9", "--down", "pool:x"],
                Basis::Server(server),
            ),
        ];
        for (flags, wanted) in cases {
            let explain = ["leeward", "explain", "www.lab.example", "A"];
            for words in [&explain[..], &["leeward", "simulate"]] {
                let arguments = Arguments::try_parse_from(words.iter().chain(flags));
                let basis = match arguments.expect("a case").verb {
                    Verb::Explain(arguments) => arguments.basis(),
                    Verb::Simulate(arguments) => arguments.basis(),
                    verb => panic!("{flags:?} is another verb: {verb:?}"),
                };
                assert_eq!(basis, wanted, "{words:?} {flags:?}");
            }
        }
    }

    #[test]
    fn a_server_file_goes_with_zone_files_only() {
        for verb in [&["explain", "www.lab.example", "A"][..], &["simulate"]] {
            let parse = |more: &[&str]| {
                Arguments::try_parse_from([&["leeward"], verb, more].concat()).is_ok()
            };
            assert!(!parse(&["--config", "leeward.toml"]), "{verb:?}");
            assert!(
                parse(&["--config", "leeward.toml", "--zones", "z"]),
                "{verb:?}"
            );
        }
    }
}
