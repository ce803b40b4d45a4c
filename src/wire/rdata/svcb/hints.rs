//! Hints that stay open until they are asked for: `ipv4hint=auto` and `ipv6hint=auto` of SVCB and HTTPS.
//!
//! In: RDATA, and which hints were written as `auto`. Out: RDATA in which these stand as keys without a value, which no
//! message may carry (RFC 9460, section 7.3), and later whole RDATA. Never here: which addresses; allocation in filling.

use super::key::Key;
use super::value::{is_alias, split_parameter};
use crate::wire::rdata::source::AutoHints;
use crate::wire::rdata::write::rdata_text;
use crate::wire::{Name, Rtype};

/// Puts open hints among the parameters, in their order.
pub fn open_hints(rdata: &[u8], auto: AutoHints) -> Box<[u8]> {
    let Some((before, mut left)) = split_parameters(rdata) else {
        return rdata.into();
    };
    let mut wanted: Vec<Key> = Vec::new();
    wanted.extend(auto.ipv4.then_some(Key::IPV4HINT));
    wanted.extend(auto.ipv6.then_some(Key::IPV6HINT));
    wanted.reverse();
    let mut octets = before.to_vec();
    let push_open = |octets: &mut Vec<u8>, key: Key| {
        octets.extend_from_slice(&key.0.to_be_bytes());
        octets.extend_from_slice(&[0, 0]);
    };
    while let Some((key, value, next)) = split_parameter(left) {
        while let Some(open) = wanted.pop_if(|open| *open < key) {
            push_open(&mut octets, open);
        }
        octets.extend_from_slice(&left[..4 + value.len()]);
        left = next;
    }
    while let Some(open) = wanted.pop() {
        push_open(&mut octets, open);
    }
    octets.into()
}

/// Returns the hints that are open.
pub fn hints_left_open(rtype: Rtype, rdata: &[u8]) -> AutoHints {
    let mut open = AutoHints::default();
    let is_service = matches!(rtype, Rtype::SVCB | Rtype::HTTPS) && !is_alias(rdata);
    let Some((_, mut left)) = split_parameters(rdata).filter(|_| is_service) else {
        return open;
    };
    while let Some((key, value, next)) = split_parameter(left) {
        open.ipv4 |= key == Key::IPV4HINT && value.is_empty();
        open.ipv6 |= key == Key::IPV6HINT && value.is_empty();
        left = next;
    }
    open
}

/// Hands out RDATA piece by piece with its open hints filled; those without an address are left out.
#[inline]
pub fn fill_hints(rdata: &[u8], ipv4: &[u8], ipv6: &[u8], mut write: impl FnMut(&[u8])) {
    let Some((before, mut left)) = split_parameters(rdata) else {
        return write(rdata);
    };
    write(before);
    while let Some((key, value, next)) = split_parameter(left) {
        let hints = match key {
            Key::IPV4HINT if value.is_empty() => Some(ipv4),
            Key::IPV6HINT if value.is_empty() => Some(ipv6),
            _ => None,
        };
        match hints {
            None => write(&left[..4 + value.len()]),
            Some([]) => {}
            Some(hints) => {
                write(&key.0.to_be_bytes());
                write(&(hints.len() as u16).to_be_bytes());
                write(hints);
            }
        }
        left = next;
    }
}

/// Writes RDATA as a zone file has it: as [`rdata_text`] does, with open hints as `auto`.
pub fn written_text(rtype: Rtype, rdata: &[u8]) -> String {
    let open = hints_left_open(rtype, rdata);
    if open == AutoHints::default() {
        return rdata_text(rtype, rdata);
    }
    let mut text = rdata_text(rtype, &without_open_hints(rdata));
    for (is_open, key) in [(open.ipv4, Key::IPV4HINT), (open.ipv6, Key::IPV6HINT)] {
        if is_open {
            text += &format!(" {key}=auto");
        }
    }
    text
}

/// Returns RDATA without its open hints, as any message may carry it.
pub fn without_open_hints(rdata: &[u8]) -> Box<[u8]> {
    let mut octets = Vec::with_capacity(rdata.len());
    fill_hints(rdata, &[], &[], |piece| octets.extend_from_slice(piece));
    octets.into()
}

/// Splits priority and target from the parameters.
fn split_parameters(rdata: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, len) = Name::from_wire(rdata.get(2..)?).ok()?;
    rdata.split_at_checked(2 + len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::parse_rdata;

    /// The record as text with its hints filled.
    fn filled(text: &str, ipv4: &[u8], ipv6: &[u8]) -> String {
        let apex = Name::parse_absolute("example.com.").expect("a name");
        let parsed = parse_rdata(Rtype::HTTPS, text, &apex).expect("a record");
        let open = open_hints(&parsed.octets, parsed.auto_hints);
        assert_eq!(
            hints_left_open(Rtype::HTTPS, &open),
            parsed.auto_hints,
            "{text}"
        );
        let mut octets = Vec::new();
        fill_hints(&open, ipv4, ipv6, |piece| octets.extend_from_slice(piece));
        assert_eq!(
            hints_left_open(Rtype::HTTPS, &octets),
            AutoHints::default(),
            "{text}"
        );
        rdata_text(Rtype::HTTPS, &octets)
    }

    #[test]
    fn fills_open_hints_in_their_order_and_leaves_out_what_is_empty() {
        let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        #[rustfmt::skip]
        let cases = [
            ("1 . ipv4hint=auto", &[192, 0, 2, 1][..], &[][..], "1 . ipv4hint=192.0.2.1"),
            ("1 . ipv4hint=auto", &[], &v6, "1 ."),
            ("1 . ipv6hint=auto port=8443 ipv4hint=auto ech=AEj+DQBE", &[192, 0, 2, 1, 192, 0, 2, 2], &v6,
             "1 . port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AEj+DQBE ipv6hint=2001:db8::1"),
            ("1 svc alpn=h2 ipv6hint=auto", &[], &v6, "1 svc.example.com. alpn=h2 ipv6hint=2001:db8::1"),
            ("1 svc ipv4hint=198.51.100.1 ipv6hint=auto", &[192, 0, 2, 1], &[],
             "1 svc.example.com. ipv4hint=198.51.100.1"),
        ];
        for (text, ipv4, ipv6, wanted) in cases {
            assert_eq!(filled(text, ipv4, ipv6), wanted, "{text}");
        }
    }

    #[test]
    fn open_hints_are_written_as_auto() {
        let apex = Name::parse_absolute("example.com.").expect("a name");
        let text = "1 . alpn=h2 ipv4hint=auto ipv6hint=auto";
        let parsed = parse_rdata(Rtype::HTTPS, text, &apex).expect("a record");
        let open = open_hints(&parsed.octets, parsed.auto_hints);
        assert_eq!(written_text(Rtype::HTTPS, &open), text);
        assert_eq!(without_open_hints(&open), parsed.octets);
        assert!(
            crate::wire::check_rdata(Rtype::HTTPS, &open).is_err(),
            "no message carries this"
        );
    }
}
