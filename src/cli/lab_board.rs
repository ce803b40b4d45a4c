//! Content of the lab's board, asked from the running server and from the resolver about ten times a second.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::admin::{Ask, ExplainRequest, StatusReport, TargetRow};
use crate::daemon::ZoneSet;
use crate::lab::{
    Answered, BehindResolver, CachedAnswer, LAB_NETWORKS, LookedUp, PlaceRow, Region, RegionHealth,
    Seen,
};

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Most names on the board.
const NAMES_MAX: usize = 5;

/// Sources of the board, and the names it shows.
pub(super) struct Watched {
    asks: mpsc::Sender<Ask>,
    behind: BehindResolver,
    /// Names relative to their zone, and whole.
    names: Vec<(String, String)>,
}

impl Watched {
    /// Takes the first dynamic names of all zones.
    pub(super) fn new(asks: mpsc::Sender<Ask>, behind: BehindResolver, set: &ZoneSet) -> Self {
        let names = set.zones.iter().flat_map(|zone| {
            let dynamic = zone.model.names.iter().filter(|name| name.policy.is_some());
            dynamic.map(|name| {
                (
                    name.owner.to_relative(&zone.model.apex),
                    name.owner.to_string(),
                )
            })
        });
        Self {
            asks,
            behind,
            names: names.take(NAMES_MAX).collect(),
        }
    }
}

/// Starts watching; the first look is done when this returns.
pub(super) async fn watch(watched: Watched, seen: Arc<Mutex<Seen>>) -> JoinHandle<()> {
    look(&watched, &seen).await;
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            look(&watched, &seen).await;
        }
    })
}

async fn look(watched: &Watched, seen: &Arc<Mutex<Seen>>) {
    let Watched {
        asks,
        behind,
        names,
    } = watched;
    let (sender, receiver) = oneshot::channel();
    if asks.send(Ask::Status(sender)).await.is_err() {
        return;
    }
    let Ok(report) = receiver.await else { return };
    let mut answered = [Answered::default(); Region::ALL.len()];
    let mut places = Vec::new();
    for (prefix, place) in LAB_NETWORKS {
        let mut answers = Vec::new();
        for (_, name) in names {
            let explained = ask(asks, name, prefix).await;
            let pools = explained.as_ref().map_or_else(|_| Vec::new(), pools);
            for (region, answered) in Region::ALL.iter().zip(&mut answered) {
                answered.by_server |= pools.iter().any(|(pool, _)| *pool == region.id());
            }
            answers.push(explained.map_or_else(|message| message, |explained| short(&explained)));
        }
        places.push(PlaceRow {
            place: place.to_owned(),
            prefix: prefix.to_owned(),
            answers,
        });
    }
    let mut cached = Vec::new();
    for (_, name) in names {
        let found = behind.look_up(name).await;
        for (region, answered) in Region::ALL.iter().zip(&mut answered) {
            let addresses = found.iter().flat_map(|found| &found.addresses);
            answered.by_resolver |= addresses.copied().any(|address| is_of(address, *region));
        }
        cached.push(cached_answer(found));
    }
    let found = Seen {
        names: names.iter().map(|(short, _)| short.clone()).collect(),
        places,
        cached,
        regions: Region::ALL
            .iter()
            .map(|region| region_health(report.report(), *region))
            .collect(),
        answered,
    };
    *seen.lock().unwrap_or_else(PoisonError::into_inner) = found;
}

fn is_of(address: IpAddr, region: Region) -> bool {
    region.addresses().map(IpAddr::V4).contains(&address)
}

/// Writes the regions of the resolver's answer; an address outside all regions stands for itself.
fn cached_answer(found: Result<LookedUp, &'static str>) -> CachedAnswer {
    let found = match found {
        Ok(found) => found,
        Err(word) => {
            return CachedAnswer {
                text: word.to_owned(),
                ttl_left: None,
            };
        }
    };
    let mut words: Vec<String> = Vec::new();
    for address in &found.addresses {
        let region = Region::ALL
            .into_iter()
            .find(|region| is_of(*address, *region));
        let word = region.map_or_else(|| address.to_string(), |region| region.to_string());
        if !words.contains(&word) {
            words.push(word);
        }
    }
    CachedAnswer {
        text: words.join(" "),
        ttl_left: Some(found.ttl_left),
    }
}

async fn ask(asks: &mpsc::Sender<Ask>, name: &str, prefix: &str) -> Result<Value, String> {
    let (sender, receiver) = oneshot::channel();
    let request = ExplainRequest {
        name: name.to_owned(),
        subnet: Some(prefix.to_owned()),
        ..ExplainRequest::default()
    };
    let stopping = || "stopping".to_owned();
    let sent = asks.send(Ask::Explain(request, sender)).await;
    sent.map_err(|_| stopping())?;
    receiver.await.map_err(|_| stopping())?
}

/// Returns the pools in an answer, with their shares.
fn pools(explanation: &Value) -> Vec<(&str, f64)> {
    let pools = explanation.get("pools").and_then(Value::as_array);
    let pools = pools.into_iter().flatten();
    pools
        .filter_map(|pool| Some((pool.get("pool")?.as_str()?, pool.get("share")?.as_f64()?)))
        .collect()
}

/// Writes the pools in an answer in a few characters, with shares if there are several.
fn short(explanation: &Value) -> String {
    match &pools(explanation)[..] {
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
