//! The lab's one loop: takes commands, breaks and mends regions, shows the board.
//!
//! In: typed lines, commands from other terminals, and a callback that returns answers and health. Out: outages, and
//! text handed to the caller's writer. Never here: printing, answers, the server itself.

use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::board::{BoardState, Seen, board};
use super::changes::changes;
use super::command::{LabCommand, parse_command};
use super::endpoint::Mode;
use super::endpoints::Endpoints;
use super::introduction::{help_text, introduction};
use super::outage::Outages;
use super::ports::LabPorts;
use super::region::{Region, RegionSelection};
use super::remote::{Remote, RemoteRequest};
use super::screen::Screen;
use crate::clock::{Clock, Moment};

/// Interval between two looks for changes; short enough to look live.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Most typed lines that wait.
const LINES_MAX: usize = 16;

/// Width of boards that are not drawn on a terminal.
const BOARD_WIDTH: usize = 120;

/// Returns the answers to clients and the health of regions, now.
pub type BoardSource = Arc<dyn Fn() -> Seen + Send + Sync>;

/// Parts of the lab's loop.
pub struct LabPlan {
    /// The regions, started.
    pub endpoints: Endpoints,
    /// Ports of the lab.
    pub ports: LabPorts,
    /// Source of the board's content.
    pub source: BoardSource,
    /// Typed lines.
    pub lines: mpsc::Receiver<String>,
    /// Commands from other terminals.
    pub remote: Remote,
    /// Further lines of the board: address of the page, folder of the zones.
    pub places: Vec<String>,
    /// Terminal on which the board is redrawn in place; without one, changes are written line by line.
    pub terminal: Option<LabScreen>,
    /// True if text may carry colours.
    pub is_colour: bool,
    /// The clock that changes are stamped with.
    pub clock: Clock,
}

/// Terminal with the board at its top and an input line at its bottom.
pub struct LabScreen {
    /// Returns the current number of columns.
    pub columns: fn() -> usize,
    /// Writes text above the input line.
    pub tell: Box<dyn FnMut(&str) + Send>,
}

/// Starts a thread that hands over lines from standard input until it ends.
///
/// The thread has no other end than the process: a blocking read cannot be called off.
///
/// # Errors
/// If no thread can be started.
pub fn read_lines() -> std::io::Result<mpsc::Receiver<String>> {
    let (sender, receiver) = mpsc::channel(LINES_MAX);
    let read = move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("lab-input".to_owned())
        .spawn(read)?;
    Ok(receiver)
}

/// Runs the lab until a `quit` or until `stop` ends; every endpoint is closed when it returns.
pub async fn run_lab(plan: LabPlan, stop: impl Future<Output = ()>, write: &mut dyn FnMut(&str)) {
    let LabPlan {
        endpoints,
        ports,
        source,
        mut lines,
        mut remote,
        places,
        terminal,
        is_colour,
        clock,
    } = plan;
    let mut stage = Stage {
        endpoints,
        ports,
        source,
        places,
        outages: Outages::default(),
        clock,
        is_colour,
        screen: terminal.map(|terminal| (Screen::new(), terminal)),
        started: clock.now(),
        last: None,
        write,
    };
    stage.open();
    let mut look = tokio::time::interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut has_lines = true;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            line = lines.recv(), if has_lines => match line {
                Some(line) => if stage.take_line(&line).await == Next::Stop { break },
                // No more input is no reason to stop: the lab may run without a terminal.
                None => has_lines = false,
            },
            Some(request) = remote.requests.recv() => if stage.take_request(request).await == Next::Stop { break },
            _ = look.tick() => stage.look(),
        }
    }
    stage.close().await;
}

/// Whether the lab goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Go,
    Stop,
}

/// The regions, what was shown last, and where text goes.
struct Stage<'a> {
    endpoints: Endpoints,
    ports: LabPorts,
    source: BoardSource,
    places: Vec<String>,
    outages: Outages,
    clock: Clock,
    is_colour: bool,
    /// Absent where output is no terminal.
    screen: Option<(Screen, LabScreen)>,
    started: Moment,
    last: Option<Seen>,
    write: &'a mut dyn FnMut(&str),
}

