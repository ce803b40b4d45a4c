//! Admission of requests to the API: refuses those that a browser sends for another site, and those without a place.
//!
//! In: the head of a request. Out: the request with a place in its room, or a refusal in words. Never here: the
//! request's purpose, deadlines.
//!
//! | Host | From a page of another site | Request |
//! |---|---|---|
//! | a name that is neither localhost nor listed in `http-hosts` | any | 421: a name that was pointed at us (DNS rebinding) |
//! | an address, localhost, or a listed name; or none | yes | 403, but for a link to the status page that is followed |
//! | as above | no | let in if it only reads, or carries [`COMMAND_HEADER`]; else 403 |
//!
//! The header keeps out what speaks HTTP without meaning to command: checks of zones, forms of web pages.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::config::COMMAND_HEADER;

use super::connections::ConnectedClient;
use super::exposition::Exposition;
use super::fault::fault;
use super::places::Room;

/// Longest part of a host that a refusal repeats: names end there.
const HOST_SHOWN_MAX: usize = 255;
/// Header of browsers: site that a request comes from (Fetch Metadata).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Header of browsers: mode of the request, such as `navigate`.
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Header of browsers: use of the answer, such as `document`.
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Settings of the guard.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Names under which the API may be asked, in small letters.
    pub(super) hosts: Arc<[String]>,
    pub(super) exposition: Arc<Exposition>,
}

/// Reason why a request is refused.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Host(String),
    Page,
    Header,
}

