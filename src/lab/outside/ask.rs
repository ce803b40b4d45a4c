//! One question to one server: by UDP, and again by TCP where the answer was cut.
//!
//! In: an address and a question. Out: a reply whose id, source and question fit. Never here: what a reply means.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::net::tcp::TcpClientStream;
use hickory_server::net::udp::UdpClientStream;
use hickory_server::net::xfer::{DnsExchange, FirstAnswer as _};
use hickory_server::net::{DnsHandle as _, NetError};
use hickory_server::proto::op::{DnsRequestOptions, Message, Query};

/// Longest wait for one server; on loopback only a server that is gone takes as long.
const ASK_WAIT: Duration = Duration::from_secs(2);

/// Asks a server without recursion.
///
/// # Errors
/// If no reply came in time.
pub(super) async fn ask(server: SocketAddr, query: &Query) -> Result<Message, NetError> {
    let provider = TokioRuntimeProvider::new();
    let udp = UdpClientStream::builder(server, provider.clone())
        .with_timeout(Some(ASK_WAIT))
        .with_os_port_selection(true)
        .exchange();
    let reply = send(&udp, query).await?;
    if !reply.metadata.truncation {
        return Ok(reply);
    }
    let tcp = TcpClientStream::exchange(server, None, ASK_WAIT, None, provider).await?;
    send(&tcp, query).await
}

async fn send(
    exchange: &DnsExchange<TokioRuntimeProvider>,
    query: &Query,
) -> Result<Message, NetError> {
    let mut options = DnsRequestOptions::default();
    options.recursion_desired = false;
    let reply = exchange
        .lookup(query.clone(), options)
        .first_answer()
        .await?;
    Ok(reply.into_message())
}
