//! Behaviour that needs neither sockets nor other programs: answers, files, diagnostics, stories, laws, texts of the command line.
//!
//! One program for all of them, because linking each costs more than running it.

#[path = "answers.rs"]
mod answers;
#[path = "control.rs"]
mod control;
#[path = "convert.rs"]
mod convert;
#[path = "eighteen.rs"]
mod eighteen;
#[path = "support/explained.rs"]
mod explained;
#[path = "faults.rs"]
mod faults;
#[path = "flatten.rs"]
mod flatten;
#[path = "help.rs"]
mod help;
#[path = "kept.rs"]
mod kept;
#[path = "keys.rs"]
mod keys;
#[path = "master.rs"]
mod master;
#[path = "parity.rs"]
mod parity;
#[path = "properties.rs"]
mod properties;
#[path = "rehearsal.rs"]
mod rehearsal;
#[path = "scenarios.rs"]
mod scenarios;
#[path = "serving.rs"]
mod serving;
#[path = "storm.rs"]
mod storm;
#[path = "year.rs"]
mod year;
#[path = "support/zones.rs"]
mod zones;
