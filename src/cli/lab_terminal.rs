//! The terminal of the lab: lines are typed and edited at its bottom, all other text stands above them.
//!
//! In: keys. Out: lines, and a writer for other text meanwhile. Never here: the board, commands.
//!
//! The line editor reads keys one by one, for which the terminal is in a mode of its own; it is given back as it was
//! found, also if the lab ends while a line is typed.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use rustyline::config::Configurer as _;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor, ExternalPrinter};
use tokio::sync::mpsc;

/// Most typed lines that wait.
const LINES_MAX: usize = 16;

/// Most lines that the up arrow brings back.
const HISTORY_MAX: usize = 100;

/// Most octets kept of an unfinished log line; a longer one is written in pieces.
const PART_MAX: usize = 8 << 10;

const PROMPT: &str = "lab> ";

/// Columns of a terminal of unknown width.
const COLUMNS: usize = 80;

type Printer = Box<dyn ExternalPrinter + Send>;

/// A terminal on which lines are edited.
pub(super) struct LabTerminal {
    found: Termios,
    printer: Arc<Mutex<Printer>>,
    begin: SyncSender<()>,
}

impl LabTerminal {
    /// Prepares reading of lines, which starts with [`Self::begin`]; `None` if standard input is no terminal for it.
    pub(super) fn open() -> Option<(Self, mpsc::Receiver<String>)> {
        let found = tcgetattr(io::stdin()).ok()?;
        let config = Config::builder().build();
        let mut editor = Editor::<(), _>::with_history(config, MemHistory::new()).ok()?;
        editor.set_max_history_size(HISTORY_MAX).ok()?;
        // Nothing that has to be switched off again if the lab ends while a line is typed.
        editor.enable_bracketed_paste(false);
        let printer: Printer = Box::new(editor.create_external_printer().ok()?);
        let (sender, lines) = mpsc::channel(LINES_MAX);
        let (begin, begun) = sync_channel(1);
        // The thread has no other end than the process: a blocking read cannot be called off.
        std::thread::Builder::new()
            .name("lab-input".to_owned())
            .spawn(move || {
                // The prompt stands below the board: there must be one.
                if begun.recv().is_ok() {
                    edit_lines(editor, &sender);
                }
            })
            .ok()?;
        let printer = Arc::new(Mutex::new(printer));
        let terminal = Self {
            found,
            printer,
            begin,
        };
        Some((terminal, lines))
    }

    /// Returns a function that shows the prompt and starts reading; a second call has no effect.
    pub(super) fn begin(&self) -> impl Fn() + Send + use<> {
        let begin = self.begin.clone();
        move || {
            // It was asked to begin before.
            let _ = begin.try_send(());
        }
    }

    /// Returns a writer of lines above the input line.
    pub(super) fn above(&self) -> Above {
        Above {
            printer: Arc::clone(&self.printer),
            part: Vec::new(),
        }
    }
}

impl Drop for LabTerminal {
    fn drop(&mut self) {
        // A terminal that went away needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.found);
    }
}

/// Returns how many columns the terminal of standard output has.
pub(super) fn columns() -> usize {
    let size = tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col));
    size.ok().filter(|count| *count > 0).unwrap_or(COLUMNS)
}

/// Hands over lines until the lab ends; Ctrl-C and Ctrl-D are `quit`.
fn edit_lines(mut editor: Editor<(), MemHistory>, lines: &mpsc::Sender<String>) {
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => "quit".to_owned(),
            // The window changed its size: the line is drawn anew.
            Err(ReadlineError::Signal(_)) => continue,
            Err(_) => return,
        };
        // A line that is not kept is a line that the arrow does not bring back.
        let _ = editor.add_history_entry(&line);
        if lines.blocking_send(line).is_err() {
            return;
        }
    }
}

/// Writer of whole lines above the input line.
#[derive(Clone)]
pub(super) struct Above {
    printer: Arc<Mutex<Printer>>,
    part: Vec<u8>,
}

impl Above {
    fn tell(&mut self, len: usize) {
        let text: Vec<u8> = self.part.drain(..len).collect();
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        // A terminal that went away hears nothing.
        let _ = printer.print(String::from_utf8_lossy(&text).into_owned());
    }
}

impl Write for Above {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(octets);
        if let Some(last) = self.part.iter().rposition(|octet| *octet == b'\n') {
            self.tell(last + 1);
        } else if self.part.len() > PART_MAX {
            self.tell(self.part.len());
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
