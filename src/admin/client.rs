//! The other end of the API, for verbs that ask a running server: one request over plain HTTP/1.1, bounded.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method, redirect};

use crate::config::COMMAND_HEADER;

/// Time for connecting, and for each read; a server gives every request less.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most octets read of an answer (a status of 100,000 targets is about 40 MB).
const ANSWER_MAX: usize = 256 << 20;

/// Reason why a request failed.
#[derive(Debug)]
pub enum ClientFault {
    /// Nothing listens there.
    Nobody(SocketAddr, io::Error),
    /// The connection broke, or the reply is no HTTP.
    Broken(String),
    /// The server answered with an error: status code and message.
    Refused(u16, String),
}

impl std::fmt::Display for ClientFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nobody(address, cause) => write!(
                f,
                "no server answers at {address} ({cause}): is `leeward serve` running? (--server ADDR asks elsewhere)"
            ),
            Self::Broken(cause) => write!(f, "the server's answer broke off: {cause}"),
            Self::Refused(_, message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ClientFault {}

/// Gets a path with its query.
///
/// # Errors
/// If no server answers, or the server answers with an error.
pub fn get(server: SocketAddr, path: &str) -> Result<String, ClientFault> {
    request(server, Method::GET, path)
}

/// Posts to a path without a body.
///
/// # Errors
/// If no server answers, or the server answers with an error.
pub fn post(server: SocketAddr, path: &str) -> Result<String, ClientFault> {
    request(server, Method::POST, path)
}

fn request(server: SocketAddr, method: Method, path: &str) -> Result<String, ClientFault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| ClientFault::Broken(cause.to_string()))?;
    runtime.block_on(exchange(server, method, path))
}

async fn exchange(server: SocketAddr, method: Method, path: &str) -> Result<String, ClientFault> {
    let fault = |cause| to_fault(server, cause);
    // What the environment says of proxies is for the outside world.
    let client = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(PATIENCE)
        .read_timeout(PATIENCE)
        .build()
        .map_err(fault)?;
    let sent = client
        .request(method, format!("http://{server}{path}"))
        .header(COMMAND_HEADER, "1")
        .send();
    let mut answer = sent.await.map_err(fault)?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(fault)? {
        if body.len() + piece.len() > ANSWER_MAX {
            let message = format!("it has more than {ANSWER_MAX} octets");
            return Err(ClientFault::Broken(message));
        }
        body.extend_from_slice(&piece);
    }
    let body = String::from_utf8_lossy(&body);
    if answer.status().is_success() {
        Ok(body.into_owned())
    } else {
        Err(ClientFault::Refused(
            answer.status().as_u16(),
            message_of(&body),
        ))
    }
}

/// Distinguishes an absent server from an answer that broke off, by the innermost cause.
fn to_fault(server: SocketAddr, fault: reqwest::Error) -> ClientFault {
    let mut innermost: &dyn std::error::Error = &fault;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    if fault.is_connect() {
        return ClientFault::Nobody(server, io::Error::other(innermost.to_string()));
    }
    ClientFault::Broken(format!(
        "{innermost}; is {server} the `http` address of a Leeward server?"
    ))
}

/// Reads message and help of an error body, or gives the body itself.
fn message_of(body: &str) -> String {
    let Ok(parsed) = serde_json::from_str::<serde_json::Value>(body) else {
        return body.trim().to_owned();
    };
    let text = |key: &str| parsed.get(key).and_then(serde_json::Value::as_str);
    match (text("error"), text("help")) {
        (Some(error), Some(help)) => format!("{error}: {help}"),
        (Some(error), None) => error.to_owned(),
        _ => body.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with `octets`; returns where.
    fn answering(octets: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            // The request fits into one read.
            let _ = stream.read(&mut [0; 4096]).expect("a request");
            stream.write_all(octets.as_bytes()).expect("a reader");
        });
        address
    }

    #[test]
    fn reads_whole_answers_and_says_what_is_wrong_with_others() {
        let cases = [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "{}"),
            ("HTTP/1.0 200 OK\r\n\r\n{}", "{}"),
            (
                "HTTP/1.1 400 Bad Request\r\n\r\n{\"error\":\"no type\",\"help\":\"write A\"}",
                "no type: write A",
            ),
            (
                "HTTP/1.1 502 Bad Gateway\r\n\r\nfrom a proxy\n",
                "from a proxy",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
                "the server's answer broke off: ",
            ),
            ("SSH-2.0-x\r\n\r\n", "the server's answer broke off: "),
            ("", "the server's answer broke off: "),
        ];
        for (octets, wanted) in cases {
            let text = get(answering(octets), "/").unwrap_or_else(|fault| fault.to_string());
            assert!(text.starts_with(wanted), "{octets:?}: {text}");
            let is_broken = wanted.contains("broke off");
            assert_eq!(text.contains("is 127.0.0.1:"), is_broken, "{text}");
        }
    }

    #[test]
    fn says_that_nobody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        let fault = post(address, "/api/reload").expect_err("nobody listens");
        let text = fault.to_string();
        assert!(matches!(fault, ClientFault::Nobody(..)), "{text}");
        assert!(text.contains("Connection refused"), "{text}");
    }
}
