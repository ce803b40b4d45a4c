//! Records of a message, as far as transports with rules of their own have to know them.
//!
//! In: a message, trusted or not. Out: its records in order, until the first that is not whole. Never here: names, or
//! what records mean.

/// Octets of the header.
pub(super) const HEADER_SIZE: usize = 12;

/// Octets of a record between its name and its RDATA.
const FIXED_SIZE: usize = 10;

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Answer,
    Authority,
    Additional,
}

/// A record without its name and class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) section: Section,
    pub(super) rtype: u16,
    pub(super) ttl: u32,
    pub(super) rdata: &'a [u8],
}

/// The records of one message; each takes at least eleven octets, so their number is bounded by the message.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    left: [u16; 3],
}

/// Finds where the records of a message begin; a message without a whole header or question has none.
pub(super) fn records(message: &[u8]) -> Records<'_> {
    let none = Records {
        rest: &[],
        left: [0; 3],
    };
    let Some((header, mut rest)) = message.split_first_chunk::<HEADER_SIZE>() else {
        return none;
    };
    let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    for _ in 0..count(4) {
        match skip_name(rest).and_then(|rest| rest.get(4..)) {
            Some(after) => rest = after,
            None => return none,
        }
    }
    Records {
        rest,
        left: [count(6), count(8), count(10)],
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let sections = [Section::Answer, Section::Authority, Section::Additional];
        let at = self.left.iter().position(|left| *left > 0)?;
        self.left[at] -= 1;
        let (fixed, rest) = skip_name(self.rest)?.split_first_chunk::<FIXED_SIZE>()?;
        let [t0, t1, _, _, l0, l1, l2, l3, s0, s1] = *fixed;
        let (rdata, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([s0, s1])))?;
        self.rest = rest;
        Some(Record {
            section: sections[at],
            rtype: u16::from_be_bytes([t0, t1]),
            ttl: u32::from_be_bytes([l0, l1, l2, l3]),
            rdata,
        })
    }
}

/// Returns what follows a name, which ends with the root or a pointer (RFC 1035, section 4.1.4).
fn skip_name(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (length, after) = rest.split_first()?;
        match length {
            0 => return Some(after),
            1..=63 => rest = after.get(usize::from(*length)..)?,
            0xc0.. => return after.get(1..),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_records_until_the_first_that_is_not_whole() {
        let mut message = vec![0, 0, 0x80, 0, 0, 1, 0, 1, 0, 1, 0, 0];
        message.extend(b"\x01a\x00\x00\x01\x00\x01");
        message.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01");
        message.extend(b"\x01b\xc0\x0c\x00\x02\x00\x01\x00\x00\x00\x05\x00\x01\x00");
        let found: Vec<_> = records(&message).collect();
        let first = Record {
            section: Section::Answer,
            rtype: 1,
            ttl: 60,
            rdata: &[127, 0, 0, 1],
        };
        let second = Record {
            section: Section::Authority,
            rtype: 2,
            ttl: 5,
            rdata: &[0],
        };
        assert_eq!(found, [first, second]);
        for len in 0..message.len() {
            let count = records(&message[..len]).count();
            assert_eq!(count, usize::from(len >= 35), "{len}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_reads_more_records_than_fit(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            proptest::prop_assert!(records(&octets).count() <= octets.len() / 11);
        }
    }
}
