//! What the lab's board shows, asked from the running server about ten times a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::control::{Ask, ExplainRequest, StatusReport, TargetRow};
use crate::daemon::ZoneSet;
use crate::lab::{LAB_NETWORKS, PlaceRow, Region, RegionHealth, Seen};

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Names that fit on the board.
const NAMES_MAX: usize = 5;

/// Starts watching; the first look is done when this returns.
pub(super) async fn watch(
    asks: mpsc::Sender<Ask>,
    set: &ZoneSet,
    seen: Arc<Mutex<Seen>>,
) -> JoinHandle<()> {
    let names: Vec<(String, String)> = set
        .zones
        .iter()
        .flat_map(|zone| {
            let dynamic = zone.model.names.iter().filter(|name| name.policy.is_some());
            dynamic.map(|name| {
                (
                    name.owner.to_relative(&zone.model.apex),
                    name.owner.to_string(),
                )
            })
        })
        .take(NAMES_MAX)
        .collect();
    look(&asks, &names, &seen).await;
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            look(&asks, &names, &seen).await;
        }
    })
}

async fn look(asks: &mpsc::Sender<Ask>, names: &[(String, String)], seen: &Arc<Mutex<Seen>>) {
    let (sender, receiver) = oneshot::channel();
    if asks.send(Ask::Status(sender)).await.is_err() {
        return;
    }
    let Ok(report) = receiver.await else { return };
    let mut places = Vec::new();
    for (prefix, place) in LAB_NETWORKS {
        let mut answers = Vec::new();
        for (_, name) in names {
            answers.push(ask(asks, name, prefix).await);
        }
        places.push(PlaceRow {
            place: place.to_owned(),
            prefix: prefix.to_owned(),
            answers,
        });
    }
    let found = Seen {
        names: names.iter().map(|(short, _)| short.clone()).collect(),
        places,
        regions: Region::ALL
            .iter()
            .map(|region| region_health(&report, *region))
            .collect(),
    };
    *seen.lock().unwrap_or_else(PoisonError::into_inner) = found;
}

async fn ask(asks: &mpsc::Sender<Ask>, name: &str, prefix: &str) -> String {
    let (sender, receiver) = oneshot::channel();
    let request = ExplainRequest {
        name: name.to_owned(),
        subnet: Some(prefix.to_owned()),
        ..ExplainRequest::default()
    };
    if asks.send(Ask::Explain(request, sender)).await.is_err() {
        return "stopping".to_owned();
    }
    match receiver.await {
        Ok(Ok(explanation)) => short(&explanation),
        Ok(Err(message)) => message,
        Err(_) => "stopping".to_owned(),
    }
}

/// Says in a few characters which pools are answered, with shares if there are several.
fn short(explanation: &Value) -> String {
    let pools = explanation
        .get("pools")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let pools: Vec<(&str, f64)> = pools
        .filter_map(|pool| Some((pool.get("pool")?.as_str()?, pool.get("share")?.as_f64()?)))
        .collect();
    match &pools[..] {
        [] => explanation
            .get("rcode")
            .and_then(Value::as_str)
            .unwrap_or("nothing")
            .to_owned(),
        [(pool, _)] => (*pool).to_owned(),
        several => {
            let shares: Vec<String> = several
                .iter()
                .map(|(pool, share)| format!("{pool} {:.0}%", share * 100.0))
                .collect();
            shares.join(" ")
        }
    }
}

fn region_health(report: &StatusReport, region: Region) -> RegionHealth {
    let word = region.to_string();
    let rows: Vec<&TargetRow> = report
        .targets
        .iter()
        .filter(|row| row.pool == word)
        .collect();
    let healthy = rows.iter().filter(|row| row.status == "healthy").count();
    let status = match healthy {
        0 if rows.iter().any(|row| row.status == "unknown") => "unknown",
        0 => "unhealthy",
        _ if healthy == rows.len() => "healthy",
        _ => "partial",
    };
    let shown = rows
        .iter()
        .find(|row| row.status != "healthy")
        .or_else(|| rows.first());
    RegionHealth {
        healthy,
        total: rows.len(),
        status: status.to_owned(),
        evidence: shown.map_or_else(String::new, |row| row.evidence.clone()),
        lasted: Duration::from_secs(rows.iter().map(|row| row.since_s).min().unwrap_or(0)),
    }
}
