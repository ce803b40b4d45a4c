//! Times from the break of a region until its traffic moved: at the server, and behind the resolver.
//!
//! In: the moment of the break, and at each look the region's presence in answers. Out: an [`Outage`], also in words.
//! Never here: clocks, questions.
//!
//! | The server answers it | The resolver has it in its cache | In words |
//! |---|---|---|
//! | yes | - | the server answers it still |
//! | no longer | yes | server moved after 1.6 s, clients behind the resolver go there still |
//! | no longer | no longer | server moved after 1.6 s, clients behind the resolver after 4.9 s |
//! | no longer | never had it | server moved after 1.6 s, the resolver did not have it |

use std::fmt;
use std::time::Duration;

use super::region::Region;
use crate::clock::Moment;

/// Presence of a region in answers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// True if the server answers it to clients of some place.
    pub by_server: bool,
    /// True if the resolver answers it for some name.
    pub by_resolver: bool,
}

/// One outage of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    since: Moment,
    /// Time until the server answered it no longer.
    server: Option<Duration>,
    /// Time until the resolver answered it no longer.
    resolver: Option<Duration>,
    /// True if the resolver answered it at any look since the region broke.
    was_cached: bool,
}

impl Outage {
    fn begin(since: Moment, answered: Answered) -> Self {
        Self {
            since,
            server: None,
            resolver: None,
            was_cached: answered.by_resolver,
        }
    }

    /// Takes the region's presence in answers now. A region that is answered again (as last resort) has not moved.
    fn look(&mut self, answered: Answered, now: Moment) {
        let passed = now.since(self.since);
        self.was_cached |= answered.by_resolver;
        self.server = match answered.by_server {
            true => None,
            false => self.server.or(Some(passed)),
        };
        // What the server answers still, the resolver will fetch again.
        self.resolver = match self.server.is_none() || answered.by_resolver {
            true => None,
            false => self.resolver.or(Some(passed)),
        };
    }

    /// Returns whether all traffic has moved.
    pub fn is_over(&self) -> bool {
        self.resolver.is_some()
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(server) = self.server else {
            return f.write_str("the server answers it still");
        };
        write!(f, "server moved after {:.1} s, ", server.as_secs_f64())?;
        match self.resolver {
            None => f.write_str("clients behind the resolver go there still"),
            Some(resolver) if self.was_cached => {
                let seconds = resolver.as_secs_f64();
                write!(f, "clients behind the resolver after {seconds:.1} s")
            }
            Some(_) => f.write_str("the resolver did not have it"),
        }
    }
}

/// The last outage of each region.
#[derive(Clone, Debug, Default)]
pub(super) struct Outages {
    last: [Option<Outage>; Region::ALL.len()],
    /// True for regions that are broken now.
    is_open: [bool; Region::ALL.len()],
    answered: [Answered; Region::ALL.len()],
}

impl Outages {
    /// Begins the outage of a region, unless one is under way.
    pub(super) fn begin(&mut self, region: Region, now: Moment) {
        let at = region.index();
        if !self.is_open[at] {
            self.is_open[at] = true;
            self.last[at] = Some(Outage::begin(now, self.answered[at]));
        }
    }

    /// Ends the outage of a region; its figures stay until the next.
    pub(super) fn end(&mut self, region: Region) {
        self.is_open[region.index()] = false;
    }

    /// Takes the presence of each region in answers now.
    pub(super) fn look(&mut self, answered: [Answered; Region::ALL.len()], now: Moment) {
        self.answered = answered;
        for region in Region::ALL {
            let at = region.index();
            if let (true, Some(outage)) = (self.is_open[at], &mut self.last[at]) {
                outage.look(answered[at], now);
            }
        }
    }

    /// Returns the last outage of each region.
    pub(super) fn last(&self) -> [Option<Outage>; Region::ALL.len()] {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(by_server: bool, by_resolver: bool) -> [Answered; Region::ALL.len()] {
        let mut all = [Answered::default(); Region::ALL.len()];
        all[Region::UsEast.index()] = Answered {
            by_server,
            by_resolver,
        };
        all
    }

    /// Looks at us-east at these milliseconds after it broke and returns its outage in words.
    fn story(was_cached: bool, looks: &[(u64, bool, bool)]) -> String {
        let mut outages = Outages::default();
        outages.look(answered(true, was_cached), Moment::from_millis(900));
        outages.begin(Region::UsEast, Moment::from_secs(1));
        for (millis, by_server, by_resolver) in looks {
            let now = Moment::from_millis(1_000 + millis);
            outages.look(answered(*by_server, *by_resolver), now);
        }
        let outage = outages.last()[Region::UsEast.index()].expect("it began");
        outage.to_string()
    }

    /// Answer in the resolver's cache at first, looks, and the words.
    type Case = (bool, &'static [(u64, bool, bool)], &'static str);

    #[test]
    fn says_how_long_server_and_resolver_took() {
        let cases: [Case; 6] = [
            (true, &[(100, true, true)], "the server answers it still"),
            (
                true,
                &[(1_500, true, true), (1_600, false, true)],
                "server moved after 1.6 s, clients behind the resolver go there still",
            ),
            (
                true,
                &[
                    (1_600, false, true),
                    (4_900, false, false),
                    (9_000, false, false),
                ],
                "server moved after 1.6 s, clients behind the resolver after 4.9 s",
            ),
            // The cache lost it before the server moved, and fetched it once more.
            (
                true,
                &[
                    (200, true, false),
                    (300, true, true),
                    (1_600, false, true),
                    (5_200, false, false),
                ],
                "server moved after 1.6 s, clients behind the resolver after 5.2 s",
            ),
            (
                false,
                &[(1_600, false, false)],
                "server moved after 1.6 s, the resolver did not have it",
            ),
            // Everything else died too: it is answered as the last resort.
            (
                true,
                &[(1_600, false, true), (3_000, true, true)],
                "the server answers it still",
            ),
        ];
        for (was_cached, looks, wanted) in cases {
            assert_eq!(story(was_cached, looks), wanted, "{looks:?}");
        }
    }

    #[test]
    fn figures_stand_until_the_next_outage() {
        let mut outages = Outages::default();
        let east = Region::UsEast;
        outages.look(answered(true, true), Moment::ZERO);
        outages.begin(east, Moment::from_secs(10));
        outages.look(answered(false, false), Moment::from_secs(12));
        outages.end(east);
        outages.look(answered(true, true), Moment::from_secs(20));
        let stood = outages.last()[east.index()].expect("it began");
        assert!(stood.is_over(), "{stood}");
        outages.begin(east, Moment::from_secs(30));
        // Broken already: the second command changes nothing.
        outages.look(answered(false, true), Moment::from_secs(31));
        outages.begin(east, Moment::from_secs(32));
        let second = outages.last()[east.index()].expect("it began");
        assert_eq!(
            second.to_string(),
            "server moved after 1.0 s, clients behind the resolver go there still"
        );
        assert_eq!(outages.last()[Region::ApSouth.index()], None);
    }
}
