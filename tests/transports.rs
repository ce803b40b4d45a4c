//! One table of questions over every transport of the whole server: the answers are the same but for size.

#[path = "transports/clients.rs"]
mod clients;
#[path = "transports/questions.rs"]
mod questions;
#[path = "answers/read.rs"]
mod read;
#[path = "transports/web.rs"]
mod web;
#[path = "transports/whole_server.rs"]
mod whole_server;

use clients::{Client, Datagrams, Framed};
use questions::{Question, questions};
use read::read_reply;
use web::Form;
use whole_server::WholeServer;

use crate::wait::wait_until;

/// Where the flags are, and the bit that says that records are missing.
const FLAGS: usize = 2;
const TRUNCATED: u8 = 0x02;

/// Says whether an answer was cut for its transport.
fn is_truncated(answer: &[u8]) -> bool {
    answer[FLAGS] & TRUNCATED != 0
}

/// Asks every question over a transport and compares with what TCP says.
fn compare(client: &mut dyn Client, reference: &mut dyn Client) {
    for Question { name, octets } in questions() {
        let wanted = reference.ask(&octets);
        let answer = client.ask(&octets);
        assert!(!is_truncated(&wanted), "{name}: streams have room");
        if is_truncated(&answer) {
            assert_eq!(client.name(), "udp", "{name}");
            let flags = [answer[2] & !TRUNCATED, answer[3]];
            assert_eq!(answer[..2], wanted[..2], "{name}: the id");
            assert_eq!(flags, wanted[2..4], "{name}: the flags");
            assert!(answer.len() <= 1232, "{name}: {} octets", answer.len());
            continue;
        }
        assert_eq!(answer, wanted, "{name} over {}", client.name());
    }
}

#[test]
fn udp_says_what_tcp_says_as_far_as_it_fits() {
    let server = WholeServer::open();
    compare(&mut server.udp(), &mut server.tcp());
}

#[test]
fn tls_says_what_tcp_says() {
    let server = WholeServer::open();
    compare(&mut server.tls(), &mut server.tcp());
}

#[test]
fn https_says_what_tcp_says_in_every_form() {
    let server = WholeServer::open();
    for form in [Form::Get, Form::Post] {
        compare(&mut server.https1(form), &mut server.tcp());
        compare(&mut server.https2(form), &mut server.tcp());
    }
}

#[test]
fn quic_says_what_tcp_says() {
    let server = WholeServer::open();
    compare(&mut server.quic(), &mut server.tcp());
}

/// Questions that hickory-server answers by itself, before any handler: it cannot read them.
const READ_BY_HICKORY: [&str; 3] = ["two OPT", "two questions announced", "cut short"];

#[test]
fn hickory_server_says_what_our_transports_say() {
    let server = WholeServer::open();
    let hickory = server.hickory();
    let pairs: [[Box<dyn Client>; 2]; 2] = [
        [Box::new(server.tcp()), Box::new(Framed::tcp(hickory))],
        [
            Box::new(server.udp()),
            Box::new(Datagrams::connect(hickory)),
        ],
    ];
    for [mut ours, mut theirs] in pairs {
        for Question { name, octets } in questions() {
            let (wanted, found) = (ours.ask(&octets), theirs.ask(&octets));
            if READ_BY_HICKORY.contains(&name.as_str()) {
                assert_eq!((wanted[3] & 15, found[3] & 15), (1, 1), "{name}: FORMERR");
                continue;
            }
            let [wanted, found] = [wanted, found].map(|reply| {
                read_reply(&octets, &reply).unwrap_or_else(|fault| panic!("{name}: {fault}"))
            });
            assert_eq!(wanted, found, "{name} over {}", ours.name());
            assert_eq!(wanted.answer_as_sent, found.answer_as_sent, "{name}");
        }
    }
}

#[test]
fn some_answers_are_cut_over_udp_alone() {
    let server = WholeServer::open();
    let cut: Vec<_> = questions()
        .into_iter()
        .filter(|question| is_truncated(&server.udp().ask(&question.octets)))
        .map(|question| question.name)
        .collect();
    assert_eq!(cut, ["large TXT", "large TXT with 512 octets"]);
}

#[test]
fn every_transport_is_silent_where_it_must_be() {
    let server = WholeServer::open();
    let mut response = questions().remove(0).octets;
    response[FLAGS] |= 0x80;
    let next = questions().remove(1).octets;
    for mut client in server.all() {
        let wanted = server.tcp().ask(&next);
        client.send(&response);
        assert_eq!(client.ask(&next), wanted, "{}", client.name());
    }
}

#[test]
fn a_reload_shows_the_renewed_certificate_and_keeps_connections() {
    let mut server = WholeServer::open();
    let first = questions().remove(0).octets;
    let mut old = server.tls();
    let wanted = old.ask(&first);
    assert!(server.is_trusted());
    server.renew();
    wait_until("the new certificate", || server.is_trusted());
    assert_eq!(old.ask(&first), wanted);
    assert_eq!(server.tls().ask(&first), wanted);
}

#[test]
fn counts_queries_by_transport() {
    let server = WholeServer::open();
    let first = questions().remove(0).octets;
    for mut client in server.all() {
        client.ask(&first);
    }
    let text = server.metrics();
    for transport in ["udp", "tcp", "tls", "https", "quic"] {
        let wanted = format!("transport=\"{transport}\"");
        let is_counted = text.lines().any(|line| {
            line.starts_with("leeward_queries_total{")
                && line.contains(&wanted)
                && !line.ends_with(" 0")
        });
        assert!(is_counted, "{transport}:\n{text}");
    }
}
