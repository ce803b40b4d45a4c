//! Cases as written, and the messages they send.

use std::net::IpAddr;

use toml::{Table, Value};

use super::read::Reply;

/// A case of a topic.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) rule: String,
    pub(crate) is_silence: bool,
    pub(crate) is_tcp: bool,
    pub(crate) from: IpAddr,
    pub(crate) down: Vec<String>,
    pub(crate) first: Option<Vec<String>>,
    pub(crate) size_max: usize,
    soa: String,
    table: Table,
}

fn texts(table: &Table, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|text| text.as_str().expect("a list of texts").to_owned())
        .collect()
}

impl Case {
    /// Reads a case; a key that means nothing is a mistake.
    pub(crate) fn read(table: &Table, soa: &str) -> Self {
        const KEYS: &str = " title rule ask hex header options edns do subnet tcp from down reply rcode flags answer \
             authority additional opt first size_max version ";
        for key in table.keys() {
            assert!(KEYS.contains(&format!(" {key} ")), "unknown key {key}");
        }
        let text = |key: &str| table.get(key).and_then(Value::as_str);
        let is_tcp = table.get("tcp").and_then(Value::as_bool).unwrap_or(false);
        let edns = table.get("edns").and_then(Value::as_integer);
        let limit = match (is_tcp, edns) {
            (true, _) => 65_535,
            (false, None) => 512,
            (false, Some(size)) => size.clamp(512, 1232),
        };
        Self {
            title: text("title").expect("a title").to_owned(),
            rule: text("rule").expect("a rule").to_owned(),
            is_silence: text("reply") == Some("silence"),
            is_tcp,
            from: text("from").map_or_else(
                || IpAddr::from([192, 0, 2, 53]),
                |from| from.parse().expect("an address"),
            ),
            down: texts(table, "down"),
            first: table.contains_key("first").then(|| texts(table, "first")),
            size_max: table
                .get("size_max")
                .and_then(Value::as_integer)
                .unwrap_or(limit) as usize,
            soa: soa.to_owned(),
            table: table.clone(),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.table.get(key).and_then(Value::as_str)
    }

    fn is_on(&self, key: &str) -> bool {
        self.table.get(key).and_then(Value::as_bool) == Some(true)
    }

    fn has_edns(&self) -> bool {
        ["edns", "do", "subnet", "options", "version"]
            .iter()
            .any(|key| self.table.contains_key(*key))
    }

    /// Says what must come back.
    pub(crate) fn wanted(&self) -> Reply {
        let sorted = |key: &str| {
            let mut list = texts(&self.table, key);
            for record in list.iter_mut().filter(|record| *record == "SOA") {
                record.clone_from(&self.soa);
            }
            list.sort();
            list
        };
        let opt = match self.text("opt") {
            Some("none") => None,
            Some(opt) => Some(opt.to_owned()),
            None => self.has_edns().then(|| {
                let is_do = if self.is_on("do") { " do" } else { "" };
                format!("udp 1232{is_do}")
            }),
        };
        Reply {
            rcode: self.text("rcode").unwrap_or("NOERROR").to_owned(),
            flags: self.text("flags").unwrap_or("aa").to_owned(),
            answer: sorted("answer"),
            authority: sorted("authority"),
            additional: sorted("additional"),
            opt,
            answer_as_sent: Vec::new(),
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    assert!(digits.len().is_multiple_of(2), "whole octets in {text}");
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("hexadecimal")
        })
        .collect()
}

/// Writes a name as it stands, label by label; `\DDD` gives any octet.
fn push_name(message: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let mut octets = Vec::new();
        let mut rest = label.as_bytes();
        while let Some((&octet, after)) = rest.split_first() {
            if octet == b'\\' {
                let number = std::str::from_utf8(&after[..3]).expect("three digits");
                octets.push(number.parse::<u8>().expect("an octet"));
                rest = &after[3..];
            } else {
                octets.push(octet);
                rest = after;
            }
        }
        message.push(octets.len() as u8);
        message.extend(octets);
    }
    message.push(0);
}

fn rtype(word: &str) -> u16 {
    const TYPES: [(&str, u16); 20] = [
        ("A", 1),
        ("NS", 2),
        ("CNAME", 5),
        ("SOA", 6),
        ("PTR", 12),
        ("MX", 15),
        ("TXT", 16),
        ("AAAA", 28),
        ("SRV", 33),
        ("NAPTR", 35),
        ("DNAME", 39),
        ("OPT", 41),
        ("DS", 43),
        ("TLSA", 52),
        ("SVCB", 64),
        ("HTTPS", 65),
        ("IXFR", 251),
        ("AXFR", 252),
        ("ANY", 255),
        ("CAA", 257),
    ];
    let known = TYPES.iter().find(|(known, _)| *known == word);
    known.map_or_else(
        || {
            let number = word.strip_prefix("TYPE").expect("a known type");
            number.parse().expect("a number")
        },
        |(_, number)| *number,
    )
}

fn subnet_option(text: &str) -> Vec<u8> {
    let (address, len) = text.split_once('/').expect("a prefix");
    let len: u8 = len.parse().expect("a length");
    let (family, octets) = match address.parse().expect("an address") {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    let octets = &octets[..usize::from(len.div_ceil(8))];
    let mut option = vec![0, 8, 0, octets.len() as u8 + 4, 0, family, len, 0];
    option.extend_from_slice(octets);
    option
}

/// Writes the message of a case.
pub(crate) fn message(case: &Case) -> Vec<u8> {
    if let Some(hex) = case.text("hex") {
        return unhex(hex);
    }
    let (name, word) = case
        .text("ask")
        .and_then(|ask| ask.split_once(' '))
        .expect("a name and a type");
    let mut message = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    push_name(&mut message, name);
    let (word, class) = word.split_once(' ').unwrap_or((word, "IN"));
    message.extend(rtype(word).to_be_bytes());
    message.extend(if class == "CH" { [0, 3] } else { [0, 1] });
    if case.has_edns() {
        let mut options = case.text("options").map(unhex).unwrap_or_default();
        options.extend(case.text("subnet").map(subnet_option).unwrap_or_default());
        let integer = |key: &str| case.table.get(key).and_then(Value::as_integer);
        let size = integer("edns").unwrap_or(1232) as u16;
        let version = integer("version").unwrap_or(0) as u8;
        message[11] = 1;
        message.extend([0, 0, 41]);
        message.extend(size.to_be_bytes());
        message.extend([0, version, u8::from(case.is_on("do")) << 7, 0]);
        message.extend((options.len() as u16).to_be_bytes());
        message.extend(options);
    }
    if let Some(header) = case.text("header") {
        let header = unhex(header);
        message[2..2 + header.len()].copy_from_slice(&header);
    }
    message
}
