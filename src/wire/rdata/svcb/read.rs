//! Service parameters from text (RFC 9460, section 2.1 and appendix A).
//!
//! In: `key=value` words in any order. Out: parameters in wire order; hints written as `auto` are noted and left out.
//! Never here: reading of plain fields.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::key::{IsGeneric, Key};
use super::value::{ALIAS_TAKES_NONE, check_together, check_value, is_alias, mandatory_keys};
use crate::wire::rdata::encoding::Encoding;
use crate::wire::rdata::fault::{RdataFault, RdataFaultKind};
use crate::wire::rdata::number::read_decimal;
use crate::wire::rdata::source::read_symbols;
use crate::wire::rdata::source::{Draft, Source, shown};
use crate::wire::text::Token;

/// The word that asks for a hint from the decision for the target name.
const AUTO: &str = "auto";

/// Value of one word.
enum Value {
    Octets(Vec<u8>),
    Auto,
}

/// Reads the parameters that are left; there may be none.
pub(in crate::wire::rdata) fn read_parameters(
    source: &mut Source<'_, '_>,
    draft: &mut Draft,
) -> Result<(), RdataFault> {
    let rtype = source.layout.rtype;
    let mut places: BTreeMap<Key, Range<usize>> = BTreeMap::new();
    let mut values: BTreeMap<Key, Value> = BTreeMap::new();
    for token in source.take_rest() {
        if is_alias(&draft.octets) {
            return Err(rule(token, format!("{rtype}: {ALIAS_TAKES_NONE}"))
                .help("use priority 1 or higher for a record with parameters"));
        }
        let (key, value) = read_parameter(token)?;
        if values.insert(key, value).is_some() {
            return Err(rule(token, format!("`{key}` is written twice")));
        }
        places.insert(key, token.range.clone());
    }
    check_auto_is_optional(&values, &places)?;
    let mut pairs = Vec::with_capacity(values.len());
    for (key, value) in &values {
        match value {
            Value::Octets(octets) => pairs.push((*key, octets.as_slice())),
            Value::Auto if *key == Key::IPV4HINT => draft.auto_hints.ipv4 = true,
            Value::Auto => draft.auto_hints.ipv6 = true,
        }
    }
    check_together(&pairs).map_err(|(key, says)| {
        let fault = RdataFault::new(RdataFaultKind::Rule, says);
        match places.get(&key) {
            Some(range) => fault.at(range),
            None => fault,
        }
    })?;
    for (key, octets) in pairs {
        let length = u16::try_from(octets.len()).map_err(|_| {
            RdataFault::new(
                RdataFaultKind::Length,
                format!("`{key}` is longer than 65535 octets"),
            )
        })?;
        draft.push_u16(key.0);
        draft.push_u16(length);
        draft.octets.extend_from_slice(octets);
    }
    Ok(())
}

fn rule(token: &Token<'_>, message: String) -> RdataFault {
    RdataFault::new(RdataFaultKind::Rule, message).at(&token.range)
}

/// An automatic hint is left out when there is no address, so a client must be able to do without it.
fn check_auto_is_optional(
    values: &BTreeMap<Key, Value>,
    places: &BTreeMap<Key, Range<usize>>,
) -> Result<(), RdataFault> {
    let Some(Value::Octets(mandatory)) = values.get(&Key::MANDATORY) else {
        return Ok(());
    };
    match mandatory_keys(mandatory).find(|key| matches!(values.get(key), Some(Value::Auto))) {
        Some(key) => {
            let message = format!(
                "`{key}=auto` cannot be mandatory: it is left out when there is no address"
            );
            let fault = RdataFault::new(RdataFaultKind::Rule, message);
            Err(fault.at(places.get(&Key::MANDATORY).unwrap_or(&(0..0))))
        }
        None => Ok(()),
    }
}

