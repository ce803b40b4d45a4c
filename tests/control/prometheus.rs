//! What a collector checks before it takes a text: form, types, order, whole histograms.

use std::collections::{HashMap, HashSet};

/// Lists what is wrong with a text in the exposition format, version 0.0.4.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut types: HashMap<&str, &str> = HashMap::new();
    let mut helped = HashSet::new();
    let mut samples = HashSet::new();
    let mut family = "";
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] if !help.is_empty() => {
                helped.insert(name);
            }
            ["#", "TYPE", name, kind] => {
                if types.insert(name, kind).is_some() {
                    faults.push(format!("family {name} stands twice"));
                }
                if !helped.contains(name) {
                    faults.push(format!("family {name} has no help"));
                }
                family = name;
            }
            _ => match sample(line) {
                Some((name, labels, _)) => {
                    let base = match types.get(family) {
                        Some(&"histogram") => strip_part(name),
                        _ => name,
                    };
                    if base != family {
                        faults.push(format!("a sample of {name} stands in family {family}"));
                    }
                    if !samples.insert((name, labels)) {
                        faults.push(format!("sample stands twice: {line}"));
                    }
                }
                None => faults.push(format!("no sample: {line:?}")),
            },
        }
    }
    for (name, _) in types.iter().filter(|(_, kind)| **kind == "histogram") {
        faults.extend(histogram_faults(text, name));
    }
    faults
}

fn strip_part(name: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|part| name.strip_suffix(part))
        .unwrap_or(name)
}

/// Takes `NAME{LABELS} VALUE` apart.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let (left, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let (name, labels) = match left.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (left, ""),
    };
    let is_name = !name.is_empty()
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    (is_name && are_labels(labels)).then_some((name, labels, value))
}

/// Whether a text is `NAME="VALUE"` joined by commas, with quotes, backslashes and newlines escaped.
fn are_labels(labels: &str) -> bool {
    let mut rest = labels;
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once("=\"") else {
            return false;
        };
        if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
            return false;
        }
        let mut octets = after.bytes().enumerate();
        let end = loop {
            match octets.next() {
                Some((_, b'\\')) => match octets.next() {
                    Some((_, b'\\' | b'"' | b'n')) => {}
                    _ => return false,
                },
                Some((at, b'"')) => break at,
                Some(_) => {}
                None => return false,
            }
        };
        rest = &after[end + 1..];
        rest = match rest.strip_prefix(',') {
            Some(next) if !next.is_empty() => next,
            None if rest.is_empty() => rest,
            _ => return false,
        };
    }
    true
}

/// Buckets never fall, end with `+Inf`, and that is the count.
fn histogram_faults(text: &str, family: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut last: HashMap<String, (f64, bool)> = HashMap::new();
    for (name, labels, value) in text.lines().filter_map(sample) {
        if name == format!("{family}_bucket") {
            let (others, bound) = labels.rsplit_once("le=\"").unwrap_or((labels, ""));
            let others = others.trim_end_matches(',').to_owned();
            let before = last.insert(others, (value, bound == "+Inf\""));
            if before.is_some_and(|(before, _)| before > value) {
                faults.push(format!("buckets of {family} fall at {bound}"));
            }
        } else if name == format!("{family}_count") && last.get(labels) != Some(&(value, true)) {
            faults.push(format!("{family}: the count is not the last bucket"));
        }
    }
    if last.is_empty() {
        faults.push(format!("{family} has no buckets"));
    }
    faults
}

#[test]
fn finds_what_is_wrong() {
    let head = "# HELP a_total A.\n# TYPE a_total counter\n";
    let cases = [
        (format!("{head}a_total{{x=\"y\"}} 1\n"), true),
        (format!("{head}a_total{{x=\"a \\\"b\\\"\"}} 1\n"), true),
        (format!("{head}a_total{{x=\"y}} 1\n"), false),
        (format!("{head}a_total{{x=\"y\",}} 1\n"), false),
        (format!("{head}b_total 1\n"), false),
        (format!("{head}a_total 1\na_total 2\n"), false),
        (format!("{head}a_total one\n"), false),
        (format!("{head}a_total 1\n{head}"), false),
        ("# TYPE a_total counter\na_total 1\n".to_owned(), false),
    ];
    for (text, is_fine) in cases {
        assert_eq!(faults(&text).is_empty(), is_fine, "{text}");
    }
}
