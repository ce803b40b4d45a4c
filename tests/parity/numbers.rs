//! The numbers of all rules: sections 1 to 4 of `route53-semantics.md`, and a1 to a58 of the zone format.

/// Rules of a section by their last number, with letters where a rule has parts.
const SECTIONS: &[(&str, &[&str])] = &[
    (
        "1",
        &[
            "1", "2", "3", "4", "5", "5a", "5b", "6", "7", "8", "9", "10", "11", "12", "13", "14",
            "15",
        ],
    ),
    ("2.1", &["1", "2", "3", "4"]),
    ("2.2", &["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
    (
        "2.3",
        &[
            "1", "2", "3", "4", "4a", "4b", "4c", "5", "6", "7", "8", "9",
        ],
    ),
    ("2.4", &["1", "2", "3", "4", "5", "6"]),
    ("2.5", &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
    ("2.6", &["1", "2", "3", "4", "5", "6", "7", "8"]),
    ("2.7", &["1", "2", "3", "4", "5", "6", "7"]),
    ("2.8", &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
    ("2.9", &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
    ("3", &["1", "8"]),
    (
        "3.2",
        &[
            "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12",
        ],
    ),
    ("3.3", &["1", "2"]),
    ("3.4", &["1", "2", "3"]),
    ("3.5", &["1", "2", "3", "4"]),
    ("3.6", &["1", "2", "3", "4"]),
    ("3.7", &["1", "2"]),
    ("3.9", &["1", "2", "3"]),
    ("3.10", &["1", "2", "3"]),
    ("4", &["1", "2", "3", "4", "5", "6", "7", "8"]),
];
/// Rules of the zone format.
const FORMAT_RULES: usize = 58;

/// Returns all numbers.
pub(crate) fn rules() -> Vec<String> {
    let mut rules: Vec<String> = SECTIONS
        .iter()
        .flat_map(|(section, numbers)| {
            numbers
                .iter()
                .map(move |number| format!("{section}.{number}"))
        })
        .collect();
    rules.extend((1..=FORMAT_RULES).map(|number| format!("a{number}")));
    rules
}
