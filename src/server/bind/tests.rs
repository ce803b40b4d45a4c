//! Binding on loopback: ports shared and taken, lists that cannot be meant.

use super::*;

fn bind(addresses: &[SocketAddr], workers: usize) -> Result<Bound, BindFault> {
    super::bind(&Listen::plain(addresses), workers)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn gives_udp_and_tcp_the_same_port_when_zero_is_asked() {
    let bound = bind(&[loopback(0), loopback(0)], 3).expect("loopback is free");
    assert_eq!(bound.addresses().len(), 2);
    for (at, address) in bound.addresses().iter().enumerate() {
        assert_ne!(address.port(), 0);
        assert_eq!(bound.listeners[at].local_addr().expect("bound"), *address);
        for sockets in &bound.datagrams {
            let local = sockets[at].socket().local_addr().expect("bound");
            assert_eq!(local.as_socket(), Some(*address));
        }
    }
}

#[test]
fn binds_every_kind_on_a_port_of_its_own() {
    let any = vec![loopback(0)];
    let listen = Listen {
        plain: any.clone(),
        tls: any.clone(),
        https: any.clone(),
        quic: any,
    };
    let bound = super::bind(&listen, 1).expect("loopback is free");
    for transport in [
        Transport::Tcp,
        Transport::Tls,
        Transport::Https,
        Transport::Quic,
    ] {
        let [address] = bound.listen().of(transport) else {
            panic!("one address");
        };
        assert_ne!(address.port(), 0, "{transport:?}");
    }
    let taken = Listen {
        tls: bound.listen().tls.clone(),
        ..Listen::default()
    };
    let fault = super::bind(&taken, 1).expect_err("taken").to_string();
    assert!(fault.starts_with("bind TLS 127.0.0.1:"), "{fault}");
}

#[test]
fn asks_for_large_buffers() {
    let bound = bind(&[loopback(0)], 1).expect("loopback is free");
    let size = bound.datagrams[0][0].socket().recv_buffer_size();
    // The kernel's own limit, where we may not pass it, is 208 KiB on many systems.
    assert!(size.expect("a size") >= 200 << 10);
}

#[test]
fn notices_another_server_on_either_transport() {
    let ours = bind(&[loopback(0)], 1).expect("loopback is free");
    let fault = bind(ours.addresses(), 1).expect_err("taken");
    let port = ours.addresses()[0].port();
    let wanted = format!("bind TCP 127.0.0.1:{port}: address in use: another server listens there");
    assert_eq!(fault.to_string(), wanted);

    // Somebody else may hold the same number for TCP just now; hardly ever four times in a row.
    let fault = || {
        let other = UdpSocket::bind(loopback(0)).expect("loopback is free");
        let address = other.local_addr().expect("bound");
        bind(&[address], 1).expect_err("taken").to_string()
    };
    let faults = [fault(), fault(), fault(), fault()];
    let is_wanted = |fault: &String| fault.starts_with("bind UDP 127.0.0.1:");
    assert!(faults.iter().any(is_wanted), "{faults:?}");
}

// X17.
#[test]
fn binds_what_can_be_bound_and_says_what_cannot() {
    let ours = bind(&[loopback(0)], 1).expect("loopback is free");
    let taken = ours.addresses()[0];
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 5300));
    let listen = Listen {
        plain: vec![taken, loopback(0), elsewhere],
        quic: vec![loopback(0)],
        ..Listen::default()
    };
    let bound = bind_possible(&listen, Passed::default(), 2);
    let (bound, missing) = bound.expect("a list that can be meant");
    let addresses: Vec<_> = missing.iter().map(|each| each.address).collect();
    assert_eq!(addresses, [taken, elsewhere]);
    assert_eq!((bound.addresses().len(), bound.quic.len()), (1, 1));
    let sockets = bound.datagrams.iter().map(Vec::len);
    assert_eq!(sockets.collect::<Vec<_>>(), [1, 1]);
    assert_eq!(bound.listeners.len(), 1);
    let twice = Listen::plain(&[taken, taken]);
    bind_possible(&twice, Passed::default(), 1).expect_err("it cannot be meant");
}

#[test]
fn refuses_lists_that_cannot_be_meant() {
    let all = SocketAddr::from(([0, 0, 0, 0], 5300));
    let one = loopback(5300);
    let cases = [
        (vec![], 1, "0 listen addresses"),
        (vec![one], 0, "0 workers"),
        (vec![one, one], 1, "127.0.0.1:5300 is listed twice"),
        (
            vec![one, all],
            1,
            "0.0.0.0:5300 already covers 127.0.0.1:5300",
        ),
    ];
    for (addresses, workers, wanted) in cases {
        let fault = bind(&addresses, workers).expect_err(wanted).to_string();
        assert!(fault.starts_with(wanted), "{fault}");
    }
}

#[test]
fn says_what_helps() {
    let cases = [
        (53, libc::EACCES, "permission denied; ports below 1024"),
        (53, libc::EADDRINUSE, "(systemd-resolved?)"),
        (5300, libc::EADDRINUSE, "address in use: another server"),
        (53, libc::EADDRNOTAVAIL, "no interface of this machine"),
    ];
    for (port, code, wanted) in cases {
        let fault = BindFault::Socket {
            transport: Transport::Udp,
            address: SocketAddr::from(([192, 0, 2, 1], port)),
            cause: io::Error::from_raw_os_error(code),
        };
        let text = fault.to_string();
        assert!(
            text.starts_with("bind UDP 192.0.2.1:") && text.contains(wanted),
            "{text}"
        );
    }
}
