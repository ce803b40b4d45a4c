//! `/api/release`: the failovers of a name go back to their first healthy tier.
//!
//! In: a name with its zone, or `pool:x`. Out: the number of those that changed their tier. Never here: releasing; the
//! owner of the state does that.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::api::{Ask, Asking};
use super::commands::NOTHING_CHANGED;
use super::fault::Parameters;

/// Parameters of `/api/release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// Name with its zone, or `pool:x`.
    pub name: String,
    /// Zone; needed where several have that pool.
    pub zone: Option<String>,
}

pub(super) async fn release(
    State(asking): State<Asking>,
    Parameters(request): Parameters<ReleaseRequest>,
) -> Response {
    match asking.ask(|answer| Ask::Release(request, answer)).await {
        Ok(Ok(result)) => axum::Json(result).into_response(),
        Ok(Err(order_fault)) => order_fault.response(
            StatusCode::BAD_REQUEST,
            "for example POST /api/release?name=www.bank.example.com",
            NOTHING_CHANGED,
        ),
        Err(response) => response,
    }
}
