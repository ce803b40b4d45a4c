//! What a process used, read from `/proc`, and the figures of one run.
//!
//! In: the process itself. Out: figures as a line and as text. Never here: load.

use std::fmt;
use std::time::Duration;

/// CPU time and memory of this process at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    cpu: Duration,
    user_ticks: u64,
    system_ticks: u64,
}

impl Usage {
    pub(crate) fn read() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let ticks: Vec<u64> = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse().ok())
            .collect();
        Self {
            cpu: cpu_time(),
            user_ticks: ticks[0],
            system_ticks: ticks[1],
        }
    }
}

/// Sum over all threads, in nanoseconds; those that ended are left out.
fn cpu_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux");
    let nanos = threads.flatten().filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("a line with a number")
}

/// Figures of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// Checks that ended, and how many of them did not pass.
    pub(crate) checks: f64,
    pub(crate) failed: f64,
    /// CPU microseconds a check, and the share of them that is the program's own code.
    pub(crate) cpu_us: f64,
    pub(crate) user_share: f64,
    /// CPU of one core that was used, in percent.
    pub(crate) core_percent: f64,
    /// Bytes a target, beyond the process at rest.
    pub(crate) bytes_a_target: f64,
    /// Starts over 100 ms late, and the mean lateness of all in milliseconds.
    pub(crate) late: f64,
    pub(crate) lateness_ms: f64,
}

impl Figures {
    pub(crate) fn between(before: Usage, after: Usage, checks: u64, length: Duration) -> Self {
        let cpu = after.cpu.saturating_sub(before.cpu);
        let user = (after.user_ticks - before.user_ticks) as f64;
        let system = (after.system_ticks - before.system_ticks) as f64;
        Self {
            checks: checks as f64,
            cpu_us: cpu.as_secs_f64() * 1e6 / checks.max(1) as f64,
            user_share: user / (user + system).max(1.0),
            core_percent: 100.0 * cpu.as_secs_f64() / length.as_secs_f64(),
            ..Self::default()
        }
    }

    fn numbers(&self) -> [f64; 8] {
        [
            self.checks,
            self.failed,
            self.cpu_us,
            self.user_share,
            self.core_percent,
            self.bytes_a_target,
            self.late,
            self.lateness_ms,
        ]
    }

    fn from_numbers(numbers: [f64; 8]) -> Self {
        let [
            checks,
            failed,
            cpu_us,
            user_share,
            core_percent,
            bytes_a_target,
            late,
            lateness_ms,
        ] = numbers;
        Self {
            checks,
            failed,
            cpu_us,
            user_share,
            core_percent,
            bytes_a_target,
            late,
            lateness_ms,
        }
    }

    /// Writes what [`Figures::parse`] reads.
    pub(crate) fn line(&self) -> String {
        self.numbers().map(|number| number.to_string()).join(" ")
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let numbers: Vec<f64> = line
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        Some(Self::from_numbers(numbers.try_into().ok()?))
    }

    /// The median of each figure.
    pub(crate) fn median(runs: Vec<Self>) -> Self {
        let column = |at: usize| {
            let mut numbers: Vec<f64> = runs.iter().map(|run| run.numbers()[at]).collect();
            numbers.sort_unstable_by(f64::total_cmp);
            numbers.get(numbers.len() / 2).copied().unwrap_or_default()
        };
        Self::from_numbers(std::array::from_fn(column))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own_us = self.cpu_us * self.user_share;
        write!(
            f,
            "{} checks ({} failed), {:.1} us CPU each (about {own_us:.0} in user space), {:.1} % of a core",
            self.checks, self.failed, self.cpu_us, self.core_percent
        )?;
        if self.bytes_a_target > 0.0 {
            write!(f, ", {:.0} bytes a target", self.bytes_a_target)?;
        }
        write!(
            f,
            ", {} late, {:.2} ms on average",
            self.late, self.lateness_ms
        )
    }
}
