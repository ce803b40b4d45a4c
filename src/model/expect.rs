//! The parts of the resolved model that suppose or plan: outage tests and maintenance.
//!
//! In: what was read of `[[expect]]` and `[[maintenance]]`. Out: plain values. Never here: running them.

use std::net::IpAddr;

use crate::clock::WallTime;
use crate::geo::Place;
use crate::wire::{Name, Rtype};

use super::{CheckId, PoolId};
use crate::diagnostic::Span;

/// An `[[expect]]` block.
#[derive(Clone, Debug)]
pub struct ExpectModel {
    /// Its name.
    pub title: String,
    /// What is down: `pool:x`, `target:x/ADDR`, `check:x`, `site:x`, globs; with positions.
    pub down: Vec<(String, Span)>,
    /// What is up.
    pub up: Vec<(String, Span)>,
    /// Switches that are on in their panel, others off: check and switch index; `None` for a single switch.
    pub on: Vec<(CheckId, Option<usize>)>,
    /// The time, if stated.
    pub now: Option<WallTime>,
    /// Name asked.
    pub name: Name,
    /// Type asked.
    pub rtype: Rtype,
    /// Where the question comes from.
    pub from: Option<From>,
    /// What must come out.
    pub wanted: Wanted,
    /// Where the block stands.
    pub span: Span,
}

/// Where a question comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum From {
    /// A place.
    Place(Place),
    /// An address.
    Address(IpAddr),
}

/// What an `[[expect]]` demands; at least one is present.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Exactly the plain pools that may be answered.
    pub pools: Option<Vec<PoolId>>,
    /// `nodata`, `nxdomain` or `servfail`.
    pub outcome: Option<Outcome>,
    /// Share in percent by pool, within 0.5.
    pub share: Vec<(PoolId, f64)>,
    /// RDATA as text, every record that may be answered.
    pub rdata: Option<Vec<String>>,
    /// Response code.
    pub rcode: Option<crate::wire::Rcode>,
    /// TTL in seconds.
    pub ttl: Option<u32>,
}

/// An outcome without records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// NOERROR without answer.
    NoData,
    /// NXDOMAIN.
    NxDomain,
    /// SERVFAIL.
    ServFail,
}

/// A `[[maintenance]]` block (rule a49).
#[derive(Clone, Debug)]
pub struct MaintenanceModel {
    /// What is drained.
    pub drain: Vec<(String, Span)>,
    /// What is held down.
    pub down: Vec<(String, Span)>,
    /// Start.
    pub from: WallTime,
    /// End.
    pub until: WallTime,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub span: Span,
}
