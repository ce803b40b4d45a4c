//! `subnets`: branches by client prefix (rule a19).
//!
//! In: the table or list of prefixes, and files of prefixes. Out: [`NodeKind::Subnets`]. Never here: lookups.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::geo::no_default;
use super::policies::{ReadBranch, read_branch};
use super::reader::Reader;
use super::request_text::read_zone_file;
use crate::config::values::Value;
use crate::diagnostic::Span;
use crate::diagnostic::{Diagnostic, Severity};
use crate::model::{BranchModel, NodeKind, SubnetKeys};
use crate::net::PrefixFault;

/// Most prefixes of one policy (zone format, section 2).
const PREFIXES_MAX: usize = 1_000_000;
/// Most branches of one list; chosen, more would be a table.
const BRANCHES_MAX: usize = 10_000;

/// A prefix with where it was written and the branch it leads to.
struct Block {
    prefix: IpNet,
    branch: usize,
    span: Span,
    path: String,
}

pub(super) fn read_subnets(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    depth: usize,
) -> Option<NodeKind> {
    let mut branches: Vec<(SubnetKeys, BranchModel)> = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    if let Some(table) = value.as_table() {
        if !reader.faults.count(value, table.len(), PREFIXES_MAX) {
            return None;
        }
        for entry in table.entries() {
            let key = Value {
                raw: entry.value.raw,
                range: entry.key_range.clone(),
                path: entry.value.path.clone(),
            };
            let keys = read_prefix_text(reader, entry.key, &key, branches.len(), &mut blocks);
            let read = read_branch(reader, &entry.value, "subnets", depth);
            if let Some(read) = read {
                if let Some(within) = &read.within {
                    in_beside_key(reader, within);
                }
                branches.push((keys?, read.branch));
            }
        }
    } else if let Some(items) = value.items() {
        if !reader.faults.count(value, items.len(), BRANCHES_MAX) {
            return None;
        }
        for item in &items {
            let Some(read) = read_branch(reader, item, "subnets", depth) else {
                continue;
            };
            let keys = read_within(reader, &read, branches.len(), &mut blocks)?;
            branches.push((keys, read.branch));
        }
    } else {
        reader.faults.wrong_type(
            value,
            "a table of prefixes, or a list of branches with `in`",
        );
        return None;
    }
    if !branches
        .iter()
        .any(|(keys, _)| *keys == SubnetKeys::Default)
    {
        reader.faults.push(no_default(value, "subnets"));
    }
    validate_defaults(reader, value, &branches);
    validate_blocks(reader, blocks, &mut branches);
    Some(NodeKind::Subnets(branches))
}

fn in_beside_key(reader: &mut Reader<'_>, within: &Value<'_>) {
    reader.faults.push(
        Diagnostic::fault(
            "L030",
            within.span(),
            &within.path,
            "the prefix is the key already".to_owned(),
        )
        .label("`in` is for lists of branches"),
    );
}

fn validate_defaults(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    branches: &[(SubnetKeys, BranchModel)],
) {
    let count = branches
        .iter()
        .filter(|(keys, _)| *keys == SubnetKeys::Default)
        .count();
    if count > 1 {
        reader.faults.push(
            Diagnostic::fault(
                "L055",
                value.span(),
                &value.path,
                format!("`subnets` has {count} branches for `default`"),
            )
            .label("one is allowed"),
        );
    }
}

fn read_within(
    reader: &mut Reader<'_>,
    read: &ReadBranch<'_>,
    branch: usize,
    blocks: &mut Vec<Block>,
) -> Option<SubnetKeys> {
    let Some(within) = &read.within else {
        reader.faults.push(
            Diagnostic::fault(
                "L008",
                read.span.clone(),
                &read.path,
                "a branch of `subnets` needs `in`".to_owned(),
            )
            .label("`in` is missing here")
            .help("write `{ in = [\"192.0.2.0/24\"], to = \"pool\" }`, or `in = \"default\"`"),
        );
        return None;
    };
    if let Some(text) = within.as_str() {
        return read_prefix_text(reader, text, within, branch, blocks);
    }
    let Some(items) = within.items() else {
        reader
            .faults
            .wrong_type(within, "a list of prefixes, `\"file:x\"` or `\"default\"`");
        return None;
    };
    reader.faults.count(within, items.len(), PREFIXES_MAX);
    let mut prefixes = Vec::with_capacity(items.len());
    for item in &items {
        let Some(text) = reader.faults.text(item) else {
            continue;
        };
        if text == "default" || text.starts_with("file:") {
            reader.faults.push(
                Diagnostic::fault(
                    "L054",
                    item.span(),
                    &item.path,
                    format!("`{text}` stands alone, not in a list"),
                )
                .label("not a prefix")
                .help(format!("write a branch of its own: `in = \"{text}\"`")),
            );
        } else {
            prefixes.extend(read_prefix(reader, text, item, branch, blocks));
        }
    }
    Some(SubnetKeys::Prefixes(prefixes))
}

