//! The board: current answers for each place, with reasons and times.
//!
//! In: answers and probe results as [`Seen`], and the modes of the regions. Out: text, a pure function of the state.
//! Never here: a terminal; no colour carries meaning alone.

use std::net::SocketAddr;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::endpoint::Mode;
use super::outage::{Answered, Outage};
use super::region::Region;
use crate::clock::format_duration;

/// Spaces between columns.
const GAP: usize = 2;

/// Answers and health at one moment; the caller computes them with the engine that answers queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Names shown, relative to the zone, in the order of [`PlaceRow::answers`].
    pub names: Vec<String>,
    /// Answers to clients of each place.
    pub places: Vec<PlaceRow>,
    /// Answer of the resolver for each of the names.
    pub cached: Vec<CachedAnswer>,
    /// Health of each region, in the order of [`Region::ALL`].
    pub regions: Vec<RegionHealth>,
    /// Presence of each region in answers, in the order of [`Region::ALL`].
    pub answered: [Answered; Region::ALL.len()],
}

/// Answer to clients behind the resolver for one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachedAnswer {
    /// Regions or addresses, or the reason why there are none.
    pub text: String,
    /// Remaining TTL in the resolver's cache, seconds.
    pub ttl_left: Option<u32>,
}

/// Answers to clients of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRow {
    /// The place, for example `EU-DE`.
    pub place: String,
    /// Prefix of the place, for `dig +subnet=`.
    pub prefix: String,
    /// One text for each name: pools, with shares if there are several, or an rcode.
    pub answers: Vec<String>,
}

/// Health of one region, by its probes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionHealth {
    /// Members that count as healthy.
    pub healthy: usize,
    /// All members.
    pub total: usize,
    /// Status word of the region: healthy, unhealthy or unknown.
    pub status: String,
    /// Evidence of the last probe that failed, or of the last one.
    pub evidence: String,
    /// Duration of the status so far.
    pub lasted: Duration,
}

/// All that the board shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardState {
    /// Address of the name server.
    pub listen: SocketAddr,
    /// Address of the caching resolver.
    pub resolver: SocketAddr,
    /// Further lines below the title: address of the page, folder of the zones.
    pub places: Vec<String>,
    /// Mode of each region, in the order of [`Region::ALL`].
    pub modes: [Mode; Region::ALL.len()],
    /// Answers and health.
    pub seen: Seen,
    /// The last outage of each region, in the order of [`Region::ALL`].
    pub outages: [Option<Outage>; Region::ALL.len()],
}

/// One cell: its text, and its style where colours are on.
type Cell = (String, Style);

/// Draws the board: answers, then the regions with the evidence, then the times that traffic took to move, in lines of
/// at most `width` characters. Its height depends on the names, places and regions alone.
pub fn board(state: &BoardState, width: usize, is_colour: bool) -> String {
    let mut text = String::new();
    let title = format!(
        "leeward lab: name server {}, caching resolver {}",
        state.listen, state.resolver
    );
    push_row(
        &mut text,
        &[(title, Style::new().bold())],
        &[],
        width,
        is_colour,
    );
    for place in &state.places {
        let line = (place.clone(), Style::new());
        push_row(&mut text, &[line], &[], width, is_colour);
    }
    text.push('\n');
    push_table(
        &mut text,
        &answer_rows(&state.seen, width),
        width,
        is_colour,
    );
    text.push('\n');
    push_table(&mut text, &region_rows(state), width, is_colour);
    let outages = Region::ALL.iter().zip(&state.outages);
    let mut lines: Vec<String> = outages
        .filter_map(|(region, outage)| Some(format!("{region}: {}", outage.as_ref()?)))
        .collect();
    lines.resize(Region::ALL.len(), String::new());
    for line in lines {
        push_row(&mut text, &[(line, Style::new())], &[], width, is_colour);
    }
    text
}

/// The prefix beside each place is left out where columns would be cut for it: help has it too.
fn answer_rows(seen: &Seen, width: usize) -> Vec<Vec<Cell>> {
    let rows = answer_rows_naming(seen, |place| format!("{} {}", place.place, place.prefix));
    if column_widths(&rows).iter().sum::<usize>() + GAP * seen.names.len() <= width {
        return rows;
    }
    answer_rows_naming(seen, |place| place.place.clone())
}

fn answer_rows_naming(seen: &Seen, client: impl Fn(&PlaceRow) -> String) -> Vec<Vec<Cell>> {
    let head = Style::new().bold();
    let mut rows = vec![vec![("clients in".to_owned(), head)]];
    rows[0].extend(seen.names.iter().map(|name| (name.clone(), head)));
    for place in &seen.places {
        let mut row = vec![(client(place), Style::new())];
        let answers = place.answers.iter();
        row.extend(answers.map(|answer| (answer.clone(), Style::new())));
        rows.push(row);
    }
    rows.extend(cached_rows(&seen.cached));
    rows
}