/// Admits a request or refuses it; marks every answer: one a connection, never stored.
pub(super) async fn guard(
    State(rules): State<Rules>,
    ConnectInfo(client): ConnectInfo<ConnectedClient>,
    request: Request,
    next: Next,
) -> Response {
    let room = room_of(request.method(), request.uri().path());
    let mut response = match refuse_stranger(&rules.hosts, &request) {
        Some(refusal) => refuse(&rules, refusal),
        None if client.enter(room).is_err() => busy(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONNECTION, "close"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    client.answer();
    response
}

/// Returns the room of a request.
fn room_of(method: &Method, path: &str) -> Room {
    match path {
        "/healthz" | "/readyz" | "/metrics" => Room::Health,
        _ if is_read(method) => Room::Reads,
        _ => Room::Changes,
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn busy() -> Response {
    let mut response = fault(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many requests of this kind are under way",
        "try again in a second; health checks, changes and reads have places of their own, and one address has half of them",
    );
    let second = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, second);
    response
}

fn refuse(rules: &Rules, refusal: Refusal) -> Response {
    let count = |reason| {
        let labels = [("reason", reason)];
        rules
            .exposition
            .add("leeward_control_refused_total", &labels, 1);
    };
    match refusal {
        Refusal::Host(host) => {
            count("foreign-host");
            fault(
                StatusCode::MISDIRECTED_REQUEST,
                &format!("this server is not asked as `{host}`"),
                "ask by address or as localhost, or list the name in the server file: http-hosts = [\"NAME\"]",
            )
        }
        Refusal::Page => {
            count("foreign-page");
            fault(
                StatusCode::FORBIDDEN,
                "this request is not let in",
                "a page of another site may neither read from this server nor command it",
            )
        }
        Refusal::Header => {
            count("no-header");
            fault(
                StatusCode::FORBIDDEN,
                "this request is not let in",
                "what changes something must carry the header `X-Leeward-Request: 1`: with curl, add \
                 `-H 'X-Leeward-Request: 1'`",
            )
        }
    }
}

fn refuse_stranger(hosts: &[String], request: &Request) -> Option<Refusal> {
    let headers = request.headers();
    let mut named = headers.get_all(header::HOST).iter();
    let written = named.next().map(HeaderValue::as_bytes);
    let host = String::from_utf8_lossy(written.unwrap_or_default());
    // A target with a host says the same once more; two of the header say what nobody means.
    let target = request.uri().authority().map(|target| target.as_str());
    let is_host = |host: &str| host.is_empty() || is_known(host, hosts);
    if !is_host(&host) || named.next().is_some() {
        return Some(Refusal::Host(shown(&host)));
    }
    if let Some(target) = target.filter(|target| !is_host(target)) {
        return Some(Refusal::Host(shown(target)));
    }
    let is_link = *request.method() == Method::GET
        && request.uri().path() == "/"
        && is(headers, &MODE, "navigate")
        && is(headers, &DESTINATION, "document");
    if is_foreign(headers, &host) && !is_link {
        return Some(Refusal::Page);
    }
    let is_meant = is_read(request.method()) || headers.contains_key(COMMAND_HEADER);
    (!is_meant).then_some(Refusal::Header)
}

fn shown(host: &str) -> String {
    host.chars().take(HOST_SHOWN_MAX).collect()
}

fn is(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers
        .get(name)
        .is_some_and(|found| found.as_bytes() == value.as_bytes())
}

/// Returns whether a browser sent this for a page of another site.
fn is_foreign(headers: &HeaderMap, host: &str) -> bool {
    let is_own_site = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    let is_own_origin = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let own = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        own.is_some_and(|own| own.eq_ignore_ascii_case(host))
    };
    let are_sites_own = headers.get_all(SITE).iter().all(is_own_site);
    let are_origins_own = headers.get_all(header::ORIGIN).iter().all(is_own_origin);
    !(are_sites_own && are_origins_own)
}

/// Returns whether a Host header names an address, localhost or a listed name.
fn is_known(host: &str, hosts: &[String]) -> bool {
    let Some(name) = without_port(host) else {
        return false;
    };
    // An address with a zone (RFC 6874) names an interface of the client's.
    let address = name.split('%').next().unwrap_or_default();
    if address.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || hosts.contains(&name)
}

/// Takes brackets and port off a host; `None` if it is none.
fn without_port(host: &str) -> Option<&str> {
    let is_port = |port: &str| port.bytes().all(|octet| octet.is_ascii_digit());
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_end = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return (is_end && address.contains(':')).then_some(address);
    }
    match host.split_once(':') {
        None => Some(host),
        Some((name, port)) if is_port(port) => Some(name),
        // An IPv6 address without brackets.
        Some(_) => host.parse::<IpAddr>().is_ok().then_some(host),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn refused(method: &Method, target: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().method(method.clone()).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let hosts = ["ns1.example.com".to_owned()];
        refuse_stranger(&hosts, &request).map(|refusal| match refusal {
            Refusal::Host(_) => 421,
            Refusal::Page | Refusal::Header => 403,
        })
    }

    // X12: a check with `method = "POST"` threw a switch.
    #[test]
    fn commands_carry_a_header_that_checks_may_not_send() {
        for (method, wanted) in [
            (Method::GET, None),
            (Method::HEAD, None),
            (Method::POST, Some(403)),
            (Method::PUT, Some(403)),
            (Method::OPTIONS, Some(403)),
        ] {
            let host = [("host", "127.0.0.1:8053")];
            assert_eq!(refused(&method, "/", &host), wanted, "{method}");
            let meant = [host[0], (COMMAND_HEADER, "1")];
            assert_eq!(refused(&method, "/", &meant), None, "{method}");
        }
    }

    // X13.
    #[test]
    fn names_that_were_pointed_at_us_are_refused() {
        let cases = [
            ("", None),
            ("127.0.0.1:8053", None),
            ("192.0.2.1", None),
            ("[::1]:8053", None),
            ("[::1]", None),
            ("::1", None),
            ("[fe80::1%25eth0]:8053", None),
            ("localhost:8053", None),
            ("LocalHost.", None),
            ("a.localhost", None),
            ("ns1.example.com:8053", None),
            ("NS1.Example.Com.", None),
            ("evil.example:8053", Some(421)),
            ("localhost.evil.example", Some(421)),
            ("localhost:8053.evil.example", Some(421)),
            ("evil-localhost", Some(421)),
            ("127.0.0.1.evil.example", Some(421)),
            ("user@127.0.0.1", Some(421)),
            ("127.0.0.1@evil.example", Some(421)),
            ("[evil.example]", Some(421)),
            ("[::1]evil.example", Some(421)),
            ("a.ns1.example.com", Some(421)),
            ("127.1", Some(421)),
            ("2130706433", Some(421)),
        ];
        for method in [Method::GET, Method::POST] {
            for (host, wanted) in cases {
                let headers = [(COMMAND_HEADER, "1"), ("host", host)];
                let named = if host.is_empty() { 1 } else { 2 };
                let found = refused(&method, "/", &headers[..named]);
                assert_eq!(found, wanted, "{method} {host}");
            }
        }
        let two = [("host", "127.0.0.1"), ("host", "evil.example")];
        assert_eq!(refused(&Method::GET, "/", &two), Some(421));
        let target = "http://evil.example/api/status";
        let host = [("host", "127.0.0.1")];
        assert_eq!(refused(&Method::GET, target, &host), Some(421));
    }

    #[test]
    fn pages_of_other_sites_neither_read_nor_command() {
        let host = ("host", "127.0.0.1:8053");
        type Headers = &'static [(&'static str, &'static str)];
        let cases: [(Headers, Option<u16>); 12] = [
            (&[], None),
            (&[("origin", "http://127.0.0.1:8053")], None),
            (&[("origin", "https://127.0.0.1:8053")], None),
            (&[("origin", "http://127.0.0.1:9000")], Some(403)),
            (&[("origin", "http://evil.example")], Some(403)),
            (&[("origin", "null")], Some(403)),
            (&[("sec-fetch-site", "same-origin")], None),
            (&[("sec-fetch-site", "none")], None),
            (&[("sec-fetch-site", "cross-site")], Some(403)),
            (&[("sec-fetch-site", "same-site")], Some(403)),
            (
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "http://evil.example"),
                ],
                Some(403),
            ),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                ],
                Some(403),
            ),
        ];
        for method in [Method::GET, Method::HEAD, Method::POST] {
            for (more, wanted) in cases {
                let headers = [&[host, (COMMAND_HEADER, "1")], more].concat();
                let found = refused(&method, "/api/status", &headers);
                assert_eq!(found, wanted, "{method} {more:?}");
            }
        }
        // A link in a handbook to the status page.
        let link = [
            host,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        for (method, path, wanted) in [
            (Method::GET, "/", None),
            (Method::GET, "/api/simulate", Some(403)),
            (Method::POST, "/", Some(403)),
        ] {
            assert_eq!(refused(&method, path, &link), wanted, "{method} {path}");
        }
    }

    #[test]
    fn health_checks_changes_and_reads_have_rooms_of_their_own() {
        let cases = [
            (Method::GET, "/healthz", Room::Health),
            (Method::POST, "/metrics", Room::Health),
            (Method::GET, "/readyz", Room::Health),
            (Method::GET, "/", Room::Reads),
            (Method::HEAD, "/api/status", Room::Reads),
            (Method::POST, "/api/switch", Room::Changes),
            (Method::DELETE, "/api/switch", Room::Changes),
        ];
        for (method, path, wanted) in cases {
            assert_eq!(room_of(&method, path), wanted, "{method} {path}");
        }
    }
}
