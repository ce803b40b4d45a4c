//! The records of a master file as zone TOML.
//!
//! In: a reading without faults. Out: TOML with one line for each type of a name, and warnings about losses and
//! changes. Never here: the choice of refused records, which `keep` makes.

use std::collections::HashMap;
use std::path::Path;

use crate::config::show::{PlainName, PlainZone, show_plain_zone};
use crate::diagnostic::Span;
use crate::diagnostic::{Diagnostic, DiagnosticList};
use crate::model::SoaModel;
use crate::wire::Rtype;
use crate::zonefile::{Reading, Records, Rrset};

use super::found::{BOUNDS, soa_of};
use super::keep::Standings;

/// TTL of a zone whose records give none, seconds (chosen).
const TTL_DEFAULT: u32 = 3_600;
/// Longest TTL of a zone, seconds: 7 days (zone format, section 2).
const TTL_MAX: u32 = 7 * 86_400;
/// Longest time in `[soa]`, seconds: 30 days (zone format, section 2).
const SOA_TIME_MAX: u32 = 30 * 86_400;
/// Longest negative TTL, seconds: one day (zone format, section 2).
const NEGATIVE_TTL_MAX: u32 = 86_400;

/// Result of a conversion.
#[derive(Debug)]
pub struct Conversion {
    /// The file in its other form; `None` if there is a fault among the diagnostics.
    pub text: Option<String>,
    /// Losses and changes as warnings and notes, and faults that forbid the conversion.
    pub diagnostics: Vec<Diagnostic>,
}

/// Writes the zone of a master file as zone TOML.
pub fn convert_to_toml(records: &Records, reading: &Reading) -> Conversion {
    let paths: Vec<&Path> = reading
        .sources
        .iter()
        .map(|source| source.path.as_path())
        .collect();
    let mut writing = Writing {
        paths,
        found: DiagnosticList::new(BOUNDS),
    };
    let apex = records.apex();
    let sets: Vec<Rrset<'_>> = records.rrsets().collect();
    let standings = Standings::new(&apex, &sets);
    let soa_place = sets
        .iter()
        .find(|set| set.rtype == Rtype::SOA)
        .map_or((0, 0..0), |set| set.place.clone());
    let soa = writing.bounded_soa(soa_of(records), soa_place);
    let mut names: Vec<PlainName<'_>> = Vec::new();
    let mut file = 0;
    for sets in sets.chunk_by(|one, other| one.owner == other.owner) {
        let Some(mut name) = writing.name(sets, &standings) else {
            continue;
        };
        let from = sets[0].place.0;
        if from != file {
            name.remark = Some(format!("From {}:", writing.path(from).display()));
            file = from;
        }
        names.push(name);
    }
    let has_ns = |name: &PlainName<'_>| {
        name.owner == apex && name.rrsets.iter().any(|(rtype, ..)| *rtype == Rtype::NS)
    };
    if !names.iter().any(has_ns) {
        let message = format!("{apex} has no NS records; zone TOML asks for them");
        let fault = Diagnostic::fault("V004", Span(0..0), "", message)
            .help("write `@ IN NS ns1.example.net.` with the names that the parent zone lists");
        writing.add(0, fault);
    }
    let zone = PlainZone {
        remarks: writing.remarks(),
        ttl: most_frequent_ttl(&names),
        apex,
        soa,
        names,
    };
    let text = (!writing.found.has_fault()).then(|| show_plain_zone(&zone));
    let path = writing.path(0).to_path_buf();
    Conversion {
        text,
        diagnostics: writing.found.finish("V099", &path),
    }
}

