//! Serves failover zones inside hickory-server, beside a forwarder, in one process.
//!
//! `cargo run --example beside_hickory -- zones 127.0.0.1:5310 192.0.2.53:53` serves the zone files of a folder with their
//! probes, reloads and state as `leeward serve` does, answers their names on the second address, and asks the third for
//! every other name. A program of yours would pass its own handler instead of [`Forwarder`]: a `Catalog` with forwarder,
//! blocklist or recursor, or whatever else implements `RequestHandler`.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use hickory_server::Server;
use hickory_server::net::DnsHandle as _;
use hickory_server::net::runtime::{Time, TokioRuntimeProvider};
use hickory_server::net::udp::UdpClientStream;
use hickory_server::net::xfer::FirstAnswer as _;
use hickory_server::proto::op::{
    DnsRequestOptions, Header, HeaderCounts, Message, Metadata, Query, ResponseCode,
};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use leeward::clock::Clock;
use leeward::config::server_file::ServerConfig;
use leeward::daemon::start;
use leeward::server::hickory::FailoverZones;
use tokio::net::{TcpListener, UdpSocket};

const USAGE: &str =
    "beside_hickory ZONES LISTEN UPSTREAM, for example: zones 127.0.0.1:5310 192.0.2.53:53";
/// How long the other resolver is waited for.
const UPSTREAM_WAIT: Duration = Duration::from_secs(3);
/// How long a TCP connection may be silent.
const TCP_IDLE: Duration = Duration::from_secs(10);
/// Responses of one TCP connection that wait.
const TCP_RESPONSES_MAX: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [zones, listen, upstream] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let (listen, upstream): (SocketAddr, SocketAddr) = (listen.parse()?, upstream.parse()?);
    let clock = Clock::start();
    // Leeward needs an address of its own: the fast way to the same answers.
    let config = ServerConfig {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        zones: zones.into(),
        ..ServerConfig::default()
    };
    let leeward = start(config, clock).await?;
    let forwarder = Forwarder { upstream };
    let zones = FailoverZones::beside(&leeward.current(), clock, forwarder);
    let mut server = Server::new(zones);
    server.register_socket(UdpSocket::bind(listen).await?);
    let tcp = TcpListener::bind(listen).await?;
    server.register_listener(tcp, TCP_IDLE, TCP_RESPONSES_MAX);
    println!("dig @{} -p {} www.lab.example", listen.ip(), listen.port());
    println!("the same from Leeward itself: {:?}", leeward.addresses());
    tokio::signal::ctrl_c().await?;
    server.shutdown_gracefully().await?;
    leeward.stop().await;
    Ok(())
}

/// Asks one resolver, and keeps nothing.
struct Forwarder {
    upstream: SocketAddr,
}

impl Forwarder {
    async fn ask(&self, request: &Request) -> Option<Message> {
        let [query] = request.queries.queries() else {
            return None;
        };
        let query: &Query = query.original();
        let mut options = DnsRequestOptions::default();
        options.recursion_desired = request.metadata.recursion_desired;
        let exchange = UdpClientStream::builder(self.upstream, TokioRuntimeProvider::new())
            .with_timeout(Some(UPSTREAM_WAIT))
            .exchange();
        let reply = exchange.lookup(query.clone(), options).first_answer().await;
        reply.ok().map(|reply| reply.into_message())
    }
}

#[async_trait]
impl RequestHandler for Forwarder {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut responses: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let reply = self.ask(request).await;
        let (code, truncation) = reply
            .as_ref()
            .map_or((ResponseCode::ServFail, false), |reply| {
                (reply.metadata.response_code, reply.metadata.truncation)
            });
        metadata.response_code = code;
        metadata.truncation = truncation;
        metadata.recursion_available = true;
        let (answers, authorities) =
            reply.map_or_else(Default::default, |reply| (reply.answers, reply.authorities));
        let response = MessageResponseBuilder::new(&request.queries, None).build(
            metadata,
            &answers,
            &authorities,
            [],
            [],
        );
        let counts = HeaderCounts::default();
        let sent = responses.send_response(response).await;
        sent.unwrap_or_else(|_| ResponseInfo::from(Header { metadata, counts }))
    }
}
