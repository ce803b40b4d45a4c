//! Regions of loopback endpoints that can be killed.
//!
//! In: commands typed at the lab or sent from another terminal. Out: real outages (listeners that close or hang), the
//! world outside (a parent zone and a caching resolver), and a board that shows the answers to clients meanwhile. Never
//! here: answers of the lab's zone, probes, statuses; a callback gives the board its content.

mod board;
mod changes;
mod command;
mod console;
mod endpoint;
mod endpoints;
mod http;
mod introduction;
mod outage;
mod outside;
mod ports;
mod region;
mod remote;
mod screen;
mod words;

pub use board::{BoardState, CachedAnswer, PlaceRow, RegionHealth, Seen, board};
pub use changes::changes;
pub use command::{CommandFault, LabCommand, parse_command};
pub use console::{BoardSource, LabPlan, LabScreen, read_lines, run_lab};
pub use endpoint::Mode;
pub use endpoints::{Endpoints, StartFault};
pub use introduction::introduction;
pub use outage::{Answered, Outage};
pub use outside::{BehindResolver, LookedUp, Outside, OutsideFault, OutsidePlan, OutsideSockets};
pub use ports::LabPorts;
pub use region::{LAB_NETWORKS, LAB_ZONE, Region, RegionSelection, lab_zone_file};
pub use remote::{Remote, RemoteRequest, listen_remote, send_command};
pub use screen::Screen;
