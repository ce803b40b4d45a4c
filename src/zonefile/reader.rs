//! Reads master files: lines, directives, included files (RFC 1035, section 5; RFC 2308, section 4).
//!
//! In: the octets of a file, the first origin of relative names, and a reader of included files. Out: records,
//! findings, texts. Never here: rules that need the whole zone, which the validators hold.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::wire::{Lexeme, Name, Rtype, TextFault, Token, Tokens, find_text_habit};

use super::apex::SoaSource;
use super::finding::{Findings, SourceText, fault, note, warning};
use super::flaw::Flaw;
use super::line::{TTL_MAX, read_head};
use super::quick::Room;
use super::records::{Records, TTL_OPEN};
use super::text::{find_form, find_made, holds_strings, is_of_windows, to_text};
use super::validate::{Validation, validate};
use super::words::{no_room, read_name, read_rdata, too_much};

/// Deepest nesting of `$INCLUDE`; chosen, no standard value.
pub const INCLUDE_DEPTH_MAX: usize = 8;
/// Most files that one zone includes; chosen, within the range of file indexes.
pub const INCLUDED_MAX: usize = 10_000;

/// Reads the files that a master file includes.
pub trait Inclusions {
    /// Returns the path to show, and the octets of a file inside the zones directory.
    ///
    /// # Errors
    /// The reason why it cannot be read, in words.
    fn include(&mut self, from: &Path, named: &str) -> Result<(PathBuf, Vec<u8>), String>;
}

/// Result of reading a master file.
#[derive(Debug)]
pub struct Reading {
    /// The records, if there is no fault among the findings.
    pub records: Option<Records>,
    /// Faults, warnings and notes.
    pub findings: Vec<Diagnostic>,
    /// The file and those that it includes.
    pub sources: Vec<SourceText>,
    /// Number of records left out: those outside the zone, and those of other products. Findings name them.
    pub left_out: usize,
}

/// Reads a master file. Names before the first `$ORIGIN` are relative to `origin`.
pub fn read_master(
    path: &Path,
    octets: Vec<u8>,
    origin: &Name,
    inclusions: &mut dyn Inclusions,
) -> Reading {
    read(path, octets, origin, (inclusions, ForeignRecords::Refused))
}

/// Reads a master file to turn it into another form: records of other products are left out with a warning.
pub fn read_master_to_convert(
    path: &Path,
    octets: Vec<u8>,
    origin: &Name,
    inclusions: &mut dyn Inclusions,
) -> Reading {
    read(path, octets, origin, (inclusions, ForeignRecords::LeftOut))
}

fn read(
    path: &Path,
    octets: Vec<u8>,
    origin: &Name,
    (inclusions, foreign): (&mut dyn Inclusions, ForeignRecords),
) -> Reading {
    let mut reader = Reader {
        records: Records::default(),
        findings: Findings::new(),
        sources: Vec::new(),
        inclusions,
        ttl_default: None,
        ttl_last: None,
        generated: 0,
        soa: None,
        is_of_windows: false,
        has_ages: false,
        foreign,
        left_out: 0,
        room: Room::default(),
    };
    reader.read_file(path, octets, origin, 0);
    let Reader {
        mut records,
        mut findings,
        sources,
        soa,
        left_out,
        ..
    } = reader;
    let validation = Validation {
        named: origin,
        soa: soa.as_ref(),
        sources: &sources,
    };
    let left_out = left_out + validate(&mut records, &validation, &mut findings);
    Reading {
        records: (!findings.has_fault()).then_some(records),
        findings: findings.finish(),
        sources,
        left_out,
    }
}

/// Treatment of records of other products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForeignRecords {
    Refused,
    LeftOut,
}

pub(super) struct Reader<'i> {
    pub(super) records: Records,
    pub(super) findings: Findings,
    pub(super) sources: Vec<SourceText>,
    pub(super) inclusions: &'i mut dyn Inclusions,
    /// `$TTL` in seconds, which goes before the last TTL (RFC 2308, section 4).
    pub(super) ttl_default: Option<u32>,
    pub(super) ttl_last: Option<u32>,
    pub(super) generated: u64,
    /// Words that the owner of the first SOA comes from.
    pub(super) soa: Option<SoaSource>,
    /// True if Windows wrote the file: there a record without a TTL has the SOA's MINIMUM, not the last TTL written.
    pub(super) is_of_windows: bool,
    pub(super) has_ages: bool,
    pub(super) foreign: ForeignRecords,
    pub(super) left_out: usize,
    pub(super) room: Room,
}

