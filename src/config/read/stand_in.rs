//! Bridge to RDATA: one `use` for the readers.
//!
//! In: text of zone files. Out: RDATA. Never here: positions in files.

use std::ops::Range;

use crate::wire::{Name, Rtype};

/// RDATA and what was written in it.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) octets: Box<[u8]>,
    pub(super) names: Vec<WrittenName>,
}

/// A name in RDATA as written.
#[derive(Clone, Debug)]
pub(super) struct WrittenName {
    pub(super) name: Name,
    pub(super) is_relative: bool,
    pub(super) labels_written: usize,
    pub(super) text: String,
}

/// Why a text is no RDATA.
#[derive(Clone, Debug)]
pub(super) struct RdataFault {
    pub(super) message: String,
    pub(super) range: Option<Range<usize>>,
    pub(super) help: Option<String>,
}

/// Reads RDATA in master-file form.
pub(super) fn parse_rdata(rtype: Rtype, text: &str, origin: &Name) -> Result<Parsed, RdataFault> {
    let fault = |message: String| RdataFault {
        message,
        range: None,
        help: None,
    };
    let name_of = |text: &str| -> Result<WrittenName, RdataFault> {
        let name = Name::parse(text, origin).map_err(|f| fault(f.to_string()))?;
        let is_relative = !text.ends_with('.') && text != "@";
        Ok(WrittenName {
            labels_written: name.label_count().saturating_sub(origin.label_count()),
            name,
            is_relative,
            text: text.to_owned(),
        })
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let numbers_then_name = |count: usize| -> Result<Parsed, RdataFault> {
        if words.len() != count + 1 {
            return Err(fault(format!("{rtype} needs {} fields", count + 1)));
        }
        let mut octets = Vec::new();
        for word in &words[..count] {
            let number: u16 = word
                .parse()
                .map_err(|_| fault(format!("`{word}` is no number")))?;
            octets.extend(number.to_be_bytes());
        }
        let name = name_of(words[count])?;
        octets.extend(name.name.octets());
        Ok(Parsed {
            octets: octets.into(),
            names: vec![name],
        })
    };
    let address = |octets: Vec<u8>| Parsed {
        octets: octets.into(),
        names: Vec::new(),
    };
    match rtype {
        Rtype::A => text
            .parse::<std::net::Ipv4Addr>()
            .map(|a| address(a.octets().to_vec()))
            .map_err(|_| fault(format!("`{text}` is no IPv4 address"))),
        Rtype::AAAA => text
            .parse::<std::net::Ipv6Addr>()
            .map(|a| address(a.octets().to_vec()))
            .map_err(|_| fault(format!("`{text}` is no IPv6 address"))),
        Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::DNAME => numbers_then_name(0),
        Rtype::MX => numbers_then_name(1),
        Rtype::SRV => numbers_then_name(3),
        _ => Ok(address(text.as_bytes().to_vec())),
    }
}

/// Makes TXT RDATA of strings of at most 255 octets.
pub(super) fn txt_rdata(strings: &[&[u8]]) -> Result<Box<[u8]>, RdataFault> {
    let mut octets = Vec::new();
    for string in strings {
        let length = u8::try_from(string.len()).map_err(|_| RdataFault {
            message: "a string of TXT is longer than 255 bytes".to_owned(),
            range: None,
            help: None,
        })?;
        octets.push(length);
        octets.extend_from_slice(string);
    }
    Ok(octets.into())
}
