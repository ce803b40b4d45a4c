//! Names that lost their final dot: they repeat the zone that they were made relative to, or end in a top-level domain
//! before it.
//!
//! In: a name and the apex of its zone in wire form. Out: the sign that the name was meant to be absolute. Never here:
//! whether the name exists.

/// Sign that a name was meant to be absolute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostDot {
    /// The zone stands in it twice: `www.example.com.example.com.`
    RepeatsZone,
    /// A top-level domain that most domains are below stands before the zone: `lb.example.net.example.com.`
    EndsInTop,
}

/// Top-level domains in wire form that a name inside another zone hardly ends in by intent: those that most are below.
const TOPS: [&[u8]; 9] = [
    b"\x03com",
    b"\x03net",
    b"\x03org",
    b"\x03edu",
    b"\x03gov",
    b"\x03mil",
    b"\x04info",
    b"\x03biz",
    b"\x04arpa",
];

/// Finds a sign that a name below an apex was meant to be absolute.
pub fn find_lost_dot(name: &[u8], apex: &[u8]) -> Option<LostDot> {
    // Without the root label, as an apex stands in the middle of a name.
    let tail = apex.strip_suffix(b"\0").filter(|tail| !tail.is_empty())?;
    let inner = name.get(..name.len().checked_sub(apex.len())?)?;
    if ends_with(inner, tail) {
        return Some(LostDot::RepeatsZone);
    }
    let ends_in_top = |top: &&[u8]| inner.len() > top.len() && ends_with(inner, top);
    TOPS.iter().any(ends_in_top).then_some(LostDot::EndsInTop)
}

fn ends_with(name: &[u8], end: &[u8]) -> bool {
    let from = name.len().checked_sub(end.len());
    let part = from.and_then(|from| name.get(from..));
    part.is_some_and(|part| part.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;

    #[test]
    fn tells_names_that_were_meant_to_be_absolute() {
        let cases = [
            (
                "www.example.com.example.com",
                "example.com",
                Some(LostDot::RepeatsZone),
            ),
            (
                "Example.COM.example.com",
                "example.com",
                Some(LostDot::RepeatsZone),
            ),
            (
                "lb.example.net.example.com",
                "example.com",
                Some(LostDot::EndsInTop),
            ),
            (
                "host.example.com.2.0.192.in-addr.arpa",
                "2.0.192.in-addr.arpa",
                Some(LostDot::EndsInTop),
            ),
            ("net.example.com", "example.com", None),
            ("www.example.com", "example.com", None),
            ("www.network.example.com", "example.com", None),
            ("example.com", "example.com", None),
            ("com.com", "com", Some(LostDot::RepeatsZone)),
            ("www.example.com", ".", None),
        ];
        for (name, apex, wanted) in cases {
            let parse = |text| Name::parse_absolute(text).expect("a name");
            let found = find_lost_dot(parse(name).octets(), parse(apex).octets());
            assert_eq!(found, wanted, "{name}");
        }
    }
}
