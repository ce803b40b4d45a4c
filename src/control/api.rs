//! The HTTP side: routes to requests, answers to JSON. Bounded in requests under way, time and size.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use super::exposition::Exposition;
use super::page::page;
use super::status::StatusReport;

/// Time that the owner has for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Events that one request gets at most.
const EVENTS_MAX: usize = 1_000;
/// A beat older than this is a stalled owner.
const BEAT_MAX: Duration = Duration::from_secs(10);

/// A question for the owner of the state, with the place for its answer.
#[derive(Debug)]
pub enum Ask {
    /// The state.
    Status(oneshot::Sender<StatusReport>),
    /// Why something is answered.
    Explain(ExplainRequest, oneshot::Sender<Result<Value, String>>),
    /// Load the zones now.
    Reload(oneshot::Sender<Value>),
    /// What moved.
    Timeline(String, usize, oneshot::Sender<Value>),
    /// Where an address is taken to be.
    Geo(IpAddr, oneshot::Sender<Value>),
}

/// Parameters of `/api/explain`.
#[derive(Clone, Debug, Default, Deserialize)]
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

/// Signs of life that health endpoints read.
#[derive(Debug, Default)]
pub struct Pulse {
    beat_secs: AtomicU64,
    is_ready: AtomicU64,
}

impl Pulse {
    /// Notes that the owner's loop turned, in seconds of some clock.
    pub fn beat(&self, secs: u64) {
        self.beat_secs.store(secs, Ordering::Relaxed);
    }

    /// Notes that zones are served and first probes are done, or their wait is over.
    pub fn ready(&self) {
        self.is_ready.store(1, Ordering::Relaxed);
    }
}

/// What handlers need.
#[derive(Clone, Debug)]
pub struct Asking {
    /// To the owner of the state.
    pub asks: mpsc::Sender<Ask>,
    /// The metrics.
    pub exposition: Arc<Exposition>,
    /// Signs of life.
    pub pulse: Arc<Pulse>,
    /// The time.
    pub clock: crate::clock::Clock,
}

impl Asking {
    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Response> {
        let (sender, receiver) = oneshot::channel();
        let busy = || {
            fault(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is busy with other requests; try again",
            )
        };
        self.asks.try_send(make(sender)).map_err(|_| busy())?;
        match tokio::time::timeout(PATIENCE, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(fault(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is stopping",
            )),
            Err(_) => Err(fault(
                StatusCode::GATEWAY_TIMEOUT,
                "the server did not answer within 5 s",
            )),
        }
    }
}

fn fault(code: StatusCode, message: &str) -> Response {
    (code, axum::Json(json!({ "error": message }))).into_response()
}

/// Serves the API on a listener until `stop` turns true.
///
/// # Errors
/// If the listener breaks.
pub async fn serve(
    listener: TcpListener,
    asking: Asking,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/", get(show_page))
        .route("/metrics", get(show_metrics))
        .route("/healthz", get(show_health))
        .route("/readyz", get(show_readiness))
        .route("/api/status", get(show_status))
        .route("/api/explain", get(show_explanation))
        .route("/api/timeline", get(show_timeline))
        .route("/api/geo", get(show_geo))
        .route("/api/reload", post(reload))
        .fallback(async || {
            fault(
                StatusCode::NOT_FOUND,
                "no such page; see /, /metrics, /api/status, /api/explain",
            )
        })
        .with_state(asking);
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
}

async fn show_page(State(asking): State<Asking>) -> Response {
    let report = match asking.ask(Ask::Status).await {
        Ok(report) => report,
        Err(response) => return response,
    };
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    );
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    (
        [
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::CONTENT_TYPE, kind),
        ],
        page(&report),
    )
        .into_response()
}

async fn show_metrics(State(asking): State<Asking>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], asking.exposition.render()).into_response()
}

async fn show_health(State(asking): State<Asking>) -> Response {
    let beat = asking.pulse.beat_secs.load(Ordering::Relaxed);
    let now = asking.clock.now().nanos() / 1_000_000_000;
    let silence = now.saturating_sub(beat);
    if silence > BEAT_MAX.as_secs() {
        return fault(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("the health loop has not turned for {silence} s"),
        );
    }
    "ok\n".into_response()
}

async fn show_readiness(State(asking): State<Asking>) -> Response {
    if asking.pulse.is_ready.load(Ordering::Relaxed) == 0 {
        return fault(
            StatusCode::SERVICE_UNAVAILABLE,
            "first probes are under way",
        );
    }
    "ready\n".into_response()
}

async fn show_status(State(asking): State<Asking>) -> Response {
    match asking.ask(Ask::Status).await {
        Ok(report) => axum::Json(report).into_response(),
        Err(response) => response,
    }
}

async fn show_explanation(
    State(asking): State<Asking>,
    Query(request): Query<ExplainRequest>,
) -> Response {
    match asking.ask(|answer| Ask::Explain(request, answer)).await {
        Ok(Ok(explanation)) => axum::Json(explanation).into_response(),
        Ok(Err(message)) => fault(StatusCode::BAD_REQUEST, &message),
        Err(response) => response,
    }
}

/// Parameters of `/api/timeline`.
#[derive(Debug, Default, Deserialize)]
struct TimelineRequest {
    #[serde(default)]
    filter: String,
    limit: Option<usize>,
}

async fn show_timeline(
    State(asking): State<Asking>,
    Query(request): Query<TimelineRequest>,
) -> Response {
    let limit = request.limit.unwrap_or(100).min(EVENTS_MAX);
    match asking
        .ask(|answer| Ask::Timeline(request.filter, limit, answer))
        .await
    {
        Ok(events) => axum::Json(events).into_response(),
        Err(response) => response,
    }
}

/// Parameters of `/api/geo`.
#[derive(Debug, Deserialize)]
struct GeoRequest {
    address: String,
}

async fn show_geo(State(asking): State<Asking>, Query(request): Query<GeoRequest>) -> Response {
    let Ok(address) = request.address.parse() else {
        return fault(
            StatusCode::BAD_REQUEST,
            &format!("`{}` is no address", request.address),
        );
    };
    match asking.ask(|answer| Ask::Geo(address, answer)).await {
        Ok(found) => axum::Json(found).into_response(),
        Err(response) => response,
    }
}

async fn reload(State(asking): State<Asking>) -> Response {
    match asking.ask(Ask::Reload).await {
        Ok(result) => axum::Json(result).into_response(),
        Err(response) => response,
    }
}
