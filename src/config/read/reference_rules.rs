//! References of expectations and maintenance: each must match something (rule a50).
//!
//! In: the model. Out: faults. Never here: what being down means.

use std::collections::BTreeSet;

use super::reader::Reader;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::suggest;
use crate::model::{MemberValue, PoolBody, ZoneModel};

/// Everything that can be referred to, as references write it.
#[derive(Default)]
struct Known {
    pools: BTreeSet<String>,
    targets: BTreeSet<String>,
    checks: BTreeSet<String>,
    sites: BTreeSet<String>,
}

/// Validates every reference of expectations and maintenance.
pub(super) fn validate(reader: &mut Reader<'_>, model: &ZoneModel) {
    if model.expects.is_empty() && model.maintenance.is_empty() {
        return;
    }
    let known = collect(model);
    for expect in &model.expects {
        for (text, span) in expect.down.iter().chain(&expect.up) {
            validate_reference(reader, &known, text, span, "expect");
        }
    }
    for period in &model.maintenance {
        for (text, span) in period.drain.iter().chain(&period.down) {
            validate_reference(reader, &known, text, span, "maintenance");
        }
    }
}

fn collect(model: &ZoneModel) -> Known {
    let mut known = Known {
        checks: model.checks.iter().map(|check| check.id.clone()).collect(),
        ..Known::default()
    };
    for pool in &model.pools {
        known.pools.insert(pool.id.clone());
        let PoolBody::Members(members) = &pool.body else {
            continue;
        };
        known.sites.insert(pool.site.clone());
        for member in members {
            known.sites.extend(member.site.clone());
            match &member.value {
                MemberValue::Address(address) => {
                    known.targets.insert(format!("{}/{address}", pool.id));
                }
                MemberValue::Target(name) => {
                    let text = name.to_string();
                    let bare = text.trim_end_matches('.');
                    known.targets.insert(format!("{}/{bare}", pool.id));
                }
                MemberValue::Record(..) => {}
            }
        }
    }
    known
}

fn validate_reference(reader: &mut Reader<'_>, known: &Known, text: &str, span: &Span, path: &str) {
    let Some((kind, pattern)) = text.split_once(':') else {
        return;
    };
    let (what, words) = match kind {
        "pool" => ("pool", &known.pools),
        "target" => ("target", &known.targets),
        "check" => ("check", &known.checks),
        _ => ("site", &known.sites),
    };
    let pattern = pattern.trim_end_matches('.');
    if words.iter().any(|word| matches_glob(pattern, word)) {
        return;
    }
    let mut diagnostic = Diagnostic::fault(
        "L080",
        span.clone(),
        path,
        format!("`{text}` matches no {what} of this zone"),
    )
    .label("matches nothing");
    let help = suggest::help_for(pattern, words.iter().map(String::as_str), "known are");
    if let Some(help) = help {
        diagnostic = diagnostic.help(help);
    }
    reader.faults.push(diagnostic);
}

/// Matches `*` (any run of characters) and `?` (any one character). Linear in time for each `*`.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) && pattern[p] != b'*'
        {
            p += 1;
            t += 1;
        } else if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|octet| *octet == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_globs() {
        let cases = [
            ("dc1", "dc1", true),
            ("dc*", "dc1", true),
            ("dc*", "dd1", false),
            ("*", "", true),
            ("?c1", "dc1", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXc", false),
            ("us/192.*", "us/192.0.2.1", true),
            ("", "a", false),
        ];
        for (pattern, text, wanted) in cases {
            assert_eq!(matches_glob(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
