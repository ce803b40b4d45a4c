//! DNS over QUIC.

use std::time::Duration;

use leeward::metrics::TcpEvent;
use leeward::server::{Drained, TcpLimits, Transport};
use quinn::{ApplicationClose, Connection, ConnectionError, Endpoint, VarInt};
use tokio::runtime::Runtime;

use crate::clients::{frame, quic_client};
use crate::echo::{EchoServer, query, reply};
use crate::wait::wait_until;

/// A server of DNS over QUIC and a client endpoint.
struct QuicServer {
    server: EchoServer,
    runtime: Runtime,
    client: Endpoint,
}

impl QuicServer {
    fn open(tcp: TcpLimits, protocol: &[u8]) -> Self {
        let server = EchoServer::start(&[Transport::Quic], tcp);
        let runtime = Runtime::new().expect("a runtime");
        let client = runtime.block_on(async { quic_client(server.trusted(&[protocol])) });
        Self {
            server,
            runtime,
            client,
        }
    }

    async fn connect(&self) -> Result<Connection, ConnectionError> {
        let address = self.server.at(Transport::Quic);
        self.client
            .connect(address, "localhost")
            .expect("settings")
            .await
    }
}

/// Sends octets on a stream of its own and reads what comes back.
async fn ask(connection: &Connection, octets: &[u8]) -> Result<Vec<u8>, quinn::ReadToEndError> {
    let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
    send.write_all(octets).await.expect("sent");
    send.finish().expect("open");
    receive.read_to_end(70_000).await
}

fn code(error: &ConnectionError) -> Option<VarInt> {
    match error {
        ConnectionError::ApplicationClosed(ApplicationClose { error_code, .. }) => {
            Some(*error_code)
        }
        _ => None,
    }
}

#[test]
fn answers_each_stream_whatever_the_others_do() {
    let quic = QuicServer::open(TcpLimits::default(), b"doq");
    quic.runtime.block_on(async {
        let connection = quic.connect().await.expect("shaken");
        let (mut half, _) = connection.open_bi().await.expect("a stream");
        half.write_all(&frame(&query("half"))[..5])
            .await
            .expect("sent");
        for size in [0, 5, 4_000, 65_523] {
            let text = "x".repeat(size);
            let answer = ask(&connection, &frame(&query(&text)))
                .await
                .expect("an answer");
            assert!(answer == frame(&reply(&text)), "{size}");
        }
        let asked = frame(&query("many"));
        let many = (0..300).map(|_| ask(&connection, &asked));
        for answer in many {
            assert_eq!(answer.await.expect("an answer"), frame(&reply("many")));
        }
        let silence = ask(&connection, &frame(&query("silence"))).await;
        let reset = quinn::ReadError::Reset(VarInt::from_u32(1));
        assert_eq!(silence, Err(quinn::ReadToEndError::Read(reset)));
        assert_eq!(
            ask(&connection, &asked).await.expect("an answer"),
            frame(&reply("many"))
        );
    });
    let totals = quic.server.totals();
    assert!(totals.answered() >= 305);
}

#[test]
fn ends_connections_that_break_the_protocol_and_no_others() {
    let quic = QuicServer::open(TcpLimits::default(), b"doq");
    let mut with_id = query("one");
    with_id[1] = 1;
    // One additional record: OPT with edns-tcp-keepalive (RFC 9250, section 5.5.2).
    let mut with_keepalive = query("");
    with_keepalive[11] = 1;
    with_keepalive.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 11, 0, 0]);
    let cases = [
        ("keepalive", frame(&with_keepalive)),
        ("an id", frame(&with_id)),
        ("two messages", frame(&query("one")).repeat(2)),
        ("half a message", frame(&query("one"))[..9].to_vec()),
        ("nothing", vec![]),
        ("too much", vec![0; 65_538]),
    ];
    quic.runtime.block_on(async {
        let honest = quic.connect().await.expect("shaken");
        for (name, octets) in cases {
            let hostile = quic.connect().await.expect("shaken");
            // The close may come before all is sent.
            if let Ok((mut send, _receive)) = hostile.open_bi().await {
                let _ = send.write_all(&octets).await;
                let _ = send.finish();
                assert_eq!(
                    code(&hostile.closed().await),
                    Some(VarInt::from_u32(2)),
                    "{name}"
                );
            }
            let answer = ask(&honest, &frame(&query("honest"))).await;
            assert_eq!(
                answer.expect("an answer"),
                frame(&reply("honest")),
                "{name}"
            );
        }
    });
}

#[test]
fn speaks_with_clients_that_name_doq_alone() {
    let quic = QuicServer::open(TcpLimits::default(), b"h3");
    quic.runtime.block_on(async {
        assert!(quic.connect().await.is_err());
    });
    wait_until("the failure", || {
        quic.server.totals().tcp(TcpEvent::HandshakeFailed) == 1
    });
}

#[test]
fn ends_half_open_streams_and_quiet_connections() {
    let limits = TcpLimits {
        idle_timeout: Duration::from_millis(400),
        message_timeout: Duration::from_millis(100),
        ..TcpLimits::default()
    };
    let quic = QuicServer::open(limits, b"doq");
    quic.runtime.block_on(async {
        let connection = quic.connect().await.expect("shaken");
        let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
        send.write_all(&[0]).await.expect("sent");
        let ended = receive.read_to_end(10).await;
        let reset = quinn::ReadError::Reset(VarInt::from_u32(5));
        assert_eq!(ended, Err(quinn::ReadToEndError::Read(reset)));
        assert_eq!(connection.closed().await, ConnectionError::TimedOut);
    });
    wait_until("the end", || quic.server.totals().tcp_current() == 0);
}

#[test]
fn makes_room_for_newcomers_and_asks_them_to_prove_their_address() {
    let limits = TcpLimits {
        connections_max: 8,
        connections_per_client_max: 8,
        ..TcpLimits::default()
    };
    let quic = QuicServer::open(limits, b"doq");
    quic.runtime.block_on(async {
        let mut quiet = Vec::new();
        for _ in 0..20 {
            // Past a quarter of the places this takes a round trip more, which a client makes by itself.
            quiet.push(quic.connect().await.expect("shaken"));
        }
        assert_eq!(code(&quiet[0].closed().await), Some(VarInt::from_u32(4)));
        let newest = quiet.last().expect("twenty");
        let answer = ask(newest, &frame(&query("new"))).await;
        assert_eq!(answer.expect("an answer"), frame(&reply("new")));
    });
    wait_until("eight are left", || quic.server.totals().tcp_current() == 8);
    assert_eq!(quic.server.totals().tcp(TcpEvent::Evicted), 12);
}

#[test]
fn says_farewell_when_it_stops() {
    let quic = QuicServer::open(TcpLimits::default(), b"doq");
    let QuicServer {
        server,
        runtime,
        client,
    } = quic;
    let address = server.at(Transport::Quic);
    let connection = runtime.block_on(async {
        let connecting = client.connect(address, "localhost").expect("settings");
        let connection = connecting.await.expect("shaken");
        let answer = ask(&connection, &frame(&query("before"))).await;
        assert_eq!(answer.expect("an answer"), frame(&reply("before")));
        connection
    });
    assert_eq!(server.server.shutdown(), Drained::InTime);
    let end = runtime.block_on(connection.closed());
    assert_eq!(code(&end), Some(VarInt::from_u32(0)));
}
