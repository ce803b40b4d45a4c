//! "Did you mean": the nearest known word.
//!
//! In: what was written, and the words that would be right. Out: the nearest one if it is near enough, and help texts.
//! Never here: positions, severities.

/// Words listed in a help text when nothing is near; more would drown the message.
const LISTED_MAX: usize = 12;
/// Words compared with what was written; more are not looked at.
const COMPARED_MAX: usize = 10_000;

/// Returns the known word nearest to `written`, if a slip of the finger could explain the difference.
pub fn nearest<'w>(written: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let folded = fold(written);
    let length = folded.chars().count();
    // A word of one letter is near to every other such word; that says nothing.
    let limit = (length / 3).clamp(1, 4).min(length.saturating_sub(1));
    known
        .into_iter()
        .take(COMPARED_MAX)
        .filter(|word| word.len().abs_diff(written.len()) <= 6)
        .map(|word| (distance(&folded, &fold(word)), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Keys, and what other products call the same; in small letters with `-`.
const SYNONYMS: &[(&str, &[&str])] = &[
    (
        "members",
        &[
            "servers",
            "server",
            "hosts",
            "host",
            "endpoints",
            "endpoint",
            "backends",
            "backend",
            "addresses",
            "address",
            "addrs",
            "ips",
            "ip",
            "targets",
            "target",
            "nodes",
            "node",
            "origins",
            "origin",
            "upstreams",
            "upstream",
            "instances",
            "pool-members",
            "values",
            "value",
            "records",
            "a",
            "aaaa",
        ],
    ),
    (
        "check",
        &[
            "checks",
            "healthcheck",
            "health-check",
            "healthchecks",
            "health-checks",
            "health",
            "monitor",
            "monitors",
            "healthcheck-id",
            "evaluate-target-health",
            "service",
            "service-types",
        ],
    ),
    (
        "checks",
        &[
            "healthcheck",
            "health-check",
            "healthchecks",
            "health-checks",
            "monitors",
            "monitor",
            "service-types",
        ],
    ),
    (
        "pools",
        &[
            "backends",
            "clusters",
            "groups",
            "upstreams",
            "endpoints",
            "resources",
        ],
    ),
    (
        "names",
        &[
            "records",
            "record",
            "rrsets",
            "resources",
            "hosts",
            "entries",
            "hostnames",
        ],
    ),
    (
        "zone",
        &["domain", "origin", "zone-name", "apex", "name", "fqdn"],
    ),
    (
        "maintenance",
        &["downtime", "downtimes", "silence", "windows"],
    ),
    ("expect", &["tests", "test", "assert", "expectations"]),
    (
        "interval",
        &[
            "period",
            "frequency",
            "each",
            "check-interval",
            "request-interval",
            "poll",
        ],
    ),
    ("timeout", &["deadline", "max-time", "wait"]),
    (
        "fall",
        &[
            "retries",
            "retry",
            "failures",
            "failure-threshold",
            "unhealthy-threshold",
            "max-fails",
            "fails",
            "fail",
            "threshold",
            "down-thresh",
            "fall-count",
        ],
    ),
    (
        "rise",
        &[
            "successes",
            "success-threshold",
            "healthy-threshold",
            "up-thresh",
            "ok-thresh",
            "passes",
        ],
    ),
    ("forgive", &["tolerate"]),
    (
        "path",
        &[
            "uri",
            "url",
            "resource-path",
            "url-path",
            "request-uri",
            "endpoint",
        ],
    ),
    (
        "host",
        &[
            "hostname",
            "vhost",
            "host-header",
            "domain",
            "fqdn",
            "fully-qualified-domain-name",
        ],
    ),
    ("server-name", &["sni", "tls-server-name"]),
    ("method", &["verb", "http-method"]),
    ("headers", &["header", "request-headers"]),
    (
        "status",
        &[
            "codes",
            "code",
            "status-codes",
            "expected-codes",
            "expected-status",
            "ok-codes",
            "expect-codes",
        ],
    ),
    (
        "contains",
        &[
            "match",
            "search",
            "search-string",
            "body",
            "expect-string",
            "expect",
            "response",
        ],
    ),
    ("regex", &["pattern", "match-regex"]),
    (
        "verify",
        &[
            "insecure",
            "tls-verify",
            "skip-verify",
            "insecure-skip-verify",
        ],
    ),
    ("follow-redirects", &["redirects", "max-redirects"]),
    ("type", &["protocol", "kind", "proto", "scheme"]),
    ("port", &["tcp-port"]),
    ("send", &["payload", "request"]),
    ("command", &["script", "exec", "cmd", "args"]),
    ("weight", &["ratio", "share", "priority"]),
    (
        "address",
        &["ip", "addr", "host", "server", "ipv4", "ipv6", "value"],
    ),
    ("target", &["cname", "alias", "name", "hostname", "fqdn"]),
    (
        "to",
        &["pool", "pools", "alias", "use", "points-to", "target"],
    ),
    (
        "failover",
        &[
            "fallback",
            "priority",
            "active-passive",
            "primary",
            "simplefo",
            "order",
        ],
    ),
    (
        "weighted",
        &["weights", "round-robin", "roundrobin", "rr", "ratio", "wrr"],
    ),
    (
        "geo",
        &[
            "geoip",
            "geolocation",
            "countries",
            "continents",
            "regions",
            "location",
        ],
    ),
    (
        "nearest",
        &["geoproximity", "proximity", "closest", "distance"],
    ),
    ("latency", &["rtt"]),
    (
        "multivalue",
        &["multi", "multifo", "multi-value", "all-healthy"],
    ),
    (
        "subnets",
        &["cidr", "networks", "prefixes", "ip-based", "cidrs"],
    ),
    (
        "all-down",
        &[
            "fallback",
            "last-resort",
            "when-down",
            "on-all-down",
            "backup",
        ],
    ),
    (
        "answers",
        &[
            "max-answers",
            "limit",
            "max-records",
            "count",
            "addrs-limit",
        ],
    ),
    ("sticky", &["affinity", "persistence", "session-affinity"]),
    (
        "min-healthy",
        &["minimum-origins", "min-up", "quorum", "up-threshold"],
    ),
    ("site", &["datacenter", "dc", "zone", "region"]),
    ("at", &["region", "location", "lat-lon", "coordinates"]),
    ("ttl", &["default-ttl", "time-to-live", "expiry", "cache"]),
    ("negative-ttl", &["minimum", "ncache", "nxdomain-ttl"]),
    (
        "rname",
        &[
            "email",
            "contact",
            "hostmaster",
            "admin",
            "mailbox",
            "responsible",
        ],
    ),
    (
        "mname",
        &["primary", "master", "primary-ns", "nameserver", "ns"],
    ),
    ("reason", &["comment", "description", "note"]),
    ("from", &["start", "begin", "since", "start-time"]),
    ("until", &["end", "stop", "end-time"]),
    (
        "data",
        &["value", "values", "rdata", "content", "records", "answers"],
    ),
];

/// Returns the known word that another product's word stands for.
pub fn synonym<'w>(written: &str, known: &[&'w str]) -> Option<&'w str> {
    let folded = fold(written);
    let stands_for = |word: &&&str| {
        let words = SYNONYMS.iter().find(|(key, _)| key == *word);
        words.is_some_and(|(_, others)| others.contains(&folded.as_str()))
    };
    known.iter().find(stands_for).copied()
}

