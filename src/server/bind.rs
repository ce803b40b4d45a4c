//! Binding: every socket that will be needed, before anything starts.
//!
//! In: addresses and a number of UDP workers. Out: [`Bound`], or the first fault with what to do about it. Never here:
//! threads, or anything received.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::datagram::{DatagramSocket, defer_accept};
use super::engine::Transport;
use super::listen::Listen;
use super::passed::{Passed, PassedSocket};

/// The most listen addresses.
pub const LISTEN_MAX: usize = 64;

/// The most UDP workers.
pub const WORKERS_MAX: usize = 256;

/// How often an idle worker wakes to let go of a retired world.
pub(super) const IDLE_WAKE: Duration = Duration::from_secs(1);

/// Asked of the kernel for each UDP socket: about 2,000 small datagrams while a worker is not scheduled.
const BUFFER_SIZE: usize = 2 << 20;

/// Kernel buffers of one TCP connection each way, fixed so that 1,000 clients that do not read hold 256 MiB at most.
const STREAM_BUFFER_SIZE: usize = 128 << 10;

/// Connections that wait to be accepted, and as many that have brought nothing yet; the kernel cuts it to
/// net.core.somaxconn. More would only let an honest client wait longer behind a flood.
const BACKLOG: i32 = 1024;

/// How long the kernel keeps a connection that brings nothing: such ones take no place of ours meanwhile, so a flood of
/// them pushes nobody out before they do. Every client of DNS speaks first, behind TLS, HTTP and PROXY too. A second is
/// the least that Linux knows, and it bounds how many connections wait in the kernel's queue of half-open ones; whoever
/// is silent for longer is accepted as before.
const SILENCE_KEPT: Duration = Duration::from_secs(1);

/// How often port 0 is tried until one port is free for both UDP and TCP.
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
    /// UDP sockets that others go on using: all workers share each.
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

/// Why an address cannot be listened on.
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
        /// For which transport.
        transport: Transport,
        /// Which address.
        address: SocketAddr,
        /// What the system says.
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

/// Says what the system's refusal means here and what helps.
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

/// Binds every address: UDP sockets for every worker and a TCP listener on plain ones, which share the port where 0 is
/// asked, and one socket on each of the others.
///
/// # Errors
/// The first address that cannot be bound, and why.
pub fn bind(listen: &Listen, workers: usize) -> Result<Bound, BindFault> {
    bind_with(listen, Passed::default(), workers)
}

/// Does what [`bind`] does, but takes what was passed: of each kind of which a socket was passed, nothing is bound.
///
/// # Errors
/// The first address that cannot be bound, and why.
pub fn bind_with(listen: &Listen, passed: Passed, workers: usize) -> Result<Bound, BindFault> {
    listen.check(passed.is_empty())?;
    let listen = &passed.left_of(listen);
    let mut bound = bind_fresh(listen, workers)?;
    for passed in passed.sockets {
        let (transport, address) = (passed.transport, passed.address);
        bound.adopt(passed).map_err(refusal(transport, address))?;
    }
    Ok(bound)
}

fn bind_fresh(listen: &Listen, workers: usize) -> Result<Bound, BindFault> {
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
    for address in &listen.plain {
        let (real, listener) = bind_pair(*address)?;
        for sockets in &mut bound.datagrams {
            let socket = bind_datagram(real).map_err(refusal(Transport::Udp, real))?;
            sockets.push(Arc::new(socket));
        }
        bound.addresses.plain.push(real);
        bound.listeners.push(listener);
    }
    for address in &listen.tls {
        let (real, listener) = bind_stream(Transport::Tls, *address)?;
        bound.addresses.tls.push(real);
        bound.tls.push(listener);
    }
    for address in &listen.https {
        let (real, listener) = bind_stream(Transport::Https, *address)?;
        bound.addresses.https.push(real);
        bound.https.push(listener);
    }
    for address in &listen.quic {
        let socket = bind_quic(*address).map_err(refusal(Transport::Quic, *address))?;
        let real = socket.local_addr();
        let real = real.map_err(refusal(Transport::Quic, *address))?;
        bound.addresses.quic.push(real);
        bound.quic.push(socket);
    }
    Ok(bound)
}

/// Makes a fault of what the system says about an address.
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

/// Binds without SO_REUSEPORT and lets go: with it, a second server of the same user would silently share our queries.
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
mod tests {
    use super::*;

