//! Protocol of server and helper: frames of four octets of length and a JSON object.
//!
//! In: octets of a pipe. Out: requests and reports. Never here: processes.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest frame, octets: 64 words of 4,096 octets, six octets of JSON each at worst.
const FRAME_MAX: usize = 2 << 20;
/// Octets of the length.
const HEAD: usize = 4;
/// Octets read at once.
const READ_SIZE: usize = 16 << 10;

/// A command to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    /// Id, repeated in the report.
    pub(super) id: u64,
    /// Program and arguments.
    pub(super) command: Vec<String>,
    /// The environment apart from `PATH`.
    pub(super) variables: Vec<(String, String)>,
    /// Time until it is killed, milliseconds.
    pub(super) timeout_ms: u64,
}

/// End of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// Id of the request.
    pub(super) id: u64,
    /// Way in which it ended.
    pub(super) how: How,
    /// First line that it wrote, to its output or else to its error output.
    pub(super) line: String,
}

/// Way in which a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum How {
    /// By itself, with this exit status.
    Exited(i32),
    /// By a signal that the helper did not send.
    Signalled(i32),
    /// Killed since its time was up.
    TimedOut,
    /// Killed since it wrote too much.
    WroteTooMuch,
    /// Not started; the reason.
    NotStarted(String),
}

/// Writes one frame.
pub(super) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; HEAD];
    serde_json::to_writer(&mut octets, message)?;
    let length = octets.len() - HEAD;
    if length > FRAME_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let length = u32::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
    octets[..HEAD].copy_from_slice(&length.to_be_bytes());
    Ok(octets)
}

/// Frames out of a pipe.
#[derive(Debug)]
pub(super) struct Frames<R> {
    pipe: R,
    read: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(pipe: R) -> Self {
        Self {
            pipe,
            read: Vec::new(),
        }
    }

    /// Returns the next message; `None` at the end. May be dropped while it waits, without loss.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            self.read.reserve(READ_SIZE);
            if self.pipe.read_buf(&mut self.read).await? == 0 {
                return match self.read.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    fn take<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(head) = self.read.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*head) as usize;
        if length > FRAME_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let Some(body) = self.read.get(HEAD..HEAD + length) else {
            return Ok(None);
        };
        let message = serde_json::from_slice(body)?;
        self.read.drain(..HEAD + length);
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_frames_however_they_are_cut() {
        let ended = |id| Ended {
            id,
            how: How::Exited(0),
            line: "fine".to_owned(),
        };
        let mut octets = encode(&ended(1)).unwrap();
        octets.extend(encode(&ended(2)).unwrap());
        for piece in [1, 3, 7, octets.len()] {
            let (mut writer, reader) = tokio::io::duplex(piece);
            let mut frames = Frames::new(reader);
            let written = octets.clone();
            let write = async move {
                use tokio::io::AsyncWriteExt as _;
                writer.write_all(&written).await.unwrap();
            };
            let read = async {
                assert_eq!(frames.next().await.unwrap(), Some(ended(1)));
                assert_eq!(frames.next().await.unwrap(), Some(ended(2)));
                assert_eq!(frames.next::<Ended>().await.unwrap(), None);
            };
            tokio::join!(write, read);
        }
    }

    #[tokio::test]
    async fn refuses_frames_that_are_too_long_cut_short_or_no_message() {
        let cases: [&[u8]; 4] = [
            b"\xff\xff\xff\xff",
            b"\0\0\0\x09{\"id\":1",
            b"\0\0\0\x02{}",
            b"\0\0",
        ];
        for octets in cases {
            let mut frames = Frames::new(octets);
            assert!(frames.next::<Ended>().await.is_err(), "{octets:?}");
        }
    }
}
