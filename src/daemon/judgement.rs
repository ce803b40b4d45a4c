//! The keeper's judgement beyond single targets: self-doubt, and what time brings to views.
//!
//! In: reports before they are counted, the time. Out: held statuses, publications, events, metrics, why it doubts. Never here: the rules; they are those of `health` and `answer`.

use std::time::Duration;

use crate::clock::{Moment, WallTime};
use crate::config::maintenance_ahead;
use crate::config::server_file::SelfDoubtSettings;
use crate::control::DoubtRow;
use crate::health::{
    Damping, DoubtChange, Endpoint, ProbeKind, ProbeRecipe, Status, Target, TargetId, TcpProbe,
    Timeout,
};
use crate::probe::Report;
use crate::publish::Outlook;
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
        let settings = &self.config.self_doubt;
        let anchors = settings.anchors.iter();
        anchors
            .map(|address| anchor_target(settings, *address))
            .collect()
    }

    /// Tells self-doubt which targets there are, after a load.
    pub(super) fn know_targets(&mut self) {
        let anchors = self.anchor_targets();
        let anchors = anchors.iter().filter_map(|target| self.targets.id(target));
        let mut sites = vec![None; self.targets.ids_end()];
        let mut numbers = std::collections::HashMap::new();
        for (zone, ids) in self.set.zones.iter().zip(&self.ids) {
            for used in &zone.served.zone.policies.uses {
                let id = ids.get(used.slot as usize);
                let place = id.and_then(|id| sites.get_mut(id.0 as usize));
                if let (Some(place), false) = (place, used.site.is_empty()) {
                    let next = numbers.len() as u32;
                    *place = Some(*numbers.entry(used.site.as_str()).or_insert(next));
                }
            }
        }
        self.doubt.know(anchors.collect(), sites);
    }

    /// Looks at reports before they are counted, so that those which end together are judged together. Says whether
    /// any is news.
    pub(super) fn foresee(&mut self, reports: &[Report], now: Moment) -> bool {
        let mut is_news = false;
        for report in reports {
            is_news |= self.targets.foresee(report.target, &report.observation);
        }
        if is_news {
            self.judge_self(now);
        }
        is_news
    }

    /// Begins or ends a doubt.
    pub(super) fn judge_self(&mut self, now: Moment) {
        if !self.config.self_doubt.is_enabled {
            return;
        }
        let Some(change) = self.doubt.judge(&self.targets, now) else {
            return;
        };
        let text = match change {
            DoubtChange::Began(doubt) => {
                self.targets.doubt(true, now);
                format!("every status is held: {}", doubt.cause)
            }
            DoubtChange::Ended(doubt) => {
                self.targets.doubt(false, now);
                let lasted = now.since(doubt.since).as_secs();
                format!("statuses follow probes again, after {lasted} s")
            }
        };
        let is_doubting = matches!(change, DoubtChange::Began(_));
        self.exposition
            .set("leeward_self_doubt", &[], f64::from(u8::from(is_doubting)));
        if is_doubting {
            self.exposition.add("leeward_self_doubts_total", &[], 1);
        }
        self.record(EventKind::SelfDoubt { is_doubting, text });
    }

    /// Lets time pass for views: failbacks that are due, ramps, horizons.
    pub(super) fn let_time_pass(&mut self) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let set = std::sync::Arc::clone(&self.set);
        let outlook = Outlook {
            now,
            wall,
            targets: &self.targets,
            maintenance: &|zone| ahead(&set, zone, wall),
        };
        if let Some(published) = self.publisher.pass(&outlook) {
            self.exposition
                .set("leeward_world_generation", &[], published.generation as f64);
        }
    }

    /// Writes what is held and who is degraded, once a second.
    pub(super) fn measure_judgement(&self) {
        let held = self.publisher.held().len() as f64;
        self.exposition.set("leeward_failbacks_held", &[], held);
        let is_degraded = |row: &crate::health::Row<'_>| {
            row.state.status != Status::Unhealthy && row.state.is_degraded(&row.target.damping)
        };
        let degraded = self.targets.rows().filter(is_degraded).count();
        self.exposition
            .set("leeward_targets_degraded", &[], degraded as f64);
    }

    /// Says why the server doubts itself, if it does.
    pub(super) fn doubt_row(&self) -> Option<DoubtRow> {
        let doubt = self.doubt.doubt()?;
        let lasted = self.clock.now().since(doubt.since);
        let since = self.clock.wall().millis() - i64::try_from(lasted.as_millis()).unwrap_or(0);
        Some(DoubtRow {
            since: WallTime::from_millis(since).to_string(),
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
