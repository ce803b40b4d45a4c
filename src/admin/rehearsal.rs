//! `/api/simulate` and `/api/queries`: answers under supposed losses, and questions of the last hour.
//!
//! In: the query of a request. Out: a simulation or sampled questions as JSON. Never here: simulating; the owner of the
//! state does that.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::simulate::{Asking as Client, Losses, SimulateRequest, Suppositions};

use super::asking::{Ask, Asking};
use super::fault::{Parameters, fault};

/// Longest time for a simulation, which may ask for thousands of answers.
const REHEARSAL_PATIENCE: Duration = Duration::from_secs(25);

/// Parameters of `/api/simulate`; lists are separated by commas.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SimulateQuery {
    #[serde(default)]
    down: String,
    #[serde(default)]
    drain: String,
    #[serde(default)]
    up: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    every_single_loss: bool,
}

/// Splits a list at its commas.
fn items(list: &str) -> Vec<String> {
    let items = list
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

impl SimulateQuery {
    fn into_request(self) -> Result<SimulateRequest, String> {
        let from = items(&self.from);
        Ok(SimulateRequest {
            suppose: Suppositions {
                drain: items(&self.drain),
                down: items(&self.down),
                up: items(&self.up),
            },
            names: items(&self.name),
            from: from
                .iter()
                .map(|text| Client::parse(text))
                .collect::<Result<_, _>>()?,
            losses: if self.every_single_loss {
                Losses::EverySingle
            } else {
                Losses::None
            },
            observed: Vec::new(),
        })
    }
}

/// Answers `/api/queries`: questions of the last hour, as far as sampled.
pub(super) async fn show_queries(State(asking): State<Asking>) -> Response {
    match asking.ask(Ask::Queries).await {
        Ok(observed) => axum::Json(observed).into_response(),
        Err(response) => response,
    }
}

/// Answers `/api/simulate`.
pub(super) async fn show_simulation(
    State(asking): State<Asking>,
    Parameters(query): Parameters<SimulateQuery>,
) -> Response {
    let example =
        "for example /api/simulate?down=pool:us-east&from=EU,NA-US&every-single-loss=true";
    let request = match query.into_request() {
        Ok(request) => request,
        Err(message) => return fault(StatusCode::BAD_REQUEST, &message, example),
    };
    let ask = |answer| Ask::Simulate(Box::new(request), answer);
    match asking.ask_within(REHEARSAL_PATIENCE, ask).await {
        Ok(Ok(simulation)) => axum::Json(simulation).into_response(),
        Ok(Err(message)) => fault(StatusCode::BAD_REQUEST, &message, example),
        Err(response) => response,
    }
}
