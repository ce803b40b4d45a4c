//! Addresses to listen on, by kind of transport.
//!
//! In: the server file, or sockets that were passed. Out: [`Listen`], checked for what cannot be meant. Never here: sockets.

use std::net::SocketAddr;

use super::bind_fault::{BindFault, LISTEN_MAX};
use super::engine::Transport;

/// Addresses to listen on, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// UDP and TCP, both on each.
    pub plain: Vec<SocketAddr>,
    /// DNS over TLS.
    pub tls: Vec<SocketAddr>,
    /// DNS over HTTPS.
    pub https: Vec<SocketAddr>,
    /// DNS over QUIC.
    pub quic: Vec<SocketAddr>,
}

impl Listen {
    /// Makes a list of addresses for UDP and TCP alone.
    pub fn plain(addresses: &[SocketAddr]) -> Self {
        Self {
            plain: addresses.to_vec(),
            ..Self::default()
        }
    }

    /// Makes a list of one address.
    pub fn of_one(transport: Transport, address: SocketAddr) -> Self {
        let mut listen = Self::default();
        listen.of_mut(transport).push(address);
        listen
    }

    /// Returns the addresses of one transport.
    pub fn of(&self, transport: Transport) -> &[SocketAddr] {
        match transport {
            Transport::Udp | Transport::Tcp => &self.plain,
            Transport::Tls => &self.tls,
            Transport::Https => &self.https,
            Transport::Quic => &self.quic,
        }
    }

    /// Returns the addresses of one transport, to be changed.
    pub(super) fn of_mut(&mut self, transport: Transport) -> &mut Vec<SocketAddr> {
        match transport {
            Transport::Udp | Transport::Tcp => &mut self.plain,
            Transport::Tls => &mut self.tls,
            Transport::Https => &mut self.https,
            Transport::Quic => &mut self.quic,
        }
    }

    /// Returns how many addresses there are in all.
    pub fn count(&self) -> usize {
        self.plain.len() + self.tls.len() + self.https.len() + self.quic.len()
    }

    /// Writes every address; all but the plain ones with their transport before them.
    pub fn shown(&self) -> Vec<String> {
        let plain = self.plain.iter().map(ToString::to_string);
        let others = [Transport::Tls, Transport::Https, Transport::Quic].map(|transport| {
            let addresses = self.of(transport).iter();
            addresses.map(move |address| format!("{} {address}", transport.name()))
        });
        plain.chain(others.into_iter().flatten()).collect()
    }

    /// Checks that the number of addresses is in bounds, and that no two claim the same port of the same protocol.
    pub(super) fn check(&self, is_needed: bool) -> Result<(), BindFault> {
        if (is_needed && self.count() == 0) || self.count() > LISTEN_MAX {
            return Err(BindFault::AddressCount(self.count()));
        }
        let streams: Vec<_> = [&self.plain, &self.tls, &self.https]
            .into_iter()
            .flatten()
            .collect();
        let datagrams: Vec<_> = self.plain.iter().chain(&self.quic).collect();
        check_apart(&streams)?;
        check_apart(&datagrams)
    }
}

/// Checks that no address stands twice or covers another. Port 0 asks for any free port, so two of them are two ports.
fn check_apart(addresses: &[&SocketAddr]) -> Result<(), BindFault> {
    let fixed: Vec<_> = addresses.iter().filter(|each| each.port() != 0).collect();
    for (at, one) in fixed.iter().enumerate() {
        for other in &fixed[at + 1..] {
            if one == other {
                return Err(BindFault::Twice(***one));
            }
            let is_same_port = one.port() == other.port() && one.is_ipv4() == other.is_ipv4();
            let (wildcard, single) = match (one.ip().is_unspecified(), other.ip().is_unspecified())
            {
                (true, false) => (***one, ***other),
                (false, true) => (***other, ***one),
                _ => continue,
            };
            if is_same_port {
                return Err(BindFault::Covered { wildcard, single });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_streams_and_datagrams_share_a_port_and_nothing_else() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let one = vec![address("127.0.0.1:5853")];
        let all = vec![address("0.0.0.0:5853")];
        let v6 = vec![address("[::]:5853")];
        let any = vec![address("127.0.0.1:0"); 3];
        let listen = |plain: &[SocketAddr],
                      tls: &[SocketAddr],
                      https: &[SocketAddr],
                      quic: &[SocketAddr]| Listen {
            plain: plain.to_vec(),
            tls: tls.to_vec(),
            https: https.to_vec(),
            quic: quic.to_vec(),
        };
        let cases = [
            ("tls and quic", listen(&[], &one, &[], &one), true),
            ("https and quic", listen(&[], &[], &all, &one), true),
            ("families", listen(&all, &v6, &[], &[]), true),
            ("any port", listen(&any, &any, &any, &any), true),
            ("plain and tls", listen(&one, &one, &[], &[]), false),
            ("plain and quic", listen(&one, &[], &[], &one), false),
            ("tls and https", listen(&[], &one, &one, &[]), false),
            ("covered", listen(&all, &one, &[], &[]), false),
            ("nothing", Listen::default(), false),
        ];
        for (name, listen, is_fine) in cases {
            assert_eq!(listen.check(true).is_ok(), is_fine, "{name}");
        }
    }
}