/// State of the reader in one file. An included file has a state of its own (RFC 1035, section 5.1).
pub(super) struct FileState<'t> {
    pub(super) file: u16,
    pub(super) depth: usize,
    pub(super) origin: Name,
    /// Index of the last owner.
    pub(super) owner: Option<u32>,
    /// The last owner as written; empty if it may mean another name now.
    pub(super) owner_text: &'t str,
    /// Place of the word of the last `$ORIGIN`.
    pub(super) origin_at: Option<Range<usize>>,
    /// Places of `\DDD` for octets of the file that are no UTF-8, in order.
    pub(super) made: &'t [usize],
}

impl Reader<'_> {
    pub(super) fn read_file(&mut self, path: &Path, octets: Vec<u8>, origin: &Name, depth: usize) {
        let form = find_form(&octets);
        let read = to_text(octets);
        let text = Arc::new(read.text);
        if depth == 0 {
            self.records.log.reserve_for_text(text.len());
            self.is_of_windows = is_of_windows(&text);
        }
        let mut file_state = FileState {
            // Not more than are included at most.
            file: u16::try_from(self.sources.len()).unwrap_or(u16::MAX),
            depth,
            origin: origin.clone(),
            owner: None,
            owner_text: "",
            origin_at: None,
            made: &read.made,
        };
        self.findings.paths.push(path.to_path_buf());
        self.sources.push(SourceText {
            path: path.to_path_buf(),
            text: Arc::clone(&text),
        });
        if let Some(flaw) = form {
            self.fault(&file_state, flaw);
            return;
        }
        if let Some(first) = read.made.first() {
            self.warn_of_octets(&file_state, *first);
        }
        // A byte order mark says nothing.
        let mut from = if text.starts_with('\u{feff}') { 3 } else { 0 };
        while let Some(fault) = self.read_lines(&text, from, &mut file_state) {
            let start = fault.range.start;
            let flaw = (
                "M001",
                fault.range,
                fault.kind.to_string(),
                fault.kind.help().map(str::to_owned),
            );
            self.fault(&file_state, flaw);
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
        file_state: &mut FileState<'t>,
    ) -> Option<TextFault> {
        let mut tokens: Vec<Token<'t>> = Vec::with_capacity(16);
        for lexeme in Tokens::starting_at(text, from) {
            match lexeme {
                Ok(Lexeme::Token(token)) => tokens.push(token),
                Ok(Lexeme::LineEnd(at)) => {
                    self.read_line(&tokens, at, file_state);
                    tokens.clear();
                }
                Err(fault) => return Some(fault),
            }
        }
        self.read_line(&tokens, text.len(), file_state);
        None
    }

    fn read_line<'t>(&mut self, tokens: &[Token<'t>], end: usize, file_state: &mut FileState<'t>) {
        let Some(first) = tokens.first() else { return };
        let is_directive = !first.follows_blank && !first.is_quoted && first.raw.starts_with('$');
        let read = if is_directive {
            self.read_directive(tokens, end, file_state)
        } else {
            self.read_record(tokens, end, file_state)
        };
        if let Err(flaw) = read {
            self.fault(file_state, flaw);
        }
    }

    fn fault(&mut self, file_state: &FileState<'_>, (code, range, message, help): Flaw) {
        let is_left_out = code == "M038" && self.foreign == ForeignRecords::LeftOut;
        self.left_out += usize::from(is_left_out);
        let mut found = if is_left_out {
            warning(code, format!("{message}; it is left out"))
        } else {
            fault(code, message)
        };
        found.help = help;
        self.findings.add((file_state.file, range), found);
    }

    fn warn_of_octets(&mut self, file_state: &FileState<'_>, at: usize) {
        let message = "the file is no UTF-8; from here on such octets are read as `\\DDD`";
        let found = warning("M041", message).help("save it as UTF-8");
        self.findings.add((file_state.file, at..at + 4), found);
    }

    fn read_record<'t>(
        &mut self,
        tokens: &[Token<'t>],
        end: usize,
        file_state: &mut FileState<'t>,
    ) -> Result<(), Flaw> {
        let start = tokens[0].range.start;
        let mut rest = tokens;
        if !tokens[0].follows_blank {
            self.take_owner(&tokens[0], file_state)?;
            rest = &tokens[1..];
        }
        let head = read_head(rest, end)?;
        if let Some(age) = head.age {
            self.note_age(file_state, age);
        }
        let owner = file_state.owner.ok_or_else(|| {
            let message = "no owner stands before this record".to_owned();
            let help = "begin the line with a name, or `@` for the origin".to_owned();
            ("M010", tokens[0].range.clone(), message, Some(help))
        })?;
        let rest = &rest[head.used..];
        let place = (file_state.file, start);
        if self
            .room
            .take_rdata(head.rtype, rest, &file_state.origin)
            .is_some()
        {
            let ttl = self.ttl(head.ttl, head.excess, file_state, (head.rtype, &[]));
            let pushed = self
                .records
                .log
                .push(owner, (head.rtype, ttl), self.room.octets(), place);
            return pushed.ok_or_else(|| too_much(start));
        }
        if !file_state.made.is_empty()
            && !holds_strings(head.rtype)
            && let Some(flaw) = find_made(file_state.made, rest)
        {
            return Err(flaw);
        }
        let rdata = read_rdata(head.rtype, rest, &file_state.origin, end)?;
        match head.rtype {
            Rtype::SOA if self.soa.is_none() => {
                self.soa = Some(SoaSource {
                    file: file_state.file,
                    start,
                    owner: (!tokens[0].follows_blank).then(|| tokens[0].range.clone()),
                    origin: file_state.origin_at.clone(),
                });
            }
            Rtype::TXT | Rtype::SPF | Rtype::CAA | Rtype::URI => {
                self.warn_of_text(file_state, start, (head.rtype, &rdata));
            }
            _ => {}
        }
        let ttl = self.ttl(head.ttl, head.excess, file_state, (head.rtype, &rdata));
        let pushed = self
            .records
            .log
            .push(owner, (head.rtype, ttl), &rdata, place);
        pushed.ok_or_else(|| too_much(start))
    }

    /// Notes once that marks of Windows are ignored.
    fn note_age(&mut self, file_state: &FileState<'_>, age: Range<usize>) {
        if !std::mem::replace(&mut self.has_ages, true) {
            self.is_of_windows = true;
            let message = "marks of Windows such as `[AGE:n]` are read over: no record is removed for its age";
            self.findings
                .add((file_state.file, age), note("M043", message));
        }
    }

    /// Warns of text whose octets on the wire differ from its intent.
    fn warn_of_text(
        &mut self,
        file_state: &FileState<'_>,
        start: usize,
        (rtype, rdata): (Rtype, &[u8]),
    ) {
        let Some(habit) = find_text_habit(rtype, rdata) else {
            return;
        };
        let message = format!("{}: served is `{}`", habit.why.words(), habit.served);
        let place = (file_state.file, start..start + 1);
        let found = warning("M042", message);
        self.findings.add(
            place,
            found.help(match habit.meant {
                Some(meant) => format!("if `{meant}` is meant, write it in quotes: `\"{meant}\"`"),
                None => "put the whole text into quotes".to_owned(),
            }),
        );
    }

    /// Takes the owner at the start of a line.
    fn take_owner<'t>(
        &mut self,
        token: &Token<'t>,
        file_state: &mut FileState<'t>,
    ) -> Result<(), Flaw> {
        if token.raw == file_state.owner_text && file_state.owner.is_some() && !token.is_quoted {
            return Ok(());
        }
        // A later line without owner shall not go to the owner before a bad one.
        file_state.owner = None;
        let start = token.range.start;
        if !file_state.made.is_empty()
            && let Some(flaw) = find_made(file_state.made, std::slice::from_ref(token))
        {
            return Err(flaw);
        }
        let number = if self.room.take_name(token, &file_state.origin).is_some() {
            self.records.log.intern(self.room.octets())
        } else {
            let owner = read_name(token, &file_state.origin)?;
            self.records.log.intern(owner.octets())
        };
        file_state.owner = Some(number.map_err(|fault| no_room(fault, token.raw, start))?);
        file_state.owner_text = if token.is_quoted { "" } else { token.raw };
        Ok(())
    }

    /// Chooses the TTL: written, `$TTL`, the last one written, else the SOA's MINIMUM as NSD and BIND do.
    pub(super) fn ttl(
        &mut self,
        written: Option<u32>,
        excess: Option<Range<usize>>,
        file_state: &FileState<'_>,
        (rtype, rdata): (Rtype, &[u8]),
    ) -> u32 {
        if let Some(range) = excess {
            self.warn_of_excess(file_state, range);
        }
        if written.is_some() && !self.is_of_windows {
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

    pub(super) fn warn_of_excess(&mut self, file_state: &FileState<'_>, range: Range<usize>) {
        let message = "a TTL above 2147483647 counts as 0 (RFC 2181, section 8)";
        let place = (file_state.file, range);
        let found = warning("M016", message).help("write a smaller TTL");
        self.findings.add(place, found);
    }
}
