//! The threads that probe: few, each with a runtime of its own, all below the query workers in priority.
//!
//! In: one job for each thread. Out: their end. Never here: the work of a job.
//!
//! A single-threaded runtime takes a quarter less CPU than threads that wake each other. The threads are of lower
//! priority so that a query never waits for a probe: the kernel gives a worker that wakes the core at once. They are
//! not of the lowest: a prober that starves while queries flood the machine would miss replies that have come.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot::{self, error::RecvError};

/// Work of a thread until its end.
pub(super) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Nice value of the threads, on the kernel's scale from -20 to 19: beside a busy worker at 0 they get a quarter of a
/// core.
const NICE: i32 = 5;

/// Most threads unless more are asked for: each starts some 10,000 checks a second.
const THREADS_MAX: usize = 4;

/// The threads, as far as they are awaited.
#[derive(Debug)]
pub(super) struct ProbeThreads {
    ends: Vec<oneshot::Receiver<()>>,
}

impl ProbeThreads {
    /// Starts a thread for each job. `until` is driven by the first of them, for as long as its job goes on.
    pub(super) fn start(jobs: Vec<Job>, until: impl Future<Output = ()> + Send + 'static) -> Self {
        let mut until: Option<Job> = Some(Box::pin(until));
        let ends = jobs
            .into_iter()
            .enumerate()
            .map(|(number, job)| start_thread(number, job, until.take()))
            .collect();
        Self { ends }
    }

    /// Waits for the end of all threads.
    pub(super) async fn join(self) -> Result<(), RecvError> {
        for end in self.ends {
            end.await?;
        }
        Ok(())
    }
}

/// Returns how many threads probe on this machine: half its cores, the rest being for queries.
pub(super) fn usual_threads() -> NonZeroUsize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new((cores / 2).min(THREADS_MAX)).unwrap_or(NonZeroUsize::MIN)
}

/// The receiver fails if the thread cannot be started or panics.
fn start_thread(number: usize, job: Job, until: Option<Job>) -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    let started = thread::Builder::new()
        .name(format!("probe-{number}"))
        .spawn(move || {
            // Probes work without it, and everybody may lower a priority.
            let _ = rustix::process::setpriority_process(None, NICE);
            if let Ok(runtime) = Builder::new_current_thread().enable_all().build() {
                runtime.block_on(work(job, until));
                // Nobody may be waiting.
                let _ = ended.send(());
            }
        });
    // A job that cannot be started is dropped, and whoever awaits its reports learns that none will come.
    drop(started);
    end
}

async fn work(job: Job, until: Option<Job>) {
    let mut job = pin!(job);
    if let Some(until) = until {
        tokio::select! {
            () = &mut job => return,
            () = until => {}
        }
    }
    job.await;
}
