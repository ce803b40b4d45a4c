//! UDP and TCP in the clear.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use leeward::clock::Clock;
use leeward::metrics::{SilentReason, TcpEvent};
use leeward::server::{
    Bound, Drained, Engine, Exchange, Listen, Serving, TcpLimits, Transport, WorkerId,
};

use crate::clients::{frame, read_frame, read_to_end, tcp_client, udp_client};
use crate::echo::{EchoServer, ask, ask_udp, query, reply};
use crate::wait::{PATIENCE, wait_until};

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    let addresses = texts.iter().map(|text| text.parse());
    addresses
        .map(|address| address.expect("an address"))
        .collect()
}

fn bind(addresses: &[SocketAddr], workers: usize) -> Bound {
    leeward::server::bind(&Listen::plain(addresses), workers).expect("loopback is free")
}

fn start_on(texts: &[&str], workers: usize) -> EchoServer {
    EchoServer::start_on(
        &Listen::plain(&addresses(texts)),
        workers,
        Serving::default(),
    )
}

/// Starts one worker on one address.
fn start(tcp: TcpLimits) -> EchoServer {
    EchoServer::start(&[Transport::Udp], tcp)
}

#[test]
fn answers_udp_on_every_address_with_any_number_of_workers() {
    for workers in [1, 3] {
        for listen in [
            vec!["127.0.0.1:0"],
            vec!["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"],
        ] {
            let server = start_on(&listen, workers);
            for address in server.server.addresses() {
                for number in 0..8 {
                    let client = udp_client(*address);
                    let text = format!("query {number}");
                    assert_eq!(ask_udp(&client, &text), reply(&text), "{address}");
                }
            }
            assert_eq!(server.server.shutdown(), Drained::InTime);
        }
    }
}

#[test]
fn answers_thirty_two_datagrams_with_thirty_two() {
    let server = start(TcpLimits::default());
    let client = udp_client(server.server.addresses()[0]);
    let mut wanted = Vec::new();
    for number in 0..32 {
        let text = format!("query {number}");
        client.send(&query(&text)).expect("sent");
        wanted.push(reply(&text));
    }
    for expected in wanted {
        let mut buffer = [0; 4096];
        let len = client.recv(&mut buffer).expect("a reply");
        assert_eq!(buffer[..len], expected);
    }
    wait_until("32 counted", || server.totals().answered() == 32);
    let batches: u64 = server.totals().batches().map(|(_, count)| count).sum();
    assert!((1..=32).contains(&batches), "{batches}");
}

#[test]
fn replies_from_the_address_that_was_asked_on_wildcard_sockets() {
    let server = start_on(&["0.0.0.0:0", "[::]:0"], 2);
    let [v4, v6] = server.server.addresses() else {
        panic!("two addresses");
    };
    for asked in ["127.0.0.1", "127.0.0.2", "127.9.8.7"] {
        let client = udp_client(SocketAddr::new(asked.parse().unwrap(), v4.port()));
        assert_eq!(ask_udp(&client, asked), reply(asked), "{asked}");
    }
    let client = udp_client(SocketAddr::new("::1".parse().unwrap(), v6.port()));
    assert_eq!(ask_udp(&client, "v6"), reply("v6"));
    let mut stream = tcp_client(SocketAddr::new("127.0.0.3".parse().unwrap(), v4.port()));
    assert_eq!(ask(&mut stream, "tcp"), reply("tcp"));
}

#[test]
fn stays_silent_where_it_must_and_goes_on() {
    let server = start(TcpLimits::default());
    let client = udp_client(server.server.addresses()[0]);
    client.send(b"short").expect("sent");
    client.send(&[]).expect("sent");
    client.send(&query("silence")).expect("sent");
    client.send(&query("poison")).expect("sent");
    client.send(&[0; 3000]).expect("sent");
    assert_eq!(ask_udp(&client, "after all"), reply("after all"));
    let mut stream = tcp_client(server.server.addresses()[0]);
    stream.write_all(&frame(&query("poison"))).expect("sent");
    assert_eq!(ask(&mut stream, "tcp too"), reply("tcp too"));
    let wanted = [
        ("udp", SilentReason::Engine, 3),
        ("udp", SilentReason::EngineFault, 1),
        ("udp", SilentReason::TooLong, 1),
        ("tcp", SilentReason::EngineFault, 1),
    ];
    wait_until("both answers counted", || server.totals().answered() == 2);
    let silent: Vec<_> = server.totals().silent().collect();
    for (transport, reason, count) in wanted {
        let label = match reason {
            SilentReason::Engine => "engine",
            SilentReason::EngineFault => "engine-fault",
            SilentReason::TooLong => "too-long",
            SilentReason::ProxyHeader => "proxy-header",
            SilentReason::SourcePortZero => "source-port-zero",
            SilentReason::RateLimit => "rate-limit",
        };
        assert!(
            silent.contains(&(transport, label, count)),
            "{transport} {label} {count}: {silent:?}"
        );
    }
}

