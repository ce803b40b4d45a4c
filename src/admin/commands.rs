//! Changes that the API takes from operators and their jobs: switches, heartbeats.
//!
//! In: requests over HTTP. Out: requests to the owner of the state, its answers as JSON. Never here: rules.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::asking::{Ask, Asking};
use super::fault::{Parameters, fault};
use super::orders::{HeartbeatReport, NOTHING_CHANGED, SwitchRequest};

/// Longest note of a heartbeat that is kept, in characters.
const NOTE_MAX: usize = 200;

/// Parameters of `/api/heartbeat`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeartbeatRequest {
    zone: Option<String>,
    check: String,
    result: Option<String>,
    #[serde(default)]
    note: String,
}

pub(super) async fn show_switches(State(asking): State<Asking>) -> Response {
    match asking.ask(Ask::Switches).await {
        Ok(rows) => axum::Json(rows).into_response(),
        Err(response) => response,
    }
}

pub(super) async fn throw_switch(
    State(asking): State<Asking>,
    Parameters(request): Parameters<SwitchRequest>,
) -> Response {
    match asking.ask(|answer| Ask::Switch(request, answer)).await {
        Ok(Ok(rows)) => axum::Json(rows).into_response(),
        Ok(Err(order_fault)) => order_fault.response(
            StatusCode::CONFLICT,
            "for example /api/switch?check=colour&set=blue:on,green:off; /api/switches lists all",
            NOTHING_CHANGED,
        ),
        Err(response) => response,
    }
}

pub(super) async fn take_heartbeat(
    State(asking): State<Asking>,
    Parameters(request): Parameters<HeartbeatRequest>,
) -> Response {
    let help = "for example /api/heartbeat?check=backup, or with &result=bad&note=disk+full";
    let is_good = match request.result.as_deref() {
        None | Some("good") => true,
        Some("bad") => false,
        Some(_) => return fault(StatusCode::BAD_REQUEST, "`result` is good or bad", help),
    };
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let report = HeartbeatReport {
        zone: request.zone,
        check: request.check,
        is_good,
        note: request.note.chars().take(NOTE_MAX).map(plain).collect(),
    };
    match asking.ask(|answer| Ask::Heartbeat(report, answer)).await {
        Ok(Ok(kept)) => {
            let answer = serde_json::json!({ "result": "taken", "kept": kept.text() });
            axum::Json(answer).into_response()
        }
        Ok(Err(order_fault)) => order_fault.response(
            StatusCode::NOT_FOUND,
            help,
            "the heartbeat is counted, but it could not be saved and a restart will not know it",
        ),
        Err(response) => response,
    }
}
