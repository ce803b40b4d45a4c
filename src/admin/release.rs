//! `/api/release`: the failovers of a name go back to their first healthy tier.
//!
//! In: a name with its zone, or `pool:x`. Out: the number of those that changed their tier. Never here: releasing; the
//! owner of the state does that.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::asking::{Ask, Asking};
use super::fault::Parameters;
use super::orders::{NOTHING_CHANGED, ReleaseRequest};

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
