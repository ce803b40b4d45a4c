//! Master files as other products write them: what loads, loads with its apex, its TTLs and all of its records; what is
//! another product's own is named.

use std::path::Path;

use leeward::diagnostic::Severity;
use leeward::wire::{Name, Rtype};
use leeward::zonefile::read_master;

use super::Shelf;

/// What is right for one file of `tests/master/field`.
struct Sample {
    file: &'static str,
    /// Records, SOA included; nothing if the file is refused.
    count: Option<usize>,
    /// RRsets with their TTLs; names are relative to the apex.
    ttls: &'static [(&'static str, Rtype, u32)],
    /// Codes of all findings but notes of duplicates, in order.
    codes: &'static [&'static str],
    /// Words of the findings.
    words: &'static [&'static str],
}

const SAMPLES: &[Sample] = &[
    refused(
        "cloudflare",
        &["M036"],
        &["`example.com.zone`", "`example.com. 3600 IN SOA"],
    ),
    loads(
        "cloudflare-mended",
        6,
        &[("@", Rtype::NS, 86_400), ("www", Rtype::A, 1)],
        &["M044"],
    ),
    loads(
        "godaddy",
        6,
        &[("@", Rtype::A, 600), ("www", Rtype::CNAME, 3_600)],
        &[],
    ),
    loads(
        "cpanel",
        10,
        &[("@", Rtype::NS, 86_400), ("@", Rtype::MX, 14_400)],
        &[],
    ),
    loads(
        "windows",
        9,
        &[
            ("@", Rtype::NS, 3_600),
            ("_ldap._tcp", Rtype::SRV, 600),
            ("dc1", Rtype::A, 3_600),
        ],
        &["M043"],
    ),
    refused("windows-wins", &["M038"], &["`WINS`", "Windows"]),
    loads(
        "cli53",
        6,
        &[("@", Rtype::NS, 172_800), ("www", Rtype::A, 60)],
        &[],
    ),
    refused(
        "cli53-alias",
        &["M038"],
        &["`AWS ALIAS`", "target = \"dualstack.lb-1.example.net.\""],
    ),
    refused(
        "gdnsd",
        &["M038", "M038"],
        &["`DYNA`", "`DYNC`", "gdnsd", "failover"],
    ),
    loads(
        "octodns",
        6,
        &[("@", Rtype::NS, 3_600), ("@", Rtype::A, 300)],
        &[],
    ),
    loads(
        "powerdns",
        4,
        &[("@", Rtype::NS, 3_600), ("www", Rtype::A, 60)],
        &[],
    ),
    refused(
        "powerdns-lua",
        &["M038", "M038"],
        &["`LUA`", "`ALIAS`", "target = \"lb.example.net.\""],
    ),
    loads(
        "named-compilezone",
        5,
        &[("@", Rtype::MX, 3_600), ("mail", Rtype::A, 300)],
        &[],
    ),
    loads(
        "bind-dynamic",
        5,
        &[("@", Rtype::NS, 3_600), ("www", Rtype::A, 60)],
        &[],
    ),
    loads(
        "nsd",
        4,
        &[("@", Rtype::NS, 3_600), ("www", Rtype::A, 60)],
        &[],
    ),
    loads(
        "knot",
        4,
        &[("@", Rtype::NS, 3_600), ("www", Rtype::A, 60)],
        &[],
    ),
    loads(
        "plesk",
        6,
        &[("@", Rtype::NS, 86_400), ("*", Rtype::CNAME, 86_400)],
        &[],
    ),
    loads(
        "digitalocean",
        5,
        &[("@", Rtype::NS, 1_800), ("www", Rtype::CNAME, 43_200)],
        &[],
    ),
    loads(
        "gandi",
        7,
        &[("@", Rtype::SOA, 86_400), ("@", Rtype::NS, 10_800)],
        &[],
    ),
    loads(
        "ovh",
        8,
        &[("@", Rtype::NS, 3_600), ("@", Rtype::TXT, 600)],
        &[],
    ),
    loads(
        "hetzner",
        6,
        &[("@", Rtype::NS, 86_400), ("mail", Rtype::A, 300)],
        &[],
    ),
    loads(
        "azure",
        3,
        &[("@", Rtype::NS, 172_800), ("www", Rtype::A, 3_600)],
        &[],
    ),
    refused(
        "easydns",
        &["M038", "M038"],
        &["`ANAME`", "`URL`", "web server"],
    ),
    refused("octodns-yaml", &["M039"], &["YAML"]),
    refused("route53-json", &["M039"], &["Route 53"]),
    refused("tinydns", &["M039"], &["tinydns"]),
];

