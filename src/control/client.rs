//! The other end of the API, for verbs that ask a running server: one request over plain HTTP/1.1, bounded.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::COMMAND_HEADER;

/// Time for connecting, and for each read and write; a server gives every request less.
const PATIENCE: Duration = Duration::from_secs(30);
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
        "{method} {path} HTTP/1.0\r\nHost: {server}\r\n{COMMAND_HEADER}: 1\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).map_err(broken)?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_MAX)
        .read_to_end(&mut answer)
        .map_err(broken)?;
    read_answer(&answer)
}

/// Takes an answer apart, and makes sure that it is whole.
fn read_answer(answer: &[u8]) -> Result<String, ClientFault> {
    let answer = String::from_utf8_lossy(answer);
    let broken = |cause: &str| Err(ClientFault::Broken(cause.to_owned()));
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return broken("it has no header; is this the `http` address of a Leeward server?");
    };
    let mut lines = head.lines();
    let status_line = lines.next().unwrap_or_default();
    let code = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse::<u16>().ok());
    let announced = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, size)| size.trim().parse::<usize>().ok());
    if announced.is_some_and(|size| body.len() < size) {
        return broken("it ended before its announced length");
    }
    match code {
        Some(200..=299) => Ok(body.to_owned()),
        Some(code) => Err(ClientFault::Refused(code, message_of(body))),
        None => broken("it has no status line; is this the `http` address of a Leeward server?"),
    }
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
    use super::*;

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
                "the server's answer broke off: it ended before its announced length",
            ),
            (
                "SSH-2.0-x\r\n\r\n",
                "the server's answer broke off: it has no status line; is this the `http` address of a Leeward server?",
            ),
            (
                "",
                "the server's answer broke off: it has no header; is this the `http` address of a Leeward server?",
            ),
        ];
        for (answer, wanted) in cases {
            let text = read_answer(answer.as_bytes()).unwrap_or_else(|fault| fault.to_string());
            assert_eq!(text, wanted, "{answer:?}");
        }
    }
}
