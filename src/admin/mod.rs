//! Admin API, metrics text, status page and logs.
//!
//! In: requests over HTTP from operators and collectors. Out: answers of the owner of the state, as JSON or text.
//! Never here: state; every request is handed to the one task that owns it ([`Ask`]), over a bounded queue.

mod api;
mod asking;
mod client;
mod commands;
mod connections;
mod exposition;
mod fault;
mod guard;
mod log_lines;
mod logs;
mod orders;
mod page;
mod places;
mod plain;
mod pulse;
mod rehearsal;
mod release;
mod shared_report;
mod status;
mod status_text;

pub use api::serve;
pub use asking::{Ask, Asking, Consent, ExplainRequest};
pub use client::{ClientFault, get, post};
pub use exposition::{Exposition, GaugeHandle, LoadGauges};
pub use logs::{LogFormat, LogGuard, LostLines, install_logs, log_event, lost_log_lines};
pub use orders::{HeartbeatReport, Kept, OrderFault, ReleaseRequest, SwitchRequest, SwitchRow};
pub use pulse::Pulse;
pub use shared_report::SharedReport;
pub use status::{
    AlarmRow, DoubtRow, FlattenedRow, HeldRow, NameRow, NotListed, PoolRow, RefusedFile,
    ServedPool, ServerRow, StatusReport, TargetRow, WaitingReload, ZoneRow,
};
pub use status_text::status_text;
