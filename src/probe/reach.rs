//! Addresses that probes may reach: not this server's own control address, and no link-local one unless it is named.
//!
//! In: an address and port. Out: a permit, or the finding with the reason. Never here: names, connections.
//!
//! Authors of zone files may lack the right to command the server or to read the secrets of its machine. So a check
//! must not reach services that trust callers for their address.
//!
//! | Address | Probed |
//! |---|---|
//! | this server's control address, however it is spelt | never |
//! | link-local, or that of a cloud's metadata service | if `[probe] allow` names a network inside it |
//! | any other | if `[probe] allow` covers it, or is not written |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::resolve::{covers, is_allowed};
use crate::health::Finding;

/// Networks that may be probed only if named: link-local ones (RFC 3927, RFC 4291), and the metadata services of Amazon
/// (IPv6), Google (IPv6), Alibaba, Oracle and Azure.
const RESERVED: [IpNet; 7] = [
    v4([169, 254, 0, 0], 16),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    v4([100, 100, 100, 200], 32),
    v4([192, 0, 0, 192], 32),
    v4([168, 63, 129, 16], 32),
];

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(a, b, c, d, e, f, g, h),
        length,
    ))
}

/// Addresses that may be probed. The default is all but the reserved ones.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Networks that may be probed; empty allows all but the reserved ones.
    pub allow: Vec<IpNet>,
    /// Addresses at which this server takes commands.
    pub own: Vec<SocketAddr>,
}

impl From<Vec<IpNet>> for Reach {
    fn from(allow: Vec<IpNet>) -> Self {
        Self {
            allow,
            own: Vec::new(),
        }
    }
}

impl Reach {
    /// Permits an address, or returns the reason why it may not be probed.
    pub(super) fn permit(&self, target: SocketAddr) -> Result<(), Finding> {
        if self.own.iter().any(|own| is_same(*own, target)) {
            return Err(Finding::OwnAddress { address: target });
        }
        let address = target.ip();
        let is_within =
            |network: &IpNet| spellings(address).any(|address| covers(network, address));
        let is_named = |reserved: IpNet| {
            let mut named = self
                .allow
                .iter()
                .filter(|network| reserved.contains(*network));
            named.any(is_within)
        };
        match RESERVED.into_iter().find(is_within) {
            Some(reserved) if is_named(reserved) => Ok(()),
            Some(_) => Err(Finding::Reserved { address }),
            None if is_allowed(&self.allow, address) => Ok(()),
            None => Err(Finding::NotAllowed { address }),
        }
    }
}

/// Returns an address and the IPv4 address that it stands for: mapped (RFC 4291), compatible (the same), translated by
/// NAT64 (RFC 6052), behind 6to4 (RFC 3056).
fn spellings(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let embedded = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => {
            let low = Ipv4Addr::from_bits(address.to_bits() as u32);
            match address.segments() {
                [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(low),
                [0x2002, high, low, ..] => {
                    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
                }
                _ => None,
            }
        }
    };
    std::iter::once(address).chain(embedded.map(IpAddr::V4))
}

/// Returns whether a connection to `target` would reach a socket of ours that listens on `own`.
fn is_same(own: SocketAddr, target: SocketAddr) -> bool {
    if own.port() != target.port() {
        return false;
    }
    let (own, target) = (own.ip().to_canonical(), target.ip().to_canonical());
    // To connect to the unspecified address is to connect to loopback.
    let is_here = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    own == target
        || (is_here(own) && is_here(target))
        || (own.is_unspecified() && is_of_this_machine(target))
}

/// Returns whether an address is one of this machine: the system would then send from that same address. Sends no
/// packet.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Where there is no route to it, it is no address of ours.
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(allow: &[&str], own: &[&str], target: &str) -> &'static str {
        let reach = Reach {
            allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
            own: own.iter().map(|text| text.parse().unwrap()).collect(),
        };
        match reach.permit(target.parse().unwrap()) {
            Ok(()) => "probed",
            Err(finding) => finding.code(),
        }
    }

    #[test]
    fn never_reaches_the_control_address_however_it_is_spelt() {
        // X12.
        let own = "own-address";
        let cases = [
            ("127.0.0.1:8053", "127.0.0.1:8053", own),
            ("127.0.0.1:8053", "127.0.0.1:8054", "probed"),
            ("127.0.0.1:8053", "0.0.0.0:8053", own),
            ("127.0.0.1:8053", "127.0.0.2:8053", own),
            ("127.0.0.1:8053", "[::ffff:127.0.0.1]:8053", own),
            ("127.0.0.1:8053", "[::]:8053", own),
            ("127.0.0.1:8053", "192.0.2.1:8053", "probed"),
            ("0.0.0.0:8053", "127.0.0.1:8053", own),
            ("[::]:8053", "127.0.0.1:8053", own),
            ("[::]:8053", "[::1]:8053", own),
            ("[::]:8053", "192.0.2.1:8053", "probed"),
            ("192.0.2.1:8053", "192.0.2.1:8053", own),
            ("192.0.2.1:8053", "[::ffff:192.0.2.1]:8053", own),
            ("192.0.2.1:8053", "192.0.2.2:8053", "probed"),
        ];
        for (listening, target, wanted) in cases {
            assert_eq!(
                permit(&[], &[listening], target),
                wanted,
                "{listening} {target}"
            );
        }
    }

    #[test]
    fn reaches_link_local_addresses_only_where_they_are_named() {
        // X12: 169.254.169.254 hands out the credentials of cloud machines.
        let everything = ["0.0.0.0/0", "::/0"];
        for target in [
            "169.254.169.254:80",
            "169.254.0.1:80",
            "[fe80::1]:80",
            "[febf::1]:80",
            "[fd00:ec2::254]:80",
            "[::ffff:169.254.169.254]:80",
            "[64:ff9b::a9fe:a9fe]:80",
            "[2002:a9fe:a9fe::1]:80",
            "[::a9fe:a9fe]:80",
            "100.100.100.200:80",
            "168.63.129.16:80",
        ] {
            assert_eq!(permit(&[], &[], target), "reserved", "{target}");
            assert_eq!(permit(&everything, &[], target), "reserved", "{target}");
        }
        let named = ["0.0.0.0/0", "169.254.7.0/24", "fe80::/10"];
        let cases = [
            ("169.254.7.1:80", "probed"),
            ("169.254.169.254:80", "reserved"),
            ("[fe80::1]:80", "probed"),
            ("192.0.2.1:80", "probed"),
            ("[2001:db8::1]:80", "not-allowed"),
            ("[fec0::1]:80", "not-allowed"),
        ];
        for (target, wanted) in cases {
            assert_eq!(permit(&named, &[], target), wanted, "{target}");
        }
    }
}
