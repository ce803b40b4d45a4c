//! Form of a file, detected from its beginning: for files that were taken for a zone and are something else.
//!
//! In: the octets of a file. Out: its form, and what to do with it. Never here: reading it, or repeating its content:
//! it may be a key that was put into the wrong folder.

/// Octets that are looked at; chosen, a comment at the top of a zone fits well.
const LOOKED_AT: usize = 4_096;

/// A form of file that is not DNS text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignForm {
    /// Name of the form, with an article.
    pub what: &'static str,
    /// Advice, as an imperative.
    pub help: &'static str,
}

/// Returns the form of a file that is neither a master file nor a zone in TOML.
pub fn foreign_form(octets: &[u8]) -> Option<ForeignForm> {
    let head = octets.get(..LOOKED_AT).unwrap_or(octets);
    if let Some((_, form)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(*form);
    }
    if head.contains(&0) {
        return Some(looks_like_utf16(head).unwrap_or(BINARY));
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with([';', '#'])
    })?;
    foreign_line(first, text, &mut lines)
}

/// Returns whether a file looks like a master file: it has a directive, or a record of a frequent type.
pub fn looks_like_master(octets: &[u8]) -> bool {
    let head = octets.get(..LOOKED_AT).unwrap_or(octets);
    if foreign_form(head).is_some() {
        return false;
    }
    let text = String::from_utf8_lossy(head);
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    lines.any(|line| {
        let line = line.split(';').next().unwrap_or_default();
        let is_directive = ["$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"]
            .iter()
            .any(|word| {
                line.get(..word.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(word))
            });
        let mut words = line.split_whitespace().take(5);
        let is_record = !line.contains('=')
            && words.any(|word| TYPES.iter().any(|rtype| rtype.eq_ignore_ascii_case(word)));
        is_directive || is_record
    })
}

/// Types that hardly any master file lacks.
const TYPES: [&str; 6] = ["SOA", "NS", "A", "AAAA", "CNAME", "MX"];

const fn form(what: &'static str, help: &'static str) -> ForeignForm {
    ForeignForm { what, help }
}

const UNPACK: &str = "unpack it first";
const BINARY: ForeignForm = form(
    "a binary file",
    "zones are text: write it as a master file, or as zone TOML",
);
const UTF16: ForeignForm = form(
    "text in UTF-16",
    "save it as UTF-8 (`iconv -f UTF-16 -t UTF-8`)",
);

const MAGIC: &[(&[u8], ForeignForm)] = &[
    (b"\xff\xfe", UTF16),
    (b"\xfe\xff", UTF16),
    (b"\x1f\x8b", form("a file packed by gzip", UNPACK)),
    (b"PK\x03\x04", form("a ZIP archive", UNPACK)),
    (b"BZh", form("a file packed by bzip2", UNPACK)),
    (b"\xfd7zXZ", form("a file packed by xz", UNPACK)),
    (b"\x28\xb5\x2f\xfd", form("a file packed by zstd", UNPACK)),
    (
        b"\x00\x00\x00\x02\x00\x00\x00",
        form(
            "a zone in BIND's raw form",
            "write it as text: `named-compilezone -f raw -F text -o NEW ZONE FILE`",
        ),
    ),
    (
        b"-----BEGIN",
        form("a key or certificate", "keep it out of the zones folder"),
    ),
    (b"%PDF", form("a PDF document", "a zone is plain text")),
];

/// UTF-16 without a mark: every second octet of ASCII text is zero.
fn looks_like_utf16(head: &[u8]) -> Option<ForeignForm> {
    let zeros = |from: usize| {
        let octets = head.iter().skip(from).step_by(2).take(32);
        let (zeros, all) = octets.fold((0, 0), |(zeros, all), octet| {
            (zeros + usize::from(*octet == 0), all + 1)
        });
        zeros * 10 > all * 9
    };
    (zeros(0) != zeros(1)).then_some(UTF16)
}

/// Returns the form that the first line with content shows.
fn foreign_line<'t>(
    first: &'t str,
    text: &str,
    rest: &mut impl Iterator<Item = &'t str>,
) -> Option<ForeignForm> {
    let line = first.trim_start();
    if line.starts_with(['{', '[']) && !is_toml_header(line) {
        let is_route53 = text.contains("ResourceRecordSets") || text.contains("AliasTarget");
        return Some(if is_route53 { ROUTE53 } else { JSON });
    }
    if line.starts_with('<') {
        return Some(form(
            "XML or HTML",
            "look at what was downloaded; a zone is plain text",
        ));
    }
    let is_block = [
        "zone \"",
        "options {",
        "options{",
        "acl ",
        "view \"",
        "include \"",
        "key \"",
        "server:",
    ]
    .iter()
    .any(|start| line.starts_with(start));
    if is_block || line.starts_with("//") || line.starts_with("/*") {
        return Some(form(
            "the configuration of a name server",
            "put the master file that it names here, as `example.com.zone`",
        ));
    }
    if is_tinydns(line) {
        return Some(form(
            "data of tinydns",
            "write it as a master file: `axfr-get`, or `tcpclient` with it, does so from a running tinydns",
        ));
    }
    if line == "---" || is_yaml(first, rest) {
        return Some(YAML);
    }
    let columns = line.to_ascii_lowercase();
    let is_table = [
        "name,",
        "type,",
        "host,",
        "hostname,",
        "\"name\",",
        "\"type\",",
        "domain,",
        "record,",
    ]
    .iter()
    .any(|start| columns.starts_with(start));
    is_table.then_some(form(
        "a table of comma-separated values",
        "let whoever wrote it export a zone file of BIND's form",
    ))
}

