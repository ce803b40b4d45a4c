//! The HTTP side: routes to requests, answers to JSON. Bounded in requests under way, time and size.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::{WallTime, parse_duration};
use crate::timeline::Wanted;

use super::asking::{Ask, Asking, Consent, ExplainRequest, stopping};
use super::commands::{show_switches, take_heartbeat, throw_switch};
use super::connections::{BoundedListener, ConnectedClient, Connections, Limits};
use super::fault::{Parameters, fault};
use super::guard::{Rules, guard};
use super::rehearsal::{show_queries, show_simulation};
use super::shared_report::SharedReport;

/// Longest time for the answer of a reload, which reads every zone; the load goes on when it is over.
const RELOAD_PATIENCE: Duration = Duration::from_secs(25);
/// Events that one request gets unless it asks for another number.
const EVENTS_DEFAULT: usize = 100;
/// Events that one request gets at most.
const EVENTS_MAX: usize = 1_000;

/// Help of the errors 404 and 405: the paths that are served.
const PLACES: &str = "see /, /metrics, /healthz, /readyz, /api/status, /api/timeline, /api/explain?name=&type=&from=, \
                      /api/simulate?down=, /api/queries, /api/geo?address=, /api/switches, and POST /api/reload, \
                      /api/release?name=&zone=, /api/switch?check=&set=, /api/heartbeat?check=";

/// Serves the API on a listener until `stop` turns true.
///
/// # Errors
/// If the listener breaks.
pub async fn serve(
    listener: TcpListener,
    asking: Asking,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let connections = Connections::new(Limits::USUAL, asking.clock, Arc::clone(&asking.exposition));
    let rules = Rules {
        hosts: Arc::clone(&asking.hosts),
        exposition: Arc::clone(&asking.exposition),
    };
    let router = Router::new()
        .route("/", get(show_page))
        .route("/metrics", get(show_metrics))
        .route("/healthz", get(show_health))
        .route("/readyz", get(show_readiness))
        .route("/api/status", get(show_status))
        .route("/api/explain", get(show_explanation))
        .route("/api/simulate", get(show_simulation))
        .route("/api/queries", get(show_queries))
        .route("/api/timeline", get(show_timeline))
        .route("/api/geo", get(show_geo))
        .route("/api/reload", post(reload))
        .route("/api/release", post(super::release::release))
        .route("/api/switches", get(show_switches))
        .route("/api/switch", post(throw_switch))
        .route("/api/heartbeat", post(take_heartbeat))
        .fallback(async || fault(StatusCode::NOT_FOUND, "no such page", PLACES))
        .method_not_allowed_fallback(async || {
            let error = "this page does not take that method";
            fault(StatusCode::METHOD_NOT_ALLOWED, error, PLACES)
        })
        .layer(from_fn_with_state(rules, guard))
        .with_state(asking);
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let service = router.into_make_service_with_connect_info::<ConnectedClient>();
    axum::serve(BoundedListener::new(listener, connections), service)
        .with_graceful_shutdown(stopped)
        .await
}

async fn show_page(State(asking): State<Asking>) -> Response {
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    match report_as(&asking, SharedReport::page).await {
        Ok(page) => {
            let headers = [
                (header::CONTENT_SECURITY_POLICY, policy),
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/html; charset=utf-8"),
                ),
            ];
            (headers, page).into_response()
        }
        Err(response) => response,
    }
}

/// Returns the status in one form. Ten thousand targets take a while to write, and tasks of the runtime must not wait for it.
async fn report_as(asking: &Asking, write: fn(&SharedReport) -> Bytes) -> Result<Bytes, Response> {
    let report = asking.ask(Ask::Status).await?;
    let written = tokio::task::spawn_blocking(move || write(&report)).await;
    written.map_err(|_| stopping())
}

async fn show_metrics(State(asking): State<Asking>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    // Tens of thousands of series take a while to write.
    match tokio::task::spawn_blocking(move || asking.exposition.render()).await {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(_) => stopping(),
    }
}

async fn show_health(State(asking): State<Asking>) -> Response {
    let now = asking.clock.now().nanos() / 1_000_000_000;
    let ended = asking.pulse.ended();
    match asking.pulse.stall(now) {
        None if ended > 0 => fault(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("{ended} threads that answer queries or run probes have ended"),
            "restart the server and keep its log; /api/status says which",
        ),
        None => "ok\n".into_response(),
        Some(silence) => fault(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("the health loop has not turned for {} s", silence.as_secs()),
            "statuses no longer follow the probes; restart the server and keep its log",
        ),
    }
}

