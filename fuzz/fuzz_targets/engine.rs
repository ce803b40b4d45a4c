//! The engine answers any octets within bounds: an independent decoder reads every reply, no datagram is longer than its
//! client takes, and a response is never answered.
#![no_main]

use domain::base::ParsedName;
use domain::base::message::Message;
use domain::rdata::AllRecordData;
use leeward::answer::Transport;
use leeward_fuzz::world::Theatre;
use libfuzzer_sys::fuzz_target;

/// The most that a datagram holds whatever its client offers (RFC 9715).
const DATAGRAM_MAX: usize = 1_232;

thread_local! {
    static THEATRE: std::cell::RefCell<Theatre> = std::cell::RefCell::new(Theatre::open());
}

fuzz_target!(|input: &[u8]| {
    THEATRE.with_borrow_mut(|theatre| {
        for transport in [Transport::Udp, Transport::Tcp, Transport::Https] {
            let reply = theatre.ask(transport, input);
            let is_answerable = input.len() >= 12 && input[2] & 0x80 == 0;
            assert_eq!(!reply.is_empty(), is_answerable, "{transport:?} {input:02x?}");
            if reply.is_empty() {
                continue;
            }
            assert_eq!(reply[..2], input[..2], "another id");
            assert_ne!(reply[2] & 0x80, 0, "no response");
            if transport == Transport::Udp {
                let limit = limit_of(input).min(DATAGRAM_MAX);
                assert!(reply.len() <= limit, "{} octets for {limit}", reply.len());
            }
            read(reply).unwrap_or_else(|fault| panic!("{fault}: {input:02x?} to {reply:02x?}"));
        }
    });
});

/// What the client takes, as an independent decoder reads its query: 512 octets without a sound OPT record.
fn limit_of(query: &[u8]) -> usize {
    let message = Message::from_slice(query).expect("a header");
    let opt = message.opt();
    opt.map_or(512, |opt| usize::from(opt.udp_payload_size()).max(512))
}

fn read(reply: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let message = Message::from_slice(reply)?;
    let question = message.question().count();
    if question != usize::from(message.header_counts().qdcount()) {
        return Err("the question does not parse".into());
    }
    let mut sections = vec![message.answer()?, message.authority()?, message.additional()?];
    for record in sections.drain(..).flatten() {
        let record = record?.into_record::<AllRecordData<_, ParsedName<_>>>()?;
        record.ok_or("a record is of no type")?;
    }
    Ok(())
}
