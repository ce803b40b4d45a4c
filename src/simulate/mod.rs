//! The engine on borrowed inputs: explain what is answered and why, run the outage tests of zone files, simulate losses.
//!
//! In: a served zone, inputs (real ones or supposed ones), questions and where they come from. Out: an
//! [`Explanation`], a [`Simulation`], or the failures of expectations, as data. Never here: a second way to decide;
//! everything goes through [`crate::answer::ZoneQuestion`].

mod across;
mod answered;
mod asked;
mod candidates;
mod diff;
mod diff_text;
mod expect;
mod explain;
mod explanation;
mod lister;
mod losses;
mod notes;
mod observed;
mod pairs;
mod reach;
mod reference;
mod report;
mod simulate_text;
mod simulated_zone;
mod simulation;
mod survey;
mod trace;
mod why;

pub use across::{OnStage, explain_across};
pub use answered::{Answered, Hazard, PoolShare};
pub use diff::{AnswerDiff, CHANGES_MAX, Change, Side, diff};
pub use diff_text::{diff_summary, diff_text};
pub use expect::{ExpectFailure, apply_maintenance, check_expectations};
pub use explain::explain;
pub use explanation::{
    Candidate, Explanation, GivenClient, Question, Step, StepCandidate, ZoneState,
};
pub use losses::LossFinding;
pub use notes::release_command;
pub use observed::Observed;
pub use reference::{ReferenceFault, Suppose, apply_references};
pub use report::{explanation_json, explanation_text};
pub use simulate_text::simulation_text;
pub use simulated_zone::{SimulatedZone, Suppositions};
pub use simulation::{
    Losses, QUESTIONS_MAX, SimulateRequest, SimulatedAnswer, Simulation, TrafficShare, simulate,
    zone_holding,
};
pub use survey::{Asking, CLIENTS_MAX, Subject, clients_of, subjects_of};
pub use why::{inputs_of_view, why_lines};
