//! Answers seen from outside: zone text, questions and full expected sections, one data file a topic.
//!
//! Each file of `tests/answers/` holds one or more zones and cases. A case asks over the engine's own entry, the
//! answer is decoded with the independent crate `domain`, and every section is compared whole. Keys of a case:
//!
//! | key | means | default |
//! |---|---|---|
//! | `title`, `rule` | what is shown, and the rule that says so | required |
//! | `ask` | `"name TYPE"`, case as sent | this or `hex` |
//! | `hex` | the octets of a message instead; `from_question` takes the octets of `ask` and changes them | |
//! | `header` | octets from the third that replace those of the question's header, in hex | |
//! | `options`, `edns`, `do`, `subnet` | further OPT data: raw option octets, payload size, DO, client subnet | none |
//! | `tcp`, `from`, `down` | transport, client address, what is down | UDP, 192.0.2.53, nothing |
//! | `reply` | `"silence"` if nothing may be sent | an answer |
//! | `rcode`, `flags` | response code; those of `aa tc rd cd` that are set | NOERROR, `aa` |
//! | `answer`, `authority`, `additional` | records, in any order | none |
//! | | the word `SOA` stands for the text of the file's key `soa` | |
//! | `opt` | the OPT record | none without EDNS, else `udp 1232` and what was sent |
//! | `first` | every record that stands first in the answer with some seed | not looked at |
//! | `size_max` | octets that the answer may have | by transport |

#[path = "answers/ask.rs"]
mod ask;
#[path = "answers/beside_hickory.rs"]
mod beside_hickory;
#[path = "answers/read.rs"]
mod read;
#[path = "answers/stage.rs"]
mod stage;

use std::collections::BTreeSet;
use std::path::Path;

use ask::{Case, message};
use read::{Reply, read_reply};
use stage::Stage;

/// Seeds that `first` tries.
const SEEDS: u64 = 200;

/// Reads the zones and cases of a topic.
fn read_topic(topic: &str) -> (Stage, Vec<Case>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/answers")
        .join(format!("{topic}.toml"));
    let text = std::fs::read_to_string(&path).expect("the topic's file is there");
    let file: toml::Table = toml::from_str(&text).expect("the topic's file is TOML");
    let zones: Vec<&str> = match &file["zone"] {
        toml::Value::Array(zones) => zones.iter().filter_map(toml::Value::as_str).collect(),
        zone => vec![zone.as_str().expect("a zone is text")],
    };
    let soa = file.get("soa").and_then(toml::Value::as_str).unwrap_or("");
    let cases = file["case"].as_array().expect("cases are a list");
    let cases = cases
        .iter()
        .map(|case| case.as_table().expect("a case is a table"));
    let cases = cases.map(|case| Case::read(case, soa)).collect();
    (Stage::new(&zones), cases)
}

fn run(topic: &str) {
    let (stage, cases) = read_topic(topic);
    let mut failures = Vec::new();
    for case in &cases {
        if let Err(difference) = check(&stage, case) {
            failures.push(format!("{} ({})\n{difference}", case.title, case.rule));
        }
    }
    assert!(
        failures.is_empty(),
        "{topic}: {} of {} cases differ\n\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

fn check(stage: &Stage, case: &Case) -> Result<(), String> {
    let input = message(case);
    let reply = stage.ask(case, &input, 1);
    if case.is_silence {
        return if reply.is_empty() {
            Ok(())
        } else {
            Err(format!("  wanted silence, got {reply:02x?}\n"))
        };
    }
    if reply.is_empty() {
        return Err("  wanted an answer, got silence\n".to_owned());
    }
    let limit = case.size_max;
    if reply.len() > limit {
        return Err(format!(
            "  {} octets, at most {limit} wanted\n",
            reply.len()
        ));
    }
    let found = read_reply(&input, &reply)?;
    let wanted = case.wanted();
    if found != wanted {
        return Err(format!("  wanted {wanted}\n  found  {found}\n"));
    }
    check_first(stage, case, &input)
}

fn check_first(stage: &Stage, case: &Case, input: &[u8]) -> Result<(), String> {
    let Some(wanted) = &case.first else {
        return Ok(());
    };
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let reply: Reply = read_reply(input, &stage.ask(case, input, seed))?;
        seen.insert(reply.answer_as_sent.first().cloned().unwrap_or_default());
    }
    let wanted: BTreeSet<String> = wanted.iter().cloned().collect();
    if seen == wanted {
        Ok(())
    } else {
        Err(format!(
            "  wanted first {wanted:?}\n  found first  {seen:?}\n"
        ))
    }
}

macro_rules! topics {
    ($($topic:ident: $file:literal,)*) => {
        /// Every topic.
        const TOPICS: &[&str] = &[$($file),*];
        $(#[test] fn $topic() { run($file); })*
    };
}

topics! {
    synthesises_from_wildcards: "wildcard",
    refers_below_cuts: "delegation",
    sends_all_glue_or_sets_tc: "glue",
    follows_aliases: "cname",
    follows_chains_across_zones: "chains",
    rewrites_below_dnames: "dname",
    denies_with_the_soa: "negative",
    adds_addresses_of_hosts: "additional",
    speaks_edns: "edns",
    refuses_what_is_no_query: "messages",
    keeps_letters_as_asked: "case",
    answers_any_with_little: "any",
    serves_the_longest_apex_and_refuses_the_rest: "zones",
    truncates_by_whole_rrsets: "truncation",
    heeds_client_subnets: "subnet",
    draws_and_rotates: "draws",
}
