//! Transports that are listened on: faults that last are alarms.
//!
//! In: counters of workers, monitors of servers. Out: conditions for alarms, a metric, addresses for the status report. Never
//! here: queries.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::{Exposition, Pulse};
use crate::clock::Moment;
use crate::metrics::{QueryCounters, QueryTotals, TcpEvent, UdpEvent};
use crate::server::{Monitor, Server};
use crate::timeline::AlarmKind;

/// How long a count must stand still until its alarm ends: what comes in bursts is one alarm (chosen).
const CALM: Duration = Duration::from_secs(60);

/// A condition: its kind, its subject, and what is wrong while something is.
pub(super) type Condition = (AlarmKind, &'static str, Option<String>);

/// Transports of one process, and their counts a second ago.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Transports {
    /// Counters of all workers.
    counters: Vec<Arc<QueryCounters>>,
    /// Addresses that answer queries, with their transport.
    listen: Vec<String>,
    /// One a server: what was listened on at the start, and each address that came late.
    monitors: Vec<Monitor>,
    drops: Growth,
    receives: Growth,
    accepts: Growth,
    faults: Growth,
}

/// A count of faults that should stand still.
#[derive(Debug, Default)]
struct Growth {
    count: u64,
    /// How many there were since it began to grow, and when it grew last.
    grown: Option<(u64, Moment)>,
}

impl Growth {
    /// Takes the count in; returns by how much it has grown since it began to, until it is calm again.
    fn follow(&mut self, count: u64, now: Moment) -> Option<u64> {
        let more = count.saturating_sub(std::mem::replace(&mut self.count, count));
        self.grown = match self.grown {
            Some((before, _)) if more > 0 => Some((before + more, now)),
            None if more > 0 => Some((more, now)),
            Some((_, last)) if now.since(last) >= CALM => None,
            other => other,
        };
        self.grown.map(|(grown, _)| grown)
    }
}

impl Transports {
    /// Takes a server that has started.
    pub(in crate::daemon) fn attend_to(&mut self, server: &mut Server) {
        let counters = server.counters().to_vec();
        let shown = server.listen().shown();
        self.add(server.take_monitor(), counters, shown);
    }

    /// Takes transports that are listened on: what watches them, counters of their workers, their addresses as shown.
    pub(in crate::daemon) fn add(
        &mut self,
        monitor: Monitor,
        counters: Vec<Arc<QueryCounters>>,
        shown: Vec<String>,
    ) {
        self.monitors.push(monitor);
        self.counters.extend(counters);
        self.listen.extend(shown);
    }

    /// Returns the counters of all workers.
    pub(super) fn counters(&self) -> &[Arc<QueryCounters>] {
        &self.counters
    }

    /// Returns the addresses that answer queries, with their transport.
    pub(in crate::daemon) fn listen(&self) -> &[String] {
        &self.listen
    }

    /// Follows the counts once a second; returns the condition of every alarm about transports.
    pub(super) fn follow(
        &mut self,
        exposition: &Exposition,
        pulse: &Pulse,
        now: Moment,
    ) -> [Condition; 5] {
        let totals = QueryTotals::sum(&self.counters);
        let drops = self.monitors.iter().map(Monitor::kernel_drops).sum();
        exposition.total("leeward_udp_kernel_drops_total", &[], drops);
        let dropped = self.drops.follow(drops, now).map(|count| {
            format!(
                "the kernel dropped {count} datagrams unread: raise net.core.rmem_max, or `workers`"
            )
        });
        let broken_calls = totals.udp(UdpEvent::ReceiveError);
        let unread = self
            .receives
            .follow(broken_calls, now)
            .map(|count| format!("{count} receive calls of UDP sockets failed"));
        let failed = totals.tcp(TcpEvent::AcceptError);
        let failed = self.accepts.follow(failed, now).map(|count| {
            format!(
                "{count} connections could not be accepted: raise the limit of open descriptors"
            )
        });
        let engine_faults = totals
            .silent()
            .filter(|(_, reason, _)| *reason == "engine-fault")
            .map(|(_, _, count)| count)
            .sum();
        let broken = self
            .faults
            .follow(engine_faults, now)
            .map(|count| format!("{count} queries got no answer because of a fault of ours"));
        let ended: Vec<&str> = self.monitors.iter().flat_map(Monitor::ended).collect();
        pulse.threads_ended(ended.len());
        let ended = (!ended.is_empty()).then(|| format!("ended: {}", ended.join(", ")));
        [
            (AlarmKind::WorkerEnded, "", ended),
            (AlarmKind::EngineFault, "", broken),
            (AlarmKind::UdpDrops, "", dropped),
            (AlarmKind::UdpDrops, "receive-error", unread),
            (AlarmKind::AcceptErrors, "", failed),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_one_alarm_that_ends_after_a_minute_of_calm() {
        let mut growth = Growth::default();
        let steps = [
            (0, 0, None),
            (1, 5, Some(5)),
            (2, 5, Some(5)),
            (40, 7, Some(7)),
            (99, 7, Some(7)),
            (100, 7, None),
            (101, 7, None),
            (102, 8, Some(1)),
        ];
        for (second, count, wanted) in steps {
            let now = Moment::from_secs(second);
            assert_eq!(growth.follow(count, now), wanted, "second {second}");
        }
    }
}
