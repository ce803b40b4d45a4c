//! Errors of the API: always JSON, `{"error": MESSAGE, "help": REMEDY}`, from every part of the server.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Makes an error response.
pub(super) fn fault(code: StatusCode, error: &str, help: &str) -> Response {
    (code, axum::Json(json!({ "error": error, "help": help }))).into_response()
}

/// The query of a request, read into a type; one that does not fit is an error like every other.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        match read {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(fault(
                StatusCode::BAD_REQUEST,
                &rejection.body_text(),
                "parameters follow `?` as NAME=VALUE, joined by `&`, each once",
            )),
        }
    }
}
