//! Who is asked for what, and how much may still be asked.
//!
//! In: decisions and clients. Out: questions within a bound. Never here: answers.

use super::explanation::Question;
use super::survey::{Asking, Subject};

/// Number of questions that may still be asked.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    /// True if it was not enough.
    pub(super) is_cut: bool,
}

impl Budget {
    pub(super) fn new(questions: usize) -> Self {
        Self {
            left: questions,
            is_cut: false,
        }
    }

    /// Takes so many questions; returns whether they may be asked.
    pub(super) fn take(&mut self, questions: usize) -> bool {
        if self.left < questions {
            self.is_cut = true;
            return false;
        }
        self.left -= questions;
        true
    }
}

/// A decision with the clients that are asked.
pub(super) struct Asked {
    pub(super) subject: Subject,
    pub(super) clients: Vec<Asking>,
}

impl Asked {
    pub(super) fn question(&self) -> Question {
        Question {
            name: self.subject.names[0].clone(),
            rtype: self.subject.rtype,
        }
    }
}
