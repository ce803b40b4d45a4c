//! One accepted stream, in the clear or behind TLS: takes and gives octets, and never waits.
//!
//! In: a socket that the event queue watches, and its events. Out: octets of messages. Never here: their content,
//! timers, or evictions.
//!
//! The queue reports a change once. The socket is read until it has given less than was asked for, so most reads are
//! one system call; what the client closed is read until its end shows.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use mio::event::Event;
use mio::net::TcpStream;
use rustls::ServerConnection;

/// Most TLS records read in one turn without an octet of a message among them: a handshake needs three.
const IDLE_READS_MAX: usize = 8;

/// Accepted stream, its TLS session if any, and its readiness.
pub(super) struct MaybeTlsStream {
    socket: Socket,
    session: Option<Box<ServerConnection>>,
    /// True if the session may hold more octets of messages than were taken.
    may_hold: bool,
}

/// Result of taking octets from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Number of octets taken.
    Octets(usize),
    /// Nothing until the event queue reports more.
    Nothing,
    /// Nothing yet, but there is more to look at.
    Unclear,
    /// The end.
    End,
}

impl MaybeTlsStream {
    /// Takes a stream in the clear, or one whose client has to shake hands first.
    pub(super) fn new(stream: TcpStream, session: Option<Box<ServerConnection>>) -> Self {
        let socket = Socket {
            stream,
            is_readable: false,
            is_closed: false,
        };
        Self {
            socket,
            session,
            may_hold: false,
        }
    }

    /// Returns the socket that the event queue watches.
    pub(super) fn source(&mut self) -> &mut TcpStream {
        &mut self.socket.stream
    }

    /// Notes an event of the queue.
    pub(super) fn note(&mut self, event: &Event) {
        self.socket.is_closed |= event.is_read_closed() || event.is_error();
        self.socket.is_readable |= event.is_readable() || self.socket.is_closed;
    }

    /// Returns whether there may be octets to take.
    pub(super) fn is_ready(&self) -> bool {
        self.socket.is_readable || self.may_hold
    }

    /// Returns whether the TLS handshake is unfinished.
    pub(super) fn is_shaking(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.is_handshaking())
    }

    /// Returns whether encrypted octets wait for the client.
    pub(super) fn is_sealing(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.wants_write())
    }

    /// Takes octets as they come from the network, before any handshake.
    pub(super) fn take_bare(&mut self, room: &mut [u8]) -> io::Result<Taken> {
        taken(self.socket.read(room))
    }

    /// Takes octets of messages; shakes hands on the way.
    pub(super) fn take(&mut self, room: &mut [u8]) -> io::Result<Taken> {
        let Some(session) = &mut self.session else {
            return taken(self.socket.read(room));
        };
        for _ in 0..IDLE_READS_MAX {
            match taken(session.reader().read(room))? {
                Taken::Octets(count) => {
                    self.may_hold = count == room.len();
                    return Ok(Taken::Octets(count));
                }
                Taken::End => return Ok(Taken::End),
                Taken::Nothing | Taken::Unclear => self.may_hold = false,
            }
            match taken(session.read_tls(&mut self.socket))? {
                Taken::Octets(_) => {}
                other => return Ok(other),
            }
            let processed = session.process_new_packets();
            // A step of the handshake, or an alert that says what was wrong.
            let has_left = pass_on(session, &mut self.socket)?;
            processed.map_err(|cause| io::Error::new(ErrorKind::InvalidData, cause))?;
            if !has_left {
                return Ok(Taken::Nothing);
            }
        }
        Ok(Taken::Unclear)
    }

    /// Gives octets of messages; returns how many were accepted, 0 if none can be now.
    pub(super) fn give(&mut self, octets: &[u8]) -> io::Result<usize> {
        let Some(session) = &mut self.session else {
            return match self.socket.stream.write(octets) {
                Err(cause) if cause.kind() == ErrorKind::WouldBlock => Ok(0),
                outcome => outcome,
            };
        };
        // One record, or as few as can be, however many messages there are.
        let count = session.writer().write(octets)?;
        pass_on(session, &mut self.socket)?;
        Ok(count)
    }

    /// Gives encrypted octets to the network; returns whether all have left.
    pub(super) fn pass_on(&mut self) -> io::Result<bool> {
        match &mut self.session {
            None => Ok(true),
            Some(session) => pass_on(session, &mut self.socket),
        }
    }

    /// Sends the TLS close alert (RFC 7858, section 3.4), as far as the client takes it at once.
    pub(super) fn leave(&mut self) {
        if let Some(session) = &mut self.session {
            session.send_close_notify();
            // The client may be gone already; that is as good.
            let _ = pass_on(session, &mut self.socket);
        }
    }
}

fn pass_on(session: &mut ServerConnection, socket: &mut Socket) -> io::Result<bool> {
    while session.wants_write() {
        match session.write_tls(socket) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(cause) if cause.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(true)
}

fn taken(outcome: io::Result<usize>) -> io::Result<Taken> {
    match outcome {
        Ok(0) => Ok(Taken::End),
        Ok(count) => Ok(Taken::Octets(count)),
        Err(cause) if cause.kind() == ErrorKind::WouldBlock => Ok(Taken::Nothing),
        Err(cause) if cause.kind() == ErrorKind::Interrupted => Ok(Taken::Unclear),
        Err(cause) => Err(cause),
    }
}

/// Socket that is not read again until the event queue reports more.
struct Socket {
    stream: TcpStream,
    is_readable: bool,
    /// The client sends no more; what it sent is still to be read.
    is_closed: bool,
}

impl Read for Socket {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if !self.is_readable {
            return Err(ErrorKind::WouldBlock.into());
        }
        let outcome = self.stream.read(room);
        match &outcome {
            // The end of a stream that was closed meanwhile is reported anew; of one closed before, it is not.
            Ok(count) if *count < room.len() => self.is_readable = self.is_closed && *count > 0,
            Err(cause) if cause.kind() == ErrorKind::WouldBlock => self.is_readable = false,
            _ => {}
        }
        outcome
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.write(octets)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
