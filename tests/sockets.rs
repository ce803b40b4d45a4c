//! Whole servers and probes on loopback sockets.
//!
//! One program for all of them, because linking each costs more than running it.

#[path = "crowd.rs"]
mod crowd;
#[path = "http.rs"]
mod http;
#[path = "live.rs"]
mod live;
#[path = "needs/need.rs"]
mod need;
#[path = "transports.rs"]
mod transports;
