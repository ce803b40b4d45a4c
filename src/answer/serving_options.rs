//! How the server behaves beside its data: payload size, cookies, identity, extended errors, limits.
//!
//! In: settings and secrets, once a load. Out: one immutable [`ServingOptions`] that hangs on the world, so that a new one
//! takes effect with the next batch. Never here: files, settings as text, or anything that changes with a query.

use std::time::Duration;

use crate::wire::{CookieSecrets, NSID_MAX};

use super::rate::RateLimits;
use super::reasons::Reasons;

/// Largest UDP payload that is sent or offered by default (DNS flag day 2020; RFC 9715).
pub const UDP_PAYLOAD_MAX: u16 = 1232;

/// How the server behaves beside its data. The default is the plainest: no cookies, no limits, no name of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct ServingOptions {
    /// Largest UDP payload that is sent, and the one that is offered (RFC 6891, section 6.2.3).
    pub payload_size: u16,
    /// Cookies; `None` ignores them.
    pub cookies: Option<Cookies>,
    /// What the server says about itself.
    pub identity: Identity,
    /// How long a stream may be quiet, as told to clients that ask (RFC 7828).
    pub idle_timeout: Duration,
    /// Whether reasons are sent beside response codes (RFC 8914).
    pub has_extended_errors: bool,
    /// How many times its query a UDP answer may be long if the client's address is not proven; `None` for no bound.
    pub amplification_max: Option<u8>,
    /// Limits of UDP answers; `None` for none.
    pub rate: Option<RateLimits>,
    /// Who may ask why by DNS; `None` for nobody.
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
    /// What they are made and checked with.
    pub secrets: CookieSecrets,
    /// What a UDP client gets that knows cookies and shows none of ours.
    pub without: WithoutCookie,
}

/// What a UDP client gets that knows cookies and shows none that is valid (RFC 7873, section 5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutCookie {
    /// Its answer and a cookie for the next time.
    Answer,
    /// BADCOOKIE and a cookie to ask again with.
    BadCookie,
}

/// What the server says about itself; nothing that is absent is said.
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

    /// Returns the TXT RDATA of a folded name in class CH, if it is one of the four that servers know and said.
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