/// Rows of the resolver's answers, and of their remaining TTLs.
fn cached_rows(cached: &[CachedAnswer]) -> [Vec<Cell>; 2] {
    let plain = |text: String| (text, Style::new());
    let mut answers = vec![plain("resolver".to_owned())];
    let mut left = vec![plain("  TTL left".to_owned())];
    for answer in cached {
        answers.push(plain(answer.text.clone()));
        left.push(plain(
            answer
                .ttl_left
                .map_or_else(String::new, |seconds| format!("{seconds} s")),
        ));
    }
    [answers, left]
}

fn region_rows(state: &BoardState) -> Vec<Vec<Cell>> {
    let head = Style::new().bold();
    let titles = [
        "region",
        "endpoints",
        "status",
        "for",
        "healthy",
        "evidence",
    ];
    let mut rows = vec![titles.map(|title| (title.to_owned(), head)).to_vec()];
    for region in Region::ALL {
        let mode = state.modes[region.index()];
        let unseen = RegionHealth::default();
        let health = state.seen.regions.get(region.index()).unwrap_or(&unseen);
        rows.push(vec![
            (region.to_string(), Style::new()),
            (mode.word().to_owned(), mode_style(mode)),
            (health.status.clone(), status_style(&health.status)),
            (whole_seconds(health.lasted), Style::new()),
            (
                format!("{} of {}", health.healthy, health.total),
                Style::new(),
            ),
            (health.evidence.clone(), Style::new()),
        ]);
    }
    rows
}

fn mode_style(mode: Mode) -> Style {
    match mode {
        Mode::Well => Style::new(),
        Mode::Slow => AnsiColor::Yellow.on_default(),
        Mode::Killed => AnsiColor::Red.on_default(),
    }
}

fn status_style(status: &str) -> Style {
    match status {
        "healthy" => AnsiColor::Green.on_default(),
        "unhealthy" => AnsiColor::Red.on_default(),
        _ => AnsiColor::Yellow.on_default(),
    }
}

/// Writes a duration without its parts below a second.
fn whole_seconds(duration: Duration) -> String {
    format_duration(Duration::from_secs(duration.as_secs()))
}

fn push_table(text: &mut String, rows: &[Vec<Cell>], width: usize, is_colour: bool) {
    let widths = column_widths(rows);
    for row in rows {
        push_row(text, row, &widths, width, is_colour);
    }
}

fn column_widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|(cell, _)| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect()
}

/// Writes one line, padded by column and cut at `width`.
fn push_row(text: &mut String, row: &[Cell], widths: &[usize], width: usize, is_colour: bool) {
    let mut left = width;
    let mut owed = 0;
    for (column, (cell, style)) in row.iter().enumerate() {
        let shown = cut(cell, left.saturating_sub(owed));
        if !shown.is_empty() {
            text.extend(std::iter::repeat_n(' ', owed));
            left -= owed;
            push_styled(text, &shown, *style, is_colour);
            owed = 0;
        }
        let count = shown.chars().count();
        left -= count;
        let padded = widths.get(column).copied().unwrap_or(count);
        owed += padded.saturating_sub(count) + GAP;
    }
    text.push('\n');
}

fn push_styled(text: &mut String, shown: &str, style: Style, is_colour: bool) {
    if is_colour && style != Style::new() {
        text.push_str(&format!("{style}{shown}{style:#}"));
    } else {
        text.push_str(shown);
    }
}