const fn loads(
    file: &'static str,
    count: usize,
    ttls: &'static [(&'static str, Rtype, u32)],
    codes: &'static [&'static str],
) -> Sample {
    Sample {
        file,
        count: Some(count),
        ttls,
        codes,
        words: &[],
    }
}

const fn refused(
    file: &'static str,
    codes: &'static [&'static str],
    words: &'static [&'static str],
) -> Sample {
    Sample {
        file,
        count: None,
        ttls: &[],
        codes,
        words,
    }
}

#[test]
fn master_files_of_the_field_load_with_their_apex_and_ttls_or_are_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/master/field");
    let origin = Name::parse_absolute("example.com").expect("a name");
    for sample in SAMPLES {
        let file = sample.file;
        let octets = std::fs::read(folder.join(format!("{file}.zone"))).expect(file);
        let shelf = &mut Shelf(Default::default());
        let reading = read_master("example.com.zone".as_ref(), octets, &origin, shelf);
        let found: Vec<&str> = reading.findings.iter().map(|found| found.code).collect();
        assert_eq!(found, sample.codes, "{file}: {:?}", reading.findings);
        assert_eq!(reading.left_out, 0, "{file}");
        let told = format!("{:?}", reading.findings).replace("\\\"", "\"");
        for words in sample.words {
            assert!(told.contains(words), "{file}: {words} in {told}");
        }
        assert!(!told.contains("TYPE65280"), "{file}: {told}");
        assert_eq!(
            reading.records.as_ref().map(|records| records.len()),
            sample.count,
            "{file}"
        );
        let has_fault = reading
            .findings
            .iter()
            .any(|found| found.severity == Severity::Fault);
        assert_eq!(has_fault, sample.count.is_none(), "{file}");
        let Some(records) = reading.records else {
            continue;
        };
        assert_eq!(records.apex(), origin, "{file}");
        for (owner, rtype, ttl) in sample.ttls {
            let owner = Name::parse(owner, &origin).expect("a name");
            let set = records
                .rrsets()
                .find(|set| set.owner == owner && set.rtype == *rtype);
            assert_eq!(
                set.map(|set| set.ttl),
                Some(*ttl),
                "{file}: {owner} {rtype}"
            );
        }
    }
    let files = std::fs::read_dir(folder)
        .expect("the folder is there")
        .count();
    assert_eq!(files, SAMPLES.len(), "every file is in the table");
}

