//! Steps through a message: lengths that do not change, numbers, names passed over.
//!
//! In: octets and a place. Out: a number or the next place; nothing where octets break off. Never here: what is read there.

/// Octets of the header (RFC 1035, section 4.1.1).
pub const HEADER_LEN: usize = 12;

/// Labels that a name of 255 octets can have.
pub const LABELS_MAX: usize = 127;

/// Octets of a record between its owner name and its RDATA.
pub(super) const RECORD_FIXED: usize = 10;

#[inline]
pub(super) fn u16_at(input: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*input.get(at)?, *input.get(at + 1)?]))
}

/// Returns the octets that a possibly compressed name takes, and whether it is the root.
#[inline]
pub(super) fn skip_name(input: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut at = start;
    for _ in 0..=LABELS_MAX {
        match *input.get(at)? {
            0 => return Some((at + 1 - start, at == start)),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0..=0xff => return Some((at + 2 - start, false)),
            _ => return None,
        }
    }
    None
}
