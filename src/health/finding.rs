//! Findings of probes, and the outcome that each stands for.
//!
//! In: probe results. Out: plain data. Never here: counting, sockets, clocks; the words for people are in `wording`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Finding of a probe. Each stands for one [`Outcome`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Finding {
    /// No probe ran yet.
    #[default]
    NotProbed,
    /// The HTTP response passed.
    Passed {
        /// HTTP status code.
        status: u16,
    },
    /// The TCP connection (and TLS session, if wanted) stood; nothing else was asked for.
    Connected,
    /// The TCP target replied as wanted.
    Replied,
    /// The response was as wanted; the response as text.
    Fulfilled(Box<str>),

    /// The response was not as wanted; the response as text.
    Unfulfilled(Box<str>),
    /// Status code outside the wanted ranges.
    WrongStatus {
        /// The code.
        status: u16,
        /// Redirect target, if there is one and it was not followed.
        location: Option<Box<str>>,
    },
    /// The port is closed.
    Refused,
    /// A router or the local network reports the host as unreachable.
    Unreachable,
    /// Time ran out.
    TimedOut {
        /// Phase that ran out of time.
        phase: Phase,
        /// Time limit of that phase, or of the whole probe.
        after: Duration,
    },
    /// The peer reset the connection.
    Reset {
        /// Phase of the reset.
        phase: Phase,
    },
    /// The peer closed the connection too early.
    Closed {
        /// Phase of the end.
        phase: Phase,
    },
    /// Response headers longer than allowed.
    HeadersTooLong {
        /// Most octets allowed.
        max: usize,
        /// The longest header, with its octets, where that is known.
        longest: Option<(Box<str>, usize)>,
    },
    /// The response is no well-formed HTTP.
    Malformed(Box<str>),
    /// The wanted text or match is absent.
    Lacks {
        /// Part of the response that was searched.
        place: Searched,
        /// Text or pattern that was wanted.
        wanted: Wanted,
        /// Octets that were searched.
        searched: usize,
    },
    /// The certificate is not good enough.
    Certificate(CertificateFault),
    /// The TLS handshake failed otherwise.
    TlsFailed(Box<str>),
    /// The name does not exist or has no address.
    NotResolved {
        /// The name.
        name: Box<str>,
    },
    /// Any other failure of the connection.
    Broken {
        /// Phase of the failure.
        phase: Phase,
        /// Reason given by the system.
        reason: Box<str>,
    },

    /// We have no route to the address; the probe never left the machine.
    NoRoute {
        /// Address family without a route.
        family: Family,
    },
    /// We are out of file descriptors.
    OutOfDescriptors,
    /// We are out of local ports or socket memory.
    OutOfPorts,
    /// The local system forbids the connection.
    NotPermitted,
    /// The address lies outside the networks that may be probed.
    NotAllowed {
        /// The address.
        address: IpAddr,
    },
    /// The address is one where this server takes commands itself.
    OwnAddress {
        /// The address.
        address: SocketAddr,
    },
    /// The address is link-local, or where a cloud keeps secrets of its machines, and is not named in `[probe] allow`.
    Reserved {
        /// The address.
        address: IpAddr,
    },
    /// None of the resolvers answered.
    ResolverSilent {
        /// The name.
        name: Box<str>,
    },
    /// No certificate authority is configured or installed to verify against.
    NoAuthorities,
    /// The probe cannot be made as configured.
    NotFeasible(Box<str>),
    /// The source of the target's state had no usable result; the reason as text.
    Insufficient(Box<str>),
    /// No probe ended for this long.
    NoProbe {
        /// Time since the last one.
        since: Duration,
    },
    /// The status was saved before the restart; with the evidence of that time.
    Saved(Box<str>),
}

/// Part of a response that is searched for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// The body of an HTTP response.
    Body,
    /// Octets sent by a TCP target.
    Reply,
}

