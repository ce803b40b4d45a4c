//! Lines of TOML by their looks: headers, keys, comments.
//!
//! In: one line, of text that the parser refuses. Out: what it looks like. Never here: what is wrong with it.

/// Says whether a character ends a word of TOML.
pub(super) fn is_end_of_word(c: char) -> bool {
    c.is_whitespace() || "[]{},=#\"'".contains(c)
}

/// Says whether a line is the header of a table: a bare word first, which no list begins with.
pub(super) fn is_header(line: &str) -> bool {
    let line = without_comment(line).trim_end();
    let inner = line.trim_start_matches('[');
    let is_closed = line.starts_with('[') && line.ends_with(']');
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let word: String = inner.chars().take_while(|c| is_word(*c)).collect();
    let after = inner.get(word.len()..).unwrap_or_default();
    is_closed
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && !matches!(word.as_str(), "true" | "false" | "inf" | "nan")
        && after.starts_with(['.', ']'])
        && !after.contains(',')
}

/// Says whether a line begins with a key and `=`.
pub(super) fn looks_like_key(line: &str) -> bool {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '=' => return at > 0,
            None if c.is_alphanumeric() || "-_.@* \t".contains(c) => {}
            None => return false,
        }
    }
    false
}

/// Returns a line without the comment at its end; a `#` in quotes begins none.
pub(super) fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '#' => return line.get(..at).unwrap_or_default(),
            None => {}
        }
    }
    line
}
