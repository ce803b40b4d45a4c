//! Handle of a running prober: targets to begin and stop, counts, signs of life.
//!
//! In: updates. Out: steps in the mailboxes of its threads. Never here: schedules, probes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::oneshot::error::RecvError;

use super::context::ProbeContext;
use super::counters::ProbeCounters;
use super::threads::ProbeThreads;
use crate::clock::Moment;
use crate::health::{ProbeKind, Target, TargetId};

/// Longest silence of a thread that is well: it turns each second. Chosen; no standard value.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// Target to probe.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Id of the target.
    pub id: TargetId,
    /// The target.
    pub target: Arc<Target>,
    /// Group of targets that share places; none has all of them. Targets of one zone are one.
    pub group: u64,
}

/// Handle of a running prober.
#[derive(Debug)]
pub struct Handle {
    pub(super) context: Arc<ProbeContext>,
    /// One for each thread.
    pub(super) shared: Vec<Arc<Mailbox>>,
    pub(super) threads: ProbeThreads,
}

/// State that the handle and one thread share.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// Steps in order. Bounded by the targets of the reloads that the thread has not caught up with.
    steps: Mutex<VecDeque<Step>>,
    pub(super) is_filled: Notify,
    pub(super) counters: Arc<ProbeCounters>,
    /// Moment of the thread's last turn, nanoseconds of the clock.
    turned: AtomicU64,
}

/// One thing to do.
#[derive(Debug)]
pub(super) enum Step {
    /// Begin to probe; the number of targets that come together.
    Begin(Begun, usize),
    Stop(TargetId),
    /// Panic, for tests of the consequences.
    #[cfg(test)]
    Break,
}

impl Handle {
    /// Stops and begins targets. Never waits; the prober sees it within microseconds.
    pub fn update(&self, added: Vec<Begun>, removed: &[TargetId]) {
        let mut parts: Vec<Vec<Step>> = self.shared.iter().map(|_| Vec::new()).collect();
        // Which thread probes what depends on the target, so all are told.
        for part in &mut parts {
            part.extend(removed.iter().map(|id| Step::Stop(*id)));
        }
        let mut together = vec![0; parts.len()];
        for begun in &added {
            together[self.thread_of(begun)] += 1;
        }
        for begun in added {
            let thread = self.thread_of(&begun);
            parts[thread].push(Step::Begin(begun, together[thread]));
        }
        for (mailbox, part) in self.shared.iter().zip(parts) {
            if !part.is_empty() {
                mailbox.lock().extend(part);
                mailbox.is_filled.notify_one();
            }
        }
    }

    /// Commands are bounded as a whole, so one thread runs them all.
    fn thread_of(&self, begun: &Begun) -> usize {
        match begun.target.probe.kind {
            ProbeKind::Exec(_) => 0,
            _ => begun.id.0 as usize % self.shared.len(),
        }
    }

    /// Returns the counts of the prober, to be read at any time.
    pub fn counters(&self) -> Arc<ProbeCounters> {
        Arc::clone(&self.shared[0].counters)
    }

    /// Returns the context of its probes, for [`probe_once`](super::probe_once).
    pub fn context(&self) -> Arc<ProbeContext> {
        Arc::clone(&self.context)
    }

    /// Returns the number of threads, and of those that ended or stand still.
    pub fn threads(&self, now: Moment) -> (usize, usize) {
        let is_silent = |mailbox: &&Arc<Mailbox>| {
            let turned = mailbox.turned.load(Ordering::Relaxed);
            now.since(Moment::from_nanos(turned)) > SILENCE_MAX
        };
        (
            self.shared.len(),
            self.shared.iter().filter(is_silent).count(),
        )
    }

    /// Waits until the prober has stopped.
    ///
    /// # Errors
    /// If one of the prober's threads panicked.
    pub async fn join(self) -> Result<(), RecvError> {
        self.threads.join().await
    }

    /// Makes a thread panic.
    #[cfg(test)]
    pub(super) fn break_thread(&self, thread: usize) {
        self.shared[thread].lock().push_back(Step::Break);
        self.shared[thread].is_filled.notify_one();
    }
}

impl Mailbox {
    pub(super) fn new(counters: Arc<ProbeCounters>, now: Moment) -> Self {
        let mailbox = Self {
            counters,
            ..Self::default()
        };
        mailbox.turn(now);
        mailbox
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Step>> {
        // Steps are pushed whole, so a poisoned list is as good as any.
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self) -> VecDeque<Step> {
        std::mem::take(&mut *self.lock())
    }

    /// Notes that the thread is alive.
    pub(super) fn turn(&self, now: Moment) {
        self.turned.store(now.nanos(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::super::{ProbeConfig, Prober};
    use super::*;
    use crate::clock::Clock;

    #[tokio::test]
    async fn a_thread_that_panics_is_noticed() {
        let clock = Clock::start();
        let (sink, _reports) = mpsc::channel(1);
        let forever = std::future::pending();
        let handle = Prober::start(ProbeConfig::default(), sink, clock, forever);
        assert_eq!(handle.threads(clock.now()).1, 0);
        let later = clock.now().after(Duration::from_secs(3600));
        let (threads, silent) = handle.threads(later);
        assert_eq!(threads, silent, "an hour's silence");
        handle.break_thread(0);
        let ended = tokio::time::timeout(Duration::from_secs(20), handle.join()).await;
        assert!(ended.expect("it ends soon").is_err());
    }
}
