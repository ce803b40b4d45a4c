//! One gRPC probe at one address: a call of the standard health service over HTTP/2.
//!
//! In: a service's name, an address. Out: a finding. Never here: other services, streams, codecs.
//!
//! The two messages are tiny, so they are written and read by hand: the request has one text field, the response one
//! number (`grpc/health/v1/health.proto`).

use std::pin::pin;
use std::sync::Arc;

use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use hyper::body::Bytes;
use hyper::http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::attempt::{Attempt, Attempted};
use super::classify::{classify, failed_to_connect};
use super::handshake::handshake_name;
use super::http::bracketed;
use super::stream::{Secure, shake_hands};
use super::trace::Trace;
use crate::health::{Finding, GrpcProbe, HttpProbe, Phase};

/// The method that is called.
const METHOD: &str = "/grpc.health.v1.Health/Check";

/// Most octets of a response; a right one has 7.
const RESPONSE_MAX: usize = 1_024;

/// Octets before each message: whether it is compressed, and its length.
const PREFIX_LEN: usize = 5;

/// Most characters of a `grpc-message` in evidence.
const MESSAGE_SHOWN_MAX: usize = 120;

/// Codes of gRPC, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Probes one address.
pub(super) async fn probe_grpc(attempt: &Attempt<'_>, grpc: &GrpcProbe) -> Attempted {
    let wanted_name = attempt.plan.wanted_name.clone();
    let trace = Trace::begin(attempt.context.clock, attempt.address, wanted_name);
    let exchange = trace.scope(exchange(attempt, grpc, &trace));
    let finding = match attempt.budget.run(&trace, exchange).await {
        Ok(Ok(finding) | Err(finding)) | Err(finding) => finding,
    };
    Attempted {
        finding,
        is_connected: !failed_to_connect(&trace),
        trace,
    }
}

async fn exchange(
    attempt: &Attempt<'_>,
    grpc: &GrpcProbe,
    trace: &Arc<Trace>,
) -> Result<Finding, Finding> {
    let stream = TcpStream::connect(attempt.address)
        .await
        .map_err(|error| classify(&error, trace))?;
    let Some(tls) = &grpc.tls else {
        return talk(attempt, grpc, trace, stream).await;
    };
    let mut config = (*attempt.plan.profile.tls).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let secure = Secure {
        config: Arc::new(config),
        name: handshake_name(tls),
    };
    let stream = shake_hands(secure, trace, stream).await?;
    talk(attempt, grpc, trace, stream).await
}

