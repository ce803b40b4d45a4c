//! Batches over real sockets on loopback, and the call beside them.

use super::*;
use std::net::UdpSocket;

fn socket_on(address: &str) -> (DatagramSocket, SocketAddr) {
    let plain = UdpSocket::bind(address).expect("loopback is free");
    let bound = plain.local_addr().expect("bound");
    plain
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("an option");
    let socket = DatagramSocket::new(Socket::from(plain), bound).expect("options");
    (socket, bound)
}

fn client_of(server: SocketAddr) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").expect("loopback is free");
    client.connect(server).expect("a route");
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("an option");
    client
}

#[test]
fn one_bad_destination_does_not_stop_the_rest() {
    let (socket, address) = socket_on("127.0.0.1:0");
    let clients: Vec<_> = (0..4).map(|_| client_of(address)).collect();
    for (number, client) in clients.iter().enumerate() {
        client.send(&[number as u8; 20]).expect("sent");
    }
    let mut batch = Batch::new(512);
    // Loopback delivers before send returns, so one call takes all.
    assert_eq!(socket.receive(&mut batch, Wait::ForOne).expect("sent"), 4);
    let senders: Vec<_> = batch.datagrams().map(|each| each.client).collect();
    for (sender, client) in senders.iter().zip(&clients) {
        assert_eq!(*sender, client.local_addr().ok());
    }
    for datagram in batch.datagrams() {
        datagram.out[..20].copy_from_slice(datagram.input);
    }
    for slot in [0, 1, 3] {
        batch.set_reply(slot, 20);
    }
    // Broadcast is refused to sockets that did not ask for it.
    batch.names[1].0[4..8].fill(255);
    assert_eq!(socket.send(&mut batch), 1);
    for (number, client) in clients.iter().enumerate() {
        if number == 0 || number == 3 {
            let mut reply = [0; 64];
            assert_eq!(client.recv(&mut reply).expect("a reply"), 20);
            assert_eq!(reply[..20], [number as u8; 20]);
        }
    }
}

#[test]
fn flags_what_does_not_fit() {
    let (socket, address) = socket_on("127.0.0.1:0");
    let client = client_of(address);
    client.send(&[7; INPUT_SIZE + 1]).expect("sent");
    client.send(&[8; INPUT_SIZE]).expect("sent");
    client.send(&[]).expect("sent");
    let mut batch = Batch::new(512);
    assert_eq!(socket.receive(&mut batch, Wait::ForOne).expect("sent"), 3);
    let seen: Vec<_> = batch
        .datagrams()
        .map(|each| (each.input.len(), each.is_cut))
        .collect();
    assert_eq!(seen, [(INPUT_SIZE, true), (INPUT_SIZE, false), (0, false)]);
    assert_eq!(socket.send(&mut batch), 0, "nothing was set to be sent");
}

#[test]
fn finds_nothing_without_waiting_on_a_quiet_socket() {
    let (socket, _) = socket_on("127.0.0.1:0");
    let mut batch = Batch::new(512);
    let error = socket.receive(&mut batch, Wait::Never).expect_err("quiet");
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(batch.datagrams().count(), 0);
    let mut watch = Watch::new(vec![Arc::new(socket)]);
    assert!(!watch.wait(Duration::from_millis(1)).expect("a poll"));
    assert_eq!(watch.ready().count(), 0);
}

#[test]
fn takes_sockets_that_are_there_and_nothing_else() {
    let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback is free");
    let address = udp.local_addr().expect("bound");
    let number = std::os::fd::IntoRawFd::into_raw_fd(udp);
    let socket = adopt(number).expect("a socket");
    let local = socket.local_addr().expect("bound").as_socket();
    assert_eq!(local, Some(address));
    drop(socket);
    assert!(adopt(-1).is_err());
    let file = std::fs::File::open("/dev/null").expect("it is everywhere");
    assert!(adopt(file.as_raw_fd()).is_err(), "no socket");
    file.metadata().expect("a refused descriptor stays open");
}
