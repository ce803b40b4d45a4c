//! Verbs and their flags, as typed.
//!
//! In: words. Out: one [`Verb`] with its arguments. Never here: files, sockets, printing. Order of verbs and flags is
//! the order in which help shows them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::command_arguments::{HeartbeatArguments, ReleaseArguments, SwitchArguments};
use super::convert_arguments::ConvertArguments;
use super::explain_arguments::ExplainArguments;
use super::help;
use super::simulate_arguments::{DiffArguments, SimulateArguments};
use super::values::{ClientSource, SERVER_DEFAULT, parse_client};
use crate::lab::{LabPorts, RegionSelection};

/// Folder of zone files where none is named.
pub(super) const ZONES_DEFAULT: &str = "zones";

/// Server file where none is named.
pub(super) const CONFIG_DEFAULT: &str = "leeward.toml";

/// An authoritative DNS server that fails over.
#[derive(Debug, Parser)]
#[command(name = "leeward", version, about, after_help = help::TOP, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub struct Arguments {
    /// When to use colours; auto: on terminals, unless `NO_COLOR` is set
    #[arg(long, value_name = "auto|always|never", value_enum, default_value_t = ColourWhen::Auto)]
    #[arg(global = true, hide_possible_values = true)]
    pub color: ColourWhen,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Use of colours in output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColourWhen {
    /// On terminals, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Answer queries and probe targets, in the foreground
    #[command(after_help = help::SERVE)]
    Serve(ServeArguments),
    /// Read zone files, or the server file, and report every fault
    #[command(after_help = help::VALIDATE)]
    Validate(ValidateArguments),
    /// Print a zone with every default filled in
    #[command(after_help = help::SHOW)]
    Show(ShowArguments),
    /// Turn a master file into zone TOML, or back
    #[command(after_help = help::CONVERT)]
    Convert(ConvertArguments),
    /// Say what a client would be answered, and why
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArguments),
    /// Say what would be answered to whom if something were lost or drained
    #[command(after_help = help::SIMULATE)]
    Simulate(SimulateArguments),
    /// Say whose answers differ between two folders of zone files
    #[command(after_help = help::DIFF)]
    Diff(DiffArguments),
    /// Run the checks once, now, and show phases and verdicts
    #[command(after_help = help::PROBE)]
    Probe(ProbeArguments),
    /// Show targets, pools and names of a running server
    #[command(after_help = help::STATUS)]
    Status(StatusArguments),
    /// Make a running server read its zone files and its server file again
    #[command(after_help = help::RELOAD)]
    Reload(ReloadArguments),
    /// Let failovers that are held answer their first healthy tier now
    #[command(after_help = help::RELEASE)]
    Release(ReleaseArguments),
    /// List switches of manual checks of a running server, or throw them
    #[command(after_help = help::SWITCH)]
    Switch(SwitchArguments),
    /// Report in for a check of type heartbeat
    #[command(after_help = help::HEARTBEAT)]
    Heartbeat(HeartbeatArguments),
    /// Show where an address is taken to be
    #[command(after_help = help::GEO)]
    Geo(GeoArguments),
    /// Start regions on loopback that can be killed, and a server in front of them
    #[command(after_help = help::LAB)]
    Lab(LabArguments),
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArguments),
    /// Exit 0 if the server here is alive (for Docker's HEALTHCHECK)
    #[command(after_help = help::HEALTHCHECK)]
    Healthcheck(HealthcheckArguments),
    /// Run the commands of checks for a server, which starts this itself
    #[command(name = crate::daemon::COMMANDS_VERB, hide = true)]
    ServeCommands,
}

/// Arguments of `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArguments {
    /// Server file; default: leeward.toml, if neither it nor ZONES_DIR is given
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address for UDP and TCP; may be repeated; wins over the server file
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Vec<SocketAddr>,
    /// Address for metrics, control and status page; wins over the server file
    #[arg(long, value_name = "ADDR:PORT")]
    pub http: Option<SocketAddr>,
    /// How log lines are written; wins over the server file
    #[arg(
        long,
        value_name = "text|json",
        value_enum,
        hide_possible_values = true
    )]
    pub log_format: Option<LogFormat>,
    /// Only read the server file and the zone files, say what is wrong, and end
    #[arg(long)]
    pub check: bool,
    /// Folder of zone files; wins over the server file
    #[arg(value_name = "ZONES_DIR")]
    pub zones: Option<PathBuf>,
}

