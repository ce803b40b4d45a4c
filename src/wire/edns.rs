//! EDNS: the OPT record of a query (RFC 6891) and client subnet (RFC 7871).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Option code of client subnet (RFC 7871, section 6).
pub const OPTION_CLIENT_SUBNET: u16 = 8;
/// Options that are walked in one OPT record (chosen: far above what clients send).
const OPTIONS_MAX: usize = 64;

/// What the OPT record of a query says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// Largest UDP payload that the client takes; values below 512 count as 512 (RFC 6891, section 6.2.3).
    pub payload_size: u16,
    /// EDNS version.
    pub version: u8,
    /// DNSSEC OK (RFC 3225).
    pub is_dnssec_ok: bool,
    /// Client subnet, if sent.
    pub subnet: Option<ClientSubnet>,
}

/// A client subnet option as sent in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSubnet {
    /// Network address; bits past `source_len` are zero.
    pub address: IpAddr,
    /// Prefix length that the client gave.
    pub source_len: u8,
    /// Whether the family was 0, which goes with length 0 only and is sent back as it came (RFC 7871, section 7.1.2).
    pub has_no_family: bool,
}

impl ClientSubnet {
    /// Makes the client subnet of an address prefix.
    pub const fn new(address: IpAddr, source_len: u8) -> Self {
        Self {
            address,
            source_len,
            has_no_family: false,
        }
    }
}

/// Reads an OPT record: class, TTL (5 octets of them: class, extended rcode, version, flags high) and options.
pub(super) fn parse_opt(fields: [u8; 5], options: &[u8]) -> Result<Edns, ()> {
    let mut edns = Edns {
        payload_size: u16::from_be_bytes([fields[0], fields[1]]).max(512),
        version: fields[3],
        is_dnssec_ok: fields[4] & 0x80 != 0,
        subnet: None,
    };
    // What the options of another version mean is not known (RFC 6891, section 6.1.3).
    if edns.version != 0 {
        return Ok(edns);
    }
    let mut rest = options;
    for _ in 0..OPTIONS_MAX {
        let Some((head, after)) = rest.split_first_chunk::<4>() else {
            break;
        };
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let data = after.get(..length).ok_or(())?;
        if u16::from_be_bytes([head[0], head[1]]) == OPTION_CLIENT_SUBNET {
            let subnet = parse_subnet(data).ok_or(())?;
            // Of several, the first counts.
            edns.subnet = edns.subnet.or(Some(subnet));
        }
        rest = &after[length..];
    }
    if rest.is_empty() { Ok(edns) } else { Err(()) }
}

/// Reads a client subnet option; `None` where RFC 7871, section 7.1.2 asks for FORMERR.
fn parse_subnet(data: &[u8]) -> Option<ClientSubnet> {
    let (&[family_high, family_low, source_len, scope_len], address) =
        data.split_first_chunk::<4>()?;
    let octets_wanted = usize::from(source_len.div_ceil(8));
    if scope_len != 0 || address.len() != octets_wanted {
        return None;
    }
    let spare_bits = (octets_wanted * 8) as u32 - u32::from(source_len);
    if let Some(last) = address.last()
        && last & ((1u16 << spare_bits) - 1) as u8 != 0
    {
        return None;
    }
    let family = u16::from_be_bytes([family_high, family_low]);
    let address = match (family, source_len) {
        (1, ..=32) => IpAddr::V4(Ipv4Addr::from(padded::<4>(address))),
        (2, ..=128) => IpAddr::V6(Ipv6Addr::from(padded::<16>(address))),
        // Family 0 with length 0 says "no subnet", and some stub resolvers send it.
        (0, 0) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => return None,
    };
    Some(ClientSubnet {
        has_no_family: family == 0,
        ..ClientSubnet::new(address, source_len)
    })
}

fn padded<const N: usize>(octets: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    for (to, from) in all.iter_mut().zip(octets) {
        *to = *from;
    }
    all
}

/// What the OPT record of a response says.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponseEdns {
    /// High eight bits of the response code.
    pub rcode_high: u8,
    /// DNSSEC OK, copied from the query.
    pub is_dnssec_ok: bool,
    /// Client subnet with the scope of this answer.
    pub subnet: Option<(ClientSubnet, u8)>,
}

impl ResponseEdns {
    /// Returns the octets that [`Self::write`] writes.
    #[inline]
    pub fn len(&self) -> usize {
        11 + self.subnet.map_or(0, |(subnet, _)| {
            8 + usize::from(subnet.source_len.div_ceil(8))
        })
    }

    /// Says whether nothing would be written; an OPT record is never empty.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the OPT record to the start of `out`, which holds at least [`Self::len`] octets.
    #[inline]
    pub fn write(&self, payload_size: u16, out: &mut [u8]) {
        let size = payload_size.to_be_bytes();
        let flags = u8::from(self.is_dnssec_ok) << 7;
        let options_len = (self.len() - 11) as u8;
        out[..11].copy_from_slice(&[
            0,
            0,
            41,
            size[0],
            size[1],
            self.rcode_high,
            0,
            flags,
            0,
            0,
            options_len,
        ]);
        let Some((subnet, scope_len)) = self.subnet else {
            return;
        };
        let address_len = usize::from(subnet.source_len.div_ceil(8));
        let family = match subnet.address {
            _ if subnet.has_no_family => 0,
            IpAddr::V4(_) => 1,
            IpAddr::V6(_) => 2,
        };
        let option = [
            0,
            8,
            0,
            (address_len + 4) as u8,
            0,
            family,
            subnet.source_len,
            scope_len,
        ];
        out[11..19].copy_from_slice(&option);
        match subnet.address {
            IpAddr::V4(address) => {
                out[19..19 + address_len].copy_from_slice(&address.octets()[..address_len])
            }
            IpAddr::V6(address) => {
                out[19..19 + address_len].copy_from_slice(&address.octets()[..address_len])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_client_subnets_and_refuses_bad_ones() {
        let v4 = |a: [u8; 4], source_len| Some(ClientSubnet::new(IpAddr::from(a), source_len));
        let cases: [(&[u8], Option<ClientSubnet>); 8] = [
            (&[0, 1, 24, 0, 203, 0, 113], v4([203, 0, 113, 0], 24)),
            (&[0, 1, 0, 0], v4([0, 0, 0, 0], 0)),
            (&[0, 1, 23, 0, 203, 0, 113], None),
            (&[0, 1, 24, 1, 203, 0, 113], None),
            (&[0, 1, 24, 0, 203, 0, 113, 0], None),
            (&[0, 1, 33, 0, 203, 0, 113, 0, 0], None),
            (&[0, 3, 8, 0, 1], None),
            (&[0, 1, 24], None),
        ];
        for (data, wanted) in cases {
            assert_eq!(parse_subnet(data), wanted, "{data:?}");
        }
    }

    #[test]
    fn writes_what_it_says_it_writes() {
        let subnet = ClientSubnet::new(IpAddr::from([203, 0, 113, 0]), 24);
        let edns = ResponseEdns {
            rcode_high: 0,
            is_dnssec_ok: true,
            subnet: Some((subnet, 20)),
        };
        let mut out = [0xff; 64];
        edns.write(1232, &mut out);
        let wanted = [
            0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 20, 203, 0, 113,
        ];
        assert_eq!((edns.len(), &out[..22]), (22, &wanted[..]));
    }
}
