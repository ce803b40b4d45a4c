//! A reply as the independent crate `domain` reads it, in a form that compares.
//!
//! In: octets. Out: code, flags and sections as text, names in lower case. Never here: our own wire code.

use std::fmt::Write as _;

use domain::base::iana::OptRcode;
use domain::base::message::RecordSection;
use domain::base::{Message, Rtype};
use domain::rdata::AllRecordData;

/// Records of one owner and type that follow each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    /// Owner and type.
    pub(crate) head: String,
    /// TTL and RDATA, sorted.
    pub(crate) records: Vec<String>,
}

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) rcode: String,
    pub(crate) flags: String,
    pub(crate) is_truncated: bool,
    /// As received, with its letters.
    pub(crate) question: String,
    /// In the order sent: a chain has one.
    pub(crate) answer: Vec<Group>,
    /// Sorted.
    pub(crate) authority: Vec<Group>,
    /// Sorted, without OPT.
    pub(crate) additional: Vec<Group>,
    pub(crate) has_opt: bool,
}

/// Reads a reply; the text says what is wrong with it.
pub(crate) fn read(octets: &[u8]) -> Result<Reply, String> {
    let message = Message::from_octets(octets).map_err(|_| "shorter than a header".to_owned())?;
    let header = message.header();
    let mut question = String::new();
    for asked in message.question() {
        let asked = asked.map_err(|fault| format!("question: {fault}"))?;
        write!(
            question,
            "{} {} {};",
            asked.qname(),
            asked.qclass(),
            asked.qtype()
        )
        .expect("room");
    }
    let answer = section("answer", message.answer())?;
    let mut authority = section("authority", message.authority())?;
    let mut additional = section("additional", message.additional())?;
    authority.sort();
    additional.sort();
    let opt = message.opt();
    let code = opt.as_ref().map_or_else(
        || OptRcode::from_rcode(header.rcode()),
        |opt| opt.rcode(header),
    );
    let mut flags = String::new();
    for (is_set, name) in [
        (header.qr(), "qr "),
        (header.aa(), "aa "),
        (header.rd(), "rd "),
        (header.ra(), "ra "),
        (header.z(), "z "),
        (header.ad(), "ad "),
        (header.cd(), "cd "),
    ] {
        flags.push_str(if is_set { name } else { "" });
    }
    Ok(Reply {
        rcode: code.to_string(),
        flags,
        is_truncated: header.tc(),
        question,
        answer,
        authority,
        additional,
        has_opt: opt.is_some(),
    })
}

fn section(
    name: &str,
    section: Result<RecordSection<'_, &[u8]>, domain::base::wire::ParseError>,
) -> Result<Vec<Group>, String> {
    let fault = |fault| format!("{name}: {fault}");
    let mut groups: Vec<Group> = Vec::new();
    for record in section.map_err(fault)? {
        let record = record.map_err(fault)?;
        if record.rtype() == Rtype::OPT {
            continue;
        }
        let record = record
            .to_any_record::<AllRecordData<_, _>>()
            .map_err(fault)?;
        let head = format!("{} {}", record.owner(), record.rtype()).to_lowercase();
        let text = format!("{} {}", record.ttl().as_secs(), record.data()).to_lowercase();
        match groups.last_mut() {
            Some(group) if group.head == head => group.records.push(text),
            _ => groups.push(Group {
                head,
                records: vec![text],
            }),
        }
    }
    groups.iter_mut().for_each(|group| group.records.sort());
    Ok(groups)
}

impl Reply {
    /// Says whether a server that has no zone for the question may have sent this.
    pub(crate) fn is_failure(&self) -> bool {
        self.rcode == "SERVFAIL" || self.rcode == "REFUSED"
    }

    /// Takes out records that stand in an RRset more than once.
    pub(crate) fn forgive_repeats(&mut self) {
        let sections = [&mut self.answer, &mut self.authority, &mut self.additional];
        let groups = sections.into_iter().flatten();
        groups.for_each(|group| group.records.dedup());
    }

    /// Writes the reply on a few lines for people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{} {}{}",
            self.rcode,
            self.flags,
            if self.is_truncated { "tc" } else { "" }
        );
        for (name, groups) in [
            ("answer", &self.answer),
            ("authority", &self.authority),
            ("additional", &self.additional),
        ] {
            for group in groups {
                write!(
                    text,
                    "\n      {name}: {} {}",
                    group.head,
                    group.records.join(" | ")
                )
                .expect("room");
            }
        }
        text
    }
}
