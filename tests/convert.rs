//! Master files as zone TOML and back: what is served stays the same, and what is lost is told.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use leeward::compile::compile_zone;
use leeward::config::read_zone;
use leeward::convert::{Conversion, PolicyForm, convert_to_master, convert_to_toml};
use leeward::diagnostic::{Diagnostic, Severity, Source};
use leeward::lint;
use leeward::wire::Name;
use leeward::zone::Zone;
use leeward::zonefile::{Inclusions, Reading, build_master_zone, read_master, show_master};
use proptest::prelude::*;

use crate::zones::NoFiles;

struct Hosts;

impl Inclusions for Hosts {
    fn include(&mut self, _from: &Path, named: &str) -> Result<(PathBuf, Vec<u8>), String> {
        match named {
            "hosts" => Ok(("hosts".into(), b"x A 192.0.2.7\n".to_vec())),
            _ => Err("there is no such file".to_owned()),
        }
    }
}

fn read(text: &str) -> Reading {
    let origin = Name::parse_absolute("example").expect("a name");
    let octets = text.as_bytes().to_vec();
    read_master("example.zone".as_ref(), octets, &origin, &mut Hosts)
}

fn to_toml(text: &str) -> Conversion {
    let reading = read(text);
    let records = reading.records.as_ref();
    let records = records.unwrap_or_else(|| panic!("{text}\n{:?}", reading.findings));
    convert_to_toml(records, &reading)
}

/// Builds the zone of TOML, or says what `validate` finds in it.
fn build(text: &str) -> Result<Zone, Vec<Diagnostic>> {
    let source = Source {
        path: "example.toml".into(),
        text: text.to_owned(),
    };
    let (model, mut found) = read_zone(&source, &NoFiles);
    if let Some(model) = model {
        found.extend(lint::review_zone(&model));
        found.retain(|found| found.severity == Severity::Fault);
        if found.is_empty() {
            return Ok(compile_zone(&model, model.soa.serial.unwrap_or(1)).expect("it fits"));
        }
    }
    Err(found)
}

fn to_master(text: &str, form: PolicyForm) -> (String, Vec<&'static str>) {
    let model = crate::zones::read(text);
    let zone = compile_zone(&model, model.soa.serial.unwrap_or(1)).expect("it fits");
    let made = convert_to_master(&model, &zone, form);
    let codes = made.diagnostics.iter().map(|found| found.code).collect();
    (made.text.expect("nothing forbids it"), codes)
}

const HEAD: &str = "@ 60 IN SOA ns.test. host.test. 7 2 3 4 300\n@ 60 NS ns.test.\n";

/// The lines under `[names]`.
fn names(text: &str) -> Vec<&str> {
    let (_, names) = text.split_once("[names]\n").expect("a section of names");
    names
        .lines()
        .filter(|line| !line.starts_with("\"@\".NS = "))
        .collect()
}

