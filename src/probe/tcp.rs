//! One TCP probe at one address: connect, maybe TLS, maybe send, maybe search the reply.
//!
//! In: what is sent and wanted, an address. Out: a finding. Never here: names to addresses, schedules.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::classify::{classify, failed_to_connect};
use super::content::{Content, SEARCHED_MAX};
use super::handshake::secure;
use super::once::{Attempt, Attempted};
use super::trace::Trace;
use crate::health::{Finding, Phase, Searched, TcpProbe};

/// Probes one address.
pub(super) async fn probe_tcp(attempt: &Attempt<'_>, tcp: &TcpProbe) -> Attempted {
    let wanted_name = attempt.plan.wanted_name.clone();
    let trace = Trace::begin(attempt.kit.clock, attempt.address, wanted_name);
    let mut reply = Vec::new();
    let exchange = trace.scope(exchange(attempt, tcp, &trace, &mut reply));
    let finding = match attempt.budget.run(&trace, exchange).await {
        Ok(Ok(finding) | Err(finding)) => finding,
        // What came is better evidence than that no more came.
        Err(timed_out) => match attempt.plan.content(tcp.contains.as_deref()) {
            content if reply.is_empty() || content.is_empty() => timed_out,
            content => judge(&content, &reply).err().unwrap_or(timed_out),
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
    let stream = TcpStream::connect(attempt.address)
        .await
        .map_err(|error| classify(&error, trace))?;
    match &tcp.tls {
        None => talk(attempt, tcp, trace, stream, reply).await,
        Some(tls) => {
            let config = Arc::clone(&attempt.plan.profile.tls);
            let stream = secure(config, tls, trace, stream).await?;
            talk(attempt, tcp, trace, stream, reply).await
        }
    }
}

async fn talk(
    attempt: &Attempt<'_>,
    tcp: &TcpProbe,
    trace: &Trace,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    reply: &mut Vec<u8>,
) -> Result<Finding, Finding> {
    trace.enter_exchange(Phase::Reply);
    if let Some(text) = &tcp.send {
        let sent = async {
            stream.write_all(text.as_bytes()).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| classify(&error, trace))?;
    }
    let content = attempt.plan.content(tcp.contains.as_deref());
    if content.is_empty() {
        return Ok(Finding::Connected);
    }
    let mut chunk = [0; 1024];
    // Ends with the stream, when everything is found, or with `SEARCHED_MAX` octets.
    loop {
        let count = match stream.read(&mut chunk).await {
            Ok(count) => count,
            // A peer that sent what was wanted may reset the connection as it likes.
            Err(error) => return judge(&content, reply).map_err(|_| classify(&error, trace)),
        };
        if count == 0 {
            return match reply.is_empty() {
                true => Err(Finding::Closed {
                    phase: Phase::Reply,
                }),
                false => judge(&content, reply),
            };
        }
        if reply.is_empty() {
            trace.mark_first_byte();
        }
        let room = SEARCHED_MAX - reply.len();
        reply.extend_from_slice(&chunk[..count.min(room)]);
        // Unlike a body, a reply has no end to wait for: whatever suffices, suffices.
        if content.lacks(reply).is_none() || reply.len() == SEARCHED_MAX {
            return judge(&content, reply);
        }
    }
}

fn judge(content: &Content<'_>, reply: &[u8]) -> Result<Finding, Finding> {
    content
        .judge(reply, Searched::Reply)
        .map(|()| Finding::Replied)
}
