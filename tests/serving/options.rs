//! What stands in the OPT record, and what class CH says.

use domain::base::Rtype;
use domain::rdata::tsig::Tsig;
use leeward::answer::{ServingOptions, Transport, WithoutCookie};
use leeward::wire::CookieStanding;
use proptest::prelude::*;

use super::stage::{CLIENT, Reply, Stage, cookies, option, query, talkative};

const NSID: u16 = 3;
const SUBNET: u16 = 8;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;
const EXTENDED_ERROR: u16 = 15;
const CLIENT_COOKIE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

#[test]
fn a_client_learns_a_cookie_and_is_known_by_it() {
    let mut stage = Stage::new(talkative());
    let first = stage.ask("www.example.com A", &option(COOKIE, &CLIENT_COOKIE));
    assert_eq!(first.tally.cookie, CookieStanding::ClientOnly);
    let cookie = first.option(COOKIE).expect("a cookie");
    assert_eq!((cookie.len(), &cookie[..8]), (24, &CLIENT_COOKIE[..]));
    let second = stage.ask("www.example.com A", &option(COOKIE, &cookie));
    assert_eq!(second.tally.cookie, CookieStanding::Valid);
    assert_eq!(second.option(COOKIE), Some(cookie.clone()));
    stage.now_millis += 1_801_000;
    let third = stage.ask("www.example.com A", &option(COOKIE, &cookie));
    assert_eq!(third.tally.cookie, CookieStanding::Valid);
    assert_ne!(third.option(COOKIE), Some(cookie.clone()), "renewed");
    stage.now_millis += 1_801_000;
    let fourth = stage.ask("www.example.com A", &option(COOKIE, &cookie));
    assert_eq!(fourth.tally.cookie, CookieStanding::Bad);
    assert_eq!(fourth.outcome(), "NOERROR");
}

#[test]
fn cookies_of_other_lengths_are_malformed() {
    let mut stage = Stage::new(talkative());
    for len in 0..=48 {
        let reply = stage.ask("www.example.com A", &option(COOKIE, &vec![7; len]));
        let wanted = if matches!(len, 8 | 16..=40) {
            "NOERROR"
        } else {
            "FORMERR"
        };
        assert_eq!(reply.outcome(), wanted, "{len}");
    }
}

#[test]
fn asks_for_a_cookie_first_where_one_is_required() {
    let mut stage = Stage::new(ServingOptions {
        cookies: cookies(WithoutCookie::BadCookie),
        ..ServingOptions::default()
    });
    let client_only = option(COOKIE, &CLIENT_COOKIE);
    let question = "www.example.com A";
    let first = stage.ask(question, &client_only);
    assert_eq!((first.outcome(), first.answers()), ("BADCOOKIE".into(), 0));
    let cookie = first.option(COOKIE).expect("a cookie to ask again with");
    let cases = [
        ("valid", Transport::Udp, option(COOKIE, &cookie), "NOERROR"),
        ("no cookie at all", Transport::Udp, Vec::new(), "NOERROR"),
        ("a stream", Transport::Tcp, client_only, "NOERROR"),
        ("bad", Transport::Udp, option(COOKIE, &[9; 24]), "BADCOOKIE"),
    ];
    for (case, via, options, wanted) in cases {
        let reply = stage.send(via, CLIENT, &query(question, Some(&options)));
        assert_eq!(reply.outcome(), wanted, "{case}");
    }
}

#[test]
fn a_query_without_a_question_may_ask_for_a_cookie() {
    let ask = |stage: &mut Stage, options: &[u8]| {
        let mut message = query(". A", Some(options));
        message[5] = 0;
        message.drain(12..17);
        stage.send(Transport::Udp, CLIENT, &message)
    };
    let mut stage = Stage::new(talkative());
    let first = ask(&mut stage, &option(COOKIE, &CLIENT_COOKIE));
    assert_eq!(first.outcome(), "NOERROR");
    assert_eq!(first.message().header_counts().qdcount(), 0);
    let cookie = first.option(COOKIE).expect("a cookie");
    assert_eq!(
        ask(&mut stage, &option(COOKIE, &cookie)).outcome(),
        "NOERROR"
    );
    let bad = ask(&mut stage, &option(COOKIE, &[9; 24]));
    assert_eq!(bad.outcome(), "BADCOOKIE");
    assert_eq!(ask(&mut stage, &[]).outcome(), "FORMERR");
    let mut plain = Stage::new(ServingOptions::default());
    let off = ask(&mut plain, &option(COOKIE, &CLIENT_COOKIE));
    assert_eq!(
        (off.outcome(), off.option(COOKIE)),
        ("FORMERR".into(), None)
    );
}

