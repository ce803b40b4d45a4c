//! State of a flattened target, as a sentence for operators.
//!
//! In: resolved targets, `now`. Out: words. Never here: changes.

use std::time::Duration;

use crate::clock::{Moment, format_duration};
use crate::wire::Name;

use super::entry::ResolvedAddresses;
use super::resolved_targets::{Entry, ResolvedTargets};

/// Most addresses that one sentence names.
const SHOWN_MAX: usize = 4;

impl ResolvedTargets {
    /// Describes a target: `A 192.0.2.1, resolved 12s ago from 192.0.2.53:53, TTL ends in 48s; next lookup in 43s`.
    pub fn words(&self, target: &Name, now: Moment) -> String {
        let Some(entry) = self.entries.get(target) else {
            return "not looked up: there are too many flattened targets".to_owned();
        };
        if !entry.is_tried && entry.set.iter().all(|set| set.resolved.is_none()) {
            return "not resolved yet, so it has no addresses to answer".to_owned();
        }
        let [ipv4, ipv6] = &entry.set;
        let mut parts = Vec::new();
        // What is wrong with both is said once.
        let is_alike = ipv4.addresses.is_empty()
            && ipv6.addresses.is_empty()
            && why(ipv4, now) == why(ipv6, now);
        for (set, family) in [(ipv4, "A"), (ipv6, "AAAA")] {
            if is_alike && family == "AAAA" {
                continue;
            }
            let family = if is_alike { "" } else { family };
            parts.push(
                format!("{family} {}", side_words(set, now))
                    .trim()
                    .to_owned(),
            );
        }
        parts.push(next_words(entry, now));
        parts.join("; ")
    }
}

fn side_words(set: &ResolvedAddresses, now: Moment) -> String {
    let mut text = shown(set);
    if let Some(ago) = set.resolved_ago(now) {
        text += &format!(", resolved {} ago from {}", rough(ago), set.from);
    }
    if !set.addresses.is_empty() && now < set.until {
        text += &format!(", TTL ends in {}", rough(set.until.since(now)));
    }
    text + &why(set, now)
}

/// Describes the last failure or negative answer, if there is one.
fn why(set: &ResolvedAddresses, now: Moment) -> String {
    let failing = set.failing_for(now).unwrap_or_default();
    match (&set.failing, &set.nothing) {
        (Some((_, why)), _) if set.addresses.is_empty() || set.until <= now => {
            let state = if set.addresses.is_empty() {
                ""
            } else if set.is_too_old {
                ", too old to be used"
            } else {
                ", kept since its TTL ended"
            };
            format!("{state}, lookups fail for {}: {why}", rough(failing))
        }
        (Some((_, why)), _) => format!(", the last lookup failed: {why}"),
        (None, Some(why)) if set.addresses.is_empty() => format!(" ({why})"),
        (None, Some(why)) => format!(", the last answer had none ({why}) and is asked for again"),
        (None, None) => String::new(),
    }
}

fn shown(set: &ResolvedAddresses) -> String {
    if set.addresses.is_empty() {
        return "no address".to_owned();
    }
    let first = set.addresses.iter().take(SHOWN_MAX);
    let list: Vec<String> = first.map(ToString::to_string).collect();
    match set.addresses.len().saturating_sub(SHOWN_MAX) {
        0 => list.join(" "),
        more => format!("{} and {more} more", list.join(" ")),
    }
}

fn next_words(entry: &Entry, now: Moment) -> String {
    if entry.asked.is_some() {
        return "being looked up now".to_owned();
    }
    format!("next lookup in {}", rough(entry.next.since(now)))
}

/// Writes a duration in whole seconds.
fn rough(duration: Duration) -> String {
    format_duration(Duration::from_secs(duration.as_secs()))
}
