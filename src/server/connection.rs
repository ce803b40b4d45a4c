//! One connection of TCP or TLS: messages behind two-byte lengths (RFC 1035, section 4.2.2; RFC 7766; RFC 7858),
//! answered in order.
//!
//! In: turns, the thread's buffers. Out: replies, all of one turn in one write (RFC 7766, section 8). Never here:
//! waiting, accepting, or who has to leave.
//!
//! | Phase | Entered when | Timer | Ends by |
//! |---|---|---|---|
//! | header | a proxy connected | message | the last octet of its PROXY header |
//! | handshake | a client of TLS connected | message | the handshake's end |
//! | idle | nothing is held | idle | an octet |
//! | message | part of a message is held | message, from its first octet | its last octet |
//! | writing | the client does not take all | write, from the first refusal | the last octet gone |
//!
//! While replies wait for the client nothing more is read. A quiet connection holds no buffer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::engine::{Engine, WorkerId};
use super::limits::TcpLimits;
use super::maybe_tls::{MaybeTlsStream, Taken};
use super::proxy::{Progress, read_header};
use super::stream::{Answered, BATCH_MAX, StreamBuffers, next_frame};

/// Outcome of one turn of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing; the event queue will report when there is more to do.
    Waiting,
    /// Looked at what arrived and answered this many messages.
    Read { messages: usize },
    /// The last of the waiting replies left.
    Flushed,
    /// A proxy named the client.
    Named,
    /// A proxy sent no header that can be read.
    Unnamed,
    /// Nothing more will come, or nothing sensible.
    Ended,
}

/// A connection and what it holds between turns.
pub(super) struct Connection {
    line: MaybeTlsStream,
    client: SocketAddr,
    /// Received and not answered yet: part of a header or a message, or messages that had no room for replies.
    held: Vec<u8>,
    /// Replies that the client has not taken yet, from `sent` on.
    unsent: Vec<u8>,
    sent: usize,
    /// True until the proxy has named the client.
    is_unnamed: bool,
    /// True while replies are so large that they are made one by one.
    is_bulky: bool,
    is_ending: bool,
}

impl Connection {
    /// Starts a connection from a client.
    pub(super) fn new(line: MaybeTlsStream, client: SocketAddr) -> Self {
        Self {
            line,
            client,
            held: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            is_unnamed: false,
            is_bulky: false,
            is_ending: false,
        }
    }

    /// Starts a connection from a proxy, whose header has to name the client.
    pub(super) fn behind_proxy(line: MaybeTlsStream, proxy: SocketAddr) -> Self {
        Self {
            is_unnamed: true,
            ..Self::new(line, proxy)
        }
    }

    /// Returns the stream under it.
    pub(super) fn line(&mut self) -> &mut MaybeTlsStream {
        &mut self.line
    }

    /// Returns the client's address, or the proxy's until its header is read.
    pub(super) fn client(&self) -> SocketAddr {
        self.client
    }

    /// Returns whether part of a message, or more, waits to be answered.
    pub(super) fn is_partial(&self) -> bool {
        !self.held.is_empty()
    }

    /// Returns whether replies wait for the client to read.
    pub(super) fn is_sending(&self) -> bool {
        !self.unsent.is_empty() || self.line.is_sealing()
    }

    /// Returns whether the PROXY header or the TLS handshake is still due.
    pub(super) fn is_beginning(&self) -> bool {
        self.is_unnamed || self.line.is_shaking()
    }

    /// Returns whether another turn would do something although the event queue reports nothing.
    pub(super) fn has_work(&self) -> bool {
        !self.is_sending()
            && (self.is_ending || self.line.is_ready() || next_frame(&self.held).is_some())
    }

    /// Returns the longest duration of the connection's current phase.
    pub(super) fn patience(&self, limits: &TcpLimits) -> Duration {
        if self.is_beginning() {
            limits.message_timeout
        } else if self.is_sending() {
            limits.write_timeout
        } else if self.is_partial() {
            limits.message_timeout
        } else {
            limits.idle_timeout
        }
    }

