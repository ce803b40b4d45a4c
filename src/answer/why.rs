//! `_explain.NAME TXT`: why a name is answered as it is, for those who may ask, in TXT records of one line each.
//!
//! In: a question whose first label is `_explain`, and what tells why. Out: a message with TTL 0. Never here: the
//! explanation itself, which a higher layer gives; this is the one place of a query that may allocate, and other
//! questions pay a comparison of two octets for it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::wire::{Class, ClientSubnet, HEADER_LEN, Query, Rcode, ResponseEdns, Rtype};
use crate::zone::RR_FIXED;

use super::assemble::assemble;
use super::exchange::{Exchange, Limited, Transport};
use super::lookup::Lookup;
use super::message::{Answer, Source};
use super::prefixes::Prefixes;
use super::terms::{Gate, Terms, client_ip, kind_of};
use super::world::World;

/// The first label of a question for reasons, folded, with its length.
const LABEL: &[u8; 9] = b"\x08_explain";
/// Longest string of a TXT record (RFC 1035, section 3.3).
const STRING_MAX: usize = 255;
/// Lines that one answer holds; more would not be read. Chosen.
const LINES_MAX: usize = 512;
/// QR and AA.
const FLAGS: u16 = 0x8400;
/// RD and CD are copied from the query.
const FLAGS_COPIED: u16 = 0x0110;
/// TC in the third octet of a message.
const TC_HIGH: u8 = 0x02;

/// What is to be explained.
#[derive(Debug)]
pub struct WhyAsked<'a> {
    /// The world that would answer.
    pub world: &'a World,
    /// The zone that the name lies in.
    pub zone: usize,
    /// The name behind the label, as folded octets.
    pub name: &'a [u8],
    /// Who asks.
    pub client: IpAddr,
    /// The client subnet that came along.
    pub subnet: Option<ClientSubnet>,
}

