//! The `RequestHandler` around our engine.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::serialize::binary::{BinDecoder, BinEncoder};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{Catalog, MessageResponseBuilder, Queries};

use crate::clock::Clock;
use crate::metrics::QueryCounters;
use crate::publish::Current;
use crate::wire::{HEADER_LEN, QueryName};

use super::super::engine::{Exchange, Guarded, Transport, WorkerId};
use super::super::message_responder::MESSAGE_MAX;
use super::super::serving_engine::WorldEngine;
use super::reply::Reply;

/// Datagrams of clients without EDNS (RFC 1035, section 4.2.1).
const UDP_PLAIN_MAX: u16 = 512;

type MakeEngine = Box<dyn Fn(WorkerId) -> WorldEngine + Send + Sync>;

/// Our zones, and another handler for all other names.
///
/// Answers are those of our own transports: client subnets with their scope, cookies, extended errors and TTLs pass as
/// the engine writes them; names are compressed less. What hickory-server decides before any handler sees a request stays
/// hickory-server's: messages that it cannot read, and responses.
pub struct FailoverZones<H = Catalog> {
    current: Arc<Current>,
    /// One engine behind a lock: hickory-server spends several times as long on a query as the engine holds it.
    worker: Mutex<Worker>,
    counters: Arc<QueryCounters>,
    fallback: Option<H>,
}

/// An engine and room for a message of any size.
struct Worker {
    engine: Guarded<WorldEngine, MakeEngine>,
    output: Box<[u8]>,
}

impl FailoverZones {
    /// Answers every request from our zones; names outside them are refused, as by our own transports.
    pub fn alone(current: &Arc<Current>, clock: Clock) -> Self {
        Self::make(current, clock, None)
    }
}

impl<H> FailoverZones<H> {
    /// Answers requests for names in our zones, and passes all others on to `fallback`.
    ///
    /// The zones are those that are published at the moment of the request.
    pub fn beside(current: &Arc<Current>, clock: Clock, fallback: H) -> Self {
        Self::make(current, clock, Some(fallback))
    }

    fn make(current: &Arc<Current>, clock: Clock, fallback: Option<H>) -> Self {
        let counters = Arc::new(QueryCounters::default());
        let worker_id = WorkerId {
            transport: Transport::Https,
            index: 0,
        };
        let seed = getrandom::u64().unwrap_or_else(|_| clock.now().nanos());
        let world = Arc::clone(current);
        let make: MakeEngine = Box::new(move |_| WorldEngine::new(&world, clock, seed));
        let engine = Guarded::new(Arc::new(make), worker_id, Arc::clone(&counters));
        Self {
            current: Arc::clone(current),
            worker: Mutex::new(Worker {
                engine,
                output: vec![0; MESSAGE_MAX].into_boxed_slice(),
            }),
            counters,
            fallback,
        }
    }

    /// Returns the counters of requests that were answered from our zones.
    pub fn counters(&self) -> &Arc<QueryCounters> {
        &self.counters
    }

    /// Returns whether the first name that a message asks for lies in a zone of ours.
    fn is_ours(&self, message: &[u8]) -> bool {
        let Some((header, question)) = message.split_first_chunk::<HEADER_LEN>() else {
            return false;
        };
        let mut name = QueryName::default();
        let has_name = header[4..6] != [0, 0] && name.take(question);
        let world = self.current.load();
        has_name && world.snapshot.find(&name, usize::MAX).is_some()
    }

    /// Asks the engine; `None` is silence.
    fn answer(&self, request: &Request) -> Option<Vec<u8>> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let Worker { engine, output } = &mut *worker;
        let transport = transport_of(request.protocol());
        let mut exchange = Exchange::new(transport, request.src(), request.as_slice(), output);
        engine.respond(std::slice::from_mut(&mut exchange));
        let len = exchange.len.min(MESSAGE_MAX);
        (len > 0).then(|| output[..len].to_vec())
    }
}

fn transport_of(protocol: Protocol) -> Transport {
    match protocol {
        Protocol::Udp => Transport::Udp,
        Protocol::Tcp => Transport::Tcp,
        // Which of the encrypted ones it is changes nothing but the keepalive option of TLS.
        _ => Transport::Https,
    }
}

#[async_trait]
impl<H: RequestHandler> RequestHandler for FailoverZones<H> {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut responses: R,
    ) -> ResponseInfo {
        if let Some(fallback) = &self.fallback
            && !self.is_ours(request.as_slice())
        {
            return fallback.handle_request::<R, T>(request, responses).await;
        }
        let metadata = Metadata::response_from_request(&request.metadata);
        let counts = HeaderCounts::default();
        let silence = ResponseInfo::from(Header { metadata, counts });
        let Some(octets) = self.answer(request) else {
            return silence;
        };
        let sent = match Reply::read(&octets) {
            Ok(mut reply) => {
                let nothing = Queries::read(&mut BinDecoder::new(&[]), 0);
                let queries = match &nothing {
                    Ok(nothing) if !reply.has_question => nothing,
                    _ => &request.queries,
                };
                if !fits(request, &reply, queries) {
                    reply.truncate();
                }
                responses.send_response(reply.response(queries)).await
            }
            Err(_) => {
                let response = MessageResponseBuilder::new(&request.queries, None)
                    .error_msg(&request.metadata, ResponseCode::ServFail);
                responses.send_response(response).await
            }
        };
        // A client that went away is told nothing.
        sent.unwrap_or(silence)
    }
}

/// Returns whether a reply fits the client's datagram as hickory-server writes it, a little longer than the engine did.
fn fits(request: &Request, reply: &Reply, queries: &Queries) -> bool {
    if request.protocol() != Protocol::Udp {
        return true;
    }
    let limit = match (&request.edns, &reply.edns) {
        (Some(asked), Some(ours)) => asked
            .max_payload()
            .max(UDP_PLAIN_MAX)
            .min(ours.max_payload()),
        _ => UDP_PLAIN_MAX,
    };
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    let written = reply.response(queries).destructive_emit(&mut encoder);
    written.is_ok() && octets.len() <= usize::from(limit)
}
