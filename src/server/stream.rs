//! Messages behind two-byte lengths (RFC 1035, section 4.2.2): found in what a stream brought, answered in order.
//!
//! In: octets of one connection and the thread's engine. Out: replies behind their lengths, one after the other, ready
//! for one write (RFC 7766, section 8). Never here: sockets.
//!
//! Up to [`BATCH_MAX`] messages are one batch of the engine, each with room for a reply of any size. Replies are then
//! moved together. What one turn may send is bounded: replies beyond that are dropped, their queries stay unanswered
//! until the client has read, and are then answered one by one.

use std::net::SocketAddr;

use arrayvec::ArrayVec;

use crate::wire::HEADER_LEN;

use super::engine::{Engine, Exchange, Guarded, WorkerId};
use super::message_responder::{FRAME_MAX, MESSAGE_MAX};

/// Octets read at once: about a hundred pipelined queries, then the next connection has its turn.
const READ_SIZE: usize = 4096;

/// Most messages in one batch of the engine.
pub(super) const BATCH_MAX: usize = 32;

/// Most octets of replies of one turn: one of any size, or many small ones.
const REPLIES_MAX: usize = FRAME_MAX + 16_384;

/// Octets from one reply's room to the next: whole cache lines, and not a power of two, so that their beginnings do not
/// compete for the same lines of the cache.
const STRIDE: usize = FRAME_MAX.next_multiple_of(64) + 256;

/// An engine and buffers that all connections of a thread share.
pub(super) struct StreamBuffers<E, M> {
    pub(super) guarded: Guarded<E, M>,
    pub(super) input: Box<[u8]>,
    pub(super) room: Room,
}

impl<E: Engine, M: Fn(WorkerId) -> E> StreamBuffers<E, M> {
    pub(super) fn new(guarded: Guarded<E, M>) -> Self {
        Self {
            guarded,
            input: vec![0; READ_SIZE].into_boxed_slice(),
            room: Room::new(),
        }
    }

    pub(super) fn idle(&mut self) {
        self.guarded.idle();
    }
}

/// Room for the replies of a batch; pages that no reply ever reached cost nothing.
pub(super) struct Room(Box<[u8]>);

/// Counts of a run of messages, and its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answered {
    /// Messages answered, those with silence among them.
    pub(super) messages: usize,
    /// Octets of these messages.
    pub(super) consumed: usize,
    /// Octets of their replies.
    written: usize,
    /// True if replies had to be dropped, since together they were too large.
    pub(super) is_cut: bool,
    /// True if a message was shorter than a header: answer no more and close.
    pub(super) is_nonsense: bool,
}

impl Room {
    fn new() -> Self {
        Self(vec![0; STRIDE * BATCH_MAX].into_boxed_slice())
    }

    /// Returns the replies written last.
    pub(super) fn replies(&self, answered: Answered) -> &[u8] {
        &self.0[..answered.written]
    }

    /// Answers whole messages in order, `batch_max` at once, while there is room for a reply of any size.
    pub(super) fn answer<E: Engine, M: Fn(WorkerId) -> E>(
        &mut self,
        guarded: &mut Guarded<E, M>,
        client: SocketAddr,
        input: &[u8],
        batch_max: usize,
    ) -> Answered {
        let mut done = Answered::default();
        while !done.is_nonsense && !done.is_cut && done.written + FRAME_MAX <= REPLIES_MAX {
            let messages = done.messages;
            self.answer_batch(guarded, client, input, batch_max, &mut done);
            if done.messages == messages {
                break;
            }
        }
        done
    }

    /// Answers the next messages as one batch and moves their replies together, behind those that are there.
    fn answer_batch<E: Engine, M: Fn(WorkerId) -> E>(
        &mut self,
        guarded: &mut Guarded<E, M>,
        client: SocketAddr,
        input: &[u8],
        batch_max: usize,
        done: &mut Answered,
    ) {
        // What is there already must stay: it reaches into the first rooms only.
        let first = done.written.div_ceil(STRIDE);
        let mut rooms = self.0.chunks_exact_mut(STRIDE).skip(first);
        let mut batch: ArrayVec<Exchange<'_>, BATCH_MAX> = ArrayVec::new();
        let mut at = done.consumed;
        while batch.len() < batch_max.min(BATCH_MAX - first)
            && let Some(message) = next_frame(&input[at..])
        {
            // A shorter message is no message, and its sender no DNS client.
            if message.len() < HEADER_LEN {
                done.is_nonsense = true;
                break;
            }
            let out = rooms.next().expect("a room for each of the batch");
            at += 2 + message.len();
            batch.push(Exchange::new(
                guarded.transport(),
                client,
                message,
                &mut out[2..FRAME_MAX],
            ));
        }
        if batch.is_empty() {
            return;
        }
        guarded.respond(&mut batch);
        let lengths: ArrayVec<(usize, usize), BATCH_MAX> = batch
            .iter()
            .map(|exchange| (exchange.input.len(), exchange.len.min(MESSAGE_MAX)))
            .collect();
        drop(batch);
        for (place, (asked, replied)) in lengths.into_iter().enumerate() {
            if replied > 0 && done.written + 2 + replied > REPLIES_MAX {
                done.is_cut = true;
                done.is_nonsense = false;
                return;
            }
            self.gather(done, (first + place) * STRIDE, replied);
            done.consumed += 2 + asked;
            done.messages += 1;
        }
    }

