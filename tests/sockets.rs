//! Whole servers and probes on loopback sockets.
//!
//! One program for all of them, because linking each costs more than running it.

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/clients.rs"]
mod clients;
#[path = "crowd.rs"]
mod crowd;
#[path = "support/echo.rs"]
mod echo;
#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "http.rs"]
mod http;
#[path = "live.rs"]
mod live;
#[path = "needs/need.rs"]
mod need;
#[path = "probe.rs"]
mod probe;
#[path = "support/probing.rs"]
mod probing;
#[path = "server.rs"]
mod server;
#[path = "transports.rs"]
mod transports;
#[path = "support/wait.rs"]
mod wait;