/// Drives the connection and the one call on it, both in this task.
async fn talk(
    attempt: &Attempt<'_>,
    grpc: &GrpcProbe,
    trace: &Trace,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<Finding, Finding> {
    trace.enter_exchange(Phase::Headers);
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .max_header_list_size(HttpProbe::HEADER_BYTES)
        .initial_window_size(RESPONSE_MAX as u32)
        .initial_connection_window_size(65_535);
    let (sender, connection) = builder
        .handshake::<_, Bytes>(stream)
        .await
        .map_err(|error| classify_h2(&error, trace))?;
    let mut call = pin!(call(attempt, grpc, trace, sender));
    tokio::select! {
        biased;
        ended = &mut call => return ended,
        _ = connection => {}
    }
    // The connection is over; what it received before is still there, or the call learns why it failed.
    call.await
}

async fn call(
    attempt: &Attempt<'_>,
    grpc: &GrpcProbe,
    trace: &Trace,
    sender: SendRequest<Bytes>,
) -> Result<Finding, Finding> {
    let failed = |error: h2::Error| classify_h2(&error, trace);
    let mut sender = sender.ready().await.map_err(failed)?;
    let (response, mut body) = sender
        .send_request(make_request(attempt, grpc)?, false)
        .map_err(failed)?;
    body.send_data(write_request(&grpc.service).into(), true)
        .map_err(failed)?;
    let (head, mut received) = response.await.map_err(failed)?.into_parts();
    trace.enter_body();
    if head.status.as_u16() != 200 {
        let status = head.status.as_u16();
        return Err(Finding::WrongStatus {
            status,
            location: None,
        });
    }
    if let Some(finding) = read_code(&head.headers) {
        return Err(finding);
    }
    let message = collect(&mut received, trace).await?;
    if let Some(trailers) = received.trailers().await.map_err(failed)?
        && let Some(finding) = read_code(&trailers)
    {
        return Err(finding);
    }
    evaluate(&message)
}

async fn collect(received: &mut RecvStream, trace: &Trace) -> Result<Vec<u8>, Finding> {
    let mut message = Vec::new();
    // Ends with the stream or with `RESPONSE_MAX` octets: the window is never opened wider.
    while let Some(chunk) = received.data().await {
        let chunk = chunk.map_err(|error| classify_h2(&error, trace))?;
        message.extend_from_slice(&chunk);
        if message.len() >= RESPONSE_MAX {
            let text = format!("a message over {RESPONSE_MAX} bytes");
            return Err(Finding::Malformed(text.into()));
        }
    }
    Ok(message)
}

fn make_request(attempt: &Attempt<'_>, grpc: &GrpcProbe) -> Result<Request<()>, Finding> {
    let scheme = if grpc.tls.is_some() { "https" } else { "http" };
    let host = match grpc.host.is_empty() {
        true => bracketed(attempt.address.ip()),
        false => grpc.host.clone(),
    };
    let port = attempt.recipe.port;
    Request::post(format!("{scheme}://{host}:{port}{METHOD}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .map_err(|error| Finding::NotFeasible(format!("`host` {host:?}: {error}").into()))
}

/// Writes `HealthCheckRequest` with its prefix; the service's name has 255 octets at most.
fn write_request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        write_varint(service.len() as u64, &mut message);
        message.extend_from_slice(service.as_bytes());
    }
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(&message);
    framed
}

fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    // Ends after ten octets at most: each takes seven bits.
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_varint(octets: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (index, octet) in octets.iter().take(10).enumerate() {
        number |= u64::from(octet & 0x7f).checked_shl(7 * index as u32)?;
        if octet & 0x80 == 0 {
            return Some((number, &octets[index + 1..]));
        }
    }
    None
}

/// Returns the finding of a `grpc-status` that is neither OK nor absent.
fn read_code(headers: &HeaderMap) -> Option<Finding> {
    let code = headers.get("grpc-status")?.to_str().unwrap_or("?");
    if code == "0" {
        return None;
    }
    let word = code.parse().ok().and_then(|code: usize| CODES.get(code));
    let message = headers
        .get("grpc-message")
        .and_then(|text| text.to_str().ok());
    let message: String = message
        .unwrap_or_default()
        .chars()
        .take(MESSAGE_SHOWN_MAX)
        .collect();
    let colon = if message.is_empty() { "" } else { ": " };
    let text = match word {
        Some(word) => format!("gRPC status {word}{colon}{message}"),
        None => format!("gRPC status {code:.20}{colon}{message}"),
    };
    Some(Finding::Unfulfilled(text.into()))
}

/// Evaluates a `HealthCheckResponse` with its prefix.
fn evaluate(framed: &[u8]) -> Result<Finding, Finding> {
    let status = read_status(framed)
        .ok_or_else(|| Finding::Malformed("no answer of the gRPC health service".into()))?;
    match status {
        1 => Ok(Finding::Fulfilled("SERVING".into())),
        0 => Err(Finding::Unfulfilled("UNKNOWN".into())),
        2 => Err(Finding::Unfulfilled("NOT_SERVING".into())),
        3 => Err(Finding::Unfulfilled("SERVICE_UNKNOWN".into())),
        other => Err(Finding::Unfulfilled(
            format!("unknown serving status {other}").into(),
        )),
    }
}

/// Reads field 1 of the message; absent it is 0. Fields of other numbers are passed over.
fn read_status(framed: &[u8]) -> Option<u64> {
    let (prefix, mut rest) = framed.split_at_checked(PREFIX_LEN)?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if prefix[0] != 0 || rest.len() != length as usize {
        return None;
    }
    let mut status = 0;
    while !rest.is_empty() {
        let (key, after) = read_varint(rest)?;
        rest = match key & 7 {
            0 => {
                let (number, after) = read_varint(after)?;
                if key >> 3 == 1 {
                    status = number;
                }
                after
            }
            1 => after.get(8..)?,
            2 => {
                let (length, after) = read_varint(after)?;
                after.get(usize::try_from(length).ok()?..)?
            }
            5 => after.get(4..)?,
            _ => return None,
        };
    }
    Some(status)
}

fn classify_h2(error: &h2::Error, trace: &Trace) -> Finding {
    if let Some(cause) = error.get_io() {
        return classify(cause, trace);
    }
    if error.is_reset() || error.is_go_away() {
        let reason = error
            .reason()
            .map_or_else(String::new, |why| why.to_string());
        return Finding::Malformed(format!("HTTP/2 broken off: {reason}").into());
    }
    Finding::Malformed(format!("HTTP/2: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_answers_of_the_health_service() {
        let cases: [(&[u8], &str); 9] = [
            (&[0, 0, 0, 0, 2, 8, 1], "SERVING"),
            (&[0, 0, 0, 0, 2, 8, 2], "NOT_SERVING"),
            (&[0, 0, 0, 0, 0], "UNKNOWN"),
            (&[0, 0, 0, 0, 2, 8, 9], "unknown serving status 9"),
            // A field of another number, then the status.
            (&[0, 0, 0, 0, 5, 0x12, 1, 7, 8, 1], "SERVING"),
            (
                &[],
                "malformed response: no answer of the gRPC health service",
            ),
            (
                &[1, 0, 0, 0, 2, 8, 1],
                "malformed response: no answer of the gRPC health service",
            ),
            (
                &[0, 0, 0, 0, 3, 8, 1],
                "malformed response: no answer of the gRPC health service",
            ),
            (
                &[0, 0, 0, 0, 2, 8, 0x80],
                "malformed response: no answer of the gRPC health service",
            ),
        ];
        for (framed, wanted) in cases {
            let (Ok(finding) | Err(finding)) = evaluate(framed);
            assert_eq!(finding.to_string(), wanted, "{framed:?}");
        }
    }

    #[test]
    fn writes_the_name_of_a_service() {
        assert_eq!(write_request(""), [0, 0, 0, 0, 0]);
        assert_eq!(write_request("ab"), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
    }

    proptest! {
        #[test]
        fn reads_the_numbers_it_writes(number: u64) {
            let mut octets = Vec::new();
            write_varint(number, &mut octets);
            prop_assert_eq!(read_varint(&octets), Some((number, &[][..])));
        }

        #[test]
        fn takes_any_octets(octets: Vec<u8>) {
            read_status(&octets);
        }
    }
}
