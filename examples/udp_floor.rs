//! The cost of the UDP loop alone: a server whose engine copies the query and flips QR.
//!
//! Run it beside a bare batched echo under the same load and compare CPU time per answered query:
//! `cargo run --release --example udp_floor -- 127.0.0.1:5390 [workers]`. It ends when its input ends.

use std::io::Read;
use std::net::SocketAddr;
use std::process::ExitCode;

use leeward::server::{Engine, Exchange, Listen, Serving, Source, WorkerId, bind};

struct Flip;

impl Engine for Flip {
    fn respond(&mut self, batch: &mut [Exchange<'_>]) {
        for exchange in batch {
            let len = exchange.input.len();
            if len < 12 || len > exchange.out.len() {
                continue;
            }
            exchange.out[..len].copy_from_slice(exchange.input);
            exchange.out[2] |= 0x80;
            exchange.len = len;
            exchange.tally.source = Source::Static;
        }
    }

    fn idle(&mut self) {}
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let address: Option<SocketAddr> = arguments.next().and_then(|text| text.parse().ok());
    let workers = arguments.next().map_or(Some(1), |text| text.parse().ok());
    let (Some(address), Some(workers)) = (address, workers) else {
        eprintln!("usage: udp_floor ADDRESS:PORT [WORKERS]");
        return ExitCode::from(2);
    };
    let bound = match bind(&Listen::plain(&[address]), workers) {
        Ok(bound) => bound,
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(3);
        }
    };
    let flip = |_: WorkerId| Flip;
    match bound.start(Serving::default(), flip) {
        Ok(server) => {
            println!("answers on {:?}", server.addresses());
            // Whatever ends the input ends the server.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            println!("{:?}", server.shutdown());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(3)
        }
    }
}