    /// Takes the next step that is possible now: send waiting replies, else answer held messages, else read and answer.
    pub(super) fn turn<E: Engine, M: Fn(WorkerId) -> E>(
        &mut self,
        buffers: &mut StreamBuffers<E, M>,
    ) -> io::Result<Turn> {
        if self.is_sending() {
            let turn = if self.flush()? {
                Turn::Flushed
            } else {
                Turn::Waiting
            };
            return Ok(turn);
        }
        if self.is_ending {
            return Ok(Turn::Ended);
        }
        if self.is_unnamed {
            return self.take_header(&mut buffers.input);
        }
        let mut fresh: &[u8] = &[];
        if next_frame(&self.held).is_none() {
            match self.line.take(&mut buffers.input)? {
                Taken::Octets(count) => fresh = &buffers.input[..count],
                Taken::Nothing => return Ok(Turn::Waiting),
                Taken::Unclear => return Ok(Turn::Read { messages: 0 }),
                Taken::End => return Ok(Turn::Ended),
            }
            if !self.held.is_empty() {
                self.held.extend_from_slice(fresh);
            }
        }
        let pending = if self.held.is_empty() {
            fresh
        } else {
            &self.held
        };
        let batch = if self.is_bulky { 1 } else { BATCH_MAX };
        let answered = buffers
            .room
            .answer(&mut buffers.guarded, self.client, pending, batch);
        self.put_by(fresh, answered);
        let replies = buffers.room.replies(answered);
        let sent = send(&mut self.line, replies)?;
        self.unsent.extend_from_slice(&replies[sent..]);
        Ok(Turn::Read {
            messages: answered.messages,
        })
    }

    /// Ends the stream as far as the client takes it at once.
    pub(super) fn leave(&mut self) {
        self.line.leave();
    }

    /// Keeps octets that have not been answered.
    fn put_by(&mut self, fresh: &[u8], answered: Answered) {
        if self.held.is_empty() {
            self.held.extend_from_slice(&fresh[answered.consumed..]);
        } else {
            self.held.drain(..answered.consumed);
        }
        if self.held.is_empty() {
            // A quiet connection keeps no buffer.
            self.held = Vec::new();
        }
        self.is_bulky = answered.is_cut || self.is_bulky && self.is_partial();
        self.is_ending = answered.is_nonsense;
    }

    /// Reads a header of the PROXY protocol and not an octet more: those after it may be encrypted.
    fn take_header(&mut self, room: &mut [u8]) -> io::Result<Turn> {
        loop {
            match read_header(&self.held) {
                Err(_) => return Ok(Turn::Unnamed),
                Ok(Progress::Whole(origin, _)) => {
                    self.client = origin.client(self.client);
                    self.is_unnamed = false;
                    self.held = Vec::new();
                    return Ok(Turn::Named);
                }
                Ok(Progress::Missing(count)) => {
                    let Some(room) = room.get_mut(..count) else {
                        return Ok(Turn::Unnamed);
                    };
                    match self.line.take_bare(room)? {
                        Taken::Octets(count) => self.held.extend_from_slice(&room[..count]),
                        Taken::Nothing => return Ok(Turn::Waiting),
                        Taken::Unclear => return Ok(Turn::Read { messages: 0 }),
                        Taken::End => return Ok(Turn::Unnamed),
                    }
                }
            }
        }
    }

    /// Sends waiting replies; returns whether all have left.
    fn flush(&mut self) -> io::Result<bool> {
        self.sent += send(&mut self.line, &self.unsent[self.sent..])?;
        if self.sent < self.unsent.len() {
            return Ok(false);
        }
        self.unsent = Vec::new();
        self.sent = 0;
        self.line.pass_on()
    }
}

/// Sends as many octets as the client takes at once; returns how many.
fn send(line: &mut MaybeTlsStream, replies: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < replies.len() {
        match line.give(&replies[sent..]) {
            Ok(0) => break,
            Ok(count) => sent += count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(sent)
}
