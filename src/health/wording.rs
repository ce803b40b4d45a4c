//! Evidence in words, one line for an operator in an outage.
//!
//! In: evidence. Out: one line of plain English. Never here: decisions.

use std::fmt;
use std::time::Duration;

use super::evidence::Evidence;

use super::finding::Phase;
use super::finding::{CertificateFault, Family, Finding, Searched, Wanted};

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.finding.fmt(f)?;
        match self.address {
            Some(address) => write!(f, " (at {address})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "while resolving the name",
            Self::Connect => "while connecting",
            Self::Tls => "in the TLS handshake",
            Self::Headers => "waiting for headers",
            Self::Body => "while reading the body",
            Self::Reply => "waiting for the expected reply",
            Self::Command => "while the command ran",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotProbed => f.write_str("not probed yet"),
            Self::Passed { status } => write!(f, "status {status}"),
            Self::Connected => f.write_str("connected"),
            Self::Replied => f.write_str("replied as expected"),
            Self::Fulfilled(what) | Self::Unfulfilled(what) => f.write_str(what),
            Self::WrongStatus { status, location } => match location {
                None => write!(f, "status {status}"),
                Some(to) => write!(f, "status {status}, redirect to {to} not followed"),
            },
            Self::Refused => f.write_str("connect refused"),
            Self::Unreachable => f.write_str("host unreachable"),
            Self::TimedOut { phase, after } => {
                write!(f, "timed out after {} {phase}", Span(*after))
            }
            Self::Reset { phase } => write!(f, "connection reset {phase}"),
            Self::Closed { phase } => write!(f, "connection closed {phase}"),
            Self::HeadersTooLong { max, longest } => {
                write!(f, "headers over {} bytes", Grouped(*max))?;
                match longest {
                    Some((name, octets)) => write!(f, ", the longest is {name}, {}", Grouped(*octets)),
                    None => Ok(()),
                }
            }
            Self::Malformed(what) => write!(f, "malformed response: {what}"),
            Self::Lacks {
                place,
                wanted,
                searched,
            } => write_lacks(f, *place, wanted, *searched),
            Self::Certificate(fault) => fault.fmt(f),
            Self::TlsFailed(why) => write!(f, "TLS handshake failed: {why}"),
            Self::NotResolved { name } => write!(f, "{name} did not resolve"),
            Self::Broken { phase, reason } => write!(f, "connection failed {phase}: {reason}"),
            Self::NoRoute { family } => write!(f, "no route to host for {family} (no evidence)"),
            Self::OutOfDescriptors => {
                f.write_str("this server is out of file descriptors (no evidence)")
            }
            Self::OutOfPorts => {
                f.write_str("this server is out of local ports or socket memory (no evidence)")
            }
            Self::NotPermitted => {
                f.write_str("this server may not connect there: a local rule forbids it (no evidence)")
            }
            Self::NotAllowed { address } => write!(
                f,
                "{address} lies outside the networks that may be probed (no evidence)"
            ),
            Self::OwnAddress { address } => write!(
                f,
                "{address} is where this server takes commands; checks never go there (no evidence)"
            ),
            Self::Reserved { address } => write!(
                f,
                "{address} is link-local or of a cloud's metadata service, which are probed only where `[probe] allow` names them (no evidence)"
            ),
            Self::ResolverSilent { name } => {
                write!(f, "no resolver answered for {name} (no evidence)")
            }
            Self::NoAuthorities => f.write_str(
                "no system certificate authorities found to verify with; install ca-certificates and restart, or set `ca` (no evidence)",
            ),
            Self::NotFeasible(why) => write!(f, "the probe cannot be made: {why} (no evidence)"),
            Self::Insufficient(why) => write!(f, "{why} (no evidence)"),
            Self::NoProbe { since } => write!(f, "no probe ended for {} (no evidence)", Span(*since)),
            Self::Saved(was) => write!(f, "{was} (before the restart)"),
        }
    }
}

fn write_lacks(
    f: &mut fmt::Formatter<'_>,
    place: Searched,
    wanted: &Wanted,
    searched: usize,
) -> fmt::Result {
    f.write_str(match place {
        Searched::Body => "body",
        Searched::Reply => "reply",
    })?;
    match wanted {
        Wanted::Text(text) => write!(f, " lacks {text:?}")?,
        Wanted::Pattern(pattern) => write!(f, " does not match /{pattern}/")?,
    }
    match searched {
        0 => f.write_str(" (it is empty)"),
        count => write!(f, " ({} bytes searched)", Grouped(count)),
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Most names of a certificate that a message lists.
const NAMES_SHOWN_MAX: usize = 5;

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { ago } => write!(f, "certificate expired {} ago", Span(*ago)),
            Self::NotYetValid { ahead } => {
                write!(f, "certificate becomes valid only in {}", Span(*ahead))
            }
            Self::EndsSoon { left, wanted_days } => {
                match left.as_secs() / 86_400 {
                    0 => write!(f, "certificate valid for {} more", Span(*left))?,
                    1 => f.write_str("certificate valid for 1 more day")?,
                    days => write!(f, "certificate valid for {days} more days")?,
                }
                write!(f, " but {wanted_days} days wanted")
            }
            Self::OtherNames { wanted, names } => {
                write!(f, "certificate is not for {wanted} but for ")?;
                if names.is_empty() {
                    return f.write_str("no name at all");
                }
                f.write_str(&names[..names.len().min(NAMES_SHOWN_MAX)].join(", "))?;
                match names.len().saturating_sub(NAMES_SHOWN_MAX) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::UnknownIssuer {
                issuer: Some(issuer),
                is_self_signed: true,
            } => write!(f, "certificate is self-signed, by {issuer}"),
            Self::UnknownIssuer { issuer, .. } => {
                f.write_str("certificate is from an unknown authority")?;
                match issuer {
                    Some(issuer) => write!(f, ", {issuer}"),
                    None => Ok(()),
                }
            }
            Self::Authority { name, fault } => {
                let fault = fault.to_string();
                let what = fault.strip_prefix("certificate").unwrap_or(&fault);
                write!(f, "certificate of the authority {name}{what}")
            }
            Self::Other(why) => write!(f, "certificate is not valid: {why}"),
        }
    }
}

