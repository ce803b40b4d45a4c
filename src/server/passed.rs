//! Sockets that a service manager opened for us: systemd's socket activation.
//!
//! In: `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`. Out: [`Passed`], sockets by transport, ready to be served.
//! Never here: binding.
//!
//! | Name (`FileDescriptorName=`) | Stream | Datagram |
//! |---|---|---|
//! | `tls` | DNS over TLS | a fault |
//! | `https` | DNS over HTTPS | a fault |
//! | `quic` | a fault | DNS over QUIC |
//! | any other | TCP | UDP |
//!
//! Passed sockets outlive the process, so they are never shut down, only let go.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Socket, Type};

use super::bind_fault::LISTEN_MAX;
use super::datagram::adopt;
use super::engine::Transport;
use super::listen::Listen;

/// The first passed descriptor; those below are standard input, output and error.
const FIRST: RawFd = 3;

/// The most passed sockets: UDP and TCP on every address.
const SOCKETS_MAX: usize = 2 * LISTEN_MAX;

/// True once the sockets were taken: each descriptor may have one owner only.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Sockets that were passed to this process.
#[derive(Debug, Default)]
pub struct Passed {
    pub(super) sockets: Vec<PassedSocket>,
}

/// One passed socket, with its transport and address.
#[derive(Debug)]
pub(super) struct PassedSocket {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
    pub(super) socket: Socket,
}

/// Reason why passed sockets cannot be used, one phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedFault(String);

impl fmt::Display for PassedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sockets passed by the service manager: {}", self.0)
    }
}

impl std::error::Error for PassedFault {}

impl Passed {
    /// Takes the sockets that the environment announces for this process; usually none. They can be taken once: a
    /// second call finds none.
    ///
    /// # Errors
    /// If what is announced is no number, too many, or no socket that this server can use.
    pub fn from_environment() -> Result<Self, PassedFault> {
        if TAKEN.swap(true, Ordering::Relaxed) {
            return Ok(Self::default());
        }
        let announced = Announced::read(|name| std::env::var(name).ok(), std::process::id())?;
        let numbers = (FIRST..).zip(announced.names);
        let sockets = numbers.map(|(number, name)| {
            let fault = |cause: io::Error| PassedFault(format!("descriptor {number}: {cause}"));
            sort(&name, adopt(number).map_err(fault)?)
        });
        Ok(Self {
            sockets: sockets.collect::<Result<_, _>>()?,
        })
    }

    /// Returns whether no socket was passed.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Returns the addresses still to be bound: none of a kind of which a socket was passed.
    pub(super) fn left_of(&self, listen: &Listen) -> Listen {
        let has = |kinds: &[Transport]| {
            let mut sockets = self.sockets.iter();
            sockets.any(|each| kinds.contains(&each.transport))
        };
        let left = |kinds: &[Transport], addresses: &[SocketAddr]| {
            if has(kinds) {
                Vec::new()
            } else {
                addresses.to_vec()
            }
        };
        Listen {
            plain: left(&[Transport::Udp, Transport::Tcp], &listen.plain),
            tls: left(&[Transport::Tls], &listen.tls),
            https: left(&[Transport::Https], &listen.https),
            quic: left(&[Transport::Quic], &listen.quic),
        }
    }
}

/// Sockets that the environment announces: a name for each descriptor.
#[derive(Debug, PartialEq, Eq)]
struct Announced {
    names: Vec<String>,
}

impl Announced {
    /// Reads the three variables; they are for the process whose number they give, not for its children.
    fn read(variable: impl Fn(&str) -> Option<String>, process: u32) -> Result<Self, PassedFault> {
        let nothing = Self { names: Vec::new() };
        let Some(count) = variable("LISTEN_FDS") else {
            return Ok(nothing);
        };
        let is_ours = variable("LISTEN_PID").and_then(|text| text.parse().ok()) == Some(process);
        if !is_ours {
            return Ok(nothing);
        }
        let count: usize = count
            .parse()
            .map_err(|_| PassedFault(format!("LISTEN_FDS=`{count}` is no number")))?;
        if count > SOCKETS_MAX {
            let message = format!("{count} of them; at most {SOCKETS_MAX} can be used");
            return Err(PassedFault(message));
        }
        let written = variable("LISTEN_FDNAMES").unwrap_or_default();
        let mut names: Vec<String> = written.split(':').map(str::to_owned).collect();
        names.resize(count, String::new());
        Ok(Self { names })
    }
}

