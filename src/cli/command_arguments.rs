//! Arguments of the verbs that change something in a running server.
//!
//! In: words. Out: plain arguments. Never here: requests.

use std::net::SocketAddr;

use clap::Args;

use super::values::SERVER_DEFAULT;

/// Arguments of `release`.
#[derive(Args, Clone, Debug)]
pub struct ReleaseArguments {
    /// Name with its zone, or a pool with a failover of its own
    #[arg(value_name = "NAME|pool:ID")]
    pub name: String,
    /// Zone of the pool, if several have one of that name
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// HTTP address of the running server
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SERVER_DEFAULT)]
    pub server: SocketAddr,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `switch`.
#[derive(Args, Clone, Debug)]
pub struct SwitchArguments {
    /// Check of type manual; without one every switch is listed
    #[arg(value_name = "CHECK")]
    pub check: Option<String>,
    /// on or off; for a panel NAME=on, one or more, changed in one step
    #[arg(value_name = "on|off|NAME=on|NAME=off")]
    pub values: Vec<String>,
    /// Zone, if several have a check of that name
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// HTTP address of the running server
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SERVER_DEFAULT)]
    pub server: SocketAddr,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `heartbeat`.
#[derive(Args, Clone, Debug)]
pub struct HeartbeatArguments {
    /// Check of type heartbeat
    #[arg(value_name = "CHECK")]
    pub check: String,
    /// Report that it fails, which counts like a failed probe
    #[arg(long)]
    pub bad: bool,
    /// What to add, for the evidence
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Zone, if several have a check of that name
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// HTTP address of the running server
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SERVER_DEFAULT)]
    pub server: SocketAddr,
}
