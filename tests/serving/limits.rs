//! How much UDP clients get: rates, slips, and how long an answer may be while an address is not proven.

use leeward::answer::{Limited, Prefixes, RateLimits, Rates, ServingOptions, Transport};

use super::stage::{CLIENT, Reply, Stage, option, query, talkative};

const COOKIE: u16 = 10;

fn limited(rate: u32, slip: u8) -> ServingOptions {
    let loopback = ["127.0.0.0/8".parse().expect("a prefix")];
    ServingOptions {
        rate: Some(RateLimits::new(
            Rates {
                each: rate,
                total: rate * 2,
            },
            1,
            slip,
            Prefixes::new(&loopback),
        )),
        amplification_max: Some(4),
        ..talkative()
    }
}

/// Asks many times at once and counts: whole answers, empty ones with TC, silence.
fn flood(stage: &mut Stage, from: &str, message: &[u8]) -> [usize; 3] {
    let mut counts = [0; 3];
    for _ in 0..100 {
        let reply = stage.send(Transport::Udp, from, message);
        let kind = match reply.tally.limited {
            Limited::No => 0,
            Limited::Slipped => 1,
            Limited::Dropped => 2,
        };
        counts[kind] += 1;
        assert_eq!(reply.octets.is_empty(), kind == 2);
        if kind == 1 {
            assert!(reply.message().header().tc() && reply.octets.len() <= message.len());
            assert_eq!(reply.answers(), 0);
        }
    }
    counts
}

#[test]
fn a_flood_is_answered_at_its_rate_and_told_to_use_tcp() {
    let plain = query("www.example.com A", None);
    let mut stage = Stage::new(limited(20, 2));
    assert_eq!(flood(&mut stage, CLIENT, &plain), [20, 40, 40]);
    // Others are not touched: another prefix, another kind of answer, loopback, a stream.
    assert_eq!(flood(&mut stage, "203.0.112.1:53", &plain), [20, 40, 40]);
    let missing = query("none.example.com A", None);
    assert_eq!(flood(&mut stage, CLIENT, &missing), [20, 40, 40]);
    // Of all kinds together this prefix has had its total now; another has not (X14).
    let refused = query("example.org A", None);
    assert_eq!(flood(&mut stage, CLIENT, &refused), [0, 50, 50]);
    let other = "203.0.111.1:53";
    assert_eq!(flood(&mut stage, other, &refused), [20, 40, 40]);
    assert_eq!(flood(&mut stage, "127.0.0.1:53", &plain), [100, 0, 0]);
    let stream = stage.send(Transport::Tcp, CLIENT, &plain);
    assert_eq!(stream.outcome(), "NOERROR");
    // After half a second half of the bucket is back.
    stage.now_millis += 500;
    assert_eq!(flood(&mut stage, CLIENT, &plain), [10, 45, 45]);
}

#[test]
fn errors_are_counted_too_and_slip_may_be_off() {
    let mut malformed = query("www.example.com A", None);
    malformed.push(0);
    let mut stage = Stage::new(limited(20, 0));
    assert_eq!(flood(&mut stage, CLIENT, &malformed), [20, 0, 80]);
    let mut always = Stage::new(limited(20, 1));
    assert_eq!(flood(&mut always, CLIENT, &malformed), [20, 80, 0]);
}

#[test]
fn a_client_with_a_valid_cookie_is_not_limited() {
    let mut stage = Stage::new(limited(20, 2));
    let first = stage.ask("www.example.com A", &option(COOKIE, &[7; 8]));
    let cookie = first.option(COOKIE).expect("a cookie");
    let proven = query("www.example.com A", Some(&option(COOKIE, &cookie)));
    assert_eq!(flood(&mut stage, CLIENT, &proven), [100, 0, 0]);
    let unproven = query("www.example.com A", Some(&option(COOKIE, &[7; 8])));
    let mut counts = [0; 2];
    for _ in 0..100 {
        let reply = stage.send(Transport::Udp, CLIENT, &unproven);
        counts[usize::from(reply.tally.limited == Limited::No)] += 1;
    }
    assert_eq!(counts, [81, 19]);
    // Elsewhere the cookie proves nothing.
    let elsewhere = stage.send(Transport::Udp, "192.0.2.1:53", &proven);
    assert_eq!(elsewhere.tally.cookie, leeward::wire::CookieStanding::Bad);
}

