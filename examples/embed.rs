//! Breaks and mends a region of the lab from a program of your own.
//!
//! `cargo run --example embed` starts the lab's endpoints, asks one of them whether it is ready, kills its region and
//! shows that connections are refused, then heals it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use leeward::lab::{ENDPOINT_PORT, Endpoints, Mode, Region};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut endpoints = runtime.block_on(Endpoints::start(ENDPOINT_PORT))?;
    let address = endpoints
        .addresses(Region::UsEast)
        .next()
        .ok_or("a region has endpoints")?;
    for mode in [Mode::Well, Mode::Killed, Mode::Well] {
        runtime.block_on(endpoints.set(Region::UsEast, mode))?;
        let said = ask(address).unwrap_or_else(|error| error.to_string());
        println!("us-east {}: {}", mode.word(), said.trim());
    }
    runtime.block_on(endpoints.stop());
    Ok(())
}

/// Asks an endpoint whether it is ready and returns the body of its reply.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: lab\r\n\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (_, body) = reply.split_once("\r\n\r\n").unwrap_or_default();
    Ok(body.to_owned())
}