#[test]
fn a_master_file_becomes_lines_of_toml() {
    let cases: &[(&str, &[&str])] = &[
        ("www A 192.0.2.1", &["www.A = \"192.0.2.1\""]),
        (
            "www A 192.0.2.1\n A 192.0.2.2\n AAAA 2001:db8::1",
            &[
                "www.A = [\"192.0.2.1\", \"192.0.2.2\"]",
                "www.AAAA = \"2001:db8::1\"",
            ],
        ),
        (
            "a.b 300 MX 10 a.b\n 300 MX 20 mail.test.\n 300 MX 30 nowhere.at.all\nc 60 A 192.0.2.1",
            &[
                "\"a.b\".MX = [\"10 a.b\", \"20 mail.test.\", \"30 nowhere.at.all.example.\"]",
                "c.A = \"192.0.2.1\"",
                "c.ttl = \"1m\"",
            ],
        ),
        (
            "*.w TXT \"a;b\" \"c\"",
            &["\"*.w\".TXT = [[\"a;b\", \"c\"]]"],
        ),
        ("b TXT \"\\255\"", &["b.TYPE16 = \"\\\"\\\\255\\\"\""]),
        ("u TYPE731 \\# 2 abcd", &["u.TYPE731 = \"\\\\# 2 ABCD\""]),
        ("m MX 1 @", &["m.MX = \"1 @\""]),
        // F21a: each RRset keeps its own TTL.
        (
            "a 5 A 192.0.2.1\na 6 TXT x\na 5 AAAA 2001:db8::1",
            &[
                "a.A = \"192.0.2.1\"",
                "a.TXT = { data = \"x\", ttl = \"6s\" }",
                "a.AAAA = \"2001:db8::1\"",
            ],
        ),
        (
            "a 9999999 A 192.0.2.1\nb A 192.0.2.1\nb 60 TXT x",
            &[
                "a.A = { data = \"192.0.2.1\", ttl = \"115d17h46m39s\" }",
                "b.A = { data = \"192.0.2.1\", ttl = \"115d17h46m39s\" }",
                "b.TXT = \"x\"",
            ],
        ),
        ("spf SPF \"v=spf1 -all\"", &["spf.SPF = \"v=spf1 -all\""]),
        (
            "s NS s\ns A 192.0.2.1",
            &[
                "s.A = \"192.0.2.1\"",
                "s.NS = { data = \"s\", ttl = \"1m\" }",
            ],
        ),
        (
            "$INCLUDE hosts\nz A 192.0.2.1",
            &[
                "",
                "# From hosts:",
                "x.A = \"192.0.2.7\"",
                "",
                "# From example.zone:",
                "z.A = \"192.0.2.1\"",
            ],
        ),
    ];
    for (text, wanted) in cases {
        let made = to_toml(&format!("{HEAD}{text}"));
        assert_eq!(made.diagnostics, [], "{text}");
        let toml = made.text.expect("no fault");
        assert_eq!(names(&toml), *wanted, "{text}");
        build(&toml).unwrap_or_else(|found| panic!("{toml}\n{found:?}"));
    }
}

#[test]
fn what_toml_cannot_hold_is_told_with_its_line() {
    let cases = [
        ("s NS ns.test.\ns TXT x", "V001", "s TXT"),
        ("s NS ns.test.\nx.s TXT x", "V001", "x.s TXT"),
        ("s NS ns.test.\nx.s NS ns.test.", "V001", "x.s NS"),
        ("c CNAME x.test.\nc NSEC example. CNAME", "V001", "c NSEC"),
        ("s NS ns.s", "V005", "s NS"),
    ];
    for (text, code, at) in cases {
        let text = format!("{HEAD}{text}");
        let made = to_toml(&text);
        let codes: Vec<&str> = made.diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(codes, [code], "{text}");
        let found = &made.diagnostics[0];
        assert!(
            text[found.span.0.start..].starts_with(at),
            "{text}: {found:?}"
        );
        assert_eq!(
            made.text.is_none(),
            found.severity == Severity::Fault,
            "{text}"
        );
        if let Some(toml) = made.text {
            build(&toml).unwrap_or_else(|found| panic!("{toml}\n{found:?}"));
        }
    }
    let bare = to_toml("@ 60 SOA ns.test. host.test. 0 2 3 4 300\na A 192.0.2.1");
    let codes: Vec<&str> = bare.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!((codes, bare.text), (vec!["V003", "V004"], None));
}

const ZONE: &str = "zone = \"example\"\nttl = \"1m\"\n[soa]\nserial = 5\n[pools.a]\nmembers = [\"192.0.2.1\", \"192.0.2.2\"]\n\
    [pools.b]\nmembers = [\"192.0.2.3\", \"2001:db8::3\"]\nttl = \"5s\"\n[pools.t]\nmembers = [{ target = \"x.test.\" }]\n\
    [names]\n\"@\".NS = \"ns.test.\"\nwww = { failover = [\"a\", \"b\"] }\nalias = \"t\"\nplain.TXT = \"x\"\n";

