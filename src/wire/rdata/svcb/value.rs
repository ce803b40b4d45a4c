//! Checker of service parameters, one by one and together.
//!
//! In: octets. Out: success, or a fault. Never here: text.

use super::key::Key;
use crate::wire::rdata::flaw::Flaw;

/// Priority 0: the record is an alias (RFC 9460, section 2.4.2).
pub(in crate::wire::rdata) fn is_alias(octets: &[u8]) -> bool {
    octets.starts_with(&[0, 0])
}

/// Checks the parameters of a record whose priority and target come `before`.
pub(in crate::wire::rdata) fn check_parameters(before: &[u8], rest: &[u8]) -> Result<usize, Flaw> {
    if is_alias(before) && !rest.is_empty() {
        return Err(Flaw::rule(ALIAS_TAKES_NONE));
    }
    let mut pairs: Vec<(Key, &[u8])> = Vec::new();
    let mut left = rest;
    while !left.is_empty() {
        let (key, value, next) = split_parameter(left).ok_or_else(Flaw::ends_early)?;
        // RFC 9460, section 2.2: strictly increasing.
        if pairs.last().is_some_and(|(last, _)| *last >= key) {
            return Err(Flaw::rule("the keys are not in ascending order"));
        }
        check_value(key, value).map_err(|says| Flaw::rule(format!("`{key}` {says}")))?;
        pairs.push((key, value));
        left = next;
    }
    check_together(&pairs).map_err(|(_, says)| Flaw::rule(says))?;
    Ok(rest.len())
}

/// Fault of parameters in AliasMode.
pub(super) const ALIAS_TAKES_NONE: &str = "an alias (priority 0) takes no parameters";

/// Takes one parameter off the front.
pub(super) fn split_parameter(octets: &[u8]) -> Option<(Key, &[u8], &[u8])> {
    let (&[key_high, key_low, high, low], rest) = octets.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((Key(u16::from_be_bytes([key_high, key_low])), value, rest))
}

/// Checks one value; the fault is a verb phrase.
pub(super) fn check_value(key: Key, value: &[u8]) -> Result<(), &'static str> {
    match key {
        Key::MANDATORY => check_mandatory(value),
        Key::ALPN => check_alpn(value),
        Key::NO_DEFAULT_ALPN | Key::OHTTP if !value.is_empty() => Err("takes no value"),
        Key::PORT if value.len() != 2 => Err("must be one port number"),
        Key::IPV4HINT => check_size(value, 4, "must be one or more IPv4 addresses"),
        Key::IPV6HINT => check_size(value, 16, "must be one or more IPv6 addresses"),
        Key::ECH if value.is_empty() => Err("must not be empty"),
        Key::DOHPATH => check_dohpath(value),
        Key::INVALID => Err("is reserved as invalid"),
        _ => Ok(()),
    }
}

fn check_size(value: &[u8], size: usize, says: &'static str) -> Result<(), &'static str> {
    if value.is_empty() || !value.len().is_multiple_of(size) {
        Err(says)
    } else {
        Ok(())
    }
}

/// Lists the keys in the value of `mandatory`.
pub(super) fn mandatory_keys(value: &[u8]) -> impl Iterator<Item = Key> {
    value
        .as_chunks::<2>()
        .0
        .iter()
        .map(|octets| Key(u16::from_be_bytes(*octets)))
}

/// RFC 9460, section 8: ascending, not empty, without `mandatory` itself.
fn check_mandatory(value: &[u8]) -> Result<(), &'static str> {
    check_size(value, 2, "must be a list of keys")?;
    let keys: Vec<Key> = mandatory_keys(value).collect();
    if keys.contains(&Key::MANDATORY) {
        return Err("must not list itself");
    }
    if !keys.windows(2).all(|pair| matches!(pair, [a, b] if a < b)) {
        return Err("must list each key once, in ascending order");
    }
    Ok(())
}

