//! Looks names up: flattened targets in the background (rule a28), host names for probes (rule a34). One queue of lookups for both, so
//! that a name has one lookup under way, and silent servers never keep others from being found.
//!
//! In: names, upstream servers, an answer for names of our own zones. Out: sets of addresses with how long each may be
//! answered; addresses to probe. Never here: zones, policies, answers; nothing on the query path comes here.
//!
//! How addresses become members: [`ResolvedTargets`] is the state, plain values and `now`, owned by the daemon. When a name is due
//! the daemon hands it to [`LookupQueue`], a task that asks upstream servers and reports. If that changed a set of addresses,
//! the zones that lend from it are compiled anew on a thread of their own, at most once a second, and put in place as a
//! reload is. If only the time to live moved, the zone stays, and the view tells the new time by lease.
//!
//! The stub resolver is our own: what flattening needs of a lookup is the TTL as the server gave it, which server that
//! was, and the chain of aliases, step by step, since an alias into our own zones is answered from there. A resolver
//! with a cache of its own (hickory-resolver) hides all three, and brings a second crate of transports.

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

pub use entry::{ADDRESSES_MAX, FoundSet, LookupResult};
pub use lookup::{Own, OwnZones};
pub use lookup_queue::{LookedUp, LookupQueue, LookupSettings};
pub use names::{NameCounts, Names, NoAddresses};
pub use resolved_targets::{Change, ResolveCounts, ResolveLimits, ResolvedTargets};
pub use saved::SavedLease;
pub use upstream::Upstreams;
