//! What the server says about itself in class CH: `version.bind` and its like (RFC 4892).
//!
//! In: a query and the TXT RDATA to send. Out: the message. Never here: who may ask; what is not to be said is not
//! configured.

use crate::wire::{Class, HEADER_LEN, Query, ResponseEdns, Rtype};
use crate::zone::RR_FIXED;

/// QR; AA is clear, since no zone holds these names.
const FLAG_QR: u16 = 0x8000;
/// RD and CD are copied from the query.
const FLAGS_COPIED: u16 = 0x0110;

/// Writes the answer into `out`; `None` if it is longer than `limit`.
#[cold]
pub(super) fn write_chaos(
    query: &Query,
    input: &[u8],
    rdata: &[u8],
    opt: Option<(&ResponseEdns<'_>, u16)>,
    limit: usize,
    out: &mut [u8],
) -> Option<usize> {
    let record_at = query.question_end();
    let opt_at = record_at + RR_FIXED + rdata.len();
    let len = opt_at + opt.map_or(0, |(edns, _)| edns.len());
    if len > limit.min(out.len()) {
        return None;
    }
    out[..record_at].copy_from_slice(&input[..record_at]);
    let flags = FLAG_QR | (query.flags & FLAGS_COPIED);
    out[2..4].copy_from_slice(&flags.to_be_bytes());
    let additionals = u8::from(opt.is_some());
    out[4..HEADER_LEN].copy_from_slice(&[0, 1, 0, 1, 0, 0, 0, additionals]);
    let [type_high, type_low] = Rtype::TXT.0.to_be_bytes();
    let [class_high, class_low] = Class::CH.0.to_be_bytes();
    let [len_high, len_low] = (rdata.len() as u16).to_be_bytes();
    let fixed: [u8; RR_FIXED] = [
        0xc0, 0x0c, type_high, type_low, class_high, class_low, 0, 0, 0, 0, len_high, len_low,
    ];
    out[record_at..record_at + RR_FIXED].copy_from_slice(&fixed);
    out[record_at + RR_FIXED..opt_at].copy_from_slice(rdata);
    if let Some((edns, payload_size)) = opt {
        edns.write(payload_size, &mut out[opt_at..]);
    }
    Some(len)
}
