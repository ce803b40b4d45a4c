//! Changes between two looks, in sentences; for output that is no terminal, and for the record.
//!
//! In: two states of [`Seen`]. Out: a line for each answer and status that differs. Never here: the board.

use super::board::Seen;
use super::region::Region;

/// Lists the answers and statuses that differ, a sentence each.
pub fn changes(before: &Seen, after: &Seen) -> Vec<String> {
    let mut lines = Vec::new();
    for region in Region::ALL {
        let (Some(was), Some(is)) = (
            before.regions.get(region.index()),
            after.regions.get(region.index()),
        ) else {
            continue;
        };
        if was.status != is.status || was.healthy != is.healthy {
            lines.push(format!(
                "{region} is {}, {} of {} healthy: {}",
                is.status, is.healthy, is.total, is.evidence
            ));
        }
    }
    for (name, (was, is)) in after
        .names
        .iter()
        .zip(before.cached.iter().zip(&after.cached))
    {
        if was.text != is.text {
            lines.push(format!(
                "{name} for clients behind the resolver: {}, was {}",
                is.text, was.text
            ));
        }
    }
    for (was, is) in before.places.iter().zip(&after.places) {
        for (name, (old, new)) in after.names.iter().zip(was.answers.iter().zip(&is.answers)) {
            if old != new {
                lines.push(format!(
                    "{name} for clients in {}: {new}, was {old}",
                    is.place
                ));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::board::tests::{region, state};
    use super::*;

    #[test]
    fn tells_changes_in_sentences() {
        let before = state().seen;
        let mut after = before.clone();
        assert_eq!(changes(&before, &after), Vec::<String>::new());
        after.regions[0] = region(2, "status 200 in 1 ms", 0);
        after.cached[0].text = "eu-west".to_owned();
        after.places[0].answers[0] = "us-east".to_owned();
        assert_eq!(
            changes(&before, &after),
            [
                "us-east is healthy, 2 of 2 healthy: status 200 in 1 ms",
                "www for clients behind the resolver: eu-west, was us-east",
                "www for clients in NA-US: us-east, was eu-west",
            ]
        );
    }
}
