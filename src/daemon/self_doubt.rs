//! Self-doubt in the running server, and the tick of the views.
//!
//! In: reports before they are counted, the time. Out: held statuses, publications, events, metrics, the cause of a doubt.
//! Never here: the rules; they are those of `health` and `view`.

use std::time::Duration;

use crate::admin::DoubtRow;
use crate::clock::{Moment, WallTime};
use crate::config::server_file::SelfDoubtSettings;
use crate::health::{
    Damping, DoubtChange, Ending, Endpoint, Home, ProbeKind, ProbeRecipe, Status, Target, TargetId,
    TcpProbe, Timeout, Uncounted,
};
use crate::model::maintenance_ahead;
use crate::probe::Report;
use crate::publish::Tick;
use crate::timeline::EventKind;

use super::keeper::Keeper;

/// Makes the target that asks whether an anchor can be reached.
fn anchor_target(settings: &SelfDoubtSettings, address: std::net::SocketAddr) -> Target {
    Target {
        probe: ProbeRecipe {
            endpoint: Endpoint::Address(address.ip()),
            port: address.port(),
            kind: ProbeKind::Tcp(TcpProbe {
                tls: None,
                send: None,
                contains: None,
                regex: None,
            }),
            interval: settings.interval,
            timeout: Timeout::Whole(settings.interval.min(SelfDoubtSettings::TIMEOUT)),
            watch: false,
        },
        damping: Damping {
            rise: 1,
            fall: 1,
            forgive: 1,
            degraded: None,
        },
    }
}

impl Keeper {
    /// Lists the targets that anchors are probed by.
    pub(super) fn anchor_targets(&self) -> Vec<Target> {
        let settings = &self.loading.config.self_doubt;
        let anchors = settings.anchors.iter();
        anchors
            .map(|address| anchor_target(settings, *address))
            .collect()
    }

    /// Gives self-doubt the anchors and the homes of targets, after a load.
    pub(super) fn know_targets(&mut self) {
        let anchors = self.anchor_targets();
        let anchors = anchors.iter().filter_map(|target| self.targets.id(target));
        let mut homes = vec![Home::default(); self.targets.ids_end()];
        let mut is_shared = vec![false; homes.len()];
        let mut numbers = std::collections::HashMap::new();
        for (number, (zone, ids)) in (0..).zip(self.set.zones.iter().zip(&self.ids)) {
            for used in &zone.served.zone.policies.uses {
                let Some(id) = ids.get(used.slot as usize).map(|id| id.0 as usize) else {
                    continue;
                };
                let Some(home) = homes.get_mut(id) else {
                    continue;
                };
                is_shared[id] |= home.zone.is_some_and(|known| known != number);
                home.zone = Some(number);
                if !used.site.is_empty() && home.site.is_none() {
                    let next = numbers.len() as u32;
                    home.site = Some(*numbers.entry(used.site.as_str()).or_insert(next));
                }
            }
        }
        for (home, is_shared) in homes.iter_mut().zip(is_shared) {
            home.zone = home.zone.filter(|_| !is_shared);
        }
        self.doubt.know(anchors.collect(), homes, &self.targets);
    }

    /// Evaluates reports before they are counted, so that those which end together are judged together. Says whether
    /// any is news.
    pub(super) fn judge_reports(&mut self, reports: &[Report], now: Moment) -> bool {
        let observations = reports
            .iter()
            .map(|report| (report.target, &report.observation));
        let uncounted = Uncounted::new(&self.targets, observations);
        if uncounted.is_news() {
            self.judge_self(&uncounted, now);
        }
        uncounted.is_news()
    }

    /// Begins or ends a doubt.
    pub(super) fn judge_self(&mut self, uncounted: &Uncounted, now: Moment) {
        if !self.loading.config.self_doubt.is_enabled {
            return;
        }
        let Some(change) = self.doubt.judge(&self.targets, uncounted, now) else {
            return;
        };
        let text = match change {
            DoubtChange::Began(doubt) => {
                self.targets.doubt(true, now);
                let at_most = doubt.until.map_or_else(String::new, |until| {
                    format!(" for at most {} s", until.since(now).as_secs())
                });
                format!("every status is held{at_most}: {}", doubt.cause)
            }
            DoubtChange::Ended(doubt, ending) => {
                self.targets.doubt(false, now);
                let lasted = now.since(doubt.since).as_secs();
                let why = match ending {
                    Ending::Over => "",
                    Ending::TimeUp => ", as long as a doubt without anchors may last",
                };
                format!("statuses follow probes again, after {lasted} s{why}")
            }
        };
        let is_doubting = matches!(change, DoubtChange::Began(_));
        self.telemetry
            .exposition
            .set("leeward_self_doubt", &[], f64::from(u8::from(is_doubting)));
        if is_doubting {
            self.telemetry
                .exposition
                .add("leeward_self_doubts_total", &[], 1);
        }
        self.telemetry
            .record(EventKind::SelfDoubt { is_doubting, text });
    }

    /// Follows a tick in all views: failbacks that are due, ramps, horizons.
    pub(super) fn tick_views(&mut self) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let set = std::sync::Arc::clone(&self.set);
        let tick = Tick {
            now,
            wall,
            targets: &self.targets,
            maintenance: &|zone| ahead(&set, zone, wall),
        };
        if let Some(published) = self.publisher.tick(&tick) {
            self.telemetry.published(published.generation);
        }
    }

    /// Counts the failovers that are held and the targets that are degraded, once a second.
    pub(super) fn measure_policy_state(&self) {
        let held = self.publisher.held().len() as f64;
        self.telemetry
            .exposition
            .set("leeward_failbacks_held", &[], held);
        let is_degraded = |row: &crate::health::Row<'_>| {
            row.state.status != Status::Unhealthy && row.state.is_degraded(&row.target.damping)
        };
        let degraded = self.targets.rows().filter(is_degraded).count();
        self.telemetry
            .exposition
            .set("leeward_targets_degraded", &[], degraded as f64);
    }

    /// Returns the present doubt for the status report, if there is one.
    pub(super) fn doubt_row(&self) -> Option<DoubtRow> {
        let doubt = self.doubt.doubt()?;
        let lasted = self.clock.now().since(doubt.since);
        let since = self.clock.wall().millis() - i64::try_from(lasted.as_millis()).unwrap_or(0);
        let since = WallTime::from_millis(since);
        let until = doubt.until.map(|until| until.since(doubt.since));
        Some(DoubtRow {
            since: since.to_string(),
            until: until.map(|held| since.after(held).to_string()),
            why: doubt.cause.to_string(),
        })
    }

    /// Names an anchor, if the target is one.
    pub(super) fn anchor_name(&self, target: TargetId) -> Option<String> {
        let is_anchor = self.doubt.anchors().contains(&target);
        let row = self.targets.row(target).filter(|_| is_anchor)?;
        let probe = &row.target.probe;
        match &probe.endpoint {
            Endpoint::Address(address) => Some(format!(
                "anchor {}",
                std::net::SocketAddr::new(*address, probe.port)
            )),
            Endpoint::Host(_) | Endpoint::Here => None,
        }
    }
}

fn ahead(
    set: &super::zone_set::ZoneSet,
    zone: usize,
    wall: WallTime,
) -> (Option<Duration>, Option<Duration>) {
    set.zones
        .get(zone)
        .map_or((None, None), |zone| maintenance_ahead(&zone.model, wall))
}
