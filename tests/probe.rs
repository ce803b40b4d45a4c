//! Probes against real sockets on loopback, each misbehaving in its own way.

#[path = "probe/http.rs"]
mod http;
#[path = "probe/prober.rs"]
mod prober;
#[path = "probe/protocols.rs"]
mod protocols;
#[path = "probe/resumption.rs"]
mod resumption;
#[path = "probe/tcp.rs"]
mod tcp;
#[path = "probe/tls.rs"]
mod tls;
#[path = "probe/watch.rs"]
mod watch;
