//! One HTTP or HTTPS probe at one address.
//!
//! In: a request, criteria of success, an address. Out: a finding. Never here: names to addresses, schedules, octets.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use url::Url;

use super::attempt::{Attempt, Attempted};
use super::classify::failed_to_connect;
use super::content::{Collected, Encoding};
use super::driven::DrivenConnection;
use super::exchange::{Reply, ReplyLimits};
use super::handshake::{evaluate_days_left, handshake_name};
use super::http1::{Request, write_request};
use super::stream::{Secure, Stream};
use super::trace::Trace;
use crate::health::{Finding, HttpProbe, Searched};

/// Host in URLs where the host of a check is none that URLs allow. `invalid` never exists (RFC 6761, section 6.4).
const NO_HOST: &str = "target.invalid";

/// Most characters of a redirect's URL in evidence.
const LOCATION_SHOWN_MAX: usize = 200;

/// One request of a probe: the first, or one that follows a redirect.
struct Hop {
    /// URL of the request as the peer sees it; redirects are resolved against it.
    logical: Url,
    method: String,
    /// Path and query, as they are sent.
    path: String,
    secure: Option<Secure>,
    wanted_name: Option<ServerName<'static>>,
}

/// Outcome of a response that is no failure.
enum Verdict {
    Passed { status: u16 },
    Redirected { to: Url, status: u16 },
}

/// Probes one address, through redirects if they are followed.
pub(super) async fn probe_http(attempt: &Attempt<'_>, http: &HttpProbe) -> Attempted {
    let mut attempt = *attempt;
    let mut trace = Trace::begin(attempt.context.clock, attempt.address, None);
    let mut hop = match first_hop(&attempt, http) {
        Ok(hop) => hop,
        Err(finding) => return Attempted::without_connection(finding, trace),
    };
    for hops_left in (0..=http.follow_redirects).rev() {
        let port = hop.logical.port_or_known_default();
        let address = SocketAddr::new(attempt.address.ip(), port.unwrap_or(attempt.recipe.port));
        if let Err(finding) = attempt.context.reach.permit(address) {
            return Attempted::without_connection(finding, trace);
        }
        trace = Trace::begin(attempt.context.clock, address, hop.wanted_name.clone());
        let exchange = trace.scope(exchange(&attempt, http, &hop, &trace, hops_left > 0));
        let verdict = attempt.budget.run(&trace, exchange).await;
        let (to, status) = match verdict.and_then(|verdict| verdict) {
            Ok(Verdict::Passed { status }) => {
                return Attempted::connected(Finding::Passed { status }, trace);
            }
            Ok(Verdict::Redirected { to, status }) => (to, status),
            Err(finding) => {
                let is_first = hops_left == http.follow_redirects;
                return Attempted {
                    finding,
                    is_connected: !is_first || !failed_to_connect(&trace),
                    trace,
                };
            }
        };
        hop = match next_hop(&attempt, http, hop, to, status) {
            Ok(hop) => hop,
            Err(finding) => return Attempted::connected(finding, trace),
        };
        attempt.budget.connect_from = attempt.context.clock.now();
        attempt.budget.addresses_left = 1;
    }
    // The last round follows no redirect, so it returns.
    let why = "more redirects than are followed";
    Attempted::connected(Finding::Malformed(why.into()), trace)
}

fn first_hop(attempt: &Attempt<'_>, http: &HttpProbe) -> Result<Hop, Finding> {
    let scheme = if http.tls.is_some() { "https" } else { "http" };
    let host = host_or_address(http, attempt.address.ip());
    let port = attempt.recipe.port;
    let logical = Url::parse(&format!("{scheme}://{host}:{port}{}", http.path))
        // A host that URLs do not allow still goes into the header as it is written.
        .or_else(|_| Url::parse(&format!("{scheme}://{NO_HOST}:{port}{}", http.path)))
        .map_err(|error| Finding::NotFeasible(format!("`path` {:?}: {error}", http.path).into()))?;
    let secure = http.tls.as_ref().map(|tls| Secure {
        config: Arc::clone(&attempt.plan.profile.tls),
        name: handshake_name(tls),
    });
    Ok(Hop {
        logical,
        method: http.method.clone(),
        path: http.path.clone(),
        secure,
        wanted_name: attempt.plan.wanted_name.clone(),
    })
}

fn next_hop(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    hop: Hop,
    to: Url,
    status: u16,
) -> Result<Hop, Finding> {
    // RFC 9110, section 15.4: 303 turns what is no HEAD into GET; 301 and 302, by long custom, only POST.
    let method = match (status, hop.method.as_str()) {
        (303, "HEAD") => hop.method,
        (303, _) | (301 | 302, "POST") => "GET".to_owned(),
        _ => hop.method,
    };
    let host = to.host_str().unwrap_or(NO_HOST).to_owned();
    let (secure, wanted_name) = match to.scheme() {
        "https" => {
            let (profile, wanted) =
                attempt
                    .plan
                    .for_https(attempt.context, http.tls.as_ref(), &host)?;
            let name = match (&http.tls, &wanted) {
                (None, Some(wanted)) => wanted.clone(),
                (None, None) => {
                    return Err(Finding::NotFeasible("nobody to shake hands with".into()));
                }
                (Some(tls), _) => handshake_name(tls),
            };
            let config = Arc::clone(&profile.tls);
            (Some(Secure { config, name }), wanted)
        }
        _ => (None, None),
    };
    let path = match to.query() {
        None => to.path().to_owned(),
        Some(query) => format!("{}?{query}", to.path()),
    };
    Ok(Hop {
        logical: to,
        method,
        path,
        secure,
        wanted_name,
    })
}

