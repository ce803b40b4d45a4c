//! Transports as clients see them, over real sockets on loopback with an engine that echoes.

#[path = "server/churn.rs"]
mod churn;
#[path = "server/hostile.rs"]
mod hostile;
#[path = "server/https.rs"]
mod https;
#[path = "server/plain.rs"]
mod plain;
#[path = "server/proxy.rs"]
mod proxy;
#[path = "server/quic.rs"]
mod quic;
#[path = "server/tls.rs"]
mod tls;
