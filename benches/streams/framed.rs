//! Load over TCP and TLS: messages behind their lengths, many in flight on few connections, or one a connection.
//!
//! In: an address. Out: tasks that ask until they are dropped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::spawn_local;
use tokio_rustls::TlsConnector;

use super::scene::Questions;
use super::tls::{Resume, server_name, settings};

/// How connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Pipelined,
    Single,
}

/// Connections with many questions in flight, and how many those are.
const PIPELINES: u8 = 4;
const IN_FLIGHT: usize = 32;

/// Connections with one question that are open at once.
const SINGLES: u8 = 64;

/// Asks over TCP.
pub(crate) fn load_plain(style: Style, server: SocketAddr, questions: &Rc<Questions>) {
    for number in 0..connections(style) {
        let questions = Rc::clone(questions);
        spawn_local(async move {
            loop {
                let asked = async {
                    let stream = open(server, number).await?;
                    converse(style, stream, &questions).await
                };
                if asked.await.is_err() {
                    questions.fail();
                    tokio::task::yield_now().await;
                }
            }
        });
    }
}

/// Asks over TLS.
pub(crate) fn load_sealed(
    style: Style,
    resume: Resume,
    server: SocketAddr,
    questions: &Rc<Questions>,
) {
    for number in 0..connections(style) {
        // Each with tickets of its own: a store keeps but a few of one server, and each is used once.
        let connector = TlsConnector::from(settings(b"dot", resume));
        let questions = Rc::clone(questions);
        spawn_local(async move {
            loop {
                let asked = async {
                    let stream = open(server, number).await?;
                    let stream = connector.connect(server_name(), stream).await?;
                    converse(style, stream, &questions).await
                };
                if asked.await.is_err() {
                    questions.fail();
                    tokio::task::yield_now().await;
                }
            }
        });
    }
}

fn connections(style: Style) -> u8 {
    match style {
        Style::Pipelined => PIPELINES,
        Style::Single => SINGLES,
    }
}

/// Connects from an address of its own, so that ports do not run out.
async fn open(server: SocketAddr, number: u8) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 1, 0, number + 1), 0).into())?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    style: Style,
    mut stream: S,
    questions: &Questions,
) -> io::Result<()> {
    let in_flight = match style {
        Style::Pipelined => IN_FLIGHT,
        Style::Single => 1,
    };
    let mut queries = Vec::new();
    let mut answers = Vec::with_capacity(65_536);
    for _ in 0..in_flight {
        questions.write_framed(&mut queries);
    }
    loop {
        stream.write_all(&queries).await?;
        stream.flush().await?;
        queries.clear();
        let count = loop {
            if stream.read_buf(&mut answers).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let count = take_answers(&mut answers, questions);
            if count > 0 {
                break count;
            }
        };
        if style == Style::Single {
            return Ok(());
        }
        for _ in 0..count {
            questions.write_framed(&mut queries);
        }
    }
}

/// Counts and removes whole answers.
fn take_answers(octets: &mut Vec<u8>, questions: &Questions) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some((length, rest)) = octets[at..].split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(answer) = rest.get(..length) else {
            break;
        };
        questions.count(answer);
        at += 2 + length;
        count += 1;
    }
    octets.drain(..at);
    count
}
