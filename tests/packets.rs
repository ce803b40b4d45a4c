//! Hostile and odd messages: each has its right response code, or silence, from the engine and from a live server.
//!
//! `packets/messages.toml` holds them as octets; `packets/families.rs` makes those that come in families. Beside NSD,
//! Knot and BIND every outcome must be one that at least one of them has. `PACKETS_TELL=1` prints what each does.

#[path = "packets/ask.rs"]
mod ask;
#[path = "packets/exchange.rs"]
mod exchange;
#[path = "packets/families.rs"]
mod families;
#[path = "packets/message.rs"]
mod message;
#[path = "packets/outcome.rs"]
mod outcome;
#[path = "answers/stage.rs"]
mod stage;
#[path = "packets/streams.rs"]
mod streams;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use super::need::Need;
use super::oracle::peers::{Peer, Served, Voice, start};
use ask::Case;
use exchange::{over_tcp, over_udp};
use families::families;
use message::packets;
use outcome::Outcome;
use stage::Stage;
use tempfile::TempDir;

/// The zone for Leeward.
const ZONE: &str = include_str!("packets/zone.toml");
/// The same zone for its peers.
const MASTER_FILE: &str = include_str!("packets/packets.test.zone");

fn serve(voice: Voice, folder: &TempDir) -> Peer {
    let zones = folder.path().join(format!("zones-{}", voice.name()));
    fs::create_dir(&zones).expect("a writable folder");
    let (file, text) = match voice {
        Voice::Leeward => ("packets.test.toml", ZONE),
        _ => ("packets.test.zone", MASTER_FILE),
    };
    fs::write(zones.join(file), text).expect("a writable folder");
    let served = Served {
        apex: "packets.test.".to_owned(),
        file: file.to_owned(),
    };
    start(voice, folder.path(), &zones, &[served])
}

#[test]
fn the_list_is_long_and_names_each_message_once() {
    let packets = packets();
    let names: BTreeSet<&str> = packets.iter().map(|packet| packet.name.as_str()).collect();
    assert_eq!(names.len(), packets.len());
    assert!(packets.len() >= 80, "{} messages", packets.len());
}

#[test]
fn the_engine_does_with_each_message_what_is_wanted() {
    let stage = Stage::new(&[ZONE]);
    let mut faults = String::new();
    for packet in packets() {
        let over =
            |is_tcp| Outcome::read(&stage.ask(&Case::over(is_tcp), &packet.octets(), 1)).code;
        let (udp, tcp) = (over(false), over(true));
        if !packet.accepts_of_engine(&udp) || !packet.accepts_of_engine(&tcp) {
            writeln!(
                faults,
                "{}: {udp}, over TCP {tcp}; wanted {}",
                packet.name, packet.wants
            )
            .expect("room");
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn a_live_server_does_with_each_message_what_is_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve(Voice::Leeward, &folder);
    let mut faults = String::new();
    for packet in packets() {
        let octets = packet.octets();
        let udp = over_udp(server.address, &octets).code;
        let tcp = over_tcp(server.address, &octets).code;
        if !packet.accepts(&udp) || !packet.accepts_over_tcp(&tcp) {
            writeln!(
                faults,
                "{}: {udp}, over TCP {tcp}; wanted {}",
                packet.name, packet.wants
            )
            .expect("room");
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// Asks again after silence: NSD drops a bad message now and then, for reasons of its own.
fn heard_again(ask: impl Fn() -> Outcome) -> Outcome {
    let mut outcome = ask();
    for _ in 0..2 {
        if outcome == Outcome::silence() {
            outcome = ask();
        }
    }
    outcome
}

#[test]
fn each_outcome_is_one_that_a_peer_has() {
    if !Need::Peers.is_met() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let servers = Voice::ALL.map(|voice| serve(voice, &folder));
    let is_told = std::env::var_os("PACKETS_TELL").is_some();
    let mut faults = String::new();
    for packet in packets() {
        let octets = packet.octets();
        let udp = servers
            .each_ref()
            .map(|server| heard_again(|| over_udp(server.address, &octets)));
        let tcp = servers
            .each_ref()
            .map(|server| over_tcp(server.address, &octets));
        if is_told {
            let told: Vec<String> = udp
                .iter()
                .zip(&tcp)
                .map(|(udp, tcp)| format!("{}|{}|{}|{}", udp.code, udp.shape, tcp.code, tcp.shape))
                .collect();
            println!("TOLD {}|{}", packet.name, told.join("|"));
        }
        let alike: Vec<&str> = Voice::PEERS
            .iter()
            .zip(&udp[1..])
            .filter(|(_, outcome)| outcome.code == packet.wants)
            .map(|(voice, _)| voice.name())
            .collect();
        if alike != packet.like || alike.is_empty() {
            writeln!(
                faults,
                "{}: {} is what {alike:?} do",
                packet.name, packet.wants
            )
            .expect("room");
        }
        if packet.choice.is_none() && !udp[1..].contains(&udp[0]) {
            writeln!(
                faults,
                "{}: no peer says {:?} over UDP",
                packet.name, udp[0]
            )
            .expect("room");
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn each_outcome_of_a_family_is_one_that_a_peer_has() {
    if !Need::Peers.is_met() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let servers = Voice::ALL.map(|voice| serve(voice, &folder));
    let stage = Stage::new(&[ZONE]);
    let mut faults = String::new();
    for (name, octets) in families() {
        let ours = over_udp(servers[0].address, &octets);
        let direct = Outcome::read(&stage.ask(&Case::over(false), &octets, 1));
        if direct != ours {
            writeln!(faults, "{name}: {ours:?} live, {direct:?} by the engine").expect("room");
        }
        let told: Vec<Outcome> = servers[1..]
            .iter()
            .map(|server| heard_again(|| over_udp(server.address, &octets)))
            .collect();
        if !told.contains(&ours) {
            writeln!(faults, "{name}: {ours:?}, but peers say {told:?}").expect("room");
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn streams_may_be_cut_and_joined_anywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve(Voice::Leeward, &folder);
    streams::answers_pipelined_queries(server.address);
    streams::answers_a_query_split_at_each_octet(server.address);
    streams::answers_after_the_client_stops_writing(server.address);
    streams::survives_lengths_that_lie(server.address);
    streams::survives_a_datagram_from_port_0(server.address);
}