#[test]
fn says_who_it_is_only_if_told_to() {
    let (mut told, mut silent) = (
        Stage::new(talkative()),
        Stage::new(ServingOptions::default()),
    );
    let nsid = option(NSID, &[]);
    let reply = told.ask("www.example.com A", &nsid);
    assert_eq!(reply.option(NSID).as_deref(), Some(&b"ns1"[..]));
    assert_eq!(told.ask("www.example.com A", &[]).option(NSID), None);
    assert_eq!(silent.ask("www.example.com A", &nsid).option(NSID), None);
    let cases = [
        ("version.bind TXT CH", Some("9.9")),
        ("VERSION.server TXT CH", Some("9.9")),
        ("id.server ANY CH", Some("host-1")),
        ("hostname.bind TXT CH", Some("host-1")),
        ("hostname.bind A CH", None),
        ("authors.bind TXT CH", None),
        ("www.example.com TXT CH", None),
        ("version.bind TXT", None),
    ];
    for (question, wanted) in cases {
        let reply = told.ask(question, &[]);
        let outcome = if wanted.is_some() {
            "NOERROR"
        } else {
            "REFUSED"
        };
        assert_eq!(reply.outcome(), outcome, "{question}");
        if let Some(text) = wanted {
            assert!(!reply.message().header().aa(), "{question}");
            let octets = [&[text.len() as u8], text.as_bytes()].concat();
            let is_there = reply
                .octets
                .windows(octets.len())
                .any(|part| part == octets);
            assert!(is_there && reply.answers() == 1, "{question}");
        }
        assert_eq!(silent.ask(question, &[]).outcome(), "REFUSED", "{question}");
    }
}

#[test]
fn keepalive_and_padding_follow_the_transport() {
    let mut stage = Stage::new(talkative());
    let options = [option(KEEPALIVE, &[]), option(PADDING, &[0; 9])].concat();
    let cases = [
        (Transport::Udp, false, false),
        (Transport::Tcp, true, false),
        (Transport::Tls, true, true),
        (Transport::Https, false, true),
        (Transport::Quic, false, true),
    ];
    for question in [
        "www.example.com A",
        "large.example.com TXT",
        "example.org A",
    ] {
        for (via, has_timeout, is_padded) in cases {
            let reply = stage.send(via, CLIENT, &query(question, Some(&options)));
            let timeout = has_timeout.then(|| vec![0, 100]);
            assert_eq!(reply.option(KEEPALIVE), timeout, "{via:?} {question}");
            assert_eq!(reply.option(PADDING).is_some(), is_padded, "{via:?}");
            if is_padded {
                assert_eq!(reply.octets.len() % 468, 0, "{via:?} {question}");
                let zeros = reply.option(PADDING).expect("it is there");
                assert!(zeros.iter().all(|octet| *octet == 0));
            }
            let plain = stage.send(via, CLIENT, &query(question, Some(&[])));
            let kinds: Vec<u16> = plain.options().iter().map(|(code, _)| *code).collect();
            assert!(!kinds.contains(&KEEPALIVE) && !kinds.contains(&PADDING));
        }
    }
}