/// Header of a readiness answer: `current`, or `old-versions` while zones are older than their files.
const ZONES_HEADER: &str = "leeward-zones";

async fn show_readiness(State(asking): State<Asking>) -> Response {
    if !asking.pulse.is_ready() {
        return fault(
            StatusCode::SERVICE_UNAVAILABLE,
            "first probes are under way",
            "queries are answered already; this changes when every target was probed once, or the wait is over",
        );
    }
    // Whoever does not follow its probes any more does not know what is healthy.
    let health = show_health(State(asking.clone())).await;
    if health.status() != StatusCode::OK {
        return health;
    }
    let (zones, old) = asking.pulse.zones();
    if zones == 0 {
        return fault(
            StatusCode::SERVICE_UNAVAILABLE,
            "no zone is served",
            "every query is answered REFUSED; `leeward status` says which files are refused, and why",
        );
    }
    let (standing, text) = match old {
        0 => ("current", "ready\n".to_owned()),
        _ => (
            "old-versions",
            format!(
                "ready, with old versions: {old} of {zones} zones are served from their last good version; \
                 see /api/status\n"
            ),
        ),
    };
    let name = HeaderName::from_static(ZONES_HEADER);
    ([(name, HeaderValue::from_static(standing))], text).into_response()
}

async fn show_status(State(asking): State<Asking>) -> Response {
    match report_as(&asking, SharedReport::json).await {
        Ok(text) => {
            let kind = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(response) => response,
    }
}

async fn show_explanation(
    State(asking): State<Asking>,
    Parameters(request): Parameters<ExplainRequest>,
) -> Response {
    match asking.ask(|answer| Ask::Explain(request, answer)).await {
        Ok(Ok(explanation)) => axum::Json(explanation).into_response(),
        Ok(Err(message)) => fault(
            StatusCode::BAD_REQUEST,
            &message,
            "for example /api/explain?name=www.shop.example.com&type=A&from=EU-DE&down=pool:eu-west",
        ),
        Err(response) => response,
    }
}

/// Parameters of `/api/timeline`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimelineRequest {
    #[serde(default)]
    filter: String,
    since: Option<String>,
    limit: Option<usize>,
}

async fn show_timeline(
    State(asking): State<Asking>,
    Parameters(request): Parameters<TimelineRequest>,
) -> Response {
    let Ok(since) = request.since.as_deref().map(parse_duration).transpose() else {
        let error = "`since` is no duration";
        let help = "for example since=2h or since=1d12h";
        return fault(StatusCode::BAD_REQUEST, error, help);
    };
    let wall = asking.clock.wall().millis();
    let since = since.map(|since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let wanted = Wanted {
        filter: request.filter,
        since: since
            .map(|since| WallTime::from_millis(wall.saturating_sub(since).max(0)).to_string()),
        limit: request.limit.unwrap_or(EVENTS_DEFAULT).min(EVENTS_MAX),
    };
    match asking.ask(|answer| Ask::Timeline(wanted, answer)).await {
        Ok(events) => axum::Json(events).into_response(),
        Err(response) => response,
    }
}

/// Parameters of `/api/geo`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GeoRequest {
    address: String,
}

async fn show_geo(
    State(asking): State<Asking>,
    Parameters(request): Parameters<GeoRequest>,
) -> Response {
    let Ok(address) = request.address.parse() else {
        return fault(
            StatusCode::BAD_REQUEST,
            &format!("`{}` is no address", request.address),
            "for example /api/geo?address=198.51.100.7",
        );
    };
    match asking.ask(|answer| Ask::Geo(address, answer)).await {
        Ok(found) => axum::Json(found).into_response(),
        Err(response) => response,
    }
}

/// Parameters of `/api/reload`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReloadRequest {
    #[serde(default)]
    yes: bool,
}

async fn reload(
    State(asking): State<Asking>,
    Parameters(request): Parameters<ReloadRequest>,
) -> Response {
    let consent = if request.yes {
        Consent::Given
    } else {
        Consent::Open
    };
    let ask = |answer| Ask::Reload(consent, answer);
    match asking.ask_within(RELOAD_PATIENCE, ask).await {
        Ok(result) => axum::Json(result).into_response(),
        Err(response) => response,
    }
}
