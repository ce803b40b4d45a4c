//! The lab's ports: two are chosen, the others lie at fixed distances from them.
//!
//! In: the two ports. Out: every address of the lab. Never here: sockets.
//!
//! | Port | Default | Use |
//! |---|---|---|
//! | `--port` | 5300 | name server, UDP and TCP |
//! | `--port` + 1 | 5301 | caching resolver |
//! | `--port` + 2 | 5302 | name server of the parent zone |
//! | `--port` + 553 | 5853 | DNS over TLS of the name server |
//! | `--http` | 8053 | page, status, explain, metrics |
//! | `--http` + 1 | 8054 | commands from other terminals |
//! | `--http` + 427 | 8480 | endpoints of the regions |

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Distances from the port of the name server.
const RESOLVER: u16 = 1;
const PARENT: u16 = 2;
const TLS: u16 = 553;
/// Distances from the port of the page.
const CONTROL: u16 = 1;
const ENDPOINTS: u16 = 427;

/// Distance to the ports that are proposed where one is taken: beyond those next to it, and easy to type.
const NEXT: u16 = 100;

/// The ports of one lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabPorts {
    /// Port of the name server.
    pub port: u16,
    /// Port of the page.
    pub http: u16,
}

impl LabPorts {
    /// The ports where none are chosen. `leeward status` and `leeward explain` ask at this `http` by default.
    pub const DEFAULT: Self = Self {
        port: 5300,
        http: 8053,
    };
    /// Highest port of the name server: the others must be ports too.
    pub const PORT_MAX: u16 = u16::MAX - TLS;
    /// Highest port of the page.
    pub const HTTP_MAX: u16 = u16::MAX - ENDPOINTS;

    /// Returns the address of the name server.
    pub const fn name_server(self) -> SocketAddr {
        at(self.port)
    }

    /// Returns the address of the caching resolver.
    pub const fn resolver(self) -> SocketAddr {
        at(self.port + RESOLVER)
    }

    /// Returns the address of the parent zone's name server.
    pub const fn parent(self) -> SocketAddr {
        at(self.port + PARENT)
    }

    /// Returns the address of DNS over TLS.
    pub const fn tls(self) -> SocketAddr {
        at(self.port + TLS)
    }

    /// Returns the address of page, status and metrics.
    pub const fn page(self) -> SocketAddr {
        at(self.http)
    }

    /// Returns the address that takes commands from other terminals.
    pub const fn control(self) -> SocketAddr {
        at(self.http + CONTROL)
    }

    /// Returns the port of every endpoint.
    pub const fn endpoints(self) -> u16 {
        self.http + ENDPOINTS
    }

    /// Returns the remedy for a taken port of DNS: the flag that moves them.
    pub fn other_port(self) -> String {
        let other = if self.port <= Self::PORT_MAX - NEXT {
            self.port + NEXT
        } else {
            self.port - NEXT
        };
        format!("to use other ports of DNS: leeward lab --port {other}")
    }

    /// Returns the remedy for a taken port of HTTP: the flag that moves them.
    pub fn other_http(self) -> String {
        let other = if self.http <= Self::HTTP_MAX - NEXT {
            self.http + NEXT
        } else {
            self.http - NEXT
        };
        format!("does another lab run? To use other ports: leeward lab --http {other}")
    }
}

const fn at(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_follows_one_of_two() {
        let ports = LabPorts::DEFAULT;
        let addresses = [
            ports.name_server(),
            ports.resolver(),
            ports.parent(),
            ports.tls(),
            ports.page(),
            ports.control(),
        ];
        let found = addresses.map(|address| address.port());
        assert_eq!(found, [5300, 5301, 5302, 5853, 8053, 8054]);
        assert_eq!(ports.endpoints(), 8480);
        let last = LabPorts {
            port: LabPorts::PORT_MAX,
            http: LabPorts::HTTP_MAX,
        };
        assert_eq!((last.tls().port(), last.endpoints()), (65_535, 65_535));
    }

    #[test]
    fn other_ports_are_ports_too() {
        let ports = LabPorts::DEFAULT;
        assert!(ports.other_port().ends_with("leeward lab --port 5400"));
        assert!(ports.other_http().ends_with("leeward lab --http 8153"));
        let last = LabPorts {
            port: LabPorts::PORT_MAX,
            http: LabPorts::HTTP_MAX,
        };
        assert!(
            last.other_port().ends_with(" 64882"),
            "{}",
            last.other_port()
        );
        assert!(
            last.other_http().ends_with(" 65008"),
            "{}",
            last.other_http()
        );
    }
}