fn read_parameter(token: &Token<'_>) -> Result<(Key, Value), RdataFault> {
    let (word, value) = token.split_pair();
    let Some((key, is_generic)) = Key::parse(word.raw).filter(|_| !token.is_quoted) else {
        let message = format!("`{}` is no service parameter", shown(word.raw));
        let help = match Key::nearest(word.raw) {
            Some(near) => format!("did you mean `{near}`? keys are written in lower case"),
            None => "the keys are mandatory, alpn, no-default-alpn, port, ipv4hint, ech, ipv6hint, dohpath, ohttp, \
                     and keyNNNNN for any other"
                .to_owned(),
        };
        return Err(rule(&word, message).help(help));
    };
    let is_hint = matches!(key, Key::IPV4HINT | Key::IPV6HINT);
    let is_auto = value.as_ref().is_some_and(|value| value.raw == AUTO);
    if is_hint && is_auto && is_generic == IsGeneric::No {
        return Ok((key, Value::Auto));
    }
    let octets = match (is_generic, &value) {
        (IsGeneric::Yes, Some(value)) => value.to_octets()?,
        (IsGeneric::Yes, None) => Vec::new(),
        (IsGeneric::No, None) if matches!(key, Key::NO_DEFAULT_ALPN | Key::OHTTP) => Vec::new(),
        (IsGeneric::No, Some(value)) => read_value(key, value)?,
        (IsGeneric::No, None) => {
            let fault = rule(token, format!("`{key}` needs a value"));
            return Err(fault.help(format!("write it like `{}`", key.sample())));
        }
    };
    check_value(key, &octets).map_err(|says| {
        rule(token, format!("`{key}` {says}")).help(format!("write it like `{}`", key.sample()))
    })?;
    Ok((key, Value::Octets(octets)))
}

/// Reads the value of a key by its name.
fn read_value(key: Key, value: &Token<'_>) -> Result<Vec<u8>, RdataFault> {
    let octets = value.to_octets()?;
    let text = String::from_utf8_lossy(&octets);
    let wrong = |found: &str| {
        let fault = rule(value, format!("`{}` does not fit `{key}`", shown(found)));
        fault.help(format!("write it like `{}`", key.sample()))
    };
    match key {
        Key::MANDATORY => read_mandatory(&text).map_err(|found| wrong(&found)),
        Key::ALPN => read_alpn(&octets).ok_or_else(|| wrong(value.raw)),
        Key::PORT => read_decimal(&text)
            .and_then(|port| u16::try_from(port).ok())
            .map(|port| port.to_be_bytes().to_vec())
            .ok_or_else(|| wrong(&text)),
        Key::IPV4HINT => read_list(&text, |item| {
            item.parse::<Ipv4Addr>()
                .ok()
                .map(|address| address.octets().to_vec())
        })
        .map_err(|found| wrong(&found)),
        Key::IPV6HINT => read_list(&text, |item| {
            item.parse::<Ipv6Addr>()
                .ok()
                .map(|address| address.octets().to_vec())
        })
        .map_err(|found| wrong(&found)),
        Key::ECH => read_symbols(Encoding::Base64, std::slice::from_ref(value)),
        _ => Ok(octets),
    }
}

/// Reads items between commas; returns the item that does not fit.
fn read_list(text: &str, item: fn(&str) -> Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    for word in text.split(',') {
        octets.extend(item(word).ok_or_else(|| word.to_owned())?);
    }
    Ok(octets)
}

/// Reads the keys in any order and sorts them; a key that is listed twice stays so and is found by the check.
fn read_mandatory(text: &str) -> Result<Vec<u8>, String> {
    let mut keys = Vec::new();
    for word in text.split(',') {
        keys.push(Key::parse(word).ok_or_else(|| word.to_owned())?.0);
    }
    keys.sort_unstable();
    Ok(keys
        .into_iter()
        .flat_map(|key| key.0.to_be_bytes())
        .collect())
}

/// Reads a list in which `\,` and `\\` stand for a comma and a backslash (RFC 9460, appendix A.1).
fn read_alpn(text: &[u8]) -> Option<Vec<u8>> {
    let mut items: Vec<Vec<u8>> = vec![Vec::new()];
    let mut octets = text.iter();
    while let Some(&octet) = octets.next() {
        match (octet, items.last_mut()) {
            (b',', _) => items.push(Vec::new()),
            (b'\\', Some(item)) => item.push(*octets.next().filter(|next| b",\\".contains(next))?),
            (_, Some(item)) => item.push(octet),
            (_, None) => {}
        }
    }
    let mut value = Vec::with_capacity(text.len() + 1);
    for item in items {
        value.push(u8::try_from(item.len()).ok()?);
        value.extend(item);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_protocol_lists_with_escapes() {
        let cases: [(&[u8], Option<&[u8]>); 5] = [
            (b"h2,h3", Some(b"\x02h2\x02h3")),
            (br"f\\oo\,bar,h2", Some(b"\x08f\\oo,bar\x02h2")),
            (b"", Some(b"\x00")),
            (br"a\b", None),
            (br"a\", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(read_alpn(text).as_deref(), wanted, "{text:?}");
        }
    }
}
