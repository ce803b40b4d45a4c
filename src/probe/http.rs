//! One HTTP or HTTPS probe at one address.
//!
//! In: a request, what counts as success, an address. Out: a finding. Never here: names to addresses, schedules.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::Bytes;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use rustls::pki_types::ServerName;

use super::classify::failed_to_connect;
use super::content::{Collected, Encoding};
use super::exchange::Reply;
use super::handshake::judge_days_left;
use super::kit::Profile;
use super::once::{Attempt, Attempted};
use super::stream::Stream;
use super::tls::sent_name;
use super::trace::Trace;
use crate::health::{Finding, HttpProbe, Searched};

/// Most octets of response headers, status line included (Route 53, 3.2.5).
pub(super) const HEADERS_MAX: usize = 16_384;

/// Host in URLs where the name must not decide anything: the address comes from the trace, the Host header is written
/// out, and nothing is sent in the handshake. `invalid` never exists (RFC 6761, section 6.4).
const NO_HOST: &str = "target.invalid";

/// Most characters of a redirect's goal that evidence shows.
const LOCATION_SHOWN_MAX: usize = 200;

/// One request of a probe: the first, or one that follows a redirect.
struct Hop {
    /// Where the request goes in the eyes of the peer; redirects are resolved against it.
    logical: Url,
    method: Method,
    profile: Arc<Profile>,
    wanted_name: Option<ServerName<'static>>,
    /// Name for the handshake.
    sent_name: Option<String>,
}

/// What a response that is no failure leads to.
enum Verdict {
    Passed { status: u16 },
    Redirected { to: Url, status: u16 },
}

/// Probes one address, through redirects if they are followed.
pub(super) async fn probe_http(attempt: &Attempt<'_>, http: &HttpProbe) -> Attempted {
    let mut attempt = *attempt;
    let mut trace = Trace::begin(attempt.kit.clock, attempt.address, None);
    let mut hop = match first_hop(&attempt, http) {
        Ok(hop) => hop,
        Err(finding) => return Attempted::without_connection(finding, trace),
    };
    for hops_left in (0..=http.follow_redirects).rev() {
        let port = hop.logical.port_or_known_default();
        let address = SocketAddr::new(attempt.address.ip(), port.unwrap_or(attempt.recipe.port));
        trace = Trace::begin(attempt.kit.clock, address, hop.wanted_name.clone());
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
        attempt.budget.connect_from = attempt.kit.clock.now();
        attempt.budget.addresses_left = 1;
    }
    // The last round follows no redirect, so it returns.
    let why = "more redirects than are followed";
    Attempted::connected(Finding::Malformed(why.into()), trace)
}

fn first_hop(attempt: &Attempt<'_>, http: &HttpProbe) -> Result<Hop, Finding> {
    let infeasible = |why: String| Finding::NotFeasible(why.into());
    let scheme = if http.tls.is_some() { "https" } else { "http" };
    let host = host_or_address(http, attempt.address.ip());
    let port = attempt.recipe.port;
    let text = format!("{scheme}://{host}:{port}{}", http.path);
    let logical = Url::parse(&text)
        // A host that URLs do not allow still goes into the header as it is written.
        .or_else(|_| Url::parse(&format!("{scheme}://{NO_HOST}:{port}{}", http.path)))
        .map_err(|error| infeasible(format!("`path` {:?}: {error}", http.path)))?;
    let method = Method::from_bytes(http.method.as_bytes())
        .map_err(|_| infeasible(format!("`method` {:?} is none", http.method)))?;
    Ok(Hop {
        logical,
        method,
        profile: Arc::clone(&attempt.plan.profile),
        wanted_name: attempt.plan.wanted_name.clone(),
        sent_name: http.tls.as_ref().and_then(sent_name).map(str::to_owned),
    })
}