/// RFC 9460, section 7.1.1: protocol ids of 1 to 255 octets, at least one.
fn check_alpn(value: &[u8]) -> Result<(), &'static str> {
    let mut left = value;
    loop {
        let Some((&length, after)) = left.split_first().filter(|(length, _)| **length > 0) else {
            return Err("must be one or more protocol ids, none empty");
        };
        left = after.get(usize::from(length)..).ok_or("ends early")?;
        if left.is_empty() {
            return Ok(());
        }
    }
}

/// RFC 9461, section 5: a relative URI template in UTF-8 with a variable `dns`.
fn check_dohpath(value: &[u8]) -> Result<(), &'static str> {
    let path = std::str::from_utf8(value).map_err(|_| "must be UTF-8")?;
    if !path.starts_with('/') {
        return Err("must start with `/`");
    }
    let has_variable = path.split('{').skip(1).any(|expression| {
        let inner = expression.split('}').next().unwrap_or_default();
        let names = inner.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']);
        names
            .split(',')
            .any(|name| name.trim_end_matches('*') == "dns")
    });
    if has_variable {
        Ok(())
    } else {
        Err("must hold the variable `dns`, as in `/dns-query{?dns}`")
    }
}

/// Checks the rules between parameters; names the key at fault.
pub(super) fn check_together(pairs: &[(Key, &[u8])]) -> Result<(), (Key, String)> {
    let has = |wanted: Key| pairs.iter().any(|(key, _)| *key == wanted);
    if let Some((_, value)) = pairs.iter().find(|(key, _)| *key == Key::MANDATORY)
        && let Some(missing) = mandatory_keys(value).find(|key| !has(*key))
    {
        let says = format!("`mandatory` lists `{missing}`, which the record does not have");
        return Err((Key::MANDATORY, says));
    }
    // RFC 9460, section 7.1.1: otherwise no protocol would be left.
    if has(Key::NO_DEFAULT_ALPN) && !has(Key::ALPN) {
        return Err((
            Key::NO_DEFAULT_ALPN,
            "`no-default-alpn` needs `alpn` beside it".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_values() {
        let cases: [(Key, &[u8], bool); 18] = [
            (Key::MANDATORY, &[0, 1, 0, 3], true),
            (Key::MANDATORY, &[0, 3, 0, 1], false),
            (Key::MANDATORY, &[0, 1, 0, 1], false),
            (Key::MANDATORY, &[0, 0], false),
            (Key::MANDATORY, &[], false),
            (Key::ALPN, b"\x02h2\x02h3", true),
            (Key::ALPN, b"\x02h", false),
            (Key::ALPN, b"\x00", false),
            (Key::ALPN, b"", false),
            (Key::NO_DEFAULT_ALPN, b"x", false),
            (Key::PORT, &[1], false),
            (Key::IPV4HINT, &[1, 2, 3, 4, 5], false),
            (Key::IPV6HINT, &[0; 16], true),
            (Key::DOHPATH, b"/dns-query{?dns}", true),
            (Key::DOHPATH, b"/q{?a,dns}", true),
            (Key::DOHPATH, b"/dns", false),
            (Key::DOHPATH, b"dns-query{?dns}", false),
            (Key::INVALID, b"", false),
        ];
        for (key, value, is_good) in cases {
            assert_eq!(check_value(key, value).is_ok(), is_good, "{key} {value:?}");
        }
    }

    #[test]
    fn checks_order_and_mode() {
        let service = [0, 1, 0];
        assert_eq!(check_parameters(&service, &[0, 3, 0, 2, 1, 187]), Ok(6));
        assert!(check_parameters(&service, &[0, 3, 0, 2, 1]).is_err());
        assert!(check_parameters(&service, &[0, 3, 0, 2, 1, 187, 0, 3, 0, 2, 1, 187]).is_err());
        assert!(check_parameters(&[0, 0, 0], &[0, 3, 0, 2, 1, 187]).is_err());
        assert_eq!(check_parameters(&[0, 0, 0], &[]), Ok(0));
        assert!(check_parameters(&service, &[0, 2, 0, 0]).is_err());
        assert!(check_parameters(&service, &[0, 0, 0, 2, 0, 1]).is_err());
    }
}
