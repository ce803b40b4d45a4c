//! Regions of loopback endpoints that can be killed.
//!
//! In: commands typed at the lab or sent from another terminal. Out: real outages (listeners that close or hang), and
//! a board that shows what clients are answered meanwhile. Never here: answers, probes, verdicts; the lab only breaks
//! and mends endpoints and shows what the callback it is given has to say.

mod board;
mod command;
mod console;
mod endpoint;
mod endpoints;
mod http;
mod region;
mod remote;
mod screen;

pub use board::{BoardState, PlaceRow, RegionHealth, Seen, board, changes};
pub use command::{CommandFault, LabCommand, parse_command};
pub use console::{BoardSource, LabPlan, LabScreen, introduction, read_lines, run_lab};
pub use endpoint::Mode;
pub use endpoints::{Endpoints, StartFault};
pub use region::{
    ENDPOINT_PORT, LAB_CONTROL, LAB_HTTP, LAB_LISTEN, LAB_NETWORKS, LAB_TLS_PORT, LAB_ZONE,
    LAB_ZONE_FILE, Region, RegionSelection,
};
pub use remote::{Remote, RemoteRequest, listen_remote, send_command};
pub use screen::Screen;
