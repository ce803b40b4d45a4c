//! A query as it arrives: header, one question, EDNS (RFC 1035, section 4; RFC 6891; RFC 7871).
//!
//! In: octets from the network. Out: a [`Query`] of plain numbers, and in the [`QueryName`] the folded name with the
//! hash of every suffix; or the reason why there is nothing to look up. Nothing is allocated, nothing panics.

use super::additional::{read_bare_opt, read_rest};
use super::edns::Edns;
use super::hash::hash_root;
use super::name::NAME_MAX;
use super::octets::{FOLDED_LEN, copy_octets, fold_into, hash_label_at};
use super::walk::{HEADER_LEN, LABELS_MAX, u16_at};
use super::{Class, Opcode, Rcode, Rtype};

/// Room for one name: folded octets, and where each suffix starts with its hash.
#[derive(Debug)]
pub struct QueryName {
    /// The name in lower case, wire form.
    pub folded: [u8; FOLDED_LEN],
    /// Octets of the name, root label included.
    pub len: usize,
    /// Labels of the name, root label not included.
    pub labels: usize,
    /// `starts[n]`: where the suffix of `n` labels starts.
    pub starts: [u8; LABELS_MAX + 1],
    /// `hashes[n]`: hash of the suffix of `n` labels.
    pub hashes: [u64; LABELS_MAX + 1],
    /// Starts of labels from the left, as [`Self::take`] writes them before the number of labels is known.
    from_left: [u8; LABELS_MAX + 1],
}

impl Default for QueryName {
    fn default() -> Self {
        Self {
            folded: [0; FOLDED_LEN],
            len: 1,
            labels: 0,
            starts: [0; LABELS_MAX + 1],
            hashes: [hash_root(); LABELS_MAX + 1],
            from_left: [0; LABELS_MAX + 1],
        }
    }
}

impl Clone for QueryName {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    /// Copies the parts in use, which are short.
    fn clone_from(&mut self, source: &Self) {
        copy_octets(source.name(), &mut self.folded);
        (self.len, self.labels) = (source.len, source.labels);
        let suffixes = ..=source.labels;
        self.starts[suffixes].copy_from_slice(&source.starts[suffixes]);
        self.hashes[suffixes].copy_from_slice(&source.hashes[suffixes]);
    }
}

impl QueryName {
    /// Takes the uncompressed name at the start of `octets`: folds it and hashes every suffix. False if it is no name.
    #[inline]
    pub fn take(&mut self, octets: &[u8]) -> bool {
        let mut labels = 0;
        let mut at = 0usize;
        // A name that goes on behind this is too long. A label takes two octets, so there are at most LABELS_MAX.
        let window = &octets[..octets.len().min(NAME_MAX)];
        loop {
            let Some(&length) = window.get(at) else {
                return false;
            };
            if length == 0 {
                break;
            }
            // 0xC0 and above are compression pointers, which a question has no use for.
            if length > 63 {
                return false;
            }
            self.from_left[labels & LABELS_MAX] = at as u8;
            labels += 1;
            at += 1 + usize::from(length);
        }
        fold_into(&window[..=at], &mut self.folded);
        self.len = at + 1;
        self.labels = labels;
        self.starts[0] = at as u8;
        let mut hash = hash_root();
        self.hashes[0] = hash;
        let mut end = at;
        let starts = self.starts[1..].iter_mut().zip(&mut self.hashes[1..]);
        let from_right = self.from_left[..labels & LABELS_MAX].iter().rev();
        for (&start, (suffix_start, suffix_hash)) in from_right.zip(starts) {
            *suffix_start = start;
            let start = usize::from(start);
            hash = hash_label_at(hash, &self.folded, start, end - start);
            *suffix_hash = hash;
            end = start;
        }
        true
    }

    /// Returns the folded name.
    pub fn name(&self) -> &[u8] {
        &self.folded[..self.len]
    }

    /// Returns the suffix of `labels` labels, folded.
    #[inline(always)]
    pub fn suffix(&self, labels: usize) -> &[u8] {
        &self.folded[usize::from(self.starts[labels])..self.len]
    }

    /// Returns the folded octets left of the suffix of `labels` labels.
    #[inline]
    pub fn relative(&self, labels: usize) -> &[u8] {
        &self.folded[..usize::from(self.starts[labels])]
    }
}

/// A query with one question that can be looked up.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// Octets 2 and 3 of the header.
    pub flags: u16,
    /// Octets of the name in the question.
    pub name_len: u16,
    /// Type asked.
    pub rtype: Rtype,
    /// Class asked.
    pub class: Class,
    /// EDNS, if the query has an OPT record.
    pub edns: Option<Edns>,
}

