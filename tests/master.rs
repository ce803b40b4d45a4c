//! Master files read, judged, built and written again.

#[path = "master/faults.rs"]
mod faults;
#[path = "master/field.rs"]
mod field;
#[path = "master/odd.rs"]
mod odd;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use leeward::wire::{Name, rdata_text};
use leeward::zonefile::{Inclusions, Reading, build_master_zone, read_master, show_master};
use proptest::prelude::*;

/// Files that may be included.
struct Shelf(HashMap<&'static str, &'static str>);

impl Inclusions for Shelf {
    fn include(&mut self, _from: &Path, named: &str) -> Result<(PathBuf, Vec<u8>), String> {
        let text = self.0.get(named).ok_or("there is no such file")?;
        Ok((named.into(), text.as_bytes().to_vec()))
    }
}

fn read_octets(octets: &[u8]) -> Reading {
    let origin = Name::parse_absolute("example").expect("a name");
    let files = HashMap::from([
        (
            "hosts",
            "$ORIGIN in.example.\na A 192.0.2.1\n A 192.0.2.2\n",
        ),
        ("plain", "x TXT \"in a file\""),
        ("bad", "x TXT ok\ny NOTYPE z\n"),
        ("loop", "$INCLUDE loop\n"),
    ]);
    read_master(
        "example.zone".as_ref(),
        octets.to_vec(),
        &origin,
        &mut Shelf(files),
    )
}

fn read(text: &str) -> Reading {
    read_octets(text.as_bytes())
}

/// The records of a reading but SOA and NS of the head, one a line.
fn records(reading: &Reading) -> Vec<String> {
    let Some(records) = &reading.records else {
        return vec![format!("{:?}", reading.findings)];
    };
    let lines = records.rrsets().flat_map(|set| {
        let (owner, rtype, ttl) = (set.owner.clone(), set.rtype, set.ttl);
        let texts = set
            .rdata
            .into_iter()
            .map(move |rdata| rdata_text(rtype, rdata));
        texts.map(move |text| format!("{owner} {ttl} {rtype} {text}"))
    });
    lines
        .filter(|line| !line.contains(" SOA ") && !line.contains(" NS ns.test."))
        .collect()
}

const HEAD: &str = "@ 60 IN SOA ns.test. host.test. 1 2 3 4 300\n@ 60 NS ns.test.\n";

