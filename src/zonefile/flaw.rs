//! What is wrong with a line, in words.
//!
//! In: text of the user. Out: the form of a flaw, and text short enough for a message. Never here: what is looked for.

use std::ops::Range;

/// Fault of a line: code, place, message, help.
pub(super) type Flaw = (&'static str, Range<usize>, String, Option<String>);

/// Longest piece of the user's text that a message repeats; chosen to keep messages on one line.
const SHOWN_MAX: usize = 60;

/// Shortens text for a message.
pub(super) fn shown(text: &str) -> &str {
    text.char_indices()
        .nth(SHOWN_MAX)
        .map_or(text, |(end, _)| &text[..end])
}
