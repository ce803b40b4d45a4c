//! Log lines on their way out: a bounded queue, and a thread of its own that writes. A caller that logs never waits.
//!
//! In: whole lines from any task or thread. Out: the same lines in order, cut where they are too long; counts of those
//! that were lost. Never here: the content of a line.
//!
//! | The reader | Effect |
//! |---|---|
//! | it reads | every line is written |
//! | it stands still | the queue fills, further lines are dropped and counted; when it reads again, a line says how many |
//! | it is gone, or its disk is full | lines that cannot be written are counted as dropped |

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

/// Lines that wait; further ones are dropped. Chosen: with lines of full length 16 MiB, mostly half of one.
pub(super) const LINES_MAX: usize = 4_096;
/// Longest line in octets, its end included; the rest is left out, and the line says so. Chosen: collectors take that
/// much in one piece, and a screen shows it.
pub(super) const LINE_MAX: usize = 4_096;
/// Most octets kept of one text in a line of JSON that is too long.
const TEXT_MAX: usize = 1_000;
/// Octets kept free for the note about the rest.
const REST_ROOM: usize = 64;
/// Pause before a reader or a queue that takes no line just now is tried again. Chosen; no standard value.
const AGAIN: Duration = Duration::from_millis(10);

/// Form of a line, which decides how it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text.
    Text,
    /// A JSON object.
    Json,
}

enum Message {
    Line(Vec<u8>),
    /// Signal once all lines before are written.
    Flush(SyncSender<()>),
}

/// Queue of lines, and the count of those dropped.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    shape: Shape,
}

impl Lines {
    /// Starts the thread that writes to `sink`; it calls `tell`, now and then, with the number of lines dropped since
    /// the last call.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(
        sink: impl Write + Send + 'static,
        shape: Shape,
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, lines) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_lines(sink, &lines, &lost, tell))?;
        Ok(Self {
            queue,
            dropped,
            shape,
        })
    }

    /// Takes a line; drops it if too many wait.
    pub(super) fn take(&self, line: &[u8]) {
        let line = cut(line, self.shape);
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns how many lines were lost.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines so far are written, or the time is over.
    pub(super) fn flush(&self, patience: Duration) {
        let (done, flushed) = sync_channel(1);
        let mut message = Message::Flush(done);
        // A queue that is full and stays so has no room for the wish either.
        let mut tries = patience.as_millis() / AGAIN.as_millis();
        loop {
            match self.queue.try_send(message) {
                Ok(()) => break,
                Err(std::sync::mpsc::TrySendError::Full(back)) if tries > 0 => {
                    message = back;
                    tries -= 1;
                    std::thread::sleep(AGAIN);
                }
                Err(_) => return,
            }
        }
        let _ = flushed.recv_timeout(patience);
    }
}

fn write_lines(
    mut sink: impl Write,
    lines: &Receiver<Message>,
    dropped: &AtomicU64,
    tell: impl Fn(u64),
) {
    let mut told = 0;
    let mut written_since = 0;
    let mut next = lines.recv().ok();
    while let Some(message) = next.take() {
        match message {
            Message::Line(line) if write_line(&mut sink, &line).is_ok() => written_since += 1,
            Message::Line(_) => {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
            // Whoever waited for it may have gone.
            Message::Flush(done) => drop(done.try_send(())),
        }
        next = match lines.try_recv() {
            Ok(message) => Some(message),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                tell_dropped(dropped, &mut told, &mut written_since, &tell);
                lines.recv().ok()
            }
        };
        if written_since > LINES_MAX {
            tell_dropped(dropped, &mut told, &mut written_since, &tell);
        }
    }
}

/// Reports the lines dropped since the last report, as soon as any line was written since then.
fn tell_dropped(
    dropped: &AtomicU64,
    told: &mut u64,
    written_since: &mut usize,
    tell: &impl Fn(u64),
) {
    let lost = dropped.load(Ordering::Relaxed);
    if lost > *told && *written_since > 0 {
        tell(lost - *told);
        *told = lost;
    }
    *written_since = 0;
}

