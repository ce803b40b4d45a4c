//! Plays a story: drives the core through its steps and compares what is explained and what is sent.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use leeward::answer::Worker;
use leeward::clock::{Moment, WallTime, parse_duration};
use leeward::geo::{Locations, LocationsBuilder, Network, Place};
use leeward::health::{Status, TargetId, Timeout};
use leeward::simulate::{
    Explanation, GivenClient, Question, Suppose, ZoneState, explain, explanation_text,
};
use leeward::wire::{Name, Rtype};

use super::core::{Conduct, Core, read};
use super::judge::{compare, compare_messages};
use super::message::{Said, ask, query};
use super::story::{Ask, Step, Story};

/// The resolver of questions that name none, as in the worked cases.
const RESOLVER: &str = "198.51.100.53";
/// Civil time at the start of a story that names none.
const START: &str = "2026-01-05T00:00:00Z";
/// Messages for one question with several possible answers.
const MESSAGES: usize = 400;
/// Messages for one question with one possible answer.
const MESSAGES_CERTAIN: usize = 4;
/// Least time between the start of a story and its first probe.
const FIRST_PROBE: Duration = Duration::from_millis(1);

/// One target in the simulated world.
struct Subject {
    letters: Vec<char>,
    /// Letters used since they were set.
    used: usize,
    /// When its next probe ends, and what it finds.
    next: (Moment, Option<Conduct>),
}

struct Player<'s> {
    story: &'s Story,
    core: Core,
    subjects: BTreeMap<TargetId, Subject>,
    places: BTreeMap<String, IpAddr>,
    next_tick: Moment,
    changes: usize,
    wrong: Vec<String>,
}

/// Plays a story; returns everything that is wrong.
pub(crate) fn play(file: &str, story: &Story) -> Vec<String> {
    let model = match (read(&story.zone, &story.files), &story.refused) {
        (Err(text), Some(code)) if text.contains(code.as_str()) => return Vec::new(),
        (Err(text), _) => return vec![format!("{file}: the zone is refused:\n{text}")],
        (Ok(_), Some(code)) => return vec![format!("{file}: the zone loads, {code} was expected")],
        (Ok(model), None) => model,
    };
    let (locations, places) = locations(story);
    let start = wall(story.start.as_deref().unwrap_or(START));
    let core = Core::new(vec![model], locations, start);
    let mut player = Player {
        story,
        next_tick: core.now,
        core,
        subjects: BTreeMap::new(),
        places,
        changes: 0,
        wrong: Vec::new(),
    };
    player.meet_targets();
    for (number, step) in story.steps.iter().enumerate() {
        let title = format!("{file}, step {} ({})", number + 1, step.title);
        player.take(step, &title);
    }
    player.wrong
}

/// Builds the story's networks, and one for each place that questions come from.
fn locations(story: &Story) -> (Locations, BTreeMap<String, IpAddr>) {
    let place = |text: &str| Place::parse(text).unwrap_or_else(|fault| panic!("{fault:?}"));
    let mut networks = Vec::new();
    for (text, at) in &story.networks {
        networks.push(Network {
            prefix: prefix(text),
            place: place(at),
        });
    }
    let mut places = BTreeMap::new();
    let asks = story.steps.iter().flat_map(|step| &step.ask);
    for from in asks.filter_map(|ask| ask.from.as_deref()) {
        if from.parse::<IpAddr>().is_err() && !places.contains_key(from) {
            let address: IpAddr = [10, places.len() as u8 + 1, 0, 53].into();
            networks.push(Network {
                prefix: IpNet::new_assert(address, 16),
                place: place(from),
            });
            places.insert(from.to_owned(), address);
        }
    }
    let locations = LocationsBuilder::new().networks(&networks).build();
    (locations, places)
}

