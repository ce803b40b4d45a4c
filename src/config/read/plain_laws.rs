//! The law of plain lines: read by themselves or through the parser, a file means the same and is told the same.

use std::path::Path;

use proptest::prelude::*;

use super::plain::PlainLines;
use super::zone_file::{read_through_parser, read_with_plain, read_zone};
use crate::config::Files;
use crate::diagnostic::Source;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Result<String, String> {
        Err("no such file".to_owned())
    }
}

const KEYS: &[&str] = &[
    "a",
    "b",
    "A",
    "\"a\"",
    "'a'",
    "\"@\"",
    "\"*.w\"",
    "\"x.y\"",
    "\"a.b.\"",
    "\"\"",
    "1",
    "-",
    "mail",
    "sub",
    "\"ns.sub\"",
    "\"far.example.org.\"",
    "\"a\\u0062\"",
    "\"..\"",
    "no way",
];

const CONTENTS: &[&str] = &[
    " = \"main\"",
    " = \"mian\"",
    "=\"main\"",
    " = 'main'",
    " = \"name:b\"",
    ".A = \"192.0.2.1\"",
    ".A = \"192.0.2.300\"",
    ".A = [\"192.0.2.1\", \"192.0.2.2\"]",
    ".A = [\"192.0.2.1\", \"192.0.2.1\"]",
    ".A = [ \"192.0.2.1\",\t\"192.0.2.2\" , ]",
    ".A = []",
    ".A = [\n  \"192.0.2.9\",\n]",
    ".A = 192",
    ".AAAA = \"2001:db8::1\"",
    ".AAAA = \"2001:DB8:0::1\"",
    ".NS = [\"ns.sub\", \"ns2.example.net.\"]",
    ".CNAME = \"b\"",
    ".CNAME = \"b.c\"",
    ".MX = [\"10 mail\", \"20 mail.example.net.\"]",
    ".MX = { data = \"10 mail\", check = \"web\" }",
    ".TXT = \"v=spf1 -all # no comment\"",
    ".TXT = [\"one\", \"two\"]",
    ".TXT = [[\"one\", \"two\"]]",
    ".TXT = \"\"",
    ".SRV = \"10 60 5060 sip\"",
    ".CAA = \"0 issue \\\"ca.example\\\"\"",
    ".CAA = '0 issue \"ca.example\"'",
    ".HTTPS = \"1 . alpn=h2 ipv4hint=auto\"",
    ".TYPE1 = \"192.0.2.1\"",
    ".TYPE65280 = \"\\\\# 2 0102\"",
    ".SOA = \"x\"",
    ".ttl = \"5s\"",
    ".a = \"192.0.2.1\"",
    " = { A = \"192.0.2.1\", AAAA = \"2001:db8::2\" }",
    " = { A = \"192.0.2.1\", A = \"192.0.2.2\" }",
    " = {A=[\"192.0.2.1\"],TXT=\"x\"}",
    " = { A = \"192.0.2.1\", ttl = \"5s\" }",
    " = { A = \"192.0.2.1\", }",
    " = { failover = [\"main\", \"other\"] }",
    " = { weighted = [\n { to = \"main\", weight = 1 }, # ]\n \"other\" ] }",
    " = {}",
    " = \"main",
    " = 5",
    " =",
    "",
];

const ENDS: &[&str] = &[
    "",
    "",
    "",
    "",
    " # said",
    "\t",
    "\r",
    " # a\u{1}b",
    " # \u{e9}",
    " x",
    " \\",
];

const BETWEEN: &[&str] = &[
    "",
    "",
    "",
    "",
    "\n",
    "# a line\n",
    "[names]\n",
    "[names.late]\nA = \"192.0.2.7\"\n",
    "[pools.third]\nmembers = [\"192.0.2.8\"]\n",
    "text = \"\"\"\n",
    "  ",
    "]\n",
];

const HEADS: &[&str] = &[
    "[names]\n",
    "[names] # here\n",
    "  [names]\n",
    "[ names ]\n",
    "names = 3\n",
    "\u{feff}",
    "# [names]\n",
    "x = [\n[names]\n",
];

fn line() -> impl Strategy<Value = String> {
    let parts = (
        prop::sample::select(KEYS),
        prop::sample::select(CONTENTS),
        prop::sample::select(ENDS),
        prop::sample::select(BETWEEN),
    );
    parts.prop_map(|(key, content, end, between)| format!("{between}{key}{content}{end}\n"))
}

/// Mostly plain lines with keys of their own, among them whatever the other strategy makes.
fn text() -> impl Strategy<Value = String> {
    let plain = (0..40u8, 0..CONTENTS.len())
        .prop_map(|(key, content)| format!("h{key}{}\n", CONTENTS[content.min(7)]));
    let lines = prop::collection::vec(prop_oneof![3 => plain, 1 => line()], 0..12);
    let head = prop_oneof![4 => Just(HEADS[0]), 1 => prop::sample::select(HEADS)];
    (head, lines, any::<bool>()).prop_map(|(head, lines, is_dos)| {
        let text = format!(
            "zone = \"example.com\"\n[checks.web]\ntype = \"http\"\n[pools.main]\nmembers = [\"192.0.2.5\"]\n\
             [pools.other]\nmembers = [\"192.0.2.6\"]\n{head}\"@\".NS = \"ns.example.net.\"\n{}",
            lines.concat()
        );
        if is_dos { text.replace('\n', "\r\n") } else { text }
    })
}

fn validate(text: &str) -> Result<(), TestCaseError> {
    let source = Source {
        path: "test.toml".into(),
        text: text.to_owned(),
    };
    let (slow, slow_found) = read_through_parser(&source, &NoFiles);
    let (fast, fast_found) = read_zone(&source, &NoFiles);
    prop_assert_eq!(format!("{:#?}", fast), format!("{:#?}", slow));
    prop_assert_eq!(format!("{:#?}", fast_found), format!("{:#?}", slow_found));
    Ok(())
}

proptest! {
    #[test]
    fn plain_lines_mean_what_the_parser_says(text in text()) {
        validate(&text)?;
    }
}

/// Some files that need no parser for their lines are in fact read so.
#[test]
fn reads_plain_lines_by_themselves() {
    let text = "zone = \"example.com\"\n[pools.main]\nmembers = [\"192.0.2.5\"]\n[names]\n\"@\".NS = [\"ns1\", \"ns2\"]\n\
                ns1 = { A = \"192.0.2.1\", AAAA = \"2001:db8::1\" }\nns2.A = \"192.0.2.2\"\nns2.AAAA = \"2001:db8::2\"\n\
                www = \"main\"\nold.CNAME = \"www\"\nmail.MX = \"10 missing\" # is told\nlong = { failover = [\"main\"] }\n";
    let source = Source {
        path: "test.toml".into(),
        text: text.to_owned(),
    };
    let plain = PlainLines::find(&source.text).expect("plain lines");
    assert_eq!(plain.names.len(), 6);
    let (model, found) = read_with_plain(&source, &NoFiles, &plain).expect("no need of the parser");
    assert!(model.is_some());
    assert_eq!(found.len(), 2, "{found:?}");
    validate(text).expect("the same");
}
