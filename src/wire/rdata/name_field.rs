//! A name as a field: read as it was written, and written.
//!
//! In: a token and the origin, or octets. Out: octets with a note of what was written, or text. Never here: whether the name
//! exists.

use std::net::IpAddr;

use super::fault::{RdataFault, RdataFaultKind};
use super::layout::{Field, Kind};
use super::source::{Draft, Source, WrittenName, shown, wrong};
use crate::wire::idn::help_with_ascii;
use crate::wire::name::Name;
use crate::wire::text::Token;

/// Reads a name and notes how it was written.
pub(super) fn read_name(
    field: &Field,
    token: &Token<'_>,
    source: &Source<'_, '_>,
    draft: &mut Draft,
) -> Result<(), RdataFault> {
    let raw = token.raw;
    let subject = source.subject(field.noun());
    if let Some(fault) = find_name_habit(field, token, source) {
        return Err(fault);
    }
    let name = Name::parse(raw, source.origin).map_err(|found| {
        let message = format!("{subject} is no domain name, `{}`: {found}", shown(raw));
        wrong(RdataFaultKind::Name, token, message)
    })?;
    // Read without the origin, the labels are those written.
    let written = match raw {
        "@" => None,
        _ => Name::parse_absolute(raw).ok(),
    };
    draft.octets.extend_from_slice(name.octets());
    draft.names.push(WrittenName {
        name,
        is_relative: !ends_in_dot(raw),
        labels_written: written.map_or(0, |written| written.label_count()),
        text: raw.to_owned(),
    });
    Ok(())
}

/// Returns whether the last dot is a separator, not an escaped one.
fn ends_in_dot(raw: &str) -> bool {
    let Some(before) = raw.strip_suffix('.') else {
        return false;
    };
    let backslashes = before
        .bytes()
        .rev()
        .take_while(|&octet| octet == b'\\')
        .count();
    backslashes.is_multiple_of(2)
}

/// Finds what people write where a name belongs: quotes, an address, a mailbox, a name in another script.
fn find_name_habit(
    field: &Field,
    token: &Token<'_>,
    source: &Source<'_, '_>,
) -> Option<RdataFault> {
    let raw = token.raw;
    let subject = source.subject(field.noun());
    let fault = |message: String| Some(wrong(RdataFaultKind::Name, token, message));
    if token.is_quoted {
        return fault(format!("{subject} is written without quotes"))
            .map(|fault| fault.help(format!("write `{}`", shown(raw))));
    }
    if !raw.is_ascii() {
        return fault(format!(
            "{subject} has characters outside ASCII: `{}`",
            shown(raw)
        ))
        .map(|fault| match help_with_ascii(raw) {
            Some(help) => fault.help(help),
            None => fault,
        });
    }
    let is_reverse = source
        .origin
        .labels()
        .last()
        .is_some_and(|top| top.eq_ignore_ascii_case(b"arpa"));
    if !is_reverse && raw.parse::<IpAddr>().is_ok() {
        return fault(format!("{subject} must be a name, not the address `{raw}`")).map(|fault| {
            fault.help("give the address a name with A or AAAA, and write that name here")
        });
    }
    let at = raw
        .find('@')
        .filter(|&at| raw.len() > 1 && !raw[..at].ends_with('\\'))?;
    let (local, host) = (&raw[..at], &raw[at + 1..]);
    let found = fault(format!(
        "{subject} holds `@`, which stands for the origin only when it stands alone"
    ))?;
    Some(match field.kind {
        Kind::Mailbox(_) => {
            let dot = if host.ends_with('.') { "" } else { "." };
            found.help(format!(
                "write the mailbox as a name: `{}.{host}{dot}`",
                local.replace('.', "\\.")
            ))
        }
        _ => found.help("write `\\@` if the character is meant"),
    })
}

pub(super) fn name_text(octets: &[u8]) -> String {
    Name::from_wire(octets).map_or_else(|_| String::new(), |(name, _)| name.to_string())
}