#[test]
fn gives_reasons_only_if_told_to() {
    let (mut told, mut silent) = (
        Stage::new(talkative()),
        Stage::new(ServingOptions::default()),
    );
    let cases = [
        ("www.example.org A", Some(20)),
        ("www.example.com A CH", Some(21)),
        ("example.com AXFR", Some(18)),
        ("example.org AXFR", Some(20)),
        ("lost.example.com A", Some(0)),
        ("www.example.com A", None),
        ("none.example.com A", None),
    ];
    let code = |reply: &Reply| {
        let content = reply.option(EXTENDED_ERROR)?;
        Some(u16::from_be_bytes([content[0], content[1]]))
    };
    for (question, wanted) in cases {
        assert_eq!(code(&told.ask(question, &[])), wanted, "{question}");
        assert_eq!(code(&silent.ask(question, &[])), None, "{question}");
        let plain = told.send(Transport::Udp, CLIENT, &query(question, None));
        assert!(plain.message().opt().is_none(), "{question}");
    }
    let mut update = query("example.com SOA", Some(&[]));
    update[2] = 5 << 3;
    let reply = told.send(Transport::Udp, CLIENT, &update);
    assert_eq!((reply.outcome(), code(&reply)), ("NOTIMP".into(), Some(21)));
}

#[test]
fn tells_a_client_that_its_key_is_not_known() {
    let mut message = query("www.example.com A", Some(&[]));
    message[11] = 2;
    // The key's name ends in a pointer to the question's.
    message.extend([
        3, b'k', b'e', b'y', 0xc0, 16, 0, 250, 0, 255, 0, 0, 0, 0, 0, 61,
    ]);
    message.extend(b"\x0bhmac-sha256\0");
    message.extend([0, 0, 0x6a, 1, 2, 3, 1, 44, 0, 32]);
    message.extend([7; 32]);
    message.extend([0x12, 0x34, 0, 0, 0, 0]);
    let mut stage = Stage::new(talkative());
    for via in [Transport::Udp, Transport::Tcp] {
        let reply = stage.send(via, CLIENT, &message);
        assert_eq!(reply.outcome(), "NOTAUTH");
        let mut records = reply.message().additional().expect("sections parse");
        let last = records.by_ref().last().expect("records").expect("a record");
        assert_eq!(last.rtype(), Rtype::TSIG);
        assert_eq!(last.owner().to_string(), "key.example.com");
        let record = last.into_record::<Tsig<_, _>>().expect("it parses");
        let record = record.expect("it is a TSIG record");
        let tsig = record.data();
        assert_eq!(tsig.error().to_int(), 17);
        assert_eq!((tsig.mac_slice().len(), tsig.original_id()), (0, 0x1234));
        assert_eq!(tsig.algorithm().to_string(), "hmac-sha256");
        assert_eq!(tsig.fudge(), 300);
    }
}

const TRANSPORTS: [Transport; 5] = [
    Transport::Udp,
    Transport::Tcp,
    Transport::Tls,
    Transport::Https,
    Transport::Quic,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_opt_record_is_read_by_another_decoder(
        codes in proptest::collection::vec(prop_oneof![3u16..16, any::<u16>()], 0..8),
        contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 8),
        question in prop_oneof![
            Just("www.example.com A"), Just("large.example.com TXT"), Just("id.server TXT CH"),
            Just("sub.example.com NS"), Just("lost.example.com A"), Just("example.org AXFR"),
        ],
        via in 0usize..5, opcode in prop_oneof![4 => Just(0u8), 1 => 0u8..16],
    ) {
        let options: Vec<u8> = codes
            .iter()
            .zip(&contents)
            .flat_map(|(code, content)| match *code {
                // Mostly well-formed ones, so that they get through.
                COOKIE if content.len() % 4 != 0 => option(COOKIE, &CLIENT_COOKIE),
                SUBNET if content.len() % 4 != 0 => option(SUBNET, &[0, 1, 24, 0, 192, 0, 2]),
                code => option(code, content),
            })
            .collect();
        let mut message = query(question, Some(&options));
        message[2] = opcode << 3;
        let mut stage = Stage::new(talkative());
        let reply = stage.send(TRANSPORTS[via], CLIENT, &message);
        prop_assert_eq!(reply.message().opt().map(|opt| opt.version()), Some(0));
        let seen = reply.options();
        for (code, _) in &seen {
            prop_assert!(codes.contains(code) || *code == EXTENDED_ERROR, "unasked option {}", code);
        }
        if via == 0 {
            prop_assert!(reply.octets.len() <= 1232);
        }
    }
}
