//! One attempt of a probe: the connection to one address.
//!
//! In: recipe, address, remaining time. Out: a finding, and whether a connection stood. Never here: the next address,
//! observations.

use std::net::SocketAddr;
use std::sync::Arc;

use super::context::{Plan, ProbeContext};
use super::trace::{Budget, Trace};
use crate::health::{Finding, ProbeRecipe};

/// One address to try.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) context: &'a ProbeContext,
    pub(super) recipe: &'a ProbeRecipe,
    pub(super) plan: &'a Plan,
    pub(super) address: SocketAddr,
    pub(super) budget: Budget,
}

/// Result of an attempt.
pub(super) struct Attempted {
    pub(super) finding: Finding,
    /// True if a TCP connection stood; else another address may be tried.
    pub(super) is_connected: bool,
    pub(super) trace: Arc<Trace>,
}

impl Attempted {
    pub(super) fn connected(finding: Finding, trace: Arc<Trace>) -> Self {
        Self {
            finding,
            is_connected: true,
            trace,
        }
    }

    pub(super) fn without_connection(finding: Finding, trace: Arc<Trace>) -> Self {
        Self {
            finding,
            is_connected: false,
            trace,
        }
    }
}
