//! Commands of the lab, as typed.
//!
//! In: a line. Out: a [`LabCommand`], or what to type instead. Never here: doing it.

use std::fmt;

use super::region::{Region, RegionSelection};
use super::words::unknown_word;

/// Longest line, octets; longer ones are refused. No command comes near it.
const LINE_MAX: usize = 200;

const VERBS: [&str; 6] = ["kill", "heal", "slow", "status", "help", "quit"];

/// Command to the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabCommand {
    /// Close the listeners: connections are refused.
    Kill(RegionSelection),
    /// Listen and answer.
    Heal(RegionSelection),
    /// Accept connections and never answer.
    Slow(RegionSelection),
    /// Show the board.
    Status,
    /// Show the help.
    Help,
    /// Stop the lab.
    Quit,
}

impl fmt::Display for LabCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(selection) => write!(f, "kill {selection}"),
            Self::Heal(selection) => write!(f, "heal {selection}"),
            Self::Slow(selection) => write!(f, "slow {selection}"),
            Self::Status => f.write_str("status"),
            Self::Help => f.write_str("help"),
            Self::Quit => f.write_str("quit"),
        }
    }
}

/// Reason why a line is no command, and what to type instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandFault(pub String);

impl fmt::Display for CommandFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a line; an empty one is no command and no fault.
///
/// # Errors
/// The remedy: what to type instead.
pub fn parse_command(line: &str) -> Result<Option<LabCommand>, CommandFault> {
    if line.len() > LINE_MAX {
        return Err(CommandFault("the line is too long; type help".to_owned()));
    }
    let mut words = line.split_whitespace();
    let Some(verb) = words.next() else {
        return Ok(None);
    };
    let verb = verb.to_ascii_lowercase();
    let region = words.next();
    let first_extra = if needs_region(&verb) {
        words.next()
    } else {
        region
    };
    if let Some(extra) = first_extra {
        return Err(extra_word(&verb, extra));
    }
    let command = match verb.as_str() {
        "kill" => LabCommand::Kill(selection(&verb, region)?),
        "heal" => LabCommand::Heal(selection(&verb, region)?),
        "slow" => LabCommand::Slow(selection(&verb, region)?),
        "status" => LabCommand::Status,
        "help" | "?" => LabCommand::Help,
        "quit" | "exit" => LabCommand::Quit,
        _ => return Err(CommandFault(unknown_word("command", &verb, &VERBS))),
    };
    Ok(Some(command))
}

fn needs_region(verb: &str) -> bool {
    !matches!(verb, "status" | "help" | "?" | "quit" | "exit")
}

fn extra_word(verb: &str, extra: &str) -> CommandFault {
    if VERBS.contains(&verb) {
        CommandFault(format!("{verb}: \"{extra}\" is one word too many"))
    } else {
        CommandFault(unknown_word("command", verb, &VERBS))
    }
}

fn selection(verb: &str, region: Option<&str>) -> Result<RegionSelection, CommandFault> {
    match region {
        Some(region) => region.parse().map_err(CommandFault),
        None => Err(CommandFault(format!(
            "{verb} what? For example: {verb} {}",
            Region::UsEast
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands_and_offers_the_nearest_word() {
        let east = RegionSelection::One(Region::UsEast);
        let west = RegionSelection::One(Region::EuWest);
        let cases = [
            ("kill us-east", Ok(Some(LabCommand::Kill(east)))),
            ("  HEAL   US-EAST ", Ok(Some(LabCommand::Heal(east)))),
            ("slow eu-west", Ok(Some(LabCommand::Slow(west)))),
            ("heal all", Ok(Some(LabCommand::Heal(RegionSelection::All)))),
            ("status", Ok(Some(LabCommand::Status))),
            ("?", Ok(Some(LabCommand::Help))),
            ("exit", Ok(Some(LabCommand::Quit))),
            ("", Ok(None)),
            ("   ", Ok(None)),
            ("kil us-east", Err("did you mean \"kill\"?")),
            ("kill us-eest", Err("did you mean \"us-east\"?")),
            ("kill", Err("kill what? For example: kill us-east")),
            ("kill us-east now", Err("\"now\" is one word too many")),
            ("status us-east", Err("\"us-east\" is one word too many")),
            (
                "explode",
                Err("there are kill, heal, slow, status, help, quit"),
            ),
            ("dig www", Err("no command \"dig\"")),
        ];
        for (line, wanted) in cases {
            match (parse_command(line), wanted) {
                (Ok(command), Ok(wanted)) => assert_eq!(command, wanted, "{line:?}"),
                (Err(fault), Err(part)) => {
                    assert!(fault.0.contains(part), "{line:?}: {fault}");
                }
                (got, wanted) => panic!("{line:?}: {got:?}, wanted {wanted:?}"),
            }
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for verb in ["kill", "heal", "slow"] {
            for selection in RegionSelection::EVERY {
                let line = format!("{verb} {selection}");
                let command = parse_command(&line).expect("a case").expect("a command");
                assert_eq!(command.to_string(), line);
            }
        }
        assert!(parse_command(&"x".repeat(1_000)).is_err());
    }
}
