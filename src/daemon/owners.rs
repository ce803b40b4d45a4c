//! Which file serves each zone, over edits, removals and restarts.
//!
//! In: what every file gave, which file served each zone before, whether an operator agrees to removals. Out: the zones to
//! serve, and the files that are refused because another serves their zone. Never here: reading files.
//!
//! | The file that served the zone before | What serves the zone now |
//! |---|---|
//! | still defines it | that file; every other one is refused |
//! | is refused, or its folder cannot be read | its last good version; every other one is refused |
//! | is gone, and one with the same content is there | that one: the file was moved |
//! | is gone, and one came that was not there before | that one: the file was replaced |
//! | is gone, with others that were refused before, or none | its last good version, until an operator lets it go |
//! | there was none | the file that is called like the zone, else the first one in the shallowest folder |

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::admin::Consent;
use crate::clock::WallTime;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::wire::Name;

use super::listing::Listing;
use super::zone_set::{LoadedZone, Moved, OldCause, Refusal, Standing, ZoneSet};

/// What a file gave.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A zone.
    Good(Arc<LoadedZone>),
    /// Faults.
    Bad(Refusal),
    /// It is still being written; all is as before.
    Deferred,
}

/// Who served a zone before.
#[derive(Debug)]
pub(super) struct Incumbent {
    pub(super) apex: Name,
    pub(super) path: PathBuf,
    pub(super) digest: u64,
    /// The version that was served; `None` only if its file still defines the zone.
    pub(super) zone: Option<Arc<LoadedZone>>,
}

/// What decides beside the files.
pub(super) struct OwnershipRules<'t> {
    pub(super) listing: &'t Listing,
    pub(super) previous: &'t ZoneSet,
    /// Files that were refused before because another serves their zone.
    pub(super) rivals: BTreeSet<PathBuf>,
    /// Files that are gone, but were still there at the look before.
    pub(super) just_gone: HashSet<PathBuf>,
    pub(super) consent: Consent,
    pub(super) wall: WallTime,
}

/// Files by path with what each gave.
type Outcomes = BTreeMap<PathBuf, Outcome>;

/// Fills a set with the zones to serve and the files that are refused.
pub(super) fn settle(
    set: &mut ZoneSet,
    outcomes: Outcomes,
    incumbents: Vec<Incumbent>,
    rules: &OwnershipRules<'_>,
) {
    let mut claims: BTreeMap<Vec<u8>, Vec<Arc<LoadedZone>>> = BTreeMap::new();
    for outcome in outcomes.values() {
        if let Outcome::Good(zone) = outcome {
            let claimed = claims.entry(zone.model.apex.to_folded()).or_default();
            claimed.push(Arc::clone(zone));
        }
    }
    for incumbent in incumbents {
        let claimed = claims
            .remove(&incumbent.apex.to_folded())
            .unwrap_or_default();
        settle_zone(set, incumbent, claimed, &outcomes, rules);
    }
    for claimed in claims.into_values() {
        let at = preferred(&claimed);
        let why = if is_called_like_its_zone(&claimed[at]) {
            "it is called like the zone, and none of them served it before"
        } else {
            "it comes first, and none of them served it before"
        };
        let winner = Arc::clone(&claimed[at]);
        let served = format!("served from {}: {why}", winner.path.display());
        let others = claimed.into_iter().filter(|zone| zone.path != winner.path);
        others.for_each(|zone| refuse_rival(set, zone, &served, rules));
        set.zones.push(winner.stand(Standing::Current));
    }
    let refused = outcomes.into_values().filter_map(|outcome| match outcome {
        Outcome::Bad(refusal) => Some(refusal),
        Outcome::Good(_) | Outcome::Deferred => None,
    });
    set.refusals.extend(refused);
    set.zones.sort_by(|one, other| one.path.cmp(&other.path));
    set.refusals.sort_by(|one, other| one.path.cmp(&other.path));
}