impl Stage<'_> {
    fn open(&mut self) {
        let state = self.state();
        if self.screen.is_some() {
            self.draw(&state);
        } else {
            self.tell(&board(&state, BOARD_WIDTH, self.is_colour));
            self.tell("\n");
        }
        self.last = Some(state.seen);
        self.tell(&introduction(self.ports));
    }

    /// Writes text, above the input line where there is one.
    fn tell(&mut self, text: &str) {
        match &mut self.screen {
            Some((_, terminal)) => (terminal.tell)(text),
            None => (self.write)(text),
        }
    }

    /// Draws the board in its place, if it has changed.
    fn draw(&mut self, state: &BoardState) {
        let Some((screen, terminal)) = &mut self.screen else {
            return;
        };
        let board = board(state, (terminal.columns)(), self.is_colour);
        if let Some(text) = screen.draw(&board) {
            (self.write)(&text);
        }
    }

    fn state(&self) -> BoardState {
        BoardState {
            listen: self.ports.name_server(),
            resolver: self.ports.resolver(),
            places: self.places.clone(),
            modes: Region::ALL.map(|region| self.endpoints.mode(region)),
            seen: (self.source)(),
            outages: self.outages.last(),
        }
    }

    /// Redraws the board, or writes the changes since the last look.
    fn look(&mut self) {
        let now = self.clock.now();
        let mut state = self.state();
        self.outages.look(state.seen.answered, now);
        let before = std::mem::replace(&mut state.outages, self.outages.last());
        if self.screen.is_some() {
            self.draw(&state);
        } else if let Some(last) = &self.last {
            let seconds = now.since(self.started).as_secs_f64();
            let mut lines = changes(last, &state.seen);
            for (region, (was, is)) in Region::ALL.iter().zip(before.iter().zip(&state.outages)) {
                if let Some(outage) = is.filter(|is| is.is_over() && *was != Some(*is)) {
                    lines.push(format!("{region}: {outage}"));
                }
            }
            for line in lines {
                (self.write)(&format!("[{seconds:>7.1} s] {line}\n"));
            }
        }
        self.last = Some(state.seen);
    }

    async fn take_line(&mut self, line: &str) -> Next {
        let command = match parse_command(line) {
            Ok(None) => return Next::Go,
            Ok(Some(command)) => command,
            Err(fault) => {
                self.tell(&format!("{fault}\n"));
                return Next::Go;
            }
        };
        let (Ok(text) | Err(text)) = self.obey(command).await;
        self.tell(&text);
        if command == LabCommand::Quit {
            return Next::Stop;
        }
        Next::Go
    }

    async fn take_request(&mut self, request: RemoteRequest) -> Next {
        let answer = self.obey(request.command).await;
        self.tell(&format!("from another terminal: {}\n", request.command));
        // A terminal that went away does not hear the answer; the command is done all the same.
        drop(request.reply.send(answer));
        if request.command == LabCommand::Quit {
            Next::Stop
        } else {
            Next::Go
        }
    }

    /// Runs a command and returns the reply to its sender.
    async fn obey(&mut self, command: LabCommand) -> Result<String, String> {
        match command {
            LabCommand::Kill(selection) => self.set(selection, Mode::Killed).await,
            LabCommand::Heal(selection) => self.set(selection, Mode::Well).await,
            LabCommand::Slow(selection) => self.set(selection, Mode::Slow).await,
            LabCommand::Status => Ok(board(&self.state(), BOARD_WIDTH, false)),
            LabCommand::Help => Ok(help_text(self.ports)),
            LabCommand::Quit => Ok("stopping\n".to_owned()),
        }
    }

    async fn set(&mut self, selection: RegionSelection, mode: Mode) -> Result<String, String> {
        let mut text = String::new();
        for region in selection.regions() {
            let was = self.endpoints.mode(region);
            self.endpoints
                .set(region, mode)
                .await
                .map_err(|fault| format!("{fault}\n"))?;
            match mode {
                Mode::Well => self.outages.end(region),
                Mode::Killed | Mode::Slow => self.outages.begin(region, self.clock.now()),
            }
            let already = if was == mode { " already" } else { "" };
            text.push_str(&format!("{region} is {}{already}\n", mode.word()));
        }
        Ok(text)
    }

    async fn close(mut self) {
        if let Some(text) = self.screen.as_mut().and_then(|(screen, _)| screen.leave()) {
            (self.write)(text);
        }
        self.endpoints.stop().await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Mutex;

    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::lab::board::{CachedAnswer, PlaceRow, RegionHealth};
    use crate::lab::remote::{listen_remote, send_command};

    async fn start_endpoints() -> Endpoints {
        for _ in 0..20 {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
            let port = listener.local_addr().expect("bound").port();
            if let Ok(endpoints) = Endpoints::start(port).await {
                return endpoints;
            }
        }
        panic!("no port is free on all loopback addresses");
    }

    /// Source that returns the value of `seen`.
    fn source(seen: &Arc<Mutex<Seen>>) -> BoardSource {
        let seen = Arc::clone(seen);
        Arc::new(move || seen.lock().expect("no test panics with it").clone())
    }

    fn seen(answer: &str) -> Seen {
        Seen {
            names: vec!["www".to_owned()],
            places: vec![PlaceRow {
                place: "NA-US".to_owned(),
                prefix: "192.0.2.0/24".to_owned(),
                answers: vec![answer.to_owned()],
            }],
            regions: vec![RegionHealth::default(); Region::ALL.len()],
            cached: vec![CachedAnswer::default()],
            answered: Default::default(),
        }
    }

    async fn plan(seen: &Arc<Mutex<Seen>>, is_terminal: bool) -> (LabPlan, mpsc::Sender<String>) {
        let (typed, lines) = mpsc::channel(LINES_MAX);
        let remote = listen_remote((Ipv4Addr::LOCALHOST, 0).into())
            .await
            .expect("loopback");
        let plan = LabPlan {
            endpoints: start_endpoints().await,
            ports: LabPorts::DEFAULT,
            source: source(seen),
            lines,
            remote,
            places: Vec::new(),
            terminal: is_terminal.then(|| LabScreen {
                columns: || 80,
                tell: Box::new(|_| {}),
            }),
            is_colour: false,
            clock: Clock::start(),
        };
        (plan, typed)
    }

    async fn type_lines(typed: &mpsc::Sender<String>, lines: &[&str]) {
        for line in lines {
            typed
                .send((*line).to_owned())
                .await
                .expect("the lab listens");
        }
    }

    #[tokio::test]
    async fn typed_commands_are_obeyed_until_quit_and_everything_is_closed() {
        let seen = Arc::new(Mutex::new(seen("us-east")));
        let (plan, typed) = plan(&seen, false).await;
        let address = plan
            .endpoints
            .addresses(Region::EuWest)
            .next()
            .expect("two members");
        let lines = [
            "kil us-east",
            "kill us-east",
            "kill us-east",
            "heal all",
            "help",
            "quit",
        ];
        type_lines(&typed, &lines).await;
        let mut text = String::new();
        run_lab(plan, std::future::pending(), &mut |part| {
            text.push_str(part)
        })
        .await;
        for part in [
            "dig @127.0.0.1 -p 5300 www.lab.example A +short",
            "+subnet=198.51.100.0/24",
            "did you mean \"kill\"?",
            "us-east is killed\n",
            "us-east is killed already\n",
            "us-east is well\neu-west is well already\n",
            "close its listeners",
            "stopping\n",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
        let refused = TcpStream::connect(address).await;
        assert!(refused.is_err(), "an endpoint outlived the lab");
    }

    #[tokio::test]
    async fn another_terminal_is_obeyed_and_changes_are_told() {
        let seen_now = Arc::new(Mutex::new(seen("us-east")));
        let (plan, typed) = plan(&seen_now, false).await;
        let address = plan.remote.address;
        let (told, mut parts) = mpsc::channel(64);
        let mut write = move |part: &str| drop(told.try_send(part.to_owned()));
        let east = RegionSelection::One(Region::UsEast);
        let lab = run_lab(plan, std::future::pending(), &mut write);
        let story = async {
            let answer = send_command(address, LabCommand::Kill(east)).await;
            assert_eq!(answer, Ok("us-east is killed\n".to_owned()));
            let board = send_command(address, LabCommand::Status)
                .await
                .expect("a board");
            assert!(board.contains("us-east   killed"), "{board}");
            *seen_now.lock().expect("no test panics with it") = seen("eu-west");
            while let Some(part) = parts.recv().await {
                if part.contains("www for clients in NA-US: eu-west, was us-east") {
                    break;
                }
            }
            type_lines(&typed, &["quit"]).await;
        };
        tokio::join!(lab, story);
    }

    #[tokio::test]
    async fn a_terminal_gets_a_board_and_is_given_back() {
        let seen = Arc::new(Mutex::new(seen("us-east")));
        let (mut plan, _typed) = plan(&seen, true).await;
        let told = Arc::new(Mutex::new(String::new()));
        let above = Arc::clone(&told);
        if let Some(terminal) = &mut plan.terminal {
            terminal.tell = Box::new(move |text| above.lock().expect("no panic").push_str(text));
        }
        let mut text = String::new();
        run_lab(plan, std::future::ready(()), &mut |part| {
            text.push_str(part)
        })
        .await;
        assert!(text.contains("\x1b[2J"), "{text:?}");
        assert!(!text.contains("Ask from another"), "{text:?}");
        let told = told.lock().expect("no panic").clone();
        assert!(told.contains("Ask from another terminal"), "{told:?}");
        assert!(text.ends_with("\x1b[r\x1b[999;1H\r\n"), "{text:?}");
    }
}
