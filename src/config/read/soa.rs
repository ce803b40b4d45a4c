//! `[soa]`: the start of authority.
//!
//! In: the table, if it is written. Out: a [`SoaModel`] with every default. Never here: the serial that the loader makes.

use super::reader::Reader;
use super::table::Value;
use crate::config::diagnostic::Diagnostic;
use crate::config::model::{SoaModel, Span};
use crate::wire::Name;

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
    let Some((local, domain)) = text.split_once('@').filter(|_| text != "@") else {
        return reader.rdata_name(value);
    };
    let name = Name::parse_absolute(domain).and_then(|domain| domain.child(local.as_bytes()));
    match name {
        Ok(name) => Some(name),
        Err(fault) => {
            reader.faults.push(
                Diagnostic::fault(
                    "L020",
                    Span(value.range.clone()),
                    &value.path,
                    format!("`{text}` is no mailbox: {fault}"),
                )
                .label("not a mailbox"),
            );
            None
        }
    }
}
