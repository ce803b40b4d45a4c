//! Self-doubt in the running server.
//!
//! In: anchors, homes of targets, reports before they are counted. Out: held statuses, events, metrics, the cause of a doubt.
//! Never here: the rules; they are those of `health`.

use std::net::SocketAddr;

use crate::admin::DoubtRow;
use crate::clock::{Moment, WallTime};
use crate::config::server_file::SelfDoubtSettings;
use crate::health::{
    Damping, DoubtChange, Ending, Endpoint, Home, ProbeKind, ProbeRecipe, SelfDoubt, Target,
    TargetId, Targets, TcpProbe, Timeout, Uncounted,
};
use crate::probe::Report;
use crate::timeline::EventKind;

use crate::daemon::telemetry::Telemetry;
use crate::daemon::zone_set::ZoneSet;

/// Makes the target that asks whether an anchor can be reached.
fn anchor_target(settings: &SelfDoubtSettings, address: SocketAddr) -> Target {
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

/// Lists the targets that anchors are probed by.
pub(super) fn anchor_targets(settings: &SelfDoubtSettings) -> Vec<Target> {
    let anchors = settings.anchors.iter();
    anchors
        .map(|address| anchor_target(settings, *address))
        .collect()
}

/// Self-doubt of the running server.
#[derive(Default)]
pub(super) struct DoubtWatch(SelfDoubt);

impl DoubtWatch {
    /// Says whether a doubt lasts.
    pub(super) const fn is_doubting(&self) -> bool {
        self.0.doubt().is_some()
    }

    /// Gives self-doubt the anchors and the homes of targets, after a load.
    pub(super) fn know_targets(
        &mut self,
        targets: &Targets,
        settings: &SelfDoubtSettings,
        set: &ZoneSet,
        ids: &[Vec<TargetId>],
    ) {
        let anchors = anchor_targets(settings);
        let anchors = anchors.iter().filter_map(|target| targets.id(target));
        let mut homes = vec![Home::default(); targets.ids_end()];
        let mut is_shared = vec![false; homes.len()];
        let mut numbers = std::collections::HashMap::new();
        for (number, (zone, ids)) in (0..).zip(set.zones.iter().zip(ids)) {
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
        self.0.know(anchors.collect(), homes, targets);
    }

    /// Evaluates reports before they are counted, so that those which end together are judged together. Says whether
    /// any is news.
    pub(super) fn judge_reports(
        &mut self,
        targets: &mut Targets,
        reports: &[Report],
        settings: &SelfDoubtSettings,
        now: Moment,
        telemetry: &mut Telemetry,
    ) -> bool {
        let observations = reports
            .iter()
            .map(|report| (report.target, &report.observation));
        let uncounted = Uncounted::new(targets, observations);
        if uncounted.is_news() {
            self.judge(targets, &uncounted, settings, now, telemetry);
        }
        uncounted.is_news()
    }

    /// Begins or ends a doubt.
    pub(super) fn judge(
        &mut self,
        targets: &mut Targets,
        uncounted: &Uncounted,
        settings: &SelfDoubtSettings,
        now: Moment,
        telemetry: &mut Telemetry,
    ) {
        if !settings.is_enabled {
            return;
        }
        let Some(change) = self.0.judge(targets, uncounted, now) else {
            return;
        };
        let text = match change {
            DoubtChange::Began(doubt) => {
                targets.doubt(true, now);
                let at_most = doubt.until.map_or_else(String::new, |until| {
                    format!(" for at most {} s", until.since(now).as_secs())
                });
                format!("every status is held{at_most}: {}", doubt.cause)
            }
            DoubtChange::Ended(doubt, ending) => {
                targets.doubt(false, now);
                let lasted = now.since(doubt.since).as_secs();
                let why = match ending {
                    Ending::Over => "",
                    Ending::TimeUp => ", as long as a doubt without anchors may last",
                };
                format!("statuses follow probes again, after {lasted} s{why}")
            }
        };
        let is_doubting = matches!(change, DoubtChange::Began(_));
        telemetry
            .exposition
            .set("leeward_self_doubt", &[], f64::from(u8::from(is_doubting)));
        if is_doubting {
            telemetry
                .exposition
                .add("leeward_self_doubts_total", &[], 1);
        }
        telemetry.record(EventKind::SelfDoubt { is_doubting, text });
    }

    /// Returns the present doubt for the status report, if there is one.
    pub(super) fn row(&self, now: Moment, wall: WallTime) -> Option<DoubtRow> {
        let doubt = self.0.doubt()?;
        let lasted = now.since(doubt.since);
        let since = wall.millis() - i64::try_from(lasted.as_millis()).unwrap_or(0);
        let since = WallTime::from_millis(since);
        let until = doubt.until.map(|until| until.since(doubt.since));
        Some(DoubtRow {
            since: since.to_string(),
            until: until.map(|held| since.after(held).to_string()),
            why: doubt.cause.to_string(),
        })
    }

    /// Names a target that no zone uses: as the anchor that it is, else by its number.
    pub(super) fn anchor_name(&self, targets: &Targets, target: TargetId) -> String {
        let is_anchor = self.0.anchors().contains(&target);
        let row = targets.row(target).filter(|_| is_anchor);
        let probe = row.map(|row| &row.target.probe);
        match probe.map(|probe| (&probe.endpoint, probe.port)) {
            Some((Endpoint::Address(address), port)) => {
                format!("anchor {}", SocketAddr::new(*address, port))
            }
            _ => format!("target {}", target.0),
        }
    }
}