/// Cuts a text to `room` characters and marks the cut.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(room.saturating_sub(1)).collect();
    if room > 0 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::lab::introduction::{help_text, introduction};
    use crate::lab::outage::Outages;
    use crate::lab::ports::LabPorts;

    fn cached(text: &str, ttl_left: u32) -> CachedAnswer {
        CachedAnswer {
            text: text.to_owned(),
            ttl_left: Some(ttl_left),
        }
    }

    pub(in crate::lab) fn region(healthy: usize, evidence: &str, lasted: u64) -> RegionHealth {
        RegionHealth {
            healthy,
            total: 2,
            status: if healthy > 0 { "healthy" } else { "unhealthy" }.to_owned(),
            evidence: evidence.to_owned(),
            lasted: Duration::from_millis(lasted),
        }
    }

    fn row(place: &str, prefix: &str, answers: [&str; 2]) -> PlaceRow {
        PlaceRow {
            place: place.to_owned(),
            prefix: prefix.to_owned(),
            answers: answers.map(str::to_owned).to_vec(),
        }
    }

    pub(in crate::lab) fn state() -> BoardState {
        BoardState {
            listen: LabPorts::DEFAULT.name_server(),
            resolver: LabPorts::DEFAULT.resolver(),
            places: vec!["page, status and metrics: http://127.0.0.1:8053/".to_owned()],
            modes: [Mode::Killed, Mode::Well, Mode::Slow],
            seen: Seen {
                names: vec!["www".to_owned(), "shop".to_owned()],
                cached: vec![cached("us-east", 3), cached("eu-west", 4)],
                answered: Default::default(),
                places: vec![
                    row(
                        "NA-US",
                        "192.0.2.0/24",
                        ["eu-west", "us-east 70 % eu-west 30 %"],
                    ),
                    row("EU-DE", "198.51.100.0/24", ["eu-west", "eu-west"]),
                ],
                regions: vec![
                    region(0, "connection refused", 4_321),
                    region(2, "status 200 in 1 ms", 60_000),
                    region(1, "timed out", 500),
                ],
            },
            outages: Default::default(),
        }
    }

    #[test]
    fn shows_answers_first_then_evidence() {
        let wanted = "\
leeward lab: name server 127.0.0.1:5300, caching resolver 127.0.0.1:5301
page, status and metrics: http://127.0.0.1:8053/

clients in             www      shop
NA-US 192.0.2.0/24     eu-west  us-east 70 % eu-west 30 %
EU-DE 198.51.100.0/24  eu-west  eu-west
resolver               us-east  eu-west
  TTL left             3 s      4 s

region    endpoints  status     for  healthy  evidence
us-east   killed     unhealthy  4s   0 of 2   connection refused
eu-west   well       healthy    1m   2 of 2   status 200 in 1 ms
ap-south  slow       healthy    0s   1 of 2   timed out
us-east: the server answers it still


";
        let mut state = state();
        let mut outages = Outages::default();
        outages.begin(Region::UsEast, Moment::ZERO);
        state.outages = outages.last();
        assert_eq!(board(&state, 100, false), wanted);
    }

    /// One of each kind, a hundred seconds long.
    fn long_outages() -> [Option<Outage>; Region::ALL.len()] {
        let answered = |by_server, by_resolver| Answered {
            by_server,
            by_resolver,
        };
        let mut outages = Outages::default();
        outages.look(
            [
                answered(true, true),
                answered(true, true),
                answered(true, false),
            ],
            Moment::ZERO,
        );
        for region in Region::ALL {
            outages.begin(region, Moment::ZERO);
        }
        let moved = [
            answered(false, false),
            answered(false, true),
            answered(false, false),
        ];
        outages.look(moved, Moment::from_secs(100));
        outages.last()
    }

    /// N12: with the names of the zone that ships no column is cut on a small terminal, and the board leaves room
    /// below.
    #[test]
    fn fits_a_terminal_of_80_columns_and_24_lines() {
        let mut state = state();
        let names = ["www", "api", "shop", "multi", "status"];
        state.seen.names = names.map(str::to_owned).to_vec();
        let answers = [
            "ap-south",
            "ap-south",
            "us-east 70% eu-west 30%",
            "ap-south",
            "ap-south",
        ];
        let row = |place: &str, prefix: &str| PlaceRow {
            place: place.to_owned(),
            prefix: prefix.to_owned(),
            answers: answers.map(str::to_owned).to_vec(),
        };
        state.seen.places = super::super::region::LAB_NETWORKS
            .map(|(prefix, place)| row(place, prefix))
            .to_vec();
        state.seen.cached = names.map(|_| cached("ap-south", 10)).to_vec();
        state.places = vec!["page and zones".to_owned()];
        state.outages = long_outages();
        let text = board(&state, 80, false);
        assert!(!text.contains('…'), "{text}");
        assert!(
            text.contains("70% eu-west 30%  ap-south  ap-south\n"),
            "{text}"
        );
        // An empty line, the introduction or help, and the prompt take the rest.
        for below in [
            introduction(LabPorts::DEFAULT),
            help_text(LabPorts::DEFAULT),
        ] {
            let height = text.lines().count() + 1 + below.lines().count() + 1;
            assert!(height <= 24, "{height} lines:\n{text}\n{below}");
        }
    }

    #[test]
    fn keeps_to_the_width_and_says_the_same_in_colour() {
        for width in [0, 1, 2, 20, 40, 59, 100] {
            for line in board(&state(), width, false).lines() {
                assert!(line.chars().count() <= width, "{width}: {line:?}");
            }
        }
        let coloured = board(&state(), 100, true);
        assert!(coloured.contains('\u{1b}'));
        assert_eq!(
            anstream::adapter::strip_str(&coloured).to_string(),
            board(&state(), 100, false)
        );
    }
}
