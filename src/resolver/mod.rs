//! Looks names up: flattened targets in the background (rule a28), host names for probes (rule a34). One queue of
//! lookups for both, so that a name has one lookup under way, and silent servers never keep others from being found.
//!
//! In: names, upstream servers, an answer for names of our own zones. Out: sets of addresses with their TTL; addresses
//! to probe. Never here: zones, policies, answers, the query path.
//!
//! Addresses become members thus: [`ResolvedTargets`] is the state, plain values and `now`, owned by the daemon's loop.
//! A name that is due goes into [`LookupQueue`], a task that asks upstream servers and reports. If that changed a set
//! of addresses, the zones with that target are compiled anew on a thread of their own, at most once a second, and
//! published as a reload is. If only the TTL moved, the zone stays, and the view holds the new TTL by lease.
//!
//! The stub resolver is our own: flattening needs of a lookup the TTL as the server gave it, the server, and the chain
//! of aliases, step by step, since an alias into our own zones is answered from there. A resolver with a cache of its
//! own (hickory-resolver) hides all three, and brings a second crate of transports.

mod answers;
mod entry;
#[cfg(fuzzing)]
pub mod fuzz;
mod hosts;
mod lookup;
mod lookup_queue;
mod message;
mod names;
mod query_server;
mod resolved_targets;
mod saved;
mod upstream;
mod words;

pub use entry::{ADDRESSES_MAX, FoundSet, LookedUp, LookupResult, SavedLease};
pub use lookup::{Own, OwnZones};
pub use lookup_queue::{LookupQueue, LookupSettings};
pub use names::{NameCounts, Names, NoAddresses};
pub use resolved_targets::{Change, ResolveCounts, ResolveLimits, ResolvedTargets};
pub use upstream::Upstreams;
