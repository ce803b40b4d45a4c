//! Health of transports: threads that ended before stop was asked, and datagrams that the kernel dropped unread.
//!
//! In: sockets and the lives of threads, as they start. Out: numbers and names, read about once a second.
//! Never here: queries; they cost the same with it, since the kernel is asked on each reading only.

use std::net::UdpSocket;
use std::sync::{Arc, Weak};

use super::datagram::{DatagramSocket, kernel_drops};

/// Threads and UDP sockets of a server, watched from outside its query path.
#[derive(Debug, Default)]
pub struct Monitor {
    datagrams: Vec<Arc<DatagramSocket>>,
    quic: Vec<UdpSocket>,
    lives: Vec<(String, Weak<()>)>,
}

impl Monitor {
    /// Watches a UDP socket of a worker.
    pub(super) fn watch_datagrams(&mut self, socket: &Arc<DatagramSocket>) {
        self.datagrams.push(Arc::clone(socket));
    }

    /// Watches a socket of QUIC; it is not watched if there is no descriptor to spare.
    pub(super) fn watch_quic(&mut self, socket: &UdpSocket) {
        self.quic.extend(socket.try_clone());
    }

    /// Watches a thread, which has to hold the returned value for as long as it runs.
    pub(super) fn watch_thread(&mut self, name: &str) -> Arc<()> {
        let life = Arc::new(());
        self.lives.push((name.to_owned(), Arc::downgrade(&life)));
        life
    }

    /// Returns how many datagrams the kernel dropped because a socket's buffer was full, since the server began.
    pub fn kernel_drops(&self) -> u64 {
        let datagrams = self
            .datagrams
            .iter()
            .map(|socket| kernel_drops(socket.socket()));
        let quic = self.quic.iter().map(kernel_drops);
        // A kernel before 4.12 does not say.
        let known = datagrams.chain(quic).flatten();
        known.map(u64::from).sum()
    }

    /// Lists the threads that have ended: queries that the kernel hands to them are not answered.
    pub fn ended(&self) -> impl Iterator<Item = &str> {
        let ended = |(_, life): &&(String, Weak<()>)| life.strong_count() == 0;
        self.lives
            .iter()
            .filter(ended)
            .map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::*;

    /// X20: what a full buffer drops is counted.
    #[test]
    fn counts_what_a_full_buffer_drops() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
        socket.set_recv_buffer_size(1).expect("an option");
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).expect("loopback is free");
        let receiver: UdpSocket = socket.into();
        let mut monitor = Monitor::default();
        monitor.watch_quic(&receiver);
        assert_eq!(monitor.kernel_drops(), 0);
        let sender = UdpSocket::bind(any).expect("loopback is free");
        let to = receiver.local_addr().expect("bound");
        for _ in 0..200 {
            sender.send_to(&[0; 512], to).expect("sent");
        }
        let mut taken = 0;
        receiver.set_nonblocking(true).expect("an option");
        while receiver.recv(&mut [0; 512]).is_ok() {
            taken += 1;
        }
        assert!(taken < 200, "{taken}");
        assert_eq!(monitor.kernel_drops(), 200 - taken);
    }

    #[test]
    fn names_threads_that_ended() {
        let mut monitor = Monitor::default();
        let (one, two) = (monitor.watch_thread("udp-0"), monitor.watch_thread("tcp-0"));
        assert_eq!(monitor.ended().count(), 0);
        drop(two);
        assert_eq!(monitor.ended().collect::<Vec<_>>(), ["tcp-0"]);
        let panics = std::thread::spawn(move || {
            let _life = one;
            panic!("a fault of ours");
        });
        assert!(panics.join().is_err());
        assert_eq!(monitor.ended().count(), 2);
    }
}