#[test]
fn policies_become_comments_or_records() {
    let (text, codes) = to_master(ZONE, PolicyForm::Comments);
    assert_eq!(codes, ["V010", "V010"]);
    for line in [
        "; www.example. is answered by failover among a, b:",
        ";   b: 192.0.2.3, 2001:db8::3",
        "; alias.example. is answered by health among t:",
        ";   t: target x.test.",
        "plain.example. 60 IN TXT \"x\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("www.example. 5 "), "{text}");
    let (text, codes) = to_master(ZONE, PolicyForm::Records);
    assert_eq!(codes, ["V011", "V011"]);
    for line in [
        "www.example. 5 IN A 192.0.2.1",
        "www.example. 5 IN A 192.0.2.2",
        "www.example. 5 IN A 192.0.2.3",
        "www.example. 5 IN AAAA 2001:db8::3",
        "alias.example. 60 IN CNAME x.test.",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(read(&text).records.is_some(), "{text}");
}

#[test]
fn a_serial_from_the_date_is_told() {
    let text = ZONE.replace("[soa]\nserial = 5\n", "");
    let (text, codes) = to_master(&text, PolicyForm::Comments);
    assert_eq!(codes, ["V012", "V010", "V010"]);
    assert!(text.contains(" 1 7200 "), "{text}");
}

#[test]
fn expansion_keeps_to_the_rules_of_aliases_and_types() {
    let pools = "zone = \"example\"\n[soa]\nserial = 5\n[pools.a]\nmembers = [\"192.0.2.1\"]\n[pools.b]\nmembers = [\"192.0.2.2\"]\n\
        [pools.t]\nmembers = [{ target = \"x.test.\" }]\n[pools.u]\nmembers = [{ target = \"y.test.\" }]\n\
        [names]\n\"@\".NS = \"ns.test.\"\nspare.A = \"192.0.2.9\"\n";
    let cases: &[(&str, &[&str])] = &[
        (
            "n = { failover = [\"t\", \"u\"] }",
            &[
                "n.example. 60 IN CNAME x.test.",
                ";   left out: target y.test.",
            ],
        ),
        (
            "n = { failover = [\"a\", \"t\"] }",
            &[
                "n.example. 60 IN A 192.0.2.1",
                ";   left out: target x.test.",
            ],
        ),
        (
            "n = { failover = [\"a\", \"name:spare\"], ttl = \"9s\" }",
            &["n.example. 9 IN A 192.0.2.1", "n.example. 9 IN A 192.0.2.9"],
        ),
        (
            "n = { A = { failover = [\"a\", \"b\"] }, TXT = \"x\" }",
            &[
                "n.example. 60 IN A 192.0.2.1",
                "n.example. 60 IN A 192.0.2.2",
                "n.example. 60 IN TXT \"x\"",
            ],
        ),
        (
            "n = { MX = [{ data = \"10 spare\", check = \"name:spare\" }] }",
            &["n.example. 60 IN MX 10 spare.example."],
        ),
    ];
    for (name, wanted) in cases {
        let (text, _) = to_master(&format!("{pools}{name}\n"), PolicyForm::Records);
        let mut lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("n.example.") || line.contains("left out"))
            .collect();
        lines.sort_by_key(|line| (line.starts_with(';'), *line));
        assert_eq!(lines, *wanted, "{name}\n{text}");
        assert!(read(&text).records.is_some(), "{text}");
    }
}

fn line() -> impl Strategy<Value = String> {
    let owner = "(@|[a-c*]|[ab]\\.[ab*]|ab\\.[a-c]|\\\\\\$x|q\\\\.q)";
    let rdata = prop_oneof![
        "A 192\\.0\\.2\\.[1-9]",
        "AAAA 2001:db8::[1-9]",
        "(NS|CNAME|DNAME) ([abc]|[ab]\\.[abc]|x\\.test\\.)",
        "MX [0-9] ([abc]|@|ab\\.[ab]|mail\\.test\\.)",
        "SRV 0 [0-9] 53 ([abc]|\\.|x\\.test\\.)",
        "TXT \"[ -!#-Z]{0,5}\"( \"[a-c]{0,3}\")?",
        "TXT \"[a-c]{255}\" \"[a-c]{0,2}\"",
        "TXT \"\\\\[01][0-9]{2}\\\\2[0-4][0-9]\"",
        "CAA 0 issue \"[a-z;]{0,9}\"",
        "HTTPS 1 ([abc]|\\.) alpn=h2",
        "NAPTR 1 2 \"u\" \"s\" \"\" ([abc]|\\.)",
        "DS 1 13 2 [0-9A-F]{64}",
        "NSAP-PTR ([abc]|x\\.test\\.)",
        "RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA",
        "TYPE[1-9]000 \\\\# 2 [0-9A-F]{4}",
    ];
    let ttl = "( [1-9]0{0,5})?";
    (owner, ttl, rdata).prop_map(|(owner, ttl, rdata)| format!("{owner}{ttl} {rdata}\n"))
}

/// F21b: what a name answers while it fails over is no TTL of its name servers and its SOA.
#[test]
fn an_apex_that_fails_over_leaves_ns_and_soa_their_ttls() {
    let zone = |ns: &str| {
        format!(
            "zone = \"example.com\"\nttl = \"1h\"\n[pools.a]\nmembers = [\"192.0.2.1\"]\n[pools.b]\nmembers = [\"192.0.2.2\"]\n\
             [names.\"@\"]\nNS = {ns}\nMX = {{ data = \"10 mx.example.net.\", ttl = \"2h\" }}\nTXT = \"x\"\nttl = \"20s\"\nfailover = [\"a\", \"b\"]\n"
        )
    };
    let cases = [
        ("\"ns.example.net.\"", 86_400),
        ("{ data = [\"ns.example.net.\"], ttl = \"6h\" }", 21_600),
    ];
    for (written, wanted) in cases {
        let (text, _) = to_master(&zone(written), PolicyForm::Records);
        for line in [
            format!("example.com. {wanted} IN NS ns.example.net."),
            "example.com. 900 IN SOA".to_owned(),
            "example.com. 7200 IN MX".to_owned(),
            "example.com. 20 IN TXT".to_owned(),
            "example.com. 20 IN A 192.0.2.1".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} in\n{text}");
        }
    }
}

