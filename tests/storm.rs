//! The whole core in a storm: outages, flaps, silence, drains, reloads of changed zones and clock jumps for simulated
//! days, with invariants after every step.
//!
//! A soak is the same at the pace of a real server: eight hours in steps of one second, hundreds of targets.
//!
//! `STORM_SEED=7 cargo test --test behaviour storm::` runs one seed; the seed of a failure is printed.

#[path = "storm/oracle.rs"]
mod oracle;
#[path = "storm/plan.rs"]
mod plan;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use leeward::answer::{Chance, Worker};
use leeward::clock::WallTime;
use leeward::geo::{LocationsBuilder, Network, Place};
use leeward::health::{Endpoint, Status, TargetId, Transition};
use leeward::simulate::{GivenClient, Question, Suppose, ZoneState, explain, explanation_text};
use leeward::wire::{Name, Rtype};

use self::oracle::Oracle;
use self::plan::{ADDRESSES_MAX, CheckPlan, Plan};
use super::scenarios::core::{Beside, Conduct, Core, read};
use super::scenarios::message;

/// Storms by default.
const SEEDS: [u64; 3] = [1, 2, 53];
/// Soaks by default.
const SOAK_SEEDS: [u64; 1] = [8];
/// Steps of one storm.
const STEPS: u32 = 120;
/// Most rounds of probes in one step.
const ROUNDS_MAX: u32 = 60;
/// Time between rounds.
const ROUND: Duration = Duration::from_secs(30);
/// Longest sleep of the machine: probes and ticks stand still.
const SLEEP_MAX_SECS: u32 = 7_200;
/// Zones of a storm; they share all targets.
const ZONES: usize = 2;
/// Steps of a soak, a second each: eight hours.
const SOAK_STEPS: u32 = 8 * 3_600;
/// Seconds of a soak between two looks at the answers of a zone, and between two folds of all views anew.
const LOOK_SECS: u32 = 5;
const FOLD_SECS: u32 = 30;
/// Zones of a soak; each has targets of its own.
const SOAK_ZONES: usize = 32;
/// Fewest targets of a soak, so that it is one.
const SOAK_TARGETS_MIN: usize = 200;
/// Clients: where they are, an address there, and the places on their chain.
const CLIENTS: [Client; 5] = [
    ("EU-DE", [10, 1, 0, 1], &["DE", "EU"]),
    ("EU-FR", [10, 2, 0, 1], &["FR", "EU"]),
    ("NA-US-CA", [10, 3, 0, 1], &["US", "NA"]),
    ("AS-JP", [10, 4, 0, 1], &[]),
    ("", [198, 51, 100, 53], &[]),
];

