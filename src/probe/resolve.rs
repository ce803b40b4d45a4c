//! From a name to the addresses to try (rule a34), and which of them may be probed at all.
//!
//! In: a name. Out: addresses in order, or why there are none. Never here: lookups; [`Names`] makes them.

use std::net::IpAddr;

use crate::health::Finding;
use crate::resolve::{Names, NoAddresses};

/// Most addresses of one name that a probe tries.
const ADDRESSES_MAX: usize = 8;

/// Returns the addresses of a name, at least one, both families, in the order in which they are tried.
pub(super) async fn resolve(names: &Names, host: &str) -> Result<Vec<IpAddr>, Finding> {
    let name = || host.into();
    match names.find(host).await {
        Ok(addresses) => Ok(addresses.iter().take(ADDRESSES_MAX).copied().collect()),
        Err(NoAddresses::Missing) => Err(Finding::NotResolved { name: name() }),
        Err(NoAddresses::Silent) => Err(Finding::ResolverSilent { name: name() }),
    }
}

/// Tells whether an address lies in one of the networks; an empty list allows all.
pub(super) fn is_allowed(networks: &[(IpAddr, u8)], address: IpAddr) -> bool {
    networks.is_empty() || networks.iter().any(|network| covers(*network, address))
}

pub(super) fn covers((network, length): (IpAddr, u8), address: IpAddr) -> bool {
    let (network, address, width) = match (network, address.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(address)) => (
            u128::from(network.to_bits()),
            u128::from(address.to_bits()),
            32,
        ),
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let host_bits = width - u32::from(length).min(width);
    // A shift by the whole width is no shift; a network of length 0 covers all.
    let differs = (network ^ address).checked_shr(host_bits).unwrap_or(0);
    differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_what_the_networks_cover() {
        let networks = |texts: &[&str]| -> Vec<(IpAddr, u8)> {
            let parse = |text: &&str| {
                let (address, length) = text.split_once('/').unwrap();
                (address.parse().unwrap(), length.parse().unwrap())
            };
            texts.iter().map(parse).collect()
        };
        let cases: [(&[&str], &str, bool); 8] = [
            (&[], "192.0.2.1", true),
            (&["192.0.2.0/24"], "192.0.2.255", true),
            (&["192.0.2.0/24"], "192.0.3.0", false),
            (&["192.0.2.0/24", "10.0.0.0/8"], "10.255.0.1", true),
            (&["192.0.2.7/32"], "192.0.2.6", false),
            (&["0.0.0.0/0"], "2001:db8::1", false),
            (&["::/0"], "2001:db8::1", true),
            (&["2001:db8::/32"], "::ffff:10.0.0.1", false),
        ];
        for (texts, address, wanted) in cases {
            let address = address.parse().unwrap();
            assert_eq!(
                is_allowed(&networks(texts), address),
                wanted,
                "{texts:?} {address}"
            );
        }
    }
}
