//! `[soa]`: the start of authority.
//!
//! In: the table, if it is written. Out: a [`SoaModel`] with every default. Never here: the serial that the loader makes.

use super::reader::Reader;
use super::table::Value;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::model::SoaModel;
use crate::wire::{Name, NameFault, to_ascii_form};

/// Defaults of `[soa]` in seconds (zone format, section 2).
const REFRESH_DEFAULT: u32 = 2 * 3600;
const RETRY_DEFAULT: u32 = 15 * 60;
const EXPIRE_DEFAULT: u32 = 14 * 86_400;
const SOA_TTL_DEFAULT: u32 = 15 * 60;
const NEGATIVE_TTL_DEFAULT: u32 = 30;
/// Longest time in `[soa]`, 30 days.
const SOA_TIME_MAX: u64 = 30 * 86_400;
/// Longest negative TTL, one day.
const NEGATIVE_TTL_MAX: u64 = 86_400;

/// Reads `[soa]`; `mname` is apart because its default is the first NS of the apex.
pub(super) fn read_soa(
    reader: &mut Reader<'_>,
    value: Option<Value<'_>>,
) -> (Option<Name>, SoaModel) {
    let hostmaster = reader
        .apex
        .child(b"hostmaster")
        .unwrap_or_else(|_| reader.apex.clone());
    let mut soa = SoaModel {
        mname: reader.apex.clone(),
        rname: hostmaster,
        serial: None,
        refresh: REFRESH_DEFAULT,
        retry: RETRY_DEFAULT,
        expire: EXPIRE_DEFAULT,
        ttl: SOA_TTL_DEFAULT,
        negative_ttl: NEGATIVE_TTL_DEFAULT,
    };
    let Some(value) = value else {
        return (None, soa);
    };
    let Some(mut table) = value.as_table() else {
        reader.faults.wrong_type(&value, "a table: `[soa]`");
        return (None, soa);
    };
    let mname = table
        .take_value("mname")
        .and_then(|value| reader.rdata_name(&value));
    if let Some(value) = table.take_value("rname")
        && let Some(rname) = read_rname(reader, &value)
    {
        soa.rname = rname;
    }
    soa.serial = table
        .take_value("serial")
        .and_then(|value| reader.faults.number(&value, 1, i64::from(u32::MAX)));
    let mut time = |key: &str, default: u32, min: u64, max: u64| {
        table
            .take_value(key)
            .and_then(|value| reader.faults.seconds(&value, min, max))
            .unwrap_or(default)
    };
    soa.refresh = time("refresh", REFRESH_DEFAULT, 1, SOA_TIME_MAX);
    soa.retry = time("retry", RETRY_DEFAULT, 1, SOA_TIME_MAX);
    soa.expire = time("expire", EXPIRE_DEFAULT, 1, SOA_TIME_MAX);
    soa.ttl = time("ttl", SOA_TTL_DEFAULT, 1, SOA_TIME_MAX);
    soa.negative_ttl = time("negative-ttl", NEGATIVE_TTL_DEFAULT, 0, NEGATIVE_TTL_MAX);
    table.finish(
        "`[soa]`",
        &[
            "mname",
            "rname",
            "serial",
            "refresh",
            "retry",
            "expire",
            "ttl",
            "negative-ttl",
        ],
        &mut reader.faults,
    );
    (mname, soa)
}

/// Reads `rname`: a name, or a mailbox with `@` whose local part becomes one label (RFC 1035, section 8; rule a7).
fn read_rname(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Name> {
    let text = reader.faults.text(value)?;
    // One that is escaped is part of a label.
    let is_mailbox = |local: &str| text != "@" && !local.ends_with('\\');
    let Some((local, domain)) = text.split_once('@').filter(|(local, _)| is_mailbox(local)) else {
        return reader.rdata_name(value);
    };
    let fault = match Name::parse_absolute(domain) {
        Ok(domain) if local.is_ascii() => match domain.child(local.as_bytes()) {
            Ok(name) => return Some(name),
            Err(fault) => fault,
        },
        Ok(_) => NameFault::NotAscii,
        Err(fault) => fault,
    };
    let mut diagnostic = Diagnostic::fault(
        "L020",
        Span(value.range.clone()),
        &value.path,
        format!("`{text}` is no mailbox: {fault}"),
    )
    .label("not a mailbox");
    diagnostic.help = match fault {
        NameFault::NotAscii => Some(help_with_mailbox(local, domain)),
        _ => None,
    };
    reader.faults.push(diagnostic);
    None
}

/// Says what to write for a mailbox with letters outside ASCII. A domain has an ASCII form; what stands before the `@`
/// has none that mail would reach (RFC 6531), so another mailbox must be named.
fn help_with_mailbox(local: &str, domain: &str) -> String {
    let form = |text: &str| to_ascii_form(text).unwrap_or_else(|| "hostmaster".to_owned());
    let domain_form = if domain.is_ascii() {
        domain.to_owned()
    } else {
        to_ascii_form(domain).unwrap_or_else(|| "example.com".to_owned())
    };
    if local.is_ascii() {
        return format!("write `{local}@{domain_form}`");
    }
    format!(
        "name a mailbox in ASCII, such as `hostmaster@{domain_form}`: mail to `{}@{domain_form}`, as the label would be, hardly arrives",
        form(local)
    )
}
