//! The server's end of the helper process: one task starts it when the first command is wanted, and again when it dies.
//!
//! In: commands to run. Out: their ends, or the reason why they were not run. Never here: findings.
//!
//! A command may end the helper that runs it, by mistake or not. Every command that ran then is suspect until it ends
//! well somewhere: suspects have a helper of their own, one at a time, so that the one at fault harms no other the next
//! time.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::frame::{Ended, Frames, Request, encode};
use crate::clock::{Clock, Moment};

/// Most commands that wait for the helper; turns bound them long before.
const JOBS_MAX: usize = 1_024;
/// First and longest pause before a dead helper is started again: a start a second costs little, and commands wait for
/// no longer than that.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// Lifetime of a helper after which the pause starts anew at its death.
const LIFE_ENOUGH: Duration = Duration::from_secs(5);
/// Most suspects at once; those beyond run with all others.
const SUSPECTS_MAX: usize = 1_024;
/// Helpers: one for commands that ended well so far, one for those that ran when a helper died.
const HELPERS: usize = 2;
/// Time beyond a command's timeout within which the helper must report; else it counts as hanging.
const REPORT_GRACE: Duration = Duration::from_secs(2);
/// Time between two looks for reports that are overdue.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Settings of commands, as of the server file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandSettings {
    /// Programs, and folders of programs, that may be run; none switches commands off.
    pub allow: Vec<PathBuf>,
    /// Most commands at once.
    pub concurrency: usize,
    /// The helper's program and its arguments.
    pub helper: (PathBuf, Vec<OsString>),
}

impl CommandSettings {
    /// Returns whether a program may be run. Links in an allowed folder are followed: its owner decides where they
    /// lead.
    pub fn allows(&self, program: &str) -> bool {
        let program = Path::new(program);
        let is_plain = program.is_absolute()
            && !program
                .components()
                .any(|part| part == std::path::Component::ParentDir);
        is_plain && self.allow.iter().any(|entry| program.starts_with(entry))
    }
}

/// Counters of commands.
#[derive(Debug, Default)]
pub struct CommandCounters {
    is_up: [AtomicU64; HELPERS],
    starts: AtomicU64,
    running: [AtomicU64; HELPERS],
    death: Mutex<Option<RunnerDeath>>,
}

/// Last unexpected end of a helper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerDeath {
    /// Moment of the death.
    pub at: Moment,
    /// Cause, and the commands that ran.
    pub why: String,
}

impl CommandCounters {
    /// Returns whether the helper for commands that ended well runs; it is started with the first command.
    pub fn is_helper_up(&self) -> bool {
        self.is_up[0].load(Ordering::Relaxed) != 0
    }

    /// Returns the number of starts of helpers, failed ones among them.
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// Returns the number of running commands.
    pub fn running(&self) -> u64 {
        let running = self.running.iter();
        running.map(|each| each.load(Ordering::Relaxed)).sum()
    }