/// Questions with what an unproven client gets: in full, or TC.
const QUESTIONS: [(&str, &str); 11] = [
    ("www.example.com A", "NOERROR"),
    ("www.example.com AAAA", "NOERROR"),
    ("many.example.com AAAA", "NOERROR"),
    ("example.com SOA", "NOERROR"),
    ("example.com NS", "NOERROR"),
    ("example.com MX", "NOERROR"),
    ("www.example.com TXT", "NOERROR"),
    ("none.example.com A", "NXDOMAIN"),
    ("x.sub.example.com A", "NOERROR"),
    ("example.org A", "REFUSED"),
    ("large.example.com TXT", "NOERROR tc"),
];
/// Questions for everything: never more than the factor, whatever ANY is answered with.
const ANYTHING: [&str; 4] = [
    "example.com",
    "large.example.com",
    "many.example.com",
    "sub.example.com",
];

fn factor(reply: &Reply, message: &[u8]) -> f64 {
    reply.octets.len() as f64 / message.len() as f64
}

#[test]
fn large_answers_are_not_sent_where_an_address_is_not_proven() {
    let (mut bound, mut free) = (Stage::new(limited(1_000, 2)), Stage::new(talkative()));
    for edns in [None, Some(&[][..])] {
        for (question, wanted) in QUESTIONS {
            let message = query(question, edns);
            let reply = bound.send(Transport::Udp, CLIENT, &message);
            let unbound = free.send(Transport::Udp, CLIENT, &message);
            assert_eq!(reply.outcome(), wanted, "{question}");
            let factor = factor(&reply, &message);
            println!(
                "{question}: {factor:.1}, unbound {:.1}",
                self::factor(&unbound, &message)
            );
            if wanted.ends_with("tc") {
                assert!(factor <= 4.0, "{question}: {factor}");
            } else {
                // What every resolver asks for is untouched.
                let counts = |reply: &Reply| reply.message().header_counts();
                assert_eq!(reply.octets.len(), unbound.octets.len(), "{question}");
                assert_eq!(counts(&reply), counts(&unbound), "{question}");
                assert!(reply.octets.len() <= 512);
            }
            let stream = bound.send(Transport::Tcp, CLIENT, &message);
            assert!(!stream.message().header().tc(), "{question}");
        }
    }
    for name in ANYTHING {
        let message = query(&format!("{name} ANY"), None);
        let reply = bound.send(Transport::Udp, CLIENT, &message);
        let factor = factor(&reply, &message);
        assert!(factor <= 4.0, "{name}: {factor}");
    }
    let first = bound.ask("www.example.com A", &option(COOKIE, &[7; 8]));
    let cookie = option(COOKIE, &first.option(COOKIE).expect("a cookie"));
    let proven = bound.ask("large.example.com TXT", &cookie);
    assert_eq!(proven.outcome(), "NOERROR");
    assert!(proven.octets.len() > 700);
}

#[test]
fn a_client_near_its_limit_gets_no_more_than_the_factor() {
    let mut stage = Stage::new(limited(40, 2));
    let message = query("many.example.com AAAA", None);
    let mut factors = Vec::new();
    for _ in 0..40 {
        let reply = stage.send(Transport::Udp, CLIENT, &message);
        assert_eq!(reply.tally.limited, Limited::No);
        factors.push(factor(&reply, &message));
    }
    assert!(factors[0] > 4.0, "{}", factors[0]);
    assert!(factors[39] <= 4.0, "{}", factors[39]);
    let strict = factors.iter().filter(|factor| **factor <= 4.0).count();
    assert_eq!(strict, 19);
}
