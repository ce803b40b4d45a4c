//! Where the compiler stands: the owner or pool, and the way from there. What is remembered of a node over reloads and
//! restarts is kept by it (rule a40).
//!
//! In: steps down and up. Out: keys. Never here: numbers of nodes, which change with every load.

use super::compiler::{Compiler, Family};

/// An owner or pool, and labels of branches from there.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// Owner relative to the zone, or `pool:x`.
    pub(super) place: String,
    steps: Vec<String>,
}

impl Trail {
    /// Returns the key of the node that is being compiled.
    pub(super) fn key(&self, family: Family) -> String {
        let family = match family {
            Family::Type(rtype) => rtype.to_string(),
            Family::Together | Family::Addresses => "any".to_owned(),
        };
        let steps = self.steps.iter().map(|step| format!(" / {step}"));
        format!("{} {family}{}", self.place, steps.collect::<String>())
    }
}

impl Compiler<'_> {
    /// Compiles something that has an owner or pool of its own.
    pub(super) fn at_place<T>(&mut self, place: String, compile: impl FnOnce(&mut Self) -> T) -> T {
        let here = Trail {
            place,
            steps: Vec::new(),
        };
        let before = std::mem::replace(&mut self.trail, here);
        let compiled = compile(self);
        self.trail = before;
        compiled
    }

    /// Compiles something one step further.
    pub(super) fn at_step<T>(&mut self, step: &str, compile: impl FnOnce(&mut Self) -> T) -> T {
        self.trail.steps.push(step.to_owned());
        let compiled = compile(self);
        self.trail.steps.pop();
        compiled
    }
}
