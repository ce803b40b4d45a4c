//! The envelope of every response: header and question, records, limits, OPT, padding, and what to count.
//!
//! In: a query, the context that it was admitted on, and what composes its answer. Out: the message and its tally. Never
//! here: what is answered.
//!
//! The order is fixed: compose, ask the limiter (which counts by source and zone of the answer), slip or drop, OPT, pad.

use crate::wire::write_bad_key;

use super::exchange::{Limited, Outgoing, Received, Tally};
use super::rate::Verdict;
use super::response_context::{Asked, RateLimiter, ResponseContext};
use super::serving_options::ServingOptions;
use super::writer::MessageWriter;

/// Responds to a query with what `compose` writes.
#[inline(always)]
pub(super) fn reply<'w>(
    serving: &'w ServingOptions,
    received: Received<'_>,
    asked: &Asked,
    context: &mut ResponseContext<'w>,
    limiter: &mut RateLimiter,
    outgoing: Outgoing<'_>,
    compose: impl FnOnce(&mut MessageWriter<'_>),
) {
    let question = &received.input[..asked.question_end];
    let mut writer = MessageWriter::new(question, context.size_max, &mut *outgoing.out);
    compose(&mut writer);
    let head = writer.head;
    context.settle(serving, asked, &head);
    let mut tally = Tally {
        rtype: asked.rtype,
        rcode: head.rcode,
        source: head.source,
        cookie: context.standing,
        ..Tally::default()
    };
    let limit = match limiter.count(serving, received, context, (head.source, asked.zone)) {
        Verdict::Send => context.size_max,
        Verdict::SendPressed => context.size_pressed(serving, received),
        Verdict::Slip => {
            // Empty, whatever the answer was: the client asks again by TCP.
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
    let mut len = writer.finish(asked.flags, limit, context.opt(serving));
    tally.is_truncated = writer.is_truncated();
    tally.ttl = writer.ttl();
    len = context.pad(outgoing.out, len);
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

/// Replies as [`reply`], for responses that are rare, so that its code stands once for all of them.
#[cold]
#[inline(never)]
pub(super) fn reply_rarely<'w>(
    serving: &'w ServingOptions,
    received: Received<'_>,
    asked: &Asked,
    context: &mut ResponseContext<'w>,
    limiter: &mut RateLimiter,
    outgoing: Outgoing<'_>,
    compose: &mut dyn FnMut(&mut MessageWriter<'_>),
) {
    reply(
        serving, received, asked, context, limiter, outgoing, compose,
    );
}
