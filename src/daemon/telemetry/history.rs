//! Questions of the last hour, as far as workers sampled them: a few of each minute, each with what it stands for.
//!
//! In: samples of all workers, once a second. Out: questions with weights, for comparisons and simulations. Never here:
//! anything that a worker waits for; what is lost between two looks only makes the others stand for more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::{QueryCounters, QuerySample, SAMPLE_STRIDE};
use crate::simulate::{GivenClient, Observed};
use crate::wire::{Class, ClientSubnet, Name, QueryName, parse_query};

/// Minutes that are remembered.
const MINUTES_MAX: usize = 60;
/// Questions kept of each minute, chosen at random: an hour's 3,840 tell a share within two percent.
const KEPT_MAX: usize = 64;

#[derive(Debug)]
struct Minute {
    begun: Moment,
    /// Queries that all samples of the minute stand for.
    queries: f64,
    /// Samples that were offered.
    offered: u64,
    kept: Vec<(Name, crate::wire::Rtype, GivenClient)>,
}

/// The last hour.
#[derive(Debug, Default)]
pub(super) struct History {
    minutes: VecDeque<Minute>,
    /// Samples of each worker that were looked at.
    seen: Vec<u64>,
    /// Where the next random number comes from.
    state: u64,
}

impl History {
    /// Takes what workers sampled since the last call.
    pub(super) fn look(&mut self, counters: &[Arc<QueryCounters>], now: Moment) {
        self.seen.resize(counters.len(), 0);
        let mut samples = Vec::new();
        for (worker, counters) in counters.iter().enumerate() {
            samples.clear();
            let taken = counters.samples().since(self.seen[worker], &mut samples);
            let new = taken.saturating_sub(self.seen[worker]);
            self.seen[worker] = taken;
            // Overwritten samples are stood for by the others.
            let each = new as f64 * f64::from(SAMPLE_STRIDE) / samples.len().max(1) as f64;
            for sample in &samples {
                self.take(sample, each, now);
            }
        }
    }

    fn take(&mut self, sample: &QuerySample, weight: f64, now: Moment) {
        let mut query_name = QueryName::default();
        let Ok(query) = parse_query(&sample.message, &mut query_name) else {
            return;
        };
        let Ok((name, _)) = Name::from_wire(query_name.name()) else {
            return;
        };
        if query.class != Class::IN {
            return;
        }
        let subnet = query.edns.and_then(|edns| edns.subnet);
        let client = match subnet.and_then(ClientSubnet::given_prefix) {
            Some(prefix) => GivenClient::Subnet(prefix),
            None => GivenClient::Address(sample.client),
        };
        let random = self.next_random();
        let minute = self.minute(now);
        minute.queries += weight;
        minute.offered += 1;
        let question = (name, query.rtype, client);
        // Each sample of the minute is kept with the same probability.
        if minute.kept.len() < KEPT_MAX {
            minute.kept.push(question);
        } else if let Some(place) = minute.kept.get_mut((random % minute.offered) as usize) {
            *place = question;
        }
    }

    fn next_random(&mut self) -> u64 {
        self.state = self
            .state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        self.state >> 33
    }

    fn minute(&mut self, now: Moment) -> &mut Minute {
        let is_over = |minute: &Minute| now.since(minute.begun) >= Duration::from_secs(60);
        if self.minutes.back().is_none_or(is_over) {
            if self.minutes.len() == MINUTES_MAX {
                self.minutes.pop_front();
            }
            self.minutes.push_back(Minute {
                begun: now,
                queries: 0.0,
                offered: 0,
                kept: Vec::new(),
            });
        }
        self.minutes
            .back_mut()
            .expect("one was just added if there was none")
    }

    /// Returns the questions of the last hour.
    pub(super) fn observed(&self, now: Moment) -> Vec<Observed> {
        let hour = Duration::from_secs(60 * MINUTES_MAX as u64);
        let recent = self
            .minutes
            .iter()
            .filter(|minute| now.since(minute.begun) < hour);
        recent
            .flat_map(|minute| {
                let weight = minute.queries / minute.kept.len().max(1) as f64;
                minute
                    .kept
                    .iter()
                    .map(move |(name, rtype, client)| Observed {
                        name: name.clone(),
                        rtype: *rtype,
                        client: *client,
                        weight,
                    })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(counters: &QueryCounters, label: u8) {
        let mut message = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, label, 0, 0, 1, 0, 1];
        message[0] = label;
        counters.samples().keep([192, 0, 2, 1].into(), &message);
    }

    #[test]
    fn weights_follow_what_was_asked_and_old_minutes_are_forgotten() {
        let counters = Arc::new(QueryCounters::default());
        let all = [Arc::clone(&counters)];
        let mut history = History::default();
        let mut now = Moment::ZERO;
        for minute in 0..70 {
            for second in 0..60 {
                let label = if second % 4 == 0 { b'b' } else { b'a' };
                // The first ten minutes asked for something else.
                ask(&counters, if minute < 10 { b'z' } else { label });
                history.look(&all, now);
                now = now.after(Duration::from_secs(1));
            }
        }
        let observed = history.observed(now);
        let weight_of = |label: &str| -> f64 {
            let name = Name::parse_absolute(label).expect("a name");
            observed
                .iter()
                .filter(|query| query.name == name)
                .map(|query| query.weight)
                .sum()
        };
        let total = weight_of("a") + weight_of("b");
        assert!((weight_of("b") / total - 0.25).abs() < 0.02, "{total}");
        assert_eq!(weight_of("z"), 0.0);
        assert!(
            (total / (3600.0 * f64::from(SAMPLE_STRIDE)) - 1.0).abs() < 0.05,
            "{total}"
        );
    }

    #[test]
    fn what_is_overwritten_is_stood_for_by_the_rest() {
        let counters = Arc::new(QueryCounters::default());
        let all = [Arc::clone(&counters)];
        let mut history = History::default();
        (0..1_000).for_each(|_| ask(&counters, b'a'));
        history.look(&all, Moment::ZERO);
        let total: f64 = history
            .observed(Moment::ZERO)
            .iter()
            .map(|query| query.weight)
            .sum();
        assert!((total - 64_000.0).abs() < 1.0, "{total}");
    }
}
