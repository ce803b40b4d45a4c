//! Starts and stops the world outside.
//!
//! In: sockets, the zones of Leeward and its address. Out: a running parent and resolver, and the answers to clients
//! behind the resolver. Never here: the content of messages.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::proto::rr::{LowerName, Name};
use hickory_server::server::RequestHandler;
use tokio::net::{TcpListener, UdpSocket};

use super::parent::{PARENT_ZONE, publish_parent};
use super::resolver::{LookedUp, Resolver};
use super::respond::Resolving;
use crate::clock::Clock;
use crate::server::hickory::FailoverZones;
use crate::wire;

/// Longest silence of a TCP connection (RFC 7766, section 6.2.3: in the order of seconds).
const TCP_IDLE: Duration = Duration::from_secs(10);
/// Most responses of one TCP connection that wait; hickory-server answers one query after the other.
const TCP_RESPONSES_MAX: usize = 16;

/// A socket of each kind on one address.
#[derive(Debug)]
struct Pair {
    udp: UdpSocket,
    tcp: TcpListener,
}

/// Sockets of the world outside.
#[derive(Debug)]
pub struct OutsideSockets {
    resolver: Pair,
    parent: Pair,
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct OutsideFault {
    /// Part that listens there: `resolver` or `parent zone`.
    pub who: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// Error of the system.
    pub error: io::Error,
}

impl fmt::Display for OutsideFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            who,
            address,
            error,
        } = self;
        write!(f, "listen on {address} for the {who}: {error}")
    }
}

impl std::error::Error for OutsideFault {}

/// Settings of the world outside.
#[derive(Debug)]
pub struct OutsidePlan {
    /// Apexes of the zones that Leeward serves.
    pub apexes: Vec<wire::Name>,
    /// Address of Leeward; its port stands for port 53.
    pub name_server: SocketAddr,
    /// The clock of the cache.
    pub clock: Clock,
}

/// Client of the resolver.
#[derive(Clone, Debug)]
pub struct BehindResolver {
    resolver: Arc<Resolver>,
    clock: Clock,
}

/// A running parent and resolver; dropping it closes their sockets.
pub struct Outside {
    behind: BehindResolver,
    /// Address of the resolver.
    pub resolver_address: SocketAddr,
    /// Address of the parent's name server.
    pub parent_address: SocketAddr,
    resolving: Server<Resolving>,
    delegating: Server<FailoverZones>,
}

impl OutsideSockets {
    /// Binds both addresses, UDP and TCP.
    ///
    /// # Errors
    /// The first address that cannot be bound.
    pub async fn bind(resolver: SocketAddr, parent: SocketAddr) -> Result<Self, OutsideFault> {
        Ok(Self {
            resolver: bind_pair("resolver", resolver).await?,
            parent: bind_pair("parent zone", parent).await?,
        })
    }
}

/// Binds TCP first: with port 0 its port is far less often taken for UDP than the other way round.
async fn bind_pair(who: &'static str, address: SocketAddr) -> Result<Pair, OutsideFault> {
    let fault = |error| OutsideFault {
        who,
        address,
        error,
    };
    let tcp = TcpListener::bind(address).await.map_err(fault)?;
    let bound = tcp.local_addr().map_err(fault)?;
    let udp = UdpSocket::bind(bound).await.map_err(fault)?;
    Ok(Pair { udp, tcp })
}

impl Outside {
    /// Starts the parent and the resolver.
    ///
    /// # Errors
    /// The reason why the parent zone cannot be served.
    pub fn start(sockets: OutsideSockets, plan: OutsidePlan) -> Result<Self, String> {
        let current = publish_parent(&plan.apexes, plan.name_server.ip())?;
        let address = |pair: &Pair| pair.udp.local_addr().map_err(|error| error.to_string());
        let (resolver_address, parent_address) =
            (address(&sockets.resolver)?, address(&sockets.parent)?);
        let zone =
            Name::from_ascii(format!("{PARENT_ZONE}.")).map_err(|error| error.to_string())?;
        let resolver = Arc::new(Resolver::new(
            LowerName::new(&zone),
            parent_address,
            plan.name_server.port(),
        ));
        let resolving = Resolving {
            resolver: Arc::clone(&resolver),
            clock: plan.clock,
        };
        Ok(Self {
            behind: BehindResolver {
                resolver,
                clock: plan.clock,
            },
            resolver_address,
            parent_address,
            resolving: serve(resolving, sockets.resolver),
            delegating: serve(FailoverZones::alone(&current, plan.clock), sockets.parent),
        })
    }

    /// Returns a client of the resolver.
    pub fn behind(&self) -> BehindResolver {
        self.behind.clone()
    }

    /// Stops both and waits until their sockets are closed.
    pub async fn stop(mut self) {
        // What they say at the end concerns nobody.
        drop(self.resolving.shutdown_gracefully().await);
        drop(self.delegating.shutdown_gracefully().await);
    }
}

impl BehindResolver {
    /// Looks up the addresses of a name, as a client behind the resolver gets them.
    ///
    /// # Errors
    /// The mnemonic of the response code, or `no name`.
    pub async fn look_up(&self, name: &str) -> Result<LookedUp, &'static str> {
        let name = Name::from_ascii(name).map_err(|_| "no name")?;
        let found = self.resolver.look_up(&name, self.clock.now()).await;
        found.map_err(|failure| failure.word())
    }
}

fn serve<H: RequestHandler>(serving: H, sockets: Pair) -> Server<H> {
    let mut server = Server::new(serving);
    server.register_socket(sockets.udp);
    server.register_listener(sockets.tcp, TCP_IDLE, TCP_RESPONSES_MAX);
    server
}
