//! `[exec]`: which commands checks may run.
//!
//! In: a table that may be absent. Out: its settings, or findings. Never here: whether the programs exist; they may
//! come and go.

use std::path::{Component, Path, PathBuf};

use super::read::read_count;
use super::value::{Findings, Section, items};

/// `[exec]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecSettings {
    /// Programs, and folders of programs, that checks may run; none switches commands off.
    pub allow: Vec<PathBuf>,
    /// Most commands at once; further ones start late, which is no failure.
    pub concurrency: usize,
}

impl ExecSettings {
    /// Most entries of `allow`. Chosen; no standard value.
    pub const ALLOW_MAX: usize = 100;
    /// Most commands at once: a command is a process, and costs a thousand times a probe.
    pub const CONCURRENCY: usize = 32;
    /// Bounds of the above.
    pub const CONCURRENCY_BOUNDS: (usize, usize) = (1, 1_000);
}

impl Default for ExecSettings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            concurrency: Self::CONCURRENCY,
        }
    }
}

pub(super) fn read_exec(
    section: &Section<'_, '_>,
    base: &Path,
    findings: &mut Findings,
) -> ExecSettings {
    let mut exec = ExecSettings::default();
    let (low, high) = ExecSettings::CONCURRENCY_BOUNDS;
    if let Some(concurrency) = read_count(section, "concurrency", low..=high, findings) {
        exec.concurrency = concurrency;
    }
    let Some((path, value)) = section.find("allow") else {
        return exec;
    };
    let written = items(value);
    if written.len() > ExecSettings::ALLOW_MAX {
        let message = format!("more than {} programs and folders", ExecSettings::ALLOW_MAX);
        findings.fault("S004", value.span(), &path, message);
    }
    for item in written {
        let Some(text) = findings.text(&path, item, "a program or folder, or a list of them")
        else {
            continue;
        };
        let entry = base.join(text);
        let climbs = entry.components().any(|part| part == Component::ParentDir);
        // `/` would allow every program of the machine.
        if text.is_empty() || climbs || entry.parent().is_none() {
            let message = format!("`{text}` is no program or folder that can be allowed");
            findings.fault("S004", item.span(), &path, message).help =
                Some("write a path such as \"/usr/lib/leeward/checks\", without `..`".to_owned());
            continue;
        }
        exec.allow.push(entry);
    }
    exec
}
