//! The caching resolver: follows delegations from the parent zone down, and keeps each answer for its TTL.
//!
//! In: questions, and the time. Out: records with their remaining TTLs. Never here: listening, messages of clients.
//! Kept small on purpose: no DNSSEC, no names of servers without glue, nothing outside the parent zone.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use hickory_server::proto::op::{Query, ResponseCode};
use hickory_server::proto::rr::{LowerName, Name, RData, Record, RecordType};
use tokio::sync::Semaphore;

use super::ask::ask;
use super::kept::Kept;
use super::referral::{Delegation, Found, Step, read_reply};
use crate::clock::Moment;

/// Most answers in the cache: some hundred times what a person asks in a lab.
const ANSWERS_MAX: usize = 1_000;
/// Most delegations in the cache; a lab has one a zone.
const DELEGATIONS_MAX: usize = 100;
/// Most referrals of one name: more than zones lie below each other in a lab.
const REFERRALS_MAX: usize = 8;
/// Most aliases of one question.
const ALIASES_MAX: usize = 8;
/// Most questions under way; each holds a socket for at most a few seconds.
const ASKS_MAX: usize = 64;

/// Reason why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The name lies outside the parent zone.
    Elsewhere,
    /// No server of the zone answers, or all that do are lame.
    NoServer,
    /// Too many referrals or aliases.
    TooLong,
    /// Too many questions are under way.
    Busy,
}

impl Failure {
    /// Returns the mnemonic of the response code that clients get.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Elsewhere => "REFUSED",
            Self::NoServer | Self::TooLong | Self::Busy => "SERVFAIL",
        }
    }
}

/// Addresses of a name in answers to clients behind the resolver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookedUp {
    /// Addresses in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// Remaining TTL in the cache, seconds.
    pub ttl_left: u32,
}

/// A resolver with its cache.
#[derive(Debug)]
pub(super) struct Resolver {
    /// The parent zone and its server, known from the start.
    parent: Delegation,
    /// Port of every server that a referral names.
    port: u16,
    answers: Mutex<Kept<(LowerName, RecordType), Found>>,
    delegations: Mutex<Kept<LowerName, Delegation>>,
    asks: Semaphore,
}

impl Resolver {
    /// Makes a resolver that starts at the server of a parent zone.
    pub(super) fn new(zone: LowerName, server: SocketAddr, port: u16) -> Self {
        Self {
            parent: Delegation {
                zone,
                servers: vec![server],
            },
            port,
            answers: Mutex::new(Kept::new(ANSWERS_MAX)),
            delegations: Mutex::new(Kept::new(DELEGATIONS_MAX)),
            asks: Semaphore::new(ASKS_MAX),
        }
    }

    /// Answers a question, from the cache where that has it; follows aliases from zone to zone.
    pub(super) async fn resolve(
        &self,
        name: &Name,
        rtype: RecordType,
        now: Moment,
    ) -> Result<Found, Failure> {
        let mut whole = self.find(name, rtype, now).await?;
        for _ in 0..ALIASES_MAX {
            let Some(target) = loose_end(&whole, name, rtype) else {
                return Ok(whole);
            };
            let part = self.find(&target, rtype, now).await?;
            whole.rcode = part.rcode;
            whole.answers.extend(part.answers);
            whole.authorities = part.authorities;
        }
        Err(Failure::TooLong)
    }

    /// Returns the cached answer to a question.
    pub(super) fn cached(&self, name: &Name, rtype: RecordType, now: Moment) -> Option<Found> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, age) = answers.find(&(LowerName::new(name), rtype), now)?;
        let mut found = found.clone();
        for record in found.answers.iter_mut().chain(&mut found.authorities) {
            record.ttl = record.ttl.saturating_sub(age);
        }
        Some(found)
    }

    /// Returns the addresses of a name.
    pub(super) async fn look_up(&self, name: &Name, now: Moment) -> Result<LookedUp, Failure> {
        let found = self.resolve(name, RecordType::A, now).await?;
        let addresses = found
            .answers
            .iter()
            .filter_map(|record| record.data.ip_addr());
        Ok(LookedUp {
            addresses: addresses.collect(),
            ttl_left: found
                .answers
                .iter()
                .map(|record| record.ttl)
                .min()
                .unwrap_or(0),
        })
    }

    /// Answers a question about one name, without going on behind an alias into another zone.
    async fn find(&self, name: &Name, rtype: RecordType, now: Moment) -> Result<Found, Failure> {
        if let Some(found) = self.cached(name, rtype, now) {
            return Ok(found);
        }
        let _place = self.asks.try_acquire().map_err(|_| Failure::Busy)?;
        let key = LowerName::new(name);
        let mut delegation = self.nearest(&key, now).ok_or(Failure::Elsewhere)?;
        for _ in 0..REFERRALS_MAX {
            let query = Query::query(name.clone(), rtype);
            match self.ask_servers(&delegation, &key, &query).await {
                Step::Answer(found, ttl) => {
                    let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
                    answers.keep((key, rtype), found.clone(), ttl, now);
                    return Ok(found);
                }
                Step::Referral(nearer, ttl) => {
                    let kept = nearer.clone();
                    let mut delegations = self
                        .delegations
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    delegations.keep(kept.zone.clone(), kept, ttl, now);
                    delegation = nearer;
                }
                Step::Lame => return Err(Failure::NoServer),
            }
        }
        Err(Failure::TooLong)
    }

    /// Asks the servers of a zone in turn until one is not lame.
    async fn ask_servers(&self, delegation: &Delegation, key: &LowerName, query: &Query) -> Step {
        for server in &delegation.servers {
            let Ok(reply) = ask(*server, query).await else {
                continue;
            };
            let step = read_reply(&delegation.zone, key, reply, self.port);
            if step != Step::Lame {
                return step;
            }
        }
        Step::Lame
    }

    /// Returns the servers of the nearest known zone.
    fn nearest(&self, name: &LowerName, now: Moment) -> Option<Delegation> {
        let delegations = self
            .delegations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut zone = name.clone();
        while !zone.is_root() {
            if let Some((delegation, _)) = delegations.find(&zone, now) {
                return Some(delegation.clone());
            }
            zone = zone.base_name();
        }
        self.parent.zone.zone_of(name).then(|| self.parent.clone())
    }
}

/// Returns the name at which the aliases of an answer end, if it has nothing of the type that was asked for.
fn loose_end(found: &Found, name: &Name, rtype: RecordType) -> Option<Name> {
    if rtype == RecordType::CNAME || found.rcode != ResponseCode::NoError {
        return None;
    }
    // A denial behind the alias says already that there is nothing.
    if !found.authorities.is_empty() {
        return None;
    }
    let mut end = name;
    for _ in 0..found.answers.len() {
        let of_end = |record: &&Record| record.name == *end;
        let mut records = found.answers.iter().filter(of_end);
        match records.find_map(|record| match &record.data {
            RData::CNAME(target) => Some(&target.0),
            _ => None,
        }) {
            Some(target) => end = target,
            None => break,
        }
    }
    let is_answered = found
        .answers
        .iter()
        .any(|record| record.name == *end && record.record_type() == rtype);
    (end != name && !is_answered).then(|| end.clone())
}
