//! `/api/release`: the failovers of a name go back to their first healthy tier.
//!
//! In: a zone and a name in it, or `pool:x`. Out: how many changed their tier. Never here: releasing; the owner of the state
//! does that.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::api::{Ask, Asking};
use super::fault::{Parameters, fault};

/// Parameters of `/api/release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// Apex of the zone.
    pub zone: String,
    /// Name in the zone, or `pool:x`.
    pub name: String,
}

pub(super) async fn release(
    State(asking): State<Asking>,
    Parameters(request): Parameters<ReleaseRequest>,
) -> Response {
    match asking.ask(|answer| Ask::Release(request, answer)).await {
        Ok(Ok(result)) => axum::Json(result).into_response(),
        Ok(Err(message)) => fault(
            StatusCode::BAD_REQUEST,
            &message,
            "for example POST /api/release?zone=bank.example.com&name=www",
        ),
        Err(response) => response,
    }
}
