//! Serving options apart from zones and health: payload size, cookies, identity, extended errors, limits.
//!
//! In: settings and secrets, once a load. Out: one immutable [`ServingOptions`] that hangs on the world, so that a new one
//! takes effect with the next batch. Never here: files, settings as text, or anything that changes with a query.

use std::time::Duration;

use crate::wire::{CookieSecrets, NSID_MAX};

use super::rate::RateLimits;
use super::reasons::Reasons;

/// Largest UDP payload that is sent or offered by default, octets (DNS flag day 2020; RFC 9715).
pub const UDP_PAYLOAD_MAX: u16 = 1232;

/// Serving options apart from zones and health. By default no cookies, no limits, no server identity.
#[derive(Clone, Debug, PartialEq)]
pub struct ServingOptions {
    /// Largest UDP payload that is sent, and the one that is offered, octets (RFC 6891, section 6.2.3).
    pub payload_size: u16,
    /// Cookies; `None` ignores them.
    pub cookies: Option<Cookies>,
    /// Identity of the server.
    pub identity: Identity,
    /// Idle timeout of streams, as announced to clients that ask (RFC 7828).
    pub idle_timeout: Duration,
    /// True if extended errors accompany response codes (RFC 8914).
    pub has_extended_errors: bool,
    /// Largest UDP answer to an unproven address, in multiples of its query's length, but at least 512 octets unless it
    /// is for ANY; `None` for no bound.
    pub amplification_max: Option<u8>,
    /// Limits of UDP answers; `None` for none.
    pub rate: Option<RateLimits>,
    /// Explanations by DNS; `None` for off.
    pub reasons: Option<Reasons>,
}

impl Default for ServingOptions {
    fn default() -> Self {
        Self {
            payload_size: UDP_PAYLOAD_MAX,
            cookies: None,
            identity: Identity::default(),
            idle_timeout: Duration::from_secs(10),
            has_extended_errors: false,
            amplification_max: None,
            rate: None,
            reasons: None,
        }
    }
}

/// Cookies (RFC 7873).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookies {
    /// Secrets that cookies are made and checked with.
    pub secrets: CookieSecrets,
    /// Answer to a UDP client that sends a client cookie without a valid server cookie.
    pub without: WithoutCookie,
}

/// Answer to a UDP client that sends a client cookie without a valid server cookie (RFC 7873, section 5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutCookie {
    /// The answer, and a cookie for the next time.
    Answer,
    /// BADCOOKIE and a cookie to ask again with.
    BadCookie,
}

/// Identity of the server; absent parts are not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name server identifier (RFC 5001), at most [`NSID_MAX`] octets.
    nsid: Option<Box<[u8]>>,
    /// TXT RDATA of `hostname.bind` and `id.server` in class CH (RFC 4892).
    hostname: Option<Box<[u8]>>,
    /// TXT RDATA of `version.bind` and `version.server` in class CH.
    version: Option<Box<[u8]>>,
}

impl Identity {
    /// Makes an identity; texts are cut to 255 octets, the identifier to [`NSID_MAX`].
    pub fn new(nsid: Option<&[u8]>, hostname: Option<&str>, version: Option<&str>) -> Self {
        let text = |text: &str| {
            let octets = &text.as_bytes()[..text.len().min(255)];
            [&[octets.len() as u8], octets].concat().into_boxed_slice()
        };
        Self {
            nsid: nsid.map(|nsid| nsid[..nsid.len().min(NSID_MAX)].into()),
            hostname: hostname.map(text),
            version: version.map(text),
        }
    }

    /// Returns the name server identifier.
    pub fn nsid(&self) -> Option<&[u8]> {
        self.nsid.as_deref()
    }

    /// Returns the TXT RDATA of a folded name in class CH, if it is one of the four that servers use and has a text.
    pub fn chaos(&self, folded: &[u8]) -> Option<&[u8]> {
        match folded {
            b"\x02id\x06server\0" | b"\x08hostname\x04bind\0" => self.hostname.as_deref(),
            b"\x07version\x04bind\0" | b"\x07version\x06server\0" => self.version.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_only_what_it_was_told_to() {
        let silent = Identity::default();
        let told = Identity::new(Some(&[7; 200]), Some("ns1"), None);
        let cases: [(&[u8], Option<&[u8]>); 5] = [
            (b"\x02id\x06server\0", Some(b"\x03ns1")),
            (b"\x08hostname\x04bind\0", Some(b"\x03ns1")),
            (b"\x07version\x04bind\0", None),
            (b"\x07authors\x04bind\0", None),
            (b"\0", None),
        ];
        for (name, wanted) in cases {
            assert_eq!(told.chaos(name), wanted, "{name:?}");
            assert_eq!(silent.chaos(name), None, "{name:?}");
        }
        assert_eq!(told.nsid().map(<[u8]>::len), Some(NSID_MAX));
    }
}
