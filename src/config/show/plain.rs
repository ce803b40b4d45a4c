//! A zone of static records, short enough to go on with by hand: one line for each type of a name.
//!
//! In: records grouped by owner. Out: TOML that reads back to the same records; names inside the zone are relative where
//! the zone has them. Never here: policies, defaults (they are left out), which records a zone may hold.

use std::collections::HashSet;

use super::text::{key, list, quote, seconds};
use crate::model::{NS_TTL_DEFAULT, SoaModel};
use crate::wire::{Name, Rtype, STRING_MAX, holds_raw_text, rdata_text, rdata_text_naming};

/// Longest TTL of a name, 7 days (zone format, section 2); a record set may have a longer one.
const NAME_TTL_MAX: u32 = 7 * 86_400;
/// Longest line with several items; a longer list has one item a line.
const LINE_MAX: usize = 110;

/// A zone of static records.
#[derive(Debug)]
pub struct PlainZone<'r> {
    /// Lines of the comment at the top.
    pub remarks: Vec<String>,
    /// The apex.
    pub apex: Name,
    /// The zone's TTL in seconds.
    pub ttl: u32,
    /// Start of authority.
    pub soa: SoaModel,
    /// Names in the order in which they are written.
    pub names: Vec<PlainName<'r>>,
}

/// A name with static records.
#[derive(Debug)]
pub struct PlainName<'r> {
    /// The owner.
    pub owner: Name,
    /// Its records by type, with the TTL of each set in seconds.
    pub rrsets: Vec<(Rtype, u32, Vec<&'r [u8]>)>,
    /// A comment above it.
    pub remark: Option<String>,
}

/// Writes a zone of static records.
pub fn show_plain_zone(zone: &PlainZone<'_>) -> String {
    let existing = existing_names(zone);
    let write_name = |name: &Name| {
        if existing.contains(name) {
            name.to_relative(&zone.apex)
        } else {
            name.to_string()
        }
    };
    let mut text = String::new();
    for remark in &zone.remarks {
        text.push_str(&format!("# {}\n", one_line(remark)));
    }
    let apex = zone.apex.to_string();
    let apex = apex.strip_suffix('.').filter(|text| !text.is_empty());
    let apex = quote(apex.unwrap_or("."));
    text.push_str(&format!("\nzone = {apex}\nttl = {}\n", seconds(zone.ttl)));
    push_soa(&zone.soa, &write_name, &mut text);
    text.push_str("\n[names]\n");
    for name in &zone.names {
        if let Some(remark) = &name.remark {
            text.push_str(&format!("\n# {}\n", one_line(remark)));
        }
        let owner = key(&name.owner.to_relative(&zone.apex));
        let ttl = name_ttl(name, zone.ttl);
        for (rtype, own, rdata) in &name.rrsets {
            let inherited = if *rtype == Rtype::NS {
                NS_TTL_DEFAULT
            } else {
                ttl
            };
            let (rtype, items) = items_of(*rtype, rdata, &write_name);
            if *own == inherited {
                push_items(&format!("{owner}.{rtype} = "), items, "", &mut text);
            } else {
                let end = format!(", ttl = {} }}", seconds(*own));
                push_items(
                    &format!("{owner}.{rtype} = {{ data = "),
                    items,
                    &end,
                    &mut text,
                );
            }
        }
        if ttl != zone.ttl {
            text.push_str(&format!("{owner}.ttl = {}\n", seconds(ttl)));
        }
    }
    text
}

/// Returns the TTL to write for a name: the one that most of its sets have, so that the fewest need their own. NS has a
/// TTL of its own kind, and does not count.
fn name_ttl(name: &PlainName<'_>, zone: u32) -> u32 {
    let ttls = || {
        let sets = name.rrsets.iter().filter(|(rtype, ..)| *rtype != Rtype::NS);
        sets.map(|(_, ttl, _)| *ttl)
    };
    let count = |wanted: u32| ttls().filter(|ttl| *ttl == wanted).count();
    // What the zone says needs no line.
    let most = ttls().max_by_key(|ttl| (count(*ttl), *ttl == zone, *ttl));
    most.filter(|ttl| *ttl <= NAME_TTL_MAX).unwrap_or(zone)
}

/// The owners, and the names between them and the apex. A relative name that leads elsewhere is a fault or a warning.
fn existing_names(zone: &PlainZone<'_>) -> HashSet<Name> {
    let mut existing = HashSet::from([zone.apex.clone()]);
    for name in &zone.names {
        let mut next = Some(name.owner.clone());
        while let Some(owner) = next.filter(|owner| owner.is_at_or_below(&zone.apex)) {
            next = owner.parent();
            if !existing.insert(owner) {
                break;
            }
        }
    }
    existing
}

/// Makes one line of a comment; control characters would end it.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, "?")
}

