//! One TCP probe at one address: connect, maybe TLS, maybe send, maybe search the reply.
//!
//! In: octets to send, content wanted, an address. Out: a finding. Never here: names to addresses, schedules.

use std::sync::Arc;

use super::attempt::{Attempt, Attempted};
use super::classify::{classify, failed_to_connect};
use super::content::{Content, SEARCHED_MAX};
use super::driven::DrivenConnection;
use super::handshake::handshake_name;
use super::stream::{Secure, Stream};
use super::trace::Trace;
use crate::health::{Finding, Phase, Searched, TcpProbe};

/// Probes one address.
pub(super) async fn probe_tcp(attempt: &Attempt<'_>, tcp: &TcpProbe) -> Attempted {
    let wanted_name = attempt.plan.wanted_name.clone();
    let trace = Trace::begin(attempt.context.clock, attempt.address, wanted_name);
    let mut reply = Vec::new();
    let exchange = trace.scope(exchange(attempt, tcp, &trace, &mut reply));
    let finding = match attempt.budget.run(&trace, exchange).await {
        Ok(Ok(finding) | Err(finding)) => finding,
        // What came is better evidence than that no more came.
        Err(timed_out) => match attempt.plan.content(tcp.contains.as_deref()) {
            content if reply.is_empty() || content.is_empty() => timed_out,
            content => evaluate(&content, &reply).err().unwrap_or(timed_out),
        },
    };
    Attempted {
        finding,
        is_connected: !failed_to_connect(&trace),
        trace,
    }
}

async fn exchange(
    attempt: &Attempt<'_>,
    tcp: &TcpProbe,
    trace: &Arc<Trace>,
    reply: &mut Vec<u8>,
) -> Result<Finding, Finding> {
    let secure = tcp.tls.as_ref().map(|tls| Secure {
        config: Arc::clone(&attempt.plan.profile.tls),
        name: handshake_name(tls),
    });
    let (stream, broken) = Stream::connect(attempt.address, secure.as_ref(), trace).await?;
    trace.enter_exchange(Phase::Reply);
    let text = tcp.send.as_deref().unwrap_or_default();
    let mut line = DrivenConnection::new(stream, text.as_bytes().to_vec(), broken);
    let content = attempt.plan.content(tcp.contains.as_deref());
    if content.is_empty() {
        let sent = line.send().await;
        return match sent {
            Ok(()) => Ok(Finding::Connected),
            Err(error) => Err(classify(&error, trace)),
        };
    }
    // Ends with the stream, when everything is found, or with `SEARCHED_MAX` octets.
    loop {
        let before = reply.len();
        let is_open = match line.read(reply).await {
            Ok(is_open) => is_open,
            // A peer that sent what was wanted may reset the connection as it likes.
            Err(error) => return evaluate(&content, reply).map_err(|_| classify(&error, trace)),
        };
        if !is_open {
            return match reply.is_empty() {
                true => Err(Finding::Closed {
                    phase: Phase::Reply,
                }),
                false => evaluate(&content, reply),
            };
        }
        if before == 0 {
            trace.mark_first_byte();
        }
        reply.truncate(SEARCHED_MAX);
        // Unlike a body, a reply has no end to wait for: whatever suffices, suffices.
        if content.lacks(reply).is_none() || reply.len() == SEARCHED_MAX {
            return evaluate(&content, reply);
        }
    }
}

fn evaluate(content: &Content<'_>, reply: &[u8]) -> Result<Finding, Finding> {
    content
        .evaluate(reply, Searched::Reply)
        .map(|()| Finding::Replied)
}
