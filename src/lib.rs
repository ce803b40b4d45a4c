//! Leeward: an authoritative DNS server that fails over.
//!
//! # Bird's-eye view
//!
//! ```text
//! zone files --> config --> zone snapshot --+
//!                                           +--> answer --> wire bytes --> client
//! probes --> observations --> health view --+
//! ```
//!
//! The heart is one pure function: published zones, the health view, the client, the question and the time go in; an
//! answer and its reasons come out. Everything else prepares its inputs (`config`, `probe`) or carries its output
//! (`server`, `admin`, `cli`).
//!
//! # Layers
//!
//! A module uses only modules of lower layers, as `tests/house.rs` checks.
//!
//! | Layer | Module | Purpose |
//! |---|---|---|
//! | 0 | [`wire`] | DNS messages as bytes: names, types, RDATA, EDNS |
//! | 0 | [`clock`] | The only reader of time; [`clock::Moment`]; durations as text |
//! | 0 | [`diagnostic`] | What is wrong with a file, where, and what to write instead |
//! | 0 | [`metrics`] | Counters and histograms, no output format |
//! | 0 | [`room`] | Bounded places, shared fairly between brief and hanging work |
//! | 1 | [`health`] | Observations to damped statuses; failback, self-doubt |
//! | 1 | [`net`] | Address prefixes; validity and names of certificates |
//! | 1 | [`geo`] | Client address or client subnet to place |
//! | 2 | [`model`] | What a zone file says, resolved; walks over its policies |
//! | 2 | [`zone`] | Zones, owner-name table, RRsets, policies as programs, snapshot |
//! | 3 | [`view`] | Statuses, switches and time to the health view of each zone |
//! | 3 | [`compile`] | Model of a zone to a zone that can be served |
//! | 3 | [`config`] | TOML of zone files and of the server file to models and settings, and back |
//! | 3 | [`zonefile`] | Master files to zones and back, with findings |
//! | 4 | [`answer`] | The pure engine: look up, decide, compose, explain |
//! | 4 | [`convert`] | Master files to zone TOML and back, with warnings of losses |
//! | 4 | [`lint`] | What is legal in a zone and dangerous, useless or surprising |
//! | 4 | [`timeline`] | Bounded record of transitions and reloads |
//! | 5 | [`simulate`] | Explain, expect, simulate, diff: the engine on supposed inputs |
//! | 5 | [`publish`] | Current world: one writer, many readers |
//! | 6 | [`resolver`] | Lookups in the background, for flattened targets and probes |
//! | 6 | [`server`] | UDP, TCP and encrypted transports; never decides an answer |
//! | 7 | [`probe`] | Probes of every type, and their schedule |
//! | 7 | [`admin`] | Admin API, metrics text, status page, logs |
//! | 8 | [`daemon`] | Starts, reloads, stops; owns every task |
//! | 8 | [`lab`] | Regions of loopback endpoints that can be killed, and the world outside: a parent zone, a resolver |
//! | 9 | [`cli`] | Verbs, arguments, human and JSON output |
//!
//! # Invariants
//!
//! - Layers 0-5 do no I/O, spawn nothing and log nothing; only `clock` reads a clock. Time arrives as `now`, chance as
//!   a seed. (`config` reads zone files through the loader it is given.)
//! - Published data is immutable. One writer replaces it; readers never wait and never see half a change.
//! - Nothing on the query path locks, allocates, awaits or logs.
//! - Every loop, queue, cache and name chain has a named bound.

pub mod admin;
pub mod answer;
pub mod cli;
pub mod clock;
pub mod compile;
pub mod config;
pub mod convert;
pub mod daemon;
pub mod diagnostic;
pub mod geo;
pub mod health;
pub mod lab;
pub mod lint;
pub mod metrics;
pub mod model;
pub mod net;
pub mod probe;
pub mod publish;
pub mod resolver;
pub mod room;
pub mod server;
pub mod simulate;
pub mod timeline;
pub mod view;
pub mod wire;
pub mod zone;
pub mod zonefile;
