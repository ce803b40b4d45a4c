//! Address prefixes as text.
//!
//! In: `ADDRESS/LENGTH`, or an address alone. Out: an [`IpNet`] without host bits, or a [`PrefixFault`]. Never here:
//! messages; each file and verb has its own words for a fault.

use std::net::IpAddr;

use ipnet::IpNet;

/// Fault of a text that should be a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixFault {
    /// The part before `/` is no address.
    Address,
    /// The part after `/` is no number of one octet; the length of an address in bits.
    Length(u8),
    /// The length is longer than the address; its length in bits.
    TooLong(u8),
    /// Bits are set after the prefix; the prefix without them.
    HostBits(IpNet),
}

/// Reads `ADDRESS/LENGTH` without host bits; an address alone is the prefix of one host.
///
/// # Errors
/// If the text is neither, or if bits are set after the prefix.
pub fn parse_prefix(text: &str) -> Result<IpNet, PrefixFault> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| PrefixFault::Address)?;
    let host = IpNet::from(address);
    let Some(length) = length else {
        return Ok(host);
    };
    let full = host.max_prefix_len();
    let length: u8 = length.parse().map_err(|_| PrefixFault::Length(full))?;
    let prefix = IpNet::new(address, length).map_err(|_| PrefixFault::TooLong(full))?;
    match prefix.trunc() {
        network if network == prefix => Ok(prefix),
        network => Err(PrefixFault::HostBits(network)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_prefixes_and_says_what_is_wrong() {
        let network = |text: &str| text.parse::<IpNet>().expect("a prefix");
        let cases = [
            ("192.0.2.0/24", Ok("192.0.2.0/24")),
            ("192.0.2.7", Ok("192.0.2.7/32")),
            ("2001:db8::1", Ok("2001:db8::1/128")),
            ("0.0.0.0/0", Ok("0.0.0.0/0")),
            ("::/0", Ok("::/0")),
            ("x/8", Err(PrefixFault::Address)),
            ("", Err(PrefixFault::Address)),
            ("192.0.2.0/x", Err(PrefixFault::Length(32))),
            ("192.0.2.0/", Err(PrefixFault::Length(32))),
            ("2001:db8::/256", Err(PrefixFault::Length(128))),
            ("192.0.2.0/33", Err(PrefixFault::TooLong(32))),
            ("2001:db8::/129", Err(PrefixFault::TooLong(128))),
            (
                "10.1.2.3/8",
                Err(PrefixFault::HostBits(network("10.0.0.0/8"))),
            ),
            ("2001:db8::1/0", Err(PrefixFault::HostBits(network("::/0")))),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse_prefix(text), wanted.map(network), "{text:?}");
        }
    }
}
