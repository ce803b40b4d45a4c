//! `leeward validate`: every fault of every zone file at once, or of the server file.

use std::path::Path;

use crate::cli::arguments::{CONFIG_DEFAULT, ListFormat, ValidateArguments};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::config::server_file::{looks_like_server_file, read_server_file};
use crate::daemon::{ZoneSet, read_octets};
use crate::diagnostic::Span;
use crate::diagnostic::{
    Diagnostic, Severity, Source, render_github, render_json, render_text, summary,
};

use super::offline::{load, locations_for};

/// Runs `validate`.
pub(in crate::cli) fn validate(arguments: &ValidateArguments, output: &mut Output) -> Outcome {
    let (diagnostics, sources) = match read_if_server_file(&arguments.zones)? {
        Some(text) => validate_server_file(&arguments.zones, text),
        None => {
            let locations = locations_for(None, &arguments.zones)?;
            let set = load(&arguments.zones, &locations)?;
            validate_zones(&arguments.zones, &set)
        }
    };
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

/// Returns the text of a server file; `None` if the path is a folder or a zone file.
fn read_if_server_file(path: &Path) -> Result<Option<String>, Complaint> {
    let is_named = path.file_name().is_some_and(|name| name == CONFIG_DEFAULT);
    let is_toml = path
        .extension()
        .is_some_and(|extension| extension == "toml");
    if !path.is_file() || !is_toml {
        return Ok(None);
    }
    let fault = |cause: String| Complaint::cannot_run(format!("read {}: {cause}", path.display()));
    let octets = read_octets(path).map_err(fault)?;
    let Ok(text) = String::from_utf8(octets) else {
        // The loader says where.
        return Ok(None);
    };
    Ok((is_named || looks_like_server_file(&text)).then_some(text))
}

fn validate_server_file(path: &Path, text: String) -> (Vec<Diagnostic>, Vec<Source>) {
    let source = Source::new(path, text);
    let (_, diagnostics) = read_server_file(&source);
    (diagnostics, vec![source])
}

/// Returns the findings about zone files. A folder without files to read is a fault: it is hardly the one that was
/// meant.
pub(super) fn validate_zones(path: &Path, set: &ZoneSet) -> (Vec<Diagnostic>, Vec<Source>) {
    let (mut diagnostics, sources) = set.findings();
    let at = |path: &Path, mut found: Diagnostic| {
        found.path = path.to_path_buf();
        found
    };
    let is_zone = |path: &Path| {
        let ending = path.extension().unwrap_or_default();
        ending == "toml" || ending == "zone"
    };
    for hidden in set.passed_over().iter().filter(|path| is_zone(path)) {
        let message = "not read: its name begins with a dot".to_owned();
        let found = Diagnostic {
            severity: Severity::Note,
            ..Diagnostic::warning("D009", Span(0..0), "", message)
        };
        diagnostics.push(at(hidden, found));
    }
    if set.zones.is_empty() && set.refusals.is_empty() {
        let others: Vec<String> = set
            .passed_over()
            .iter()
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect();
        let mut message =
            "there is no zone file here: names of zone files end in .toml or .zone".to_owned();
        if !others.is_empty() {
            message.push_str(&format!("; there are: {}", others.join(", ")));
        }
        let found = Diagnostic::fault("D008", Span(0..0), "", message);
        diagnostics.push(at(path, found));
    }
    (diagnostics, sources)
}
