//! One target looked up: both families at once, alias by alias, server after server.
//!
//! In: a name, servers, an answer for names of our own zones. Out: a [`LookupResult`] a family. Never here: times of
//! lookups, earlier results.
//!
//! Our own zones are asked before servers for each name of a chain: a loop through a resolver would return our own last
//! answer for ever.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::wire::{Name, Rcode, Rtype};

use super::entry::{EMPTY_TTL_SECS, FoundSet, LookupResult};
use super::message::{CHAIN_MAX, Response};
use super::query_server::ask;

/// Times that each server is asked before a lookup fails.
const ROUNDS: usize = 2;
/// Name of our own zones as the source of a result.
pub(super) const OURSELVES: &str = "our own zones";

/// Answer of our own zones for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// The name lies in none of them.
    Elsewhere,
    /// Addresses.
    Found(FoundSet),
    /// Alias: its target, and its TTL in seconds.
    Alias(Name, u32),
    /// No addresses now: the reason, and the TTL in seconds.
    Nothing(String, u32),
}

/// Answers names of our own zones.
pub type OwnZones = Arc<dyn Fn(&Name, Rtype) -> Own + Send + Sync>;

/// Looks up one family of a target; returns the result and its source.
pub(super) async fn look_up(
    target: &Name,
    rtype: Rtype,
    servers: &[SocketAddr],
    timeout: Duration,
    own: &OwnZones,
) -> (LookupResult, String) {
    let (mut name, mut ttl) = (target.clone(), u32::MAX);
    let mut from = OURSELVES.to_owned();
    let mut steps = 0;
    while steps < CHAIN_MAX {
        let response = match own(&name, rtype) {
            Own::Found(found) => {
                let ttl = ttl.min(found.ttl);
                return (LookupResult::Found(FoundSet { ttl, ..found }), from);
            }
            Own::Nothing(why, secs) => return (LookupResult::Nothing(why, secs.min(ttl)), from),
            Own::Alias(next, secs) => {
                (name, ttl) = (next, ttl.min(secs));
                steps += 1;
                continue;
            }
            Own::Elsewhere => match ask_in_turn(servers, &name, rtype, timeout).await {
                Ok((response, server)) => {
                    from = server.to_string();
                    response
                }
                Err(why) => return (LookupResult::Failed(why), from),
            },
        };
        let ours = response
            .aliases
            .iter()
            .position(|alias| own(alias, rtype) != Own::Elsewhere);
        ttl = ttl.min(response.ttl.unwrap_or(u32::MAX));
        match ours {
            Some(at) => {
                steps += at + 1;
                name.clone_from(&response.aliases[at]);
            }
            None => match ended(response, rtype, ttl) {
                Ok(side) => return (side, from),
                Err((last, count)) => {
                    steps += count;
                    name = last;
                }
            },
        }
    }
    let why = format!("more than {CHAIN_MAX} aliases, or a circle of them");
    (LookupResult::Nothing(why, EMPTY_TTL_SECS), from)
}

/// Returns the result of a response; or, if its chain breaks off, the last name and the number of aliases up to it.
fn ended(response: Response, rtype: Rtype, ttl: u32) -> Result<LookupResult, (Name, usize)> {
    if !response.addresses.is_empty() {
        return Ok(LookupResult::Found(FoundSet {
            addresses: response.addresses,
            ttl,
            via: BTreeSet::new(),
        }));
    }
    let empty_ttl = if ttl == u32::MAX { EMPTY_TTL_SECS } else { ttl };
    if response.rcode == Rcode::NXDOMAIN {
        return Ok(LookupResult::Nothing("NXDOMAIN".to_owned(), empty_ttl));
    }
    let count = response.aliases.len();
    match response.aliases.into_iter().next_back() {
        // A server that does not know the alias's target leaves the rest of the way to us.
        Some(last) if !response.is_negative => Err((last, count)),
        _ => Ok(LookupResult::Nothing(
            format!("no {rtype} records"),
            empty_ttl,
        )),
    }
}

/// Asks servers one after the other until one answers.
async fn ask_in_turn(
    servers: &[SocketAddr],
    name: &Name,
    rtype: Rtype,
    timeout: Duration,
) -> Result<(Response, SocketAddr), String> {
    let mut why = "no server to ask".to_owned();
    for _ in 0..ROUNDS {
        for &server in servers {
            let exchange = ask(server, name, rtype);
            why = match tokio::time::timeout(timeout, exchange).await {
                Ok(Ok(response)) if is_answer(response.rcode) => return Ok((response, server)),
                Ok(Ok(response)) => format!("{server} answered {}", response.rcode),
                Ok(Err(fault)) => format!("{server}: {fault}"),
                Err(_) => format!("{server} did not answer in time"),
            };
        }
    }
    Err(why)
}

fn is_answer(rcode: Rcode) -> bool {
    matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN)
}
