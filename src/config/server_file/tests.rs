//! Faults and oddities of server files, as a table.

use std::path::Path;
use std::time::Duration;

use super::{
    CODES, CertificateSetting, ResolverSettings, ServerConfig, read_server_file, server_keys,
    show_server,
};
use crate::diagnostic::{Diagnostic, Severity, Source};

fn read(text: &str) -> (Option<ServerConfig>, Vec<Diagnostic>) {
    read_server_file(&Source::new("/etc/leeward/leeward.toml", text))
}

#[test]
fn reads_the_example_of_the_design() {
    let (config, findings) = read(
        r#"
listen = ["127.0.0.1:5300", "[::1]:5300"]
zones  = "zones"
state  = "/var/lib/leeward"
http   = "127.0.0.1:8053"
workers = 2

[geo]
database = "country.mmdb"
networks = { "198.51.100.0/24" = "EU-DE", "203.0.113.0/24" = "NA-US-CA" }

[rate-limit]
enabled = true
"#,
    );
    let config = config.expect("no faults");
    assert_eq!(config.listen.len(), 2);
    assert_eq!(config.zones, Path::new("/etc/leeward/zones"));
    assert_eq!(config.state.as_deref(), Some(Path::new("/var/lib/leeward")));
    assert_eq!(config.workers, Some(2));
    assert_eq!(
        config.geo.databases,
        [Path::new("/etc/leeward/country.mmdb")]
    );
    assert_eq!(config.geo.networks.len(), 2);
    assert_eq!(config.geo.networks[0].1.country, Some(*b"DE"));
    assert!(config.rate_limit.is_enabled);
    assert_eq!(findings, []);
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let (config, findings) = read_server_file(&Source::new("leeward.toml", ""));
    assert_eq!(config, Some(ServerConfig::default()));
    assert_eq!(findings, []);
}

/// Text of the file, code, the text under the finding, a part of its help.
const FAULTS: &[(&str, &str, &str, &str)] = &[
    ("listen = ", "S001", "", ""),
    ("lisen = '1.2.3.4:53'", "S002", "lisen", "`listen`"),
    ("[tpc]\nconnections = 5", "S002", "tpc", "`tcp`"),
    (
        "[tcp]\nconections = 5",
        "S002",
        "conections",
        "`connections`",
    ),
    ("connections = 5", "S002", "connections", "is for `[tcp]`"),
    ("[log]\nlisten = 'x'", "S002", "listen", "the top"),
    ("colour = 'x'", "S002", "colour", ""),
    ("tcp = 5", "S003", "5", ""),
    ("zones = 5", "S003", "5", ""),
    ("workers = '2'", "S003", "'2'", ""),
    ("[rate-limit]\nenabled = 'yes'", "S003", "'yes'", ""),
    (
        "[geo]\nnetworks = ['1.2.3.0/24']",
        "S003",
        "['1.2.3.0/24']",
        "",
    ),
    ("workers = 0", "S004", "0", ""),
    ("[udp]\npayload-size = 511", "S004", "511", ""),
    ("[udp]\npayload-size = 4097", "S004", "4097", ""),
    ("[udp]\namplification-max = 101", "S004", "101", ""),
    ("[edns]\nextended-errors = 1", "S003", "1", ""),
    ("[cookies]\nsecret-file = ''", "S004", "''", ""),
    ("[cookies]\nrequire = 'no'", "S003", "'no'", ""),
    (
        "[identity]\nnsid = '0x123'",
        "S004",
        "'0x123'",
        "two digits",
    ),
    ("[identity]\nnsid = '0x'", "S004", "'0x'", "say nothing"),
    ("[identity]\nversion = ''", "S004", "''", "say nothing"),
    ("[rate-limit]\nanswers-per-second = 0", "S004", "0", ""),
    ("[rate-limit]\nslip = 11", "S004", "11", ""),
    (
        "[rate-limit]\nallow = ['10.0.0.1/8']",
        "S007",
        "'10.0.0.1/8'",
        "`10.0.0.0/8`",
    ),
    ("[blast-radius]\nnames = '101%'", "S004", "'101%'", ""),
    ("[blast-radius]\nqueries = 20", "S004", "20", ""),
    ("[blast-radius]\nqueries = '20'", "S004", "'20'", ""),
    (
        "[explain]\nallow = ['127.0.0.1/8']",
        "S007",
        "'127.0.0.1/8'",
        "",
    ),
    ("workers = 99999999999999999999999", "S004", "", ""),
    ("zones = ''", "S004", "''", ""),
    ("poll = '1ms'", "S004", "'1ms'", ""),
    ("[tcp]\nidle-timeout = '0s'", "S004", "'0s'", ""),
    (
        "[tcp]\nconnections = 5\nconnections-per-address = 6",
        "S004",
        "6",
        "",
    ),
    ("[probe]\nconcurrency = -1", "S004", "-1", ""),
    ("[probe]\nuser-agent = \"a\\nb\"", "S004", "\"a\\nb\"", ""),
    (
        "listen = '127.0.0.1'",
        "S005",
        "'127.0.0.1'",
        "127.0.0.1:53",
    ),
    (
        "listen = '2001:db8::1'",
        "S005",
        "'2001:db8::1'",
        "[2001:db8::1]:53",
    ),
    ("listen = ':53'", "S005", "':53'", "[::]:53"),
    ("http = 'localhost'", "S005", "'localhost'", ""),
    ("poll = 2", "S006", "2", "\"2s\""),
    ("poll = '2 seconds'", "S006", "'2 seconds'", "ms"),
    (
        "[probe]\nallow = '10.0.0.1/8'",
        "S007",
        "'10.0.0.1/8'",
        "`10.0.0.0/8`",
    ),
    (
        "[probe]\nallow = '10.0.0.0/33'",
        "S007",
        "'10.0.0.0/33'",
        "",
    ),
    ("[geo]\nnetworks = { x = 'EU' }", "S007", "x", ""),
    (
        "[geo.networks]\n'192.0.2.0/24' = 'Europe'",
        "S008",
        "'Europe'",
        "",
    ),
    ("[log]\nformat = 'jsn'", "S009", "'jsn'", "`json`"),
    ("[log]\nlevel = 'verbose'", "S009", "'verbose'", "`error`"),
    (
        "listen = ['127.0.0.1:53', '127.0.0.1:53']",
        "S010",
        "'127.0.0.1:53'",
        "",
    ),
    (
        "[geo.networks]\n'192.0.2.1' = 'EU'\n'192.0.2.1/32' = 'EU'",
        "S010",
        "'192.0.2.1/32'",
        "",
    ),
    ("listen = []", "S011", "[]", ""),
    ("[probe]\nallow = []", "S011", "[]", "leave the key out"),
    (
        "[tls]\nlisten = '127.0.0.1:853'",
        "S014",
        "'127.0.0.1:853'",
        "self-signed",
    ),
    (
        "[tls]\ncertificate = 'a.pem'",
        "S014",
        "'a.pem'",
        "add `key",
    ),
    ("[tls]\nkey = 'a.pem'", "S014", "'a.pem'", "add `cert"),
    (
        "[tls]\nkey = 'a.pem'\ncertificate = 'self-signed'",
        "S014",
        "'a.pem'",
        "leave",
    ),
    ("[quic]\nlisten = '[::]:853'", "S014", "'[::]:853'", "[tls]"),
    ("[https]\npath = 'dns'", "S004", "'dns'", ""),
    ("[proxy]\nallow = '10.1/8'", "S007", "'10.1/8'", ""),
];

