//! Queries as octets, and answers read by another implementation of DNS.
//!
//! In: a question, a client, a world. Out: what the answer's octets say. Never here: expectations.

use std::net::{IpAddr, SocketAddr};

use domain::base::iana::OptRcode;
use domain::base::opt::ClientSubnet;
use domain::base::{Message, ParsedName};
use domain::rdata::AllRecordData;
use ipnet::IpNet;
use leeward::answer::{Exchange, Transport, Worker, World, respond};
use leeward::clock::Moment;
use leeward::wire::{Name, Rtype};

/// What one message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Response code.
    pub(crate) rcode: String,
    /// Type and RDATA of the last RRset of the answer section, in the order sent.
    pub(crate) records: Vec<String>,
    /// TTL of these; without records that of the SOA in the authority section, if there is one.
    pub(crate) ttl: Option<u32>,
    /// Owner of these.
    pub(crate) owner: String,
    /// Scope of client subnet, if the option came back.
    pub(crate) scope: Option<u8>,
}

/// Writes a query (RFC 1035, section 4.1; RFC 7871, section 6).
pub(crate) fn query(name: &Name, rtype: Rtype, subnet: Option<IpNet>) -> Vec<u8> {
    let mut octets = vec![0x4c, 0x57, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    octets.extend_from_slice(name.octets());
    octets.extend_from_slice(&rtype.0.to_be_bytes());
    octets.extend_from_slice(&[0, 1]);
    let mut option = Vec::new();
    if let Some(prefix) = subnet {
        let len = prefix.prefix_len();
        let (family, mut bytes) = match prefix.addr() {
            IpAddr::V4(v4) => (1, v4.octets().to_vec()),
            IpAddr::V6(v6) => (2, v6.octets().to_vec()),
        };
        bytes.truncate(usize::from(len).div_ceil(8));
        option.extend_from_slice(&[0, 8, 0, 4 + bytes.len() as u8, 0, family, len, 0]);
        option.extend_from_slice(&bytes);
    }
    // Root owner, type OPT, payload size 1232, no flags.
    octets.extend_from_slice(&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, option.len() as u8]);
    octets.extend_from_slice(&option);
    octets
}

/// Asks the engine once, over TCP so that nothing is cut.
pub(crate) fn ask(world: &World, worker: &mut Worker, client: IpAddr, query: &[u8]) -> Said {
    let mut out = [0; 4096];
    let mut batch = [Exchange::new(
        Transport::Tcp,
        SocketAddr::new(client, 5353),
        query,
        &mut out,
    )];
    respond(world, &mut batch, worker, Moment::ZERO);
    let len = batch[0].len;
    assert!(len > 0, "the engine was silent");
    read(&out[..len])
}

fn read(octets: &[u8]) -> Said {
    let message = Message::from_octets(octets).expect("a header at least");
    let mut rows = Vec::new();
    for record in message.answer().expect("a question section") {
        let record = record.expect("a whole record");
        let (owner, ttl) = (record.owner().to_string(), record.ttl().as_secs());
        let record = record
            .into_any_record::<AllRecordData<_, ParsedName<_>>>()
            .expect("RDATA that another implementation reads");
        let text = format!("{} {}", record.rtype(), record.data());
        rows.push((owner, record.rtype(), ttl, normal(&text)));
    }
    let opt = message.opt();
    let scope = opt.as_ref().and_then(|opt| {
        let found = opt.opt().iter::<ClientSubnet>().next()?;
        Some(found.expect("a whole option").scope_prefix_len())
    });
    let rcode = OptRcode::from_rcode(message.header().rcode()).to_string();
    let Some((owner, rtype, ttl, _)) = rows.last().cloned() else {
        return Said {
            rcode,
            records: Vec::new(),
            ttl: negative_ttl(&message),
            owner: String::new(),
            scope,
        };
    };
    let is_last = |row: &&(String, domain::base::iana::Rtype, _, _)| {
        row.0.eq_ignore_ascii_case(&owner) && row.1 == rtype
    };
    let records = rows.iter().filter(is_last).map(|row| row.3.clone());
    Said {
        rcode,
        records: records.collect(),
        ttl: Some(ttl),
        owner: normal(&owner),
        scope,
    }
}

fn negative_ttl(message: &Message<&[u8]>) -> Option<u32> {
    let mut authority = message.authority().expect("the sections before it");
    let soa = authority.next()?.expect("a whole record");
    Some(soa.ttl().as_secs())
}

/// Writes RDATA text in one form: small letters, names without the final dot.
pub(crate) fn normal(text: &str) -> String {
    let words = text.split_whitespace();
    let words = words.map(|word| word.trim_end_matches('.').to_ascii_lowercase());
    words.collect::<Vec<_>>().join(" ")
}