/// Text or pattern that a response must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A text.
    Text(Box<str>),
    /// A regular expression.
    Pattern(Box<str>),
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl From<IpAddr> for Family {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Fault of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// The validity has ended.
    Expired {
        /// Time since it ended.
        ago: Duration,
    },
    /// The validity has not begun.
    NotYetValid {
        /// Time until it begins.
        ahead: Duration,
    },
    /// Valid, but for less time than wanted (`days-left`).
    EndsSoon {
        /// Remaining validity.
        left: Duration,
        /// Least remaining validity wanted, days.
        wanted_days: u16,
    },
    /// Issued for other names.
    OtherNames {
        /// The name that was wanted.
        wanted: Box<str>,
        /// Names in the certificate.
        names: Vec<Box<str>>,
    },
    /// Not signed by a known authority.
    UnknownIssuer {
        /// Issuer, if it can be read.
        issuer: Option<Box<str>>,
        /// True if issuer and subject are the same.
        is_self_signed: bool,
    },
    /// The certificate itself is good, that of an authority above it is not.
    Authority {
        /// Subject of the authority's certificate.
        name: Box<str>,
        /// Fault of that certificate.
        fault: Box<Self>,
    },
    /// Any other fault, as text.
    Other(Box<str>),
}

impl Finding {
    /// Returns the outcome that the finding stands for.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Passed { .. } | Self::Connected | Self::Replied | Self::Fulfilled(_) => {
                Outcome::Good
            }
            Self::Unfulfilled(_)
            | Self::WrongStatus { .. }
            | Self::Refused
            | Self::Unreachable
            | Self::TimedOut { .. }
            | Self::Reset { .. }
            | Self::Closed { .. }
            | Self::HeadersTooLong { .. }
            | Self::Malformed(_)
            | Self::Lacks { .. }
            | Self::Certificate(_)
            | Self::TlsFailed(_)
            | Self::NotResolved { .. }
            | Self::Broken { .. } => Outcome::Bad,
            Self::NotProbed
            | Self::NoRoute { .. }
            | Self::OutOfDescriptors
            | Self::OutOfPorts
            | Self::NotPermitted
            | Self::NotAllowed { .. }
            | Self::OwnAddress { .. }
            | Self::Reserved { .. }
            | Self::ResolverSilent { .. }
            | Self::NoAuthorities
            | Self::NotFeasible(_)
            | Self::Insufficient(_)
            | Self::NoProbe { .. }
            | Self::Saved(_) => Outcome::NoEvidence,
        }
    }

    /// Returns a short stable word for JSON and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotProbed => "not-probed",
            Self::Passed { .. } => "passed",
            Self::Connected => "connected",
            Self::Replied => "replied",
            Self::Fulfilled(_) => "fulfilled",
            Self::Unfulfilled(_) => "unfulfilled",
            Self::WrongStatus { .. } => "status",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TimedOut { .. } => "timed-out",
            Self::Reset { .. } => "reset",
            Self::Closed { .. } => "closed",
            Self::HeadersTooLong { .. } => "headers-too-long",
            Self::Malformed(_) => "malformed",
            Self::Lacks { .. } => "lacks-content",
            Self::Certificate(_) => "certificate",
            Self::TlsFailed(_) => "tls",
            Self::NotResolved { .. } => "not-resolved",
            Self::Broken { .. } => "broken",
            Self::NoRoute { .. } => "no-route",
            Self::OutOfDescriptors => "out-of-descriptors",
            Self::OutOfPorts => "out-of-ports",
            Self::NotPermitted => "not-permitted",
            Self::NotAllowed { .. } => "not-allowed",
            Self::OwnAddress { .. } => "own-address",
            Self::Reserved { .. } => "reserved",
            Self::ResolverSilent { .. } => "resolver-silent",
            Self::NoAuthorities => "no-authorities",
            Self::NotFeasible(_) => "not-feasible",
            Self::Insufficient(_) => "insufficient",
            Self::NoProbe { .. } => "no-probe",
            Self::Saved(_) => "saved",
        }
    }
}

/// Outcome of an observation, as it counts for the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The probe passed.
    Good,
    /// The probe failed and the target is to blame.
    Bad,
    /// The probe failed for our own reason (rule a37): not evidence about the target.
    NoEvidence,
}

impl Outcome {
    /// Returns the word that JSON and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::NoEvidence => "no-evidence",
        }
    }
}

/// A phase of a probe, for evidence that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The name is being resolved.
    Resolve,
    /// The TCP connection is being made.
    Connect,
    /// The TLS handshake is under way.
    Tls,
    /// The request is sent; status line and headers are awaited.
    Headers,
    /// The headers are read; the needed part of the body is awaited.
    Body,
    /// A TCP check awaits the octets it wants.
    Reply,
    /// A command runs.
    Command,
}