/// A client.
type Client = (&'static str, [u8; 4], &'static [&'static str]);

/// How a target behaves.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Steady(Conduct),
    /// Bad with so many chances in a hundred.
    Flapping(u32),
    /// No probe ends at all.
    Silent,
}

struct Storm {
    chance: Chance,
    core: Core,
    check: CheckPlan,
    plans: Vec<Plan>,
    moods: HashMap<IpAddr, Mood>,
    /// Observations since a target's status changed last, newest last: counts start anew there.
    history: HashMap<TargetId, Vec<Conduct>>,
    /// Operator's holds: zone, pool, what.
    holds: Vec<(usize, usize, Suppose)>,
    worker: Worker,
    transitions: usize,
    reloads: usize,
    jumps: usize,
    answers: usize,
}

#[test]
fn invariants_hold_through_storms() {
    for seed in seeds(&SEEDS) {
        println!("STORM_SEED={seed}");
        let mut storm = Storm::begin(seed, ZONES, |_| [192, 0, 2]);
        let start = storm.core.now;
        for _ in 0..STEPS {
            storm.step();
        }
        let lasted = storm.core.now.since(start);
        println!(
            "{:.1} days, {} transitions, {} answers",
            lasted.as_secs_f64() / 86_400.0,
            storm.transitions,
            storm.answers
        );
        assert!(lasted > Duration::from_secs(86_400), "a day at least");
        assert!(storm.transitions > 100, "a storm is no calm");
    }
}

#[test]
fn invariants_hold_through_eight_hours_of_seconds() {
    for seed in seeds(&SOAK_SEEDS) {
        println!("STORM_SEED={seed}");
        let mut storm = Storm::begin(seed, SOAK_ZONES, |zone| [10, 9, zone as u8]);
        let start = storm.core.now;
        let mut targets_min = usize::MAX;
        for second in 0..SOAK_STEPS {
            storm.second(second);
            targets_min = targets_min.min(storm.core.targets.rows().count());
        }
        let lasted = storm.core.now.since(start);
        println!(
            "{:.1} hours, {targets_min} targets at least, {} transitions, {} reloads, {} jumps, {} answers",
            lasted.as_secs_f64() / 3_600.0,
            storm.transitions,
            storm.reloads,
            storm.jumps,
            storm.answers
        );
        assert!(targets_min >= SOAK_TARGETS_MIN, "{targets_min} targets");
        let counts = [storm.transitions, storm.reloads, storm.jumps];
        assert!(counts.iter().all(|count| *count > 30), "a soak sees it all");
    }
}

fn seeds(usual: &[u64]) -> Vec<u64> {
    match std::env::var("STORM_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => usual.to_vec(),
    }
}

impl Storm {
    /// Begins with zones whose members lie in the networks that `network` gives.
    fn begin(seed: u64, zones: usize, network: fn(usize) -> [u8; 3]) -> Self {
        let mut chance = Chance::new(seed);
        let of_client = |(place, address, _): &Client| Network {
            prefix: IpNet::new_assert((*address).into(), 16),
            place: Place::parse(place).expect("a place"),
        };
        let networks: Vec<Network> = CLIENTS[..4].iter().map(of_client).collect();
        let locations = LocationsBuilder::new().networks(&networks).build();
        let check = CheckPlan::draw(&mut chance);
        let plans: Vec<Plan> = (0..zones)
            .map(|zone| Plan::draw(&format!("z{zone}.example"), network(zone), &mut chance))
            .collect();
        let wall = WallTime::from_millis(1_800_000_000_000);
        let models = plans
            .iter()
            .map(|plan| read(&plan.text(check), &Beside::new()).expect("a sound zone"));
        let core = Core::new(models.collect(), locations, wall);
        Self {
            chance,
            core,
            check,
            plans,
            moods: HashMap::new(),
            history: HashMap::new(),
            holds: Vec::new(),
            worker: Worker::new(seed),
            transitions: 0,
            reloads: 0,
            jumps: 0,
            answers: 0,
        }
    }

    fn step(&mut self) {
        match self.chance.below(12) {
            0..=1 => self.reload(),
            2..=3 => self.operate(),
            4 => self.sleep(),
            5 => self.turn_civil_clock(),
            6 => self.weather(true),
            _ => self.weather(false),
        }
        for _ in 0..=self.chance.below(ROUNDS_MAX) {
            self.round();
        }
        self.core.follow_holds();
        self.core.assert_folded();
        for zone in 0..self.plans.len() {
            self.check_answers(zone, &CLIENTS);
        }
    }

    /// One second: who is due is probed, and now and then something happens. Every so many seconds holds are followed,
    /// views are compared, and one zone is asked by one client.
    fn second(&mut self, second: u32) {
        match self.chance.below(3_600) {
            0..=59 => self.weather(false),
            60..=61 => self.weather(true),
            62..=76 => self.reload(),
            77..=136 => self.operate(),
            137..=142 => self.sleep(),
            143..=154 => self.turn_civil_clock(),
            _ => {}
        }
        self.core.pass(Duration::from_secs(1));
        let interval = self.check.interval_secs;
        self.probe(|id| (id.0 + second).is_multiple_of(interval));
        self.tick();
        let look = second / LOOK_SECS;
        if second.is_multiple_of(LOOK_SECS) {
            self.core.follow_holds();
            let zone = look as usize % self.plans.len();
            let client = look as usize / self.plans.len() % CLIENTS.len();
            self.check_answers(zone, &CLIENTS[client..=client]);
        }
        if second.is_multiple_of(FOLD_SECS) {
            self.core.assert_folded();
        }
    }

    /// Changes how targets behave: some of them, or all at once.
    fn weather(&mut self, is_everywhere: bool) {
        let of_plan = |plan: &Plan| (1..=ADDRESSES_MAX).map(|last| plan.address(last)).collect();
        let addresses: Vec<Vec<IpAddr>> = self.plans.iter().map(of_plan).collect();
        let addresses: BTreeSet<IpAddr> = addresses.into_iter().flatten().collect();
        for address in addresses {
            if is_everywhere || self.chance.below(4) == 0 {
                let mood = match self.chance.below(8) {
                    0..=2 => Mood::Steady(Conduct::Good),
                    3 => Mood::Steady(Conduct::Bad),
                    4 => Mood::Steady(Conduct::Timeout),
                    5 => Mood::Steady(Conduct::NoEvidence),
                    6 => Mood::Silent,
                    _ => Mood::Flapping(10 + self.chance.below(80)),
                };
                self.moods.insert(address, mood);
            }
        }
    }

    /// One probe of every target, and a tick.
    fn round(&mut self) {
        self.core.pass(ROUND);
        self.probe(|_| true);
        self.tick();
    }

    /// One probe of every target that is due; each outcome is counted as a check counts.
    fn probe(&mut self, is_due: impl Fn(TargetId) -> bool) {
        let rows = self.core.targets.rows();
        let due: Vec<(TargetId, IpAddr)> = rows
            .filter(|row| is_due(row.id))
            .map(|row| (row.id, address(&row.target.probe.endpoint)))
            .collect();
        for (id, address) in due {
            let mood = self.moods.get(&address).copied();
            let conduct = match mood.unwrap_or(Mood::Steady(Conduct::Good)) {
                Mood::Silent => continue,
                Mood::Steady(conduct) => conduct,
                Mood::Flapping(percent) if self.chance.below(100) < percent => Conduct::Bad,
                Mood::Flapping(_) => Conduct::Good,
            };
            let history = self.history.entry(id).or_default();
            history.push(conduct);
            let transition = self.core.observe(id, conduct);
            if let Some(transition) = &transition {
                assert_counted(transition, &self.history[&id], self.check);
                self.history.remove(&id);
                self.transitions += 1;
                continue;
            }
            let status = self.core.targets.status(id);
            assert_followed(status, &self.history[&id], self.check);
        }
    }

    /// Time alone forgets, and does nothing else.
    fn tick(&mut self) {
        for (id, transition) in self.core.tick() {
            assert_eq!(transition.to, Status::Unknown, "{transition:?}");
            self.history.remove(&id);
            self.transitions += 1;
        }
    }

    /// The machine sleeps: the monotonic clock jumps.
    fn sleep(&mut self) {
        let secs = u64::from(self.chance.below(SLEEP_MAX_SECS));
        self.jumps += 1;
        self.core.pass(Duration::from_secs(secs));
        self.tick();
    }

    /// Someone sets the civil clock, forth or back; only maintenance follows it.
    fn turn_civil_clock(&mut self) {
        self.jumps += 1;
        let before = self.statuses();
        let jump = i64::from(self.chance.below(14_400_000)) - 7_200_000;
        self.core.wall = WallTime::from_millis(self.core.wall.millis() + jump);
        self.core.follow_holds();
        assert_eq!(before, self.statuses(), "no status follows the civil clock");
    }

    /// An operator drains, holds down, or ends all that.
    fn operate(&mut self) {
        if self.chance.below(3) == 0 {
            self.holds.clear();
        } else {
            let zone = self.chance.below(self.plans.len() as u32) as usize;
            let pool = self.chance.below(self.plans[zone].pools.len() as u32) as usize;
            let suppose = match self.chance.below(2) {
                0 => Suppose::Drained,
                _ => Suppose::HeldDown,
            };
            self.holds.push((zone, pool, suppose));
        }
        // The operator's references hold in every zone that has such a pool.
        let reference =
            |(_, pool, suppose): &(usize, usize, Suppose)| (format!("pool:p{pool}"), *suppose);
        let least = self.plans.iter().map(|plan| plan.pools.len()).min();
        self.holds.retain(|(_, pool, _)| Some(*pool) < least);
        self.core.operator.holds = self.holds.iter().map(reference).collect();
        self.core.follow_holds();
    }

    /// Loads changed zone files: targets that stay keep their status, even when timing changes.
    fn reload(&mut self) {
        self.reloads += 1;
        let before = self.statuses();
        let wall_ms = self.core.wall.millis();
        if self.chance.below(4) == 0 {
            self.check = CheckPlan::draw(&mut self.chance);
            self.history.clear();
        }
        for plan in &mut self.plans {
            plan.edit(wall_ms, &mut self.chance);
        }
        let check = self.check;
        let models = self.plans.iter().map(|plan| {
            let text = plan.text(check);
            read(&text, &Beside::new()).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
        });
        self.core.load(models.collect());
        let after = self.statuses();
        for (address, status) in &after {
            let known = before.get(address).copied().unwrap_or(Status::Unknown);
            assert_eq!(*status, known, "{address} after a reload");
        }
        let rows = self.core.targets.rows();
        let known: BTreeSet<TargetId> = rows.map(|row| row.id).collect();
        self.history.retain(|id, _| known.contains(id));
    }

    /// Statuses by address; one check makes one target of an address.
    fn statuses(&self) -> HashMap<IpAddr, Status> {
        let rows = self.core.targets.rows();
        let status =
            |row: leeward::health::Row<'_>| (address(&row.target.probe.endpoint), row.state.status);
        rows.map(status).collect()
    }

    /// Compares the answers of a zone to these clients with the oracle's.
    fn check_answers(&mut self, number: usize, clients: &[Client]) {
        let world = self.core.world();
        let statuses = self.statuses();
        let plan = &self.plans[number];
        let served = &world.snapshot.zones[number];
        let stage = ZoneState {
            served,
            view: &world.view.zones[number],
            inputs: self
                .core
                .publisher
                .fold(number)
                .expect("it has policies")
                .inputs(),
            locations: &world.snapshot.locations,
            evidence: &|_| None,
        };
        for (place, address, chain) in clients.iter().copied() {
            let oracle = Oracle {
                plan,
                statuses: &|last| statuses[&plan.address(last)],
                drained: self.held(plan, Suppose::Drained),
                down: self.held(plan, Suppose::HeldDown),
                chain,
            };
            for (name, tree) in &plan.names {
                let question = Question {
                    name: Name::parse(name, served.zone.apex()).expect("a name"),
                    rtype: Rtype::A,
                };
                let client = IpAddr::from(address);
                let found = explain(&stage, &question, GivenClient::Address(client));
                let wanted: BTreeSet<String> = oracle
                    .may_answer(tree)
                    .iter()
                    .map(|last| plan.address(*last).to_string())
                    .collect();
                let rdata = found.candidates.iter().flat_map(|one| one.rdata.clone());
                let known: BTreeSet<String> = rdata.collect();
                assert_eq!(
                    known,
                    wanted,
                    "{name} from {place:?}: {tree:?}\n{}",
                    explanation_text(&found)
                );
                let query = message::query(&question.name, Rtype::A, None);
                let said = message::ask(&world, &mut self.worker, client, &query);
                self.answers += 1;
                assert_eq!(said.rcode, "NOERROR", "health never refuses");
                assert_eq!(said.records.is_empty(), wanted.is_empty(), "{said:?}");
                assert_eq!(said.ttl, Some(found.ttl), "{said:?}");
                assert_eq!(said.scope, None, "nobody sent a client subnet");
                assert!(said.owner.is_empty() || said.owner.starts_with(name.as_str()));
                for record in &said.records {
                    let address = record.trim_start_matches("a ");
                    assert!(wanted.contains(address), "{record} is not in {wanted:?}");
                }
            }
        }
    }

    /// Pools that are drained or held down now, by the file or the operator.
    fn held(&self, plan: &Plan, suppose: Suppose) -> BTreeSet<usize> {
        let of_operator = self.holds.iter().filter(|(.., held)| *held == suppose);
        let mut held: BTreeSet<usize> = of_operator.map(|(_, pool, _)| *pool).collect();
        if suppose == Suppose::Drained {
            let now = self.core.wall.millis();
            let works = plan.works.iter();
            let under_way = works.filter(|work| work.from_ms / 1000 * 1000 <= now);
            let under_way = under_way.filter(|work| now < work.until_ms / 1000 * 1000);
            held.extend(under_way.map(|work| work.pool));
        }
        held
    }
}

fn address(endpoint: &Endpoint) -> IpAddr {
    match endpoint {
        Endpoint::Address(address) => *address,
        other => panic!("{other:?} is in no plan"),
    }
}

fn is_bad(conduct: &Conduct) -> bool {
    matches!(conduct, Conduct::Bad | Conduct::Timeout)
}

/// The observations that are evidence, newest first.
fn evidence(history: &[Conduct]) -> impl Iterator<Item = &Conduct> {
    let newest_first = history.iter().rev();
    newest_first.filter(|conduct| **conduct != Conduct::NoEvidence)
}

/// A status changes only after `fall` failures or `rise` successes in a row, or three probes without evidence.
fn assert_counted(transition: &Transition, history: &[Conduct], check: CheckPlan) {
    let is_justified = match (transition.from, transition.to) {
        (_, Status::Unhealthy) => {
            let run = evidence(history).take(check.fall).filter(|one| is_bad(one));
            run.count() == check.fall
        }
        (Status::Unhealthy, Status::Healthy) => {
            let run = evidence(history)
                .take(check.rise)
                .filter(|one| !is_bad(one));
            run.count() == check.rise
        }
        (_, Status::Healthy) => history.last() == Some(&Conduct::Good),
        (_, Status::Unknown) => history.last() == Some(&Conduct::NoEvidence),
    };
    assert!(is_justified, "{transition:?} after {history:?}, {check:?}");
}

/// After `fall` failures in a row nothing is healthy, after `rise` successes nothing unhealthy.
fn assert_followed(status: Status, history: &[Conduct], check: CheckPlan) {
    let newest = |count: usize, wanted: fn(&Conduct) -> bool| {
        let end = history.iter().rev().take(count);
        history.len() >= count && end.clone().all(wanted)
    };
    if newest(check.fall, is_bad) {
        assert_eq!(status, Status::Unhealthy, "after {history:?}, {check:?}");
    }
    if newest(check.rise, |one| *one == Conduct::Good) {
        assert_eq!(status, Status::Healthy, "after {history:?}, {check:?}");
    }
}
