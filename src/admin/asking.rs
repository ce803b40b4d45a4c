//! The way to the owner of the state: a bounded queue of questions, each with the place for its answer.
//!
//! In: questions of handlers. Out: answers in time, or the response that says why there is none. Never here: routes, the
//! form of an answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::simulate::{Observed, SimulateRequest, Simulation};
use crate::timeline::Wanted;

use super::exposition::Exposition;
use super::fault::fault;
use super::orders::{HeartbeatReport, Kept, OrderFault, ReleaseRequest, SwitchRequest, SwitchRow};
use super::pulse::Pulse;
use super::shared_report::SharedReport;

/// Longest time for one answer of the owner of the state.
const PATIENCE: Duration = Duration::from_secs(5);

/// Request to the owner of the state, with the channel for its answer.
#[derive(Debug)]
pub enum Ask {
    /// The state.
    Status(oneshot::Sender<Arc<SharedReport>>),
    /// The explanation of an answer.
    Explain(ExplainRequest, oneshot::Sender<Result<Value, String>>),
    /// Questions of the last hour, as sampled.
    Queries(oneshot::Sender<Vec<Observed>>),
    /// The answers under supposed losses.
    Simulate(
        Box<SimulateRequest>,
        oneshot::Sender<Result<Simulation, String>>,
    ),
    /// Load the zones now.
    Reload(Consent, oneshot::Sender<Value>),
    /// Let the first healthy tiers of a name take over.
    Release(ReleaseRequest, oneshot::Sender<Result<Value, OrderFault>>),
    /// Events of the timeline.
    Timeline(Wanted, oneshot::Sender<Value>),
    /// The place of an address.
    Geo(IpAddr, oneshot::Sender<Value>),
    /// The states of all switches.
    Switches(oneshot::Sender<Vec<SwitchRow>>),
    /// Throw switches of one check in one step.
    Switch(
        SwitchRequest,
        oneshot::Sender<Result<Vec<SwitchRow>, OrderFault>>,
    ),
    /// A heartbeat.
    Heartbeat(HeartbeatReport, oneshot::Sender<Result<Kept, OrderFault>>),
}

/// Consent of an operator to the changes of a reload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// The bounds of the server file decide.
    #[default]
    Open,
    /// Given for all changes, beyond the bounds too.
    Given,
}

/// Parameters of `/api/explain`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// Name.
    pub name: String,
    /// Type; A if absent.
    #[serde(rename = "type")]
    pub rtype: Option<String>,
    /// Address or place.
    pub from: Option<String>,
    /// Client subnet.
    pub subnet: Option<String>,
    /// References supposed down, separated by commas.
    #[serde(default)]
    pub down: String,
    /// References supposed up, separated by commas.
    #[serde(default)]
    pub up: String,
}

/// State that all handlers share.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Channel to the owner of the state.
    pub asks: mpsc::Sender<Ask>,
    /// The metrics.
    pub exposition: Arc<Exposition>,
    /// Signs of life.
    pub pulse: Arc<Pulse>,
    /// Names under which the API may be asked, beside addresses and localhost; in small letters.
    pub hosts: Arc<[String]>,
    /// The time.
    pub clock: Clock,
}

impl Asking {
    pub(super) async fn ask<T>(
        &self,
        make: impl FnOnce(oneshot::Sender<T>) -> Ask,
    ) -> Result<T, Response> {
        self.ask_within(PATIENCE, make).await
    }

    pub(super) async fn ask_within<T>(
        &self,
        patience: Duration,
        make: impl FnOnce(oneshot::Sender<T>) -> Ask,
    ) -> Result<T, Response> {
        let (sender, receiver) = oneshot::channel();
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        if let Err(fault_of_queue) = self.asks.try_send(make(sender)) {
            return Err(match fault_of_queue {
                mpsc::error::TrySendError::Full(_) => fault(
                    unavailable,
                    "the server is busy with other requests",
                    "try again",
                ),
                mpsc::error::TrySendError::Closed(_) => stopping(),
            });
        }
        match tokio::time::timeout(patience, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(stopping()),
            Err(_) => Err(fault(
                StatusCode::GATEWAY_TIMEOUT,
                &format!("the server did not answer within {} s", patience.as_secs()),
                "what was asked may still happen; /healthz says whether the server is stalled",
            )),
        }
    }
}

pub(super) fn stopping() -> Response {
    fault(
        StatusCode::SERVICE_UNAVAILABLE,
        "the server is stopping, or its health loop has ended",
        "queries are answered from the last published world; see the log",
    )
}
