//! How transports fare, told once a second: faults that last are alarms.
//!
//! In: counters of workers and what the server's [`Monitor`] sees. Out: alarms and a metric. Never here: queries.

use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::{QueryTotals, TcpEvent, UdpEvent};
use crate::server::{Monitor, Server};
use crate::timeline::AlarmKind;

use super::keeper::Keeper;

/// How long a count must stand still until its alarm ends: what comes in bursts is one alarm (chosen).
const CALM: Duration = Duration::from_secs(60);

/// What is watched, and how it stood.
#[derive(Debug, Default)]
pub(super) struct Transports {
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
    /// Watches a server that came late, too.
    pub(super) fn add(&mut self, monitor: Monitor) {
        self.monitors.push(monitor);
    }
}

impl Keeper {
    /// Begins to watch a server that has started.
    pub(super) fn attend_to(&mut self, server: &mut Server) {
        self.transports.add(server.take_monitor());
        self.counters = server.counters().to_vec();
        self.listen = server.listen().shown();
    }

    /// Tells how transports fare.
    pub(super) fn watch_transports(&mut self, now: Moment) {
        let totals = QueryTotals::sum(&self.counters);
        let watched = &mut self.transports;
        let drops = watched.monitors.iter().map(Monitor::kernel_drops).sum();
        self.exposition
            .total("leeward_udp_kernel_drops_total", &[], drops);
        let dropped = watched.drops.follow(drops, now).map(|count| {
            format!(
                "the kernel dropped {count} datagrams unread: raise net.core.rmem_max, or `workers`"
            )
        });
        let broken_calls = totals.udp(UdpEvent::ReceiveError);
        let unread = watched
            .receives
            .follow(broken_calls, now)
            .map(|count| format!("{count} receive calls of UDP sockets failed"));
        let failed = totals.tcp(TcpEvent::AcceptError);
        let failed = watched.accepts.follow(failed, now).map(|count| {
            format!(
                "{count} connections could not be accepted: raise the limit of open descriptors"
            )
        });
        let engine_faults = totals
            .silent()
            .filter(|(_, reason, _)| *reason == "engine-fault")
            .map(|(_, _, count)| count)
            .sum();
        let broken = watched
            .faults
            .follow(engine_faults, now)
            .map(|count| format!("{count} queries got no answer because of a fault of ours"));
        let ended: Vec<&str> = watched.monitors.iter().flat_map(Monitor::ended).collect();
        self.pulse.threads_ended(ended.len());
        let ended = (!ended.is_empty()).then(|| format!("ended: {}", ended.join(", ")));
        self.set_alarm(AlarmKind::WorkerEnded, "", ended);
        self.set_alarm(AlarmKind::EngineFault, "", broken);
        self.set_alarm(AlarmKind::UdpDrops, "", dropped);
        self.set_alarm(AlarmKind::UdpDrops, "receive-error", unread);
        self.set_alarm(AlarmKind::AcceptErrors, "", failed);
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
