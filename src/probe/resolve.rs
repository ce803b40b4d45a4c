//! From a name to the addresses to try (rule a34), and which of them may be probed at all.
//!
//! In: a name. Out: addresses in order, or why there are none. Never here: caching; each probe asks anew, as the
//! system's resolver decides.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::health::Finding;

/// Most addresses of one name that a probe tries.
pub(super) const ADDRESSES_MAX: usize = 8;

/// Most names that are resolved at once: each occupies a thread of the runtime for as long as the system's resolver
/// works, even if the probe that wanted it has given up.
const LOOKUPS_MAX: usize = 64;

/// Resolves names, a bounded number at once.
#[derive(Debug)]
pub(super) struct Lookups(Arc<Semaphore>);

impl Default for Lookups {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS_MAX)))
    }
}

impl Lookups {
    /// Returns the addresses of a name, at least one, both families, in the order of the system (RFC 6724).
    pub(super) async fn find_addresses(&self, host: &str) -> Result<Vec<IpAddr>, Finding> {
        let silent = || Finding::ResolverSilent { name: host.into() };
        let permit = Arc::clone(&self.0).acquire_owned().await;
        let name = host.to_owned();
        let lookup = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            (name.as_str(), 0)
                .to_socket_addrs()
                .map(Iterator::collect::<Vec<_>>)
        });
        // A lookup fails to join only while the runtime shuts down.
        let found = lookup.await.map_err(|_| silent())?;
        let mut addresses: Vec<IpAddr> = Vec::new();
        for socket in found.map_err(|error| classify_lookup(host, &error))? {
            // Some systems list an address once for each kind of socket.
            if addresses.len() < ADDRESSES_MAX && !addresses.contains(&socket.ip()) {
                addresses.push(socket.ip());
            }
        }
        match addresses.is_empty() {
            true => Err(Finding::NotResolved { name: host.into() }),
            false => Ok(addresses),
        }
    }
}

/// Tells a name that does not exist from a resolver that does not answer. The standard library keeps only the text of
/// `getaddrinfo` errors; these are the texts of `EAI_AGAIN` in glibc and musl, and the system errors come as numbers.
fn classify_lookup(name: &str, error: &io::Error) -> Finding {
    if let Some(libc::EMFILE | libc::ENFILE) = error.raw_os_error() {
        return Finding::OutOfDescriptors;
    }
    let text = error.to_string();
    let is_ours = error.raw_os_error().is_some()
        || ["Temporary failure", "Try again"]
            .iter()
            .any(|sign| text.contains(sign));
    let name = name.into();
    match is_ours {
        true => Finding::ResolverSilent { name },
        false => Finding::NotResolved { name },
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

    #[test]
    fn tells_a_missing_name_from_a_silent_resolver() {
        let cases = [
            (
                "failed to lookup address information: Name or service not known",
                "not-resolved",
            ),
            (
                "failed to lookup address information: Temporary failure in name resolution",
                "resolver-silent",
            ),
            (
                "failed to lookup address information: Try again",
                "resolver-silent",
            ),
        ];
        for (text, code) in cases {
            let finding = classify_lookup("a.example", &io::Error::other(text));
            assert_eq!(finding.code(), code, "{text}");
        }
    }
}
