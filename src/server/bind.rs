//! Binding: every socket that will be needed, before anything starts.
//!
//! In: addresses and a number of UDP workers. Out: [`Bound`], or the first fault with what to do about it. Never here:
//! threads, or anything received.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::bind_fault::{BindFault, WORKERS_MAX};
use super::datagram::{DatagramSocket, defer_accept};
use super::engine::Transport;
use super::listen::Listen;
use super::passed::{Passed, PassedSocket};

/// Interval at which an idle worker wakes to release a retired world.
pub(super) const IDLE_WAKE: Duration = Duration::from_secs(1);

/// Kernel buffer of each UDP socket, each way, octets: about 2,000 small datagrams while a worker is not scheduled.
const BUFFER_SIZE: usize = 2 << 20;

/// Kernel buffer of one TCP connection, each way, octets; fixed: 1,000 clients that do not read hold at most 256 MiB.
const STREAM_BUFFER_SIZE: usize = 128 << 10;

/// Connections that wait to be accepted, and as many that have brought nothing yet; the kernel cuts it to
/// net.core.somaxconn. More would only let an honest client wait longer behind a flood.
const BACKLOG: i32 = 1024;

/// Time for which the kernel keeps a connection without octets to itself: it takes no place here meanwhile, so a flood
/// of them evicts no other. Every client of DNS speaks first, behind TLS, HTTP and PROXY too. A second is the least
/// that Linux knows, and it bounds how many connections wait in the kernel's queue of half-open ones; a connection that
/// is silent for longer is accepted as before.
const SILENCE_KEPT: Duration = Duration::from_secs(1);

/// Most attempts to find a port that is free for both UDP and TCP, where port 0 is asked.
const PORT_TRIES_MAX: usize = 64;

/// Sockets that are bound and wait for [`Bound::start`](crate::server::Bound::start).
#[derive(Debug)]
pub struct Bound {
    pub(super) addresses: Listen,
    /// For each worker, one socket an address.
    pub(super) datagrams: Vec<Vec<Arc<DatagramSocket>>>,
    /// TCP.
    pub(super) listeners: Vec<TcpListener>,
    /// DNS over TLS.
    pub(super) tls: Vec<TcpListener>,
    /// DNS over HTTPS.
    pub(super) https: Vec<TcpListener>,
    /// DNS over QUIC.
    pub(super) quic: Vec<UdpSocket>,
    /// UDP sockets that were passed and outlive this process: all workers share each.
    pub(super) lent: Vec<Arc<DatagramSocket>>,
}

impl Bound {
    /// Returns the addresses of UDP and TCP, with real ports where 0 was asked.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses.plain
    }

    /// Returns every address that is listened on, with real ports where 0 was asked.
    pub fn listen(&self) -> &Listen {
        &self.addresses
    }

    /// Binds one address, for UDP and TCP both if it is one of TCP.
    fn bind_one(&mut self, transport: Transport, address: SocketAddr) -> Result<(), BindFault> {
        let real = match transport {
            Transport::Udp | Transport::Tcp => {
                let (real, listener) = bind_pair(address)?;
                // All or none: a worker without its socket would leave queries unanswered.
                let sockets = self.datagrams.iter().map(|_| bind_datagram(real));
                let sockets: io::Result<Vec<_>> = sockets.collect();
                let sockets = sockets.map_err(refusal(Transport::Udp, real))?;
                for (of_worker, socket) in self.datagrams.iter_mut().zip(sockets) {
                    of_worker.push(Arc::new(socket));
                }
                self.listeners.push(listener);
                real
            }
            Transport::Tls | Transport::Https => {
                let (real, listener) = bind_stream(transport, address)?;
                let listeners = match transport {
                    Transport::Tls => &mut self.tls,
                    _ => &mut self.https,
                };
                listeners.push(listener);
                real
            }
            Transport::Quic => {
                let socket = bind_quic(address).map_err(refusal(transport, address))?;
                let real = socket.local_addr().map_err(refusal(transport, address))?;
                self.quic.push(socket);
                real
            }
        };
        self.addresses.of_mut(transport).push(real);
        Ok(())
    }

    /// Adds a socket that was passed.
    fn adopt(&mut self, passed: PassedSocket) -> io::Result<()> {
        let PassedSocket {
            transport,
            address,
            socket,
        } = passed;
        // Best effort, as far as the one who opened it has not chosen otherwise.
        if transport == Transport::Udp {
            socket.set_read_timeout(Some(IDLE_WAKE))?;
            let socket = DatagramSocket::new(socket, address)?;
            socket.grow_buffers(BUFFER_SIZE);
            self.lent.push(Arc::new(socket));
        } else if transport == Transport::Quic {
            self.quic.push(socket.into());
        } else {
            let _ = socket.set_tcp_nodelay(true);
            let _ = socket.set_send_buffer_size(STREAM_BUFFER_SIZE);
            let _ = socket.set_recv_buffer_size(STREAM_BUFFER_SIZE);
            let _ = defer_accept(&socket, SILENCE_KEPT);
            let listeners = match transport {
                Transport::Tls => &mut self.tls,
                Transport::Https => &mut self.https,
                _ => &mut self.listeners,
            };
            listeners.push(socket.into());
        }
        let addresses = self.addresses.of_mut(transport);
        // UDP and TCP on one address are one line.
        if !addresses.contains(&address) {
            addresses.push(address);
        }
        Ok(())
    }
}