/// Finds the transport of a socket and makes it ready.
fn sort(name: &str, socket: Socket) -> Result<PassedSocket, PassedFault> {
    let fault = |what: &str| PassedFault(format!("`{name}` {what}"));
    let system = |cause: io::Error| fault(&cause.to_string());
    let address = socket.local_addr().map_err(system)?;
    let address = address
        .as_socket()
        .ok_or_else(|| fault("is no Internet socket"))?;
    let is_stream = match socket.r#type().map_err(system)? {
        Type::STREAM => true,
        Type::DGRAM => false,
        _ => return Err(fault("is neither a stream nor a datagram socket")),
    };
    let transport = match (name, is_stream) {
        ("tls", true) => Transport::Tls,
        ("https", true) => Transport::Https,
        ("quic", false) => Transport::Quic,
        ("tls" | "https", false) => return Err(fault("must be a stream socket")),
        ("quic", true) => return Err(fault("must be a datagram socket")),
        (_, true) => Transport::Tcp,
        (_, false) => Transport::Udp,
    };
    if is_stream && !socket.is_listener().map_err(system)? {
        return Err(fault("does not listen; `Accept=no` belongs in its unit"));
    }
    socket.set_cloexec(true).map_err(system)?;
    // Only the blocking UDP workers wait in the kernel.
    socket
        .set_nonblocking(transport != Transport::Udp)
        .map_err(system)?;
    Ok(PassedSocket {
        transport,
        address,
        socket,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::super::engine::tests::{Echo, query, reply};
    use super::super::{Drained, Serving, WorkerId, bind_with};
    use super::*;

    fn announced(variables: &[(&str, &str)]) -> Result<Vec<String>, PassedFault> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Announced::read(find, 77).map(|announced| announced.names)
    }

    #[test]
    fn reads_what_is_announced_for_this_process() {
        type Case = (
            &'static [(&'static str, &'static str)],
            &'static [&'static str],
        );
        let cases: [Case; 6] = [
            (&[], &[]),
            (&[("LISTEN_FDS", "2")], &[]),
            (&[("LISTEN_FDS", "2"), ("LISTEN_PID", "78")], &[]),
            (&[("LISTEN_FDS", "2"), ("LISTEN_PID", "77")], &["", ""]),
            (
                &[
                    ("LISTEN_FDS", "3"),
                    ("LISTEN_PID", "77"),
                    ("LISTEN_FDNAMES", "dns:tls"),
                ],
                &["dns", "tls", ""],
            ),
            (
                &[
                    ("LISTEN_FDS", "1"),
                    ("LISTEN_PID", "77"),
                    ("LISTEN_FDNAMES", "dns:tls"),
                ],
                &["dns"],
            ),
        ];
        for (variables, wanted) in cases {
            let names = announced(variables).expect("no fault");
            assert_eq!(names, wanted, "{variables:?}");
        }
        for count in ["x", "-1", "129"] {
            let variables = [("LISTEN_FDS", count), ("LISTEN_PID", "77")];
            assert!(announced(&variables).is_err(), "{count}");
        }
    }

    #[test]
    fn sorts_sockets_by_name_and_type() {
        let udp = || Socket::from(UdpSocket::bind("127.0.0.1:0").expect("loopback is free"));
        let tcp = || Socket::from(TcpListener::bind("127.0.0.1:0").expect("loopback is free"));
        let cases = [
            ("", udp(), Ok(Transport::Udp)),
            ("leeward.socket", tcp(), Ok(Transport::Tcp)),
            ("tls", tcp(), Ok(Transport::Tls)),
            ("https", tcp(), Ok(Transport::Https)),
            ("quic", udp(), Ok(Transport::Quic)),
            ("tls", udp(), Err("must be a stream")),
            ("https", udp(), Err("must be a stream")),
            ("quic", tcp(), Err("must be a datagram")),
        ];
        for (name, socket, wanted) in cases {
            let found = sort(name, socket).map(|passed| passed.transport);
            match (found, wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{name}"),
                (Err(fault), Err(text)) => assert!(fault.to_string().contains(text), "{fault}"),
                other => panic!("{name}: {other:?}"),
            }
        }
        let (one, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
        assert!(sort("", Socket::from(std::os::fd::OwnedFd::from(one))).is_err());
    }

    #[test]
    fn serves_passed_sockets_in_place_of_bound_ones_and_leaves_them_usable() {
        let udp = Socket::from(UdpSocket::bind("127.0.0.1:0").expect("loopback is free"));
        let tcp = Socket::from(TcpListener::bind("127.0.0.1:0").expect("loopback is free"));
        let kept = [
            udp.try_clone().expect("a copy"),
            tcp.try_clone().expect("a copy"),
        ];
        for round in 0..2 {
            let sockets = kept.iter().map(|socket| {
                let copy = socket.try_clone().expect("a copy");
                sort("dns", copy).expect("a good socket")
            });
            let passed = Passed {
                sockets: sockets.collect(),
            };
            let taken = tcp
                .local_addr()
                .expect("bound")
                .as_socket()
                .expect("an address");
            let listen = Listen::plain(&[taken]);
            let bound = bind_with(&listen, passed, 2).expect("nothing is left to bind");
            let server = bound
                .start(Serving::default(), |_: WorkerId| Echo)
                .expect("threads");
            let [first, second] = server.addresses() else {
                panic!("two addresses");
            };
            let client = UdpSocket::bind("127.0.0.1:0").expect("loopback is free");
            for number in 0..20 {
                let text = format!("{round} {number:02}");
                client.send_to(&query(&text), first).expect("sent");
                let mut answer = query(&text);
                client.recv(&mut answer).expect("a reply");
                assert_eq!(answer, reply(&text));
            }
            let mut stream = TcpStream::connect(second).expect("accepted");
            stream.write_all(&[0, 12]).expect("sent");
            stream.write_all(&query("")).expect("sent");
            let mut answer = [0; 14];
            stream.read_exact(&mut answer).expect("a reply");
            assert_eq!(answer[2..], reply(""));
            assert_eq!(server.shutdown(), Drained::InTime);
        }
    }
}
