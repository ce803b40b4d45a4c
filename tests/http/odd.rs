//! Endpoints on loopback that say what a row of `odd.toml` says.
//!
//! In: rows. Out: listeners that end when dropped. Never here: judgement.

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::certificates::Authority;
use crate::endpoint::Listening;

/// One odd endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Odd {
    pub(crate) title: String,
    say: Vec<String>,
    #[serde(default)]
    pub(crate) when: When,
    #[serde(default)]
    end: End,
    #[serde(default)]
    pub(crate) tls: bool,
    #[serde(default = "usual_method")]
    pub(crate) method: String,
    #[serde(default = "usual_header_bytes")]
    pub(crate) header_bytes: u32,
    pub(crate) wants: Option<String>,
    pub(crate) healthy: bool,
    pub(crate) curl: bool,
    pub(crate) why: Option<String>,
    pub(crate) evidence: String,
}

/// When the response is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum When {
    #[default]
    After,
    Before,
    /// Once the request has come; it stays unread, so that closing resets the connection.
    Unread,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum End {
    #[default]
    Close,
    Hold,
    /// Over TLS: without saying so.
    Cut,
}

#[derive(Deserialize)]
struct Rows {
    endpoint: Vec<Odd>,
}

fn usual_method() -> String {
    "GET".to_owned()
}

fn usual_header_bytes() -> u32 {
    leeward::health::HttpProbe::HEADER_BYTES
}

pub(crate) fn read_rows(text: &str) -> Vec<Odd> {
    let rows: Rows = toml::from_str(text).expect("rows");
    rows.endpoint
}

/// Makes octets of a text with escapes and repetitions.
fn octets_of(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let repeated = rest
            .strip_prefix('<')
            .and_then(|inner| inner.split_once('>'));
        let repeated = repeated.and_then(|(inner, after)| {
            let (text, count) = inner.rsplit_once('*')?;
            Some((text, count.parse::<usize>().ok()?, after))
        });
        if let Some((text, count, after)) = repeated {
            octets.extend(octets_of(text).repeat(count));
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            octets.extend(c.to_string().into_bytes());
            continue;
        }
        let (escaped, after) = match rest.as_bytes()[0] {
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'\\' => (b'\\', 1),
            b'x' => (u8::from_str_radix(&rest[1..3], 16).expect("two digits"), 3),
            other => panic!("unknown escape {}", char::from(other)),
        };
        octets.push(escaped);
        rest = &rest[after..];
    }
    octets
}

/// Opens an endpoint that plays its row for every connection.
pub(crate) async fn open(row: &Odd) -> Listening {
    let played = row.clone();
    if !row.tls {
        return Listening::open(move |stream| {
            let row = played.clone();
            async move {
                begin(&stream, &row).await;
                drop(talk(stream, &row).await);
            }
        })
        .await;
    }
    let config = Authority::new("odd").certify(&["www.example.com"], -1, 1);
    Listening::open_tls(config.server(), move |stream| {
        let row = played.clone();
        async move {
            begin(stream.get_ref().0, &row).await;
            let mut stream = talk(stream, &row).await;
            if row.end != End::Cut {
                let _ = stream.shutdown().await;
            }
        }
    })
    .await
}

async fn begin(stream: &TcpStream, row: &Odd) {
    // Pieces go out one by one.
    stream.set_nodelay(true).expect("an option");
    if row.when == When::Unread {
        stream.readable().await.expect("a request");
    }
}

/// Speaks; returns the stream, to be ended.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, row: &Odd) -> S {
    if row.when == When::After {
        let mut request = Vec::new();
        let mut octet = [0];
        while !request.ends_with(b"\r\n\r\n")
            && stream.read(&mut octet).await.is_ok_and(|count| count == 1)
        {
            request.extend(octet);
        }
    }
    for piece in &row.say {
        // A client that has seen enough may be gone.
        let _ = stream.write_all(&octets_of(piece)).await;
        let _ = stream.flush().await;
        tokio::task::yield_now().await;
    }
    if row.end == End::Hold {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
    stream
}
