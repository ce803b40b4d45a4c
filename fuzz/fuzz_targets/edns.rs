//! Any options in a sound OPT record: they are read within the message, the engine answers, and what it sends back fits.
//!
//! The first octets choose the name, the type and the payload size; the rest are the options.
#![no_main]

use leeward::answer::Transport;
use leeward::wire::{Name, OPTION_CLIENT_SUBNET, QueryName, Unanswerable, parse_query};
use leeward_fuzz::world::Theatre;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 8] = [
    "www.example.com.", "share.example.com.", "subnets.example.com.", "geo.example.com.", "text.example.com.",
    "x.wild.example.com.", "none.example.com.", "many.example.com.",
];
const TYPES: [u16; 4] = [1, 28, 16, 255];
/// Response codes that options can bring: none, FORMERR, BADVERS and BADCOOKIE have these four bits.
const CODES: [u8; 5] = [0, 1, 3, 7, 5];

thread_local! {
    static THEATRE: std::cell::RefCell<Theatre> = std::cell::RefCell::new(Theatre::open());
}

fuzz_target!(|input: &[u8]| {
    let Some(([choice, high, low, version], options)) = input.split_first_chunk::<4>() else {
        return;
    };
    let Ok(size) = u16::try_from(options.len()) else {
        return;
    };
    let name = NAMES[usize::from(choice & 7)];
    let mut query = vec![0x4c, 0x57, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    query.extend_from_slice(Name::parse_absolute(name).expect("a name").octets());
    query.extend_from_slice(&TYPES[usize::from(choice >> 3 & 3)].to_be_bytes());
    query.extend_from_slice(&[0, 1, 0, 0, 41, *high, *low, 0, version & 1, choice & 0x80, 0]);
    query.extend_from_slice(&size.to_be_bytes());
    query.extend_from_slice(options);
    let edns = match parse_query(&query, &mut QueryName::default()) {
        Ok(read) => read.edns,
        Err(Unanswerable::Silence) => panic!("a sound header is answered"),
        Err(Unanswerable::Refuse(refusal)) => refusal.edns,
    };
    if let Some(cookie) = edns.and_then(|edns| edns.cookie) {
        assert!(matches!(cookie.of(&query).len(), 8 | 16..=40));
    }
    THEATRE.with_borrow_mut(|theatre| {
        let payload = usize::from(u16::from_be_bytes([*high, *low])).clamp(512, 1_232);
        let reply = theatre.ask(Transport::Udp, &query);
        assert!((12..=payload).contains(&reply.len()), "{} octets", reply.len());
        assert!(CODES.contains(&(reply[3] & 15)), "code {}", reply[3] & 15);
        let reply = theatre.ask(Transport::Tcp, &query);
        assert!(!reply.is_empty());
        // A scope comes back only to those who sent a client subnet (RFC 7871, section 7.2.2).
        if !holds(options, OPTION_CLIENT_SUBNET) {
            let message = domain::base::Message::from_slice(reply).expect("a header");
            if let Some(opt) = message.opt() {
                let subnet = opt.opt().iter::<domain::base::opt::ClientSubnet>().next();
                assert!(subnet.is_none(), "nobody sent a client subnet");
            }
        }
    });
});

/// Says whether an option of this code may stand in there: a search for its octets, which finds too much rather than too little.
fn holds(options: &[u8], code: u16) -> bool {
    options.windows(2).any(|pair| pair == code.to_be_bytes())
}