/// F02: the rest of a file with records of another product is converted, and each that is left out is told.
#[test]
fn records_of_other_products_are_left_out_of_a_conversion() {
    let text = format!("{HEAD}@ ALIAS lb.test.\nwww A 192.0.2.1\nx 180/60 DYNA geo!x\n");
    let origin = Name::parse_absolute("example").expect("a name");
    let reading = leeward::zonefile::read_master_to_convert(
        "example.zone".as_ref(),
        text.into_bytes(),
        &origin,
        &mut Hosts,
    );
    let codes: Vec<&str> = reading.findings.iter().map(|found| found.code).collect();
    assert_eq!((codes, reading.left_out), (vec!["M038", "M038"], 2));
    let records = reading.records.as_ref().expect("the rest");
    let made = convert_to_toml(records, &reading);
    assert_eq!(
        names(&made.text.expect("no fault")),
        ["www.A = \"192.0.2.1\""]
    );
}

proptest! {
    /// Law: where nothing is told to be lost, the TOML zone serves what the master zone serves. What is lost at one
    /// name leaves a zone that `validate` takes.
    #[test]
    fn toml_of_a_master_file_serves_the_same(
        lines in proptest::collection::vec(line(), 0..8),
        ttl in prop_oneof![Just(60_u32), 1_u32..700_000],
    ) {
        let text = format!("$TTL {ttl}\n{}{}", HEAD.replace("@ 60 NS", "@ NS"), lines.concat());
        let reading = read(&text);
        let Some(records) = &reading.records else { return Ok(()) };
        let made = convert_to_toml(records, &reading);
        let Some(toml) = made.text else {
            prop_assert!(made.diagnostics.iter().any(|found| found.severity == Severity::Fault));
            return Ok(());
        };
        let built = build(&toml).map_err(|found| TestCaseError::fail(format!("{toml}\n{found:?}")))?;
        if made.diagnostics.iter().all(|found| found.code != "V001" && found.code != "V003") {
            let wanted = build_master_zone(records).expect("small zones fit");
            prop_assert_eq!(show_master(&built), show_master(&wanted), "{}", toml);
            prop_assert_eq!(built.name_count(), wanted.name_count());
        }
    }

    /// Law: static TOML becomes a master file of the same zone, and that one TOML again.
    #[test]
    fn a_master_file_of_toml_serves_the_same(lines in proptest::collection::vec(line(), 0..8)) {
        let reading = read(&format!("{HEAD}{}", lines.concat()));
        let Some(records) = &reading.records else { return Ok(()) };
        let Some(toml) = convert_to_toml(records, &reading).text else { return Ok(()) };
        let zone = build(&toml).map_err(|found| TestCaseError::fail(format!("{toml}\n{found:?}")))?;
        let (master, codes) = to_master(&toml, PolicyForm::Comments);
        prop_assert_eq!(codes, Vec::<&str>::new());
        let again = read(&master);
        let Some(records) = &again.records else {
            return Err(TestCaseError::fail(format!("{master}\n{:?}", again.findings)));
        };
        let rebuilt = build_master_zone(records).expect("small zones fit");
        prop_assert_eq!(show_master(&rebuilt), show_master(&zone), "{}", master);
    }
}

