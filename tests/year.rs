//! A simulated year of one zone that uses all of policy state: failbacks, last answers, ramps, degraded members, TTLs that
//! follow the horizon, self-doubt. Random outages of targets, of sites and of our own network, flaps, civil clocks that
//! jump, reloads, restarts and releases; the laws are checked after every change.
//!
//! `YEAR_SEED=7 cargo test --test behaviour year::` runs one seed; the seed of a failure is printed.

#[path = "year/witness.rs"]
mod witness;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use leeward::answer::{Chance, Worker};
use leeward::clock::WallTime;
use leeward::geo::LocationsBuilder;
use leeward::health::{
    DoubtChange, Endpoint, Finding, Home, Observation, Phases, SelfDoubt, Status, TargetId,
    Targets, Uncounted,
};
use leeward::publish::{Publisher, SavedZone};
use leeward::simulate::{GivenClient, Question, ZoneState, explain, explanation_text};
use leeward::wire::{Name, Rtype};
use leeward::zone::Snapshot;

use self::witness::{Cause, Witness};
use super::scenarios::core::{Beside, Conduct, Core, read};
use super::scenarios::message;

/// Seeds by default.
const SEEDS: [u64; 1] = [29];
/// Time between probes.
const ROUND: Duration = Duration::from_secs(600);
/// Rounds of a year.
const ROUNDS: u32 = 365 * 24 * 6;
/// Targets, four on each of three sites.
const TARGETS: u32 = 12;
/// Targets of one site.
const SITE: u32 = 4;
/// Names with failovers, and which one an operator may release.
const NAMES: [&str; 7] = ["auto", "hand", "calm", "week", "last", "ramp", "swift"];

/// The zone; `ttl` differs from reload to reload.
fn text(ttl: u32) -> String {
    let members = |from: u32| {
        let list = (from..from + SITE).map(|last| format!("\"192.0.2.{last}\""));
        list.collect::<Vec<_>>().join(", ")
    };
    format!(
        r#"
zone = "year.example"
ttl = "{ttl}s"
[checks.web]
type = "tcp"
port = 80
interval = "10m"
fall = 2
rise = 2
degraded = {{ failures = "30%" }}
[pools]
a = {{ check = "web", members = [{}] }}
b = {{ check = "web", members = [{}] }}
c = {{ check = "web", members = [{}] }}
r = {{ check = "web", site = "a", ramp = "1h", members = [{}] }}
[names]
"@".NS = "ns.example.net."
auto = {{ failover = ["a", "b", "c"] }}
hand = {{ failover = ["a", "b", "c"], failback = "manual" }}
calm = {{ failover = ["a", "b", "c"], failback = {{ after = "2h" }} }}
week = {{ failover = ["a", "b", "c"], failback = {{ window = "Sat-Sun 02:00-05:00" }} }}
last = {{ to = "a", all-down = "last" }}
ramp = {{ to = "r" }}
swift = {{ failover = ["a", "b"], ttl = {{ min = "5s", max = "1h" }} }}
"#,
        members(1),
        members(5),
        members(9),
        members(1),
    )
}

/// What lasts until which round.
#[derive(Default)]
struct Weather {
    /// By target: until when, and how many of a hundred probes fail.
    targets: HashMap<u32, (u32, u32)>,
    /// By site.
    sites: HashMap<u32, u32>,
    /// Our own network.
    own: u32,
}

impl Weather {
    fn change(&mut self, round: u32, chance: &mut Chance) {
        if chance.below(40) == 0 {
            let percent = [20, 40, 60, 100][chance.below(4) as usize];
            let until = round + 1 + chance.below(60);
            self.targets
                .insert(1 + chance.below(TARGETS), (until, percent));
        }
        if chance.below(300) == 0 {
            self.sites
                .insert(chance.below(3), round + 2 + chance.below(40));
        }
        if chance.below(1_500) == 0 {
            self.own = round + 1 + chance.below(12);
        }
        // Once in a while everybody is down, one site after the other.
        if chance.below(3_000) == 0 {
            for site in 0..3 {
                self.sites.insert(site, round + 10 + chance.below(20));
            }
        }
    }

    fn conduct(&self, target: u32, round: u32, chance: &mut Chance) -> Conduct {
        let is_out = |until: Option<&u32>| until.is_some_and(|until| round < *until);
        if round < self.own {
            return if target.is_multiple_of(2) {
                Conduct::Timeout
            } else {
                Conduct::NoEvidence
            };
        }
        if is_out(self.sites.get(&((target - 1) / SITE))) {
            return Conduct::Bad;
        }
        match self.targets.get(&target) {
            Some((until, percent)) if round < *until && chance.below(100) < *percent => {
                Conduct::Bad
            }
            _ => Conduct::Good,
        }
    }
}

