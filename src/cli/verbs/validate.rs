//! `leeward validate`: every fault of every zone file at once.

use crate::cli::arguments::{ListFormat, ValidateArguments};
use crate::cli::output::{Exit, Outcome, Output};
use crate::config::{Severity, render_github, render_json, render_text, summary};

use super::offline::{load, locations_for};

/// Runs `validate`.
pub(in crate::cli) fn validate(arguments: &ValidateArguments, output: &mut Output) -> Outcome {
    let locations = locations_for(None, &arguments.zones)?;
    let set = load(&arguments.zones, &locations)?;
    let (diagnostics, sources) = set.findings();
    match arguments.format {
        ListFormat::Text => {
            let text = render_text(&diagnostics, &sources, output.is_colour());
            output.line(
                if text.is_empty() {
                    summary(&diagnostics, sources.len())
                } else {
                    text
                }
                .as_str(),
            );
        }
        ListFormat::Json => output.line(&render_json(&diagnostics, &sources)),
        ListFormat::Github => output.line(&render_github(&diagnostics, &sources)),
    }
    let worst = if arguments.strict {
        Severity::Warning
    } else {
        Severity::Fault
    };
    let is_faulty = diagnostics.iter().any(|found| found.severity <= worst);
    Ok(if is_faulty { Exit::Faults } else { Exit::Fine })
}
