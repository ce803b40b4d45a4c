//! Zones, the owner-name table, RRsets, policies as flat programs, and the snapshot that holds them.
//!
//! In: builders' calls with names, types and RDATA. Out: immutable arenas that a query reads. Never here: sockets,
//! clocks, text formats.
