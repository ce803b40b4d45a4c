//! Replies decoded with the independent crate `domain`, as text.

use std::net::IpAddr;

use domain::base::iana::OptRcode;
use domain::base::message::{Message, RecordSection};
use domain::base::opt::UnknownOptData;
use domain::base::{ParsedName, Rtype};
use domain::rdata::AllRecordData;

/// A reply as text, records sorted.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) rcode: String,
    pub(crate) flags: String,
    pub(crate) answer: Vec<String>,
    pub(crate) authority: Vec<String>,
    pub(crate) additional: Vec<String>,
    pub(crate) opt: Option<String>,
    /// The answer section in the order it was sent; not compared.
    pub(crate) answer_as_sent: Vec<String>,
}

impl PartialEq for Reply {
    fn eq(&self, other: &Self) -> bool {
        (&self.rcode, &self.flags, &self.opt) == (&other.rcode, &other.flags, &other.opt)
            && (&self.answer, &self.authority, &self.additional)
                == (&other.answer, &other.authority, &other.additional)
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]", self.rcode, self.flags)?;
        if let Some(opt) = &self.opt {
            write!(f, " opt [{opt}]")?;
        }
        for (name, list) in [
            ("answer", &self.answer),
            ("authority", &self.authority),
            ("additional", &self.additional),
        ] {
            if !list.is_empty() {
                write!(f, "\n    {name} = {list:#?}")?;
            }
        }
        Ok(())
    }
}

fn records(section: RecordSection<'_, [u8]>) -> Result<Vec<String>, String> {
    let mut list = Vec::new();
    for record in section {
        let record = record.map_err(|fault| format!("  a record does not parse: {fault}\n"))?;
        if record.rtype() == Rtype::OPT {
            continue;
        }
        let (rtype, ttl) = (record.rtype(), record.ttl().as_secs());
        let record = record
            .into_record::<AllRecordData<_, ParsedName<_>>>()
            .map_err(|fault| format!("  a {rtype} record does not parse: {fault}\n"))?
            .ok_or("  a record is of no type\n")?;
        let text = format!("{} {ttl} {rtype} {}", record.owner(), record.data());
        list.push(text.trim_end().to_owned());
    }
    Ok(list)
}

/// Decodes a reply; the identifier, the question and the counts must fit.
pub(crate) fn read_reply(input: &[u8], reply: &[u8]) -> Result<Reply, String> {
    let message = Message::from_slice(reply).map_err(|fault| format!("  {fault}\n"))?;
    if input[..2] != reply[..2] {
        return Err("  the identifier differs\n".to_owned());
    }
    let header = message.header();
    if !header.qr() || header.z() || header.ad() || header.ra() {
        return Err(format!("  flags that may not be: {:02x?}\n", &reply[2..4]));
    }
    if header.opcode().to_int() != (input[2] >> 3) & 15 {
        return Err("  the opcode differs\n".to_owned());
    }
    check_question(input, reply)?;
    let flags = [
        (header.aa(), "aa"),
        (header.tc(), "tc"),
        (header.rd(), "rd"),
        (header.cd(), "cd"),
    ];
    let flags: Vec<&str> = flags
        .iter()
        .filter(|(is_set, _)| *is_set)
        .map(|(_, word)| *word)
        .collect();
    let fault = |fault| format!("  a section does not parse: {fault}\n");
    let answer_as_sent = records(message.answer().map_err(fault)?)?;
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    Ok(Reply {
        rcode: rcode(message),
        flags: flags.join(" "),
        answer: sorted(answer_as_sent.clone()),
        authority: sorted(records(message.authority().map_err(fault)?)?),
        additional: sorted(records(message.additional().map_err(fault)?)?),
        opt: opt_text(message)?,
        answer_as_sent,
    })
}

/// The question comes back octet for octet, case kept (RFC 1034, section 3.1), if it comes back at all.
fn check_question(input: &[u8], reply: &[u8]) -> Result<(), String> {
    if reply[4..6] == [0, 0] {
        return Ok(());
    }
    let end = 12
        + reply[12..]
            .iter()
            .position(|octet| *octet == 0)
            .unwrap_or(0)
        + 5;
    if reply[4..6] != [0, 1] || input.get(12..end) != reply.get(12..end) {
        return Err("  the question differs\n".to_owned());
    }
    Ok(())
}

fn rcode(message: &Message<[u8]>) -> String {
    match message.opt_rcode() {
        OptRcode::BADVERS => "BADVERS".to_owned(),
        rcode => rcode.to_string(),
    }
}

fn opt_text(message: &Message<[u8]>) -> Result<Option<String>, String> {
    let section = message.additional().map_err(|fault| fault.to_string())?;
    let count = section
        .filter_map(Result::ok)
        .filter(|record| record.rtype() == Rtype::OPT)
        .count();
    let Some(opt) = message.opt() else {
        return Ok(None);
    };
    if count != 1 || opt.version() != 0 {
        return Err(format!(
            "  {count} OPT records, version {}\n",
            opt.version()
        ));
    }
    let mut text = format!("udp {}", opt.udp_payload_size());
    if opt.dnssec_ok() {
        text.push_str(" do");
    }
    for option in opt.opt().iter::<UnknownOptData<_>>() {
        let option = option.map_err(|fault| format!("  an option does not parse: {fault}\n"))?;
        text.push_str(&option_text(option.code().to_int(), option.as_slice()));
    }
    Ok(Some(text))
}

/// Client subnet as `family address/source/scope`, since family 0 must come back too; other options in hexadecimal.
fn option_text(code: u16, data: &[u8]) -> String {
    match (code, data) {
        (8, [0, family, source, scope, address @ ..]) => {
            let mut octets = [0; 16];
            octets[..address.len()].copy_from_slice(address);
            let address = match family {
                2 => IpAddr::from(octets).to_string(),
                _ => IpAddr::from([octets[0], octets[1], octets[2], octets[3]]).to_string(),
            };
            format!(" subnet {family} {address}/{source}/{scope}")
        }
        _ => format!(" option {code} {data:02x?}"),
    }
}
