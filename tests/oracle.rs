//! Answers beside independent servers: NSD, Knot and BIND serve the same master files, every question goes to all, and
//! the crate `domain` reads what comes back.
//!
//! An answer that equals none of theirs is a failure unless it stands in `oracle/choices.toml` with a reason.
//! `ORACLE_GROUPS` and `ORACLE_SEED` change how many groups of zones are grown and from which seed.

#![expect(
    clippy::disallowed_methods,
    reason = "the comparison waits for real servers, with a deadline"
)]

#[path = "oracle/choices.rs"]
mod choices;
#[path = "oracle/client.rs"]
mod client;
#[path = "oracle/compare.rs"]
mod compare;
#[path = "oracle/grow.rs"]
mod grow;
#[path = "oracle/lot.rs"]
mod lot;
#[path = "oracle/peers.rs"]
pub(crate) mod peers;
#[path = "oracle/questions.rs"]
mod questions;
#[path = "oracle/reply.rs"]
mod reply;
#[path = "oracle/report.rs"]
mod report;
#[path = "oracle/run.rs"]
mod run;
#[path = "oracle/written.rs"]
mod written;
#[path = "oracle/zone.rs"]
mod zone;

use std::path::Path;

use super::need::Need;
use choices::Choices;
use lot::Lot;
use peers::Voice;
use questions::{Question, questions};
use report::Report;
use run::Run;
use zone::Zone;

/// Groups of zones that are grown; about 100 questions each.
const GROUPS: u64 = 1200;
/// Draws of further types that make it likely that a name is asked for all.
const HELD_TYPES: usize = 25;
/// Questions that the usual run must ask at least.
const QUESTIONS_MIN: usize = 100_000;
/// The seed of the run that must pass.
const SEED: u64 = 20_260_101;

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().expect("a number"))
}

fn all_questions(groups: &[Vec<Zone>], extra: usize, seed: u64) -> Vec<Question> {
    let mut lot = Lot::new(seed);
    let ask = |(number, zones): (usize, &Vec<Zone>)| questions(number, zones, extra, &mut lot);
    groups.iter().enumerate().flat_map(ask).collect()
}

fn written(folder: &str) -> Vec<Vec<Zone>> {
    run::written(&Path::new("tests/oracle").join(folder))
}

/// Asks all servers about groups of zones; prints what was found.
fn hold(title: &str, groups: Vec<Vec<Zone>>, extra: usize, seed: u64) -> Report {
    let asked = all_questions(&groups, extra, seed);
    let run = Run::start(groups, &Voice::ALL);
    let report = run.ask(&asked, &Choices::read());
    println!("{title}\n{}", report.table());
    for voice in Voice::ALL {
        let count = run.refused(voice).len();
        println!("{} refuses a zone of {count} groups", voice.name());
    }
    println!("{}", report.list());
    report
}

#[test]
fn every_answer_about_grown_zones_is_one_that_a_peer_gives() {
    if !Need::Peers.is_met() {
        return;
    }
    let seed = setting("ORACLE_SEED", SEED);
    let count = usize::try_from(setting("ORACLE_GROUPS", GROUPS)).expect("a small number");
    let groups = (0..count).map(|number| grow::group(number, seed)).collect();
    let title = format!("seed {seed}, {count} grown groups");
    let report = hold(&title, groups, 2, seed);
    assert_eq!(report.failures(), 0, "answers that no peer gives");
    if count == GROUPS as usize && seed == SEED {
        assert!(report.questions() >= QUESTIONS_MIN, "too few to prove much");
        let choices = Choices::read();
        for (name, most) in choices.bounds() {
            let uses = report.uses(name);
            match most {
                None => assert!(uses > 0, "the choice {name} explains nothing"),
                Some(_) if uses == 0 => println!("UNUSED: take {name} from the list"),
                Some(most) => assert!(uses <= most, "{name} explains {uses} answers"),
            }
        }
    }
}

#[test]
fn every_answer_about_written_zones_is_one_that_a_peer_gives() {
    if !Need::Peers.is_met() {
        return;
    }
    let report = hold("written zones", written("tricky"), HELD_TYPES, SEED);
    assert_eq!(report.failures(), 0, "answers that no peer gives");
}

#[test]
fn every_answer_of_a_root_server_is_one_that_a_peer_gives() {
    if !Need::Peers.is_met() {
        return;
    }
    let report = hold("the root", written("alone"), HELD_TYPES, SEED);
    assert_eq!(report.failures(), 0, "answers that no peer gives");
}