const JSON: ForeignForm = form(
    "JSON",
    "let whoever wrote it export a zone file of BIND's form",
);
const ROUTE53: ForeignForm = form(
    "a listing of Route 53 in JSON",
    "export the zone as a master file (`cli53 export example.com`), then see docs/route53.md for its policies",
);
const YAML: ForeignForm = form(
    "YAML, as octoDNS has it",
    "let octoDNS write a master file (its provider for zone files), or write zone TOML",
);

/// `[names]` and its like begin zones in TOML.
fn is_toml_header(line: &str) -> bool {
    let inner = line.trim_start_matches('[');
    line.starts_with('[')
        && inner.split_once(']').is_some_and(|(name, after)| {
            let is_bare = |c: char| c.is_alphanumeric() || "-_.@*\"' ".contains(c);
            let after = after.trim_start_matches(']').trim_start();
            !name.is_empty()
                && name.chars().all(is_bare)
                && (after.is_empty() || after.starts_with('#'))
        })
}

/// `+www.example.com:192.0.2.1:300`: a letter for the type, and colons.
fn is_tinydns(line: &str) -> bool {
    let mut chars = line.chars();
    let Some(kind) = chars.next() else {
        return false;
    };
    let rest = chars.as_str();
    let Some((name, after)) = rest.split_once(':') else {
        return false;
    };
    let is_name = !name.is_empty()
        && name.contains('.')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.*".contains(c));
    let is_blank_free = |text: &str| !text.contains(char::is_whitespace);
    ".&=+-@CZ^':%36SN".contains(kind)
        && is_name
        && (kind == '\'' || kind == ':' || is_blank_free(after))
}

/// `name:` on a line of its own with an indented line after it, or a first line `key: value` without blanks before it.
fn is_yaml<'t>(first: &str, rest: &mut impl Iterator<Item = &'t str>) -> bool {
    let is_key = |text: &str| {
        let text = text.trim_matches(['\'', '"']);
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.*@".contains(c))
    };
    if let Some(key) = first.strip_suffix(':') {
        return is_key(key)
            && rest.next().is_some_and(|next| {
                next.starts_with([' ', '\t', '-'])
                    && (next.contains(':') || next.trim_start().starts_with('-'))
            });
    }
    first
        .split_once(": ")
        .is_some_and(|(key, value)| !key.is_empty() && is_key(key) && !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_forms_from_their_beginnings() {
        let cases: &[(&[u8], &str)] = &[
            (b"\xff\xfe$\0T\0T\0L\0", "text in UTF-16"),
            (b"$\0T\0T\0L\0 \x001\0", "text in UTF-16"),
            (b"\0$\0T\0T\0L\0 \x001", "text in UTF-16"),
            (b"\x1f\x8b\x08\0", "a file packed by gzip"),
            (b"\0\0\0\x02\0\0\0\x01", "a zone in BIND's raw form"),
            (b"abc\0def", "a binary file"),
            (b"-----BEGIN PRIVATE KEY-----\n", "a key or certificate"),
            (
                b"{\"ResourceRecordSets\": []}",
                "a listing of Route 53 in JSON",
            ),
            (b"[\n  {\"name\": \"www\"}\n]", "JSON"),
            (b"[{\"name\": \"www\"}]", "JSON"),
            (b"<!DOCTYPE html>\n", "XML or HTML"),
            (
                b"zone \"example.com\" { type master; };",
                "the configuration of a name server",
            ),
            (b"// named.conf\n", "the configuration of a name server"),
            (
                b"# data\n.example.com:192.0.2.53:a:259200\n",
                "data of tinydns",
            ),
            (b"+www.example.com:192.0.2.1:300\n", "data of tinydns"),
            (b"'example.com:v=spf1 -all:300\n", "data of tinydns"),
            (b"---\n'':\n  type: A\n", "YAML, as octoDNS has it"),
            (
                b"www:\n  type: A\n  value: 192.0.2.1\n",
                "YAML, as octoDNS has it",
            ),
            (b"name: example.com\nrecords:\n", "YAML, as octoDNS has it"),
            (
                b"Name,Type,TTL,Value\n",
                "a table of comma-separated values",
            ),
        ];
        for (octets, wanted) in cases {
            let found = foreign_form(octets).map(|form| form.what);
            assert_eq!(found, Some(*wanted), "{}", String::from_utf8_lossy(octets));
        }
        for text in [
            "",
            "; only a comment\n",
            "$ORIGIN example.com.\n",
            "@ IN SOA ns1 hostmaster 1 2 3 4 5\n",
            "@ AAAA 2001:db8::1\n",
            "www 300 AAAA 2001:db8::1\n",
            "a:b A 192.0.2.1\n",
            "\u{feff}$TTL 1h\n",
            "zone = \"example.com\"\n",
            "[names]\n\"@\".NS = \"ns\"\n",
            "[[expect]]\n",
            "[names.\"@\"] # apex\n",
        ] {
            assert_eq!(foreign_form(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn tells_master_files_from_others() {
        for (text, wanted) in [
            ("$ORIGIN example.com.\n", true),
            ("; BIND\n\n@ IN SOA ns1 hostmaster 1 2 3 4 5\n", true),
            ("www IN A 192.0.2.1\n", true),
            ("zone = \"example.com\"\n", false),
            ("www.A = \"192.0.2.1\"\n", false),
            ("{\"a\": 1}", false),
            ("hello world\n", false),
        ] {
            assert_eq!(looks_like_master(text.as_bytes()), wanted, "{text}");
        }
    }
}