/// Writes a line whole. A pipe that another process set to not wait is waited for all the same.
fn write_line(sink: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match sink.write(line) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => line = &line[len..],
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

/// Cuts a line that is too long.
fn cut(line: &[u8], shape: Shape) -> Vec<u8> {
    if line.len() <= LINE_MAX {
        return line.to_vec();
    }
    let short = match shape {
        Shape::Json => cut_json(line),
        Shape::Text => None,
    };
    short.unwrap_or_else(|| cut_text(line))
}

fn cut_text(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let kept = start_of(&text, LINE_MAX - REST_ROOM);
    format!("{kept} ... ({} more octets)\n", line.len() - kept.len()).into_bytes()
}

/// Cuts the texts of a JSON object; one with too many of them keeps its time, level and message.
fn cut_json(line: &[u8]) -> Option<Vec<u8>> {
    let mut object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(line).ok()?;
    for value in object.values_mut() {
        if let serde_json::Value::String(text) = value
            && text.len() > TEXT_MAX
        {
            let kept = start_of(text, TEXT_MAX);
            *text = format!("{kept} ... ({} more octets)", text.len() - kept.len());
        }
    }
    let write = |object: &serde_json::Map<String, serde_json::Value>| {
        let mut short = serde_json::to_vec(object).ok()?;
        short.push(b'\n');
        (short.len() <= LINE_MAX).then_some(short)
    };
    write(&object).or_else(|| {
        object.retain(|key, _| matches!(key.as_str(), "timestamp" | "level" | "message"));
        write(&object)
    })
}

/// Returns the start of a text, at most `len_max` octets.
fn start_of(text: &str, len_max: usize) -> &str {
    let mut end = len_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Reader that takes one line on request, and stands still otherwise.
    struct Reader {
        turns: Receiver<io::Result<()>>,
        read: SyncSender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.turns.recv().map_err(io::Error::other)??;
            self.read.send(line.to_vec()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    // X6.
    #[test]
    fn a_reader_that_stands_still_costs_lines_and_nothing_else() {
        let (turn, turns) = channel();
        let (read, lines_read) = sync_channel(3 * LINES_MAX);
        let (tell, told) = channel();
        let lines = Lines::start(Reader { turns, read }, Shape::Text, move |lost| {
            tell.send(lost).expect("the test lasts longer");
        });
        let lines = lines.expect("a thread");
        for number in 0..2 * LINES_MAX {
            lines.take(format!("{number}\n").as_bytes());
        }
        let lost = lines.dropped();
        // One may be in the hands of the thread already.
        assert!(
            lost == LINES_MAX as u64 || lost == LINES_MAX as u64 - 1,
            "{lost}"
        );
        lines.flush(Duration::from_millis(50));
        assert!(told.try_recv().is_err(), "nobody reads yet");
        for _ in 0..2 * LINES_MAX {
            turn.send(Ok(())).expect("the thread reads");
        }
        assert_eq!(told.recv_timeout(PATIENCE), Ok(lost));
        let first = lines_read.recv_timeout(PATIENCE).expect("a line");
        assert_eq!(first, b"0\n");
        lines.take(b"last\n");
        lines.flush(PATIENCE);
        let last = lines_read.try_iter().last().expect("lines");
        assert_eq!(last, b"last\n");
        assert_eq!(lines.dropped(), lost);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let (turn, turns) = channel();
        let (read, lines_read) = sync_channel(8);
        let (tell, told) = channel();
        let lines = Lines::start(Reader { turns, read }, Shape::Text, move |lost| {
            tell.send(lost).expect("the test lasts longer");
        });
        let lines = lines.expect("a thread");
        for fault in [io::ErrorKind::BrokenPipe, io::ErrorKind::StorageFull] {
            lines.take(b"lost\n");
            turn.send(Err(fault.into())).expect("the thread reads");
        }
        for again in [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted] {
            turn.send(Err(again.into())).expect("the thread reads");
        }
        turn.send(Ok(())).expect("the thread reads");
        lines.take(b"kept\n");
        assert_eq!(told.recv_timeout(PATIENCE), Ok(2));
        assert_eq!(lines_read.recv_timeout(PATIENCE), Ok(b"kept\n".to_vec()));
        assert_eq!(lines.dropped(), 2);
    }

    // X20.
    #[test]
    fn no_line_is_longer_than_the_bound() {
        let long = "\u{fc}".repeat(20_000);
        let text = cut(format!(" WARN {long}\n").as_bytes(), Shape::Text);
        assert!(text.len() <= LINE_MAX, "{}", text.len());
        let text = String::from_utf8(text).expect("whole characters");
        assert!(text.starts_with(" WARN \u{fc}") && text.ends_with(" more octets)\n"));
        let many: String = (0..9_000).map(|n| format!(",\"k{n}\":\"v\"")).collect();
        for (rest, wanted) in [(String::new(), "field"), (many, "message")] {
            let line =
                format!("{{\"level\":\"WARN\",\"message\":\"{long}\",\"field\":\"f\"{rest}}}\n");
            let short = cut(line.as_bytes(), Shape::Json);
            assert!(short.len() <= LINE_MAX && short.ends_with(b"\n"));
            let read: serde_json::Value = serde_json::from_slice(&short).expect("still JSON");
            assert!(read.get(wanted).is_some(), "{read}");
        }
        let short = " INFO short\n".as_bytes();
        assert_eq!(cut(short, Shape::Text), short);
    }
}
