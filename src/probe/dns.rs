//! One DNS probe at one address: a query over UDP, again over TCP if the answer was cut off.
//!
//! In: a question, what its answer must hold, an address. Out: a finding. Never here: messages as octets, schedules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::attempt::{Attempt, Attempted};
use super::classify::classify;
use super::dns_message::{NoReply, Reply, plain_rdata, read_reply, write_query};
use super::trace::Trace;
use crate::health::{DnsProbe, Finding, Phase};
use crate::wire::{Rcode, Rtype};

/// Octets of a UDP response without EDNS are 512 at most (RFC 1035, section 4.2.1); what is longer is read all the same.
const DATAGRAM_MAX: usize = 4_096;

/// Datagrams that answer something else and are passed over: somebody guesses, or an old answer comes late.
const STRAYS_MAX: usize = 16;

/// Probes one address.
pub(super) async fn probe_dns(attempt: &Attempt<'_>, dns: &DnsProbe) -> Attempted {
    let trace = Trace::begin(attempt.context.clock, attempt.address, None);
    let exchange = trace.scope(exchange(attempt, dns, &trace));
    let finding = match attempt.budget.run(&trace, exchange).await {
        Ok(Ok(reply)) => evaluate(dns, &reply),
        Ok(Err(finding)) | Err(finding) => finding,
    };
    let is_connected = !matches!(
        finding,
        Finding::Refused | Finding::Unreachable | Finding::NoRoute { .. }
    );
    Attempted {
        finding,
        is_connected,
        trace,
    }
}

async fn exchange(
    attempt: &Attempt<'_>,
    dns: &DnsProbe,
    trace: &Arc<Trace>,
) -> Result<Reply, Finding> {
    let id = getrandom::u32().map_err(|error| {
        Finding::NotFeasible(format!("no source of chance for the query's id: {error}").into())
    })?;
    let query = write_query((id & 0xffff) as u16, &dns.name, Rtype(dns.rtype));
    let reply = ask_by_datagram(attempt, dns, trace, &query).await?;
    if !reply.is_truncated {
        return Ok(reply);
    }
    ask_by_stream(attempt, dns, trace, &query).await
}

async fn ask_by_datagram(
    attempt: &Attempt<'_>,
    dns: &DnsProbe,
    trace: &Trace,
    query: &[u8],
) -> Result<Reply, Finding> {
    let any = match attempt.address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let failed = |error| classify(&error, trace);
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    // The kernel passes on only what comes from there.
    socket.connect(attempt.address).await.map_err(failed)?;
    socket.send(query).await.map_err(failed)?;
    trace.enter_exchange(Phase::Reply);
    let mut datagram = [0; DATAGRAM_MAX];
    for _ in 0..STRAYS_MAX {
        let length = socket.recv(&mut datagram).await.map_err(failed)?;
        match read_reply(query, Rtype(dns.rtype), &datagram[..length]) {
            Ok(reply) => {
                trace.mark_first_byte();
                return Ok(reply);
            }
            Err(NoReply::Stray) => {}
            Err(NoReply::Broken) => return Err(broken()),
        }
    }
    Err(Finding::Malformed(
        "only answers to other questions came".into(),
    ))
}

async fn ask_by_stream(
    attempt: &Attempt<'_>,
    dns: &DnsProbe,
    trace: &Trace,
    query: &[u8],
) -> Result<Reply, Finding> {
    let talk = async {
        let mut stream = TcpStream::connect(attempt.address).await?;
        // A query is far shorter than 65,536 octets: its name has 255 at most.
        let mut framed = (query.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(query);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        Ok::<_, std::io::Error>(message)
    };
    let message = talk.await.map_err(|error| classify(&error, trace))?;
    match read_reply(query, Rtype(dns.rtype), &message) {
        Ok(reply) if !reply.is_truncated => Ok(reply),
        Ok(_) => Err(Finding::Malformed("cut off over TCP as well".into())),
        Err(_) => Err(broken()),
    }
}

fn broken() -> Finding {
    Finding::Malformed("no well-formed DNS message".into())
}

/// Judges an answer: no error, and each record that is wanted, or any of the type if none is.
fn evaluate(dns: &DnsProbe, reply: &Reply) -> Finding {
    let question = &dns.question;
    if reply.rcode != Rcode::NOERROR {
        return Finding::Unfulfilled(format!("answered {} for {question}", reply.rcode).into());
    }
    if reply.records.is_empty() {
        return Finding::Unfulfilled(format!("answered no record for {question}").into());
    }
    for wanted in &dns.expect {
        let plain = plain_rdata(&wanted.rdata, 0, wanted.rdata.len(), Rtype(dns.rtype));
        if plain.is_none_or(|plain| !reply.records.contains(&plain)) {
            let text = format!("the answer to {question} lacks {}", wanted.text);
            return Finding::Unfulfilled(text.into());
        }
    }
    Finding::Fulfilled(match reply.records.len() {
        1 => "answered 1 record".into(),
        count => format!("answered {count} records").into(),
    })
}
