//! Load over QUIC: few connections with many streams in flight on each.
//!
//! In: an address. Out: tasks that ask until they are dropped.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint};
use tokio::task::spawn_local;

use super::scene::Questions;
use super::tls::{Resume, settings};

/// Connections, and streams in flight on each.
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 32;

/// The longest answer behind its length.
const FRAME_MAX: usize = 2 + 65_535;

/// Asks over QUIC.
pub(crate) fn load(server: SocketAddr, questions: &Rc<Questions>) {
    let tls = settings(b"doq", Resume::Never);
    let crypto = QuicClientConfig::try_from(tls).expect("TLS 1.3");
    let config = ClientConfig::new(Arc::new(crypto));
    for _ in 0..CONNECTIONS {
        let (questions, config) = (Rc::clone(questions), config.clone());
        spawn_local(async move {
            let endpoint = Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0)));
            let endpoint = endpoint.expect("loopback is free");
            let connecting = endpoint.connect_with(config, server, "localhost");
            let Ok(connection) = connecting.expect("settings").await else {
                questions.fail();
                return;
            };
            for _ in 0..IN_FLIGHT {
                spawn_local(ask(connection.clone(), Rc::clone(&questions)));
            }
        });
    }
}

async fn ask(connection: Connection, questions: Rc<Questions>) {
    let mut query = Vec::new();
    loop {
        query.clear();
        questions.write_framed(&mut query);
        let exchange = async {
            let (mut send, mut receive) = connection.open_bi().await.ok()?;
            send.write_all(&query).await.ok()?;
            send.finish().ok()?;
            receive.read_to_end(FRAME_MAX).await.ok()
        };
        match exchange.await {
            Some(answer) => questions.count(answer.get(2..).unwrap_or_default()),
            None => {
                questions.fail();
                return;
            }
        }
    }
}