fn read_prefix_text(
    reader: &mut Reader<'_>,
    text: &str,
    value: &Value<'_>,
    branch: usize,
    blocks: &mut Vec<Block>,
) -> Option<SubnetKeys> {
    if text == "default" {
        return Some(SubnetKeys::Default);
    }
    if let Some(file) = text.strip_prefix("file:") {
        return read_prefix_file(reader, file, value, branch, blocks);
    }
    let prefix = read_prefix(reader, text, value, branch, blocks)?;
    Some(SubnetKeys::Prefixes(vec![prefix]))
}

fn read_prefix(
    reader: &mut Reader<'_>,
    text: &str,
    value: &Value<'_>,
    branch: usize,
    blocks: &mut Vec<Block>,
) -> Option<IpNet> {
    match parse_prefix(text) {
        Ok(prefix) => {
            blocks.push(Block {
                prefix,
                branch,
                span: value.span(),
                path: value.path.clone(),
            });
            Some(prefix)
        }
        Err((message, help)) => {
            let mut diagnostic =
                Diagnostic::fault("L054", value.span(), &value.path, message).label("not a prefix");
            diagnostic.help = help;
            reader.faults.push(diagnostic);
            None
        }
    }
}

/// Reads a file of prefixes: one a line, `#` starts a comment.
fn read_prefix_file(
    reader: &mut Reader<'_>,
    file: &str,
    value: &Value<'_>,
    branch: usize,
    blocks: &mut Vec<Block>,
) -> Option<SubnetKeys> {
    let until_then = "until the file is there this branch matches no client";
    let Some(text) = read_zone_file(reader, value, file, Severity::Warning, until_then) else {
        // A list that is not there yet refuses nothing: the branch matches nobody.
        return Some(SubnetKeys::Awaited(file.to_owned()));
    };
    let mut prefixes = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let complaint = match parse_prefix(content) {
            Ok(_) if prefixes.len() >= PREFIXES_MAX => {
                Some((format!("more than {PREFIXES_MAX} prefixes"), None))
            }
            Ok(prefix) => {
                prefixes.push(prefix);
                blocks.push(Block {
                    prefix,
                    branch,
                    span: value.span(),
                    path: value.path.clone(),
                });
                None
            }
            // What is no address at all may be another file, a key among them, and is not repeated.
            Err(_) if !is_like_address(content) => Some(("this is no prefix".to_owned(), None)),
            Err(complaint) => Some(complaint),
        };
        if let Some((message, help)) = complaint {
            let mut diagnostic = Diagnostic::fault(
                "L054",
                value.span(),
                &value.path,
                format!("{file}, line {}: {message}", i + 1),
            )
            .label("in this file");
            diagnostic.help = help;
            reader.faults.push(diagnostic);
            return None;
        }
    }
    if prefixes.is_empty() {
        reader.faults.push(
            Diagnostic::fault(
                "L016",
                value.span(),
                &value.path,
                format!("`{file}` holds no prefix"),
            )
            .label("this file"),
        );
        return None;
    }
    Some(SubnetKeys::Prefixes(prefixes))
}

/// Says whether a text could be meant as an address or a prefix.
fn is_like_address(text: &str) -> bool {
    let is_ours = |octet: u8| octet.is_ascii_hexdigit() || b".:/ ".contains(&octet);
    text.len() <= 64 && text.bytes().all(is_ours)
}