/// Writes the lines of an explanation.
pub type TellWhy = dyn Fn(&WhyAsked<'_>) -> Vec<String> + Send + Sync;

/// Who may ask why by DNS, and what tells.
#[derive(Clone)]
pub struct Reasons {
    allow: Prefixes,
    tell: Arc<TellWhy>,
}

impl Reasons {
    /// Lets clients of some networks ask.
    pub fn new(allow: Prefixes, tell: Arc<TellWhy>) -> Self {
        Self { allow, tell }
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reasons")
            .field("allow", &self.allow)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Reasons {
    fn eq(&self, other: &Self) -> bool {
        self.allow == other.allow && Arc::ptr_eq(&self.tell, &other.tell)
    }
}

/// Says whether a folded name may be a question for reasons; all that other questions pay.
#[inline(always)]
pub(super) fn may_ask_why(folded: &[u8]) -> bool {
    folded[0] == LABEL[0] && folded[1] == LABEL[1]
}

/// Answers a question for reasons. False, with nothing written, if it is none or its client may not ask: it is a
/// question like any other then.
#[cold]
#[inline(never)]
pub(super) fn answer_why<'w>(
    world: &'w World,
    exchange: &mut Exchange<'_>,
    (query, lookup): (&Query, &Lookup),
    terms: &mut Terms<'w>,
    gate: &mut Gate,
    answer: &mut Answer<'w>,
) -> bool {
    let Some(reasons) = &world.conduct.reasons else {
        return false;
    };
    let (Some(zone), Some(name)) = (lookup.zone, lookup.scratch.name().strip_prefix(LABEL)) else {
        return false;
    };
    let client = client_ip(exchange);
    let is_text = query.rtype == Rtype::TXT && query.class == Class::IN;
    if !is_text || !reasons.allow.contains(client) {
        return false;
    }
    let lines = (reasons.tell)(&WhyAsked {
        world,
        zone,
        name,
        client,
        subnet: query.edns.and_then(|edns| edns.subnet),
    });
    answer.reset(Rcode::NOERROR, Source::Static);
    let conduct = &*world.conduct;
    terms.settle(conduct, query, (answer.rcode, answer.source, 0));
    exchange.tally.rtype = query.rtype;
    exchange.tally.source = Source::Static;
    exchange.tally.cookie = terms.standing;
    let kind = kind_of(answer.source, lookup.zone);
    let limit = match gate.size_max(
        conduct,
        exchange,
        (query.rtype, &query.edns),
        terms.is_proven,
        kind,
    ) {
        Ok(limit) => limit,
        Err(limited) => {
            exchange.tally.limited = limited;
            if limited == Limited::Dropped {
                return true;
            }
            0
        }
    };
    let opt = terms.opt(conduct);
    // A stream has room for a cut explanation; a datagram that is too small sends the client to a stream.
    let records = texts_within(
        &lines,
        exchange.transport != Transport::Udp,
        query,
        opt,
        limit.min(exchange.out.len()),
    );
    let len = match records {
        Some(records) => write_texts(query, exchange.input, &records, opt, exchange.out),
        None => {
            let written = assemble(answer, query, exchange.input, opt, limit, exchange.out);
            exchange.out[2] |= TC_HIGH;
            exchange.tally.is_truncated = true;
            written.len
        }
    };
    exchange.len = terms.pad(exchange.out, len);
    true
}

/// Returns the TXT RDATA of the lines that fit; none if not all do and the answer may not be cut.
fn texts_within(
    lines: &[String],
    may_cut: bool,
    query: &Query,
    opt: Option<(&ResponseEdns<'_>, u16)>,
    room: usize,
) -> Option<Vec<Vec<u8>>> {
    let fixed = query.question_end() + opt.map_or(0, |(edns, _)| edns.len());
    let mut left = room.checked_sub(fixed)?;
    let mut records = Vec::new();
    for line in lines.iter().take(LINES_MAX) {
        let rdata = text_rdata(line);
        match left.checked_sub(RR_FIXED + rdata.len()) {
            Some(less) => left = less,
            None if may_cut => break,
            None => return None,
        }
        records.push(rdata);
    }
    Some(records)
}

/// Cuts a line into strings (RFC 1035, section 3.3.14).
fn text_rdata(line: &str) -> Vec<u8> {
    let octets = line.as_bytes();
    let mut rdata = Vec::with_capacity(octets.len() + 1 + octets.len() / STRING_MAX);
    for string in octets.chunks(STRING_MAX) {
        rdata.push(string.len() as u8);
        rdata.extend_from_slice(string);
    }
    if rdata.is_empty() {
        rdata.push(0);
    }
    rdata
}

/// Writes a message whose records are known to fit.
fn write_texts(
    query: &Query,
    input: &[u8],
    records: &[Vec<u8>],
    opt: Option<(&ResponseEdns<'_>, u16)>,
    out: &mut [u8],
) -> usize {
    let mut at = query.question_end();
    out[..at].copy_from_slice(&input[..at]);
    let flags = FLAGS | (query.flags & FLAGS_COPIED);
    out[2..4].copy_from_slice(&flags.to_be_bytes());
    let [count_high, count_low] = (records.len() as u16).to_be_bytes();
    let additionals = u8::from(opt.is_some());
    out[4..HEADER_LEN].copy_from_slice(&[0, 1, count_high, count_low, 0, 0, 0, additionals]);
    let [type_high, type_low] = Rtype::TXT.0.to_be_bytes();
    let [class_high, class_low] = Class::IN.0.to_be_bytes();
    for rdata in records {
        let [len_high, len_low] = (rdata.len() as u16).to_be_bytes();
        let fixed: [u8; RR_FIXED] = [
            0xc0, 0x0c, type_high, type_low, class_high, class_low, 0, 0, 0, 0, len_high, len_low,
        ];
        out[at..at + RR_FIXED].copy_from_slice(&fixed);
        at += RR_FIXED;
        out[at..at + rdata.len()].copy_from_slice(rdata);
        at += rdata.len();
    }
    if let Some((edns, payload_size)) = opt {
        edns.write(payload_size, &mut out[at..]);
        at += edns.len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_into_strings_of_255_octets() {
        let cases = [
            (0, vec![0]),
            (1, vec![1]),
            (255, vec![255]),
            (256, vec![255, 1]),
            (600, vec![255, 255, 90]),
        ];
        for (len, wanted) in cases {
            let rdata = text_rdata(&"x".repeat(len));
            let (mut at, mut lens) = (0, Vec::new());
            while let Some(&len) = rdata.get(at) {
                lens.push(usize::from(len));
                at += 1 + usize::from(len);
            }
            assert_eq!(lens, wanted, "{len}");
        }
    }
}
