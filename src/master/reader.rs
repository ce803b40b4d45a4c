//! Reads master files: lines, directives, included files (RFC 1035, section 5; RFC 2308, section 4).
//!
//! In: the octets of a file, the name that relative names begin with, and whoever reads included files. Out: records,
//! findings, texts. Never here: rules that need the whole zone; the judges know them.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::wire::{Lexeme, Name, Rtype, TextFault, Token, Tokens, parse_rdata_tokens};
use crate::zone::{ALIKE_MAX, TableFault};

use super::finding::{Finding, Findings, Gravity, SourceText};
use super::generate::{GENERATED_MAX, Span, substitute};
use super::judge::judge;
use super::line::{Flaw, read_head, read_ttl, shown};
use super::quick::Room;
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
        room: Room::default(),
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
    room: Room,
}

/// Where the reader stands in one file. An included file changes nothing here (RFC 1035, section 5.1).
struct Stand<'t> {
    file: u16,
    depth: usize,
    origin: Name,
    /// The last owner, by number.
    owner: Option<u32>,
    /// The last owner as written; nothing if it may mean another name now.
    owner_text: &'t str,
}

impl Reader<'_> {
    fn read_file(&mut self, path: &Path, octets: Vec<u8>, origin: &Name, depth: usize) {
        let text = Arc::new(to_text(octets));
        if depth == 0 {
            self.records.log.reserve_for_text(text.len());
        }
        let mut stand = Stand {
            file: u16::try_from(self.sources.len()).unwrap_or(u16::MAX),
            depth,
            origin: origin.clone(),
            owner: None,
            owner_text: "",
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
    fn read_lines<'t>(
        &mut self,
        text: &'t str,
        from: usize,
        stand: &mut Stand<'t>,
    ) -> Option<TextFault> {
        let mut tokens: Vec<Token<'t>> = Vec::with_capacity(16);
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

    fn read_line<'t>(&mut self, tokens: &[Token<'t>], end: usize, stand: &mut Stand<'t>) {
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

    fn fault(&mut self, stand: &Stand<'_>, (code, range, message, help): Flaw) {
        let mut finding = Finding::new(code, Gravity::Fault, (stand.file, range), message);
        finding.help = help;
        self.findings.add(finding);
    }

    fn read_record<'t>(
        &mut self,
        tokens: &[Token<'t>],
        end: usize,
        stand: &mut Stand<'t>,
    ) -> Result<(), Flaw> {
        let start = tokens[0].range.start;
        let mut rest = tokens;
        if !tokens[0].follows_blank {
            self.take_owner(&tokens[0], stand)?;
            rest = &tokens[1..];
        }
        let head = read_head(rest, end)?;
        let owner = stand.owner.ok_or_else(|| {
            let message = "no owner stands before this record".to_owned();
            let help = "begin the line with a name, or `@` for the origin".to_owned();
            ("M010", tokens[0].range.clone(), message, Some(help))
        })?;
        let rest = &rest[head.used..];
        let place = (stand.file, start);
        if self
            .room
            .take_rdata(head.rtype, rest, &stand.origin)
            .is_some()
        {
            let ttl = self.ttl(head.ttl, head.excess, stand, (head.rtype, &[]));
            let pushed = self
                .records
                .log
                .push(owner, (head.rtype, ttl), self.room.octets(), place);
            return pushed.ok_or_else(|| too_much(start));
        }
        let rdata = read_rdata(head.rtype, rest, &stand.origin, end)?;
        let ttl = self.ttl(head.ttl, head.excess, stand, (head.rtype, &rdata));
        let pushed = self
            .records
            .log
            .push(owner, (head.rtype, ttl), &rdata, place);
        pushed.ok_or_else(|| too_much(start))
    }

    /// Takes the owner at the start of a line.
    fn take_owner<'t>(&mut self, token: &Token<'t>, stand: &mut Stand<'t>) -> Result<(), Flaw> {
        if token.raw == stand.owner_text && stand.owner.is_some() && !token.is_quoted {
            return Ok(());
        }
        // A later line without owner shall not go to the owner before a bad one.
        stand.owner = None;
        let start = token.range.start;
        let number = if self.room.take_name(token, &stand.origin).is_some() {
            self.records.log.intern(self.room.octets())
        } else {
            let owner = read_name(token, &stand.origin)?;
            self.records.log.intern(owner.octets())
        };
        stand.owner = Some(number.map_err(|fault| no_room(fault, token.raw, start))?);
        stand.owner_text = if token.is_quoted { "" } else { token.raw };
        Ok(())
    }

    /// Chooses the TTL: written, `$TTL`, the last one written, else the SOA's MINIMUM as NSD and BIND do.
    fn ttl(
        &mut self,
        written: Option<u32>,
        excess: Option<Range<usize>>,
        stand: &Stand<'_>,
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

    fn warn_of_excess(&mut self, stand: &Stand<'_>, range: Range<usize>) {
        let message = "a TTL above 2147483647 counts as 0 (RFC 2181, section 8)";
        let place = (stand.file, range);
        let finding = Finding::new("M016", Gravity::Warning, place, message);
        self.findings.add(finding.help("write a smaller TTL"));
    }

    fn read_directive(
        &mut self,
        tokens: &[Token<'_>],
        end: usize,
        stand: &mut Stand<'_>,
    ) -> Result<(), Flaw> {
        let (name, rest) = (&tokens[0], &tokens[1..]);
        match (name.raw.to_ascii_uppercase().as_str(), rest) {
            ("$ORIGIN", [origin]) => {
                stand.origin = read_name(origin, &stand.origin)?;
                stand.owner_text = "";
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

    fn include(&mut self, file: &Token<'_>, origin: &Name, stand: &Stand<'_>) -> Result<(), Flaw> {
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
        stand: &mut Stand<'_>,
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
                ("M002", owner.range.clone(), message, fault.help(&left))
            })?;
            let parsed = crate::wire::parse_rdata(head.rtype, &right, &stand.origin);
            let parsed = parsed.map_err(|fault| {
                let message = format!("`{}`: {}", shown(&right), fault.message);
                ("M014", place.clone(), message, fault.help)
            })?;
            let start = range.range.start;
            let number = self.records.log.intern(name.octets());
            let number = number.map_err(|fault| no_room(fault, &left, start))?;
            let ttl = self.ttl(head.ttl, excess.take(), stand, (head.rtype, &parsed.octets));
            self.records
                .log
                .push(
                    number,
                    (head.rtype, ttl),
                    &parsed.octets,
                    (stand.file, start),
                )
                .ok_or_else(|| too_much(start))?;
            stand.owner = Some(number);
            stand.owner_text = "";
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
        ("M002", token.range.clone(), message, fault.help(token.raw))
    })
}

fn read_rdata(
    rtype: Rtype,
    tokens: &[Token<'_>],
    origin: &Name,
    end: usize,
) -> Result<Box<[u8]>, Flaw> {
    let parsed = parse_rdata_tokens(rtype, tokens, origin).map_err(|fault| {
        let range = fault.range.unwrap_or(end..end);
        ("M014", range, fault.message, fault.help)
    })?;
    Ok(parsed.octets)
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

fn no_room(fault: TableFault, owner: &str, at: usize) -> Flaw {
    match fault {
        TableFault::TooLarge => too_much(at),
        TableFault::TooAlike => {
            let owner = shown(owner);
            let message = format!("`{owner}` was made to hash like other names of this zone");
            let help = format!("at most {ALIKE_MAX} names may have one hash; chance makes no two");
            ("M035", at..at, message, Some(help))
        }
    }
}

fn too_much(at: usize) -> Flaw {
    let message = "names and records exceed 4 GiB".to_owned();
    ("M034", at..at, message, None)
}

/// Makes text of octets; those that are no UTF-8 become `\DDD`, which means the same in names and strings.
fn to_text(octets: Vec<u8>) -> String {
    match String::from_utf8(octets) {
        Ok(text) => text,
        Err(fault) => {
            let mut text = String::new();
            for octet in fault.into_bytes() {
                if octet.is_ascii() {
                    text.push(char::from(octet));
                } else {
                    text.push_str(&format!("\\{octet:03}"));
                }
            }
            text
        }
    }
}