/// Reads `ADDRESS/LENGTH` without host bits; says what is wrong and what to write.
pub(super) fn parse_prefix(text: &str) -> Result<IpNet, (String, Option<String>)> {
    let Some((address, _)) = text.split_once('/') else {
        let host = text.parse::<IpAddr>().ok().map(IpNet::from);
        let help = host.map(|host| format!("for this one address write `{host}`"));
        return Err((format!("`{text}` has no prefix length"), help));
    };
    let out_of_bounds = |longest| {
        let message = format!("the prefix length of `{text}` must lie between 1 and {longest}");
        (message, None)
    };
    match crate::net::parse_prefix(text) {
        Ok(prefix) | Err(PrefixFault::HostBits(prefix)) if prefix.prefix_len() == 0 => {
            Err(out_of_bounds(prefix.max_prefix_len()))
        }
        Ok(prefix) => Ok(prefix),
        Err(PrefixFault::Address) => Err((format!("`{address}` is no address"), None)),
        Err(PrefixFault::Length(longest) | PrefixFault::TooLong(longest)) => {
            Err(out_of_bounds(longest))
        }
        Err(PrefixFault::HostBits(network)) => Err((
            format!("`{text}` has bits set after its prefix length"),
            Some(format!("the network is `{network}`")),
        )),
    }
}

/// Warns of prefixes that are repeated, or shadowed by the next wider block with the same branch (rule a19). Repeated
/// prefixes keep their first branch.
fn validate_blocks(
    reader: &mut Reader<'_>,
    mut blocks: Vec<Block>,
    branches: &mut [(SubnetKeys, BranchModel)],
) {
    blocks.sort_by_key(|block| (block.prefix, block.branch));
    let mut covering: Vec<&Block> = Vec::new();
    let mut reported: HashSet<(usize, usize)> = HashSet::new();
    let mut repeated: HashSet<(IpNet, usize)> = HashSet::new();
    for block in &blocks {
        while covering
            .pop_if(|top| !top.prefix.contains(&block.prefix))
            .is_some()
        {}
        if let Some(top) = covering.last() {
            let is_repeated = top.prefix == block.prefix;
            let label = &branches[block.branch].1.label;
            let leads_alike = block.branch == top.branch || *label == branches[top.branch].1.label;
            if is_repeated && block.branch != top.branch {
                repeated.insert((block.prefix, block.branch));
            }
            if (is_repeated || leads_alike)
                && reported.insert((block.span.0.start, top.span.0.start))
            {
                reader.faults.push(block_warning(block, top, is_repeated));
            }
            if is_repeated {
                continue;
            }
        }
        covering.push(block);
    }
    if repeated.is_empty() {
        return;
    }
    for (i, (keys, _)) in branches.iter_mut().enumerate() {
        if let SubnetKeys::Prefixes(prefixes) = keys {
            prefixes.retain(|prefix| !repeated.contains(&(*prefix, i)));
        }
    }
}

fn block_warning(block: &Block, top: &Block, is_repeated: bool) -> Diagnostic {
    let text = block.prefix;
    let diagnostic = if is_repeated {
        Diagnostic::warning(
            "L055",
            block.span.clone(),
            &block.path,
            format!("`{text}` is written twice; the first counts"),
        )
        .label("again here")
    } else {
        Diagnostic::warning(
            "L056",
            block.span.clone(),
            &block.path,
            format!(
                "`{text}` changes nothing: `{}` leads to the same branch",
                top.prefix
            ),
        )
        .label("shadowed")
    };
    if block.span == top.span {
        return diagnostic;
    }
    diagnostic.related(
        top.span.clone(),
        if is_repeated {
            "first here"
        } else {
            "the wider block"
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_prefixes_without_host_bits() {
        let cases = [
            ("192.0.2.0/24", true),
            ("2001:db8::/32", true),
            ("192.0.2.1/32", true),
            ("192.0.2.1/24", false),
            ("192.0.2.0", false),
            ("192.0.2.0/0", false),
            ("192.0.2.0/33", false),
            ("x/8", false),
            ("2001:db8::1/64", false),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse_prefix(text).is_ok(), wanted, "{text:?}");
        }
        let (_, help) = parse_prefix("10.1.2.3/8").expect_err("host bits");
        assert_eq!(help.as_deref(), Some("the network is `10.0.0.0/8`"));
    }
}