#[test]
fn answers_a_pipeline_in_order_however_it_is_split() {
    let server = start(TcpLimits::default());
    let mut sent = Vec::new();
    let mut wanted = Vec::new();
    for number in 0..40 {
        let text = "x".repeat(number * number * 3) + &number.to_string();
        sent.extend(frame(&query(&text)));
        wanted.push(reply(&text));
    }
    for piece in [1, 2, 3, 17, 1000, 4096, sent.len()] {
        let mut stream = tcp_client(server.server.addresses()[0]);
        stream.set_nodelay(true).expect("an option");
        let mut writer = stream.try_clone().expect("a clone");
        let pieces: Vec<_> = sent.chunks(piece).map(<[u8]>::to_vec).collect();
        let writing = std::thread::spawn(move || {
            for piece in pieces {
                writer.write_all(&piece).expect("sent");
            }
        });
        for expected in &wanted {
            assert_eq!(&read_frame(&mut stream), expected, "pieces of {piece}");
        }
        writing.join().expect("all sent");
    }
}

#[test]
fn answers_what_was_asked_before_the_client_closed_its_side() {
    let server = start(TcpLimits::default());
    let mut stream = tcp_client(server.server.addresses()[0]);
    let pipeline = frame(&query("one")).repeat(300);
    stream.write_all(&pipeline).expect("sent");
    stream.shutdown(Shutdown::Write).expect("open");
    assert_eq!(read_to_end(&mut stream), pipeline.len());
}

#[test]
fn carries_messages_of_every_size() {
    let server = start(TcpLimits::default());
    let mut stream = tcp_client(server.server.addresses()[0]);
    for size in [12, 4094, 4095, 4096, 4097, 65_534, 65_535] {
        let text = "y".repeat(size - 12);
        assert_eq!(ask(&mut stream, &text), reply(&text), "{size}");
    }
}

#[test]
fn closes_quiet_and_dripping_connections() {
    let limits = TcpLimits {
        idle_timeout: Duration::from_millis(60),
        message_timeout: Duration::from_millis(60),
        ..TcpLimits::default()
    };
    let server = start(limits);
    let mut silent = tcp_client(server.server.addresses()[0]);
    assert_eq!(read_to_end(&mut silent), 0);

    let mut served = tcp_client(server.server.addresses()[0]);
    assert_eq!(ask(&mut served, "once"), reply("once"));
    assert_eq!(read_to_end(&mut served), 0);

    let mut dripping = tcp_client(server.server.addresses()[0]);
    let mut writer = dripping.try_clone().expect("a clone");
    let drip = std::thread::spawn(move || {
        // Far more octets than fit into the time; the write fails once the server has closed.
        let long = frame(&query(&"z".repeat(60_000)));
        let waiting = std::sync::mpsc::channel::<()>();
        for octet in long.chunks(1) {
            if writer.write_all(octet).is_err() {
                return true;
            }
            let _ = waiting.1.recv_timeout(Duration::from_millis(1));
        }
        false
    });
    assert_eq!(read_to_end(&mut dripping), 0);
    assert!(drip.join().expect("no panic"), "was cut off");
    wait_until("three time-outs", || {
        server.totals().tcp(TcpEvent::TimedOut) == 3 && server.totals().tcp_current() == 0
    });
}

#[test]
fn closes_on_what_is_no_dns() {
    let server = start(TcpLimits::default());
    let mut stream = tcp_client(server.server.addresses()[0]);
    stream.write_all(&frame(&query("fine"))).expect("sent");
    stream.write_all(&[0, 3, 1, 2, 3]).expect("sent");
    assert_eq!(read_frame(&mut stream), reply("fine"));
    assert_eq!(read_to_end(&mut stream), 0);
}

#[test]
fn makes_room_for_newcomers_by_closing_the_longest_idle() {
    let limits = TcpLimits {
        connections_max: 4,
        connections_per_client_max: 4,
        ..TcpLimits::default()
    };
    let server = start(limits);
    let address = server.server.addresses()[0];
    let mut old = tcp_client(address);
    let mut idle = tcp_client(address);
    wait_until("two open", || server.totals().tcp_current() == 2);
    let mut others: Vec<_> = (0..2).map(|_| tcp_client(address)).collect();
    assert_eq!(ask(&mut old, "still here"), reply("still here"));
    let mut connection = tcp_client(address);
    assert_eq!(ask(&mut connection, "new"), reply("new"));
    assert_eq!(read_to_end(&mut idle), 0);
    for stream in others.iter_mut().chain([&mut old]) {
        assert_eq!(ask(stream, "kept"), reply("kept"));
    }
    assert_eq!(server.totals().tcp(TcpEvent::Evicted), 1);
    assert_eq!(server.totals().tcp_current(), 4);
}

