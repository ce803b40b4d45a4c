//! The one resource: a request with a message in it, a response with the reply (RFC 8484, section 4).
//!
//! In: requests, whose bodies may arrive slowly or never. Out: responses. Never here: connections.
//!
//! | Request | Response |
//! |---|---|
//! | another path | 404 |
//! | neither GET, HEAD nor POST | 405 with Allow |
//! | no `dns` in the URL, not base64url, shorter than a header, not a query | 400 |
//! | `dns` longer than any message | 414 |
//! | POST of another type | 415 |
//! | POST longer than any message | 413 |
//! | POST whose body does not arrive in time | 408 |
//! | the engine failed | 500 |
//! | else | 200, whatever the reply's RCODE (section 4.2.1) |

use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use hyper::http::request;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::timeout;

use crate::wire::HEADER_LEN;

use super::super::engine::{Engine, WorkerId};
use super::super::message_responder::{MESSAGE_MAX, MessageResponder};
use super::freshness::cache_control;

/// The media type of messages (RFC 8484, section 6).
const MEDIA_TYPE: &str = "application/dns-message";

/// The longest `dns` in a URL: a message of any size.
const ENCODED_MAX: usize = MESSAGE_MAX.div_ceil(3) * 4;

/// Octets that are read of a body that is refused: twice the longest message.
const DISCARDED_MAX: usize = 2 * MESSAGE_MAX;

/// The methods that the resource knows.
const METHODS: &str = "GET, HEAD, POST";

/// RFC 8484, section 6, asks clients to leave padding out; some do not.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Status and reason, a few words.
type Refusal = (StatusCode, &'static str);

/// Error of a body.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The resource, with the responder behind it.
pub(super) struct Resource<E, M> {
    pub(super) responder: RefCell<MessageResponder<E, M>>,
    pub(super) path: String,
    /// Longest time for a body to arrive.
    pub(super) patience: Duration,
}

impl<E: Engine, M: Fn(WorkerId) -> E> Resource<E, M> {
    /// Responds to one request.
    pub(super) async fn respond<B: Body<Data = Bytes, Error: Into<Fault>>>(
        &self,
        client: SocketAddr,
        request: Request<B>,
    ) -> Response<Full<Bytes>> {
        let is_head = request.method() == Method::HEAD;
        let (head, body) = request.into_parts();
        let mut body = std::pin::pin!(body);
        let response = match self.take_message(&head, body.as_mut()).await {
            Ok(message) => self.answer(client, &message),
            Err(refusal) => {
                // A connection that closes on unread octets is reset, and the client may never see why. Who waits for
                // a word before it sends has sent nothing, and who was too slow has had its time.
                let is_awaited = head.headers.contains_key(EXPECT);
                if !is_awaited && refusal.0 != StatusCode::REQUEST_TIMEOUT {
                    let _ = timeout(self.patience, discard(body)).await;
                }
                refuse(refusal)
            }
        };
        if is_head { behead(response) } else { response }
    }

    async fn take_message<B: Body<Data = Bytes, Error: Into<Fault>>>(
        &self,
        head: &request::Parts,
        body: Pin<&mut B>,
    ) -> Result<Bytes, Refusal> {
        if head.uri.path() != self.path {
            return Err((StatusCode::NOT_FOUND, "no such resource"));
        }
        let message = match head.method {
            Method::GET | Method::HEAD => read_url(head.uri.query().unwrap_or_default())?,
            Method::POST => self.read_body(&head.headers, body).await?,
            _ => return Err((StatusCode::METHOD_NOT_ALLOWED, "use GET or POST")),
        };
        // A response is no question; answering it could go on for ever between two servers.
        if message.len() < HEADER_LEN || message[2] & 0x80 != 0 {
            return Err((StatusCode::BAD_REQUEST, "this is not a DNS query"));
        }
        Ok(message)
    }

    async fn read_body<B: Body<Data = Bytes, Error: Into<Fault>>>(
        &self,
        headers: &HeaderMap,
        body: Pin<&mut B>,
    ) -> Result<Bytes, Refusal> {
        const TOO_LARGE: Refusal = (
            StatusCode::PAYLOAD_TOO_LARGE,
            "a message has at most 65535 octets",
        );
        if !is_message(headers) {
            let wanted = "the content type must be application/dns-message";
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, wanted));
        }
        if body.size_hint().lower() > MESSAGE_MAX as u64 {
            return Err(TOO_LARGE);
        }
        let body = Limited::new(body, MESSAGE_MAX);
        match timeout(self.patience, body.collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(fault)) if fault.is::<http_body_util::LengthLimitError>() => Err(TOO_LARGE),
            Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body ended early")),
            Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body came too slowly")),
        }
    }

    fn answer(&self, client: SocketAddr, message: &[u8]) -> Response<Full<Bytes>> {
        let answered = self
            .responder
            .borrow_mut()
            .answer(client, message, &Vec::with_capacity);
        let Some((reply, tally)) = answered else {
            return refuse((StatusCode::INTERNAL_SERVER_ERROR, "no answer"));
        };
        Response::builder()
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .header(CACHE_CONTROL, cache_control(&tally))
            .body(Full::new(reply))
            .expect("the headers are ASCII of our own")
    }
}

