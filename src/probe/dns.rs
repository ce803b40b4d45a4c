//! One DNS probe at one address: a query over UDP, again over TCP if the answer was cut off.
//!
//! In: a question, the records wanted, an address. Out: a finding. Never here: messages as octets, schedules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::attempt::{Attempt, Attempted};
use super::classify::classify;
use super::trace::Trace;
use crate::health::{DnsProbe, Finding, Phase};
use crate::wire::{ClientQuery, Name, NoReply, Rcode, Reply, Rtype, rdata_name_ranges};

/// Most octets read of a UDP response; without EDNS it has 512 at most (RFC 1035, section 4.2.1), longer ones are read
/// too.
const DATAGRAM_MAX: usize = 4_096;

/// Most datagrams passed over that answer something else: guesses of an attacker, or old answers that come late.
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
    let (name, _) = Name::from_wire(&dns.name)
        .map_err(|fault| Finding::NotFeasible(format!("the name asked for: {fault}").into()))?;
    let query = ClientQuery {
        id: (id & 0xffff) as u16,
        name,
        rtype: Rtype(dns.rtype),
        payload_size: None,
    };
    let reply = ask_by_datagram(attempt, trace, &query).await?;
    if !reply.is_truncated {
        return Ok(reply);
    }
    ask_by_stream(attempt, trace, &query).await
}

async fn ask_by_datagram(
    attempt: &Attempt<'_>,
    trace: &Trace,
    query: &ClientQuery,
) -> Result<Reply, Finding> {
    let any = match attempt.address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let failed = |error| classify(&error, trace);
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    // The kernel passes on only what comes from there.
    socket.connect(attempt.address).await.map_err(failed)?;
    socket.send(&query.octets()).await.map_err(failed)?;
    trace.enter_exchange(Phase::Reply);
    let mut datagram = [0; DATAGRAM_MAX];
    for _ in 0..STRAYS_MAX {
        let length = socket.recv(&mut datagram).await.map_err(failed)?;
        match query.read_reply(&datagram[..length]) {
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
    trace: &Trace,
    query: &ClientQuery,
) -> Result<Reply, Finding> {
    let talk = async {
        let mut stream = TcpStream::connect(attempt.address).await?;
        // A query is far shorter than 65,536 octets: its name has 255 at most.
        let octets = query.octets();
        let mut framed = (octets.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(&octets);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        Ok::<_, std::io::Error>(message)
    };
    let message = talk.await.map_err(|error| classify(&error, trace))?;
    match query.read_reply(&message) {
        Ok(reply) if !reply.is_truncated => Ok(reply),
        Ok(_) => Err(Finding::Malformed("cut off over TCP as well".into())),
        Err(_) => Err(broken()),
    }
}

fn broken() -> Finding {
    Finding::Malformed("no well-formed DNS message".into())
}

/// Evaluates an answer: no error, and each record that is wanted, or any of the type if none is.
fn evaluate(dns: &DnsProbe, reply: &Reply) -> Finding {
    let question = &dns.question;
    if reply.rcode != Rcode::NOERROR {
        return Finding::Unfulfilled(format!("answered {} for {question}", reply.rcode).into());
    }
    let rtype = Rtype(dns.rtype);
    let answered = reply.answers.iter().filter(|record| record.rtype == rtype);
    let records: Vec<Vec<u8>> = answered
        .map(|record| folded(rtype, &record.rdata))
        .collect();
    if records.is_empty() {
        return Finding::Unfulfilled(format!("answered no record for {question}").into());
    }
    for wanted in &dns.expect {
        if !records.contains(&folded(rtype, &wanted.rdata)) {
            let text = format!("the answer to {question} lacks {}", wanted.text);
            return Finding::Unfulfilled(text.into());
        }
    }
    Finding::Fulfilled(match records.len() {
        1 => "answered 1 record".into(),
        count => format!("answered {count} records").into(),
    })
}

/// Returns RDATA with its names in lower case: they are compared without case (RFC 4343).
fn folded(rtype: Rtype, rdata: &[u8]) -> Vec<u8> {
    let mut folded = rdata.to_vec();
    for name in rdata_name_ranges(rtype, rdata) {
        folded[name.range].make_ascii_lowercase();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_names_without_case_and_nothing_else() {
        let cases: [(Rtype, &[u8], &[u8]); 3] = [
            (Rtype::MX, b"\0A\x04Mail\0", b"\0A\x04mail\0"),
            (Rtype::CNAME, b"\x01A\x01B\0", b"\x01a\x01b\0"),
            (Rtype::TXT, b"\x02Ab", b"\x02Ab"),
        ];
        for (rtype, rdata, wanted) in cases {
            assert_eq!(folded(rtype, rdata), wanted, "{rtype}");
        }
    }
}
