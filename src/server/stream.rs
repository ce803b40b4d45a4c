//! One connection of TCP or TLS: messages behind two-byte lengths (RFC 1035, section 4.2.2; RFC 7766; RFC 7858), answered
//! in order.
//!
//! In: a stream and the thread's engine. Out: replies, length and message in one write (RFC 7766, section 8). Never
//! here: accepting, or who has to leave.
//!
//! | Phase | Entered when | Timer | Ends by |
//! |---|---|---|---|
//! | idle | nothing is held | idle | an octet |
//! | message | part of a message is held | message, from its first octet | its last octet |
//! | writing | the client does not take all | write, from the first refusal | the last octet gone |
//!
//! While replies wait for the client nothing more is read. A quiet connection holds no buffer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::accept::Farewell;
use super::engine::{Engine, Exchange, Guarded, Seat};
use super::limits::TcpLimits;

/// The longest message (RFC 1035, section 4.2.2).
const MESSAGE_MAX: usize = 65_535;

/// A message and its length.
const FRAME_MAX: usize = 2 + MESSAGE_MAX;

/// Octets of the header; a shorter message is no message, and its sender no DNS client.
const HEADER_SIZE: usize = 12;

/// Octets read at once: about a hundred pipelined queries, then the next connection has its turn.
const READ_SIZE: usize = 4096;

/// Room for replies: one of any size, or many small ones.
const OUTPUT_SIZE: usize = FRAME_MAX + 16_384;

/// Turns that a connection may still take when the server stops, to answer what has already arrived.
const FINAL_TURNS_MAX: usize = 64;

/// How long such a turn waits: what has arrived shows in the event loop's next round, so any time suffices.
const FINAL_READ_PATIENCE: Duration = Duration::from_millis(10);

/// An engine and buffers that all connections of a thread share; nobody holds them over an await.
pub(super) struct Desk<E, M> {
    guarded: Guarded<E, M>,
    input: Box<[u8]>,
    output: Box<[u8]>,
}

impl<E: Engine, M: Fn(Seat) -> E> Desk<E, M> {
    pub(super) fn new(guarded: Guarded<E, M>) -> Self {
        Self {
            guarded,
            input: vec![0; READ_SIZE].into_boxed_slice(),
            output: vec![0; OUTPUT_SIZE].into_boxed_slice(),
        }
    }

    pub(super) fn idle(&mut self) {
        self.guarded.idle();
    }
}

/// What one turn of a connection did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Read something and answered this many messages.
    Read { messages: usize },
    /// The last of the waiting replies left.
    Flushed,
    /// Nothing more will come, or nothing sensible.
    Ended,
}