impl Default for Query {
    /// Room for a query: type and class 0 stand for an absent question.
    fn default() -> Self {
        Self {
            flags: 0,
            name_len: 0,
            rtype: Rtype(0),
            class: Class(0),
            edns: None,
        }
    }
}

impl Query {
    /// Returns the offset of the end of the question.
    #[inline]
    pub fn question_end(&self) -> usize {
        HEADER_LEN + usize::from(self.name_len) + 4
    }

    /// Returns the offset of the end of the query name.
    #[inline]
    pub fn name_end(&self) -> usize {
        HEADER_LEN + usize::from(self.name_len)
    }
}

/// Reason why a message is not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// No response may be sent: too short for a header, or itself a response.
    Silence,
    /// A response code is sent.
    Refuse(Refusal),
}

/// Response in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Response code. NOERROR answers a message that has no question and asks for a cookie.
    pub rcode: Rcode,
    /// End of the one question, if it could be read, in octets of the message: it is echoed.
    pub question_end: Option<u16>,
    /// EDNS of the query, as far as it could be read: the response has an OPT record then.
    pub edns: Option<Edns>,
    /// Offset of a TSIG record whose key is not known (RFC 8945, section 5.2.1).
    pub tsig: Option<u16>,
}

impl Refusal {
    const fn new(rcode: Rcode) -> Self {
        Self {
            rcode,
            question_end: None,
            edns: None,
            tsig: None,
        }
    }
}

/// Reads a query.
///
/// # Errors
/// The response in place of an answer, or silence.
pub fn parse_query(input: &[u8], query_name: &mut QueryName) -> Result<Query, Unanswerable> {
    let mut query = Query::default();
    read_query(input, query_name, &mut query).map(|()| query)
}

/// Reads a query into the room for one; its content after an error is meaningless.
///
/// # Errors
/// Those of [`parse_query`].
#[inline(always)]
pub fn read_query(
    input: &[u8],
    query_name: &mut QueryName,
    query: &mut Query,
) -> Result<(), Unanswerable> {
    let Some(header) = input.get(..HEADER_LEN) else {
        return Err(Unanswerable::Silence);
    };
    let flags = u16::from_be_bytes([header[2], header[3]]);
    // A response is never answered, whatever else is wrong with it: two servers would talk for ever.
    if flags & 0x8000 != 0 {
        return Err(Unanswerable::Silence);
    }
    let opcode = Opcode(((flags >> 11) & 15) as u8);
    if opcode != Opcode::QUERY {
        return Err(refuse_opcode(opcode, input, query_name));
    }
    // RFC 9619: a query has one question. TC in a query makes no sense and is ignored.
    if header[4..6] != [0, 1] || !query_name.take(&input[HEADER_LEN..]) {
        return Err(refuse_question(input));
    }
    let name_end = HEADER_LEN + query_name.len;
    let Some(&[type_high, type_low, class_high, class_low]) =
        input.get(name_end..).and_then(|rest| rest.first_chunk())
    else {
        return Err(refuse_question(input));
    };
    query.flags = flags;
    query.name_len = query_name.len as u16;
    query.rtype = Rtype(u16::from_be_bytes([type_high, type_low]));
    query.class = Class(u16::from_be_bytes([class_high, class_low]));
    query.edns = None;
    let end = name_end + 4;
    if header[6..12] != [0; 6] || input.len() != end {
        query.edns = read_bare_opt(input, end);
        if query.edns.is_none() {
            let rest = read_rest(input, end, query.rtype);
            if rest.rcode != Rcode::NOERROR {
                return Err(Unanswerable::Refuse(Refusal {
                    rcode: rest.rcode,
                    question_end: Some(end as u16),
                    edns: rest.edns,
                    tsig: rest.tsig,
                }));
            }
            query.edns = rest.edns;
        }
    }
    Ok(())
}

