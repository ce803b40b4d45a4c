//! The envelope of every response: header and question, records, limits, OPT, padding, and what to count.
//!
//! In: a query, the terms that it was admitted on, and what composes its answer. Out: the message and its tally. Never
//! here: what is answered.
//!
//! The order is fixed: compose, ask the limiter (which counts by source and zone of the answer), slip or drop, OPT, pad.

use crate::wire::write_bad_key;

use super::conduct::Conduct;
use super::exchange::{Limited, Outgoing, Received, Tally};
use super::rate::Verdict;
use super::terms::{Asked, Gate, Terms};
use super::writer::MessageWriter;

/// Responds to a query with what `compose` writes.
#[inline(always)]
pub(super) fn reply<'w>(
    conduct: &'w Conduct,
    received: Received<'_>,
    asked: &Asked,
    terms: &mut Terms<'w>,
    gate: &mut Gate,
    outgoing: Outgoing<'_>,
    compose: impl FnOnce(&mut MessageWriter<'_>),
) {
    let question = &received.input[..asked.question_end];
    let mut writer = MessageWriter::new(question, terms.size_max, &mut *outgoing.out);
    compose(&mut writer);
    let head = writer.head;
    terms.settle(conduct, asked, &head);
    let mut tally = Tally {
        rtype: asked.rtype,
        rcode: head.rcode,
        source: head.source,
        cookie: terms.standing,
        ..Tally::default()
    };
    let limit = match gate.judge(conduct, received, terms, (head.source, asked.zone)) {
        Verdict::Send => terms.size_max,
        Verdict::SendPressed => terms.size_pressed(conduct, received),
        Verdict::Slip => {
            // Nothing is in it, whatever there was to say: the client asks again by TCP.
            writer.truncate();
            tally.limited = Limited::Slipped;
            0
        }
        Verdict::Drop => {
            tally.limited = Limited::Dropped;
            *outgoing.tally = tally;
            *outgoing.len = 0;
            return;
        }
    };
    let mut len = writer.finish(asked.flags, limit, terms.opt(conduct));
    tally.is_truncated = writer.is_truncated();
    tally.ttl = writer.ttl();
    len = terms.pad(outgoing.out, len);
    if let Some(tsig) = asked.tsig
        && tally.limited == Limited::No
    {
        let room = limit.min(outgoing.out.len()).max(len);
        let out = &mut outgoing.out[..room];
        len = write_bad_key(received.input, usize::from(tsig), out, len).unwrap_or(len);
    }
    *outgoing.tally = tally;
    *outgoing.len = len;
}

/// Does the same as [`reply`] for responses that are rare, so that its code stands once for all of them.
#[cold]
#[inline(never)]
pub(super) fn reply_rarely<'w>(
    conduct: &'w Conduct,
    received: Received<'_>,
    asked: &Asked,
    terms: &mut Terms<'w>,
    gate: &mut Gate,
    outgoing: Outgoing<'_>,
    compose: &mut dyn FnMut(&mut MessageWriter<'_>),
) {
    reply(conduct, received, asked, terms, gate, outgoing, compose);
}