/// Binds every address: UDP sockets for every worker and a TCP listener on plain ones, which share the port where 0 is
/// asked, and one socket on each of the others.
///
/// # Errors
/// The first address that cannot be bound, and why.
pub fn bind(listen: &Listen, workers: usize) -> Result<Bound, BindFault> {
    bind_with(listen, Passed::default(), workers)
}

/// Binds as [`bind`] does, with passed sockets in place of all addresses of their kind.
///
/// # Errors
/// The first address that cannot be bound, and why.
pub fn bind_with(listen: &Listen, passed: Passed, workers: usize) -> Result<Bound, BindFault> {
    let (bound, missing) = bind_possible(listen, passed, workers)?;
    match missing.into_iter().next() {
        Some(missing) => Err(missing.fault),
        None => Ok(bound),
    }
}

/// An address that could not be bound.
#[derive(Debug)]
pub struct Missing {
    /// Transport of the address; TCP stands for UDP and TCP.
    pub transport: Transport,
    /// Address of the socket.
    pub address: SocketAddr,
    /// Reason.
    pub fault: BindFault,
}

/// Binds as [`bind_with`] does, but skips addresses that cannot be bound now, and returns those too.
///
/// # Errors
/// If the list of addresses, or the number of workers, cannot be meant.
pub fn bind_possible(
    listen: &Listen,
    passed: Passed,
    workers: usize,
) -> Result<(Bound, Vec<Missing>), BindFault> {
    listen.check(passed.is_empty())?;
    let listen = &passed.left_of(listen);
    let (mut bound, mut missing) = bind_fresh(listen, workers)?;
    for passed in passed.sockets {
        let (transport, address) = (passed.transport, passed.address);
        if let Err(cause) = bound.adopt(passed) {
            missing.push(Missing {
                transport,
                address,
                fault: refusal(transport, address)(cause),
            });
        }
    }
    Ok((bound, missing))
}

fn bind_fresh(listen: &Listen, workers: usize) -> Result<(Bound, Vec<Missing>), BindFault> {
    if workers == 0 || workers > WORKERS_MAX {
        return Err(BindFault::WorkerCount(workers));
    }
    let mut bound = Bound {
        addresses: Listen::default(),
        datagrams: (0..workers).map(|_| Vec::new()).collect(),
        listeners: Vec::with_capacity(listen.plain.len()),
        tls: Vec::with_capacity(listen.tls.len()),
        https: Vec::with_capacity(listen.https.len()),
        quic: Vec::with_capacity(listen.quic.len()),
        lent: Vec::new(),
    };
    let mut missing = Vec::new();
    for (transport, addresses) in [
        (Transport::Tcp, &listen.plain),
        (Transport::Tls, &listen.tls),
        (Transport::Https, &listen.https),
        (Transport::Quic, &listen.quic),
    ] {
        for &address in addresses {
            if let Err(fault) = bound.bind_one(transport, address) {
                missing.push(Missing {
                    transport,
                    address,
                    fault,
                });
            }
        }
    }
    Ok((bound, missing))
}

/// Makes a fault of the system's error about an address.
fn refusal(transport: Transport, address: SocketAddr) -> impl Fn(io::Error) -> BindFault {
    move |cause| BindFault::Socket {
        transport,
        address,
        cause,
    }
}

fn bind_stream(
    transport: Transport,
    address: SocketAddr,
) -> Result<(SocketAddr, TcpListener), BindFault> {
    let fault = refusal(transport, address);
    let listener = bind_listener(address).map_err(&fault)?;
    Ok((listener.local_addr().map_err(&fault)?, listener))
}

/// Binds one socket without SO_REUSEPORT: its one thread takes all that comes.
fn bind_quic(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = new_datagram(address)?;
    // Best effort: the kernel cuts the wish to net.core.rmem_max or wmem_max.
    let _ = socket.set_recv_buffer_size(BUFFER_SIZE);
    let _ = socket.set_send_buffer_size(BUFFER_SIZE);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Binds the TCP listener and makes sure that the UDP port is free too.
fn bind_pair(address: SocketAddr) -> Result<(SocketAddr, TcpListener), BindFault> {
    let mut tries = 0;
    loop {
        tries += 1;
        let (real, listener) = bind_stream(Transport::Tcp, address)?;
        match probe_datagram(real) {
            Ok(()) => return Ok((real, listener)),
            Err(cause)
                if cause.kind() == io::ErrorKind::AddrInUse
                    && address.port() == 0
                    && tries < PORT_TRIES_MAX => {}
            Err(cause) => return Err(refusal(Transport::Udp, real)(cause)),
        }
    }
}

fn bind_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Restart although old connections linger in TIME_WAIT. SO_REUSEPORT is left out, so a second server is noticed.
    socket.set_reuse_address(true)?;
    // Accepted connections inherit these.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(STREAM_BUFFER_SIZE)?;
    socket.set_recv_buffer_size(STREAM_BUFFER_SIZE)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Best effort: a kernel without it shows us every connection at once.
    let _ = defer_accept(&socket, SILENCE_KEPT);
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds without SO_REUSEPORT and closes: with it, a second server of the same user would silently share our queries.
fn probe_datagram(address: SocketAddr) -> io::Result<()> {
    new_datagram(address)?.bind(&address.into())
}

fn bind_datagram(address: SocketAddr) -> io::Result<DatagramSocket> {
    let socket = new_datagram(address)?;
    socket.set_reuse_port(true)?;
    socket.set_read_timeout(Some(IDLE_WAKE))?;
    let socket = DatagramSocket::new(socket, address)?;
    socket.grow_buffers(BUFFER_SIZE);
    socket.socket().bind(&address.into())?;
    Ok(socket)
}

fn new_datagram(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests;
