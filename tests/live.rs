//! The whole server on loopback: real sockets, real endpoints that die and come back, answers read by a client that
//! shares no code with it. Nothing sleeps: every wait is for an event, with a deadline.

#![expect(
    clippy::disallowed_methods,
    reason = "live tests wait for real servers, with a deadline"
)]

#[path = "live/command.rs"]
mod command;
#[path = "live/commanded.rs"]
mod commanded;
#[path = "live/doubt.rs"]
mod doubt;
#[path = "live/evidence.rs"]
mod evidence;
#[path = "live/exec.rs"]
mod exec;
#[path = "live/failover.rs"]
mod failover;
#[path = "live/faults.rs"]
mod faults;
#[path = "live/flatten.rs"]
mod flatten;
#[path = "live/guests.rs"]
mod guests;
#[path = "live/lab.rs"]
mod lab;
#[path = "live/last_good.rs"]
mod last_good;
#[path = "live/orders.rs"]
mod orders;
#[path = "live/owners.rs"]
mod owners;
#[path = "live/readers.rs"]
mod readers;
#[path = "live/rehearsal.rs"]
mod rehearsal;
#[path = "live/reload.rs"]
mod reload;
#[path = "live/server_file.rs"]
mod server_file;
#[path = "live/serving.rs"]
mod serving;
#[path = "live/stage.rs"]
mod stage;
#[path = "live/stuck.rs"]
mod stuck;
#[path = "live/systemd.rs"]
mod systemd;
#[path = "live/upstream.rs"]
mod upstream;