/// Reads and drops the rest of a refused body, as far as an honest client may have written it already.
async fn discard<B: Body<Data = Bytes>>(mut body: Pin<&mut B>) {
    let mut left = DISCARDED_MAX;
    while let Some(Ok(frame)) = body.as_mut().frame().await {
        let len = frame.data_ref().map_or(0, Bytes::len);
        if len > left {
            return;
        }
        left -= len;
    }
}

/// Decodes the message in a URL; the first `dns` counts.
fn read_url(query: &str) -> Result<Bytes, Refusal> {
    let encoded = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("dns="))
        .ok_or((StatusCode::BAD_REQUEST, "the URL needs ?dns=..."))?;
    if encoded.len() > ENCODED_MAX {
        return Err((
            StatusCode::URI_TOO_LONG,
            "a message has at most 65535 octets",
        ));
    }
    match BASE64URL.decode(encoded) {
        Ok(message) => Ok(Bytes::from(message)),
        Err(_) => Err((StatusCode::BAD_REQUEST, "dns= is not base64url")),
    }
}

/// Returns whether the media type of a body is that of messages; its parameters mean nothing here.
fn is_message(headers: &HeaderMap) -> bool {
    let written = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let media_type = written.and_then(|value| value.split(|octet| *octet == b';').next());
    media_type.is_some_and(|name| {
        name.trim_ascii()
            .eq_ignore_ascii_case(MEDIA_TYPE.as_bytes())
    })
}

fn refuse((status, why): Refusal) -> Response<Full<Bytes>> {
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(CACHE_CONTROL, "no-store");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response = response.header(ALLOW, METHODS);
    }
    response
        .body(Full::new(Bytes::from(format!("{why}\n"))))
        .expect("the headers are ASCII of our own")
}

/// Leaves the body out and its length in (RFC 9110, section 9.3.2).
fn behead(response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let (mut head, body) = response.into_parts();
    let len = body.size_hint().exact().unwrap_or_default();
    head.headers.insert(CONTENT_LENGTH, len.into());
    Response::from_parts(head, Full::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_messages_from_urls() {
        let long = format!("dns={}", "A".repeat(ENCODED_MAX + 1));
        let cases: [(&str, Result<&[u8], u16>); 9] = [
            ("dns=AAEC", Ok(&[0, 1, 2])),
            ("dns=_-8", Ok(&[0xff, 0xef])),
            ("dns=_-8=", Ok(&[0xff, 0xef])),
            ("ct=x&dns=AAEC&dns=x", Ok(&[0, 1, 2])),
            ("dns=", Ok(&[])),
            ("", Err(400)),
            ("xdns=AAEC", Err(400)),
            ("dns=+/8", Err(400)),
            (&long, Err(414)),
        ];
        for (query, wanted) in cases {
            let found = read_url(query);
            let found = found.as_deref().map_err(|(status, _)| status.as_u16());
            assert_eq!(found, wanted, "{query:.40}");
        }
    }

    #[test]
    fn knows_its_media_type() {
        let cases = [
            ("application/dns-message", true),
            ("Application/DNS-Message; charset=x", true),
            ("application/dns-message ;q=1", true),
            ("application/dns-json", false),
            ("", false),
        ];
        for (value, wanted) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(is_message(&headers), wanted, "{value}");
        }
        assert!(!is_message(&HeaderMap::new()));
    }
}
