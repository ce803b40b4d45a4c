//! One command in a process group of its own: started, watched, and ended whole.
//!
//! In: a request. Out: its end. Never here: a shell, an inherited environment, an inherited descriptor.

use std::collections::HashSet;
use std::future::Future;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, getpgid, kill_process, kill_process_group, waitpid,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::frame::{Ended, How, Request};

/// Search path of commands, in place of the server's environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Most octets kept of each output.
const KEPT_MAX: usize = 4 << 10;
/// Most octets read of each output; a command that writes more is killed.
const OUTPUT_MAX: usize = 1 << 20;
/// Longest line reported, characters.
const LINE_MAX: usize = 200;
/// Time for the rest of the output, and for the end, once the group is killed.
const GRACE: Duration = Duration::from_millis(200);

/// The leaders of all groups that run.
pub(super) type Leaders = Arc<Mutex<HashSet<i32>>>;

/// A process group that is killed when this is dropped.
struct Group {
    leader: Option<Pid>,
    leaders: Leaders,
}

impl Group {
    fn of(child: &Child, leaders: &Leaders) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(leader) = leader {
            lock(leaders).insert(leader.as_raw_nonzero().get());
        }
        Self {
            leader,
            leaders: Arc::clone(leaders),
        }
    }

    /// Kills every member at once; the kernel lets none fork away meanwhile.
    fn kill(&self) {
        if let Some(leader) = self.leader {
            // A group without members is gone already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        if let Some(leader) = self.leader {
            lock(&self.leaders).remove(&leader.as_raw_nonzero().get());
        }
    }
}

fn lock(leaders: &Leaders) -> std::sync::MutexGuard<'_, HashSet<i32>> {
    leaders.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a command to its end.
pub(super) async fn run(request: Request, leaders: Leaders) -> Ended {
    let id = request.id;
    let not_started = |why: String| Ended {
        id,
        how: How::NotStarted(why),
        line: String::new(),
    };
    let mut child = match start(&request) {
        Ok(child) => child,
        Err(why) => return not_started(why),
    };
    let group = Group::of(&child, &leaders);
    let (Some(output), Some(error)) = (child.stdout.take(), child.stderr.take()) else {
        return not_started("its output cannot be read".to_owned());
    };
    let (kept, kept_error) = (Mutex::default(), Mutex::default());
    let mut reading = pin!(async {
        // Ends early only if one of both is too long.
        tokio::try_join!(drain(output, &kept), drain(error, &kept_error))
    });
    let time = Duration::from_millis(request.timeout_ms);
    let (how, is_read) = watch(&mut child, reading.as_mut(), time).await;
    group.kill();
    if let How::Exited(_) | How::Signalled(_) = how {
        // What was written before the end may still stand in the pipe.
        if !is_read {
            let _ = tokio::time::timeout(GRACE, reading).await;
        }
    } else {
        let _ = tokio::time::timeout(GRACE, child.wait()).await;
    }
    drop(group);
    let line = first_line(&kept).or_else(|| first_line(&kept_error));
    Ended {
        id,
        how,
        line: line.unwrap_or_default(),
    }
}

fn start(request: &Request) -> Result<Child, String> {
    let (program, arguments) = request
        .command
        .split_first()
        .ok_or_else(|| "the command is empty".to_owned())?;
    Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .envs(request.variables.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|cause| format!("start {program}: {cause}"))
}

/// Waits for the end of a command, of its time, or of the bound of its output; returns also whether all output is read.
async fn watch(
    child: &mut Child,
    mut reading: std::pin::Pin<&mut impl Future<Output = Result<((), ()), TooMuch>>>,
    time: Duration,
) -> (How, bool) {
    let mut alarm = pin!(tokio::time::sleep(time));
    let mut is_read = false;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let how = match ended {
                    Ok(status) => how_of(status),
                    Err(cause) => How::NotStarted(format!("wait for it: {cause}")),
                };
                return (how, is_read);
            }
            read = reading.as_mut(), if !is_read => match read {
                Ok(_) => is_read = true,
                Err(TooMuch) => return (How::WroteTooMuch, true),
            },
            () = alarm.as_mut() => return (How::TimedOut, is_read),
        }
    }
}

fn how_of(status: ExitStatus) -> How {
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Exited(code),
        (None, signal) => How::Signalled(signal.unwrap_or(0)),
    }
}

/// Output beyond [`OUTPUT_MAX`].
#[derive(Debug)]
struct TooMuch;

/// Reads an output to its end; keeps its beginning.
async fn drain(mut output: impl AsyncRead + Unpin, kept: &Mutex<Vec<u8>>) -> Result<(), TooMuch> {
    let mut octets = vec![0; 8 << 10];
    let mut total = 0;
    // A pipe that breaks is one that ended.
    while let Ok(count @ 1..) = output.read(&mut octets).await {
        total += count;
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_MAX - kept.len();
        kept.extend_from_slice(&octets[..count.min(room)]);
        if total > OUTPUT_MAX {
            return Err(TooMuch);
        }
    }
    Ok(())
}

/// Returns the first line that is not blank, fit to be shown.
fn first_line(kept: &Mutex<Vec<u8>>) -> Option<String> {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&kept);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    Some(line.chars().take(LINE_MAX).map(plain).collect())
}

/// Kills processes that left their group (`setsid`) and lost their parent: they became children of the helper, as a
/// subreaper. Processes in the group of a running command stay.
pub(super) fn sweep(leaders: &Leaders) {
    let own = std::process::id();
    let Ok(listed) = std::fs::read_to_string(format!("/proc/self/task/{own}/children")) else {
        return;
    };
    let leaders = lock(leaders).clone();
    let children = listed.split_ascii_whitespace();
    for number in children.filter_map(|word| word.parse::<i32>().ok()) {
        let Some(child) = Pid::from_raw(number).filter(|_| !leaders.contains(&number)) else {
            continue;
        };
        let group = getpgid(Some(child)).map(|group| group.as_raw_nonzero().get());
        if group.is_ok_and(|group| leaders.contains(&group)) {
            continue;
        }
        let _ = kill_process(child, Signal::KILL);
        // One that is not gone yet is met again by the next sweep.
        let _ = waitpid(Some(child), WaitOptions::NOHANG);
    }
}
