//! The one table of the server file's keys: what is known, and what each key is for.

/// A key of the server file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKey {
    /// Its table; empty at the top.
    pub table: &'static str,
    /// The key.
    pub key: &'static str,
    /// One line on what it is for, with its bounds.
    pub doc: &'static str,
}

const fn key(table: &'static str, key: &'static str, doc: &'static str) -> ServerKey {
    ServerKey { table, key, doc }
}

/// Every key, in the order in which [`super::show_server`] writes them.
pub const KEYS: &[ServerKey] = &[
    key(
        "",
        "listen",
        "addresses for UDP and TCP, one or a list of 1-64",
    ),
    key("", "zones", "folder of zone files"),
    key(
        "",
        "zone-links",
        "folders outside `zones` where links in it may lead, one or a list of up to 16; absent is nowhere",
    ),
    key(
        "",
        "state",
        "folder for what survives a restart; absent keeps nothing",
    ),
    key(
        "",
        "http",
        "address of metrics, control API and page; false switches them off",
    ),
    key(
        "",
        "http-hosts",
        "names under which `http` may be asked, up to 16; addresses and localhost always may",
    ),
    key("", "workers", "UDP threads, 1-256; absent is one a core"),
    key(
        "",
        "poll",
        "time between two looks at the zone files, 100ms-1h; \"0s\" reloads on SIGHUP only",
    ),
    key(
        "geo",
        "database",
        "location database in MaxMind's format, one or a list of up to 4",
    ),
    key(
        "geo",
        "networks",
        "prefix to place, for example \"198.51.100.0/24\" = \"EU-DE\"; wins over the database",
    ),
    key(
        "udp",
        "payload-size",
        "largest answer in octets, and what is offered to clients, 512-4096",
    ),
    key(
        "udp",
        "amplification-max",
        "how many times its query a large answer may be long without a valid cookie, 0-100; 0 is no bound",
    ),
    key(
        "edns",
        "extended-errors",
        "whether reasons are sent beside response codes (RFC 8914)",
    ),
    key(
        "cookies",
        "enabled",
        "whether cookies are answered (RFC 7873)",
    ),
    key(
        "cookies",
        "require",
        "whether UDP clients that know cookies must show a valid one before they get an answer",
    ),
    key(
        "cookies",
        "secret-file",
        "one or two lines of 32 hexadecimal digits, shared by all servers; absent keeps one in `state`",
    ),
    key(
        "identity",
        "nsid",
        "name server identifier, a text or \"0x...\", up to 128 octets; absent says nothing",
    ),
    key(
        "identity",
        "hostname",
        "what hostname.bind and id.server answer; absent refuses",
    ),
    key(
        "identity",
        "version",
        "what version.bind and version.server answer; absent refuses",
    ),
    key(
        "rate-limit",
        "enabled",
        "whether UDP answers are limited by client prefix",
    ),
    key(
        "rate-limit",
        "answers-per-second",
        "for each client prefix (/24, /56), zone and kind of answer, 1-10000000",
    ),
    key(
        "rate-limit",
        "answers-per-second-total",
        "for each client prefix, of all zones and kinds together, 1-10000000; absent is twice the above",
    ),
    key(
        "rate-limit",
        "slip",
        "each so many answers over the limit one is sent empty with TC, 0-10; 0 is never",
    ),
    key(
        "rate-limit",
        "allow",
        "clients that are not limited, as prefixes",
    ),
    key(
        "explain",
        "allow",
        "clients that may ask `dig TXT _explain.NAME`, as prefixes; absent is nobody",
    ),
    key(
        "blast-radius",
        "names",
        "share of names whose records a reload may change by itself, \"0%\"-\"100%\"; absent is no bound",
    ),
    key(
        "blast-radius",
        "queries",
        "share of the last hour's queries whose records a reload may change by itself, \"0%\"-\"100%\"; absent is no bound",
    ),
    key("log", "format", "\"text\" or \"json\""),
    key(
        "log",
        "level",
        "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
    ),
    key(
        "probe",
        "concurrency",
        "most probes under way at once, 1-100000; absent is as many as open files allow",
    ),
    key("probe", "allow", "networks that may be probed, as prefixes"),
    key("probe", "user-agent", "what HTTP probes call themselves"),
    key(
        "exec",
        "allow",
        "programs, and folders of programs, that `exec` checks may run, up to 100; absent runs none",
    ),
    key(
        "exec",
        "concurrency",
        "most commands at once, 1-1000; further ones start late",
    ),
    key(
        "resolver",
        "servers",
        "who looks flattened targets up: up to 8 addresses, with port if not 53; absent asks the system's resolvers",
    ),
    key(
        "resolver",
        "timeout",
        "how long one server may take for one answer, 100ms-30s",
    ),
    key(
        "resolver",
        "concurrency",
        "most names that are looked up at once, 1-1000",
    ),
    key(
        "resolver",
        "ttl-min",
        "shortest time between two lookups of a name, 1s-1h",
    ),
    key(
        "resolver",
        "ttl-max",
        "longest time between two lookups of a name, `ttl-min`-1d",
    ),
    key(
        "resolver",
        "keep",
        "how long addresses serve while lookups fail, 0s-3d; then their members are unhealthy",
    ),
    key(
        "tcp",
        "connections",
        "most connections, 1-100000; when reached, one of the prefix that holds most makes room",
    ),
    key(
        "tcp",
        "connections-per-address",
        "most connections of one client address, at most `connections`",
    ),
    key(
        "tcp",
        "idle-timeout",
        "how long a connection may be quiet, 100ms-10m",
    ),
    key(
        "tcp",
        "message-timeout",
        "how long one message may take to arrive, 100ms-10m",
    ),
    key(
        "tcp",
        "write-timeout",
        "how long a client may take to read one answer, 100ms-10m",
    ),
    key(
        "tls",
        "listen",
        "addresses for DNS over TLS, usually port 853",
    ),
    key(
        "tls",
        "certificate",
        "PEM file with the certificate chain of every encrypted transport, or \"self-signed\" for trials",
    ),
    key("tls", "key", "PEM file with the certificate's private key"),
    key(
        "https",
        "listen",
        "addresses for DNS over HTTPS, usually port 443",
    ),
    key("https", "path", "path of the DNS over HTTPS resource"),
    key(
        "https",
        "plain",
        "true if a proxy before it does TLS and sends requests in the clear",
    ),
    key(
        "quic",
        "listen",
        "addresses for DNS over QUIC, usually UDP port 853",
    ),
    key(
        "self-doubt",
        "enabled",
        "whether statuses are held while the server doubts itself",
    ),
    key(
        "self-doubt",
        "anchors",
        "up to 16 addresses with TCP ports that can be reached while this server is well; with any, they alone decide",
    ),
    key(
        "self-doubt",
        "interval",
        "time between two looks at an anchor, 100ms-1m",
    ),
    key(
        "proxy",
        "allow",
        "networks whose queries and connections all begin with a PROXY header that is believed, up to 64",
    ),
];

/// Every code of the reader with a title of one line, in order.
pub const CODES: &[(&str, &str)] = &[
    ("S001", "the server file is not valid TOML"),
    ("S002", "unknown key in the server file"),
    ("S003", "wrong type of value"),
    ("S004", "a value out of bounds"),
    ("S005", "not an address with port"),
    ("S006", "not a duration"),
    ("S007", "not a prefix"),
    ("S008", "not a place"),
    ("S009", "unknown word"),
    ("S010", "the same thing twice"),
    ("S011", "a list that may not be empty"),
    ("S013", "a control API that others can reach"),
    ("S014", "a certificate or its key is missing"),
    ("S015", "trusted proxies that are everybody"),
];

/// Returns the keys of one table.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static ServerKey> {
    KEYS.iter().filter(move |key| key.table == table)
}

/// Returns the tables, in order.
pub(super) fn tables() -> Vec<&'static str> {
    let mut tables: Vec<&'static str> = Vec::new();
    for key in KEYS {
        if !key.table.is_empty() && tables.last() != Some(&key.table) {
            tables.push(key.table);
        }
    }
    tables
}
