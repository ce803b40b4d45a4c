//! Checks that speak a protocol of their own: `dns`, `tls`, `grpc`, and `prometheus`, which asks somebody else.
//!
//! In: the table of a check. Out: what is spoken. Never here: schedules, endpoints of members, what a check is applied to.

use super::hosts::{no_host, validate_host};
use super::known::{Key, finish, take_number};
use super::probes::{is_secure, read_schedule, read_tls, take_host};
use super::reader::Reader;
use super::records::read_record;
use crate::config::keys::KeyGroup;
use crate::config::values::Table;
use crate::diagnostic::Diagnostic;
use crate::health::{
    CertificateProbe, DnsProbe, Endpoint, ExpectedRecord, GrpcProbe, MetricProbe, Threshold,
    TlsProbe,
};
use crate::model::ProbeTemplate;
use crate::wire::{Name, Rtype, help_with_ascii, rdata_text};

/// Most records that an answer must hold; chosen, as many as a set of records is sensibly compared by hand.
const EXPECT_MAX: usize = 64;

/// Most octets of an expression (chosen: it goes into one request line).
const QUERY_MAX: usize = 2_048;

/// Reads what a `dns` check asks.
pub(super) fn read_dns(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<DnsProbe> {
    let help = "write a name and a type, for example `query = \"www.example.com. A\"`";
    let value = table.require("query", help, &mut reader.faults)?;
    let text = reader.faults.text(&value)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let ascii = words.first().and_then(|name| help_with_ascii(name));
    let question = match words.as_slice() {
        [name, rtype] => Name::parse_absolute(name).ok().zip(Rtype::parse(rtype)),
        _ => None,
    };
    let Some((name, rtype)) = question else {
        reader.faults.push(
            Diagnostic::fault(
                "L020",
                value.span(),
                &value.path,
                format!("`{text}` is no question"),
            )
            .label("not a name and a type")
            .help(ascii.as_deref().unwrap_or(help)),
        );
        return None;
    };
    let mut expect = Vec::new();
    if let Some(value) = table.take_value("expect") {
        let items = value.one_or_items();
        reader.faults.count(&value, items.len(), EXPECT_MAX);
        for item in items {
            let rdata = read_record(reader, rtype, &item)?;
            let text = rdata_text(rtype, &rdata);
            expect.push(ExpectedRecord { text, rdata });
        }
    }
    Some(DnsProbe {
        question: format!("{name} {rtype}"),
        name: name.octets().into(),
        rtype: rtype.0,
        expect,
    })
}

/// Reads a `tls` check: whom to expect, and for how many days.
pub(super) fn read_certificate(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
) -> Option<CertificateProbe> {
    let host = take_host(reader, table, "host");
    let tls = read_tls(reader, table, host);
    let key = Key(KeyGroup::Check, "days-left", "tls");
    let days_left = take_number(table, key, &mut reader.faults)?;
    Some(CertificateProbe { tls, days_left })
}

/// Reads a `grpc` check. Without `tls = true` it speaks HTTP/2 in clear text.
pub(super) fn read_grpc(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<GrpcProbe> {
    let host = take_host(reader, table, "host");
    let tls = if is_secure(reader, table) {
        Some(read_tls(reader, table, host.clone()))
    } else {
        None
    };
    let service = match table.take_value("service") {
        Some(value) => reader.faults.line(&value, 255)?,
        None => String::new(),
    };
    Some(GrpcProbe {
        tls,
        host: host.unwrap_or_default(),
        service,
    })
}

/// Where a Prometheus server is.
struct Place {
    is_secure: bool,
    host: String,
    port: u16,
    prefix: String,
}

/// Reads a `prometheus` check; it has an address of its own, so it is a gate (rule a30).
pub(super) fn read_prometheus(
    reader: &mut Reader<'_>,
    mut table: Table<'_>,
) -> Option<ProbeTemplate> {
    let schedule = read_schedule(reader, &mut table);
    let url = table
        .entries()
        .iter()
        .find(|entry| entry.key == "url")
        .map(|entry| entry.value.clone());
    let url_help = "write for example `url = \"http://prometheus.example.com:9090\"`";
    let place = read_text(reader, &mut table, "url", url_help, parse_url);
    let query_help = "write the expression to evaluate";
    let query = read_text(reader, &mut table, "query", query_help, |text| {
        let is_right = !text.trim().is_empty() && text.len() <= QUERY_MAX;
        is_right.then(|| text.to_owned())
    });
    let help = "write a comparison, for example `healthy-if = \"< 0.05\"`";
    let healthy_if = read_text(reader, &mut table, "healthy-if", help, Threshold::parse);
    let of = (&[KeyGroup::Check][..], &["prometheus"][..]);
    finish(
        table,
        "a check of type `prometheus`",
        of,
        &mut reader.faults,
    );
    let (schedule, place) = (schedule?, place?);
    if let (Some(url), Err(fault)) = (&url, validate_host(&place.host)) {
        reader.faults.push(no_host(url, &place.host, fault));
        return None;
    }
    let address = place.host.trim_matches(['[', ']']).parse().ok();
    let probe = MetricProbe {
        tls: place.is_secure.then(|| TlsProbe {
            server_name: Some(place.host.trim_matches(['[', ']']).to_owned()),
            verify: true,
            ca_pem: None,
        }),
        host: place.host.clone(),
        prefix: place.prefix,
        query: query?,
        healthy_if: healthy_if?,
    };
    Some(schedule.template(
        Some(address.map_or(Endpoint::Host(place.host), Endpoint::Address)),
        place.port,
        crate::health::ProbeKind::Metric(probe),
    ))
}

/// Reads a required text that must mean something.
fn read_text<T>(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    key: &str,
    help: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let value = table.require(key, help, &mut reader.faults)?;
    let text = reader.faults.text(&value)?;
    let meant = read(text);
    if meant.is_none() {
        reader.faults.push(
            Diagnostic::fault(
                "L029",
                value.span(),
                &value.path,
                format!("`{key}` cannot be `{text}`"),
            )
            .label("not understood")
            .help(help),
        );
    }
    meant
}

/// Takes a URL apart: scheme, host, maybe a port, maybe a path. Passwords, queries and fragments have no place in it.
fn parse_url(text: &str) -> Option<Place> {
    let (is_secure, rest) = match text.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("http://")?),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let is_plain = |octet: u8| octet.is_ascii_graphic() && !b"@?#\\\"<>".contains(&octet);
    if !text.bytes().all(is_plain) {
        return None;
    }
    let colon = authority
        .rfind(':')
        .filter(|at| !authority[*at..].contains(']'));
    let (host, port) = match colon {
        Some(at) => (&authority[..at], authority[at + 1..].parse().ok()?),
        None => (authority, if is_secure { 443 } else { 80 }),
    };
    let is_address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name = !host.is_empty() && !host.contains(['[', ']', ':']) && host.len() <= 255;
    (port != 0 && (is_address || is_name)).then(|| Place {
        is_secure,
        host: host.to_owned(),
        port,
        prefix: path.trim_end_matches('/').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        let cases = [
            ("http://p:9090", Some((false, "p", 9090, ""))),
            (
                "https://p.example.com/",
                Some((true, "p.example.com", 443, "")),
            ),
            (
                "http://[2001:db8::1]:9090/a/b/",
                Some((false, "[2001:db8::1]", 9090, "/a/b")),
            ),
            ("http://192.0.2.1", Some((false, "192.0.2.1", 80, ""))),
            ("p:9090", None),
            ("http://", None),
            ("http://p:0", None),
            ("http://p:x", None),
            ("http://user:secret@p", None),
            ("http://p/?query=1", None),
            ("http://2001:db8::1", None),
            ("http://p q", None),
        ];
        for (text, wanted) in cases {
            let place = parse_url(text);
            let found = place
                .as_ref()
                .map(|place| (place.is_secure, &*place.host, place.port, &*place.prefix));
            assert_eq!(found, wanted, "{text}");
        }
    }
}
