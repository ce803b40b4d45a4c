//! Name to the addresses to try (rule a34); networks that cover an address.
//!
//! In: a name. Out: addresses in order, or the reason why there are none. Never here: lookups, which [`Names`] makes.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::health::Finding;
use crate::resolver::{Names, NoAddresses};

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

/// Returns whether an address lies in one of the networks; an empty list allows all.
pub(super) fn is_allowed(networks: &[IpNet], address: IpAddr) -> bool {
    networks.is_empty() || networks.iter().any(|network| covers(network, address))
}

/// Returns whether an address lies in a network; an IPv4-mapped address counts as IPv4.
pub(super) fn covers(network: &IpNet, address: IpAddr) -> bool {
    network.contains(&address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_what_the_networks_cover() {
        let networks = |texts: &[&str]| -> Vec<IpNet> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
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
