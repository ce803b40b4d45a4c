//! Checker of RDATA: finds the fields of a type in octets.
//!
//! In: a type and octets without compression. Out: the ranges of the fields, or a fault. Never here: text.

use std::ops::Range;

use super::fault::{RdataFault, RdataFaultKind, count_octets};
use super::flaw::{Flaw, fixed, name_length};
use super::layout::{Field, Kind, find_layout, is_data};
use super::rules::check_rules;
use super::source::RDATA_MAX;
use super::{bitmap, identity, location, prefix, svcb, unusual};
use crate::wire::code::Rtype;

/// Checks that octets are well-formed RDATA of a type; types without a known form take any octets.
///
/// # Errors
/// The first fault, without a place.
pub fn check_rdata(rtype: Rtype, octets: &[u8]) -> Result<(), RdataFault> {
    if !is_data(rtype) {
        let message = format!("{rtype} lives in messages only and can be no data of a zone");
        return Err(RdataFault::new(RdataFaultKind::NotData, message));
    }
    let fields = find_layout(rtype).map_or(&[][..], |layout| layout.fields);
    if fields.is_empty() {
        return check_length(rtype, octets);
    }
    find_parts(rtype, fields, octets)
        .map(|_| ())
        .map_err(|(_, fault)| fault)
}

fn check_length(rtype: Rtype, octets: &[u8]) -> Result<(), RdataFault> {
    if octets.len() <= RDATA_MAX {
        return Ok(());
    }
    let message = format!(
        "the RDATA of {rtype} has {} octets; at most {RDATA_MAX} fit",
        octets.len()
    );
    Err(RdataFault::new(RdataFaultKind::Length, message))
}

/// Finds the range of each field and checks fields and rules; a fault comes with the index of its field.
pub(super) fn find_parts(
    rtype: Rtype,
    fields: &[Field],
    octets: &[u8],
) -> Result<Vec<Range<usize>>, (usize, RdataFault)> {
    let last = fields.len().saturating_sub(1);
    check_length(rtype, octets).map_err(|fault| (last, fault))?;
    let mut parts = Vec::with_capacity(fields.len());
    let mut at = 0;
    for (index, field) in fields.iter().enumerate() {
        let (before, rest) = octets.split_at_checked(at).unwrap_or((octets, &[]));
        let length = measure(field.kind, before, rest)
            .map_err(|flaw| (index, flaw.into_fault(field, rtype)))?;
        parts.push(at..at + length);
        at += length;
    }
    if at < octets.len() {
        let extra = count_octets(octets.len() - at);
        let message = format!("{extra} too many at the end of {rtype}");
        return Err((last, RdataFault::new(RdataFaultKind::Length, message)));
    }
    check_rules(rtype, octets, &parts)
        .map_err(|(index, flaw)| (index, flaw.into_fault(&fields[index], rtype)))?;
    Ok(parts)
}

/// Checks one field at the start of `rest`; returns its length in octets.
fn measure(kind: Kind, before: &[u8], rest: &[u8]) -> Result<usize, Flaw> {
    match kind {
        Kind::U8 | Kind::Algorithm => fixed(rest, 1),
        Kind::U16 | Kind::CertType | Kind::Rtype => fixed(rest, 2),
        Kind::U32 | Kind::Seconds | Kind::Timestamp | Kind::Ipv4 => fixed(rest, 4),
        Kind::Ipv6 => fixed(rest, 16),
        Kind::Node => fixed(rest, 8),
        Kind::Eui(size) => fixed(rest, size),
        Kind::Name(_) | Kind::Mailbox(_) => name_length(rest),
        Kind::Names => repeat(rest, name_length),
        Kind::String => string_length(rest),
        Kind::Strings if rest.is_empty() => Err(Flaw::ends_early()),
        Kind::Strings => repeat(rest, string_length),
        Kind::Tag => tag_length(rest),
        Kind::Text => Ok(rest.len()),
        Kind::Base64 | Kind::Hex if rest.is_empty() => Err(Flaw::rule("must not be empty")),
        Kind::Base64 | Kind::Hex => Ok(rest.len()),
        Kind::Base64OrNone | Kind::Base64OrDash => Ok(rest.len()),
        Kind::Salt => string_length(rest),
        Kind::Hash if rest.first() == Some(&0) => Err(Flaw::rule("must not be empty")),
        Kind::Hash => string_length(rest),
        Kind::Types => bitmap::check(rest),
        Kind::OldTypes => bitmap::check_old(rest),
        Kind::Gateway => identity::check_gateway(before, rest),
        Kind::GatewayKey => identity::check_gateway_key(before, rest),
        Kind::HostIdentity => identity::check_host(rest),
        Kind::Prefixes => prefix::check(rest),
        Kind::Location => location::check(rest),
        Kind::Parameters => svcb::check_parameters(before, rest),
        _ => unusual::measure(kind, before, rest),
    }
}

fn string_length(rest: &[u8]) -> Result<usize, Flaw> {
    let length = rest
        .first()
        .map(|&length| usize::from(length))
        .ok_or_else(Flaw::ends_early)?;
    fixed(rest, 1 + length)
}

/// RFC 8659, section 4.1: letters and digits, at least one.
fn tag_length(rest: &[u8]) -> Result<usize, Flaw> {
    let length = string_length(rest)?;
    let tag = rest.get(1..length).unwrap_or_default();
    if tag.is_empty() || !tag.iter().all(u8::is_ascii_alphanumeric) {
        return Err(Flaw::rule(
            "must be made of letters and digits, like `issue`, `issuewild` or `iodef`",
        ));
    }
    Ok(length)
}

/// Measures items up to the end of `rest`.
fn repeat(rest: &[u8], item: fn(&[u8]) -> Result<usize, Flaw>) -> Result<usize, Flaw> {
    let mut at = 0;
    while let Some(left) = rest.get(at..).filter(|left| !left.is_empty()) {
        at += item(left)?;
    }
    Ok(rest.len())
}
