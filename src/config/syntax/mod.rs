//! The parser's faults in words that say what to write (rule a9).
//!
//! In: the text of a file. Out: a tree with positions, or findings. Never here: what keys mean.

mod parse;
mod slip_lines;
mod slips;

pub(in crate::config) use parse::{parse, parse_rest};