/// Source of the settings of `serve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServeSource {
    /// A server file, and maybe a folder that replaces the one it names.
    File(PathBuf, Option<PathBuf>),
    /// A folder of zone files, everything else by default.
    Zones(PathBuf),
}

impl ServeArguments {
    /// Returns the source of the settings: the folder alone, or a server file.
    pub fn source(&self) -> ServeSource {
        match (&self.config, &self.zones) {
            (None, Some(zones)) => ServeSource::Zones(zones.clone()),
            (Some(file), zones) => ServeSource::File(file.clone(), zones.clone()),
            (None, None) => ServeSource::File(PathBuf::from(CONFIG_DEFAULT), None),
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Arguments of `validate`.
#[derive(Args, Clone, Debug)]
pub struct ValidateArguments {
    /// Folder of zone files, one of them, or the server file
    #[arg(value_name = "ZONES_DIR|FILE")]
    pub zones: PathBuf,
    /// How faults are written: for people, for editors, for GitHub's annotations
    #[arg(long, value_name = "text|json|github", value_enum, default_value_t = ListFormat::Text)]
    #[arg(hide_possible_values = true)]
    pub format: ListFormat,
    /// Count warnings as faults
    #[arg(long)]
    pub strict: bool,
}

/// Form of a list of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// As a compiler would.
    Text,
    /// One JSON array.
    Json,
    /// Workflow commands that GitHub shows beside the lines.
    Github,
}

/// Arguments of `show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArguments {
    /// Zone file, or folder of zone files
    #[arg(value_name = "ZONE_FILE|DIR")]
    pub path: PathBuf,
    /// Only this name, relative to the zone or in full
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// Arguments of `probe`.
#[derive(Args, Clone, Debug)]
pub struct ProbeArguments {
    /// Folder of zone files
    #[arg(long, value_name = "ZONES_DIR", default_value = ZONES_DEFAULT)]
    pub zones: PathBuf,
    /// Only this check
    #[arg(long, value_name = "ID")]
    pub check: Option<String>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArguments {
    /// HTTP address of the running server
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SERVER_DEFAULT)]
    pub server: SocketAddr,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `reload`.
#[derive(Args, Clone, Debug)]
pub struct ReloadArguments {
    /// Serve the new files whatever they change, above the blast radius too, and remove zones whose files are gone
    #[arg(long)]
    pub yes: bool,
    /// HTTP address of the running server
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SERVER_DEFAULT)]
    pub server: SocketAddr,
}

/// Arguments of `geo`.
#[derive(Args, Clone, Debug)]
pub struct GeoArguments {
    /// An address, or a place such as EU-DE
    #[arg(value_name = "ADDRESS|PLACE", value_parser = parse_client)]
    pub client: ClientSource,
    /// Server file whose networks and database are asked; default: leeward.toml, if there is one
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Database in MaxMind's format; wins over the server file
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `lab`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct LabArguments {
    /// Port of the lab's name server; resolver, parent zone and DNS over TLS move with it
    #[arg(long, value_name = "PORT", default_value_t = LabPorts::DEFAULT.port,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(LabPorts::PORT_MAX)))]
    pub port: u16,
    /// Port of the lab's page; commands from other terminals and the regions move with it
    #[arg(long, value_name = "PORT", default_value_t = LabPorts::DEFAULT.http, global = true,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(LabPorts::HTTP_MAX)))]
    pub http: u16,
    /// Serve the zone files of this folder instead of the zone that ships
    #[arg(long, value_name = "ZONES_DIR")]
    pub zones: Option<PathBuf>,
    /// What to do to a lab that runs in another terminal.
    #[command(subcommand)]
    pub action: Option<LabAction>,
}

/// What to do to a running lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum LabAction {
    /// Close a region's listeners: connections are refused
    Kill(LabRegion),
    /// Let a region listen and answer again
    Heal(LabRegion),
    /// Let a region accept connections and never answer
    Slow(LabRegion),
    /// Print the board once
    Status,
}

/// A region of the lab, or all of them.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabRegion {
    /// Which region
    #[arg(value_name = "REGION", value_enum)]
    pub region: RegionSelection,
}

/// Arguments of `completions`.
#[derive(Args, Clone, Copy, Debug)]
pub struct CompletionsArguments {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Arguments of `healthcheck`.
#[derive(Args, Clone, Debug)]
pub struct HealthcheckArguments {
    /// HTTP address of the running server
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SERVER_DEFAULT)]
    pub server: SocketAddr,
}