struct Year {
    chance: Chance,
    core: Core,
    doubt: SelfDoubt,
    weather: Weather,
    witness: Witness,
    worker: Worker,
    /// Members of pool a that were up when any was last.
    known: BTreeSet<String>,
    doubts: u32,
    releases: u32,
    restarts: u32,
    lasts: u32,
    ramps: u32,
}

#[test]
fn the_laws_hold_for_a_year() {
    let seeds = match std::env::var("YEAR_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => SEEDS.to_vec(),
    };
    for seed in seeds {
        println!("YEAR_SEED={seed}");
        let mut year = Year::begin(seed);
        for round in 0..ROUNDS {
            year.round(round);
        }
        println!(
            "{} doubts, {} moves, {} held, {} releases, {} restarts, {} last answers, {} on ramps",
            year.doubts,
            year.witness.moves,
            year.witness.held,
            year.releases,
            year.restarts,
            year.lasts,
            year.ramps
        );
        let counts = [
            year.doubts,
            year.witness.moves,
            year.witness.held,
            year.releases,
            year.restarts,
            year.lasts,
            year.ramps,
        ];
        assert!(counts.iter().all(|count| *count > 3), "a year sees it all");
    }
}

impl Year {
    fn begin(seed: u64) -> Self {
        let model = read(&text(60), &Beside::new()).expect("a sound zone");
        let wall = WallTime::from_millis(1_800_000_000_000);
        let core = Core::new(vec![model], LocationsBuilder::new().build(), wall);
        let mut year = Self {
            chance: Chance::new(seed),
            witness: Witness::new(&core),
            core,
            doubt: SelfDoubt::default(),
            weather: Weather::default(),
            worker: Worker::new(seed),
            known: BTreeSet::new(),
            doubts: 0,
            releases: 0,
            restarts: 0,
            lasts: 0,
            ramps: 0,
        };
        year.know();
        year
    }

    /// Tells self-doubt where targets stand.
    fn know(&mut self) {
        let mut homes = vec![Home::default(); self.core.targets.ids_end()];
        for row in self.core.targets.rows() {
            homes[row.id.0 as usize] = Home {
                zone: Some(0),
                site: Some((octet(&row.target.probe.endpoint) - 1) / SITE),
            };
        }
        self.doubt.know(Vec::new(), homes, &self.core.targets);
    }

    fn round(&mut self, round: u32) {
        self.core.pass(ROUND);
        self.core.tick();
        self.witness.look(&self.core, Cause::Time);
        self.weather.change(round, &mut self.chance);
        let changes = self.probe(round);
        match self.chance.below(2_000) {
            0 => self.reload(),
            1 => self.restart(),
            2 => self.turn_civil_clock(),
            3..=9 => self.release(),
            _ => {}
        }
        if changes > 0 || round.is_multiple_of(50) {
            self.core.assert_folded();
            self.check_answers();
        }
    }

    /// One probe of every target; all that end together are looked at together.
    fn probe(&mut self, round: u32) -> usize {
        let rows = self.core.targets.rows();
        let due: Vec<(TargetId, u32)> = rows
            .map(|row| (row.id, octet(&row.target.probe.endpoint)))
            .collect();
        let seen: Vec<(TargetId, Conduct)> = due
            .into_iter()
            .map(|(id, target)| {
                let conduct = self.weather.conduct(target, round, &mut self.chance);
                (id, conduct)
            })
            .collect();
        let mut ended = Vec::with_capacity(seen.len());
        for (id, conduct) in &seen {
            let finding = match conduct {
                Conduct::Good => Finding::Passed { status: 200 },
                Conduct::NoEvidence => Finding::OutOfDescriptors,
                _ => Finding::Refused,
            };
            ended.push((
                *id,
                Observation::new(finding.into(), Phases::default(), self.core.now),
            ));
        }
        let ended = ended.iter().map(|(id, observation)| (*id, observation));
        self.judge_self(&Uncounted::new(&self.core.targets, ended));
        let before = self.statuses();
        let mut changes = 0;
        for (id, conduct) in seen {
            if self.core.observe(id, conduct).is_some() {
                changes += 1;
                self.witness.look(&self.core, Cause::Health);
                self.note_up();
            }
        }
        if self.doubt.doubt().is_some() {
            assert_eq!(before, self.statuses(), "a held status never flips");
        }
        changes
    }

    /// Remembers who of pool a was up, as long as anybody was.
    fn note_up(&mut self) {
        let up = self.witness.up_members(&self.core, 1..=SITE);
        if !up.is_empty() {
            self.known = up;
        }
    }

