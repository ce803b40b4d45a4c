//! What the keeper does while no event waits, in pieces: reports of the whole state, and gauges of every target.
//!
//! In: the keeper's state, asks for reports. Out: reports, gauges. Never here: changes of the state.
//!
//! A report of ten thousand targets takes tens of milliseconds, and a flip must not wait for it: after each piece the keeper
//! looks for events. A report may therefore show one target a few milliseconds younger than another. A load in between
//! begins it anew.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::control::{NotListed, ServerRow, StatusReport};

use super::keeper::Keeper;
use super::locations::describe;
use super::overview::{TargetsAt, count_name_rows, name_rows, pool_rows, refused_rows, zone_rows};
use super::zone_set::ZoneSet;

/// Reports under way and waiting; further asks wait in their channel.
const REPORTS_MAX: usize = 32;
/// Gauges of targets that are set at a time.
const GAUGES_PIECE: usize = 512;
/// Targets that are written at a time.
const TARGETS_PIECE: usize = 64;
/// Names that are looked at in a piece; few of them are dynamic where there are many.
const NAMES_PIECE: usize = 256;
/// Names that are explained at a time.
const EXPLAINED_PIECE: usize = 8;
/// Loads after which a report is written without a pause.
const RESTARTS_MAX: u32 = 3;
/// Names that are explained in one report; the rest is asked for by name.
const NAMES_MAX: usize = 1_000;

/// What is left to do.
#[derive(Debug, Default)]
pub(super) struct Chores {
    reports: VecDeque<ReportUnderWay>,
    gauges: Option<usize>,
}

/// A report as far as it is written.
#[derive(Debug)]
struct ReportUnderWay {
    answer: oneshot::Sender<StatusReport>,
    set: Option<Arc<ZoneSet>>,
    report: StatusReport,
    zone: usize,
    part: Part,
    room: usize,
    restarts: u32,
}

/// Which rows of a zone come next.
#[derive(Clone, Copy, Debug)]
enum Part {
    Targets(usize),
    Pools,
    Names(usize),
}

impl Chores {
    /// Says whether anything is left to do.
    pub(super) fn are_waiting(&self) -> bool {
        self.gauges.is_some() || !self.reports.is_empty()
    }

    /// Says whether another report may be asked for. Those whose askers went away take no room.
    pub(super) fn has_room(&mut self) -> bool {
        if self.reports.len() >= REPORTS_MAX {
            self.reports.retain(|report| !report.answer.is_closed());
        }
        self.reports.len() < REPORTS_MAX
    }

    /// Takes an ask for a report in.
    pub(super) fn report_to(&mut self, answer: oneshot::Sender<StatusReport>) {
        self.reports.push_back(ReportUnderWay {
            answer,
            set: None,
            report: StatusReport::default(),
            zone: 0,
            part: Part::Targets(0),
            room: NAMES_MAX,
            restarts: 0,
        });
    }

    /// Sets the gauges of every target anew, unless that is under way.
    pub(super) fn set_gauges(&mut self) {
        self.gauges.get_or_insert(0);
    }
}

impl Keeper {
    /// Does one piece of what is left to do.
    pub(super) fn do_chore(&mut self) {
        if let Some(from) = self.chores.gauges.take() {
            let now = self.clock.now();
            self.chores.gauges =
                self.telemetry
                    .series
                    .update(&self.watching.targets, now, from, GAUGES_PIECE);
            return;
        }
        let Some(mut under_way) = self.chores.reports.pop_front() else {
            return;
        };
        if under_way.answer.is_closed() {
            return;
        }
        let is_same = |set: &Arc<ZoneSet>| Arc::ptr_eq(set, &self.set);
        if !under_way.set.as_ref().is_some_and(is_same) {
            under_way.restarts += u32::from(under_way.set.is_some());
            self.begin_report(&mut under_way);
        }
        let mut is_done = self.write_piece(&mut under_way);
        while !is_done && under_way.restarts > RESTARTS_MAX {
            is_done = self.write_piece(&mut under_way);
        }
        if is_done {
            // An asker that went away needs no answer.
            drop(under_way.answer.send(under_way.report));
        } else {
            self.chores.reports.push_front(under_way);
        }
    }

