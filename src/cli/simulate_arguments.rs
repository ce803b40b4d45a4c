//! Arguments of `simulate` and `diff`: suppositions, names, clients, and the source of health and zones.
//!
//! In: words. Out: a simulation to ask for. Never here: answers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::values::Basis;
use crate::simulate::Asking;

/// Arguments of `simulate`.
#[derive(Args, Clone, Debug)]
pub struct SimulateArguments {
    /// Simulate from the zone files of this folder, everything healthy, without a running server
    #[arg(long, value_name = "ZONES_DIR", conflicts_with = "server")]
    pub zones: Option<PathBuf>,
    /// Suppose that this is down: pool:x, target:x/ADDR, check:x, site:x or a glob; may be repeated
    #[arg(long, value_name = "REF")]
    pub down: Vec<String>,
    /// Suppose that this is drained by an operator; may be repeated
    #[arg(long, value_name = "REF")]
    pub drain: Vec<String>,
    /// Suppose that this is up, after every --down and --drain; may be repeated
    #[arg(long, value_name = "REF")]
    pub up: Vec<String>,
    /// Walk each loss of one target, pool, site or gate on top, and list the names that end worse
    #[arg(long)]
    pub every_single_loss: bool,
    /// Only names like this, for example '*.shop.example.com'; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub name: Vec<String>,
    /// Who asks: a place such as EU-DE, an address, or a prefix; may be repeated
    #[arg(long, value_name = "PLACE|ADDR|PREFIX", value_parser = Asking::parse)]
    pub from: Vec<Asking>,
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

/// Arguments of `diff`.
#[derive(Args, Clone, Debug)]
pub struct DiffArguments {
    /// Folder of zone files, or one file, as it was
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Folder of zone files, or one file, as it will be
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// HTTP address of a running server whose queries of the last hour weigh what changes
    #[arg(long, value_name = "ADDR:PORT")]
    pub server: Option<SocketAddr>,
    /// Server file whose networks and database say where addresses are; default: leeward.toml here or beside NEW
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

impl SimulateArguments {
    /// Returns the source of zones and health.
    pub fn basis(&self) -> Basis {
        Basis::choose(self.zones.as_ref(), self.server)
    }
}
