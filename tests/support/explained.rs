//! Explanations of zones of a test.
//!
//! In: a served zone, inputs, a question. Out: an explanation. Never here: expectations.

use leeward::geo::Locations;
use leeward::simulate::{Explanation, GivenClient, Question, ZoneState, explain};
use leeward::view::{Fold, Inputs};
use leeward::wire::{Name, Rtype};
use leeward::zone::ServedZone;

/// Explains the answer to a client while these inputs hold.
pub(crate) fn explain_to(
    client: GivenClient,
    served: &ServedZone,
    inputs: &Inputs,
    owner: &str,
    rtype: Rtype,
) -> Explanation {
    let view = Fold::new(&served.zone.policies, inputs.clone()).view();
    let zone_state = ZoneState {
        served,
        view: &view,
        inputs,
        locations: &Locations::unknown(),
        evidence: &|_| None,
    };
    let question = Question {
        name: Name::parse_absolute(owner).expect("a name"),
        rtype,
    };
    explain(&zone_state, &question, client)
}