    fn judge_self(&mut self, uncounted: &Uncounted) {
        match self
            .doubt
            .judge(&self.core.targets, uncounted, self.core.now)
        {
            None => {}
            Some(DoubtChange::Began(_)) => {
                self.doubts += 1;
                self.core.targets.doubt(true, self.core.now);
            }
            Some(DoubtChange::Ended(..)) => self.core.targets.doubt(false, self.core.now),
        }
    }

    fn statuses(&self) -> Vec<Status> {
        let rows = self.core.targets.rows();
        rows.map(|row| row.state.status).collect()
    }

    /// Another TTL: everything that is held goes on being held.
    fn reload(&mut self) {
        let text = text(30 + self.chance.below(90));
        let model = read(&text, &Beside::new()).expect("a sound zone");
        self.core.load(vec![model]);
        self.know();
        self.witness.look(&self.core, Cause::Health);
    }

    /// Ends the process and starts it again from what it saved, as text.
    fn restart(&mut self) {
        self.restarts += 1;
        let (now, wall) = (self.core.now, self.core.wall);
        let statuses = self.core.targets.table().save(now, wall);
        let saved = serde_json::to_string(&self.core.publisher.save()).expect("plain data");
        let saved: Vec<SavedZone> = serde_json::from_str(&saved).expect("as written");
        self.core.targets = Targets::default();
        self.core.targets.restore(statuses, now, wall);
        let locations = Arc::clone(&self.core.publisher.snapshot().locations);
        self.core.publisher = Publisher::new(Snapshot::new(Vec::new(), locations));
        self.core.publisher.at(now, wall);
        self.core.publisher.restore(saved);
        let models = std::mem::take(&mut self.core.models);
        self.core.load(models);
        // Nobody watched meanwhile: calm periods begin anew, and so does doubt.
        self.doubt = SelfDoubt::default();
        self.know();
        self.witness.forget_calm();
        self.witness.look(&self.core, Cause::Health);
    }

    /// Someone sets the civil clock up to three days forth or back.
    fn turn_civil_clock(&mut self) {
        let before = self.statuses();
        let jump = i64::from(self.chance.below(518_400_000)) - 259_200_000;
        self.core.wall = WallTime::from_millis(self.core.wall.millis() + jump);
        self.core.follow_holds();
        self.core.tick();
        assert_eq!(before, self.statuses(), "no status follows the civil clock");
        self.witness.look(&self.core, Cause::Time);
    }

    fn release(&mut self) {
        let released = self.core.publisher.release(0, "hand");
        self.releases += released.expect("it has a failback") as u32;
        self.witness.look(&self.core, Cause::Release);
    }

    fn check_answers(&mut self) {
        let world = self.core.world();
        let served = &world.snapshot.zones[0];
        let fold = self.core.publisher.fold(0).expect("it has policies");
        let stage = ZoneState {
            served,
            view: &world.view.zones[0],
            inputs: fold.inputs(),
            locations: &world.snapshot.locations,
            evidence: &|_| None,
        };
        for name in NAMES {
            let question = Question {
                name: Name::parse(name, served.zone.apex()).expect("a name"),
                rtype: Rtype::A,
            };
            let found = explain(&stage, &question, GivenClient::Unknown);
            let told = explanation_text(&found);
            let total: f64 = found.candidates.iter().map(|one| one.probability).sum();
            assert!((total - 1.0).abs() < 1e-6, "shares add up: {total}\n{told}");
            let client = IpAddr::from([198, 51, 100, 53]);
            let query = message::query(&question.name, Rtype::A, None);
            let said = message::ask(&world, &mut self.worker, client, &query);
            let records: BTreeSet<String> = said
                .records
                .iter()
                .map(|record| record.trim_start_matches("a ").to_owned())
                .collect();
            let mut is_told = found.candidates.iter().map(|one| {
                let rdata: BTreeSet<String> = one.rdata.iter().cloned().collect();
                rdata == records
            });
            assert!(is_told.any(|is| is), "{records:?} was not told:\n{told}");
            assert_eq!(said.ttl, Some(found.ttl), "{told}");
            match name {
                "swift" => assert!((5..=3_600).contains(&found.ttl), "{told}"),
                "last" => {
                    let up = self.witness.up_members(&self.core, 1..=SITE);
                    if up.is_empty() && !self.known.is_empty() {
                        self.lasts += 1;
                        assert_eq!(records, self.known, "the last answer\n{told}");
                    } else if !up.is_empty() {
                        assert!(records.is_subset(&up), "{records:?} of {up:?}\n{told}");
                    }
                }
                "ramp" => self.ramps += u32::from(told.contains("tenths of its share")),
                _ => {}
            }
        }
    }
}

/// Returns the last octet of an address.
fn octet(endpoint: &Endpoint) -> u32 {
    match endpoint {
        Endpoint::Address(IpAddr::V4(address)) => u32::from(address.octets()[3]),
        other => panic!("{other:?} is not in the zone"),
    }
}