    /// Writes the length of a reply before it and moves both behind those that are there.
    fn gather(&mut self, done: &mut Answered, from: usize, length: usize) {
        if length == 0 {
            return;
        }
        let octets = u16::try_from(length).expect("at most 65,535").to_be_bytes();
        self.0[from..from + 2].copy_from_slice(&octets);
        if from != done.written {
            self.0.copy_within(from..from + 2 + length, done.written);
        }
        done.written += 2 + length;
    }
}

/// Returns the first message if all of it is there.
pub(super) fn next_frame(input: &[u8]) -> Option<&[u8]> {
    let (length, rest) = input.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::super::engine::Transport;
    use super::super::engine::tests::{Echo, query, reply};
    use super::*;
    use crate::metrics::QueryCounters;
    use std::sync::Arc;

    fn frame(message: &[u8]) -> Vec<u8> {
        let mut framed = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
        framed.extend_from_slice(message);
        framed
    }

    fn answer_all(input: &[u8], batch_max: usize) -> (Answered, Vec<u8>) {
        let worker_id = WorkerId {
            transport: Transport::Tcp,
            index: 0,
        };
        let counters = Arc::new(QueryCounters::default());
        let mut guarded = Guarded::new(Arc::new(|_| Echo), worker_id, counters);
        let client = SocketAddr::from(([127, 0, 0, 1], 9));
        let mut room = Room::new();
        let done = room.answer(&mut guarded, client, input, batch_max);
        (done, room.replies(done).to_vec())
    }

    #[test]
    fn answers_whole_messages_in_order_and_leaves_the_rest() {
        let mut input = Vec::new();
        for text in ["one", "silence", "two"] {
            input.extend(frame(&query(text)));
        }
        let whole = input.len();
        input.extend_from_slice(&frame(&query("three"))[..5]);
        let (done, output) = answer_all(&input, BATCH_MAX);
        assert_eq!((done.messages, done.consumed), (3, whole));
        assert_eq!(
            output,
            [frame(&reply("one")), frame(&reply("two"))].concat()
        );
        assert!(!done.is_nonsense);
    }

    #[test]
    fn gives_the_same_replies_for_any_size_of_batch() {
        let texts: Vec<_> = (0..200).map(|n| "x".repeat(n % 90)).collect();
        let input: Vec<_> = texts.iter().flat_map(|text| frame(&query(text))).collect();
        let wanted: Vec<_> = texts.iter().flat_map(|text| frame(&reply(text))).collect();
        for batch_max in [1, 2, 7, BATCH_MAX] {
            let (done, output) = answer_all(&input, batch_max);
            assert_eq!((done.messages, done.consumed), (200, input.len()));
            assert_eq!(output, wanted, "{batch_max}");
        }
    }

    #[test]
    fn stops_where_a_reply_of_any_size_might_not_fit() {
        let text = "x".repeat(30_000);
        let input = frame(&query(&text)).repeat(5);
        let one = frame(&query(&text)).len();
        for batch_max in [1, BATCH_MAX] {
            let (done, output) = answer_all(&input, batch_max);
            let answered = if batch_max == 1 { 1 } else { 2 };
            assert_eq!((done.messages, done.consumed), (answered, answered * one));
            assert_eq!(done.is_cut, batch_max > 1);
            assert_eq!(output, frame(&reply(&text)).repeat(answered));
        }
    }

    #[test]
    fn gives_up_on_messages_shorter_than_a_header() {
        let mut input = frame(&query("one"));
        input.extend([0, 0, 0, 12]);
        let (done, output) = answer_all(&input, BATCH_MAX);
        assert!(done.is_nonsense);
        assert_eq!(output, frame(&reply("one")));
    }

    #[test]
    fn sees_a_frame_only_when_all_of_it_is_there() {
        let cases: [(&[u8], Option<&[u8]>); 6] = [
            (&[], None),
            (&[0], None),
            (&[0, 2, 7], None),
            (&[0, 2, 7, 8], Some(&[7, 8])),
            (&[0, 2, 7, 8, 9], Some(&[7, 8])),
            (&[0, 0], Some(&[])),
        ];
        for (input, wanted) in cases {
            assert_eq!(next_frame(input), wanted, "{input:?}");
        }
    }
}