#[test]
fn drops_a_client_that_never_reads_and_serves_the_others() {
    let limits = TcpLimits {
        write_timeout: Duration::from_millis(80),
        ..TcpLimits::default()
    };
    let server = start(limits);
    let address = server.server.addresses()[0];
    let mut greedy = tcp_client(address);
    let flood = std::thread::spawn(move || {
        let large = frame(&query(&"w".repeat(60_000)));
        // Ends when the server has closed; the buffers between hold a few megabytes at most.
        for _ in 0..2_000 {
            if greedy.write_all(&large).is_err() {
                return true;
            }
        }
        false
    });
    let mut honest = tcp_client(address);
    for number in 0..50 {
        let text = number.to_string();
        assert_eq!(ask(&mut honest, &text), reply(&text));
    }
    assert!(flood.join().expect("no panic"), "was dropped");
    wait_until("the time-out", || {
        server.totals().tcp(TcpEvent::TimedOut) == 1
    });
    assert_eq!(ask(&mut honest, "after"), reply("after"));
}

#[test]
fn answers_an_honest_client_at_once_among_two_thousand_bad_ones() {
    let server = start(TcpLimits::default());
    let address = server.server.addresses()[0];
    let mut bad = Vec::new();
    for number in 0..2_000 {
        // Ours and theirs are in one process, so descriptors may run out first; eviction gives them back.
        let Ok(mut stream) = TcpStream::connect(address) else {
            break;
        };
        match number % 3 {
            0 => {}
            // One octet of a length, and never the other.
            1 => drop(stream.write_all(&[0])),
            _ => drop(stream.write_all(&frame(&query("unread")).repeat(200))),
        }
        bad.push(stream);
    }
    // The kernel keeps the silent ones back for a second.
    wait_until("all have come in", || {
        server.totals().tcp(TcpEvent::Opened) >= bad.len() as u64
    });
    let clock = Clock::start();
    for number in 0..20 {
        let text = number.to_string();
        let began = clock.now();
        let mut honest = tcp_client(address);
        assert_eq!(ask(&mut honest, &text), reply(&text));
        let took = clock.now().since(began);
        // The goal is 100 ms; a crowded test machine gets some grace.
        assert!(took < Duration::from_millis(500), "{took:?}");
        let client = udp_client(address);
        assert_eq!(ask_udp(&client, &text), reply(&text));
    }
    assert!(server.totals().tcp_current() <= 1_000);
}

#[test]
fn finishes_what_is_queued_and_stops_at_once() {
    let server = start_on(&["127.0.0.1:0", "[::1]:0"], 2);
    let addresses = server.server.addresses().to_vec();
    let mut idle = tcp_client(addresses[0]);
    let mut busy = tcp_client(addresses[1]);
    assert_eq!(ask(&mut idle, "before"), reply("before"));
    assert_eq!(ask(&mut busy, "before"), reply("before"));
    let last = frame(&query("last")).repeat(100);
    busy.write_all(&last).expect("sent");
    let client = udp_client(addresses[0]);
    for _ in 0..20 {
        client.send(&query("last")).expect("sent");
    }
    let clock = Clock::start();
    let began = clock.now();
    assert_eq!(server.server.shutdown(), Drained::InTime);
    // Well under the second that an idle worker sleeps.
    assert!(clock.now().since(began) < Duration::from_millis(900));
    assert_eq!(read_to_end(&mut busy), last.len());
    assert_eq!(read_to_end(&mut idle), 0);
    for _ in 0..20 {
        let mut buffer = [0; 64];
        let len = client.recv(&mut buffer).expect("a reply");
        assert_eq!(buffer[..len], reply("last"));
    }
    let again = bind(&addresses, 1);
    assert_eq!(again.addresses(), addresses);
}

/// Tells which seats engines were made for, and when they are idle.
struct Reporting(WorkerId, std::sync::mpsc::Sender<WorkerId>);

impl Engine for Reporting {
    fn respond(&mut self, _: &mut [Exchange<'_>]) {}

    fn idle(&mut self) {
        // The test may have ended already.
        let _ = self.1.send(self.0);
    }
}

#[test]
fn tells_every_idle_worker_within_about_a_second() {
    let (send, receive) = std::sync::mpsc::channel();
    for listen in [vec!["127.0.0.1:0"], vec!["127.0.0.1:0", "127.0.0.2:0"]] {
        let bound = bind(&addresses(&listen), 2);
        let send = send.clone();
        let make = move |worker_id| Reporting(worker_id, send.clone());
        let server = bound.start(Serving::default(), make).expect("threads");
        let worker_id = |transport, index| WorkerId { transport, index };
        let mut missing = vec![
            worker_id(Transport::Udp, 0),
            worker_id(Transport::Udp, 1),
            worker_id(Transport::Tcp, 0),
        ];
        while !missing.is_empty() {
            let idle = receive.recv_timeout(PATIENCE).expect("every worker idles");
            missing.retain(|worker_id| *worker_id != idle);
        }
        drop(server);
    }
}