/// Writes a span of time with the precision a reader needs: `350 ms`, `2.0 s`, `5 minutes`, `3 days`.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        let (count, unit) = match secs {
            0 => return write!(f, "{} ms", self.0.as_millis()),
            1..120 => return write!(f, "{:.1} s", self.0.as_secs_f64()),
            120..7_200 => (secs / 60, "minutes"),
            7_200..172_800 => (secs / 3_600, "hours"),
            _ => (secs / 86_400, "days"),
        };
        write!(f, "{count} {unit}")
    }
}

/// Writes a number with commas between thousands.
struct Grouped(usize);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (0, low) => write!(f, "{low}"),
            (high, low) => write!(f, "{},{low:03}", Self(high)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Outcome;

    #[test]
    fn reads_as_a_sentence_and_stands_for_one_outcome() {
        use Outcome::{Bad, Good, NoEvidence};
        let lacks = |wanted, searched| Finding::Lacks {
            place: Searched::Body,
            wanted,
            searched,
        };
        let certificate = Finding::Certificate;
        let days = |count: u64| Duration::from_secs(count * 86_400);
        #[rustfmt::skip]
        let cases = [
            (Finding::Passed { status: 200 }, Good, "status 200"),
            (Finding::WrongStatus { status: 503, location: None }, Bad, "status 503"),
            (Finding::WrongStatus { status: 301, location: Some("https://b.example/".into()) }, Bad,
             "status 301, redirect to https://b.example/ not followed"),
            (Finding::Refused, Bad, "connect refused"),
            (Finding::TimedOut { phase: Phase::Headers, after: Duration::from_secs(2) }, Bad,
             "timed out after 2.0 s waiting for headers"),
            (Finding::TimedOut { phase: Phase::Connect, after: Duration::from_millis(350) }, Bad,
             "timed out after 350 ms while connecting"),
            (lacks(Wanted::Text("ready".into()), 12), Bad, "body lacks \"ready\" (12 bytes searched)"),
            (lacks(Wanted::Text("ready".into()), 0), Bad, "body lacks \"ready\" (it is empty)"),
            (lacks(Wanted::Pattern("^ok$".into()), 5120), Bad, "body does not match /^ok$/ (5,120 bytes searched)"),
            (certificate(CertificateFault::Expired { ago: days(3) }), Bad, "certificate expired 3 days ago"),
            (certificate(CertificateFault::EndsSoon { left: days(5), wanted_days: 14 }), Bad,
             "certificate valid for 5 more days but 14 days wanted"),
            (certificate(CertificateFault::OtherNames {
                wanted: "www.example.com".into(), names: vec!["a.example".into(), "b.example".into()] }), Bad,
             "certificate is not for www.example.com but for a.example, b.example"),
            (Finding::Reset { phase: Phase::Body }, Bad, "connection reset while reading the body"),
            (Finding::HeadersTooLong { max: 16_384, longest: None }, Bad, "headers over 16,384 bytes"),
            (Finding::HeadersTooLong { max: 16_384, longest: Some(("\"Set-Cookie\"".into(), 15_000)) }, Bad,
             "headers over 16,384 bytes, the longest is \"Set-Cookie\", 15,000"),
            (Finding::NotResolved { name: "a.example".into() }, Bad, "a.example did not resolve"),
            (Finding::NoRoute { family: Family::V6 }, NoEvidence, "no route to host for IPv6 (no evidence)"),
            (Finding::OutOfDescriptors, NoEvidence, "this server is out of file descriptors (no evidence)"),
            (Finding::Saved("status 503".into()), NoEvidence, "status 503 (before the restart)"),
        ];
        for (finding, outcome, text) in cases {
            assert_eq!(finding.outcome(), outcome, "{finding:?}");
            assert_eq!(finding.to_string(), text);
        }
    }

    #[test]
    fn names_the_address_of_a_target_that_is_a_name() {
        let evidence = Evidence {
            address: Some("2001:db8::1".parse().expect("an address")),
            finding: Finding::Refused,
        };
        assert_eq!(evidence.to_string(), "connect refused (at 2001:db8::1)");
    }
}
