//! The resolver as hickory-server sees it: requests of clients in, responses out.
//!
//! In: requests. Out: the resolver's answer, or its failure, as an extended error too (RFC 8914). Never here: lookups.

use std::sync::Arc;

use async_trait::async_trait;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{
    DEFAULT_MAX_PAYLOAD_LEN, Edns, Header, HeaderCounts, Metadata, OpCode, ResponseCode,
};
use hickory_server::proto::rr::rdata::opt::EdnsOption;
use hickory_server::proto::rr::{DNSClass, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;

use super::referral::Found;
use super::resolver::{Failure, Resolver};
use crate::clock::Clock;

/// Option code of extended errors (RFC 8914, section 2).
const OPTION_EXTENDED_ERROR: u16 = 15;

/// A resolver that answers clients.
pub(super) struct Resolving {
    pub(super) resolver: Arc<Resolver>,
    pub(super) clock: Clock,
}

/// A response code with the reason for it: an info code of RFC 8914, and words.
type Refusal = (ResponseCode, u16, &'static str);

const OTHER: u16 = 0;
const CACHED_ERROR: u16 = 13;
const NOT_AUTHORITATIVE: u16 = 20;
const NOT_SUPPORTED: u16 = 21;
const NO_REACHABLE_AUTHORITY: u16 = 22;

impl Resolving {
    async fn answer(&self, request: &Request) -> Result<Found, Refusal> {
        let [query] = request.queries.queries() else {
            return Err((ResponseCode::FormErr, OTHER, "one question is wanted"));
        };
        let is_lookup = request.metadata.op_code == OpCode::Query
            && query.query_class() == DNSClass::IN
            && !matches!(query.query_type(), RecordType::AXFR | RecordType::IXFR);
        if !is_lookup {
            let text = "only questions of class IN are looked up";
            return Err((ResponseCode::NotImp, NOT_SUPPORTED, text));
        }
        let (name, rtype, now) = (
            query.original().name(),
            query.query_type(),
            self.clock.now(),
        );
        if !request.metadata.recursion_desired {
            let text = "not in the cache, and recursion was not asked for";
            let refusal = (ResponseCode::Refused, CACHED_ERROR, text);
            return self.resolver.cached(name, rtype, now).ok_or(refusal);
        }
        let found = self.resolver.resolve(name, rtype, now).await;
        found.map_err(|failure| match failure {
            Failure::Elsewhere => (
                ResponseCode::Refused,
                NOT_AUTHORITATIVE,
                "the lab's world ends at its parent zone",
            ),
            Failure::NoServer => (
                ResponseCode::ServFail,
                NO_REACHABLE_AUTHORITY,
                "no server of the zone answers for it",
            ),
            Failure::TooLong => (
                ResponseCode::ServFail,
                OTHER,
                "too many referrals or aliases",
            ),
            Failure::Busy => (
                ResponseCode::ServFail,
                OTHER,
                "too many questions at a time",
            ),
        })
    }
}

#[async_trait]
impl RequestHandler for Resolving {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut responses: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = true;
        let mut edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            // hickory-server takes this for the largest datagram that the client takes.
            edns.set_max_payload(asked.max_payload().min(DEFAULT_MAX_PAYLOAD_LEN));
            edns
        });
        let found = match self.answer(request).await {
            Ok(found) => found,
            Err((rcode, code, text)) => {
                if let Some(edns) = &mut edns {
                    let value = [&code.to_be_bytes(), text.as_bytes()].concat();
                    let option = EdnsOption::Unknown(OPTION_EXTENDED_ERROR, value);
                    edns.options_mut().insert(option);
                }
                Found {
                    rcode,
                    answers: Vec::new(),
                    authorities: Vec::new(),
                }
            }
        };
        metadata.response_code = found.rcode;
        let response = MessageResponseBuilder::new(&request.queries, edns.as_ref()).build(
            metadata,
            &found.answers,
            &found.authorities,
            [],
            [],
        );
        let counts = HeaderCounts::default();
        // A client that went away is told nothing.
        let sent = responses.send_response(response).await;
        sent.unwrap_or_else(|_| ResponseInfo::from(Header { metadata, counts }))
    }
}
