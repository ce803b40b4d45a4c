//! One HTTP/1 exchange on a connection of its own: a request out, a response with its body back.
//!
//! In: a request's octets, a connection. Out: status, headers that matter, octets of the body. Never here: their
//! meaning.
//!
//! Request and response are handled here and in `http1`, not by an HTTP library: those take a response that comes
//! before the request was read for a fault, refuse much of what the field sends, and change the case of header names.
//! The connection is driven in the probe's own task. This also makes TLS resumption possible: a session that arrives is
//! read where the probe's trace is known.

use std::task::{Context, Poll, Waker};

use super::classify::classify;
use super::driven::DrivenConnection;
use super::http1::{Framing, Head, HeadFault, HeadReader};
use super::stream::Stream;
use super::trace::Trace;
use crate::health::{Finding, Phase};

/// Most reads to find out whether an unwanted body is there already.
const READS_MAX: usize = 4;

/// Limits of a response, by its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyLimits {
    /// Most octets of status line and headers, interim responses included.
    pub(super) header_octets_max: usize,
    /// True if the method is HEAD, to which no body comes (RFC 9110, section 9.3.2).
    pub(super) is_head: bool,
}

/// A response, its body yet to be read.
pub(super) struct Reply {
    pub(super) head: Head,
    line: DrivenConnection<Stream>,
    /// Framing of the body, or the reason why it cannot be read.
    framing: Result<Framing, Box<str>>,
    /// Octets received and not taken yet.
    ahead: Vec<u8>,
}

impl Reply {
    /// Sends a request over a connection that stands, and reads until the headers are whole.
    pub(super) async fn exchange(
        mut line: DrivenConnection<Stream>,
        limits: ReplyLimits,
        trace: &Trace,
    ) -> Result<Self, Finding> {
        trace.enter_exchange(Phase::Headers);
        let faulty = |fault| describe(fault, limits, trace);
        let mut reader = HeadReader::new(limits.header_octets_max);
        let mut came = Vec::new();
        // Ends with the head, with the connection, or with `header_octets_max` octets.
        let is_closed = loop {
            let is_open = line.read(&mut came).await;
            if !is_open.map_err(|error| classify(&error, trace))? {
                reader.close().map_err(faulty)?;
                break true;
            }
            if let Some(taken) = reader.take(&came).map_err(faulty)? {
                came.drain(..taken);
                break false;
            }
            came.clear();
        };
        let head = reader.into_head();
        let framing = match is_closed {
            true => Ok(Framing::Over),
            false => head.framing(limits.is_head),
        };
        Ok(Self {
            head,
            line,
            framing,
            ahead: came,
        })
    }

    /// Returns the next octets of the body; `None` at its end.
    pub(super) async fn chunk(&mut self, trace: &Trace) -> Result<Option<Vec<u8>>, Finding> {
        let malformed = |text: &str| Finding::Malformed(text.into());
        let framing = self.framing.as_mut().map_err(|text| malformed(text))?;
        let mut body = Vec::new();
        // Ends with the body, or with octets of it.
        loop {
            let ahead = std::mem::take(&mut self.ahead);
            framing
                .take(&ahead, &mut body)
                .map_err(|text| malformed(&text))?;
            if !body.is_empty() {
                return Ok(Some(body));
            }
            if framing.is_over() {
                return Ok(None);
            }
            let is_until_close = *framing == Framing::UntilClose;
            match self.line.read(&mut self.ahead).await {
                Ok(true) => {}
                Ok(false) if is_until_close => *framing = Framing::Over,
                // Many peers end TLS without saying so; what came is judged.
                Err(error)
                    if is_until_close && error.kind() == std::io::ErrorKind::UnexpectedEof =>
                {
                    *framing = Framing::Over;
                }
                Ok(false) => {
                    return Err(Finding::Closed {
                        phase: trace.phase(),
                    });
                }
                Err(error) => return Err(classify(&error, trace)),
            }
        }
    }

    /// Ends the exchange. If the whole response is here, the connection is reset without loss: thousands of checks a
    /// second would otherwise leave a minute's worth of closed connections behind.
    pub(super) fn close(mut self) {
        if self.is_complete() {
            self.line.into_stream().reset();
        }
    }

    /// Returns whether the body has come to its end, as far as known without waiting.
    fn is_complete(&mut self) -> bool {
        let Ok(framing) = &mut self.framing else {
            return false;
        };
        let mut context = Context::from_waker(Waker::noop());
        let mut body = Vec::new();
        for _ in 0..READS_MAX {
            if framing.take(&self.ahead, &mut body).is_err() {
                return false;
            }
            if framing.is_over() {
                return self.line.is_sent();
            }
            self.ahead.clear();
            body.clear();
            match self.line.poll_read(&mut context, &mut self.ahead) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => return *framing == Framing::UntilClose,
                Poll::Ready(Err(_)) | Poll::Pending => return false,
            }
        }
        false
    }
}

fn describe(fault: HeadFault, limits: ReplyLimits, trace: &Trace) -> Finding {
    match fault {
        HeadFault::Cut => Finding::Closed {
            phase: trace.phase(),
        },
        HeadFault::Malformed(text) => Finding::Malformed(text),
        HeadFault::TooLong(longest) => Finding::HeadersTooLong {
            max: limits.header_octets_max,
            longest,
        },
    }
}