fn push_soa(soa: &SoaModel, write_name: &dyn Fn(&Name) -> String, text: &mut String) {
    // `@` inside `rname` would make a mailbox of it (RFC 1035, section 8).
    let rname = match write_name(&soa.rname) {
        apex if apex == "@" => apex,
        name => name.replace("\\@", "\\064").replace('@', "\\064"),
    };
    text.push_str(&format!(
        "\n[soa]\nmname = {}\nrname = {}\n",
        quote(&write_name(&soa.mname)),
        quote(&rname)
    ));
    if let Some(serial) = soa.serial {
        text.push_str(&format!("serial = {serial}\n"));
    }
    for (name, secs) in [
        ("refresh", soa.refresh),
        ("retry", soa.retry),
        ("expire", soa.expire),
        ("ttl", soa.ttl),
        ("negative-ttl", soa.negative_ttl),
    ] {
        text.push_str(&format!("{name} = {}\n", seconds(secs)));
    }
}

/// Returns the key of a type and the values of its records.
fn items_of(
    rtype: Rtype,
    rdata: &[&[u8]],
    write_name: &dyn Fn(&Name) -> String,
) -> (String, Vec<String>) {
    if holds_raw_text(rtype) {
        let raw: Option<Vec<String>> = rdata.iter().map(|octets| raw_text(octets)).collect();
        if let Some(mut items) = raw {
            // A list by itself is one record an item (rule a8), so a record of several strings needs the outer list.
            if items.len() == 1 && items[0].starts_with('[') {
                items = vec![format!("[{}]", items[0])];
            }
            return (rtype.to_string(), items);
        }
        // Octets that are no text: the whole set is written by number, as master-file text.
        let items = rdata.iter().map(|octets| quote(&rdata_text(rtype, octets)));
        return (format!("TYPE{}", rtype.0), items.collect());
    }
    let items = rdata
        .iter()
        .map(|octets| quote(&rdata_text_naming(rtype, octets, write_name)));
    (rtype.to_string(), items.collect())
}

/// Writes TXT as raw text, or as the list of its strings; `None` if it is no text.
fn raw_text(octets: &[u8]) -> Option<String> {
    let mut strings: Vec<&[u8]> = Vec::new();
    let mut rest = octets;
    while let Some((&length, after)) = rest.split_first() {
        let (string, next) = after.split_at_checked(usize::from(length))?;
        strings.push(string);
        rest = next;
    }
    let (last, before) = strings.split_last()?;
    // Raw text is cut into strings of full length when it is read.
    let is_cut = before.iter().all(|string| string.len() == STRING_MAX)
        && (before.is_empty() || !last.is_empty());
    if is_cut && let Ok(text) = String::from_utf8(strings.concat()) {
        return Some(quote(&text));
    }
    let texts: Option<Vec<String>> = strings
        .iter()
        .map(|string| std::str::from_utf8(string).ok().map(quote))
        .collect();
    Some(format!("[{}]", texts?.join(", ")))
}

/// Writes a list: on one line if it is short, else one item a line.
fn push_items(start: &str, items: Vec<String>, end: &str, text: &mut String) {
    let length: usize = items.iter().map(|item| item.len() + 2).sum();
    text.push_str(start);
    if items.len() == 1 || start.len() + length <= LINE_MAX {
        text.push_str(&list(items));
        text.push_str(&format!("{end}\n"));
        return;
    }
    text.push_str("[\n");
    for item in items {
        text.push_str(&format!("  {item},\n"));
    }
    text.push_str(&format!("]{end}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_txt_as_raw_text_where_it_can() {
        let long = [[b'a'; 255].as_slice(), b"b"].concat();
        let cut = [[255].as_slice(), &long[..255], &[1], b"b"].concat();
        let cases: [(&[u8], Option<String>); 6] = [
            (b"\x02hi", Some("\"hi\"".to_owned())),
            (b"\x00", Some("\"\"".to_owned())),
            (b"\x01a\x01b", Some("[\"a\", \"b\"]".to_owned())),
            (b"\x03a\"\\", Some("\"a\\\"\\\\\"".to_owned())),
            (b"\x01\xff", None),
            (&cut, Some(format!("\"{}b\"", "a".repeat(255)))),
        ];
        for (octets, wanted) in cases {
            assert_eq!(raw_text(octets), wanted, "{octets:?}");
        }
    }

    #[test]
    fn breaks_long_lists() {
        let mut text = String::new();
        push_items("a.A = ", vec!["\"x\"".to_owned()], "", &mut text);
        push_items("b.A = ", vec!["\"x\"".to_owned(); 2], "", &mut text);
        push_items("c.A = ", vec!["\"x\"".to_owned(); 40], "", &mut text);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..3],
            ["a.A = \"x\"", "b.A = [\"x\", \"x\"]", "c.A = ["]
        );
        assert_eq!(lines.len(), 44);
    }
}
