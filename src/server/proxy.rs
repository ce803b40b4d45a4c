//! The PROXY protocol, version 1 and 2: the client's address in a header that a trusted proxy sends first.
//!
//! In: octets from a proxy. Out: an [`Origin`] and how many octets its header had. Never here: reading sockets, or
//! what follows the header.
//!
//! A trusted source must send a header: to guess whether one is there would let its clients forge one. From any other
//! source a header is never looked for; it is no DNS, and ends as other nonsense does.
//!
//! | Version | First octets | Then |
//! |---|---|---|
//! | 1 | `PROXY ` | words to the end of a line, at most 107 octets |
//! | 2 | 12 fixed ones | command, family, length, addresses, extensions |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv6Net};

/// The fixed octets of version 2.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The first octets of version 1.
const WORD: &[u8] = b"PROXY ";

/// Longest line of version 1, octets, its end included (protocol text, section 2.1).
const LINE_MAX: usize = 107;

/// The octets of version 2 before addresses.
const FIXED_SIZE: usize = 16;

/// The longest header of version 2: addresses, and extensions of which no known proxy sends more than some hundred
/// octets. Chosen: a datagram has to hold a query after it.
pub(super) const HEADER_MAX: usize = 1_024;

/// Octets that distinguish the two versions; the shortest header has more.
const TELLING_SIZE: usize = 8;

/// Networks of trusted proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// IPv4 as IPv4-mapped IPv6.
    networks: Vec<Ipv6Net>,
}

impl TrustedProxies {
    /// The most networks: each new connection, and each datagram, is compared with all.
    pub const NETWORKS_MAX: usize = 64;

    /// Makes a list of networks; those beyond [`Self::NETWORKS_MAX`] are left out.
    pub fn new(networks: &[IpNet]) -> Self {
        let networks = networks.iter().take(Self::NETWORKS_MAX);
        let networks = networks.map(|network| match network {
            IpNet::V4(v4) => Ipv6Net::new_assert(v4.addr().to_ipv6_mapped(), 96 + v4.prefix_len()),
            IpNet::V6(v6) => *v6,
        });
        Self {
            networks: networks.collect(),
        }
    }

    /// Returns whether no proxy is trusted.
    pub(super) fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Returns whether an address is that of a trusted proxy.
    pub(super) fn is_trusted(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let mut networks = self.networks.iter();
        networks.any(|network| network.contains(&address))
    }
}

/// Client that a PROXY header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This client.
    Client(SocketAddr),
    /// The proxy itself, as for its own health checks, or a client without an Internet address.
    Proxy,
}

impl Origin {
    /// Returns the client's address, where `proxy` sent the header.
    pub(super) fn client(self, proxy: SocketAddr) -> SocketAddr {
        match self {
            Self::Client(client) => client,
            Self::Proxy => proxy,
        }
    }
}

/// State of a header that is being received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Octets that are missing at least; reading no more than these leaves the octets after the header unread.
    Missing(usize),
    /// Complete: client, and length of the header in octets.
    Whole(Origin, usize),
}

/// No header, or none that this server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoHeader;

/// Reads the header at the start of `input`.
pub(super) fn read_header(input: &[u8]) -> Result<Progress, NoHeader> {
    let seen = input.len().min(TELLING_SIZE);
    if SIGNATURE.starts_with(&input[..seen]) {
        if seen < TELLING_SIZE {
            return Ok(Progress::Missing(TELLING_SIZE - seen));
        }
        return read_binary(input);
    }
    let seen = seen.min(WORD.len());
    if !WORD.starts_with(&input[..seen]) {
        return Err(NoHeader);
    }
    if input.len() < TELLING_SIZE {
        return Ok(Progress::Missing(TELLING_SIZE - input.len()));
    }
    read_line(input)
}

/// Reads version 2 (protocol text, section 2.2).
fn read_binary(input: &[u8]) -> Result<Progress, NoHeader> {
    let Some((fixed, rest)) = input.split_first_chunk::<FIXED_SIZE>() else {
        return Ok(Progress::Missing(FIXED_SIZE - input.len()));
    };
    let (signature, command, family) = (&fixed[..12], fixed[12], fixed[13]);
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if signature != SIGNATURE || command >> 4 != 2 || FIXED_SIZE + length > HEADER_MAX {
        return Err(NoHeader);
    }
    let Some(body) = rest.get(..length) else {
        return Ok(Progress::Missing(length - rest.len()));
    };
    let origin = match (command & 0x0f, family >> 4) {
        // LOCAL: what stands in the body is skipped.
        (0, _) => Origin::Proxy,
        (1, 1) => {
            let (source, port) = endpoint::<4>(body)?;
            Origin::Client(SocketAddr::new(Ipv4Addr::from(source).into(), port))
        }
        (1, 2) => {
            let (source, port) = endpoint::<16>(body)?;
            Origin::Client(SocketAddr::new(Ipv6Addr::from(source).into(), port))
        }
        // Unspecified, or a socket of the proxy's own machine.
        (1, 0 | 3) => Origin::Proxy,
        _ => return Err(NoHeader),
    };
    Ok(Progress::Whole(origin, FIXED_SIZE + length))
}

