//! Names on plain lines to models, with the same words of meaning as [`super::names`] and [`super::records`].
//!
//! In: [`PlainLines`]. Out: owners and models. Never here: findings; what would need one is [`NotPlain`], and the file is
//! read through the parser.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::nodes::plain_node;
use super::plain::{PlainLine, PlainLines, PlainName, PlainType};
use super::plain_cursor::Word;
use super::reader::{Edge, Item, NameUse, Reader};
use super::records::read_text_strings;
use crate::config::values::join;
use crate::diagnostic::Span;
use crate::model::{NameModel, NodeKind, RrsetModel};
use crate::wire::{Name, Rtype, find_text_habit, parse_rdata};

/// The file has to be read through the parser: it holds something to be told, or plain lines are not all of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct NotPlain;

/// Reads one name.
pub(super) fn read_plain_name<'t>(
    reader: &mut Reader<'_>,
    lines: &PlainLines<'t>,
    name: PlainName,
    line: &mut PlainLine<'t>,
    owner: Name,
    span: Span,
) -> Result<NameModel, NotPlain> {
    let mut model = NameModel {
        owner,
        policy: None,
        type_policies: Vec::new(),
        rrsets: Vec::new(),
        options: Arc::clone(&reader.no_options),
        families: None,
        span,
    };
    let mut result = Ok(());
    lines.read_lines(name, line, |line| {
        result = read_line(reader, line, &mut model);
        result.is_ok()
    });
    result.map(|()| model)
}

fn read_line(
    reader: &mut Reader<'_>,
    line: &PlainLine<'_>,
    model: &mut NameModel,
) -> Result<(), NotPlain> {
    let key = line.key.as_ref().ok_or(NotPlain)?;
    if let Some(reference) = &line.reference {
        let pool = reader.index.pool_ids.get(reference.text);
        let pool = *pool.ok_or(NotPlain)?;
        let span = Span(reference.range.clone());
        reader.edges.push(Edge {
            from: reader.current,
            to: Item::Pool(pool),
            depth: 0,
            span: span.clone(),
            path: join("names", key.text),
            is_check: false,
        });
        model.policy = Some(Box::new(plain_node(NodeKind::Pool(pool), span)));
        return Ok(());
    }
    model.rrsets.reserve_exact(line.types.len());
    for each in &line.types {
        if model.rrsets.iter().any(|known| known.rtype == each.rtype) {
            return Err(NotPlain);
        }
        let words = line.words.get(each.records.clone()).ok_or(NotPlain)?;
        let rrset = read_rrset(reader, key, each, words)?;
        model.rrsets.push(rrset);
    }
    Ok(())
}

fn read_rrset(
    reader: &mut Reader<'_>,
    key: &Word<'_>,
    each: &PlainType<'_>,
    words: &[Word<'_>],
) -> Result<RrsetModel, NotPlain> {
    let mut rdata: Vec<Box<[u8]>> = Vec::with_capacity(words.len());
    for (i, word) in words.iter().enumerate() {
        let octets = if let Some(address) = read_address(each.rtype, word.text) {
            address
        } else if each.rtype == Rtype::TXT {
            read_text_strings(word.text).map_err(|_| NotPlain)?
        } else {
            let parsed = parse_rdata(each.rtype, word.text, &reader.apex).map_err(|_| NotPlain)?;
            for written in parsed
                .names
                .into_iter()
                .filter(|written| written.is_relative)
            {
                let mut path = join(&join("names", key.text), each.key.text);
                if each.is_list {
                    path.push_str(&format!("[{i}]"));
                }
                reader.name_uses.push(NameUse {
                    name: written.name,
                    text: written.text,
                    labels_written: written.labels_written,
                    span: Span(word.range.clone()),
                    path,
                });
            }
            parsed.octets
        };
        // A record that stands twice is to be told, and text that is served otherwise than meant.
        let is_odd = find_text_habit(each.rtype, &octets).is_some();
        if is_odd || rdata.contains(&octets) {
            return Err(NotPlain);
        }
        rdata.push(octets);
    }
    Ok(RrsetModel {
        ttl: None,
        rtype: each.rtype,
        rdata,
        span: Span(each.key.range.clone()),
    })
}

/// Reads an address as [`parse_rdata`] does, without taking it apart into tokens first.
fn read_address(rtype: Rtype, text: &str) -> Option<Box<[u8]>> {
    match rtype {
        Rtype::A => {
            let address: Ipv4Addr = text.parse().ok()?;
            Some(Box::new(address.octets()))
        }
        Rtype::AAAA => {
            let address: Ipv6Addr = text.parse().ok()?;
            Some(Box::new(address.octets()))
        }
        _ => None,
    }
}
