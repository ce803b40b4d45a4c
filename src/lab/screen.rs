//! Redraws the board at the top of a terminal while lines are typed below it.
//!
//! In: the board's text. Out: text with the control sequences that put it in place (ECMA-48 and the scrolling region
//! of the VT100). The input line stays as it is: the cursor is saved and put back. Never here: writing it anywhere.

/// Save the cursor; turn off wrapping, so that long lines are cut by the terminal; go to the top left.
const BEGIN: &str = "\x1b7\x1b[?7l\x1b[H";
/// Turn wrapping on; put the cursor back.
const END: &str = "\x1b[?7h\x1b8";
/// Clear from the cursor to the end of the line.
const CLEAR_REST: &str = "\x1b[K";

/// A terminal whose top shows the board.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    drawn: Option<String>,
}

impl Screen {
    /// Makes a screen on which nothing is drawn yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the text that shows `board`; `None` if it is shown already.
    pub fn draw(&mut self, board: &str) -> Option<String> {
        if self.drawn.as_deref() == Some(board) {
            return None;
        }
        let height = board.lines().count();
        let is_same_height = self
            .drawn
            .as_ref()
            .is_some_and(|drawn| drawn.lines().count() == height);
        let mut text = String::new();
        if !is_same_height {
            // Clear all, let only the lines below the board and one empty line scroll, wait there.
            let first = height + 2;
            text.push_str(&format!("\x1b[2J\x1b[{first}r\x1b[{first};1H"));
        }
        text.push_str(BEGIN);
        for line in board.lines() {
            text.push_str(line);
            text.push_str(CLEAR_REST);
            text.push_str("\r\n");
        }
        text.push_str(END);
        self.drawn = Some(board.to_owned());
        Some(text)
    }

    /// Returns the text that lets the whole terminal scroll again, with the cursor at its bottom.
    pub fn leave(&mut self) -> Option<&'static str> {
        self.drawn.take().map(|_| "\x1b[r\x1b[999;1H\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_once_for_each_change_and_clears_only_when_the_height_changes() {
        let mut screen = Screen::new();
        let first = screen.draw("a\nb\n").expect("nothing was drawn");
        assert!(first.starts_with("\x1b[2J\x1b[4r\x1b[4;1H"), "{first:?}");
        assert_eq!(screen.draw("a\nb\n"), None);
        let second = screen.draw("a\nc\n").expect("it differs");
        assert_eq!(
            second,
            format!("{BEGIN}a{CLEAR_REST}\r\nc{CLEAR_REST}\r\n{END}")
        );
        let third = screen.draw("a\nc\nd\n").expect("it is higher");
        assert!(third.starts_with("\x1b[2J\x1b[5r"), "{third:?}");
    }

    #[test]
    fn gives_the_terminal_back_once() {
        let mut screen = Screen::new();
        assert_eq!(screen.leave(), None);
        screen.draw("a\n");
        assert!(screen.leave().is_some());
        assert_eq!(screen.leave(), None);
    }
}
