//! One file a verb: ask a lower layer, show its result.
//!
//! In: arguments that are read. Out: text or JSON, and an exit. Never here: decisions about answers or health.

mod completions;
mod convert;
mod diff;
mod explain;
mod geo;
mod healthcheck;
mod lab;
mod offline;
mod probe;
mod release;
mod reload;
mod serve;
mod serve_commands;
mod show;
mod simulate;
mod status;
mod strange;
mod switch;
mod validate;

pub(super) use completions::completions;
pub(super) use convert::convert;
pub(super) use diff::diff;
pub(super) use explain::explain;
pub(super) use geo::geo;
pub(super) use healthcheck::healthcheck;
pub(super) use lab::lab;
pub(super) use probe::probe;
pub(super) use release::release;
pub(super) use reload::reload;
pub(super) use serve::serve;
pub(super) use serve_commands::serve_commands;
pub(super) use show::show;
pub(super) use simulate::simulate;
pub(super) use status::status;
pub(super) use switch::{heartbeat, switch};
pub(super) use validate::validate;
