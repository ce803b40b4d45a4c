//! The engine on borrowed inputs: explain what is answered and why, and run the outage tests of zone files.
//!
//! In: a served zone, inputs (real ones or supposed ones), a question and where it comes from. Out: an
//! [`Explanation`] as data, or the failures of expectations. Never here: a second way to decide; everything goes
//! through [`crate::answer::Gathering`].

mod candidates;
mod expect;
mod explain;
mod lister;
mod notes;
mod reference;
mod report;
mod trace;

pub use expect::{ExpectFailure, apply_maintenance, check_expectations};
pub use explain::{Candidate, Client, Explanation, Question, Stage, Step, StepCandidate, explain};
pub use reference::{ReferenceFault, Suppose, apply_references};
pub use report::{explanation_json, explanation_text};