fn prefix(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

fn wall(text: &str) -> WallTime {
    let stamp: jiff::Timestamp = text.parse().expect("a time in RFC 3339");
    WallTime::from_millis(stamp.as_millisecond())
}

impl Player<'_> {
    fn take(&mut self, step: &Step, title: &str) {
        self.changes = 0;
        if let Some(text) = &step.clock {
            self.core.wall = wall(text);
        }
        if let Some(text) = &step.reload {
            match read(text, &self.story.files) {
                Ok(model) => self.core.load(vec![model]),
                Err(text) => self.wrong.push(format!("{title}: refused:\n{text}")),
            }
            self.meet_targets();
        }
        for (reference, letters) in &step.world {
            self.behave(reference, letters, title);
        }
        self.operate(step);
        self.core.follow_holds();
        let time = step.after.as_deref().unwrap_or("1m");
        self.pass(parse_duration(time).expect("a duration"));
        self.core.follow_holds();
        self.core.assert_folded();
        self.check_statuses(step, title);
        for ask in &step.ask {
            self.question(ask, title);
        }
    }

    /// Gives every target of the zone a place in the simulated world, and takes away those that are gone.
    fn meet_targets(&mut self) {
        let known: Vec<TargetId> = self.core.targets.rows().map(|row| row.id).collect();
        self.subjects.retain(|id, _| known.contains(id));
        let begin = self.core.now.after(FIRST_PROBE);
        for id in known {
            self.subjects.entry(id).or_insert_with(|| Subject {
                letters: vec!['G'],
                used: 0,
                next: (begin, Some(Conduct::Good)),
            });
        }
    }

    /// Targets that a reference names.
    fn named(&self, reference: &str) -> Vec<TargetId> {
        let world = self.core.world();
        let policies = &world.snapshot.zones[0].zone.policies;
        let is_named = |used: &&leeward::zone::TargetUse| match reference.split_once(':') {
            Some(("check", check)) => used.check == check,
            _ => {
                reference == "*"
                    || reference == used.pool
                    || reference == format!("{}/{}", used.pool, used.member)
            }
        };
        let uses = policies.uses.iter().filter(is_named);
        let mut found: Vec<TargetId> = uses
            .filter_map(|used| self.core.targets.id(&policies.targets[used.slot as usize]))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn behave(&mut self, reference: &str, letters: &str, title: &str) {
        let named = self.named(reference);
        if named.is_empty() {
            let fault = format!("{title}: `{reference}` names no target");
            self.wrong.push(fault);
        }
        for id in named {
            let now = self.core.now;
            let subject = self.subjects.get_mut(&id).expect("every target was met");
            subject.letters = letters.chars().collect();
            subject.used = 0;
            // What was under way is forgotten: the next probe starts where it would have.
            let start = subject.next.0.max(now.after(FIRST_PROBE));
            self.plan(id, start);
        }
    }

    /// Plans the probe of a target that starts at a moment.
    fn plan(&mut self, id: TargetId, start: Moment) {
        let row = self.core.targets.row(id).expect("it is in the table");
        let Timeout::Whole(timeout) = row.target.probe.timeout else {
            panic!("stories use one timeout");
        };
        let subject = self.subjects.get_mut(&id).expect("every target was met");
        let letter = subject.letters[subject.used % subject.letters.len()];
        subject.used += 1;
        subject.next = match letter {
            'G' => (start, Some(Conduct::Good)),
            'B' => (start, Some(Conduct::Bad)),
            'T' => (start.after(timeout), Some(Conduct::Timeout)),
            'N' => (start, Some(Conduct::NoEvidence)),
            '-' => (start, None),
            other => panic!("`{other}` is no behaviour"),
        };
    }

    fn operate(&mut self, step: &Step) {
        if step.release {
            self.core.operator.holds.clear();
        }
        for (list, suppose) in [
            (&step.drain, Suppose::Drained),
            (&step.hold_down, Suppose::HeldDown),
            (&step.hold_up, Suppose::Up),
        ] {
            let holds = list.iter().map(|reference| (reference.clone(), suppose));
            self.core.operator.holds.extend(holds);
        }
        for (switch, on) in &step.switch {
            let (check, name) = switch.split_once('/').unwrap_or((switch, ""));
            let (check, name) = (check.to_owned(), name.to_owned());
            self.core.operator.switches.push((check, name, *on));
        }
    }

    /// Lets time pass: probes end when they end, ticks come every second.
    fn pass(&mut self, time: Duration) {
        let end = self.core.now.after(time);
        loop {
            let first = self
                .subjects
                .iter()
                .min_by_key(|(_, subject)| subject.next.0);
            let probe = first.map(|(id, subject)| (*id, subject.next));
            let at = probe.map_or(self.next_tick, |(_, (at, _))| at.min(self.next_tick));
            if at > end {
                break;
            }
            self.core.pass(at.since(self.core.now));
            match probe {
                Some((id, (due, conduct))) if due == at => {
                    let change = conduct.and_then(|conduct| self.core.observe(id, conduct));
                    self.changes += usize::from(change.is_some());
                    let row = self.core.targets.row(id).expect("it is in the table");
                    let (interval, timeout) = (row.target.probe.interval, row.target.probe.timeout);
                    let spent = match (conduct, timeout) {
                        (Some(Conduct::Timeout), Timeout::Whole(whole)) => whole,
                        _ => Duration::ZERO,
                    };
                    self.plan(id, at.after(interval - spent));
                }
                _ => {
                    self.changes += self.core.tick().len();
                    self.next_tick = self.next_tick.after(Duration::from_secs(1));
                }
            }
        }
        self.core.pass(end.since(self.core.now));
    }

    fn check_statuses(&mut self, step: &Step, title: &str) {
        for (reference, wanted) in &step.status {
            let named = self.named(reference);
            if named.is_empty() {
                self.wrong
                    .push(format!("{title}: `{reference}` names no target"));
            }
            for id in named {
                let status = match self.core.targets.status(id) {
                    Status::Healthy => "healthy",
                    Status::Unhealthy => "unhealthy",
                    Status::Unknown => "unknown",
                };
                if status != wanted {
                    self.wrong
                        .push(format!("{title}: {reference} is {status}, not {wanted}"));
                }
            }
        }
        if let Some(changes) = step.changes.filter(|changes| *changes != self.changes) {
            self.wrong.push(format!(
                "{title}: {} changes of status, not {changes}",
                self.changes
            ));
        }
    }

    fn question(&mut self, wanted: &Ask, title: &str) {
        let apex = self.core.models[0].apex.clone();
        let question = Question {
            name: Name::parse(&wanted.name, &apex).expect("a name"),
            rtype: Rtype::parse(&wanted.rtype).expect("a type"),
        };
        let subnet = wanted.subnet.as_deref().map(prefix);
        let from = wanted.from.as_deref().unwrap_or(RESOLVER);
        let resolver = match self.places.get(from) {
            Some(address) => *address,
            None => from.parse().expect("an address"),
        };
        let client = match subnet {
            Some(prefix) => GivenClient::Subnet(prefix),
            None => GivenClient::Address(resolver),
        };
        let found = self.explained(&question, client);
        let title = format!("{title}, {} {} from {from}", wanted.name, wanted.rtype);
        let mut wrong = Vec::new();
        if self.places.contains_key(from) && subnet.is_none() {
            let place = Place::parse(from).expect("parsed before");
            let at_place = self.explained(&question, GivenClient::Place(place));
            if at_place.candidates != found.candidates {
                wrong.push("the place and an address there get different answers".to_owned());
            }
        }
        wrong.extend(compare(wanted, &found));
        let query = query(&question.name, question.rtype, subnet);
        let said = self.messages(&found, resolver, &query);
        wrong.extend(compare_messages(wanted, &found, &said));
        for fault in wrong {
            let trace = explanation_text(&found);
            self.wrong.push(format!("{title}: {fault}\n{trace}"));
        }
    }

    fn explained(&self, question: &Question, client: GivenClient) -> Explanation {
        let world = self.core.world();
        let served = &world.snapshot.zones[0];
        let empty = leeward::view::Inputs {
            statuses: Vec::new(),
            switches: Vec::new(),
            holds: Vec::new(),
            leases: None,
        };
        let inputs = self
            .core
            .publisher
            .fold(0)
            .map_or(&empty, |fold| fold.inputs());
        let evidence = |slot: u32| {
            let target = served.zone.policies.targets.get(slot as usize)?;
            let row = self.core.targets.row(self.core.targets.id(target)?)?;
            Some(row.state.last_evidence.to_string())
        };
        let stage = ZoneState {
            served,
            view: &world.view.zones[0],
            inputs,
            locations: &world.snapshot.locations,
            evidence: &evidence,
        };
        explain(&stage, question, client)
    }

    fn messages(&self, found: &Explanation, resolver: IpAddr, query: &[u8]) -> Vec<Said> {
        let world = self.core.world();
        let is_certain = found.candidates.len() < 2
            && found.empty_probability == 0.0
            && found.candidates.iter().all(|one| one.rdata.len() == 1);
        let count = if is_certain {
            MESSAGES_CERTAIN
        } else {
            MESSAGES
        };
        let mut worker = Worker::new(self.story.title.len() as u64);
        (0..count)
            .map(|_| ask(&world, &mut worker, resolver, query))
            .collect()
    }
}
