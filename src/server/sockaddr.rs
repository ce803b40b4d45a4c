//! Socket addresses and control messages by their Linux layout, read and written as octets.
//!
//! In: address and control message of a datagram. Out: its sender, and the control message for a reply from the address
//! that was asked.
//! Never here: system calls, `unsafe`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Room for a `sockaddr_in` (16 octets) or a `sockaddr_in6` (28).
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Name(pub(super) [u8; 28]);

/// Room for one control message: a header and an `in6_pktinfo` (20 octets).
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control(pub(super) [u8; 40]);

/// Reads a `sockaddr_in` or `sockaddr_in6`.
#[inline(always)]
pub(super) fn read_name(name: &[u8; 28]) -> Option<SocketAddr> {
    let family = libc::c_int::from(u16::from_ne_bytes([name[0], name[1]]));
    let port = u16::from_be_bytes([name[2], name[3]]);
    match family {
        libc::AF_INET => {
            let address = Ipv4Addr::new(name[4], name[5], name[6], name[7]);
            Some(SocketAddr::from((address, port)))
        }
        libc::AF_INET6 => {
            let octets: [u8; 16] = name[8..24].try_into().expect("sixteen octets");
            let scope = u32::from_ne_bytes([name[24], name[25], name[26], name[27]]);
            let address = SocketAddrV6::new(Ipv6Addr::from(octets), port, 0, scope);
            Some(SocketAddr::V6(address))
        }
        _ => None,
    }
}

/// Offset of the data in a control message: a `cmsghdr` is a length of pointer size and two integers.
const CONTROL_DATA: usize = size_of::<usize>() + 8;

/// Turns a received packet-info message into the one that sends from the address that was asked; returns its length.
///
/// The interface index is cleared, so that routing chooses the way back, save for link-local addresses, which mean
/// nothing without it.
pub(super) fn reply_control(control: &mut [u8; 40], len: usize) -> usize {
    if len < CONTROL_DATA || len > control.len() {
        return 0;
    }
    let word = size_of::<usize>();
    let number = |at: usize| {
        libc::c_int::from_ne_bytes(control[at..at + 4].try_into().expect("four octets"))
    };
    let data = CONTROL_DATA;
    match (number(word), number(word + 4)) {
        // in_pktinfo: interface index, local address, destination address.
        (libc::IPPROTO_IP, libc::IP_PKTINFO) if len >= data + 12 => {
            control[data..data + 4].fill(0);
            len
        }
        // in6_pktinfo: address, interface index.
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if len >= data + 20 => {
            let is_link_local = control[data] == 0xfe && control[data + 1] & 0xc0 == 0x80;
            if !is_link_local {
                control[data + 16..data + 20].fill(0);
            }
            len
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_from_the_asked_address_over_any_interface() {
        let message = |level: i32, kind: i32, data: &[u8]| {
            let mut control = [0; 40];
            let word = size_of::<usize>();
            control[word..word + 4].copy_from_slice(&level.to_ne_bytes());
            control[word + 4..word + 8].copy_from_slice(&kind.to_ne_bytes());
            control[CONTROL_DATA..CONTROL_DATA + data.len()].copy_from_slice(data);
            control
        };
        let mut v4 = message(
            libc::IPPROTO_IP,
            libc::IP_PKTINFO,
            &[3, 0, 0, 0, 127, 0, 0, 2, 127, 0, 0, 2],
        );
        assert_eq!(reply_control(&mut v4, 32), 32);
        assert_eq!(
            v4[CONTROL_DATA..CONTROL_DATA + 8],
            [0, 0, 0, 0, 127, 0, 0, 2]
        );
        let mut data = [0u8; 20];
        data[16] = 3;
        for (first, second, index) in [(0x20, 0x01, 0), (0xfe, 0x80, 3)] {
            data[..2].copy_from_slice(&[first, second]);
            let mut v6 = message(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &data);
            assert_eq!(reply_control(&mut v6, 40), 40);
            assert_eq!(v6[CONTROL_DATA + 16], index, "{first:x}{second:x}");
        }
        assert_eq!(
            reply_control(&mut message(1, 2, &[]), 32),
            0,
            "another kind"
        );
        assert_eq!(reply_control(&mut [0; 40], 0), 0, "none");
        assert_eq!(reply_control(&mut [0; 40], 41), 0, "impossible");
    }

    proptest::proptest! {
        #[test]
        fn reads_addresses_as_the_kernel_writes_them(port: u16, v4: [u8; 4], v6: [u8; 16], scope: u32) {
            let mut name = [0; 28];
            name[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            name[2..4].copy_from_slice(&port.to_be_bytes());
            name[4..8].copy_from_slice(&v4);
            proptest::prop_assert_eq!(read_name(&name), Some(SocketAddr::from((v4, port))));
            name[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            name[8..24].copy_from_slice(&v6);
            name[24..].copy_from_slice(&scope.to_ne_bytes());
            let wanted = SocketAddrV6::new(Ipv6Addr::from(v6), port, 0, scope);
            proptest::prop_assert_eq!(read_name(&name), Some(SocketAddr::V6(wanted)));
            name[..2].fill(0);
            proptest::prop_assert_eq!(read_name(&name), None);
        }
    }
}