#[test]
fn faults_point_at_their_place_and_say_what_to_write() {
    for (text, code, under, help) in FAULTS {
        let (config, findings) = read(text);
        assert_eq!(config, None, "{text:?}");
        let found = findings
            .iter()
            .find(|finding| finding.severity == Severity::Fault)
            .unwrap_or_else(|| panic!("{text:?}"));
        assert_eq!(found.code, *code, "{text:?}: {found:?}");
        if !under.is_empty() {
            assert_eq!(&text[found.span.0.clone()], *under, "{text:?}");
        }
        let found_help = found.help.clone().unwrap_or_default();
        assert!(found_help.contains(help), "{text:?}: {found_help}");
    }
}

#[test]
fn every_code_is_listed_and_every_fault_is_shown_at_once() {
    let known: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    for (text, code, ..) in FAULTS {
        assert!(known.contains(code), "{text:?}");
    }
    assert!(server_keys().iter().all(|key| !key.doc().contains('{')));
    let (_, findings) = read("listen = 5\nzones = 5\nhttp = 5\nfoo = 1\n[tcp]\nbar = 2");
    assert_eq!(findings.len(), 5, "{findings:?}");
    assert!(findings.is_sorted_by_key(|finding| finding.span.0.start));
}

#[test]
fn reads_how_the_server_behaves_beside_its_data() {
    let (config, findings) = read(
        "[udp]\npayload-size = 1400\namplification-max = 0\n[edns]\nextended-errors = true\n\
         [cookies]\nrequire = true\nsecret-file = 'secrets'\n\
         [identity]\nnsid = '0x6E7331'\nhostname = 'ns1'\n\
         [rate-limit]\nenabled = false\nslip = 1\nallow = []",
    );
    assert_eq!(findings, []);
    let config = config.expect("no faults");
    assert_eq!(
        (config.udp.payload_size, config.udp.amplification_max),
        (1400, 0)
    );
    assert!(config.has_extended_errors && config.cookies.is_enabled && config.cookies.is_required);
    assert_eq!(
        config.cookies.secret_file.as_deref(),
        Some(Path::new("/etc/leeward/secrets"))
    );
    assert_eq!(config.identity.nsid_octets().as_deref(), Some(&b"ns1"[..]));
    assert_eq!(config.identity.version, None);
    assert_eq!(
        (config.rate_limit.is_enabled, config.rate_limit.slip),
        (false, 1)
    );
    assert!(config.rate_limit.allow.is_empty());
}

