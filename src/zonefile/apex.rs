//! Compares the apex, which the owner of the SOA gives, with the zone that the file is named for.
//!
//! In: the apex, the zone that the file is for by its name, the words that the SOA's owner comes from. Out: a fault if
//! the apex came about by accident, a warning if the file is for another zone. Never here: other records.
//!
//! | apex | written | verdict |
//! |---|---|---|
//! | the one of the file's name | | right |
//! | the root | and the file is `root.zone` | right |
//! | the root | and the file is for another zone | fault |
//! | below the one of the file's name | by a name that lacks its final dot | fault |
//! | another | | warning |

use std::ops::Range;

use crate::wire::Name;

use super::finding::{Findings, SourceText, fault, warning};
use super::flaw::shown;

/// Longest line that help proposes, octets; chosen, an SOA on one line is hardly longer.
const LINE_MAX: usize = 160;

/// The words that led to the SOA's owner.
#[derive(Clone, Debug)]
pub(super) struct SoaSource {
    pub(super) file: u16,
    /// Begin of the SOA's line, octets.
    pub(super) start: usize,
    /// Word of the owner, if one stands on the line.
    pub(super) owner: Option<Range<usize>>,
    /// Word of the last `$ORIGIN` before it in the same file.
    pub(super) origin: Option<Range<usize>>,
}

/// Validates the apex; false if it is an accident, which makes all further findings useless.
pub(super) fn validate_apex(
    (apex, named): (&Name, &Name),
    soa: &SoaSource,
    sources: &[SourceText],
    findings: &mut Findings,
) -> bool {
    let is_root_file = named.is_root() || named.labels().eq([b"root"]);
    if apex == named || apex.is_root() && is_root_file {
        return true;
    }
    let Some(source) = sources.get(usize::from(soa.file)) else {
        return true;
    };
    let file_state = Words::new(soa, source);
    let file = sources.first().map_or_else(String::new, |first| {
        let name = first.path.file_name().unwrap_or(first.path.as_os_str());
        name.to_string_lossy().into_owned()
    });
    let (range, word) = file_state.word();
    let place = (soa.file, range);
    if apex.is_root() {
        let message = format!(
            "this file would be the root zone: the SOA stands at {}, and the file `{file}` is for {named}",
            file_state.shown()
        );
        let help = format!(
            "write {}; the root zone itself goes into `root.zone`",
            file_state.right(named)
        );
        findings.add(place, fault("M036", message).help(help));
        return false;
    }
    if apex.is_at_or_below(named) && lacks_its_dot(word, named) {
        let message = format!(
            "`{}` has no final dot: the SOA stands at {}, so the zone would be {apex}, and the file `{file}` is for {named}",
            shown(word),
            file_state.shown()
        );
        let meant = Name::parse_absolute(word).unwrap_or_else(|_| named.clone());
        let help = format!("write {}", file_state.right(&meant));
        findings.add(place, fault("M036", message).help(help));
        return false;
    }
    let message = format!(
        "this file defines the zone {apex}, but `{file}` is for {named}; the SOA stands at {}",
        file_state.shown()
    );
    let bare = apex.to_string();
    let help = format!(
        "call the file `{}.zone`, or write {}",
        bare.trim_end_matches('.'),
        file_state.right(named)
    );
    findings.add(place, warning("M037", message).help(help));
    true
}

/// Returns whether a relative word was meant as a whole name: it has several labels, or is the name of the file.
fn lacks_its_dot(word: &str, named: &Name) -> bool {
    if word == "@" || word.is_empty() || word.ends_with('.') {
        return false;
    }
    Name::parse_absolute(word).is_ok_and(|name| name.label_count() > 1 || name == *named)
}

/// The words as written.
struct Words<'t> {
    line: &'t str,
    start: usize,
    owner: Option<(Range<usize>, &'t str)>,
    origin: Option<(Range<usize>, &'t str)>,
}

impl<'t> Words<'t> {
    fn new(soa: &SoaSource, source: &'t SourceText) -> Self {
        let text = source.text.as_str();
        let part = |range: &Option<Range<usize>>| {
            let range = range.clone()?;
            text.get(range.clone()).map(|word| (range, word))
        };
        Self {
            line: text
                .get(soa.start..)
                .unwrap_or_default()
                .lines()
                .next()
                .unwrap_or_default(),
            start: soa.start,
            owner: part(&soa.owner),
            origin: part(&soa.origin),
        }
    }

    /// Returns the word that decides: the owner, or the origin that `@` or a blank stands for.
    fn word(&self) -> (Range<usize>, &'t str) {
        let is_own = |(_, word): &&(Range<usize>, &str)| *word != "@";
        let found = self.owner.as_ref().filter(is_own).or(self.origin.as_ref());
        found.cloned().unwrap_or((self.start..self.start, ""))
    }

    /// Shows the SOA's owner, and the `$ORIGIN` that it is relative to.
    fn shown(&self) -> String {
        let owner = self.owner.as_ref().map_or("@", |(_, word)| *word);
        match &self.origin {
            Some((_, origin)) if !owner.ends_with('.') => {
                format!("`{}` below `$ORIGIN {}`", shown(owner), shown(origin))
            }
            _ => format!("`{}`", shown(owner)),
        }
    }

    /// Shows the line to write for an apex.
    fn right(&self, apex: &Name) -> String {
        match (&self.owner, &self.origin) {
            (Some((range, word)), _) if *word != "@" => {
                let rest = self.line.get(range.end - self.start..).unwrap_or_default();
                let rest: Vec<&str> = rest.split_whitespace().collect();
                let rest: String = rest.join(" ").chars().take(LINE_MAX).collect();
                format!("`{apex} {rest}`")
            }
            (_, Some(_)) => format!("`$ORIGIN {apex}`"),
            _ => format!("`$ORIGIN {apex}` before it"),
        }
    }
}