/// Sends the request and judges the response.
async fn exchange(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    hop: &Hop,
    trace: &Trace,
    may_follow: bool,
) -> Result<Verdict, Finding> {
    let mut reply = ask(attempt, http, hop, trace).await?;
    let verdict = evaluate(attempt, http, hop, trace, may_follow, &mut reply).await;
    reply.close();
    verdict
}

/// Connects, sends the request and reads the headers of the response.
async fn ask(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    hop: &Hop,
    trace: &Trace,
) -> Result<Reply, Finding> {
    let request = make_request(attempt, http, hop)?;
    let limits = ReplyLimits {
        header_octets_max: http.header_bytes as usize,
        is_head: hop.method == "HEAD",
    };
    let connected = Stream::connect(trace.address, hop.secure.as_ref(), trace).await?;
    let (stream, broken) = connected;
    let reply = Reply::exchange(
        DrivenConnection::new(stream, request, broken),
        limits,
        trace,
    )
    .await?;
    trace.enter_body();
    Ok(reply)
}

/// Evaluates headers, redirect, status, certificate, body, in this order.
async fn evaluate(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    hop: &Hop,
    trace: &Trace,
    may_follow: bool,
    reply: &mut Reply,
) -> Result<Verdict, Finding> {
    let status = reply.head.status;
    let goal = redirect_goal(reply, &hop.logical);
    if let Some(Goal { to: Some(to), .. }) = &goal
        && may_follow
    {
        let to = to.clone();
        return Ok(Verdict::Redirected { to, status });
    }
    let passes = |(low, high): &(u16, u16)| (*low..=*high).contains(&status);
    if !http.status.iter().any(passes) {
        let location = goal.map(|goal| goal.text);
        return Err(Finding::WrongStatus { status, location });
    }
    if http.tls.is_some() {
        evaluate_days_left(&attempt.context.clock, http.days_left, trace)?;
    }
    let content = attempt.plan.content(http.contains.as_deref());
    if content.is_empty() {
        return Ok(Verdict::Passed { status });
    }
    let mut collected = Collected::new(Encoding::of(reply.head.encoding.as_deref()));
    // The body ends, or the collection is full and says so: bounded by `COMPRESSED_MAX`.
    while let Some(chunk) = reply.chunk(trace).await? {
        if !collected.push(&chunk)? || content.is_settled_by(collected.octets()) {
            break;
        }
    }
    collected.finish()?;
    content.evaluate(collected.octets(), Searched::Body)?;
    Ok(Verdict::Passed { status })
}

/// Sends one request and returns the body, whatever the status: at most `octets_max`, or a finding if there are more.
pub(super) async fn fetch(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    trace: &Arc<Trace>,
    octets_max: usize,
) -> Result<(u16, Vec<u8>), Finding> {
    let hop = first_hop(attempt, http)?;
    let mut reply = ask(attempt, http, &hop, trace).await?;
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk(trace).await? {
        if body.len() + chunk.len() > octets_max {
            let text = format!("a body over {octets_max} bytes");
            return Err(Finding::Malformed(text.into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((reply.head.status, body))
}

fn make_request(attempt: &Attempt<'_>, http: &HttpProbe, hop: &Hop) -> Result<Vec<u8>, Finding> {
    let mut host = host_or_address(http, attempt.address.ip());
    // Route 53, 3.2.9: the port is appended unless it is the default one, which `port` leaves out.
    if let Some(port) = hop.logical.port() {
        host = format!("{host}:{port}");
    }
    let request = Request {
        method: &hop.method,
        path: &hop.path,
        host: &host,
        user_agent: attempt.context.user_agent(),
        headers: &http.headers,
    };
    write_request(&request).map_err(Finding::NotFeasible)
}

/// Returns the host for header and URL; without one the address takes its place (Route 53, 3.2.9).
fn host_or_address(http: &HttpProbe, address: IpAddr) -> String {
    let written = http.host.parse::<IpAddr>();
    match (http.host.is_empty(), written) {
        (true, _) => bracketed(address),
        (false, Ok(written)) => bracketed(written),
        (false, Err(_)) => http.host.clone(),
    }
}

pub(super) fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// URL that a response redirects to.
struct Goal {
    /// As written, for evidence.
    text: Box<str>,
    /// The URL, if it is one on the same host.
    to: Option<Url>,
}

fn redirect_goal(reply: &Reply, logical: &Url) -> Option<Goal> {
    if !matches!(reply.head.status, 301..=303 | 307 | 308) {
        return None;
    }
    let location = reply.head.location.as_deref()?;
    let written = String::from_utf8_lossy(location);
    let to = logical.join(&written).ok();
    let to = to.filter(|to| {
        matches!(to.scheme(), "http" | "https") && to.host_str() == logical.host_str()
    });
    // What a peer wrote may not break the line of a log.
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let text: String = written
        .chars()
        .take(LOCATION_SHOWN_MAX)
        .map(plain)
        .collect();
    Some(Goal {
        text: text.into(),
        to,
    })
}