#[test]
fn reads_every_form_of_a_record() {
    let cases: &[(&str, &[&str])] = &[
        ("www A 192.0.2.1", &["www.example. 60 A 192.0.2.1"]),
        (
            "www IN 1h30m A 192.0.2.1",
            &["www.example. 5400 A 192.0.2.1"],
        ),
        (
            "www 5 IN A 192.0.2.1\n A 192.0.2.2",
            &["www.example. 5 A 192.0.2.1", "www.example. 5 A 192.0.2.2"],
        ),
        (
            "$TTL 1d\nwww A 192.0.2.1",
            &["www.example. 86400 A 192.0.2.1"],
        ),
        (
            "$TTL 7\na 9 A 192.0.2.1\nb A 192.0.2.2",
            &["a.example. 9 A 192.0.2.1", "b.example. 7 A 192.0.2.2"],
        ),
        (
            "a.b\tCLASS1\tAAAA\t2001:db8::1\r\n",
            &["a.b.example. 60 AAAA 2001:db8::1"],
        ),
        (
            "t TXT ( \"a b\" ; first\n c\\;d \\101 )",
            &["t.example. 60 TXT \"a b\" \"c;d\" \"e\""],
        ),
        (
            "a TYPE731 \\# 6 abcdef012345",
            &["a.example. 60 TYPE731 \\# 6 ABCDEF012345"],
        ),
        ("a A \\# 4 C0000201", &["a.example. 60 A 192.0.2.1"]),
        ("a TYPE1 192.0.2.1", &["a.example. 60 A 192.0.2.1"]),
        (
            "$ORIGIN sub\nx CNAME @",
            &["x.sub.example. 60 CNAME sub.example."],
        ),
        (
            "*.w TXT x\n\\042.v TXT y\na\\.b TXT z",
            &[
                "*.w.example. 60 TXT \"x\"",
                "*.v.example. 60 TXT \"y\"",
                "a\\.b.example. 60 TXT \"z\"",
            ],
        ),
        (
            "d DNAME example.net.",
            &["d.example. 60 DNAME example.net."],
        ),
        (
            "$INCLUDE hosts\nb A 192.0.2.3",
            &[
                "a.in.example. 60 A 192.0.2.1",
                "a.in.example. 60 A 192.0.2.2",
                "b.example. 60 A 192.0.2.3",
            ],
        ),
        (
            "$INCLUDE plain far",
            &["x.far.example. 60 TXT \"in a file\""],
        ),
        (
            "$GENERATE 1-3/2 h-$ A 192.0.2.$",
            &["h-1.example. 60 A 192.0.2.1", "h-3.example. 60 A 192.0.2.3"],
        ),
        (
            "$GENERATE 10-11 ${0,3,x} 5 IN MX \"10 m-$\"",
            &[
                "00a.example. 5 MX 10 m-10.example.",
                "00b.example. 5 MX 10 m-11.example.",
            ],
        ),
        (
            "$GENERATE 1-1 @ MX 10 m$",
            &["example. 60 MX 10 m1.example."],
        ),
        (
            "a A 192.0.2.1\na A 192.0.2.1",
            &["a.example. 60 A 192.0.2.1"],
        ),
        (
            "a 9 A 192.0.2.1\na 5 A 192.0.2.2",
            &["a.example. 5 A 192.0.2.1", "a.example. 5 A 192.0.2.2"],
        ),
        ("x.other. A 192.0.2.1", &[]),
        ("a 4294967295 A 192.0.2.1", &["a.example. 0 A 192.0.2.1"]),
        (
            "a CNAME b\na RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA",
            &[
                "a.example. 60 CNAME b.example.",
                "a.example. 60 RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA",
            ],
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(records(&read(&format!("{HEAD}{text}"))), *wanted, "{text}");
        let bom = format!("\u{feff}{HEAD}{text}\n\n");
        assert_eq!(
            records(&read(&bom)),
            *wanted,
            "with a byte order mark: {text}"
        );
    }
}

#[test]
fn the_soa_may_come_late_and_gives_the_ttl() {
    let late = "a.example. A 192.0.2.1\n@ SOA ns.test. host.test. 1 2 3 4 300\n@ NS ns.test.\n";
    assert_eq!(records(&read(late)), ["a.example. 300 A 192.0.2.1"]);
    let elsewhere = "$ORIGIN other.test.\n@ 5 SOA a. b. 1 2 3 4 300\n@ NS ns.test.\n";
    let reading = read(elsewhere);
    let apex = reading.records.map(|records| records.apex().to_string());
    assert_eq!(apex.as_deref(), Some("other.test."));
}

#[test]
fn says_what_is_wrong() {
    let cases = [
        ("a TXT \"open", "M001", "7"),
        ("a..b A 192.0.2.1", "M002", "1"),
        ("$NOPE x", "M003", "1"),
        ("$ORIGIN", "M004", "1"),
        ("$TTL x", "M005", "6"),
        ("$INCLUDE absent", "M006", "10"),
        ("$INCLUDE loop", "M007", "10"),
        ("$GENERATE 3-1 a A 192.0.2.$", "M008", "11"),
        ("$GENERATE 0-2000000 a$ A 192.0.2.1", "M009", "11"),
        ("a", "M011", "2"),
        ("a NOTYPE x", "M012", "3"),
        ("a CH A 192.0.2.1", "M013", "3"),
        ("a A 192.0.2", "M014", "5"),
        ("@ SOA other. b. 1 2 3 4 5", "M021", "1"),
        ("b SOA other. b. 1 2 3 4 5", "M022", "1"),
        ("a CNAME b\na A 192.0.2.1", "M026", "1"),
        ("a CNAME b\na CNAME c", "M027", "1"),
        ("a DNAME b\na DNAME c", "M028", "1"),
        ("$INCLUDE bad", "M012", "3"),
    ];
    for (text, code, column) in cases {
        let whole = format!("{HEAD}{text}");
        let reading = read(&whole);
        assert!(reading.records.is_none(), "{text} is refused");
        let found = &reading.findings[0];
        assert_eq!(found.code, code, "{text}: {found:?}");
        let mut sources = reading.sources.iter();
        let source = sources
            .find(|source| source.path == found.path)
            .expect("a source");
        let before = &source.text[..found.span.0.start];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        assert_eq!(
            (found.span.0.start - start + 1).to_string(),
            column,
            "{text}: {found:?}"
        );
    }
    assert_eq!(read("a A 192.0.2.1 ; no SOA").findings[0].code, "M020");
    assert_eq!(read(" A 192.0.2.1").findings[0].code, "M010");
}

#[test]
fn goes_on_after_a_fault_and_finds_the_rest() {
    let text = format!("{HEAD}a TXT \"open\nb A x\nc ) A 1\nd ( A 192.0.2.1\ne NO x\n");
    let codes: Vec<&str> = read(&text)
        .findings
        .iter()
        .map(|found| found.code)
        .collect();
    assert_eq!(codes, ["M001", "M014", "M001", "M001", "M012"]);
}

#[test]
fn warns_and_loads() {
    let cases = [
        ("x.other. A 192.0.2.1", "M023"),
        ("a A 192.0.2.1\nA A 192.0.2.1", "M024"),
        ("a 5 A 192.0.2.1\na 6 A 192.0.2.2", "M025"),
        ("d DNAME b.test.\nx.d A 192.0.2.1", "M031"),
        ("s NS ns.test.\nx.s TXT a", "M031"),
        ("@ MX 1 m\nm CNAME x.test.", "M032"),
        ("@ NS ns9", "M033"),
        ("a 2147483648 A 192.0.2.1", "M016"),
    ];
    for (text, code) in cases {
        let reading = read(&format!("{HEAD}{text}"));
        assert!(reading.records.is_some(), "{text}: {:?}", reading.findings);
        let codes: Vec<&str> = reading.findings.iter().map(|found| found.code).collect();
        assert_eq!(codes, [code], "{text}");
    }
    let glue = read(&format!(
        "{HEAD}s NS ns.s\nns.s A 192.0.2.1\n*.w NS x.test."
    ));
    assert_eq!(glue.findings, [], "glue is no surprise");
    let bare = read("@ 60 SOA ns.test. host.test. 1 2 3 4 300");
    assert_eq!(bare.findings[0].code, "M030");
}

#[test]
fn octets_that_are_no_utf8_are_kept() {
    let text = [HEAD.as_bytes(), b"a TXT \"\xe9\" ; caf\xe9\n"].concat();
    assert_eq!(
        records(&read_octets(&text)),
        ["a.example. 60 TXT \"\\233\""]
    );
}

/// Shows a zone, reads it, and shows it again.
fn expect_round_trip(reading: Reading) -> Result<(), TestCaseError> {
    let Some(records) = reading.records else {
        return Ok(());
    };
    let zone = build_master_zone(&records).expect("small zones fit");
    let shown = show_master(&zone);
    let again = read(&shown);
    let records = again.records.as_ref();
    let Some(records) = records else {
        return Err(TestCaseError::fail(format!(
            "{shown}\n{:?}",
            again.findings
        )));
    };
    let rebuilt = build_master_zone(records).expect("small zones fit");
    prop_assert_eq!(show_master(&rebuilt), shown);
    prop_assert_eq!(rebuilt.name_count(), zone.name_count());
    Ok(())
}

fn line() -> impl Strategy<Value = String> {
    let owner = "(|@|[a-c*]|[ab]\\.[ab*]|ab\\.[a-c])";
    let rdata = prop_oneof![
        "A 192\\.0\\.2\\.[1-9]",
        "(NS|CNAME|DNAME) ([abc]|[ab]\\.[abc]|x\\.test\\.)",
        "MX [0-9] ([abc]|@|mail\\.test\\.)",
        "TXT \"[ -!#-Z]{0,5}\"",
        "DS 1 13 2 [0-9A-F]{64}",
        "TYPE[1-9]000 \\\\# 2 [0-9A-F]{4}",
    ];
    (owner, "(|[0-9]{1,3}|1h|IN)", rdata)
        .prop_map(|(owner, middle, rdata)| format!("{owner} {middle} {rdata}\n"))
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_octets(&octets);
    }

    #[test]
    fn text_that_looks_right_is_read_without_a_panic(
        text in "(\\$(ORIGIN|TTL|INCLUDE|GENERATE)|[a-z@.$\\\\]{1,4}|[0-9]{1,4}[-/]?|IN|A|TXT|SOA|\\{|\\}|[ \t\n();\"]){0,60}"
    ) {
        let _ = read(&format!("{HEAD}{text}"));
    }

    #[test]
    fn a_zone_that_is_shown_reads_back_to_the_same_zone(lines in proptest::collection::vec(line(), 0..8)) {
        expect_round_trip(read(&format!("{HEAD}{}", lines.concat())))?;
    }
}
