//! From a recipe to a command line, and from the end of a command to a finding.
//!
//! In: a recipe and its address. Out: a finding. Never here: processes.

use std::net::IpAddr;
use std::time::Duration;

use super::command_process::Commands;
use super::frame::{Ended, How};
use crate::health::{ExecProbe, Finding, Phase, ProbeRecipe, Timeout};

/// Placeholder of the address in a command.
const ADDRESS: &str = "{address}";

/// Runs a command about an address, or about none.
pub(in crate::probe) async fn probe_exec(
    commands: Option<&Commands>,
    recipe: &ProbeRecipe,
    exec: &ExecProbe,
    address: Option<IpAddr>,
) -> Finding {
    let Some(commands) = commands else {
        return Finding::NotFeasible("commands are off here".into());
    };
    let time = match recipe.timeout {
        Timeout::Whole(whole) => whole,
        Timeout::Phases {
            connect,
            response,
            body,
        } => connect + response + body,
    };
    let command = command_line(exec, address);
    match commands
        .run(command, variables(recipe, address, time), time)
        .await
    {
        Ok(ended) => evaluate(ended, time),
        Err(why) => Finding::NotFeasible(why.into()),
    }
}

fn command_line(exec: &ExecProbe, address: Option<IpAddr>) -> Vec<String> {
    let address = address.map_or_else(String::new, |address| address.to_string());
    let filled = |word: &String| word.replace(ADDRESS, &address);
    exec.command.iter().map(filled).collect()
}

/// Environment variables of a command.
fn variables(
    recipe: &ProbeRecipe,
    address: Option<IpAddr>,
    time: Duration,
) -> Vec<(String, String)> {
    let mut variables = vec![(
        "LEEWARD_TIMEOUT_MS".to_owned(),
        time.as_millis().to_string(),
    )];
    if let Some(address) = address {
        variables.push(("LEEWARD_ADDRESS".to_owned(), address.to_string()));
    }
    if let crate::health::Endpoint::Host(host) = &recipe.endpoint {
        variables.push(("LEEWARD_TARGET".to_owned(), host.clone()));
    }
    if recipe.port != 0 {
        variables.push(("LEEWARD_PORT".to_owned(), recipe.port.to_string()));
    }
    variables
}

/// | end | says |
/// |---|---|
/// | status 0 | good |
/// | another status, a signal, time up, too much output | bad |
/// | not started | nothing about the target |
fn evaluate(ended: Ended, time: Duration) -> Finding {
    let with_line = |what: String| match ended.line.as_str() {
        "" => what,
        line => format!("{what}: {line}"),
    };
    match ended.how {
        How::Exited(0) if ended.line.is_empty() => Finding::Fulfilled("exit status 0".into()),
        How::Exited(0) => Finding::Fulfilled(ended.line.into()),
        How::Exited(code) => Finding::Unfulfilled(with_line(format!("exit status {code}")).into()),
        How::Signalled(signal) => {
            Finding::Unfulfilled(with_line(format!("killed by signal {signal}")).into())
        }
        How::TimedOut => Finding::TimedOut {
            phase: Phase::Command,
            after: time,
        },
        How::WroteTooMuch => Finding::Unfulfilled("it wrote more than 1 MiB and was killed".into()),
        How::NotStarted(why) => Finding::NotFeasible(why.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Outcome;

    #[test]
    fn evaluates_by_how_a_command_ended() {
        let cases = [
            (How::Exited(0), "", Outcome::Good, "exit status 0"),
            (How::Exited(0), "lag 3 s", Outcome::Good, "lag 3 s"),
            (
                How::Exited(2),
                "lag 300 s",
                Outcome::Bad,
                "exit status 2: lag 300 s",
            ),
            (How::Signalled(11), "", Outcome::Bad, "killed by signal 11"),
            (
                How::TimedOut,
                "x",
                Outcome::Bad,
                "timed out after 3.0 s while the command ran",
            ),
            (
                How::WroteTooMuch,
                "y",
                Outcome::Bad,
                "it wrote more than 1 MiB and was killed",
            ),
            (
                How::NotStarted("start /x: no such file".to_owned()),
                "",
                Outcome::NoEvidence,
                "the probe cannot be made: start /x: no such file (no evidence)",
            ),
        ];
        for (how, line, outcome, text) in cases {
            let ended = Ended {
                id: 1,
                how: how.clone(),
                line: line.to_owned(),
            };
            let finding = evaluate(ended, Duration::from_secs(3));
            assert_eq!(
                (finding.outcome(), finding.to_string().as_str()),
                (outcome, text),
                "{how:?}"
            );
        }
    }

    #[test]
    fn fills_the_address_in() {
        let exec = ExecProbe {
            command: vec![
                "/x".to_owned(),
                "--host={address}".to_owned(),
                "{address}".to_owned(),
            ],
        };
        let address = "2001:db8::1".parse().ok();
        assert_eq!(
            command_line(&exec, address),
            ["/x", "--host=2001:db8::1", "2001:db8::1"]
        );
    }
}