    fn begin_report(&self, under_way: &mut ReportUnderWay) {
        under_way.set = Some(Arc::clone(&self.set));
        under_way.zone = 0;
        under_way.part = Part::Targets(0);
        under_way.room = NAMES_MAX;
        let (held, held_over) = self.held_rows();
        let (flattened, flattened_over) = super::flatten::rows(&self.flattening, self.clock.now());
        under_way.report = StatusReport {
            not_listed: NotListed {
                held: held_over,
                flattened: flattened_over,
                names: 0,
            },
            server: ServerRow {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_s: self.clock.now().since(self.started).as_secs(),
                generation: self.publisher.current().generation(),
                listen: self.telemetry.transports.listen().to_vec(),
                targets: self.watching.targets.len(),
                location: describe(&self.loading.locations, &self.loading.config.geo),
            },
            alarms: self.telemetry.alarm_rows(),
            zones: zone_rows(&self.set),
            files_refused: refused_rows(&self.set),
            flattened,
            reload_waiting: self.loading.waiting_row(),
            held,
            self_doubt: self.watching.doubt_row(self.clock.now(), self.clock.wall()),
            ..StatusReport::default()
        };
    }

    /// Writes some rows; says whether they were the last.
    fn write_piece(&self, under_way: &mut ReportUnderWay) -> bool {
        let is_static = |number: usize| self.publisher.fold(number).is_none();
        while under_way.zone < self.set.zones.len() && is_static(under_way.zone) {
            under_way.zone += 1;
        }
        let number = under_way.zone;
        let Some(zone) = self.set.zones.get(number) else {
            return true;
        };
        let fold = self.publisher.fold(number);
        let report = &mut under_way.report;
        match under_way.part {
            Part::Targets(from) => {
                let at = TargetsAt {
                    targets: &self.watching.targets,
                    now: self.clock.now(),
                    wall: self.clock.wall(),
                    latencies: &self.telemetry.latencies,
                };
                let to = from + TARGETS_PIECE;
                report
                    .targets
                    .extend(at.rows(zone, &self.ids[number], from..to));
                let is_more = to < zone.served.zone.policies.uses.len();
                under_way.part = if is_more {
                    Part::Targets(to)
                } else {
                    Part::Pools
                };
            }
            Part::Pools => {
                report.pools.extend(pool_rows(zone, fold));
                under_way.part = Part::Names(0);
            }
            Part::Names(from) => {
                let to = (from + NAMES_PIECE).min(zone.model.names.len());
                let next = if under_way.room == 0 {
                    report.not_listed.names += count_name_rows(zone, from..to);
                    to
                } else {
                    self.explain_names(number, from..to, under_way)
                };
                under_way.part = Part::Names(next);
                if next >= zone.model.names.len() {
                    under_way.part = Part::Targets(0);
                    under_way.zone += 1;
                }
            }
        }
        false
    }

    /// Writes rows of names, as many as fit into one piece; returns the name to go on with.
    fn explain_names(
        &self,
        number: usize,
        part: Range<usize>,
        under_way: &mut ReportUnderWay,
    ) -> usize {
        let evidence = |slot: u32| self.evidence(number, slot);
        let mut room = under_way.room.min(EXPLAINED_PIECE);
        let before = room;
        let fold = self.publisher.fold(number);
        let zone = &self.set.zones[number];
        let names = name_rows(
            zone,
            fold,
            &self.loading.locations,
            &evidence,
            (part, &mut room),
        );
        under_way.report.names.extend(names.rows);
        under_way.room -= before - room;
        names.next
    }
}
