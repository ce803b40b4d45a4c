//! Directives: `$ORIGIN`, `$TTL`, `$INCLUDE`, `$GENERATE` (RFC 1035, section 5.1; RFC 2308, section 4; the last is
//! BIND's).
//!
//! In: the tokens of a line that starts with `$`. Out: changed state of the reader, and records included or generated.
//! Never here: records that are written out.

use std::ops::Range;

use crate::wire::{Name, Token};

use super::flaw::{Flaw, shown};
use super::foreign::find_directive;
use super::generate::{GENERATED_MAX, Span, substitute};
use super::line::{TTL_MAX, read_head, read_ttl};
use super::reader::{FileState, INCLUDE_DEPTH_MAX, INCLUDED_MAX, Reader};
use super::text::find_made;
use super::words::{incomplete, no_room, read_name, refuse_auto_hints, template_of, too_much};

impl Reader<'_> {
    pub(super) fn read_directive(
        &mut self,
        tokens: &[Token<'_>],
        end: usize,
        file_state: &mut FileState<'_>,
    ) -> Result<(), Flaw> {
        let (name, rest) = (&tokens[0], &tokens[1..]);
        match (name.raw.to_ascii_uppercase().as_str(), rest) {
            ("$ORIGIN", [origin]) => {
                if let Some(flaw) = find_made(file_state.made, std::slice::from_ref(origin)) {
                    return Err(flaw);
                }
                file_state.origin = read_name(origin, &file_state.origin)?;
                file_state.origin_at = Some(origin.range.clone());
                file_state.owner_text = "";
                Ok(())
            }
            ("$TTL", [ttl]) => {
                let seconds = read_ttl(ttl)?;
                if seconds > TTL_MAX {
                    self.warn_of_excess(file_state, ttl.range.clone());
                }
                self.ttl_default = Some(if seconds > TTL_MAX { 0 } else { seconds });
                Ok(())
            }
            ("$INCLUDE", [file]) => self.include(file, &file_state.origin.clone(), file_state),
            ("$INCLUDE", [file, origin]) => {
                let origin = read_name(origin, &file_state.origin)?;
                self.include(file, &origin, file_state)
            }
            ("$GENERATE", [range, owner, rest @ ..]) if !rest.is_empty() => {
                self.generate((range, owner, rest), end, file_state)
            }
            // The day on which BIND wrote a dump.
            ("$DATE", _) => Ok(()),
            ("$ORIGIN", _) => Err(incomplete(tokens, "$ORIGIN NAME")),
            ("$TTL", _) => Err(incomplete(tokens, "$TTL TTL")),
            ("$INCLUDE", _) => Err(incomplete(tokens, "$INCLUDE FILE [ORIGIN]")),
            ("$GENERATE", _) => Err(incomplete(
                tokens,
                "$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE RDATA",
            )),
            _ => {
                if let Some(flaw) = find_directive(name) {
                    return Err(flaw);
                }
                let message = format!("`{}` is no directive", shown(name.raw));
                let help = "known are $ORIGIN, $TTL, $INCLUDE and $GENERATE; an owner with a dollar sign is written `\\$`";
                Err(("M003", name.range.clone(), message, Some(help.to_owned())))
            }
        }
    }

    fn include(
        &mut self,
        file: &Token<'_>,
        origin: &Name,
        file_state: &FileState<'_>,
    ) -> Result<(), Flaw> {
        let range = file.range.clone();
        if file_state.depth == INCLUDE_DEPTH_MAX || self.sources.len() > INCLUDED_MAX {
            let message = format!(
                "files are included {INCLUDE_DEPTH_MAX} deep and {INCLUDED_MAX} in all at most"
            );
            let help = "look for a file that includes itself".to_owned();
            return Err(("M007", range, message, Some(help)));
        }
        let octets = file.to_octets().ok();
        let named = octets.and_then(|octets| String::from_utf8(octets).ok());
        let named = named.unwrap_or_else(|| file.raw.to_owned());
        let from = self.sources[usize::from(file_state.file)].path.clone();
        let read = self.inclusions.include(&from, &named);
        let (path, octets) = read.map_err(|cause| {
            let message = format!("`{}` cannot be included: {cause}", shown(&named));
            let help = "paths are relative to the zones folder".to_owned();
            ("M006", range, message, Some(help))
        })?;
        self.read_file(&path, octets, origin, file_state.depth + 1);
        Ok(())
    }

    fn generate(
        &mut self,
        (range, owner, rest): (&Token<'_>, &Token<'_>, &[Token<'_>]),
        end: usize,
        file_state: &mut FileState<'_>,
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
            let name = Name::parse(&left, &file_state.origin).map_err(|fault| {
                let message = format!("`{}` is no domain name: {fault}", shown(&left));
                ("M002", owner.range.clone(), message, fault.help(&left))
            })?;
            let parsed = crate::wire::parse_rdata(head.rtype, &right, &file_state.origin);
            let parsed = parsed.map_err(|fault| {
                let message = format!("`{}`: {}", shown(&right), fault.message);
                ("M014", place.clone(), message, fault.help)
            })?;
            refuse_auto_hints(&parsed, rest)?;
            let start = range.range.start;
            let number = self.records.log.intern(name.octets());
            let number = number.map_err(|fault| no_room(fault, &left, start))?;
            let ttl = self.ttl(
                head.ttl,
                excess.take(),
                file_state,
                (head.rtype, &parsed.octets),
            );
            self.records
                .log
                .push(
                    number,
                    (head.rtype, ttl),
                    &parsed.octets,
                    (file_state.file, start),
                )
                .ok_or_else(|| too_much(start))?;
            file_state.owner = Some(number);
            file_state.owner_text = "";
        }
        Ok(())
    }
}
