//! One stream: a query behind its length, then the end; the reply behind its length, then the end (RFC 9250, section
//! 4.2).
//!
//! In: a stream of the client. Out: the message, or why the connection or the stream has to end. Never here: the
//! engine.
//!
//! | The client sends | Its connection | Its stream |
//! |---|---|---|
//! | an id other than 0 (4.2.1) | DOQ_PROTOCOL_ERROR | - |
//! | a keepalive option (5.5.2) | DOQ_PROTOCOL_ERROR | - |
//! | no whole message, or more than one, before the end (4.3.3) | DOQ_PROTOCOL_ERROR | - |
//! | no end in time | stays | DOQ_UNSPECIFIED_ERROR |
//! | what the engine is silent on | stays | DOQ_INTERNAL_ERROR |

use std::time::Duration;

use quinn::{ReadToEndError, RecvStream, VarInt};
use tokio::time::timeout;

use crate::wire::{HEADER_LEN, QueryName, Unanswerable, parse_query};

use super::super::message_responder::FRAME_MAX;

/// Nothing went wrong (RFC 9250, section 8.4, as all that follow).
pub(super) const DOQ_NO_ERROR: VarInt = VarInt::from_u32(0x0);
/// The server cannot do what was asked.
pub(super) const DOQ_INTERNAL_ERROR: VarInt = VarInt::from_u32(0x1);
/// The client broke the protocol.
pub(super) const DOQ_PROTOCOL_ERROR: VarInt = VarInt::from_u32(0x2);
/// Too much is going on.
pub(super) const DOQ_EXCESSIVE_LOAD: VarInt = VarInt::from_u32(0x4);
/// No other code fits.
pub(super) const DOQ_UNSPECIFIED_ERROR: VarInt = VarInt::from_u32(0x5);

/// Reason why a stream brought no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryError {
    /// The client broke the protocol: its connection ends.
    Protocol,
    /// It took too long: the stream ends.
    Late,
    /// The client gave the stream up, or is gone.
    Gone,
}

/// Takes the one message of a stream; waiting for its end first is a server's right (RFC 9250, section 4.2).
pub(super) async fn take_query(
    stream: &mut RecvStream,
    patience: Duration,
) -> Result<Vec<u8>, QueryError> {
    let mut octets = match timeout(patience, stream.read_to_end(FRAME_MAX)).await {
        Err(_) => return Err(QueryError::Late),
        Ok(Err(ReadToEndError::TooLong)) => return Err(QueryError::Protocol),
        Ok(Err(ReadToEndError::Read(_))) => return Err(QueryError::Gone),
        Ok(Ok(octets)) => octets,
    };
    if !is_lawful(&octets) {
        return Err(QueryError::Protocol);
    }
    octets.drain(..2);
    Ok(octets)
}

/// Returns whether a stream's octets are one message that DNS over QUIC allows.
fn is_lawful(octets: &[u8]) -> bool {
    let Some((length, message)) = octets.split_first_chunk::<2>() else {
        return false;
    };
    usize::from(u16::from_be_bytes(*length)) == message.len()
        && message.len() >= HEADER_LEN
        && message[..2] == [0, 0]
        && !has_keepalive(message)
}

/// Returns whether a message holds the option edns-tcp-keepalive (RFC 7828), as far as the engine reads its options.
fn has_keepalive(message: &[u8]) -> bool {
    let edns = match parse_query(message, &mut QueryName::default()) {
        Ok(query) => query.edns,
        Err(Unanswerable::Refuse(refusal)) => refusal.edns,
        Err(Unanswerable::Silence) => None,
    };
    edns.is_some_and(|edns| edns.wants_keepalive)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A query for the root's NS with an OPT of these options.
    fn query(id: u8, options: &[u8]) -> Vec<u8> {
        let mut message = vec![0, id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        message.extend([0, 0, 2, 0, 1]);
        message.extend([0, 0, 41, 4, 208, 0, 0, 0, 0]);
        message.extend(u16::try_from(options.len()).unwrap().to_be_bytes());
        message.extend(options);
        message
    }

    fn framed(length: usize, message: &[u8]) -> Vec<u8> {
        let mut octets = u16::try_from(length).unwrap().to_be_bytes().to_vec();
        octets.extend(message);
        octets
    }

    #[test]
    fn takes_one_whole_message_that_the_protocol_allows() {
        let good = query(0, &[]);
        let padded = query(0, &[0, 12, 0, 3, 0, 0, 0]);
        let kept = query(0, &[0, 12, 0, 1, 0, 0, 11, 0, 0]);
        let cut_option = query(0, &[0, 12, 0, 9, 0, 11, 0, 0]);
        let cases = [
            ("good", framed(good.len(), &good), true),
            ("padded", framed(padded.len(), &padded), true),
            (
                "a cut option is the engine's",
                framed(cut_option.len(), &cut_option),
                true,
            ),
            ("an id", framed(good.len(), &query(1, &[])), false),
            ("keepalive", framed(kept.len(), &kept), false),
            ("too short", framed(good.len() + 1, &good), false),
            (
                "more than one",
                framed(good.len(), &[good.clone(), vec![0]].concat()),
                false,
            ),
            ("no header", framed(11, &good[..11]), false),
            ("empty message", framed(0, &[]), false),
            ("half a length", vec![0], false),
            ("nothing", vec![], false),
        ];
        for (name, octets, wanted) in cases {
            assert_eq!(is_lawful(&octets), wanted, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn judges_any_octets(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = is_lawful(&framed(octets.len(), &octets));
        }
    }
}
