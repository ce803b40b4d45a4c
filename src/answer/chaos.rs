//! Identity of the server in class CH: `version.bind` and its like (RFC 4892).
//!
//! In: the TXT RDATA to send. Out: one record, owned by the question's name. Never here: access control; a text that is
//! to stay private is not configured.

use arrayvec::ArrayVec;

use crate::wire::{Class, Rtype, STRING_MAX};

use super::sink::{Part, QUESTION_AT, Records, Section, Sink};
use super::writer::MessageWriter;

/// Octets of one string with its length, behind the length of the RDATA.
const MADE_MAX: usize = 2 + 1 + STRING_MAX;

/// Composes the answer. AA is clear, since no zone holds these names.
pub(super) fn compose_chaos(rdata: &[u8], writer: &mut MessageWriter<'_>) {
    writer.head.is_authoritative = false;
    // An identity is one string.
    let mut made: ArrayVec<u8, MADE_MAX> = ArrayVec::new();
    made.extend((rdata.len() as u16).to_be_bytes());
    made.extend(rdata.iter().copied());
    writer.push(Part {
        section: Section::Answer,
        owner: QUESTION_AT,
        records: Records::Made {
            class: Class::CH,
            rtype: Rtype::TXT,
            ttl: 0,
            rdata: &made,
        },
    });
}
