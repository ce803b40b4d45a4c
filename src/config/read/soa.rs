//! `[soa]`: the start of authority.
//!
//! In: the table, if it is written. Out: a [`SoaModel`] with every default. Never here: the serial that the loader makes.

use super::known::{Key, finish, number, take_seconds};
use super::reader::Reader;
use crate::config::keys::KeyGroup;
use crate::config::values::{Table, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::model::SoaModel;
use crate::wire::{Name, NameFault, to_ascii_form};

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
        refresh: 0,
        retry: 0,
        expire: 0,
        ttl: 0,
        negative_ttl: 0,
    };
    let table = value.as_ref().map(|value| (value, value.as_table()));
    let mut table = match table {
        Some((_, Some(table))) => table,
        Some((value, None)) => {
            reader.faults.wrong_type(value, "a table: `[soa]`");
            return (None, soa);
        }
        None => Table::none(),
    };
    let mname = table
        .take_value("mname")
        .and_then(|value| reader.rdata_name(&value));
    if let Some(value) = table.take_value("rname")
        && let Some(rname) = read_rname(reader, &value)
    {
        soa.rname = rname;
    }
    let key = |key| Key(KeyGroup::Soa, key, "");
    let faults = &mut reader.faults;
    let serial = table.take_value("serial");
    soa.serial = serial.and_then(|value| number(&value, key("serial"), faults));
    let mut time = |name| take_seconds(&mut table, key(name), faults).unwrap_or_default();
    soa.refresh = time("refresh");
    soa.retry = time("retry");
    soa.expire = time("expire");
    soa.ttl = time("ttl");
    soa.negative_ttl = time("negative-ttl");
    finish(
        table,
        "`[soa]`",
        (&[KeyGroup::Soa], &[]),
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
