//! Errors of sockets, TLS and HTTP as findings.
//!
//! In: errors, the phase they happened in, the address. Out: a [`Finding`], which separates faults of the target from
//! our own (rule a37). Never here: retries.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::tls_fault::classify_tls;
use super::trace::Trace;
use crate::health::{Finding, Phase};

/// Most errors of a chain that are read.
const CHAIN_MAX: usize = 16;

/// Returns the finding of an error, by the first link of its chain that is known.
pub(super) fn classify(error: &(dyn Error + 'static), trace: &Trace) -> Finding {
    let mut link = Some(error);
    let mut last = error;
    for _ in 0..CHAIN_MAX {
        let Some(error) = link else { break };
        if let Some(finding) = classify_link(error, trace) {
            return finding;
        }
        last = error;
        link = inner_error(error);
    }
    Finding::Broken {
        phase: trace.phase(),
        reason: last.to_string().into(),
    }
}

/// Returns the next link. An `io::Error` leaves out the error it wraps and returns the source of that.
fn inner_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

fn classify_link(error: &(dyn Error + 'static), trace: &Trace) -> Option<Finding> {
    let phase = trace.phase();
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(classify_tls(error, trace));
    }
    let error = error.downcast_ref::<io::Error>()?;
    match error.get_ref() {
        Some(_) if error.kind() == io::ErrorKind::UnexpectedEof => Some(Finding::Closed { phase }),
        Some(_) => None,
        None => Some(classify_io(error, trace)),
    }
}

fn classify_io(error: &io::Error, trace: &Trace) -> Finding {
    let phase = trace.phase();
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => return Finding::OutOfDescriptors,
        Some(libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN) => return Finding::OutOfPorts,
        Some(libc::EACCES | libc::EPERM) => return Finding::NotPermitted,
        Some(
            libc::ENETUNREACH
            | libc::EHOSTUNREACH
            | libc::ENETDOWN
            | libc::EAFNOSUPPORT
            | libc::EADDRNOTAVAIL
            | libc::EINVAL,
        ) => return classify_route(error, trace),
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Finding::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted => Finding::Reset { phase },
        io::ErrorKind::UnexpectedEof => Finding::Closed { phase },
        // The kernel's own limits, where ours are longer.
        io::ErrorKind::TimedOut => Finding::TimedOut {
            phase,
            after: trace.elapsed(),
        },
        _ => Finding::Broken {
            phase,
            reason: error.to_string().into(),
        },
    }
}

/// Distinguishes an address without a route from this machine from one that a router on the way calls unreachable: to
/// connect a datagram socket asks for a route and sends no packet.
fn classify_route(error: &io::Error, trace: &Trace) -> Finding {
    let address = trace.address;
    if find_route(address).is_err() {
        return Finding::NoRoute {
            family: address.ip().into(),
        };
    }
    match error.raw_os_error() {
        Some(libc::EADDRNOTAVAIL) => Finding::OutOfPorts,
        Some(libc::EINVAL) => Finding::Broken {
            phase: trace.phase(),
            reason: error.to_string().into(),
        },
        _ => Finding::Unreachable,
    }
}

fn find_route(address: SocketAddr) -> io::Result<()> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(any)?.connect(address)
}

/// Returns whether the attempt failed before its TCP connection stood, so that another address may be tried (rule a34).
pub(super) fn failed_to_connect(trace: &Trace) -> bool {
    trace.phase() == Phase::Connect
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::health::Outcome;

    #[test]
    fn blames_us_for_what_is_our_own() {
        use Outcome::{Bad, NoEvidence};
        let cases = [
            (libc::ECONNREFUSED, "127.0.0.1:1", Bad, "connect refused"),
            (
                libc::ECONNRESET,
                "127.0.0.1:1",
                Bad,
                "connection reset while connecting",
            ),
            (libc::EHOSTUNREACH, "127.0.0.1:1", Bad, "host unreachable"),
            (libc::ENETUNREACH, "127.0.0.1:1", Bad, "host unreachable"),
            (
                libc::EMFILE,
                "127.0.0.1:1",
                NoEvidence,
                "this server is out of file descriptors (no evidence)",
            ),
            (
                libc::EADDRNOTAVAIL,
                "127.0.0.1:1",
                NoEvidence,
                "this server is out of local ports or socket memory (no evidence)",
            ),
            // There is never a route to a link-local address without a scope.
            (
                libc::EINVAL,
                "[fe80::1]:1",
                NoEvidence,
                "no route to host for IPv6 (no evidence)",
            ),
        ];
        for (code, address, outcome, text) in cases {
            let trace = Trace::begin(Clock::start(), address.parse().expect("an address"), None);
            let error = io::Error::other(io::Error::from_raw_os_error(code));
            let finding = classify(&error, &trace);
            assert_eq!(
                (finding.outcome(), finding.to_string().as_str()),
                (outcome, text)
            );
        }
    }
}
