//! The other end of the API, for verbs that ask a running server: one request over plain HTTP/1.1, bounded.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Time for connecting, and for each read and write.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of an answer that are read (a status of 100,000 targets is about 40 MB).
const ANSWER_MAX: u64 = 256 << 20;

/// Why a server did not answer.
#[derive(Debug)]
pub enum ClientFault {
    /// Nothing listens there.
    Nobody(SocketAddr, std::io::Error),
    /// The connection broke, or what came is no HTTP.
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
/// If nobody answers, or the server answers with an error.
pub fn get(server: SocketAddr, path: &str) -> Result<String, ClientFault> {
    request(server, "GET", path)
}

/// Posts to a path without a body.
///
/// # Errors
/// If nobody answers, or the server answers with an error.
pub fn post(server: SocketAddr, path: &str) -> Result<String, ClientFault> {
    request(server, "POST", path)
}

fn request(server: SocketAddr, method: &str, path: &str) -> Result<String, ClientFault> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)
        .map_err(|cause| ClientFault::Nobody(server, cause))?;
    let broken = |cause: std::io::Error| ClientFault::Broken(cause.to_string());
    stream.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(broken)?;
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {server}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).map_err(broken)?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_MAX)
        .read_to_end(&mut answer)
        .map_err(broken)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| ClientFault::Broken("no header".to_owned()))?;
    let code = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse::<u16>().ok());
    match code {
        Some(200..=299) => Ok(body.to_owned()),
        Some(code) => Err(ClientFault::Refused(code, message_of(body))),
        None => Err(ClientFault::Broken("no status line".to_owned())),
    }
}

/// Reads the message of an error body, or gives the body itself.
fn message_of(body: &str) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let message = parsed
        .as_ref()
        .and_then(|body| body.get("error"))
        .and_then(serde_json::Value::as_str);
    message.unwrap_or(body).to_owned()
}