/// Returns the TTL of most record sets, seconds, the longer of two; the fewest need a TTL of their own then.
fn most_frequent_ttl(names: &[PlainName<'_>]) -> u32 {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    let sets = names.iter().flat_map(|name| &name.rrsets);
    // NS has a TTL of its own kind, and a zone none above 7 days.
    for (_, ttl, _) in sets.filter(|(rtype, ttl, _)| *rtype != Rtype::NS && *ttl <= TTL_MAX) {
        *counts.entry(*ttl).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(ttl, count)| (*count, *ttl));
    most.map_or(TTL_DEFAULT, |(ttl, _)| ttl)
}

struct Writing<'p> {
    paths: Vec<&'p Path>,
    found: DiagnosticList,
}

impl Writing<'_> {
    fn path(&self, file: u16) -> &Path {
        self.paths
            .get(usize::from(file))
            .copied()
            .unwrap_or_else(|| Path::new(""))
    }

    fn add(&mut self, file: u16, diagnostic: Diagnostic) {
        let path = self.path(file).to_path_buf();
        self.found.push(diagnostic.at(&path));
    }

    /// Writes the comment at the top: the source of the zone.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![format!(
            "Made by `leeward convert` from {}.",
            self.path(0).display()
        )];
        if self.paths.len() > 1 {
            let count = self.paths.len() - 1;
            let plural = if count == 1 { "" } else { "s" };
            remarks.push(format!("It includes {count} other file{plural}."));
        }
        remarks
    }

    /// Makes a name of the RRsets of one owner; `None` if nothing of it is kept.
    fn name<'r>(&mut self, sets: &[Rrset<'r>], standings: &Standings) -> Option<PlainName<'r>> {
        let mut kept: Vec<&Rrset<'r>> = Vec::with_capacity(sets.len());
        for set in sets.iter().filter(|set| set.rtype != Rtype::SOA) {
            let span = || Span(set.place.1.clone());
            if let Some(reason) = standings.refusal(set) {
                let message = format!("{} {} is left out: it {reason}", set.owner, set.rtype);
                self.add(
                    set.place.0,
                    Diagnostic::warning("V001", span(), "", message),
                );
                continue;
            }
            if let Some(host) = standings.missing_glue(set) {
                let message = format!(
                    "the name server {host} lies below its own delegation and has no address here"
                );
                let fault = Diagnostic::fault("V005", span(), "", message)
                    .help("add its A or AAAA record: nobody else can know it (RFC 9471)");
                self.add(set.place.0, fault);
            }
            kept.push(set);
        }
        let owner = kept.first()?.owner.clone();
        let rrsets = kept
            .iter()
            .map(|set| (set.rtype, set.ttl, set.rdata.clone()))
            .collect();
        Some(PlainName {
            owner,
            rrsets,
            remark: None,
        })
    }

    fn bounded(
        &mut self,
        what: &str,
        number: u32,
        (min, max): (u32, u32),
        (file, range): &(u16, std::ops::Range<usize>),
    ) -> u32 {
        let cut = number.clamp(min, max);
        if cut != number {
            let message =
                format!("{what} is {number}; zone TOML allows {min} to {max}, so {cut} is used");
            let span = Span(range.clone());
            self.add(*file, Diagnostic::warning("V003", span, "", message));
        }
        cut
    }

    fn bounded_soa(&mut self, soa: SoaModel, place: (u16, std::ops::Range<usize>)) -> SoaModel {
        let mut time = |what: &str, number, min, max| {
            self.bounded(&format!("the SOA's {what}"), number, (min, max), &place)
        };
        SoaModel {
            serial: soa.serial.map(|serial| time("serial", serial, 1, u32::MAX)),
            refresh: time("refresh", soa.refresh, 1, SOA_TIME_MAX),
            retry: time("retry", soa.retry, 1, SOA_TIME_MAX),
            expire: time("expire", soa.expire, 1, SOA_TIME_MAX),
            ttl: time("TTL", soa.ttl, 1, SOA_TIME_MAX),
            negative_ttl: time("MINIMUM", soa.negative_ttl, 0, NEGATIVE_TTL_MAX),
            mname: soa.mname,
            rname: soa.rname,
        }
    }
}
