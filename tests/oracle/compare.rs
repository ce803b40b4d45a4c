//! How one reply differs from another.
//!
//! In: two replies. Out: the parts that differ. Never here: who is right.

use std::fmt;

use super::reply::{Group, Reply};

/// Parts of a reply, as bits.
const PARTS: [&str; 10] = [
    "silence",
    "question",
    "opt",
    "rcode",
    "flags",
    "truncation",
    "answer",
    "order",
    "authority",
    "additional",
];

/// The parts in which two replies differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference(u16);

impl Difference {
    /// Reads a list of parts.
    pub(crate) fn of(parts: &[String]) -> Self {
        let mut found = Self::default();
        parts.iter().for_each(|part| found.add(part));
        found
    }

    fn add(&mut self, part: &str) {
        let bit = PARTS.iter().position(|name| *name == part);
        self.0 |= 1 << bit.unwrap_or_else(|| panic!("no part of a reply is called {part}"));
    }

    /// Says whether the replies are equal.
    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Says whether everything that differs is among `others`.
    pub(crate) fn is_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = PARTS
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| *name)
            .collect();
        match names.is_empty() {
            true => f.write_str("-"),
            false => f.write_str(&names.join("+")),
        }
    }
}

/// Compares two replies; none is silence.
pub(crate) fn compare(one: Option<&Reply>, other: Option<&Reply>) -> Difference {
    let mut found = Difference::default();
    let (Some(one), Some(other)) = (one, other) else {
        if one.is_some() != other.is_some() {
            found.add("silence");
        }
        return found;
    };
    let differs = [
        ("question", one.question != other.question),
        ("opt", one.has_opt != other.has_opt),
        ("rcode", one.rcode != other.rcode),
        ("flags", one.flags != other.flags),
        ("truncation", one.is_truncated != other.is_truncated),
        ("authority", one.authority != other.authority),
        ("additional", one.additional != other.additional),
    ];
    for (part, _) in differs.iter().filter(|(_, differs)| *differs) {
        found.add(part);
    }
    if one.answer != other.answer {
        let is_same_set = sorted(&one.answer) == sorted(&other.answer);
        found.add(if is_same_set { "order" } else { "answer" });
    }
    found
}

fn sorted(groups: &[Group]) -> Vec<Group> {
    let mut groups = groups.to_vec();
    groups.sort();
    groups
}

#[test]
fn every_part_can_differ() {
    let group = |head: &str| Group {
        head: head.to_owned(),
        records: vec!["60 192.0.2.1".to_owned()],
    };
    let base = Reply {
        rcode: "NOERROR".to_owned(),
        flags: "qr ".to_owned(),
        is_truncated: false,
        question: "a. IN A;".to_owned(),
        answer: vec![group("a. a"), group("b. a")],
        authority: Vec::new(),
        additional: Vec::new(),
        has_opt: true,
    };
    let change = |change: &dyn Fn(&mut Reply)| {
        let mut other = base.clone();
        change(&mut other);
        compare(Some(&base), Some(&other)).to_string()
    };
    assert_eq!(change(&|_| ()), "-");
    assert_eq!(change(&|other| other.question.push('X')), "question");
    assert_eq!(change(&|other| other.has_opt = false), "opt");
    assert_eq!(change(&|other| other.rcode.push('X')), "rcode");
    assert_eq!(change(&|other| other.flags.push_str("aa ")), "flags");
    assert_eq!(change(&|other| other.is_truncated = true), "truncation");
    assert_eq!(change(&|other| other.answer.reverse()), "order");
    assert_eq!(change(&|other| other.answer.clear()), "answer");
    assert_eq!(
        change(&|other| other.authority.push(group("c. ns"))),
        "authority"
    );
    assert_eq!(
        change(&|other| other.additional.push(group("d. a"))),
        "additional"
    );
    assert_eq!(compare(Some(&base), None).to_string(), "silence");
    assert!(compare(None, None).is_none());
    let wide = Difference::of(&["answer".to_owned(), "order".to_owned()]);
    assert!(Difference::of(&["order".to_owned()]).is_within(wide));
    assert!(!wide.is_within(Difference::of(&["order".to_owned()])));
}
