//! Orders of operators and their jobs, and why one is not taken.
//!
//! In: parameters of requests. Out: plain values for the owner of the state, and its refusals as responses. Never here: who
//! carries them there.

use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::fault::fault;

/// Parameters of `/api/switch`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchRequest {
    /// The zone; needed only if several have such a check.
    pub zone: Option<String>,
    /// The check.
    pub check: String,
    /// `on` or `off`, or for a panel `blue:on,green:off`.
    pub set: String,
}

/// State of a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchRow {
    /// Zone.
    pub zone: String,
    /// Check.
    pub check: String,
    /// The switch of a panel; empty for a check that is one switch.
    pub switch: String,
    /// True if it is on.
    pub on: bool,
    /// State that the zone file gives.
    pub first: bool,
    /// Fewest switches of the panel that must be on.
    pub at_least: usize,
    /// Most switches of the panel that may be on.
    pub at_most: usize,
    /// Place where states set by operators are kept, as of [`Kept::text`].
    #[serde(default)]
    pub kept: String,
}

/// Place where an order is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the state folder, over restarts.
    OnDisk,
    /// In memory only: there is no state folder.
    InMemory,
}

impl Kept {
    /// Returns the text for answers.
    pub const fn text(self) -> &'static str {
        match self {
            Self::OnDisk => "on disk",
            Self::InMemory => {
                "in memory only: the server file names no `state` folder, and a restart forgets it"
            }
        }
    }
}

/// Reason why an order is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderFault {
    /// Unknown, or against a rule; message.
    Refused(String),
    /// Not saved; cause.
    NotSaved(String),
    /// Too many orders wait.
    Busy,
}

impl OrderFault {
    /// Makes the response: `code` and `help` for a refused order, `unsaved` for one that could not be saved.
    pub(super) fn response(&self, code: StatusCode, help: &str, unsaved: &str) -> Response {
        match self {
            Self::Refused(message) => fault(code, message, help),
            Self::NotSaved(cause) => fault(
                StatusCode::INSUFFICIENT_STORAGE,
                &format!("{unsaved}: {cause}"),
                "mend the state folder of the server, and ask again; `leeward status` says whether it saves",
            ),
            Self::Busy => fault(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many orders wait to be saved",
                "try again in a second",
            ),
        }
    }
}

/// Effect of an order that could not be saved: none.
pub(super) const NOTHING_CHANGED: &str =
    "the order could not be saved, so it is not in force and nothing is changed";

/// A received heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatReport {
    /// The zone; needed only if several have such a check.
    pub zone: Option<String>,
    /// The check.
    pub check: String,
    /// True if the job reports success.
    pub is_good: bool,
    /// Note of the job, for the evidence.
    pub note: String,
}

/// Parameters of `/api/release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// Name with its zone, or `pool:x`.
    pub name: String,
    /// Zone; needed where several have that pool.
    pub zone: Option<String>,
}