/// Reads the source of a body: both addresses, then both ports.
fn endpoint<const N: usize>(body: &[u8]) -> Result<([u8; N], u16), NoHeader> {
    let (source, rest) = body.split_first_chunk::<N>().ok_or(NoHeader)?;
    let (_, ports) = rest.split_first_chunk::<N>().ok_or(NoHeader)?;
    let (ports, _) = ports.split_first_chunk::<4>().ok_or(NoHeader)?;
    Ok((*source, u16::from_be_bytes([ports[0], ports[1]])))
}

/// Reads version 1 (protocol text, section 2.1).
fn read_line(input: &[u8]) -> Result<Progress, NoHeader> {
    let seen = &input[..input.len().min(LINE_MAX)];
    let Some(end) = seen.windows(2).position(|pair| pair == b"\r\n") else {
        let missing = if seen.last() == Some(&b'\r') { 1 } else { 2 };
        return match seen.len() + missing {
            ..=LINE_MAX => Ok(Progress::Missing(missing)),
            _ => Err(NoHeader),
        };
    };
    let line = std::str::from_utf8(&seen[WORD.len()..end]).map_err(|_| NoHeader)?;
    let mut words = line.split(' ');
    let family = words.next().ok_or(NoHeader)?;
    if family == "UNKNOWN" {
        return Ok(Progress::Whole(Origin::Proxy, end + 2));
    }
    let mut word = || words.next().ok_or(NoHeader);
    let (source, destination) = (word()?, word()?);
    let (port, destination_port) = (word()?, word()?);
    let address = |text: &str| text.parse::<IpAddr>().map_err(|_| NoHeader);
    let number = |text: &str| text.parse::<u16>().map_err(|_| NoHeader);
    let (source, destination) = (address(source)?, address(destination)?);
    let (port, _) = (number(port)?, number(destination_port)?);
    let is_meant = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    if !is_meant || words.next().is_some() {
        return Err(NoHeader);
    }
    let client = SocketAddr::new(source, port);
    Ok(Progress::Whole(Origin::Client(client), end + 2))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header of version 2 from `client`.
    pub(in crate::server) fn header(client: SocketAddr, extensions: &[u8]) -> Vec<u8> {
        let (family, addresses) = match client.ip() {
            IpAddr::V4(v4) => (0x11, [&v4.octets()[..], &[192, 0, 2, 53]].concat()),
            IpAddr::V6(v6) => (0x21, [v6.octets(), [7; 16]].concat()),
        };
        let ports = [client.port().to_be_bytes(), [0, 53]].concat();
        let body = [&addresses, &ports, extensions].concat();
        binary(0x21, family, &body)
    }

    pub(in crate::server) fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE, &[command, family][..], &length, body].concat()
    }

    fn whole(input: &[u8]) -> Option<(Origin, usize)> {
        match read_header(input) {
            Ok(Progress::Whole(origin, len)) => Some((origin, len)),
            _ => None,
        }
    }

    #[test]
    fn reads_who_asks() {
        let client = |text: &str| Some(Origin::Client(text.parse().unwrap()));
        let proxy = Some(Origin::Proxy);
        let v4 = header("192.0.2.1:4242".parse().unwrap(), &[]);
        let v6 = header("[2001:db8::1]:53".parse().unwrap(), &[3, 0, 1, 9]);
        let cases: Vec<(&str, Vec<u8>, Option<Origin>)> = vec![
            ("v4", v4, client("192.0.2.1:4242")),
            ("v6", v6, client("[2001:db8::1]:53")),
            ("local", binary(0x20, 0, &[]), proxy),
            ("local with a body", binary(0x20, 0x11, &[0; 12]), proxy),
            ("unspecified", binary(0x21, 0, &[1, 2]), proxy),
            ("unix", binary(0x21, 0x31, &[0; 216]), proxy),
            ("short body", binary(0x21, 0x11, &[0; 11]), None),
            ("family 4", binary(0x21, 0x41, &[0; 40]), None),
            ("command 2", binary(0x22, 0x11, &[0; 12]), None),
            ("version 1 in binary", binary(0x11, 0x11, &[0; 12]), None),
            ("too long", binary(0x21, 0x11, &[0; HEADER_MAX]), None),
        ];
        for (name, input, wanted) in cases {
            let found = whole(&input);
            assert_eq!(found, wanted.map(|origin| (origin, input.len())), "{name}");
        }
        let lines: [(&str, Option<Origin>); 13] = [
            (
                "PROXY TCP4 192.0.2.1 192.0.2.2 77 53\r\n",
                client("192.0.2.1:77"),
            ),
            (
                "PROXY TCP6 2001:db8::1 ::1 77 53\r\n",
                client("[2001:db8::1]:77"),
            ),
            ("PROXY UNKNOWN\r\n", proxy),
            ("PROXY UNKNOWN ff::1 ff::2 1 2\r\n", proxy),
            ("PROXY TCP4 2001:db8::1 ::1 77 53\r\n", None),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 77\r\n", None),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 77 53 9\r\n", None),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 77777 53\r\n", None),
            ("PROXY UDP4 192.0.2.1 192.0.2.2 77 53\r\n", None),
            ("PROXY  TCP4 192.0.2.1 192.0.2.2 77 53\r\n", None),
            ("PROXY\r\n", None),
            ("proxy UNKNOWN\r\n", None),
            ("GET / HTTP/1.1\r\n", None),
        ];
        for (line, wanted) in lines {
            let found = whole(line.as_bytes());
            assert_eq!(found, wanted.map(|origin| (origin, line.len())), "{line:?}");
        }
    }

    #[test]
    fn refuses_lines_that_do_not_end() {
        let line = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat();
        assert_eq!(read_header(&line), Err(NoHeader));
        assert_eq!(read_header(&line[..106]), Err(NoHeader));
        assert_eq!(read_header(&line[..105]), Ok(Progress::Missing(2)));
    }

    #[test]
    fn trusts_networks_and_nobody_by_default() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let networks = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"];
        let networks = networks.map(|text| text.parse().unwrap());
        let trusted = TrustedProxies::new(&networks);
        let cases = [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.0", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("192.0.2.7", true),
            ("192.0.2.6", false),
        ];
        for (text, is_trusted) in cases {
            assert_eq!(trusted.is_trusted(address(text)), is_trusted, "{text}");
            assert!(!TrustedProxies::default().is_trusted(address(text)));
        }
        let all = TrustedProxies::new(&["::/0".parse().unwrap()]);
        assert!(all.is_trusted(address("192.0.2.1")) && all.is_trusted(address("::1")));
    }

    proptest! {
        #[test]
        fn reads_back_what_a_proxy_writes(
            address: u128, is_v4: bool, port: u16,
            extensions in proptest::collection::vec(any::<u8>(), 0..300),
            after in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let ip = if is_v4 {
                IpAddr::V4(Ipv4Addr::from_bits(address as u32))
            } else {
                IpAddr::V6(Ipv6Addr::from_bits(address))
            };
            let client = SocketAddr::new(ip, port);
            let written = header(client, &extensions);
            let input = [&written[..], &after].concat();
            prop_assert_eq!(whole(&input), Some((Origin::Client(client), written.len())));
        }

        #[test]
        fn never_asks_for_more_than_the_header_has(
            mut input in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                proptest::collection::vec(any::<u8>(), 0..200).prop_map(|body| binary(0x21, 0x11, &body)),
                "PROXY (TCP4|TCP6|UNKNOWN)[ 0-9a-f.:]{0,100}\r\n".prop_map(String::into_bytes),
            ],
            flip in proptest::option::of((0usize..40, any::<u8>())),
        ) {
            if let Some((at, octet)) = flip && at < input.len() {
                input[at] = octet;
            }
            let outcome = read_header(&input);
            // Fed in the portions asked for, the outcome is the same and nothing after the header is taken.
            let mut taken = 0;
            let fed = loop {
                match read_header(&input[..taken]) {
                    Ok(Progress::Missing(count)) => {
                        prop_assert!(count > 0);
                        if taken + count > input.len() {
                            break Ok(Progress::Missing(taken + count - input.len()));
                        }
                        taken += count;
                    }
                    other => break other,
                }
            };
            match (outcome, fed) {
                (Ok(Progress::Whole(_, len)), Ok(Progress::Whole(_, again))) => {
                    prop_assert_eq!((len, outcome), (again, fed));
                    prop_assert!(taken <= len);
                    prop_assert!(len <= HEADER_MAX);
                }
                // A header that is refused at sight may still look unfinished to who waits for a portion.
                (Ok(Progress::Missing(_)) | Err(_), Ok(Progress::Missing(_))) | (Err(_), Err(_)) => {}
                _ => prop_assert!(false, "{:?} and {:?}", outcome, fed),
            }
        }
    }
}
