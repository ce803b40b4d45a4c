//! As much HTTP/1.1 as the lab needs: one request's method and path, one short reply.
//!
//! In: octets of a connection. Out: a [`Request`], or `None` if the peer went away or sent no request. Never here:
//! bodies of requests, chunked coding, TLS.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Most header octets of a request; four times what a probe sends with every header it may have.
const HEAD_MAX: usize = 8_192;

/// The first line of a request, and whether it carries the lab's mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Method, as sent.
    pub method: String,
    /// Path, query included.
    pub path: String,
    /// True if the header [`MARK`] is there.
    pub is_marked: bool,
}

/// Header that commands must carry: no web page can send it here without a preflight, which is not answered.
pub(super) const MARK: &str = "x-leeward-lab";

/// Reads one request; `None` if the peer closed first or sent something else.
pub(super) async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<Request>> {
    let mut head = Vec::with_capacity(512);
    let mut chunk = [0u8; 512];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(None);
        }
        head.extend_from_slice(&chunk[..count]);
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(parse_head(&head[..end]));
        }
        if head.len() > HEAD_MAX {
            return Ok(None);
        }
    }
}

fn parse_head(head: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    if !words.next()?.starts_with("HTTP/1.") {
        return None;
    }
    let is_marked = lines.any(|line| {
        line.split_once(':')
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case(MARK))
    });
    Some(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        is_marked,
    })
}

/// Writes a whole reply and says that the connection ends with it.
pub(super) async fn write_reply(
    stream: &mut (impl AsyncWrite + Unpin),
    status: &str,
    body: &str,
) -> io::Result<()> {
    let length = body.len();
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, is_marked: bool) -> Option<Request> {
        Some(Request {
            method: method.to_owned(),
            path: path.to_owned(),
            is_marked,
        })
    }

    #[tokio::test]
    async fn reads_the_first_line_and_nothing_else_of_a_request() {
        let cases: [(&[u8], Option<Request>); 6] = [
            (
                b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                request("GET", "/healthz", false),
            ),
            (
                b"POST /kill/all HTTP/1.1\r\nX-Leeward-Lab: 1\r\n\r\n",
                request("POST", "/kill/all", true),
            ),
            (b"GET /healthz HTTP/1.1\r\n", None),
            (b"GET /healthz\r\n\r\n", None),
            (b"\xff\xfe / HTTP/1.1\r\n\r\n", None),
            (b"", None),
        ];
        for (octets, wanted) in cases {
            let got = read_request(&mut &octets[..]).await.expect("a slice");
            assert_eq!(got, wanted, "{}", String::from_utf8_lossy(octets));
        }
    }

    #[tokio::test]
    async fn gives_up_on_a_head_without_end() {
        let endless = vec![b'a'; HEAD_MAX * 2];
        let got = read_request(&mut &endless[..]).await.expect("a slice");
        assert_eq!(got, None);
    }

    #[tokio::test]
    async fn a_reply_states_its_length() {
        let mut octets = Vec::new();
        write_reply(&mut octets, "200 OK", "ready us-east\n")
            .await
            .expect("a vector");
        let text = String::from_utf8(octets).expect("text");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(text.contains("Content-Length: 14\r\n"));
        assert!(text.ends_with("\r\n\r\nready us-east\n"));
    }
}