/// A connection and what it holds between turns.
pub(super) struct Connection<S> {
    stream: S,
    client: SocketAddr,
    /// Received and not answered yet: part of a message, or messages that had no room for replies.
    held: Vec<u8>,
    /// Replies that the client has not taken yet, from `sent` on.
    unsent: Vec<u8>,
    sent: usize,
    /// Whether the stream took replies that it has not passed on yet, as TLS does with records.
    is_sealing: bool,
    is_ending: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, client: SocketAddr) -> Self {
        Self {
            stream,
            client,
            held: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            is_sealing: false,
            is_ending: false,
        }
    }

    /// Talks until either side has had enough; `on_use` is called whenever replies have left.
    pub(super) async fn converse<E: Engine, M: Fn(Seat) -> E>(
        mut self,
        desk: &RefCell<Desk<E, M>>,
        limits: &TcpLimits,
        mut stop: watch::Receiver<bool>,
        on_use: impl Fn(),
    ) -> Farewell {
        let mut timer = pin!(sleep(limits.idle_timeout));
        let mut was_partial = false;
        loop {
            let turn = tokio::select! {
                biased;
                _ = stop.wait_for(|is_asked| *is_asked) => {
                    self.finish(desk, limits.write_timeout).await;
                    return Farewell::Stopped;
                }
                turn = poll_fn(|context| self.poll_turn(desk, context)) => turn,
                () = timer.as_mut() => {
                    self.take_leave().await;
                    return Farewell::TimedOut;
                }
            };
            let messages = match turn {
                Ok(Turn::Read { messages }) => messages,
                Ok(Turn::Flushed) => 1,
                Ok(Turn::Ended) | Err(_) => {
                    self.take_leave().await;
                    return Farewell::Client;
                }
            };
            let is_partial = !self.held.is_empty();
            if messages > 0 || is_partial != was_partial {
                timer.set(sleep(self.patience(limits)));
            }
            was_partial = is_partial;
            if messages > 0 && !self.is_sending() {
                on_use();
            }
            if self.has_work() {
                // Others first: a client with a long pipeline gets a read's worth of answers a round.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Says how long the phase may last that the connection is now in.
    fn patience(&self, limits: &TcpLimits) -> Duration {
        if self.is_sending() {
            limits.write_timeout
        } else if !self.held.is_empty() {
            limits.message_timeout
        } else {
            limits.idle_timeout
        }
    }

    fn has_work(&self) -> bool {
        self.is_ending || next_frame(&self.held).is_some()
    }

    /// Answers what has arrived, waits for the client to take it, and closes.
    async fn finish<E: Engine, M: Fn(Seat) -> E>(
        &mut self,
        desk: &RefCell<Desk<E, M>>,
        write_timeout: Duration,
    ) {
        for _ in 0..FINAL_TURNS_MAX {
            let patience = if self.is_sending() {
                write_timeout
            } else {
                FINAL_READ_PATIENCE
            };
            let turn = poll_fn(|context| self.poll_turn(desk, context));
            match tokio::time::timeout(patience, turn).await {
                Ok(Ok(Turn::Read { .. } | Turn::Flushed)) => {}
                Ok(Ok(Turn::Ended) | Err(_)) | Err(_) => break,
            }
        }
        self.take_leave().await;
    }

    /// Ends the stream as its protocol asks (RFC 7858, section 3.4), as far as the client takes it at once.
    async fn take_leave(&mut self) {
        // The client may be gone already; that is as good.
        let stream = &mut self.stream;
        poll_fn(|context| {
            let _ = Pin::new(&mut *stream).poll_shutdown(context);
            Poll::Ready(())
        })
        .await;
    }

    fn is_sending(&self) -> bool {
        self.is_sealing || !self.unsent.is_empty()
    }

    /// Does the next thing that can be done now: send what waits, else answer what is held, else read and answer.
    fn poll_turn<E: Engine, M: Fn(Seat) -> E>(
        &mut self,
        desk: &RefCell<Desk<E, M>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Turn>> {
        if self.is_sending() {
            ready!(self.poll_flush(context))?;
            return Poll::Ready(Ok(Turn::Flushed));
        }
        if self.is_ending {
            return Poll::Ready(Ok(Turn::Ended));
        }
        let desk = &mut *desk.borrow_mut();
        let mut fresh: &[u8] = &[];
        if next_frame(&self.held).is_none() {
            let mut buffer = ReadBuf::new(&mut desk.input);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            let count = buffer.filled().len();
            if count == 0 {
                return Poll::Ready(Ok(Turn::Ended));
            }
            fresh = &desk.input[..count];
            if !self.held.is_empty() {
                self.held.extend_from_slice(fresh);
            }
        }
        let pending = if self.held.is_empty() {
            fresh
        } else {
            &self.held
        };
        let answered = answer(&mut desk.guarded, self.client, pending, &mut desk.output);
        self.is_ending = answered.is_nonsense;
        if self.held.is_empty() {
            self.held.extend_from_slice(&fresh[answered.consumed..]);
        } else {
            self.held.drain(..answered.consumed);
        }
        if self.held.is_empty() {
            // A quiet connection keeps no buffer.
            self.held = Vec::new();
        }
        self.start_sending(&desk.output[..answered.written], context)?;
        Poll::Ready(Ok(Turn::Read {
            messages: answered.messages,
        }))
    }

    /// Sends what the client takes at once and keeps the rest.
    fn start_sending(&mut self, replies: &[u8], context: &mut Context<'_>) -> io::Result<()> {
        if replies.is_empty() {
            return Ok(());
        }
        let sent = match Pin::new(&mut self.stream).poll_write(context, replies) {
            Poll::Ready(result) => result?,
            Poll::Pending => 0,
        };
        if sent < replies.len() {
            self.unsent.extend_from_slice(&replies[sent..]);
            self.sent = 0;
        }
        self.is_sealing = Pin::new(&mut self.stream).poll_flush(context)?.is_pending();
        Ok(())
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            let rest = &self.unsent[self.sent..];
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        self.unsent = Vec::new();
        self.sent = 0;
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.is_sealing = false;
        Poll::Ready(Ok(()))
    }
}

/// What became of a run of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Answered {
    messages: usize,
    consumed: usize,
    written: usize,
    /// A message was shorter than a header: answer no more and close.
    is_nonsense: bool,
}

/// Answers whole messages in order while there is room for a reply of any size.
fn answer<E: Engine, M: Fn(Seat) -> E>(
    guarded: &mut Guarded<E, M>,
    client: SocketAddr,
    input: &[u8],
    output: &mut [u8],
) -> Answered {
    let mut done = Answered::default();
    while let Some(message) = next_frame(&input[done.consumed..]) {
        if message.len() < HEADER_SIZE {
            done.is_nonsense = true;
            break;
        }
        let room = &mut output[done.written..];
        if room.len() < FRAME_MAX {
            break;
        }
        let (length, out) = room[..FRAME_MAX].split_at_mut(2);
        let mut exchange = Exchange::new(guarded.transport(), client, message, out);
        guarded.respond(std::slice::from_mut(&mut exchange));
        let len = exchange.len.min(MESSAGE_MAX);
        if len > 0 {
            let octets = u16::try_from(len).expect("at most 65,535").to_be_bytes();
            length.copy_from_slice(&octets);
            done.written += 2 + len;
        }
        done.consumed += 2 + message.len();
        done.messages += 1;
    }
    done
}

/// Returns the first message if all of it is there.
fn next_frame(input: &[u8]) -> Option<&[u8]> {
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

    fn answer_all(input: &[u8], room: usize) -> (Answered, Vec<u8>) {
        let seat = Seat {
            transport: Transport::Tcp,
            index: 0,
        };
        let counters = Arc::new(QueryCounters::default());
        let mut guarded = Guarded::new(Arc::new(|_| Echo), seat, counters);
        let client = SocketAddr::from(([127, 0, 0, 1], 9));
        let mut output = vec![0; room];
        let done = answer(&mut guarded, client, input, &mut output);
        output.truncate(done.written);
        (done, output)
    }

    #[test]
    fn answers_whole_messages_in_order_and_leaves_the_rest() {
        let mut input = Vec::new();
        for text in ["one", "silence", "two"] {
            input.extend(frame(&query(text)));
        }
        let whole = input.len();
        input.extend_from_slice(&frame(&query("three"))[..5]);
        let (done, output) = answer_all(&input, OUTPUT_SIZE);
        assert_eq!((done.messages, done.consumed), (3, whole));
        assert_eq!(
            output,
            [frame(&reply("one")), frame(&reply("two"))].concat()
        );
        assert!(!done.is_nonsense);
    }

    #[test]
    fn stops_where_a_reply_of_any_size_might_not_fit() {
        let input = frame(&query("one")).repeat(3);
        let (done, _) = answer_all(&input, FRAME_MAX + 20);
        assert_eq!(done.messages, 2);
    }

    #[test]
    fn gives_up_on_messages_shorter_than_a_header() {
        let mut input = frame(&query("one"));
        input.extend([0, 0, 0, 12]);
        let (done, output) = answer_all(&input, OUTPUT_SIZE);
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
