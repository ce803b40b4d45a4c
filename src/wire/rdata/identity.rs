//! The fields of IPSECKEY (RFC 4025) and HIP (RFC 8005) whose form or place depends on other fields.
//!
//! In: tokens or octets, with the octets before. Out: octets, lengths or text. Never here: keys as such.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::encoding::Encoding;
use super::fault::{RdataFault, RdataFaultKind};
use super::flaw::{Flaw, fixed, name_length};
use super::layout::Field;
use super::name_field::name_text;
use super::name_field::read_name;
use super::source::read_symbols;
use super::source::{Draft, Source, shown};

/// Octets of a HIP field before the HIT: its length, the algorithm, the length of the key.
const HIP_HEAD: usize = 4;

/// Returns the gateway type, which is the second octet (RFC 4025, section 2.3).
fn gateway_type(before: &[u8]) -> Option<u8> {
    before.get(1).copied()
}

/// Reads the gateway in the form that its type asks for.
pub(super) fn read_gateway(
    field: &Field,
    source: &mut Source<'_, '_>,
    draft: &mut Draft,
) -> Result<(), RdataFault> {
    let token = source.take_word(field)?;
    let fault = |wanted: &str| {
        let found = shown(token.raw);
        let message = format!("the gateway of IPSECKEY must be {wanted}, not `{found}`");
        RdataFault::new(RdataFaultKind::Address, message).at(&token.range)
    };
    match gateway_type(&draft.octets) {
        Some(0) if token.raw == "." => {}
        Some(0) => return Err(fault("`.`, as its type is 0")),
        Some(1) => {
            let address: Ipv4Addr = token
                .raw
                .parse()
                .map_err(|_| fault("an IPv4 address, as its type is 1"))?;
            draft.octets.extend(address.octets());
        }
        Some(2) => {
            let address: Ipv6Addr = token
                .raw
                .parse()
                .map_err(|_| fault("an IPv6 address, as its type is 2"))?;
            draft.octets.extend(address.octets());
        }
        Some(3) => return read_name(field, token, source, draft),
        _ => {
            let message = "the gateway type of IPSECKEY must be 0, 1 (IPv4), 2 (IPv6) or 3 (name)";
            return Err(RdataFault::new(RdataFaultKind::Number, message).at(&token.range));
        }
    }
    Ok(())
}

/// Reads the key; there is none if the algorithm is 0.
pub(super) fn read_gateway_key(
    source: &mut Source<'_, '_>,
    draft: &mut Draft,
) -> Result<(), RdataFault> {
    if draft.octets.get(2) != Some(&0) && source.peek().is_none() {
        return Err(source.missing());
    }
    draft
        .octets
        .extend(read_symbols(Encoding::Base64, source.take_rest())?);
    Ok(())
}

/// Measures the gateway.
pub(super) fn check_gateway(before: &[u8], rest: &[u8]) -> Result<usize, Flaw> {
    match gateway_type(before) {
        Some(0) => Ok(0),
        Some(1) => fixed(rest, 4),
        Some(2) => fixed(rest, 16),
        Some(3) => name_length(rest),
        _ => Err(Flaw::rule("has an unknown type")),
    }
}

/// Checks that there is a key exactly if there is an algorithm.
pub(super) fn check_gateway_key(before: &[u8], rest: &[u8]) -> Result<usize, Flaw> {
    let has_algorithm = before.get(2).is_some_and(|&algorithm| algorithm != 0);
    match (has_algorithm, rest.is_empty()) {
        (true, true) => Err(Flaw::rule("is missing, though an algorithm is given")),
        (false, false) => Err(Flaw::rule("is given without an algorithm")),
        _ => Ok(rest.len()),
    }
}

/// Writes the gateway.
pub(super) fn gateway_text(before: &[u8], octets: &[u8]) -> String {
    match gateway_type(before) {
        Some(1) => <[u8; 4]>::try_from(octets).map_or_else(
            |_| String::new(),
            |octets| Ipv4Addr::from(octets).to_string(),
        ),
        Some(2) => <[u8; 16]>::try_from(octets).map_or_else(
            |_| String::new(),
            |octets| Ipv6Addr::from(octets).to_string(),
        ),
        Some(3) => name_text(octets),
        _ => ".".to_owned(),
    }
}

/// Reads algorithm, HIT and public key of HIP (RFC 8005, section 6).
pub(super) fn read_host(source: &mut Source<'_, '_>, draft: &mut Draft) -> Result<(), RdataFault> {
    let algorithm_token = source.take()?;
    let algorithm: u8 = super::number::read_decimal(algorithm_token.raw)
        .and_then(|number| u8::try_from(number).ok())
        .ok_or_else(|| {
            let found = shown(algorithm_token.raw);
            let message =
                format!("the algorithm of HIP must be a number from 0 to 255, not `{found}`");
            RdataFault::new(RdataFaultKind::Number, message).at(&algorithm_token.range)
        })?;
    let hit_token = source.take()?;
    let hit = read_symbols(Encoding::Hex, std::slice::from_ref(hit_token))?;
    let key_token = source.take()?;
    let key = read_symbols(Encoding::Base64, std::slice::from_ref(key_token))?;
    let too_long = |what: &str, token: &crate::wire::text::Token<'_>| {
        let message = format!("the {what} of HIP is too long");
        RdataFault::new(RdataFaultKind::Encoding, message).at(&token.range)
    };
    let hit_length = u8::try_from(hit.len()).map_err(|_| too_long("HIT", hit_token))?;
    let key_length = u16::try_from(key.len()).map_err(|_| too_long("public key", key_token))?;
    draft.octets.extend([hit_length, algorithm]);
    draft.push_u16(key_length);
    draft.octets.extend(hit);
    draft.octets.extend(key);
    Ok(())
}

/// Splits a HIP field into algorithm, HIT and key.
fn host_parts(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[hit_length, algorithm, high, low], rest) = octets.split_first_chunk::<HIP_HEAD>()?;
    let (hit, rest) = rest.split_at_checked(usize::from(hit_length))?;
    let key = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
    Some((algorithm, hit, key))
}

/// Measures a HIP field.
pub(super) fn check_host(rest: &[u8]) -> Result<usize, Flaw> {
    let (_, hit, key) = host_parts(rest).ok_or_else(Flaw::ends_early)?;
    if hit.is_empty() || key.is_empty() {
        return Err(Flaw::rule("must not be empty"));
    }
    Ok(HIP_HEAD + hit.len() + key.len())
}

/// Writes a HIP field.
pub(super) fn host_text(octets: &[u8]) -> String {
    host_parts(octets).map_or_else(String::new, |(algorithm, hit, key)| {
        format!(
            "{algorithm} {} {}",
            Encoding::Hex.encode(hit),
            Encoding::Base64.encode(key)
        )
    })
}
