//! Explanations by DNS: the clients that may ask for them, and the explainer.
//!
//! In: prefixes of clients and the explainer of a higher layer, once a load. Out: lines of text. Never here: messages.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::wire::ClientSubnet;

use super::prefixes::Prefixes;
use super::world::World;

/// An answer to explain.
#[derive(Debug)]
pub struct WhyAsked<'a> {
    /// The world that would answer.
    pub world: &'a World,
    /// Number of the zone that the name lies in.
    pub zone: usize,
    /// The name behind the label, as folded octets.
    pub name: &'a [u8],
    /// Address of the client that asked.
    pub client: IpAddr,
    /// Client subnet of the query, if any.
    pub subnet: Option<ClientSubnet>,
}

/// Writes the lines of an explanation.
pub type TellWhy = dyn Fn(&WhyAsked<'_>) -> Vec<String> + Send + Sync;

/// Clients that may ask for explanations by DNS, and the explainer.
#[derive(Clone)]
pub struct Reasons {
    allow: Prefixes,
    tell: Arc<TellWhy>,
}

impl Reasons {
    /// Allows explanations to the clients of some networks.
    pub fn new(allow: Prefixes, tell: Arc<TellWhy>) -> Self {
        Self { allow, tell }
    }

    /// Returns whether a client may ask.
    pub(super) fn may_ask(&self, client: IpAddr) -> bool {
        self.allow.contains(client)
    }

    /// Explains an answer, a line each reason.
    pub(super) fn explain(&self, asked: &WhyAsked<'_>) -> Vec<String> {
        (self.tell)(asked)
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reasons")
            .field("allow", &self.allow)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Reasons {
    fn eq(&self, other: &Self) -> bool {
        self.allow == other.allow && Arc::ptr_eq(&self.tell, &other.tell)
    }
}