    fn bind(addresses: &[SocketAddr], workers: usize) -> Result<Bound, BindFault> {
        super::bind(&Listen::plain(addresses), workers)
    }

    fn loopback(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn gives_udp_and_tcp_the_same_port_when_zero_is_asked() {
        let bound = bind(&[loopback(0), loopback(0)], 3).expect("loopback is free");
        assert_eq!(bound.addresses().len(), 2);
        for (at, address) in bound.addresses().iter().enumerate() {
            assert_ne!(address.port(), 0);
            assert_eq!(bound.listeners[at].local_addr().expect("bound"), *address);
            for sockets in &bound.datagrams {
                let local = sockets[at].socket().local_addr().expect("bound");
                assert_eq!(local.as_socket(), Some(*address));
            }
        }
    }

    #[test]
    fn binds_every_kind_on_a_port_of_its_own() {
        let any = vec![loopback(0)];
        let listen = Listen {
            plain: any.clone(),
            tls: any.clone(),
            https: any.clone(),
            quic: any,
        };
        let bound = super::bind(&listen, 1).expect("loopback is free");
        for transport in [
            Transport::Tcp,
            Transport::Tls,
            Transport::Https,
            Transport::Quic,
        ] {
            let [address] = bound.listen().of(transport) else {
                panic!("one address");
            };
            assert_ne!(address.port(), 0, "{transport:?}");
        }
        let taken = Listen {
            tls: bound.listen().tls.clone(),
            ..Listen::default()
        };
        let fault = super::bind(&taken, 1).expect_err("taken").to_string();
        assert!(fault.starts_with("bind TLS 127.0.0.1:"), "{fault}");
    }

    #[test]
    fn asks_for_large_buffers() {
        let bound = bind(&[loopback(0)], 1).expect("loopback is free");
        let size = bound.datagrams[0][0].socket().recv_buffer_size();
        // The kernel's own limit, where we may not pass it, is 208 KiB on many systems.
        assert!(size.expect("a size") >= 200 << 10);
    }

    #[test]
    fn notices_another_server_on_either_transport() {
        let ours = bind(&[loopback(0)], 1).expect("loopback is free");
        let fault = bind(ours.addresses(), 1).expect_err("taken");
        let port = ours.addresses()[0].port();
        let wanted =
            format!("bind TCP 127.0.0.1:{port}: address in use: another server listens there");
        assert_eq!(fault.to_string(), wanted);

        // Somebody else may hold the same number for TCP just now; hardly ever four times in a row.
        let fault = || {
            let other = UdpSocket::bind(loopback(0)).expect("loopback is free");
            let address = other.local_addr().expect("bound");
            bind(&[address], 1).expect_err("taken").to_string()
        };
        let faults = [fault(), fault(), fault(), fault()];
        let is_wanted = |fault: &String| fault.starts_with("bind UDP 127.0.0.1:");
        assert!(faults.iter().any(is_wanted), "{faults:?}");
    }

    #[test]
    fn refuses_lists_that_cannot_be_meant() {
        let all = SocketAddr::from(([0, 0, 0, 0], 5300));
        let one = loopback(5300);
        let cases = [
            (vec![], 1, "0 listen addresses"),
            (vec![one], 0, "0 workers"),
            (vec![one, one], 1, "127.0.0.1:5300 is listed twice"),
            (
                vec![one, all],
                1,
                "0.0.0.0:5300 already covers 127.0.0.1:5300",
            ),
        ];
        for (addresses, workers, wanted) in cases {
            let fault = bind(&addresses, workers).expect_err(wanted).to_string();
            assert!(fault.starts_with(wanted), "{fault}");
        }
    }

    #[test]
    fn says_what_helps() {
        let cases = [
            (53, libc::EACCES, "permission denied; ports below 1024"),
            (53, libc::EADDRINUSE, "(systemd-resolved?)"),
            (5300, libc::EADDRINUSE, "address in use: another server"),
            (53, libc::EADDRNOTAVAIL, "no interface of this machine"),
        ];
        for (port, code, wanted) in cases {
            let fault = BindFault::Socket {
                transport: Transport::Udp,
                address: SocketAddr::from(([192, 0, 2, 1], port)),
                cause: io::Error::from_raw_os_error(code),
            };
            let text = fault.to_string();
            assert!(
                text.starts_with("bind UDP 192.0.2.1:") && text.contains(wanted),
                "{text}"
            );
        }
    }
}