fn next_hop(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    hop: Hop,
    to: Url,
    status: u16,
) -> Result<Hop, Finding> {
    // RFC 9110, section 15.4: 303 always, 301 and 302 by long custom, turn POST into GET.
    let method = match (status, &hop.method) {
        (301..=303, &Method::POST) => Method::GET,
        _ => hop.method,
    };
    let host = to.host_str().unwrap_or(NO_HOST).to_owned();
    let is_secure = to.scheme() == "https";
    let (profile, wanted_name) = match is_secure {
        false => (Arc::clone(&attempt.plan.profile), None),
        true => attempt
            .plan
            .for_https(attempt.kit, http.tls.as_ref(), &host)?,
    };
    let sent_name = match &http.tls {
        Some(tls) => sent_name(tls).map(str::to_owned),
        None => Some(host),
    };
    Ok(Hop {
        logical: to,
        method,
        profile,
        wanted_name,
        sent_name: sent_name.filter(|_| is_secure),
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
    let mut reply = if http.follow_redirects == 0 {
        let request = make_request(attempt, http, hop)?;
        let stream = Stream::connect(attempt, http.tls.as_ref(), trace).await?;
        Reply::exchange(stream, request, trace).await?
    } else {
        let request = make_carried_request(attempt, http, hop)?;
        Reply::fetch(&hop.profile.client, request, trace).await?
    };
    trace.enter_body();
    let verdict = judge(attempt, http, hop, trace, may_follow, &mut reply).await;
    reply.close();
    verdict
}

/// Judges headers, redirect, status, certificate, body, in this order.
async fn judge(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    hop: &Hop,
    trace: &Trace,
    may_follow: bool,
    reply: &mut Reply,
) -> Result<Verdict, Finding> {
    if count_header_octets(&reply.headers) > HEADERS_MAX {
        return Err(Finding::HeadersTooLong { max: HEADERS_MAX });
    }
    let status = reply.status;
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
        judge_days_left(&attempt.kit.clock, http.days_left, trace)?;
    }
    let content = attempt.plan.content(http.contains.as_deref());
    if content.is_empty() {
        return Ok(Verdict::Passed { status });
    }
    let encoding = reply.headers.get(header::CONTENT_ENCODING);
    let mut collected = Collected::new(Encoding::of(encoding.map(HeaderValue::as_bytes)));
    // The body ends, or the collection is full and says so: bounded by `COMPRESSED_MAX`.
    while let Some(chunk) = reply.chunk(trace).await? {
        if !collected.push(&chunk)? || content.is_settled_by(collected.octets()) {
            break;
        }
    }
    content.judge(collected.octets(), Searched::Body)?;
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
    let request = make_carried_request(attempt, http, &hop)?;
    let mut reply = Reply::fetch(&hop.profile.client, request, trace).await?;
    trace.enter_body();
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk(trace).await? {
        if body.len() + chunk.len() > octets_max {
            let text = format!("a body over {octets_max} bytes");
            return Err(Finding::Malformed(text.into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((reply.status, body))
}

/// Makes a request for a connection that stands already: its goal is no URL but a path.
fn make_request(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    hop: &Hop,
) -> Result<hyper::Request<Empty<Bytes>>, Finding> {
    let infeasible = |why: String| Finding::NotFeasible(why.into());
    let path = hop.logical.path();
    let goal = match hop.logical.query() {
        None => path.parse(),
        Some(query) => format!("{path}?{query}").parse(),
    };
    let mut request = hyper::Request::new(Empty::new());
    *request.method_mut() = hop.method.clone();
    *request.uri_mut() =
        goal.map_err(|error| infeasible(format!("`path` {:?}: {error}", http.path)))?;
    let mut headers = make_headers(attempt, http, hop)?;
    for (name, value) in attempt.kit.usual_headers() {
        headers.entry(name).or_insert(value);
    }
    *request.headers_mut() = headers;
    Ok(request)
}

/// Makes a request for reqwest, whose URL decides which name is sent in the handshake.
fn make_carried_request(
    attempt: &Attempt<'_>,
    http: &HttpProbe,
    hop: &Hop,
) -> Result<reqwest::Request, Finding> {
    let mut url = hop.logical.clone();
    let infeasible = |why: String| Finding::NotFeasible(why.into());
    url.set_host(Some(hop.sent_name.as_deref().unwrap_or(NO_HOST)))
        .map_err(|error| infeasible(format!("server name: {error}")))?;
    if url.domain().is_none() {
        // "1.2" is an address to URLs and would be connected to.
        url.set_host(Some(NO_HOST))
            .map_err(|error| infeasible(error.to_string()))?;
    }
    let mut request = reqwest::Request::new(hop.method.clone(), url);
    *request.headers_mut() = make_headers(attempt, http, hop)?;
    Ok(request)
}

fn make_headers(attempt: &Attempt<'_>, http: &HttpProbe, hop: &Hop) -> Result<HeaderMap, Finding> {
    let infeasible =
        |name: &str, value: &str| Finding::NotFeasible(format!("header {name}: {value:?}").into());
    let mut headers = HeaderMap::with_capacity(http.headers.len() + 4);
    let mut host = host_or_address(http, attempt.address.ip());
    // Route 53, 3.2.9: the port is appended unless it is the default one, which `port` leaves out.
    if let Some(port) = hop.logical.port() {
        host = format!("{host}:{port}");
    }
    let value = HeaderValue::from_str(&host).map_err(|_| infeasible("host", &host))?;
    headers.insert(header::HOST, value);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    for (name, text) in &http.headers {
        let value = HeaderValue::from_str(text).map_err(|_| infeasible(name, text))?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| infeasible(name, text))?;
        match name == header::HOST {
            true => drop(headers.insert(name, value)),
            false => drop(headers.append(name, value)),
        }
    }
    Ok(headers)
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

/// Counts what the headers took on the wire, but for blanks that nobody needs.
fn count_header_octets(headers: &HeaderMap) -> usize {
    let status_line = "HTTP/1.1 200 \r\n".len();
    status_line
        + headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
            .sum::<usize>()
}

/// Where a response redirects to.
struct Goal {
    /// As written, for evidence.
    text: Box<str>,
    /// The URL, if it is one on the same host.
    to: Option<Url>,
}

fn redirect_goal(reply: &Reply, logical: &Url) -> Option<Goal> {
    if !matches!(reply.status, 301..=303 | 307 | 308) {
        return None;
    }
    let location = reply.headers.get(header::LOCATION)?;
    let written = String::from_utf8_lossy(location.as_bytes());
    let to = logical.join(&written).ok();
    let to = to.filter(|to| {
        matches!(to.scheme(), "http" | "https") && to.host_str() == logical.host_str()
    });
    let text: String = written.chars().take(LOCATION_SHOWN_MAX).collect();
    Some(Goal {
        text: text.into(),
        to,
    })
}