fn leeward(folder: &Path, words: &[&str], input: &str) -> Output {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .arg("convert")
        .args(words)
        .current_dir(folder)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary was built with the test");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A verb that ends before it reads closes the pipe.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[test]
fn the_verb_chooses_forms_and_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let master = format!("{HEAD}$INCLUDE hosts\nwww A 192.0.2.1\n");
    std::fs::write(path.join("example.zone"), &master).expect("written");
    std::fs::write(path.join("hosts"), "x A 192.0.2.7\n").expect("written");
    std::fs::write(path.join("db.example"), HEAD).expect("written");
    std::fs::write(path.join("bad.zone"), "@ A x\n").expect("written");
    let cases: &[(&[&str], &str, i32, &str)] = &[
        (&["example.zone"], "", 0, "www.A = \"192.0.2.1\""),
        (&["example.zone", "-o", "example.toml"], "", 0, ""),
        (&["example.zone", "-o", "example.toml"], "", 2, ""),
        (
            &["example.zone", "-o", "example.toml", "--force"],
            "",
            0,
            "",
        ),
        (&["example.toml"], "", 0, "x.example. 60 IN A 192.0.2.7"),
        (&["example.toml", "--to", "toml"], "", 2, ""),
        (&["db.example"], "", 2, ""),
        (&["db.example", "--to", "toml"], "", 2, ""),
        (
            &["db.example", "--to", "toml", "--origin", "example"],
            "",
            0,
            "zone = \"example\"",
        ),
        (
            &["-", "--to", "toml", "--origin", "example"],
            &master,
            0,
            "zone = \"example\"",
        ),
        (
            &["-", "--to", "zone"],
            ZONE,
            0,
            "plain.example. 60 IN TXT \"x\"",
        ),
        (&["-", "--to", "zone"], "zone = 1", 1, ""),
        (&["example.zone", "--expand"], "", 2, ""),
        (&["bad.zone"], "", 1, ""),
        (&["absent.zone"], "", 3, ""),
    ];
    for (words, input, code, part) in cases {
        let output = leeward(path, words, input);
        let said = String::from_utf8_lossy(&output.stdout);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*code), "{words:?}: {said}{told}");
        assert!(said.contains(part), "{words:?}: {said}{told}");
        assert_eq!(said.is_empty(), part.is_empty(), "{words:?}: {said}");
    }
}
