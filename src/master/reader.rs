//! Reads master files: lines, directives, included files (RFC 1035, section 5; RFC 2308, section 4).
//!
//! In: the octets of a file, the name that relative names begin with, and whoever reads included files. Out: records,
//! findings, texts. Never here: rules that need the whole zone; the judges know them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::wire::{Lexeme, Name, Rtype, TextFault, Token, Tokens, parse_rdata_tokens};

use super::finding::{Finding, Findings, Gravity, SourceText};
use super::generate::{GENERATED_MAX, Span, substitute};
use super::judge::judge;
use super::line::{Flaw, read_head, read_ttl, shown};
use super::records::{Records, TTL_OPEN};

/// Deepest nesting of `$INCLUDE`; chosen, no standard value.
pub const INCLUDE_DEPTH_MAX: usize = 8;
/// Files that one zone may include; chosen, below what numbers of files can tell.
pub const INCLUDED_MAX: usize = 10_000;
/// Largest TTL (RFC 2181, section 8).
const TTL_MAX: u32 = 0x7fff_ffff;

/// Reads the files that a master file includes.
pub trait Inclusions {
    /// Returns the path to show, and the octets of a file inside the zones directory.
    ///
    /// # Errors
    /// Says in words why it cannot be read.
    fn include(&mut self, from: &Path, named: &str) -> Result<(PathBuf, Vec<u8>), String>;
}

/// What a master file gave.
#[derive(Debug)]
pub struct Reading {
    /// The records, if there is no fault among the findings.
    pub records: Option<Records>,
    /// Faults, warnings and notes.
    pub findings: Vec<Finding>,
    /// The file and those that it includes, as findings number them.
    pub sources: Vec<SourceText>,
}

/// Reads a master file. Names before the first `$ORIGIN` are relative to `origin`.
pub fn read_master(
    path: &Path,
    octets: Vec<u8>,
    origin: &Name,
    inclusions: &mut dyn Inclusions,
) -> Reading {
    let mut reader = Reader {
        records: Records::default(),
        findings: Findings::default(),
        sources: Vec::new(),
        inclusions,
        ttl_default: None,
        ttl_last: None,
        generated: 0,
        rdata: Vec::new(),
    };
    reader.read_file(path, octets, origin, 0);
    let Reader {
        mut records,
        mut findings,
        sources,
        ..
    } = reader;
    judge(&mut records, &mut findings);
    Reading {
        records: (!findings.has_fault()).then_some(records),
        findings: findings.finish(),
        sources,
    }
}

struct Reader<'i> {
    records: Records,
    findings: Findings,
    sources: Vec<SourceText>,
    inclusions: &'i mut dyn Inclusions,
    /// `$TTL`, which rules over the last TTL (RFC 2308, section 4).
    ttl_default: Option<u32>,
    ttl_last: Option<u32>,
    generated: u64,
    /// The RDATA of one record.
    rdata: Vec<u8>,
}

/// Where the reader stands in one file. An included file changes nothing here (RFC 1035, section 5.1).
struct Stand {
    file: u16,
    depth: usize,
    origin: Name,
    /// The last owner, by number.
    owner: Option<u32>,
    /// How the last owner was written, while the origin is the same; most names have several lines.
    owner_text: String,
}

