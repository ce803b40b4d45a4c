//! The rows of the server file's keys, table by table.
//!
//! In: nothing. Out: rows. Never here: what is made of them.

use std::time::Duration;

use super::certificate::{Certificate, PrivateKey};
use super::forms::{
    Address, Count, Empty, File, Maybe, Networks, OrNever, Percent, Prefix, Program, Span, Switch,
    Text, Word, list,
};
use super::row::{ServerKey, key, own};
use super::settings::{LogFormat, LogLevel};
use super::texts::{Control, host_name, identifier, line, url_path, visible};

/// Returns every row.
pub(super) fn rows() -> Vec<ServerKey> {
    let tables = [
        top(),
        geo(),
        udp(),
        identity(),
        limits(),
        reloads(),
        probes(),
        resolver(),
        tcp(),
        encrypted(),
        surroundings(),
    ];
    tables.into_iter().flatten().collect()
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Any address with its port; each costs a socket a worker. The bound is chosen; no standard value.
const LISTEN_MAX: usize = 64;
/// Most networks in one list that is looked through for each client. Chosen; no standard value.
const NETWORKS_MAX: usize = 64;
/// Most networks in one list elsewhere. Chosen; no standard value.
const PREFIXES_MAX: usize = 1_000;

/// Keys at the top.
fn top() -> Vec<ServerKey> {
    let port = Address { port: None };
    let host = Text {
        octets_max: 253,
        rule: host_name,
    };
    // A server that listens nowhere answers nothing.
    let listen = list(
        port,
        LISTEN_MAX,
        Empty::Refused("leave the key out to listen on loopback"),
    );
    vec![
        key("listen", |c| &mut c.listen, listen, "addresses for UDP and TCP, one or a list of {min}-{max}"),
        key("zones", |c| &mut c.zones, File, "folder of zone files"),
        key(
            "zone-links",
            |c| &mut c.zone_links,
            list(File, 16, Empty::Unset),
            "folders outside `zones` where links in it may lead, one or a list of up to {max}; absent is nowhere",
        )
        .on_reload(),
        key("state", |c| &mut c.state, Maybe(File), "folder for what survives a restart; absent keeps nothing"),
        key("http", |c| &mut c.http, Control, "address of metrics, control API and page; false switches them off"),
        key(
            "http-hosts",
            |c| &mut c.http_hosts,
            list(host, 16, Empty::Unset),
            "names under which `http` may be asked, up to {max}; addresses and localhost always may",
        ),
        key("workers", |c| &mut c.workers, Maybe(Count(1, 256)), "UDP threads, {min}-{max}; absent is one a core"),
        key(
            "poll",
            |c| &mut c.poll,
            OrNever(Span(millis(100), secs(3_600))),
            "time between two looks at the zone files, {min}-{max}; \"0s\" reloads on SIGHUP only",
        )
        .on_reload(),
    ]
}

/// Keys of `[geo]`.
fn geo() -> Vec<ServerKey> {
    vec![
        key(
            "geo.database",
            |c| &mut c.geo.databases,
            // One a family, twice.
            list(File, 4, Empty::Unset),
            "location database in MaxMind's format, one or a list of up to {max}",
        )
        .on_reload(),
        key(
            "geo.networks",
            |c| &mut c.geo.networks,
            Networks(100_000),
            "prefix to place, for example \"198.51.100.0/24\" = \"EU-DE\"; wins over the database",
        )
        .on_reload(),
    ]
}

/// Keys of `[udp]` and `[edns]`.
fn udp() -> Vec<ServerKey> {
    vec![
        key(
            "udp.payload-size",
            |c| &mut c.udp.payload_size,
            // 512 is what every client takes, 4,096 where RFC 6891, section 6.2.5, starts.
            Count(512, 4_096),
            "largest answer in octets, and what is offered to clients, {min}-{max}",
        ),
        key(
            "udp.amplification-max",
            |c| &mut c.udp.amplification_max,
            Count(0, 100),
            "how many times its query a large answer may be long without a valid cookie, {min}-{max}; 0 is no bound",
        )
        .on_reload(),
        key(
            "edns.extended-errors",
            |c| &mut c.has_extended_errors,
            Switch,
            "whether reasons are sent beside response codes (RFC 8914)",
        )
        .on_reload(),
    ]
}

/// Keys of `[cookies]` and `[identity]`.
fn identity() -> Vec<ServerKey> {
    // With every other option it fits 512 octets beside any name.
    let nsid = Text {
        octets_max: 128,
        rule: identifier,
    };
    // RFC 1035, section 3.3.
    let text = || {
        Maybe(Text {
            octets_max: 255,
            rule: line,
        })
    };
    vec![
        key(
            "cookies.enabled",
            |c| &mut c.cookies.is_enabled,
            Switch,
            "whether cookies are answered (RFC 7873)",
        ),
        key(
            "cookies.require",
            |c| &mut c.cookies.is_required,
            Switch,
            "whether UDP clients that know cookies must show a valid one before they get an answer",
        )
        .on_reload(),
        key(
            "cookies.secret-file",
            |c| &mut c.cookies.secret_file,
            Maybe(File),
            "one or two lines of 32 hexadecimal digits, shared by all servers; absent keeps one in `state`",
        ),
        key(
            "identity.nsid",
            |c| &mut c.identity.nsid,
            Maybe(nsid),
            "name server identifier, a text or \"0x...\", up to {max} octets; absent says nothing",
        )
        .on_reload(),
        key(
            "identity.hostname",
            |c| &mut c.identity.hostname,
            text(),
            "what hostname.bind and id.server answer; absent refuses",
        )
        .on_reload(),
        key(
            "identity.version",
            |c| &mut c.identity.version,
            text(),
            "what version.bind and version.server answer; absent refuses",
        )
        .on_reload(),
    ]
}

/// Keys of `[rate-limit]` and `[explain]`.
fn limits() -> Vec<ServerKey> {
    vec![
        key(
            "rate-limit.enabled",
            |c| &mut c.rate_limit.is_enabled,
            Switch,
            "whether UDP answers are limited by client prefix",
        )
        .on_reload(),
        key(
            "rate-limit.answers-per-second",
            |c| &mut c.rate_limit.answers_per_second,
            Count(1, 10_000_000),
            "for each client prefix (/24, /56), zone and kind of answer, {min}-{max}",
        )
        .on_reload(),
        key(
            "rate-limit.answers-per-second-total",
            |c| &mut c.rate_limit.answers_per_second_total,
            Maybe(Count(1, 10_000_000)),
            "for each client prefix, of all zones and kinds together, {min}-{max}; absent is twice the above",
        )
        .on_reload(),
        key(
            "rate-limit.slip",
            |c| &mut c.rate_limit.slip,
            // As BIND has it.
            Count(0, 10),
            "each so many answers over the limit one is sent empty with TC, {min}-{max}; 0 is never",
        )
        .on_reload(),
        key(
            "rate-limit.allow",
            |c| &mut c.rate_limit.allow,
            list(Prefix, PREFIXES_MAX, Empty::Shown),
            "clients that are not limited, as prefixes",
        )
        .on_reload(),
        key(
            "explain.allow",
            |c| &mut c.explain.allow,
            list(Prefix, NETWORKS_MAX, Empty::Unset),
            "clients that may ask `dig TXT _explain.NAME`, as prefixes; absent is nobody",
        )
        .on_reload(),
    ]
}

/// Keys of `[blast-radius]` and `[log]`.
fn reloads() -> Vec<ServerKey> {
    vec![
        key(
            "blast-radius.names",
            |c| &mut c.blast_radius.names_percent,
            Maybe(Percent),
            "share of names whose records a reload may change by itself, {min}-{max}; absent is no bound",
        )
        .on_reload(),
        key(
            "blast-radius.queries",
            |c| &mut c.blast_radius.queries_percent,
            Maybe(Percent),
            "share of the last hour's queries whose records a reload may change by itself, {min}-{max}; absent is no bound",
        )
        .on_reload(),
        key("log.format", |c| &mut c.log.format, Word(&LogFormat::ALL), "\"text\" or \"json\""),
        key(
            "log.level",
            |c| &mut c.log.level,
            Word(&LogLevel::ALL),
            "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
        ),
    ]
}

/// Keys of `[probe]` and `[exec]`.
fn probes() -> Vec<ServerKey> {
    let allow = list(
        Prefix,
        PREFIXES_MAX,
        Empty::Refused("leave the key out to allow every network"),
    );
    vec![
        key(
            "probe.concurrency",
            |c| &mut c.probe.concurrency,
            // A probe holds one descriptor; common limits are 1,024 soft, 1,048,576 hard.
            Maybe(Count(1, 100_000)),
            "most probes under way at once, {min}-{max}; absent is as many as open files allow",
        ),
        key(
            "probe.allow",
            |c| &mut c.probe.allow,
            allow,
            "networks that may be probed, as prefixes",
        ),
        key(
            "probe.user-agent",
            |c| &mut c.probe.user_agent,
            Text {
                octets_max: 255,
                rule: visible,
            },
            "what HTTP probes call themselves",
        ),
        key(
            "exec.allow",
            |c| &mut c.exec.allow,
            list(Program, 100, Empty::Unset),
            "programs, and folders of programs, that `exec` checks may run, up to {max}; absent runs none",
        ),
        key(
            "exec.concurrency",
            |c| &mut c.exec.concurrency,
            Count(1, 1_000),
            "most commands at once, {min}-{max}; further ones start late",
        ),
    ]
}

/// Keys of `[resolver]`.
fn resolver() -> Vec<ServerKey> {
    let servers = list(
        Address { port: Some(53) },
        8,
        Empty::Refused("leave the key out to ask the system's resolvers"),
    );
    vec![
        key(
            "resolver.servers",
            |c| &mut c.resolver.servers,
            servers,
            "who looks flattened targets up: up to {max} addresses, with port if not 53; absent asks the system's resolvers",
        ),
        key(
            "resolver.timeout",
            |c| &mut c.resolver.timeout,
            Span(millis(100), secs(30)),
            "how long one server may take for one answer, {min}-{max}",
        ),
        key(
            "resolver.concurrency",
            |c| &mut c.resolver.concurrency,
            Count(1, 1_000),
            "most names that are looked up at once, {min}-{max}",
        ),
        key(
            "resolver.ttl-min",
            |c| &mut c.resolver.ttl_min,
            Span(secs(1), secs(3_600)),
            "shortest time between two lookups of a name, {min}-{max}",
        ),
        key(
            "resolver.ttl-max",
            |c| &mut c.resolver.ttl_max,
            Span(secs(1), secs(86_400)),
            "longest time between two lookups of a name, `ttl-min`-{max}",
        ),
        key(
            "resolver.keep",
            |c| &mut c.resolver.keep,
            // Three days as RFC 8767, section 4, has them at most.
            Span(secs(0), secs(3 * 86_400)),
            "how long addresses serve while lookups fail, {min}-{max}; then their members are unhealthy",
        ),
    ]
}

/// Keys of `[tcp]`.
fn tcp() -> Vec<ServerKey> {
    let patience = || Span(millis(100), secs(600));
    vec![
        key(
            "tcp.connections",
            |c| &mut c.tcp.connections,
            Count(1, 100_000),
            "most connections, {min}-{max}; when reached, one of the prefix that holds most makes room",
        ),
        key(
            "tcp.connections-per-address",
            |c| &mut c.tcp.connections_per_address,
            Count(1, 100_000),
            "most connections of one client address, at most `connections`",
        ),
        key(
            "tcp.idle-timeout",
            |c| &mut c.tcp.idle_timeout,
            patience(),
            "how long a connection may be quiet, {min}-{max}",
        ),
        key(
            "tcp.message-timeout",
            |c| &mut c.tcp.message_timeout,
            patience(),
            "how long one message may take to arrive, {min}-{max}",
        ),
        key(
            "tcp.write-timeout",
            |c| &mut c.tcp.write_timeout,
            patience(),
            "how long a client may take to read one answer, {min}-{max}",
        ),
    ]
}

/// Keys of `[tls]`, `[https]` and `[quic]`.
fn encrypted() -> Vec<ServerKey> {
    let addresses = || list(Address { port: None }, LISTEN_MAX, Empty::Unset);
    vec![
        key(
            "tls.listen",
            |c| &mut c.tls.listen,
            addresses(),
            "addresses for DNS over TLS, usually port 853",
        ),
        own(
            "tls.certificate",
            Certificate,
            "PEM file with the certificate chain of every encrypted transport, or \"self-signed\" for trials",
        ),
        own(
            "tls.key",
            PrivateKey,
            "PEM file with the certificate's private key",
        ),
        key(
            "https.listen",
            |c| &mut c.https.listen,
            addresses(),
            "addresses for DNS over HTTPS, usually port 443",
        ),
        key(
            "https.path",
            |c| &mut c.https.path,
            Text {
                octets_max: 255,
                rule: url_path,
            },
            "path of the DNS over HTTPS resource",
        ),
        key(
            "https.plain",
            |c| &mut c.https.is_plain,
            Switch,
            "true if a proxy before it does TLS and sends requests in the clear",
        ),
        key(
            "quic.listen",
            |c| &mut c.quic.listen,
            addresses(),
            "addresses for DNS over QUIC, usually UDP port 853",
        ),
    ]
}

/// Keys of `[self-doubt]` and `[proxy]`.
fn surroundings() -> Vec<ServerKey> {
    vec![
        key(
            "self-doubt.enabled",
            |c| &mut c.self_doubt.is_enabled,
            Switch,
            "whether statuses are held while the server doubts itself",
        )
        .on_reload(),
        key(
            "self-doubt.anchors",
            |c| &mut c.self_doubt.anchors,
            list(Address { port: None }, 16, Empty::Unset),
            "up to {max} addresses with TCP ports that can be reached while this server is well; with any, they alone decide",
        ),
        key(
            "self-doubt.interval",
            |c| &mut c.self_doubt.interval,
            Span(millis(100), secs(60)),
            "time between two looks at an anchor, {min}-{max}",
        ),
        key(
            "proxy.allow",
            |c| &mut c.proxy.allow,
            list(Prefix, NETWORKS_MAX, Empty::Shown),
            "networks whose queries and connections all begin with a PROXY header that is believed, up to {max}",
        ),
    ]
}