/// Decides about a zone that was served before.
fn settle_zone(
    set: &mut ZoneSet,
    incumbent: Incumbent,
    claimed: Vec<Arc<LoadedZone>>,
    outcomes: &Outcomes,
    rules: &OwnershipRules<'_>,
) {
    let file = incumbent.path.display();
    if let Some(own) = claimed.iter().find(|zone| zone.path == incumbent.path) {
        let own = Arc::clone(own);
        let served = format!("served from {file}, which served it before and still defines it");
        let others = claimed.into_iter().filter(|zone| zone.path != own.path);
        others.for_each(|zone| refuse_rival(set, zone, &served, rules));
        set.zones.push(own.stand(Standing::Current));
        return;
    }
    let (cause, why) = match outcomes.get(&incumbent.path) {
        Some(Outcome::Bad(_)) => (OldCause::Refused, format!("{file} is refused")),
        Some(Outcome::Deferred) => return keep_as_it_is(set, incumbent, claimed, rules),
        Some(Outcome::Good(other)) => {
            let now = &other.model.apex;
            (OldCause::Missing, format!("{file} defines {now} now"))
        }
        None => match rules.listing.closed_above(&incumbent.path) {
            Some(closed) => {
                let why = format!("{} is not read: {}", closed.path.display(), closed.why);
                (OldCause::Unreadable, why)
            }
            None if rules.listing.files.is_empty() && set.folder_fault.is_some() => (
                OldCause::Unreadable,
                "the zones folder cannot be used".to_owned(),
            ),
            None => (OldCause::Missing, format!("{file} is gone")),
        },
    };
    if cause == OldCause::Missing {
        if let Some(at) = successor(&incumbent, &claimed, rules) {
            return take_over(set, &incumbent, claimed, at, rules);
        }
        if rules.consent == Consent::Given {
            set.removed.push(incumbent.apex.to_string());
            return;
        }
        if rules.just_gone.contains(&incumbent.path) {
            return keep_as_it_is(set, incumbent, claimed, rules);
        }
    }
    let served = format!("served from the last good version of {file}, because {why}");
    for zone in claimed {
        refuse_rival(set, zone, &served, rules);
    }
    if let Some(zone) = incumbent.zone {
        let since = rules.wall;
        set.zones
            .push(zone.stand(Standing::Old { cause, why, since }));
    }
}

/// Serves on what was served while its file is being written, or may be back in a moment.
fn keep_as_it_is(
    set: &mut ZoneSet,
    incumbent: Incumbent,
    claimed: Vec<Arc<LoadedZone>>,
    rules: &OwnershipRules<'_>,
) {
    let served = format!("served from {}", incumbent.path.display());
    for zone in claimed {
        refuse_rival(set, zone, &served, rules);
    }
    set.zones.extend(incumbent.zone);
}

/// Chooses the file that follows one that is gone: where it was moved to, else what came in its place.
fn successor(
    incumbent: &Incumbent,
    claimed: &[Arc<LoadedZone>],
    rules: &OwnershipRules<'_>,
) -> Option<usize> {
    let among = |is_meant: &dyn Fn(&LoadedZone) -> bool| {
        let meant = claimed.iter().filter(|zone| is_meant(zone));
        let meant: Vec<Arc<LoadedZone>> = meant.cloned().collect();
        let best = meant.get(preferred(&meant))?;
        claimed.iter().position(|zone| zone.path == best.path)
    };
    let is_moved = |zone: &LoadedZone| zone.digest == incumbent.digest;
    let is_new = |zone: &LoadedZone| !rules.rivals.contains(&zone.path);
    among(&is_moved).or_else(|| among(&is_new)).or_else(|| {
        (rules.consent == Consent::Given)
            .then(|| among(&|_| true))
            .flatten()
    })
}