/// Writes "did you mean" with the nearest word, or lists the known words when they are few.
pub fn help_for<'w>(
    written: &str,
    known: impl IntoIterator<Item = &'w str>,
    what: &str,
) -> Option<String> {
    let known: Vec<&str> = known.into_iter().take(COMPARED_MAX).collect();
    if let Some(word) = nearest(written, known.iter().copied()) {
        return Some(format!("did you mean `{word}`?"));
    }
    match known.len() {
        0 => None,
        count if count <= LISTED_MAX => Some(format!("{what}: {}", list(&known))),
        _ => None,
    }
}

/// Writes words as `a`, `b` and `c`.
pub fn list(words: &[&str]) -> String {
    let mut text = String::new();
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            text.push_str(if i + 1 == words.len() { " and " } else { ", " });
        }
        text.push('`');
        text.push_str(word);
        text.push('`');
    }
    text
}

fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(a, b)
}

/// Case and the choice between `-` and `_` do not count as a difference worth more than nothing.
fn fold(word: &str) -> String {
    word.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_not_other_words() {
        let known = ["failover", "weighted", "geo", "us-east", "check", "a"];
        let cases = [
            ("failvoer", Some("failover")),
            ("weigthed", Some("weighted")),
            ("us_east", Some("us-east")),
            ("Geo", Some("geo")),
            ("checks", Some("check")),
            ("something", None),
            ("eu-west", None),
            ("b", None),
        ];
        for (written, wanted) in cases {
            assert_eq!(nearest(written, known), wanted, "{written}");
        }
        for (written, wanted) in [
            ("servers", Some("members")),
            ("IP_s", None),
            ("Health_Check", Some("check")),
            ("whatever", None),
        ] {
            assert_eq!(synonym(written, &["check", "members"]), wanted, "{written}");
        }
        assert_eq!(
            help_for("zzzzzz", ["a1", "b2"], "known pools"),
            Some("known pools: `a1` and `b2`".to_owned())
        );
    }
}
