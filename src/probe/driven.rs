//! Both directions of one connection at once: octets are sent while others are read.
//!
//! In: a stream, octets to send. Out: octets received. Never here: their meaning.
//!
//! Peers in the field answer before they have read the request, and close (scripts behind inetd, `nc -l`, servers that
//! refuse early). Then sending fails, maybe before the answer was read. So reading goes on after a failure to send,
//! which is returned only by [`DrivenConnection::send`], or if it was a reset and the peer's octets are at an end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most octets read at once. They lie on the stack during a read, so a probe that waits holds none.
const READ_MAX: usize = 4_096;

/// Connection with octets to send and octets to read.
#[derive(Debug)]
pub(super) struct DrivenConnection<S> {
    stream: S,
    out: Vec<u8>,
    sent: usize,
    is_flushed: bool,
    /// Error after which no more can be sent.
    broken: Option<io::Error>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> DrivenConnection<S> {
    /// Starts to send `out` over a stream; `broken` is an error of sending that is known already.
    pub(super) fn new(stream: S, out: Vec<u8>, broken: Option<io::Error>) -> Self {
        Self {
            stream,
            out,
            sent: 0,
            is_flushed: false,
            broken,
        }
    }

    /// Waits for octets and adds them to `came`; false if the peer closed its side.
    pub(super) async fn read(&mut self, came: &mut Vec<u8>) -> io::Result<bool> {
        poll_fn(|context| self.poll_read(context, came)).await
    }

    /// Waits until everything was sent, or no more can be.
    pub(super) async fn send(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_send(context)).await;
        match self.broken.take() {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Reads octets that are there, and sends meanwhile.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        came: &mut Vec<u8>,
    ) -> Poll<io::Result<bool>> {
        // What cannot be sent now is sent when the stream is asked again.
        let _ = self.poll_send(context);
        let mut room = [0; READ_MAX];
        let mut buffer = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if !buffer.filled().is_empty() {
            came.extend_from_slice(buffer.filled());
            return Poll::Ready(Ok(true));
        }
        // The system tells of a reset once: whoever sends learns of it, and the reader sees an end.
        let was_reset = |error: &mut io::Error| error.kind() == io::ErrorKind::ConnectionReset;
        match self.broken.take_if(was_reset) {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Ready(Ok(false)),
        }
    }

    /// Returns whether everything was sent, or no more can be.
    pub(super) fn is_sent(&self) -> bool {
        self.broken.is_some() || (self.is_flushed && self.sent == self.out.len())
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.is_sent() {
            let mut stream = Pin::new(&mut self.stream);
            let step = if self.sent < self.out.len() {
                let rest = &self.out[self.sent..];
                ready!(stream.as_mut().poll_write(context, rest)).and_then(|count| {
                    self.sent += count;
                    if count == 0 {
                        Err(io::ErrorKind::WriteZero.into())
                    } else {
                        Ok(())
                    }
                })
            } else {
                let flushed = ready!(stream.poll_flush(context));
                self.is_flushed = flushed.is_ok();
                flushed
            };
            if let Err(error) = step {
                self.broken = Some(error);
            }
        }
        Poll::Ready(())
    }
}
