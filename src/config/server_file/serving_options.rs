//! What the server file says about how the server behaves beside its data, resolved. Every default is a constant of its
//! type.
//!
//! In: nothing. Out: plain settings. Never here: what follows from them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// `[udp]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpSettings {
    /// Largest answer in octets, and what is offered to clients.
    pub payload_size: usize,
    /// How many times its query an answer may be long while the client's address is not proven; 0 for no bound.
    pub amplification_max: usize,
}

impl UdpSettings {
    /// Largest answer: fits every path of the Internet (DNS flag day 2020; RFC 9715).
    pub const PAYLOAD_SIZE: usize = 1232;
    /// Bounds of the above: 512 is what every client takes, 4,096 where RFC 6891, section 6.2.5, starts.
    pub const PAYLOAD_SIZE_BOUNDS: (usize, usize) = (512, 4096);
    /// How many times its query an answer may be long.
    pub const AMPLIFICATION_MAX: usize = 4;
    /// Bounds of the above. Chosen; no standard value.
    pub const AMPLIFICATION_BOUNDS: (usize, usize) = (0, 100);
}

impl Default for UdpSettings {
    fn default() -> Self {
        Self {
            payload_size: Self::PAYLOAD_SIZE,
            amplification_max: Self::AMPLIFICATION_MAX,
        }
    }
}

/// `[cookies]` (RFC 7873).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieSettings {
    /// Whether cookies are answered.
    pub is_enabled: bool,
    /// Whether UDP clients that know cookies must show a valid one.
    pub is_required: bool,
    /// Where the secrets stand; `None` keeps one in the state folder, or in memory without one.
    pub secret_file: Option<PathBuf>,
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            is_required: false,
            secret_file: None,
        }
    }
}

/// `[identity]`: what the server says about itself; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentitySettings {
    /// Name server identifier (RFC 5001) as written: a text, or `0x` and hexadecimal digits.
    pub nsid: Option<String>,
    /// What `hostname.bind` and `id.server` answer.
    pub hostname: Option<String>,
    /// What `version.bind` and `version.server` answer.
    pub version: Option<String>,
}

impl IdentitySettings {
    /// Longest identifier in octets: with every other option it fits 512 octets beside any name.
    pub const NSID_MAX: usize = 128;
    /// Longest text in octets (RFC 1035, section 3.3).
    pub const TEXT_MAX: usize = 255;

    /// Returns the octets of the name server identifier; `None` if there is none.
    pub fn nsid_octets(&self) -> Option<Vec<u8>> {
        octets(self.nsid.as_ref()?)
    }
}

/// Reads a text, or octets as `0x` and pairs of hexadecimal digits; `None` if these are no such pairs.
pub(super) fn octets(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("0x") else {
        return Some(text.as_bytes().to_vec());
    };
    let digits: Option<Vec<u8>> = digits
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// `[rate-limit]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitSettings {
    /// Whether UDP answers are limited.
    pub is_enabled: bool,
    /// Answers a second for each client prefix, zone and kind of answer.
    pub answers_per_second: usize,
    /// Answers a second for each client prefix, of all zones and kinds together; `None` is [`Self::TOTAL_FACTOR`] times
    /// the above.
    pub answers_per_second_total: Option<usize>,
    /// Each so many answers over the limit one is sent empty with TC; 0 for never.
    pub slip: usize,
    /// Clients that are not limited.
    pub allow: Vec<IpNet>,
}

impl RateLimitSettings {
    /// Returns how many answers of all zones and kinds a client prefix gets a second.
    pub fn total(&self) -> usize {
        let times = self.answers_per_second.saturating_mul(Self::TOTAL_FACTOR);
        self.answers_per_second_total.unwrap_or(times)
    }

    /// How many times the rate of one zone and kind all together get. Chosen; no standard value: a resolver that asks
    /// several of our zones stays below, and who is flooded in its name gets no more.
    pub const TOTAL_FACTOR: usize = 2;
    /// Answers a second: a large resolver's share of a busy zone stays below, a reflected flood does not.
    pub const ANSWERS_PER_SECOND: usize = 1_000;
    /// Bounds of the above. Chosen; no standard value.
    pub const ANSWERS_PER_SECOND_BOUNDS: (usize, usize) = (1, 10_000_000);
    /// Each second answer over the limit is sent empty, as BIND and NSD have it.
    pub const SLIP: usize = 2;
    /// Bounds of the above, as BIND has them.
    pub const SLIP_BOUNDS: (usize, usize) = (0, 10);
    /// Clients that are not limited: nobody can be flooded from here but this machine.
    pub const ALLOW: [IpNet; 2] = [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    ];
    /// Most entries of `allow`. Chosen; no standard value.
    pub const ALLOW_MAX: usize = 1_000;
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            answers_per_second: Self::ANSWERS_PER_SECOND,
            answers_per_second_total: None,
            slip: Self::SLIP,
            allow: Self::ALLOW.to_vec(),
        }
    }
}