/// Refuses an operation that is not a query: NOTIMP (RFC 8906, section 8.1.4), but for a NOTIFY NOTAUTH, as Knot does,
/// or FORMERR without a readable question. The question and EDNS are echoed if they can be read, as BIND and Knot do;
/// octets behind the question are no fault, since the content of an unknown operation is unknown.
#[cold]
fn refuse_opcode(opcode: Opcode, input: &[u8], query_name: &mut QueryName) -> Unanswerable {
    let has_question = u16_at(input, 4) == Some(1) && query_name.take(&input[HEADER_LEN..]);
    let end = HEADER_LEN + query_name.len + 4;
    let question_end = (has_question && end <= input.len()).then_some(end);
    let mut refusal = Refusal::new(match (opcode, question_end) {
        (Opcode::NOTIFY, Some(_)) => Rcode::NOTAUTH,
        (Opcode::NOTIFY, None) => Rcode::FORMERR,
        _ => Rcode::NOTIMP,
    });
    if let Some(end) = question_end {
        refusal.question_end = Some(end as u16);
        // In an answer to a query an unknown version is BADVERS; here it is passed over in silence, as NSD does.
        let edns = read_rest(input, end, Rtype(0)).edns;
        refusal.edns = edns.filter(|edns| edns.version == 0);
    }
    Unanswerable::Refuse(refusal)
}

/// Refuses a query without exactly one question (RFC 9619, section 4); one without any may ask for a cookie (RFC 7873,
/// section 5.4).
#[cold]
fn refuse_question(input: &[u8]) -> Unanswerable {
    let mut refusal = Refusal::new(Rcode::FORMERR);
    if u16_at(input, 4) == Some(0) {
        let rest = read_rest(input, HEADER_LEN, Rtype(0));
        refusal.edns = rest.edns;
        let asks_for_cookie = rest.edns.is_some_and(|edns| edns.cookie.is_some());
        if rest.rcode != Rcode::NOERROR || asks_for_cookie {
            refusal.rcode = rest.rcode;
            refusal.tsig = rest.tsig;
        }
    }
    Unanswerable::Refuse(refusal)
}

#[cfg(test)]
mod tests {
    use super::super::hash::hash_name;
    use super::*;

    fn question(name: &[u8], rest: &[u8]) -> Vec<u8> {
        let mut message = vec![0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(name);
        message.extend_from_slice(&[0, 1, 0, 1]);
        message.extend_from_slice(rest);
        message
    }

    #[test]
    fn folds_and_hashes_every_suffix() {
        let mut query_name = QueryName::default();
        let query = parse_query(
            &question(b"\x03WwW\x0aVeryLongLa\x03cOm\0", &[]),
            &mut query_name,
        )
        .expect("a query");
        assert_eq!(query_name.name(), b"\x03www\x0averylongla\x03com\0");
        assert_eq!((query_name.labels, query.rtype), (3, Rtype::A));
        for (n, suffix) in [
            &b"\0"[..],
            b"\x03com\0",
            b"\x0averylongla\x03com\0",
            b"\x03www\x0averylongla\x03com\0",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(query_name.hashes[n], hash_name(suffix), "{n} labels");
            assert_eq!(
                &query_name.folded[usize::from(query_name.starts[n])..query_name.len],
                *suffix
            );
        }
    }

    #[test]
    fn refuses_what_is_no_query() {
        let mut response = question(b"\0", &[]);
        response[2] |= 0x80;
        let mut update = question(b"\0", &[]);
        update[2] |= 5 << 3;
        let mut two = question(b"\0", &[]);
        two[5] = 2;
        let formerr = Unanswerable::Refuse(Refusal::new(Rcode::FORMERR));
        let after_question = |rcode, end| {
            Unanswerable::Refuse(Refusal {
                question_end: Some(end),
                ..Refusal::new(rcode)
            })
        };
        let cases = [
            ("short", vec![0; 11], Unanswerable::Silence),
            ("response", response, Unanswerable::Silence),
            ("update", update, after_question(Rcode::NOTIMP, 17)),
            ("two questions", two, formerr),
            (
                "pointer in the question",
                question(b"\xc0\x0c", &[]),
                formerr,
            ),
            ("name runs out", question(b"\x3fabc", &[]), formerr),
            (
                "garbage behind",
                question(b"\0", &[7]),
                after_question(Rcode::FORMERR, 17),
            ),
        ];
        for (case, message, wanted) in cases {
            assert_eq!(
                parse_query(&message, &mut QueryName::default()).err(),
                Some(wanted),
                "{case}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(mut input in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = parse_query(&input, &mut QueryName::default());
            if input.len() > 12 {
                input[2] = 0; input[3] = 0; input[4] = 0; input[5] = 1;
                let _ = parse_query(&input, &mut QueryName::default());
                input[2] = 0x30;
                let _ = parse_query(&input, &mut QueryName::default());
                input[2] = 0; input[5] = 0;
                let _ = parse_query(&input, &mut QueryName::default());
            }
        }
    }
}