#[test]
fn words_that_look_wrong_and_are_right() {
    let (config, findings) =
        read("http = false\npoll = '0s'\nlisten = ['127.0.0.1:0', '127.0.0.1:0']");
    let config = config.expect("no faults");
    assert_eq!((config.http, config.poll), (None, None));
    assert_eq!(config.listen.len(), 2);
    assert_eq!(findings, []);
    let (config, findings) = read("http = '0.0.0.0:8053'\n[tcp]\nconnections = 5");
    assert_eq!(config.expect("no faults").tcp.connections_per_address, 5);
    assert_eq!(findings[0].code, "S013");
}

#[test]
fn encrypted_transports_share_one_certificate() {
    let (config, findings) = read(
        "[tls]\nlisten = ['127.0.0.1:853', '[::1]:853']\ncertificate = 'chain.pem'\nkey = '/key.pem'\n\
         [https]\nlisten = '127.0.0.1:443'\n[quic]\nlisten = '127.0.0.1:853'",
    );
    let config = config.expect("no faults");
    assert_eq!(findings, []);
    let wanted = CertificateSetting::Files {
        certificate: "/etc/leeward/chain.pem".into(),
        key: "/key.pem".into(),
    };
    assert_eq!(config.tls.certificate, Some(wanted));
    assert_eq!(config.tls.listen.len(), 2);
    assert_eq!(config.https.path, "/dns-query");
    let shown = show_server(&config);
    assert_eq!(read(&shown).0, Some(config), "{shown}");
}

fn read_resolver(text: &str) -> Result<ResolverSettings, String> {
    let text = format!("[resolver]\n{text}");
    let (config, findings) = read_server_file(&Source::new("leeward.toml", text));
    let shown: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} {}", finding.code, finding.message))
        .collect();
    config
        .map(|config| config.resolver)
        .ok_or_else(|| shown.join("; "))
}

#[test]
fn reads_every_key_of_the_resolver() {
    let text = "servers = ['192.0.2.53', '[2001:db8::53]:5300']\ntimeout = '500ms'\nconcurrency = 8\nttl-min = '1s'\nttl-max = '10m'\nkeep = '0s'";
    let found = read_resolver(text).expect("no fault");
    let servers: Vec<String> = found.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::53]:5300"]);
    let secs = |duration: Duration| duration.as_secs_f64();
    let times = [found.timeout, found.ttl_min, found.ttl_max, found.keep].map(secs);
    assert_eq!(times, [0.5, 1.0, 600.0, 0.0]);
    assert_eq!(read_resolver(""), Ok(ResolverSettings::default()));
    let floor = read_resolver("ttl-min = '1h'").expect("no fault");
    assert_eq!(floor.ttl_max, floor.ttl_min);
}

#[test]
fn refuses_what_makes_no_sense_to_a_resolver() {
    let cases = [
        ("servers = []", "S011"),
        ("servers = 'one.example'", "S005"),
        ("servers = ['192.0.2.53', '192.0.2.53:53']", "S010"),
        ("concurrency = 0", "S004"),
        ("ttl-min = '0s'", "S004"),
        ("ttl-min = '1m'\nttl-max = '59s'", "S004"),
        ("keep = '4d'", "S004"),
        ("timeout = 2", "S006"),
    ];
    for (text, code) in cases {
        let found = read_resolver(text).expect_err(text);
        assert!(found.starts_with(code), "{text}: {found}");
    }
}

#[test]
fn warns_of_networks_that_cover_a_family() {
    let cases = [
        ("'10.0.0.0/8'", None),
        ("'0.0.0.0/1'", None),
        ("['0.0.0.0/1', '8000::/1']", None),
        ("'0.0.0.0/0'", Some("every IPv4 address")),
        ("['10.0.0.0/8', '::/0']", Some("every IPv6 address")),
        ("['0.0.0.0/1', '128.0.0.0/1']", Some("every IPv4 address")),
    ];
    for (allow, wanted) in cases {
        let text = format!("[proxy]\nallow = {allow}");
        let (config, findings) = read_server_file(&Source::new("leeward.toml", text));
        assert!(config.is_some(), "{allow}: a warning is no fault");
        let found = findings.iter().find(|finding| finding.code == "S015");
        match (found, wanted) {
            (None, None) => {}
            (Some(found), Some(wanted)) => {
                assert_eq!(found.severity, Severity::Warning);
                assert!(found.message.contains(wanted), "{}", found.message);
            }
            _ => panic!("{allow}: {findings:?}"),
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[ -~\n]{0,80}", at in 0usize..300, cut in 0usize..40) {
        let _ = read(&text);
        let sample = show_server(&ServerConfig::default());
        let at = at % sample.len();
        let mutated = format!("{}{text}{}", &sample[..at], &sample[(at + cut).min(sample.len())..]);
        let _ = read(&mutated);
    }
}