    /// Returns the last unexpected end of a helper.
    pub fn last_death(&self) -> Option<RunnerDeath> {
        let death = self.death.lock();
        death.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Channel to the task of a helper, and the task.
type DeskTask = (mpsc::Sender<Job>, JoinHandle<()>);

/// Runs commands, a bounded number at once.
#[derive(Debug)]
pub struct Commands {
    settings: CommandSettings,
    clock: Clock,
    turns: Arc<Semaphore>,
    counters: Arc<CommandCounters>,
    /// Task of each helper, once there is one.
    helpers: Mutex<[Option<DeskTask>; HELPERS]>,
    /// Commands that ran when a helper died, and did not end well since.
    suspects: Mutex<HashSet<Vec<String>>>,
    /// Held by the one suspect that runs: its death harms no other, and it ends well if it was not at fault.
    alone: tokio::sync::Mutex<()>,
}

/// A command on its way. Its turn lasts until it ended, even if its probe was dropped.
#[derive(Debug)]
struct Job {
    request: Request,
    answer: oneshot::Sender<Result<Ended, String>>,
    turn: OwnedSemaphorePermit,
}

impl Commands {
    /// Makes ready to run commands; the helper is started with the first.
    pub fn new(settings: CommandSettings, clock: Clock) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(settings.concurrency.max(1))),
            settings,
            clock,
            counters: Arc::default(),
            helpers: Mutex::default(),
            suspects: Mutex::default(),
            alone: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the counters.
    pub fn counters(&self) -> Arc<CommandCounters> {
        Arc::clone(&self.counters)
    }

    /// Waits for a turn and runs a command.
    pub(super) async fn run(
        &self,
        command: Vec<String>,
        variables: Vec<(String, String)>,
        time: Duration,
    ) -> Result<Ended, String> {
        let Some(program) = command
            .first()
            .filter(|program| self.settings.allows(program))
        else {
            let program = command.first().map_or("", String::as_str);
            return Err(match self.settings.allow.is_empty() {
                true => "commands are off: `[exec] allow` of the server file names none".to_owned(),
                false => format!("`[exec] allow` of the server file does not name {program}"),
            });
        };
        let closed = || "the server is stopping".to_owned();
        let is_suspect = self.suspects().contains(&command);
        // Before the turn: a suspect that waits takes no turn from others.
        let _alone = match is_suspect {
            true => Some(self.alone.lock().await),
            false => None,
        };
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| closed())?;
        let died = || format!("the helper process ended while {program} ran");
        let (answer, answered) = oneshot::channel();
        let job = Job {
            request: Request {
                id: 0,
                command: command.clone(),
                variables,
                timeout_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            },
            answer,
            turn,
        };
        let helper = usize::from(is_suspect);
        self.jobs_of(helper).send(job).await.map_err(|_| closed())?;
        let Ok(answer) = answered.await else {
            let mut suspects = self.suspects();
            if suspects.len() < SUSPECTS_MAX {
                suspects.insert(command.clone());
            }
            return Err(died());
        };
        if answer.is_ok() && helper != 0 {
            self.suspects().remove(&command);
        }
        answer
    }

    fn suspects(&self) -> MutexGuard<'_, HashSet<Vec<String>>> {
        // Entries are put in whole, so a poisoned set is as good as any.
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jobs_of(&self, helper: usize) -> mpsc::Sender<Job> {
        let mut helpers = self.helpers.lock().unwrap_or_else(PoisonError::into_inner);
        let running = &mut helpers[helper];
        if let Some((jobs, task)) = running.as_ref()
            && !task.is_finished()
        {
            return jobs.clone();
        }
        let (jobs, waiting) = mpsc::channel(JOBS_MAX);
        let process = CommandProcess {
            helper,
            settings: self.settings.clone(),
            clock: self.clock,
            counters: Arc::clone(&self.counters),
            waiting,
        };
        *running = Some((jobs.clone(), tokio::spawn(process.run())));
        jobs
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        // The helper's input ends with the task; it then ends whatever runs, and itself.
        let helpers = self
            .helpers
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for (_, task) in helpers.iter_mut().filter_map(Option::take) {
            task.abort();
        }
    }
}

struct CommandProcess {
    helper: usize,
    settings: CommandSettings,
    clock: Clock,
    counters: Arc<CommandCounters>,
    waiting: mpsc::Receiver<Job>,
}

/// A helper that runs.
struct Runner {
    child: Child,
    requests: ChildStdin,
    reports: Frames<ChildStdout>,
    /// Commands under way by id, with the moment at which their report is overdue.
    pending: HashMap<u64, (Job, Moment)>,
    next: u64,
    /// True once it reported.
    is_useful: bool,
}

