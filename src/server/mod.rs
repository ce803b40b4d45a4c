//! UDP, TCP, TLS, HTTPS and QUIC transports; never decides an answer.
//!
//! In: addresses to listen on, a certificate, and a recipe for engines, one a worker. Out: octets from clients to an
//! [`Engine`], its octets back to the same client from the address that was asked, and counters. Never here: names,
//! zones, policies, or any reading of a message beyond its length, except for QR (HTTPS), the id and the keepalive
//! option (QUIC), and the types of hickory-server.
//!
//! UDP is a blocking loop on threads of its own: receive up to 32 datagrams in one call, answer them in one call of the
//! engine, send them in one call. Every other transport is one thread with an event queue: TCP and TLS take turns on it,
//! HTTPS and QUIC are tasks. Start at [`bind()`].

mod accept;
mod bind;
mod bind_fault;
mod certificate;
mod connection;
mod datagram;
mod descriptors;
mod engine;
#[cfg(fuzzing)]
pub mod fuzz;
pub mod hickory;
mod https;
mod limits;
mod listen;
mod listeners;
mod maybe_tls;
mod message_responder;
mod monitor;
mod passed;
mod proxy;
mod quic;
mod registry;
mod serve;
mod serving_engine;
mod sockaddr;
mod stream;
mod tcp;
mod tls;
mod udp;

pub use bind::{Bound, Missing, bind, bind_possible, bind_with};

pub use bind_fault::{BindFault, LISTEN_MAX, WORKERS_MAX};
pub use certificate::{
    ALPN_DOQ, ALPN_DOT, ALPN_H2, ALPN_HTTP_1_1, CertificateFault, CertificateSource, Certificates,
};
pub use datagram::give_back_memory;
pub use descriptors::raise_descriptor_limit;
pub use engine::{Engine, Exchange, Source, Tally, Transport, WorkerId};
pub use https::{HttpsGuise, HttpsOptions};
pub use limits::{Serving, TcpLimits, UdpLimits};
pub use listen::Listen;
pub use monitor::Monitor;
pub use passed::{Passed, PassedFault};
pub use proxy::TrustedProxies;
pub use serve::{Drained, Server, StartFault};
pub use serving_engine::WorldEngine;
