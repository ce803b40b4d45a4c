//! The owner of reports: who waits for one, and what readers share.
//!
//! In: requests, snapshots. Out: reports, each written on a thread of its own. Never here: the state that reports are about.
//!
//! One status report is written at a time, for all who asked before it began: ten readers of ten thousand targets cost as much
//! as one, and a report is never older than its request.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::admin::{ExplainRequest, SharedReport};
use crate::answer::{Prefixes, Reasons};
use crate::simulate::{SimulateRequest, Simulation, simulate};

use super::explain_snapshot::ExplainSnapshot;
use super::explanation::explain;
use super::state_snapshot::StateSnapshot;
use super::status_report::{StatusParts, write_report};

/// Simulations under way at once. Chosen: one thread's worth, so that queries keep the others.
const SIMULATIONS_MAX: usize = 1;
/// Requests for a report that wait for the one under way; further ones wait in their channel.
const WAITING_MAX: usize = 512;

/// Place for the answer to a request for the status.
type StatusAnswer = oneshot::Sender<Arc<SharedReport>>;

/// Requests for reports, and what their readers share.
#[derive(Debug)]
pub(in crate::daemon) struct Reporter {
    /// What `_explain` questions read.
    explain: ExplainSnapshot,
    /// Places for simulations.
    simulations: Arc<Semaphore>,
    waiting: Vec<StatusAnswer>,
    /// The status report that is being written.
    under_way: Option<JoinHandle<()>>,
}

impl Default for Reporter {
    fn default() -> Self {
        Self {
            explain: ExplainSnapshot::default(),
            simulations: Arc::new(Semaphore::new(SIMULATIONS_MAX)),
            waiting: Vec::new(),
            under_way: None,
        }
    }
}

