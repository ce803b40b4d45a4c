//! The helper process: runs commands for the server, and ends with it.
//!
//! In: requests on standard input. Out: reports on standard output. Never here: schedules, findings, logs.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::frame::{Ended, Frames, How, Request, encode};
use super::group::{Leaders, run, sweep};

/// Most commands at once, whatever the server's `concurrency`.
const RUNNING_MAX: usize = 1_024;
/// Time between two searches for processes that lost their parent.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Badness of helper and commands for the kernel's OOM killer, -1000 to 1000: they die before the server.
const OOM_SCORE: &str = "500";

/// Runs the helper on two pipes until the input ends.
///
/// # Errors
/// If these are no pipes, or break.
pub fn serve_commands(input: OwnedFd, output: OwnedFd) -> io::Result<()> {
    // Orphans of commands become our children, so that we can end them. Without it they are only harder to find.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let _ = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let input = pipe::Receiver::from_owned_fd(input)?;
        let output = pipe::Sender::from_owned_fd(output)?;
        serve(input, output).await
    })
}

async fn serve(
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> io::Result<()> {
    let mut requests = Frames::new(input);
    let leaders = Leaders::default();
    let mut running: JoinSet<Ended> = JoinSet::new();
    // A report for each command that runs fits, so that requests are read whatever happens to reports.
    let (reports, written) = mpsc::channel(RUNNING_MAX * 2);
    let mut writer = JoinSet::new();
    writer.spawn(write_reports(output, written));
    let mut sweeps = tokio::time::interval(SWEEP_INTERVAL);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ended = loop {
        tokio::select! {
            request = requests.next::<Request>() => match request {
                Ok(Some(request)) if running.len() < RUNNING_MAX => {
                    running.spawn(run(request, Arc::clone(&leaders)));
                }
                Ok(Some(request)) => {
                    let how = How::NotStarted(format!("{RUNNING_MAX} commands run already"));
                    let line = String::new();
                    let _ = reports.try_send(Ended { id: request.id, how, line });
                }
                Ok(None) => break Ok(()),
                Err(cause) => break Err(cause),
            },
            Some(ended) = running.join_next() => if let Ok(ended) = ended {
                let _ = reports.try_send(ended);
            },
            Some(_) = writer.join_next() => break Err(io::ErrorKind::BrokenPipe.into()),
            _ = sweeps.tick() => sweep(&leaders),
        }
    };
    // Dropping a command kills its group.
    running.shutdown().await;
    sweep(&leaders);
    ended
}

async fn write_reports(
    mut output: impl AsyncWrite + Unpin,
    mut reports: mpsc::Receiver<Ended>,
) -> io::Result<()> {
    while let Some(report) = reports.recv().await {
        output.write_all(&encode(&report)?).await?;
        output.flush().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs commands through a helper in this process and returns how they ended, by id.
    async fn play(commands: &[(&[&str], u64)]) -> Vec<Ended> {
        let (mut to, input) = tokio::io::duplex(1 << 16);
        let (output, from) = tokio::io::duplex(1 << 16);
        let mut helper = JoinSet::new();
        helper.spawn(serve(input, output));
        for (id, (words, timeout_ms)) in commands.iter().enumerate() {
            let request = Request {
                id: id as u64,
                command: words.iter().map(|word| (*word).to_owned()).collect(),
                variables: vec![("LEEWARD_ADDRESS".to_owned(), "192.0.2.1".to_owned())],
                timeout_ms: *timeout_ms,
            };
            to.write_all(&encode(&request).unwrap()).await.unwrap();
        }
        let mut frames = Frames::new(from);
        let mut ended = Vec::new();
        while ended.len() < commands.len() {
            ended.push(
                frames
                    .next::<Ended>()
                    .await
                    .unwrap()
                    .expect("a report for each"),
            );
        }
        drop(to);
        assert!(matches!(helper.join_next().await, Some(Ok(Ok(())))));
        ended.sort_by_key(|ended| ended.id);
        ended
    }

    #[tokio::test]
    async fn reports_how_commands_end() {
        let cases: [(&[&str], u64, How, &str); 9] = [
            (&["/bin/true"], 5_000, How::Exited(0), ""),
            (
                &["/bin/sh", "-c", "echo; echo ' fine '; echo more"],
                5_000,
                How::Exited(0),
                "fine",
            ),
            (
                &["/bin/sh", "-c", "echo broken >&2; exit 3"],
                5_000,
                How::Exited(3),
                "broken",
            ),
            (
                &["/bin/sh", "-c", "kill -9 $$"],
                5_000,
                How::Signalled(9),
                "",
            ),
            (
                &["/bin/sh", "-c", "echo waiting; sleep 100"],
                300,
                How::TimedOut,
                "waiting",
            ),
            // Whatever is written is read up to a bound, and the rest of the group goes with it.
            (
                &["/bin/sh", "-c", "yes & yes"],
                20_000,
                How::WroteTooMuch,
                "y",
            ),
            (
                &["/bin/sh", "-c", "printf 'a\\033[2Jb'"],
                5_000,
                How::Exited(0),
                "a\u{fffd}[2Jb",
            ),
            // Somebody who holds the output open after the end holds nothing up.
            (
                &["/bin/sh", "-c", "echo quick; sleep 100 &"],
                20_000,
                How::Exited(0),
                "quick",
            ),
            (
                &["/bin/sh", "-c", "echo $LEEWARD_ADDRESS $HOME $(pwd)"],
                5_000,
                How::Exited(0),
                "192.0.2.1 /",
            ),
        ];
        let commands: Vec<_> = cases.iter().map(|case| (case.0, case.1)).collect();
        let ended = play(&commands).await;
        for ((words, _, how, line), ended) in cases.into_iter().zip(ended) {
            assert_eq!((&ended.how, ended.line.as_str()), (&how, line), "{words:?}");
        }
        let missing = play(&[(&["/nowhere/at-all"], 1_000)]).await;
        assert!(matches!(&missing[0].how, How::NotStarted(why) if why.contains("/nowhere/at-all")));
    }

    #[tokio::test]
    async fn ends_a_command_with_everything_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("numbers");
        // Sixty-four processes that would last, all of the group.
        let script = format!(
            "i=0; while [ $i -lt 64 ]; do sleep 100 & echo $! >> {}; i=$((i+1)); done; wait",
            list.display()
        );
        let ended = play(&[(&["/bin/sh", "-c", &script], 3_000)]).await;
        assert_eq!(ended[0].how, How::TimedOut);
        let numbers = std::fs::read_to_string(&list).unwrap();
        assert!(!numbers.is_empty());
        for number in numbers.split_ascii_whitespace() {
            // Gone, or dead and not yet collected by whoever adopted it; the kernel may take a moment.
            let is_alive = || {
                let state = std::fs::read_to_string(format!("/proc/{number}/stat"));
                let state = state.unwrap_or_default();
                state.contains("(sleep)") && !state.contains(") Z ") && !state.contains(") X ")
            };
            let gone = async {
                while is_alive() {
                    tokio::task::yield_now().await;
                }
            };
            let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
            assert!(gone.is_ok(), "process {number} lives on");
        }
    }
}
