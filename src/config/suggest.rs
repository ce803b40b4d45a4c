//! "Did you mean": the nearest known word.
//!
//! In: what was written, and the words that would be right. Out: the nearest one if it is near enough, and help texts.
//! Never here: positions, severities.

/// Words listed in a help text when nothing is near; more would drown the message.
const LISTED_MAX: usize = 12;
/// Words compared with what was written; more are not looked at.
const COMPARED_MAX: usize = 10_000;

/// Returns the known word nearest to `written`, if a slip of the finger could explain the difference.
pub fn nearest<'w>(written: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let folded = fold(written);
    let length = folded.chars().count();
    // A word of one letter is near to every other such word; that says nothing.
    let limit = (length / 3).clamp(1, 4).min(length.saturating_sub(1));
    known
        .into_iter()
        .take(COMPARED_MAX)
        .filter(|word| word.len().abs_diff(written.len()) <= 6)
        .map(|word| (distance(&folded, &fold(word)), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Writes "did you mean" with the nearest word, or lists the known words when they are few.
pub fn help_for<'w>(
    written: &str,
    known: impl IntoIterator<Item = &'w str>,
    what: &str,
) -> Option<String> {
    let known: Vec<&str> = known.into_iter().take(COMPARED_MAX).collect();
    if let Some(word) = nearest(written, known.iter().copied()) {
        return Some(format!("did you mean `{word}`?"));
    }
    match known.len() {
        0 => None,
        count if count <= LISTED_MAX => Some(format!("{what}: {}", list(&known))),
        _ => None,
    }
}

/// Writes words as `a`, `b` and `c`.
pub fn list(words: &[&str]) -> String {
    let mut text = String::new();
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            text.push_str(if i + 1 == words.len() { " and " } else { ", " });
        }
        text.push('`');
        text.push_str(word);
        text.push('`');
    }
    text
}

fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(a, b)
}

/// Case and the choice between `-` and `_` do not count as a difference worth more than nothing.
fn fold(word: &str) -> String {
    word.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_not_other_words() {
        let known = ["failover", "weighted", "geo", "us-east", "check", "a"];
        let cases = [
            ("failvoer", Some("failover")),
            ("weigthed", Some("weighted")),
            ("us_east", Some("us-east")),
            ("Geo", Some("geo")),
            ("checks", Some("check")),
            ("something", None),
            ("eu-west", None),
            ("b", None),
        ];
        for (written, wanted) in cases {
            assert_eq!(nearest(written, known), wanted, "{written}");
        }
        assert_eq!(
            help_for("zzzzzz", ["a1", "b2"], "known pools"),
            Some("known pools: `a1` and `b2`".to_owned())
        );
    }
}
