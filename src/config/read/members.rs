//! Members of pools: addresses, targets, records.
//!
//! In: one item of `members`. Out: a [`MemberModel`]. Never here: what several members have to do with each other.

use super::known::{Key, finish, take_number};
use super::pools::{read_probe_override, read_site};
use super::reader::{Reader, UsedOn};
use super::records::{parse_type_key, read_keyed_record};
use crate::config::keys::{KeyGroup, words_of};
use crate::config::values::{Entry, Table, Value};
use crate::diagnostic::Diagnostic;
use crate::model::{Force, MemberModel, MemberValue, ProbeOverride};
use crate::wire::{Name, Rtype, to_ascii_form};

/// Reads one member.
pub(super) fn read_member(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    used_on: UsedOn,
) -> Option<MemberModel> {
    if let Some(text) = value.as_str() {
        let address = text.parse().ok();
        if address.is_none() {
            not_an_address(reader, value, text);
        }
        return Some(plain_member(MemberValue::Address(address?), value));
    }
    let Some(mut table) = value.as_table() else {
        reader.faults.wrong_type(
            value,
            "an address in quotes, or a table such as `{ address = \"192.0.2.1\", weight = 2 }`",
        );
        return None;
    };
    let found = read_value(reader, &mut table);
    let key = Key(KeyGroup::Member, "weight", "");
    let weight = take_number(&mut table, key, &mut reader.faults);
    let checks = table
        .take_value("check")
        .map(|value| reader.check_refs(&value, used_on));
    let probe = table
        .take_value("probe")
        .map(|value| read_probe_override(reader, &value, true))
        .unwrap_or_default();
    let site = table
        .take_value("site")
        .and_then(|value| read_site(reader, &value));
    let force = table.take_value("force").and_then(|value| {
        Some(
            match reader
                .faults
                .word(&value, words_of(KeyGroup::Member, "force"))?
            {
                "up" => Force::Up,
                _ => Force::Down,
            },
        )
    });
    let flatten = read_flatten(reader, &mut table, found.as_ref());
    finish(
        table,
        "a member",
        (&[KeyGroup::Member], &[]),
        &mut reader.faults,
    );
    Some(MemberModel {
        weight: weight?,
        checks,
        probe,
        site,
        force,
        flatten,
        ..plain_member(found?, value)
    })
}

/// Makes a member with nothing but its value.
pub(super) fn plain_member(found: MemberValue, value: &Value<'_>) -> MemberModel {
    MemberModel {
        value: found,
        weight: 1,
        checks: None,
        probe: ProbeOverride::default(),
        site: None,
        force: None,
        flatten: false,
        span: value.span(),
    }
}

fn not_an_address(reader: &mut Reader<'_>, value: &Value<'_>, text: &str) {
    let is_name = text.contains('.')
        && Name::parse_absolute(to_ascii_form(text).as_deref().unwrap_or(text)).is_ok()
        && text.contains(char::is_alphabetic);
    let help = if text.contains('/') {
        "a member is one address, not a prefix".to_owned()
    } else if is_name && !text.contains(':') {
        let dot = if text.ends_with('.') { "" } else { "." };
        let text = to_ascii_form(text).unwrap_or_else(|| text.to_owned());
        format!("for a name write `{{ target = \"{text}{dot}\" }}`")
    } else if text
        .rsplit_once(':')
        .is_some_and(|(head, _)| head.parse::<std::net::Ipv4Addr>().is_ok())
    {
        "DNS answers addresses without ports; the port of probes is `port` of the check".to_owned()
    } else {
        "write for example `\"192.0.2.1\"` or `\"2001:db8::1\"`".to_owned()
    };
    reader.faults.push(
        Diagnostic::fault(
            "L061",
            value.span(),
            &value.path,
            format!("`{text}` is no IP address"),
        )
        .label("not an address")
        .help(help),
    );
}

/// Reads what the member answers: exactly one of `address`, `target` and a record type.
fn read_value(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<MemberValue> {
    let found = table.take_where(|entry| {
        entry.key == "address" || entry.key == "target" || parse_type_key(entry.key).is_some()
    });
    let entry = match found.as_slice() {
        [entry] => entry,
        [] => {
            no_value(reader, table);
            return None;
        }
        [first, second, ..] => {
            two_values(reader, first, second);
            return None;
        }
    };
    match entry.key {
        "address" => {
            let text = reader.faults.text(&entry.value)?;
            let address = text.parse().ok();
            if address.is_none() {
                not_an_address(reader, &entry.value, text);
            }
            address.map(MemberValue::Address)
        }
        "target" => reader.rdata_name(&entry.value).map(MemberValue::Target),
        _ => {
            let rtype = parse_type_key(entry.key)?;
            if matches!(rtype, Rtype::SOA | Rtype::NS | Rtype::DS | Rtype::CNAME) {
                let mut diagnostic = Diagnostic::fault(
                    "L049",
                    entry.key_span(),
                    &entry.value.path,
                    format!("{rtype} cannot be a member"),
                )
                .label("not a type to choose among");
                if rtype == Rtype::CNAME {
                    diagnostic = diagnostic.help("write it as `target`: it is answered as a CNAME");
                }
                reader.faults.push(diagnostic);
                return None;
            }
            let octets = read_keyed_record(reader, (entry.key, rtype), &entry.value)?;
            Some(match address_of(rtype, &octets) {
                Some(address) => MemberValue::Address(address),
                None => MemberValue::Record(rtype, octets),
            })
        }
    }
}

fn no_value(reader: &mut Reader<'_>, table: &Table<'_>) {
    reader.faults.push(
        Diagnostic::fault(
            "L019",
            table.span(),
            &table.path,
            "a member needs `address`, `target` or a record type".to_owned(),
        )
        .label("nothing to answer")
        .help("write for example `{ address = \"192.0.2.1\" }` or `{ MX = \"10 mail\" }`"),
    );
}

fn two_values(reader: &mut Reader<'_>, first: &Entry<'_>, second: &Entry<'_>) {
    reader.faults.push(
        Diagnostic::fault(
            "L019",
            second.key_span(),
            &second.value.path,
            format!(
                "`{}` beside `{}`: a member is one thing",
                second.key, first.key
            ),
        )
        .label("a second value")
        .related(first.key_span(), "the first value")
        .help("write a member for each"),
    );
}

/// `{ A = "192.0.2.1" }` is the address.
fn address_of(rtype: Rtype, octets: &[u8]) -> Option<std::net::IpAddr> {
    match rtype {
        Rtype::A => <[u8; 4]>::try_from(octets).ok().map(Into::into),
        Rtype::AAAA => <[u8; 16]>::try_from(octets).ok().map(Into::into),
        _ => None,
    }
}

fn read_flatten(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    found: Option<&MemberValue>,
) -> bool {
    let Some(entry) = table.take("flatten") else {
        return false;
    };
    let flatten = reader.faults.boolean(&entry.value).unwrap_or(false);
    if found.is_some_and(|found| !matches!(found, MemberValue::Target(_))) {
        reader.faults.push(
            Diagnostic::fault(
                "L030",
                entry.key_span(),
                &entry.value.path,
                "`flatten` is for members with `target`".to_owned(),
            )
            .label("nothing to look up"),
        );
        return false;
    }
    flatten
}
