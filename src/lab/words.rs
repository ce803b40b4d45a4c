//! Words that are typed and unknown.
//!
//! In: a word and those that are known. Out: what to type instead. Never here: what a word does.

/// Least likeness (Jaro-Winkler, 1 is equal) of a known word that is offered. Chosen; no standard value.
const LIKENESS_MIN: f64 = 0.75;

/// Writes that a word is unknown, with the nearest known one or, if none is near, all of them.
pub(super) fn unknown_word(noun: &str, word: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match nearest {
        Some((_, candidate)) => {
            format!("no {noun} \"{word}\"; did you mean \"{candidate}\"?")
        }
        None => format!("no {noun} \"{word}\"; there are {}", known.join(", ")),
    }
}