/// F01: an apex that comes about by accident is a fault that shows how, and what to write.
#[test]
fn an_apex_by_accident_is_refused_with_the_line_to_write() {
    const SOA: &str = "IN SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300\n";
    let cases: &[(&str, String, &str, &[&str])] = &[
        // F01a, F01b, F01c, F01d.
        (
            "example.com",
            format!("$ORIGIN .\n@ 3600 {SOA}"),
            "M036",
            &[
                "`$ORIGIN .`",
                "`example.com.zone`",
                "`$ORIGIN example.com.`",
            ],
        ),
        (
            "example.com",
            format!("$ORIGIN example.com\n@ {SOA}"),
            "M036",
            &["`example.com` has no final dot", "`$ORIGIN example.com.`"],
        ),
        (
            "example.com",
            format!("example.com 3600 {SOA}"),
            "M036",
            &[
                "`example.com` has no final dot",
                "`example.com. 3600 IN SOA ns1.example.net.",
            ],
        ),
        (
            "example.com",
            format!("$ORIGIN shop.example.\n@ {SOA}"),
            "M037",
            &["shop.example.", "`shop.example.zone`"],
        ),
        // Siblings.
        (
            "example.com",
            format!(". 3600 {SOA}"),
            "M036",
            &["`.`", "`example.com. 3600 IN SOA"],
        ),
        (
            "example.com",
            format!("$ORIGIN .\n$ORIGIN example.com\nexample.com 3600 {SOA}"),
            "M036",
            &["has no final dot"],
        ),
        (
            "db.example.com",
            format!("$ORIGIN example.com\n@ {SOA}"),
            "M036",
            &["has no final dot"],
        ),
        (
            "example",
            format!("$ORIGIN example\n@ {SOA}"),
            "M036",
            &["has no final dot"],
        ),
        (
            "db.example.com",
            format!("$ORIGIN example.com.\n@ {SOA}"),
            "M037",
            &["`example.com.zone`"],
        ),
        (
            "com",
            format!("$ORIGIN example\n@ {SOA}"),
            "M037",
            &["example.com."],
        ),
        // Right as they stand.
        ("example.com", format!("@ {SOA}"), "", &[]),
        (
            "example.com",
            format!("$ORIGIN .\nexample.com {SOA}"),
            "",
            &[],
        ),
        (
            "example.com",
            format!("$ORIGIN com.\nexample {SOA}"),
            "",
            &[],
        ),
        ("example.com", format!("EXAMPLE.com. {SOA}"), "", &[]),
        ("root", format!(". {SOA}"), "", &[]),
        (".", format!("@ {SOA}"), "", &[]),
    ];
    for (named, text, wanted, words) in cases {
        let origin = Name::parse_absolute(named).expect("a name");
        let path = format!("{named}.zone");
        let text = format!("{text} IN NS ns1.example.net.\n");
        let shelf = &mut Shelf(Default::default());
        let reading = read_master(path.as_ref(), text.clone().into_bytes(), &origin, shelf);
        let told = format!("{:?}", reading.findings);
        // A root zone has no name server with an address here.
        let codes = reading.findings.iter().map(|found| found.code);
        let codes: Vec<&str> = codes.filter(|code| *code != "M033").collect();
        assert_eq!(codes.join(" "), *wanted, "{named}: {text}{told}");
        assert_eq!(reading.records.is_none(), *wanted == "M036", "{text}");
        for word in *words {
            assert!(told.contains(word), "{text}: {word} in {told}");
        }
    }
}

/// Hints that are decided for each client would be lost without a word.
#[test]
fn hints_that_are_decided_for_each_client_are_refused() {
    let head = "@ 60 SOA ns.test. host.test. 1 2 3 4 300\n@ NS ns.test.\n";
    for line in [
        "@ HTTPS 1 . ipv4hint=auto",
        "@ SVCB 1 . ipv6hint=\"auto\"",
        "$GENERATE 1-2 a$ HTTPS 1 . ipv4hint=auto",
    ] {
        let reading = super::read(&format!("{head}{line}\n"));
        let told = format!("{:?}", reading.findings);
        assert!(
            reading.records.is_none() && told.contains("M014") && told.contains("auto"),
            "{line}: {told}"
        );
    }
}

/// Every record that is read and not served is told, and counted.
#[test]
fn records_outside_the_zone_are_counted() {
    let mut text = "@ 60 SOA ns.test. host.test. 1 2 3 4 300\n@ NS ns.test.\n".to_owned();
    for number in 0..37 {
        text.push_str(&format!("n{number}.other. A 192.0.2.1\n"));
    }
    let reading = super::read(&text);
    assert_eq!(reading.left_out, 37);
    let told = format!("{:?}", reading.findings);
    assert!(told.contains("37 records lie outside example."), "{told}");
}