fn take_over(
    set: &mut ZoneSet,
    incumbent: &Incumbent,
    claimed: Vec<Arc<LoadedZone>>,
    at: usize,
    rules: &OwnershipRules<'_>,
) {
    let winner = Arc::clone(&claimed[at]);
    let from = incumbent.path.display();
    let served = format!(
        "served from {}, which follows {from}",
        winner.path.display()
    );
    let others = claimed.into_iter().filter(|zone| zone.path != winner.path);
    others.for_each(|zone| refuse_rival(set, zone, &served, rules));
    set.moved.push(Moved {
        apex: incumbent.apex.to_string(),
        from: incumbent.path.clone(),
        to: winner.path.clone(),
        is_same: winner.digest == incumbent.digest,
    });
    set.zones.push(winner.stand(Standing::Current));
}

/// Returns the place of the file that serves a zone when none did before; 0 if there is none to choose from.
fn preferred(claimed: &[Arc<LoadedZone>]) -> usize {
    let rank = |zone: &LoadedZone| {
        (
            !is_called_like_its_zone(zone),
            zone.path.components().count(),
            zone.path.clone(),
        )
    };
    let ranked = claimed.iter().enumerate();
    ranked
        .min_by_key(|(_, zone)| rank(zone))
        .map_or(0, |(at, _)| at)
}

/// Says whether a file is called like its zone: `example.com.toml`, `Example.COM.zone`.
fn is_called_like_its_zone(zone: &LoadedZone) -> bool {
    let stem = zone.path.file_stem().unwrap_or_default().to_string_lossy();
    Name::parse_absolute(&stem).is_ok_and(|name| name == zone.model.apex)
}

/// Refuses a file whose zone another one serves.
fn refuse_rival(
    set: &mut ZoneSet,
    zone: Arc<LoadedZone>,
    served: &str,
    rules: &OwnershipRules<'_>,
) {
    let message = format!(
        "zone {} is {served}; this file is not used",
        zone.model.apex
    );
    let span = match zone.source.text.find("zone").filter(|_| !zone.is_master()) {
        Some(at) => Span(at..at + 4),
        None => Span(0..0),
    };
    let mut diagnostic = Diagnostic::fault("D001", span, "zone", message).help(
        "remove this file, or give it another zone; to serve it, remove the other one and run `leeward reload --yes`",
    );
    diagnostic.path.clone_from(&zone.path);
    let known = rules.previous.refusals.iter();
    let since = known
        .filter(|known| known.path == zone.path)
        .map(|known| known.since)
        .next();
    set.refusals.push(Refusal {
        path: zone.path.clone(),
        since: since.unwrap_or(rules.wall),
        diagnostics: Arc::new(vec![diagnostic]),
        source: Arc::clone(&zone.source),
        included: Arc::default(),
        compared_at: zone.compared_at,
        stamps: zone.stamps.clone(),
        rival: Some(zone),
    });
}

/// Returns who serves each zone of a set.
pub(super) fn incumbents_of(set: &ZoneSet) -> Vec<Incumbent> {
    let incumbent = |zone: &Arc<LoadedZone>| Incumbent {
        apex: zone.model.apex.clone(),
        path: zone.path.clone(),
        digest: zone.digest,
        zone: Some(Arc::clone(zone)),
    };
    set.zones.iter().map(incumbent).collect()
}

/// Returns files that are refused because another serves their zone.
pub(super) fn rivals_of(set: &ZoneSet) -> BTreeSet<PathBuf> {
    let rivals = set
        .refusals
        .iter()
        .filter(|refusal| refusal.rival.is_some());
    rivals.map(|refusal| refusal.path.clone()).collect()
}

/// Returns what was known of each file: the zone that it serves or would serve.
pub(super) fn known_by_path(set: &ZoneSet) -> HashMap<&Path, &Arc<LoadedZone>> {
    let rivals = set.refusals.iter();
    let rivals =
        rivals.filter_map(|refusal| Some((refusal.path.as_path(), refusal.rival.as_ref()?)));
    let served = || set.zones.iter().map(|zone| (zone.path.as_path(), zone));
    let (current, old): (Vec<_>, Vec<_>) =
        served().partition(|(_, zone)| zone.standing == Standing::Current);
    // A file may hold another zone than the one that is served on from what it held before: what it holds counts.
    old.into_iter().chain(rivals).chain(current).collect()
}
