//! Why sockets cannot be bound, and what helps.
//!
//! In: what the system says. Out: a fault in words. Never here: sockets.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::engine::Transport;

/// The most listen addresses.
pub const LISTEN_MAX: usize = 64;

/// The most UDP workers.
pub const WORKERS_MAX: usize = 256;

/// Reason why an address cannot be listened on.
#[derive(Debug)]
pub enum BindFault {
    /// No address, or more than [`LISTEN_MAX`].
    AddressCount(usize),
    /// No worker, or more than [`WORKERS_MAX`].
    WorkerCount(usize),
    /// The same address twice.
    Twice(SocketAddr),
    /// A wildcard address and a single address of the same family and port.
    Covered {
        /// The wildcard address.
        wildcard: SocketAddr,
        /// The single one.
        single: SocketAddr,
    },
    /// The system refused.
    Socket {
        /// Transport of the socket.
        transport: Transport,
        /// Address of the socket.
        address: SocketAddr,
        /// Error of the system call.
        cause: io::Error,
    },
}

impl fmt::Display for BindFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressCount(count) => write!(
                f,
                "{count} listen addresses; give at least 1 and at most {LISTEN_MAX}"
            ),
            Self::WorkerCount(count) => {
                write!(
                    f,
                    "{count} workers; give at least 1 and at most {WORKERS_MAX}"
                )
            }
            Self::Twice(address) => write!(f, "{address} is listed twice; list it once"),
            Self::Covered { wildcard, single } => {
                write!(f, "{wildcard} already covers {single}; list one of the two")
            }
            Self::Socket {
                transport,
                address,
                cause,
            } => {
                let via = match transport {
                    Transport::Udp => "UDP",
                    Transport::Tcp => "TCP",
                    Transport::Tls => "TLS",
                    Transport::Https => "HTTPS",
                    Transport::Quic => "QUIC",
                };
                write!(f, "bind {via} {address}: {}", explain(*address, cause))
            }
        }
    }
}

impl std::error::Error for BindFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Socket { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// Explains a refusal of the system, with the remedy.
fn explain(address: SocketAddr, cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::PermissionDenied if address.port() < 1024 => {
            "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE".to_owned()
        }
        io::ErrorKind::AddrInUse if address.port() == 53 && address.ip().is_unspecified() => {
            "address in use: another server listens there (systemd-resolved?); \
             listen on single addresses to leave it alone"
                .to_owned()
        }
        io::ErrorKind::AddrInUse if address.port() == 53 => {
            "address in use: another server listens there (systemd-resolved?)".to_owned()
        }
        io::ErrorKind::AddrInUse => "address in use: another server listens there".to_owned(),
        io::ErrorKind::AddrNotAvailable => {
            "address not available: no interface of this machine has it".to_owned()
        }
        _ => cause.to_string(),
    }
}
