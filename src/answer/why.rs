//! Explanation queries (`_explain.NAME TXT`): why a name is answered as it is, in TXT records of one line each.
//!
//! In: a question whose first label is `_explain`, and the explainer. Out: a message with TTL 0. Never here: the
//! explanation itself, which a higher layer gives; this is the one place of a query that may allocate, and other
//! questions pay a comparison of two octets for it.

use crate::wire::{Class, Rtype, split_txt, txt_rdata};
use crate::zone::RR_FIXED;

use super::exchange::{Exchange, Transport};
use super::lookup::Lookup;
use super::reasons::WhyAsked;
use super::reply::reply_rarely;
use super::response_context::{Asked, RateLimiter};
use super::sink::{Part, QUESTION_AT, Records, Section, Sink};
use super::world::World;

/// The first label of a question for reasons, folded, with its length.
const LABEL: &[u8; 9] = b"\x08_explain";
/// Lines that one answer holds; more would not be read. Chosen.
const LINES_MAX: usize = 512;

/// Returns whether a folded name may be an explanation query; the whole cost for other questions.
#[inline(always)]
pub(super) fn may_ask_why(folded: &[u8]) -> bool {
    folded[0] == LABEL[0] && folded[1] == LABEL[1]
}

/// Answers a question for reasons. False, with nothing written, if it is none or its client may not ask: it is a
/// question like any other then.
#[cold]
#[inline(never)]
pub(super) fn answer_why(
    world: &World,
    exchange: &mut Exchange<'_>,
    (lookup, zone): (&Lookup, usize),
    limiter: &mut RateLimiter,
) -> bool {
    let serving = &*world.serving;
    let Some(reasons) = &serving.reasons else {
        return false;
    };
    let Some(name) = lookup.query_name.name().strip_prefix(LABEL) else {
        return false;
    };
    let query = &lookup.query;
    let (received, outgoing) = exchange.split();
    let client = received.address();
    let is_text = query.rtype == Rtype::TXT && query.class == Class::IN;
    if !is_text || !reasons.may_ask(client) {
        return false;
    }
    let asked = Asked::of(query, zone);
    let mut context = limiter.admit(serving, received, &asked, &query.edns);
    if context.needs_cookie(serving) {
        return false;
    }
    let lines = reasons.explain(&WhyAsked {
        world,
        zone,
        name,
        client,
        subnet: query.edns.and_then(|edns| edns.subnet),
    });
    // A stream has room for a cut explanation; a datagram that is too small sends the client to a stream.
    let room = match received.transport {
        Transport::Udp => usize::MAX,
        _ => {
            let fixed = asked.question_end + context.opt(serving).map_or(0, |(opt, _)| opt.len());
            context
                .size_max
                .min(outgoing.out.len())
                .saturating_sub(fixed)
        }
    };
    let made = made_within(&lines, room);
    reply_rarely(
        serving,
        received,
        &asked,
        &mut context,
        limiter,
        outgoing,
        &mut |writer| {
            writer.push(Part {
                section: Section::Answer,
                owner: QUESTION_AT,
                records: Records::Made {
                    class: Class::IN,
                    rtype: Rtype::TXT,
                    ttl: 0,
                    rdata: &made,
                },
            });
        },
    );
    true
}

/// Returns the TXT RDATA of the lines whose records fit in `room` octets, each behind its length.
fn made_within(lines: &[String], room: usize) -> Vec<u8> {
    let (mut made, mut left) = (Vec::new(), room);
    for line in lines.iter().take(LINES_MAX) {
        let Some(rdata) = text_rdata(line) else {
            continue;
        };
        let Some(less) = left.checked_sub(RR_FIXED + rdata.len()) else {
            break;
        };
        left = less;
        made.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        made.extend_from_slice(&rdata);
    }
    made
}

/// Cuts a line into strings (RFC 1035, section 3.3.14); `None` if it is longer than a record.
fn text_rdata(line: &str) -> Option<Box<[u8]>> {
    let strings = split_txt(line);
    let strings: Vec<&[u8]> = strings.iter().map(Vec::as_slice).collect();
    txt_rdata(&strings).ok()
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
            let rdata = text_rdata(&"x".repeat(len)).expect("a record");
            let (mut at, mut lens) = (0, Vec::new());
            while let Some(&len) = rdata.get(at) {
                lens.push(usize::from(len));
                at += 1 + usize::from(len);
            }
            assert_eq!(lens, wanted, "{len}");
        }
    }
}
