//! What a probe can find, and what each finding says about the target.
//!
//! In: nothing. Out: plain data. Never here: counting, sockets, clocks; the words for people are in `wording`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::evidence::{Outcome, Phase};

/// What a probe found. Each finding stands for one [`Outcome`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Finding {
    /// Nothing was probed yet.
    #[default]
    NotProbed,
    /// The HTTP response passed.
    Passed {
        /// Its status code.
        status: u16,
    },
    /// The TCP connection (and TLS session, if wanted) stood; nothing else was asked for.
    Connected,
    /// The TCP target replied as wanted.
    Replied,
    /// What was asked came back as wanted; what it was, in words.
    Fulfilled(Box<str>),

    /// What was asked came back otherwise than wanted; what it was, in words.
    Unfulfilled(Box<str>),
    /// Status code outside the wanted ranges.
    WrongStatus {
        /// The code.
        status: u16,
        /// Where it redirects to, if it does and was not followed.
        location: Option<Box<str>>,
    },
    /// Nobody listens on the port.
    Refused,
    /// A router or the neighbourhood says that the host cannot be reached.
    Unreachable,
    /// Time ran out.
    TimedOut {
        /// In which phase.
        phase: Phase,
        /// How long that phase, or the whole probe, was given.
        after: Duration,
    },
    /// The peer reset the connection.
    Reset {
        /// In which phase.
        phase: Phase,
    },
    /// The peer closed the connection too early.
    Closed {
        /// In which phase.
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
        /// Where it was looked for.
        place: Searched,
        /// What was wanted.
        wanted: Wanted,
        /// How many octets were searched.
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
        /// In which phase.
        phase: Phase,
        /// What the system said.
        reason: Box<str>,
    },

    /// We have no route to the address; the probe never left the machine.
    NoRoute {
        /// Which family lacks the route.
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
    /// No resolver answered us.
    ResolverSilent {
        /// The name.
        name: Box<str>,
    },
    /// No certificate authority is known to verify against.
    NoAuthorities,
    /// The probe cannot be made as configured.
    NotFeasible(Box<str>),
    /// Whoever watches the target could not say how it is; why, in words.
    Insufficient(Box<str>),
    /// No probe ended for so long.
    NoProbe {
        /// Since the last one.
        since: Duration,
    },
    /// The status was saved before the restart; with the evidence of that time.
    Saved(Box<str>),
}

/// Where text was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// The body of an HTTP response.
    Body,
    /// What a TCP target sent.
    Reply,
}

/// What was looked for.
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

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// Its validity is over.
    Expired {
        /// For how long.
        ago: Duration,
    },
    /// Its validity has not begun.
    NotYetValid {
        /// How long it will take.
        ahead: Duration,
    },
    /// It is valid, but for less time than wanted (`days-left`).
    EndsSoon {
        /// For how long it is still valid.
        left: Duration,
        /// How many days were wanted.
        wanted_days: u16,
    },
    /// It is for other names.
    OtherNames {
        /// The name that was wanted.
        wanted: Box<str>,
        /// The names it is for.
        names: Vec<Box<str>>,
    },
    /// No known authority vouches for it.
    UnknownIssuer {
        /// Who should be known, if that can be read.
        issuer: Option<Box<str>>,
        /// Whether that is whom the certificate is for.
        is_self_signed: bool,
    },
    /// It is good, but that of an authority above it is not.
    Authority {
        /// Whose certificate.
        name: Box<str>,
        /// What is wrong with that one.
        fault: Box<Self>,
    },
    /// Anything else.
    Other(Box<str>),
}

impl Finding {
    /// Returns what the finding says about the target.
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
