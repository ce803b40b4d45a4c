//! The table of questions: what a client may ask, well formed and not.
//!
//! In: nothing. Out: messages as octets, each with a name. Never here: options whose answer depends on the transport or
//! the second (padding, keepalive, cookies).

/// A message and what it is called.
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) octets: Vec<u8>,
}

/// The zone that the questions are about; nothing in it is drawn or turned from answer to answer.
pub(crate) const ZONE: &str = r#"
zone = "transports.example"
ttl = "60s"
soa = { serial = 7 }
[names]
"@".NS = "ns1"
"@".MX = "10 mail"
ns1.A = "192.0.2.53"
ns1.AAAA = "2001:db8::53"
mail.A = "192.0.2.25"
www.A = "192.0.2.1"
alias.CNAME = "www"
"*.wild".TXT = "from a wildcard"
sub.NS = "ns.sub"
"ns.sub".A = "192.0.2.54"
"_sip._tcp".SRV = "1 2 5060 mail"
"#;

/// Name, type and class of ordinary questions.
const ORDINARY: &[(&str, &str, u16, u16)] = &[
    ("A", "www.transports.example", 1, 1),
    ("mixed case", "wWw.TransPorts.example", 1, 1),
    ("AAAA that is not there", "www.transports.example", 28, 1),
    ("no such name", "nowhere.transports.example", 1, 1),
    ("SOA", "transports.example", 6, 1),
    ("NS with addresses", "transports.example", 2, 1),
    ("MX with an address", "transports.example", 15, 1),
    ("SRV", "_sip._tcp.transports.example", 33, 1),
    ("CNAME followed", "alias.transports.example", 1, 1),
    ("CNAME asked for", "alias.transports.example", 5, 1),
    ("wildcard", "any.thing.wild.transports.example", 16, 1),
    ("referral", "www.sub.transports.example", 1, 1),
    ("DS at a cut", "sub.transports.example", 43, 1),
    ("large TXT", "large.transports.example", 16, 1),
    ("ANY", "www.transports.example", 255, 1),
    ("unknown type", "www.transports.example", 65_280, 1),
    ("transfer", "transports.example", 252, 1),
    ("another zone", "www.example.org", 1, 1),
    ("the root", "", 2, 1),
    ("class CH", "version.bind", 16, 3),
    ("class ANY", "www.transports.example", 1, 255),
];

/// Lists all questions; ids differ.
pub(crate) fn questions() -> Vec<Question> {
    let mut list: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, owner, rtype, class) in ORDINARY {
        list.push((
            (*name).to_owned(),
            edns(query(owner, *rtype, *class), 4096, 0, 0),
        ));
    }
    let www = || query("www.transports.example", 1, 1);
    list.push(("without EDNS".to_owned(), www()));
    list.push(("DO".to_owned(), edns(www(), 1232, 0, 0x8000)));
    list.push(("EDNS version 1".to_owned(), edns(www(), 1232, 1, 0)));
    list.push((
        "two OPT".to_owned(),
        edns(edns(www(), 1232, 0, 0), 1232, 0, 0),
    ));
    let large = query("large.transports.example", 16, 1);
    list.push((
        "large TXT with 512 octets".to_owned(),
        edns(large, 512, 0, 0),
    ));
    for opcode in [1, 2, 4, 5, 6, 15] {
        let mut octets = www();
        octets[2] |= opcode << 3;
        list.push((format!("opcode {opcode}"), octets));
    }
    let mut two = www();
    two[5] = 2;
    list.push(("two questions announced".to_owned(), two));
    list.push(("no question".to_owned(), header(0)));
    let mut cut = www();
    cut.truncate(20);
    list.push(("cut short".to_owned(), cut));
    let mut recursive = www();
    recursive[2] |= 1;
    list.push(("recursion desired".to_owned(), recursive));
    let numbered = list.into_iter().zip(1u16..);
    let question = |((name, mut octets), id): ((String, Vec<u8>), u16)| {
        octets[..2].copy_from_slice(&id.to_be_bytes());
        Question { name, octets }
    };
    numbered.map(question).collect()
}

fn header(questions: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, 0, questions, 0, 0, 0, 0, 0, 0]
}

/// Writes a query with one question.
fn query(owner: &str, rtype: u16, class: u16) -> Vec<u8> {
    let mut octets = header(1);
    for label in owner.split('.').filter(|label| !label.is_empty()) {
        octets.push(u8::try_from(label.len()).expect("a short label"));
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    octets.extend_from_slice(&rtype.to_be_bytes());
    octets.extend_from_slice(&class.to_be_bytes());
    octets
}

/// Adds an OPT record without options.
fn edns(mut octets: Vec<u8>, payload_size: u16, version: u8, flags: u16) -> Vec<u8> {
    octets[11] += 1;
    octets.extend_from_slice(&[0, 0, 41]);
    octets.extend_from_slice(&payload_size.to_be_bytes());
    octets.extend_from_slice(&[0, version]);
    octets.extend_from_slice(&flags.to_be_bytes());
    octets.extend_from_slice(&[0, 0]);
    octets
}
