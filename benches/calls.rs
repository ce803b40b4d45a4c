//! What a query costs in instructions: run under callgrind, where the figure does not jump with the machine.
//!
//! `benches/calls.py` runs each case and prints instructions a query. A case is a kind of answer, a policy, a kind of
//! manners, or `parse`.

#[path = "questions/worlds.rs"]
mod worlds;

use std::hint::black_box;
use std::net::SocketAddr;

use leeward::answer::{BATCH_MAX, Exchange, Transport, Worker, World, respond};
use leeward::clock::Moment;
use leeward::wire::{QueryName, Rtype, parse_query};

use worlds::{MANNERS, OUT, POLICIES, QUESTIONS};

/// Kinds of answers from the large zone.
const KINDS: [&str; 5] = ["hit", "nodata", "nxdomain", "wildcard", "referral"];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(case) = arguments.find(|argument| !argument.starts_with("--")) else {
        let all = KINDS.iter().chain(&POLICIES).chain(&MANNERS);
        let all: Vec<&str> = all.copied().chain(["parse"]).collect();
        println!("{}", all.join(" "));
        return;
    };
    if case == "parse" {
        let mut query_name = QueryName::default();
        measured_parse(&worlds::messages("hit"), &mut query_name);
    } else {
        let (world, messages) = prepare(&case);
        let mut worker = Worker::new(1);
        let mut outs = vec![[0u8; OUT]; BATCH_MAX];
        measured(&world, &messages, &mut worker, &mut outs);
    }
    println!("{QUESTIONS}");
}

fn prepare(case: &str) -> (World, Vec<Vec<u8>>) {
    if MANNERS.contains(&case) {
        return worlds::with_manners(case);
    }
    if POLICIES.contains(&case) {
        let owner = format!("{case}.bench.example.");
        let asked = worlds::message(&owner, Rtype::A, true);
        return (worlds::world(worlds::policy_zone()), vec![asked; QUESTIONS]);
    }
    assert!(KINDS.contains(&case), "no case {case}");
    (worlds::world(worlds::large_zone()), worlds::messages(case))
}

/// Answers every message once, in whole batches.
#[inline(never)]
fn measured(world: &World, messages: &[Vec<u8>], worker: &mut Worker, outs: &mut [[u8; OUT]]) {
    let client = SocketAddr::from(([192, 0, 2, 53], 5353));
    for chunk in messages.chunks_exact(BATCH_MAX) {
        let mut pairs = outs.iter_mut().zip(chunk);
        let mut batch: [Exchange<'_>; BATCH_MAX] = std::array::from_fn(|_| {
            let (out, input) = pairs.next().expect("as many as the batch");
            Exchange::new(Transport::Udp, client, input, out)
        });
        respond(world, &mut batch, worker, Moment::ZERO);
        black_box(batch[BATCH_MAX - 1].len);
    }
}

/// Reads every message once.
#[inline(never)]
fn measured_parse(messages: &[Vec<u8>], query_name: &mut QueryName) {
    for message in messages {
        let _ = black_box(parse_query(black_box(message), query_name));
    }
}
