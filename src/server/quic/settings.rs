//! Endpoints and their transport settings: bounds of one connection, its idle timeout.
//!
//! In: sockets, TLS settings, limits. Out: endpoints. Never here: connections.
//!
//! 0-RTT is refused: its queries can be replayed, and an authoritative server is asked once in a while by any one
//! client, so little would be won (RFC 9250, section 4.5, leaves it to the server).

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig, VarInt,
};

use super::super::limits::TcpLimits;
use super::super::message_responder::FRAME_MAX;

/// Streams at once on one connection; a client that asks more waits for answers. Chosen; no standard value.
const STREAMS_MAX: u32 = 100;

/// Octets that a client may have under way on all streams of a connection before we have read them.
const RECEIVE_WINDOW: u32 = 256 << 10;

/// Octets of replies that one connection holds until the client has them.
const SEND_WINDOW: u64 = 256 << 10;

/// Most handshakes that wait for a decision, and most octets that they bring along.
const INCOMING_MAX: usize = 1_024;
const INCOMING_SIZE_MAX: u64 = 4 << 20;

/// Makes an endpoint of each socket; called inside the event loop that will drive them.
pub(in crate::server) fn open(
    sockets: Vec<UdpSocket>,
    mut tls: rustls::ServerConfig,
    limits: &TcpLimits,
) -> io::Result<Vec<Endpoint>> {
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport(limits)));
    config.max_incoming(INCOMING_MAX);
    config.incoming_buffer_size_total(INCOMING_SIZE_MAX);
    sockets
        .into_iter()
        .map(|socket| {
            let runtime = Arc::new(TokioRuntime);
            let defaults = EndpointConfig::default();
            Endpoint::new(defaults, Some(config.clone()), socket, runtime)
        })
        .collect()
}

fn transport(limits: &TcpLimits) -> TransportConfig {
    let mut transport = TransportConfig::default();
    let frame_max = u32::try_from(FRAME_MAX + 1).expect("some 65,000");
    // A timeout longer than QUIC can express is none.
    let idle = IdleTimeout::try_from(limits.idle_timeout).ok();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        // RFC 9250 knows none (section 4.2).
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(frame_max))
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW))
        .send_window(SEND_WINDOW)
        .max_idle_timeout(idle);
    transport
}