impl Reader<'_> {
    fn read_file(&mut self, path: &Path, octets: Vec<u8>, origin: &Name, depth: usize) {
        let text = to_text(octets);
        let mut stand = Stand {
            file: u16::try_from(self.sources.len()).unwrap_or(u16::MAX),
            depth,
            origin: origin.clone(),
            owner: None,
            owner_text: String::new(),
        };
        self.sources.push(SourceText {
            path: path.to_path_buf(),
            text: Arc::clone(&text),
        });
        // A byte order mark says nothing.
        let mut from = if text.starts_with('\u{feff}') { 3 } else { 0 };
        while let Some(fault) = self.read_lines(&text, from, &mut stand) {
            let start = fault.range.start;
            let flaw = (
                "M001",
                fault.range,
                fault.kind.to_string(),
                fault.kind.help().map(str::to_owned),
            );
            self.fault(&stand, flaw);
            // Goes on with the next line.
            from = text[start..]
                .find('\n')
                .map_or(text.len(), |at| start + at + 1);
        }
    }

    /// Reads lines up to the end, or to text that cannot be cut into tokens.
    fn read_lines(&mut self, text: &str, from: usize, stand: &mut Stand) -> Option<TextFault> {
        let mut tokens: Vec<Token<'_>> = Vec::with_capacity(16);
        for lexeme in Tokens::starting_at(text, from) {
            match lexeme {
                Ok(Lexeme::Token(token)) => tokens.push(token),
                Ok(Lexeme::LineEnd(at)) => {
                    self.read_line(&tokens, at, stand);
                    tokens.clear();
                }
                Err(fault) => return Some(fault),
            }
        }
        self.read_line(&tokens, text.len(), stand);
        None
    }

    fn read_line(&mut self, tokens: &[Token<'_>], end: usize, stand: &mut Stand) {
        let Some(first) = tokens.first() else { return };
        let is_directive = !first.follows_blank && !first.is_quoted && first.raw.starts_with('$');
        let read = if is_directive {
            self.read_directive(tokens, end, stand)
        } else {
            self.read_record(tokens, end, stand)
        };
        if let Err(flaw) = read {
            self.fault(stand, flaw);
        }
    }

    fn fault(&mut self, stand: &Stand, (code, range, message, help): Flaw) {
        let mut finding = Finding::new(code, Gravity::Fault, (stand.file, range), message);
        finding.help = help;
        self.findings.add(finding);
    }

    fn read_record(
        &mut self,
        tokens: &[Token<'_>],
        end: usize,
        stand: &mut Stand,
    ) -> Result<(), Flaw> {
        let start = tokens[0].range.start;
        let mut rest = tokens;
        if !tokens[0].follows_blank {
            let is_same = stand.owner.is_some() && stand.owner_text == tokens[0].raw;
            if !is_same || tokens[0].is_quoted {
                // A later line without owner shall not go to the owner before a bad one.
                stand.owner = None;
                let owner = read_name(&tokens[0], &stand.origin)?;
                stand.owner = Some(self.intern(&owner, start)?);
                stand.owner_text.clear();
                stand.owner_text.push_str(tokens[0].raw);
            }
            rest = &tokens[1..];
        }
        let head = read_head(rest, end)?;
        let owner = stand.owner.ok_or_else(|| {
            let message = "no owner stands before this record".to_owned();
            let help = "begin the line with a name, or `@` for the origin".to_owned();
            ("M010", tokens[0].range.clone(), message, Some(help))
        })?;
        let mut rdata = std::mem::take(&mut self.rdata);
        let words = &rest[head.used..];
        let read = read_rdata((head.rtype, words), &stand.origin, end, &mut rdata);
        let pushed = read.and_then(|()| {
            let ttl = self.ttl(head.ttl, head.excess, stand, (head.rtype, &rdata));
            self.records
                .push(owner, (head.rtype, ttl), &rdata, (stand.file, start))
                .ok_or_else(|| too_much(start))
        });
        self.rdata = rdata;
        pushed
    }

    fn intern(&mut self, owner: &Name, at: usize) -> Result<u32, Flaw> {
        let number = self.records.names.intern(&owner.to_folded());
        number.ok_or_else(|| too_much(at))
    }

    /// Chooses the TTL: written, `$TTL`, the last one written, else the SOA's MINIMUM as NSD and BIND do.
    fn ttl(
        &mut self,
        written: Option<u32>,
        excess: Option<Range<usize>>,
        stand: &Stand,
        (rtype, rdata): (Rtype, &[u8]),
    ) -> u32 {
        if let Some(range) = excess {
            self.warn_of_excess(stand, range);
        }
        if written.is_some() {
            self.ttl_last = written;
        }
        let known = written.or(self.ttl_default).or(self.ttl_last);
        known.unwrap_or_else(|| {
            if rtype == Rtype::SOA {
                let minimum = super::build::minimum_of(rdata);
                self.ttl_last = Some(if minimum > TTL_MAX { 0 } else { minimum });
            }
            self.ttl_last.unwrap_or(TTL_OPEN)
        })
    }

    fn warn_of_excess(&mut self, stand: &Stand, range: Range<usize>) {
        let message = "a TTL above 2147483647 counts as 0 (RFC 2181, section 8)";
        let place = (stand.file, range);
        let finding = Finding::new("M016", Gravity::Warning, place, message);
        self.findings.add(finding.help("write a smaller TTL"));
    }

    fn read_directive(
        &mut self,
        tokens: &[Token<'_>],
        end: usize,
        stand: &mut Stand,
    ) -> Result<(), Flaw> {
        let (name, rest) = (&tokens[0], &tokens[1..]);
        match (name.raw.to_ascii_uppercase().as_str(), rest) {
            ("$ORIGIN", [origin]) => {
                stand.origin = read_name(origin, &stand.origin)?;
                stand.owner_text.clear();
                Ok(())
            }
            ("$TTL", [ttl]) => {
                let seconds = read_ttl(ttl)?;
                if seconds > TTL_MAX {
                    self.warn_of_excess(stand, ttl.range.clone());
                }
                self.ttl_default = Some(if seconds > TTL_MAX { 0 } else { seconds });
                Ok(())
            }
            ("$INCLUDE", [file]) => self.include(file, &stand.origin.clone(), stand),
            ("$INCLUDE", [file, origin]) => {
                let origin = read_name(origin, &stand.origin)?;
                self.include(file, &origin, stand)
            }
            ("$GENERATE", [range, owner, rest @ ..]) if !rest.is_empty() => {
                self.generate((range, owner, rest), end, stand)
            }
            ("$ORIGIN", _) => Err(incomplete(tokens, "$ORIGIN NAME")),
            ("$TTL", _) => Err(incomplete(tokens, "$TTL TTL")),
            ("$INCLUDE", _) => Err(incomplete(tokens, "$INCLUDE FILE [ORIGIN]")),
            ("$GENERATE", _) => Err(incomplete(
                tokens,
                "$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE RDATA",
            )),
            _ => {
                let message = format!("`{}` is no directive", shown(name.raw));
                let help = "known are $ORIGIN, $TTL, $INCLUDE and $GENERATE; an owner with a dollar sign is written `\\$`";
                Err(("M003", name.range.clone(), message, Some(help.to_owned())))
            }
        }
    }

    fn include(&mut self, file: &Token<'_>, origin: &Name, stand: &Stand) -> Result<(), Flaw> {
        let range = file.range.clone();
        if stand.depth == INCLUDE_DEPTH_MAX || self.sources.len() > INCLUDED_MAX {
            let message = format!(
                "files are included {INCLUDE_DEPTH_MAX} deep and {INCLUDED_MAX} in all at most"
            );
            let help = "look for a file that includes itself".to_owned();
            return Err(("M007", range, message, Some(help)));
        }
        let octets = file.to_octets().ok();
        let named = octets.and_then(|octets| String::from_utf8(octets).ok());
        let named = named.unwrap_or_else(|| file.raw.to_owned());
        let from = self.sources[usize::from(stand.file)].path.clone();
        let read = self.inclusions.include(&from, &named);
        let (path, octets) = read.map_err(|cause| {
            let message = format!("`{}` cannot be included: {cause}", shown(&named));
            let help = "paths are relative to the zones folder".to_owned();
            ("M006", range, message, Some(help))
        })?;
        self.read_file(&path, octets, origin, stand.depth + 1);
        Ok(())
    }

    fn generate(
        &mut self,
        (range, owner, rest): (&Token<'_>, &Token<'_>, &[Token<'_>]),
        end: usize,
        stand: &mut Stand,
    ) -> Result<(), Flaw> {
        let flaw = |code, at: &Range<usize>, message: String| (code, at.clone(), message, None);
        let span = Span::parse(range.raw).ok_or_else(|| {
            let message = format!("`{}` is no range", shown(range.raw));
            let help = "write `1-100` or `0-255/2`".to_owned();
            ("M008", range.range.clone(), message, Some(help))
        })?;
        self.generated = self.generated.saturating_add(span.count());
        if self.generated > GENERATED_MAX {
            let message = format!("a zone may generate {GENERATED_MAX} records at most");
            return Err(flaw("M009", &range.range, message));
        }
        let head = read_head(rest, end)?;
        let place = range.range.start..rest.last().map_or(end, |last| last.range.end);
        let template = template_of(&rest[head.used..]);
        let mut excess = head.excess;
        let (mut left, mut right) = (String::new(), String::new());
        for number in span.numbers() {
            left.clear();
            right.clear();
            substitute(owner.raw, number, &mut left)
                .map_err(|message| flaw("M008", &owner.range, message))?;
            substitute(&template, number, &mut right)
                .map_err(|message| flaw("M008", &place, message))?;
            let name = Name::parse(&left, &stand.origin).map_err(|fault| {
                let message = format!("`{}` is no domain name: {fault}", shown(&left));
                flaw("M002", &owner.range, message)
            })?;
            let parsed = crate::wire::parse_rdata(head.rtype, &right, &stand.origin);
            let parsed = parsed.map_err(|fault| {
                let message = format!("`{}`: {}", shown(&right), fault.message);
                ("M014", place.clone(), message, fault.help)
            })?;
            let start = range.range.start;
            let number = self.intern(&name, start)?;
            let ttl = self.ttl(head.ttl, excess.take(), stand, (head.rtype, &parsed.octets));
            self.records
                .push(
                    number,
                    (head.rtype, ttl),
                    &parsed.octets,
                    (stand.file, start),
                )
                .ok_or_else(|| too_much(start))?;
            stand.owner = Some(number);
            stand.owner_text.clear();
        }
        Ok(())
    }
}

/// Returns what a template of RDATA says: the inside of a single string as BIND takes it, else the words as written.
fn template_of(tokens: &[Token<'_>]) -> String {
    if let [only] = tokens {
        return only.raw.to_owned();
    }
    let words = tokens.iter().map(|token| {
        if token.is_quoted {
            format!("\"{}\"", token.raw)
        } else {
            token.raw.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn read_name(token: &Token<'_>, origin: &Name) -> Result<Name, Flaw> {
    Name::parse(token.raw, origin).map_err(|fault| {
        let message = format!("`{}` is no domain name: {fault}", shown(token.raw));
        ("M002", token.range.clone(), message, None)
    })
}

/// Reads RDATA into `room`.
fn read_rdata(
    (rtype, tokens): (Rtype, &[Token<'_>]),
    origin: &Name,
    end: usize,
    room: &mut Vec<u8>,
) -> Result<(), Flaw> {
    room.clear();
    // Most of a large zone; no need to walk the layout of the type.
    if let [token] = tokens
        && !token.is_quoted
    {
        match rtype {
            Rtype::A => {
                if let Ok(address) = token.raw.parse::<Ipv4Addr>() {
                    room.extend_from_slice(&address.octets());
                    return Ok(());
                }
            }
            Rtype::AAAA => {
                if let Ok(address) = token.raw.parse::<Ipv6Addr>() {
                    room.extend_from_slice(&address.octets());
                    return Ok(());
                }
            }
            _ => {}
        }
    }
    let parsed = parse_rdata_tokens(rtype, tokens, origin).map_err(|fault| {
        let range = fault.range.unwrap_or(end..end);
        ("M014", range, fault.message, fault.help)
    })?;
    room.extend_from_slice(&parsed.octets);
    Ok(())
}

fn incomplete(tokens: &[Token<'_>], form: &str) -> Flaw {
    let last = tokens.last().map_or(0, |token| token.range.end);
    let start = tokens.first().map_or(0, |token| token.range.start);
    let message = "this directive is not complete, or says too much".to_owned();
    (
        "M004",
        start..last,
        message,
        Some(format!("write `{form}`")),
    )
}

fn too_much(at: usize) -> Flaw {
    let message =
        "names and records exceed 4 GiB, or the hashes of too many names collide".to_owned();
    ("M034", at..at, message, None)
}

/// Makes text of octets; those that are no UTF-8 become `\DDD`, which means the same in names and strings.
fn to_text(octets: Vec<u8>) -> Arc<String> {
    match String::from_utf8(octets) {
        Ok(text) => Arc::new(text),
        Err(fault) => {
            let mut text = String::new();
            for octet in fault.into_bytes() {
                if octet.is_ascii() {
                    text.push(char::from(octet));
                } else {
                    text.push_str(&format!("\\{octet:03}"));
                }
            }
            Arc::new(text)
        }
    }
}
