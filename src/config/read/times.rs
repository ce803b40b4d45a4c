//! `times`: a table of measured round trips beside `latency` (`route53` 2.4.2).
//!
//! In: `"file:NAME"`, a CSV of `CLIENT,REGION,MILLISECONDS` lines. Out: a [`TimesModel`]. Never here: what a time means
//! for an answer; whether the branches that it names exist.

use std::collections::HashMap;

use super::reader::Reader;
use super::request_text::read_zone_file;
use super::subnets::parse_prefix;
use crate::config::values::Value;
use crate::diagnostic::{Diagnostic, Severity};
use crate::geo::Place;
use crate::geo::TimesFor;
use crate::model::{BranchModel, NodeKind, NodeOptions, TimesModel};

/// Most lines of one table (chosen: as many as `subnets` has prefixes).
const LINES_MAX: usize = 1_000_000;
/// Most regions that one table names (chosen: ten times the branches of a node).
const REGIONS_MAX: usize = 1_000;
/// Longest round trip that a line may state, milliseconds (chosen: a minute).
const MILLIS_MAX: f64 = 60_000.0;
/// Branches up to which any table is small enough: 8 branches have 40,320 orders, and a location map tells 65,535
/// classes apart.
const BRANCHES_FREE_MAX: usize = 8;
/// Most clients of a table for more branches than that.
const CLIENTS_MAX: usize = 50_000;