impl Reporter {
    /// Says whether another report may be asked for. Those whose askers went away take no room.
    pub(in crate::daemon) fn has_room(&mut self) -> bool {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.retain(|answer| !answer.is_closed());
        }
        self.waiting.len() < WAITING_MAX
    }

    /// Takes a request for the status.
    pub(in crate::daemon) fn ask_status(&mut self, answer: StatusAnswer) {
        self.waiting.push(answer);
    }

    /// Says whether a status report is to be begun now.
    pub(in crate::daemon) fn is_due(&self) -> bool {
        self.under_way.is_none() && !self.waiting.is_empty()
    }

    /// Says whether a status report is being written.
    pub(in crate::daemon) const fn is_writing(&self) -> bool {
        self.under_way.is_some()
    }

    /// Writes the status for all who wait.
    pub(in crate::daemon) fn begin_status(&mut self, state: StateSnapshot, parts: StatusParts) {
        let askers = std::mem::take(&mut self.waiting);
        self.under_way = Some(tokio::task::spawn_blocking(move || {
            let report = Arc::new(SharedReport::new(write_report(&state, parts)));
            for asker in askers {
                // A client that went away needs no answer.
                let _ = asker.send(Arc::clone(&report));
            }
        }));
    }

    /// Waits until the status report under way is written, if one is.
    pub(in crate::daemon) async fn end_status(&mut self) {
        if let Some(writing) = &mut self.under_way {
            // A report that failed was no answer: its askers are told so.
            let _ = writing.await;
        }
        self.under_way = None;
    }

    /// Explains one answer.
    pub(in crate::daemon) fn explain(
        state: StateSnapshot,
        request: ExplainRequest,
        answer: oneshot::Sender<Result<Value, String>>,
    ) {
        tokio::task::spawn_blocking(move || {
            // A client that went away needs no answer.
            let _ = answer.send(explain(&state, &request));
        });
    }

    /// Simulates, unless another simulation is under way.
    pub(in crate::daemon) fn simulate(
        &self,
        state: StateSnapshot,
        request: SimulateRequest,
        answer: oneshot::Sender<Result<Simulation, String>>,
    ) {
        let Ok(permit) = Arc::clone(&self.simulations).try_acquire_owned() else {
            // A client that went away needs no answer.
            let _ = answer.send(Err("another simulation is under way; try again".to_owned()));
            return;
        };
        tokio::task::spawn_blocking(move || {
            let result = simulate(&state.premises(), &state.locations, &request);
            drop(permit);
            let _ = answer.send(result.map_err(|fault| fault.to_string()));
        });
    }

    /// Makes what answers `_explain` questions of clients in some networks.
    pub(in crate::daemon) fn reasons(&self, allow: Prefixes) -> Reasons {
        self.explain.reasons(allow)
    }

    /// Replaces the snapshot that `_explain` questions read.
    pub(in crate::daemon) fn renew_explain(&self, state: StateSnapshot) {
        self.explain.put(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::ServerRow;
    use crate::daemon::load::load_text;
    use crate::daemon::zone_set::ZoneSet;

    const ZONE: &str = "zone = \"a.example\"\n[pools]\none = { members = [\"192.0.2.1\"] }\n[names]\n\
        \"@\".NS = \"ns.example.net.\"\nwww = \"one\"\n";

    fn parts() -> StatusParts {
        StatusParts {
            server: ServerRow::default(),
            alarms: Vec::new(),
            reload_waiting: None,
        }
    }

    #[tokio::test]
    async fn one_report_is_written_at_a_time_for_all_who_wait() {
        let mut reports = Reporter::default();
        assert!(!reports.is_due(), "nobody asks");
        let (first, first_answer) = oneshot::channel();
        let (second, second_answer) = oneshot::channel();
        let (third, third_answer) = oneshot::channel();
        reports.ask_status(first);
        reports.ask_status(second);
        assert!(reports.is_due());
        reports.begin_status(StateSnapshot::of_set(load_text(ZONE)), parts());
        // Whoever asks now may ask about what changed since.
        reports.ask_status(third);
        assert!(reports.is_writing() && !reports.is_due());
        reports.end_status().await;
        assert!(reports.is_due() && !reports.is_writing());
        reports.begin_status(StateSnapshot::of_set(ZoneSet::default()), parts());
        reports.end_status().await;
        assert!(!reports.is_due());
        let first = first_answer.await.expect("a report");
        let second = second_answer.await.expect("a report");
        let third = third_answer.await.expect("a report");
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &third));
        let names = &first.report().names;
        assert_eq!((names.len(), names[0].name.as_str()), (1, "www.a.example."));
        assert!(third.report().zones.is_empty());
    }

    #[test]
    fn requests_whose_askers_went_away_take_no_room() {
        let mut reports = Reporter::default();
        let asked: Vec<_> = (0..WAITING_MAX).map(|_| oneshot::channel()).collect();
        let (askers, answers): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
        askers
            .into_iter()
            .for_each(|asker| reports.ask_status(asker));
        assert!(!reports.has_room());
        drop(answers);
        assert!(reports.has_room());
    }

    #[tokio::test]
    async fn explains_under_what_a_request_supposes() {
        let state = StateSnapshot::of_set(load_text(ZONE));
        let ask = |name: &str, down: &str| {
            let (sender, answer) = oneshot::channel();
            let request = ExplainRequest {
                name: name.to_owned(),
                down: down.to_owned(),
                ..ExplainRequest::default()
            };
            Reporter::explain(state.clone(), request, sender);
            answer
        };
        let answered = ask("www.a.example", "").await.expect("an answer");
        let text = answered.expect("an explanation")["text"].to_string();
        assert!(text.contains("192.0.2.1"), "{text}");
        let refused = ask("www.b.example", "").await.expect("an answer");
        assert!(refused.expect_err("no zone").contains("REFUSED"));
        let fault = ask("www.a.example", "pool:nine").await.expect("an answer");
        assert!(fault.expect_err("no such pool").contains("nine"));
    }
}