impl CommandProcess {
    async fn run(mut self) {
        let mut pause = PAUSES.0;
        while let Some(first) = self.waiting.recv().await {
            self.counters.starts.fetch_add(1, Ordering::Relaxed);
            let started = self.clock.now();
            let (why, is_useful) = match self.start() {
                Ok(mut helper) => {
                    self.counters.is_up[self.helper].store(1, Ordering::Relaxed);
                    let end = self.attend(&mut helper, first).await;
                    self.counters.is_up[self.helper].store(0, Ordering::Relaxed);
                    self.counters.running[self.helper].store(0, Ordering::Relaxed);
                    match end {
                        None => return,
                        Some(why) => (helper.with_running(&why), helper.is_useful),
                    }
                }
                Err(cause) => {
                    let why = format!("start the helper process: {cause}");
                    let _ = first.answer.send(Err(why.clone()));
                    (why, false)
                }
            };
            let now = self.clock.now();
            self.note_death(&why, now);
            if now.since(started) > LIFE_ENOUGH {
                pause = PAUSES.0;
            }
            if is_useful {
                // Whoever asks meanwhile waits for the next helper.
                tokio::time::sleep(pause).await;
            } else {
                self.rest(pause, &why).await;
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn note_death(&self, why: &str, at: Moment) {
        let death = self.counters.death.lock();
        let why = why.to_owned();
        *death.unwrap_or_else(PoisonError::into_inner) = Some(RunnerDeath { at, why });
    }

    fn start(&self) -> io::Result<Runner> {
        let (program, arguments) = &self.settings.helper;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(requests), Some(reports)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Runner {
            child,
            requests,
            reports: Frames::new(reports),
            pending: HashMap::new(),
            next: 0,
            is_useful: false,
        })
    }

    /// Passes requests on and reports back until the helper dies (the reason), or no more requests can come (`None`).
    async fn attend(&mut self, helper: &mut Runner, first: Job) -> Option<String> {
        if let Err(cause) = helper.pass(first, self.clock.now()).await {
            return Some(format!("ask the helper process: {cause}"));
        }
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        loop {
            let running = helper.pending.len() as u64;
            self.counters.running[self.helper].store(running, Ordering::Relaxed);
            tokio::select! {
                job = self.waiting.recv() => {
                    if let Err(cause) = helper.pass(job?, self.clock.now()).await {
                        return Some(format!("ask the helper process: {cause}"));
                    }
                }
                report = helper.reports.next::<Ended>() => match report {
                    Ok(Some(ended)) => helper.finish(ended),
                    Ok(None) => return Some("the helper process ended".to_owned()),
                    Err(cause) => {
                        helper.end();
                        return Some(format!("hear the helper process: {cause}"));
                    }
                },
                _ = look.tick() => if helper.is_overdue(self.clock.now()) {
                    helper.end();
                    return Some("the helper process hung".to_owned());
                },
            }
        }
    }

    /// Pauses; requests that come meanwhile are answered with the reason why none is run.
    async fn rest(&mut self, pause: Duration, why: &str) {
        let over = tokio::time::sleep(pause);
        let mut over = std::pin::pin!(over);
        loop {
            tokio::select! {
                () = over.as_mut() => return,
                job = self.waiting.recv() => match job {
                    None => return,
                    Some(job) => drop(job.answer.send(Err(format!("{why}; it is started again soon")))),
                },
            }
        }
    }
}

impl Runner {
    async fn pass(&mut self, mut job: Job, now: Moment) -> io::Result<()> {
        self.next += 1;
        job.request.id = self.next;
        let frame = encode(&job.request)?;
        let until = Duration::from_millis(job.request.timeout_ms) + REPORT_GRACE;
        self.pending.insert(self.next, (job, now.after(until)));
        // A helper that reads nothing any more is noticed by what is overdue, so this wait has an end too.
        match tokio::time::timeout(REPORT_GRACE, self.requests.write_all(&frame)).await {
            Ok(written) => written,
            Err(_) => {
                self.end();
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }

    /// Adds the commands that ran when the helper died to the reason.
    fn with_running(&self, why: &str) -> String {
        let mut programs = self
            .pending
            .values()
            .map(|(job, _)| job.request.command.join(" "));
        match (programs.next(), self.pending.len()) {
            (None, _) => why.to_owned(),
            (Some(one), 1) => format!("{why} while {one} ran"),
            (Some(one), count) => format!("{why} while {one} and {} more ran", count - 1),
        }
    }

    fn finish(&mut self, ended: Ended) {
        self.is_useful = true;
        if let Some((job, _)) = self.pending.remove(&ended.id) {
            // The target may be gone meanwhile.
            let _ = job.answer.send(Ok(ended));
            drop(job.turn);
        }
    }

    fn is_overdue(&self, now: Moment) -> bool {
        self.pending.values().any(|(_, until)| *until < now)
    }

    /// Kills a helper that does not respond.
    fn end(&mut self) {
        // One that is gone already is just as well.
        let _ = self.child.start_kill();
    }
}

#[cfg(test)]
mod tests;