/// Reads `times`.
pub(super) fn read_times(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<TimesModel> {
    let text = reader.faults.text(value)?;
    let Some(file) = text.strip_prefix("file:") else {
        reader.faults.push(
            Diagnostic::fault(
                "L074",
                value.span(),
                &value.path,
                format!("`{text}` names no file"),
            )
            .label("not a table of times")
            .help("write `times = \"file:NAME.csv\"`; its lines are `CLIENT,REGION,MILLISECONDS`"),
        );
        return None;
    };
    let until_then = "until the file is there, distance decides";
    let text = read_zone_file(reader, value, file, Severity::Warning, until_then)?;
    match parse_times(&text) {
        Ok((regions, clients)) => Some(TimesModel {
            file: file.to_owned(),
            regions,
            clients,
            span: value.span(),
            path: value.path.clone(),
        }),
        Err(fault) => {
            let message = format!("{file}, line {}: {}", fault.line, fault.message);
            let mut diagnostic =
                Diagnostic::fault("L074", value.span(), &value.path, message).label("in this file");
            diagnostic.help = fault.help.or_else(|| {
                Some(
                    "a line is `CLIENT,REGION,MILLISECONDS`, for example `EU-DE,eu-central-1,9.5`"
                        .to_owned(),
                )
            });
            reader.faults.push(diagnostic);
            None
        }
    }
}

/// Validates a table beside the branches of its node: some line must name one of them.
pub(super) fn validate_times(reader: &mut Reader<'_>, options: &NodeOptions, kind: &NodeKind) {
    let (Some(times), NodeKind::Latency(branches)) = (&options.times, kind) else {
        return;
    };
    let is_known = |region: &String| branches.iter().any(|branch| branch.is_called(region));
    if !times.regions.iter().any(is_known) {
        let names: Vec<&str> = branches.iter().map(name_of).collect();
        reader.faults.push(
            Diagnostic::warning(
                "L075",
                times.span.clone(),
                &times.path,
                format!(
                    "no line of `{}` names a branch of this `latency`",
                    times.file
                ),
            )
            .label("without effect")
            .help(format!("its second column may name {}", names.join(", "))),
        );
    }
    if branches.len() > BRANCHES_FREE_MAX && times.clients.len() > CLIENTS_MAX {
        reader.faults.push(
            Diagnostic::fault(
                "L015",
                times.span.clone(),
                &times.path,
                format!(
                    "`{}` has {} clients; with more than {BRANCHES_FREE_MAX} branches {CLIENTS_MAX} are allowed",
                    times.file,
                    times.clients.len()
                ),
            )
            .label("too many"),
        );
    }
}

/// Returns what a line would call a branch.
fn name_of(branch: &BranchModel) -> &str {
    let code = branch.location.as_ref().and_then(|at| at.code.as_deref());
    code.unwrap_or(&branch.label)
}

/// What is wrong with a line.
#[derive(Debug, PartialEq)]
struct LineFault {
    line: usize,
    message: String,
    help: Option<String>,
}

/// Regions by number, and times by client.
type Lines = (Vec<String>, Vec<(TimesFor, Vec<(u16, u32)>)>);

/// Reads lines of `CLIENT,REGION,MILLISECONDS`. Empty lines, what follows `#`, and a first line whose last cell is no
/// number (a heading) are passed over; of a client and region written twice the last line counts.
fn parse_times(text: &str) -> Result<Lines, LineFault> {
    let mut gathered = Gathered::default();
    let mut is_first = true;
    for (at, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default().trim();
        let content = content.trim_start_matches('\u{feff}');
        if content.is_empty() {
            continue;
        }
        let fault = |(message, help): Complaint| LineFault {
            line: at + 1,
            message,
            help,
        };
        if at >= LINES_MAX {
            return Err(fault((format!("more than {LINES_MAX} lines"), None)));
        }
        let cells: Vec<&str> = content
            .split(',')
            .map(|cell| cell.trim().trim_matches('"'))
            .collect();
        let [client, region, millis] = cells[..] else {
            let message = format!("it has {} cells instead of 3", cells.len());
            return Err(fault((message, None)));
        };
        let is_heading = std::mem::take(&mut is_first) && millis.parse::<f64>().is_err();
        if !is_heading {
            gathered.add(client, region, millis).map_err(fault)?;
        }
    }
    if gathered.clients.is_empty() {
        return Err(LineFault {
            line: 1,
            message: "the file holds no time".to_owned(),
            help: None,
        });
    }
    Ok((gathered.regions, gathered.clients))
}

/// What is wrong, and what to write instead.
type Complaint = (String, Option<String>);

/// What the lines so far say.
#[derive(Default)]
struct Gathered {
    regions: Vec<String>,
    region_ids: HashMap<String, u16>,
    clients: Vec<(TimesFor, Vec<(u16, u32)>)>,
    client_ids: HashMap<TimesFor, usize>,
}

impl Gathered {
    fn add(&mut self, client: &str, region: &str, millis: &str) -> Result<(), Complaint> {
        let micros = read_millis(millis).ok_or_else(|| {
            (
                format!("`{millis}` is no number of milliseconds"),
                Some(format!("write a number above 0 and at most {MILLIS_MAX}")),
            )
        })?;
        let client = read_client(client)?;
        let region = self.region_id(region)?;
        let next = self.clients.len();
        let at = *self.client_ids.entry(client).or_insert(next);
        if at == next {
            self.clients.push((client, Vec::new()));
        }
        let times = &mut self.clients[at].1;
        match times.iter_mut().find(|(known, _)| *known == region) {
            Some((_, known)) => *known = micros,
            None => times.push((region, micros)),
        }
        Ok(())
    }

    fn region_id(&mut self, region: &str) -> Result<u16, Complaint> {
        if let Some(&known) = self.region_ids.get(region) {
            return Ok(known);
        }
        let id = self.regions.len();
        if id >= REGIONS_MAX {
            return Err((format!("more than {REGIONS_MAX} regions"), None));
        }
        self.regions.push(region.to_owned());
        self.region_ids.insert(region.to_owned(), id as u16);
        Ok(id as u16)
    }
}

/// Reads milliseconds as microseconds.
fn read_millis(text: &str) -> Option<u32> {
    let millis: f64 = text.parse().ok()?;
    let is_right = millis > 0.0 && millis <= MILLIS_MAX;
    is_right.then(|| ((millis * 1000.0).round() as u32).max(1))
}

/// Reads a prefix, a place or `default`.
fn read_client(text: &str) -> Result<TimesFor, (String, Option<String>)> {
    if text == "default" {
        return Ok(TimesFor::Default);
    }
    if text.contains('/') {
        return parse_prefix(text).map(TimesFor::Prefix);
    }
    let help = "a prefix such as `192.0.2.0/24`, or `default`";
    Place::parse(text)
        .map(TimesFor::Place)
        .map_err(|fault| (fault.message, Some(format!("{}; or {help}", fault.help))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_prefixes_places_default_comments_and_a_heading() {
        let text = "\u{feff}client,region,ms\n# measured\n\nEU-DE, eu-central-1 ,9.5 # near\n\
                    \"192.0.2.0/24\",us-east-1,80\nEU-DE,us-east-1,90\ndefault,us-east-1,200\n\
                    EU-DE,eu-central-1,8\n";
        let (regions, clients) = parse_times(text).expect("a table");
        assert_eq!(regions, ["eu-central-1", "us-east-1"]);
        let germany = TimesFor::Place(Place::parse("EU-DE").expect("a place"));
        let block = TimesFor::Prefix("192.0.2.0/24".parse().expect("a prefix"));
        assert_eq!(
            clients,
            [
                (germany, vec![(0, 8_000), (1, 90_000)]),
                (block, vec![(1, 80_000)]),
                (TimesFor::Default, vec![(1, 200_000)]),
            ]
        );
    }

    #[test]
    fn a_fault_names_its_line() {
        let cases = [
            ("EU-DE,eu-west-1", 1, "it has 2 cells instead of 3"),
            ("EU,a,1\nEU,b,-1", 2, "`-1` is no number of milliseconds"),
            ("EU,a,1\nEU,b,x", 2, "`x` is no number of milliseconds"),
            ("EU,a,1\nEU,b,NaN", 2, "`NaN` is no number of milliseconds"),
            ("EU,a,70000", 1, "`70000` is no number of milliseconds"),
            (
                "EU,a,1\n192.0.2.1/24,b,3",
                2,
                "`192.0.2.1/24` has bits set after its prefix length",
            ),
            ("client,region,ms", 1, "the file holds no time"),
        ];
        for (text, line, message) in cases {
            let fault = parse_times(text).expect_err(text);
            assert_eq!(
                (fault.line, fault.message.as_str()),
                (line, message),
                "{text:?}"
            );
        }
    }
}
