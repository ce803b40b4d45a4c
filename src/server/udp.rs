//! The UDP worker: receive a batch, answer it, send it; one thread, one socket an address.
//!
//! In: sockets, an engine, a stop flag. Out: replies and counts. Never here: waiting on anything but sockets, or a
//! decision.
//!
//! A worker with one socket blocks in `recvmmsg`. With several it polls them and serves one batch of each that is
//! ready: a thread an (address, core) pair would need an engine each, with its buffers and its share of the rate limit,
//! for every address listed, while one poll a round costs well under a hundredth of the batch behind it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::metrics::{QueryTransport, SilentReason, UdpEvent};

use super::bind::IDLE_WAKE;
use super::datagram::{BATCH_SIZE, Batch, Datagram, DatagramSocket, Wait, Watch};
use super::engine::{Engine, Exchange, Guarded, Transport, WorkerId};
use super::proxy::{Progress, TrustedProxies, read_header};

/// Batches that are still answered from each socket after stop is asked, at most.
const DRAIN_BATCHES_MAX: usize = 256;

/// Pause after a receive error that is no time-out, so that a broken socket cannot spin.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Engine, buffers and counters of one thread that answers datagrams.
pub(super) struct UdpWorker<E, M> {
    guarded: Guarded<E, M>,
    proxies: Arc<TrustedProxies>,
    batch: Batch,
    /// The room of the last batch's exchanges, kept so that no batch allocates.
    spare: Vec<Exchange<'static>>,
}

impl<E: Engine, M: Fn(WorkerId) -> E> UdpWorker<E, M> {
    pub(super) fn new(
        guarded: Guarded<E, M>,
        reply_size_max: usize,
        proxies: Arc<TrustedProxies>,
    ) -> Self {
        Self {
            guarded,
            proxies,
            batch: Batch::new(reply_size_max),
            spare: Vec::with_capacity(BATCH_SIZE),
        }
    }

    /// Serves until stop is asked, then what is left.
    pub(super) fn run(mut self, sockets: Vec<Arc<DatagramSocket>>, stop: &AtomicBool) {
        let mut watch = Watch::new(sockets);
        while !stop.load(Ordering::Relaxed) {
            match watch.sockets() {
                [only] => self.serve(only, Wait::ForOne),
                _ => self.serve_ready(&mut watch),
            }
        }
        for socket in watch.sockets() {
            self.drain(socket);
        }
    }

    fn serve_ready(&mut self, watch: &mut Watch) {
        match watch.wait(IDLE_WAKE) {
            Ok(true) => {
                for socket in watch.ready() {
                    self.serve(socket, Wait::Never);
                }
            }
            Ok(false) => self.guarded.idle(),
            Err(error) => self.note_error(&error),
        }
    }

    fn serve(&mut self, socket: &DatagramSocket, wait: Wait) {
        match socket.receive(&mut self.batch, wait) {
            Ok(count) => {
                self.guarded.counters().count_batch(count);
                self.answer(socket);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // With `Never`, another socket's error or a bad checksum woke us; poll tells when a second is over.
                if wait == Wait::ForOne {
                    self.guarded.idle();
                }
            }
            Err(error) => self.note_error(&error),
        }
    }

    fn note_error(&self, error: &io::Error) {
        if error.kind() != io::ErrorKind::Interrupted {
            self.guarded.counters().count_udp(UdpEvent::ReceiveError, 1);
            std::thread::sleep(ERROR_PAUSE);
        }
    }

    /// Answers the datagrams in the batch and sends the replies.
    fn answer(&mut self, socket: &DatagramSocket) {
        let mut exchanges = recycle(std::mem::take(&mut self.spare));
        let mut slots = [0; BATCH_SIZE];
        for datagram in self.batch.datagrams() {
            let slot = datagram.slot;
            match accept(datagram, &self.proxies) {
                Ok(exchange) => {
                    slots[exchanges.len()] = slot;
                    exchanges.push(exchange);
                }
                Err(reason) => {
                    let counters = self.guarded.counters();
                    counters.count_silence(QueryTransport::Udp, reason);
                }
            }
        }
        if !exchanges.is_empty() {
            self.guarded.respond(&mut exchanges);
        }
        let mut lens = [0; BATCH_SIZE];
        let count = exchanges.len();
        for (len, exchange) in lens.iter_mut().zip(&exchanges) {
            *len = exchange.len;
        }
        self.spare = recycle(exchanges);
        for (slot, len) in slots.into_iter().zip(lens).take(count) {
            self.batch.set_reply(slot, len);
        }
        let failed = socket.send(&mut self.batch);
        if failed > 0 {
            let counters = self.guarded.counters();
            counters.count_udp(UdpEvent::SendError, failed);
        }
    }

    fn drain(&mut self, socket: &DatagramSocket) {
        for _ in 0..DRAIN_BATCHES_MAX {
            let Ok(count) = socket.receive(&mut self.batch, Wait::Never) else {
                return;
            };
            // A socket that was shut down for reading yields empty datagrams when nothing is left.
            if count == 0 || self.batch.datagrams().all(|each| each.input.is_empty()) {
                return;
            }
            self.answer(socket);
        }
    }
}

/// Makes an exchange of a datagram, or returns the reason why it is dropped before the engine.
///
/// Behind a trusted proxy, each datagram begins with a header that names the client; the reply goes to the proxy.
#[inline(always)]
fn accept<'a>(
    datagram: Datagram<'a>,
    proxies: &TrustedProxies,
) -> Result<Exchange<'a>, SilentReason> {
    let Some(client) = datagram.client.filter(|client| client.port() != 0) else {
        return Err(SilentReason::SourcePortZero);
    };
    if datagram.is_cut {
        return Err(SilentReason::TooLong);
    }
    let Datagram { input, out, .. } = datagram;
    if !proxies.is_empty() && proxies.is_trusted(client.ip()) {
        let (client, input) = pass_header(client, input)?;
        return Ok(Exchange::new(Transport::Udp, client, input, out));
    }
    Ok(Exchange::new(Transport::Udp, client, input, out))
}

/// Reads the client from the header that a trusted proxy put before the query.
#[cold]
fn pass_header(proxy: SocketAddr, input: &[u8]) -> Result<(SocketAddr, &[u8]), SilentReason> {
    match read_header(input) {
        Ok(Progress::Whole(origin, len)) => Ok((origin.client(proxy), &input[len..])),
        _ => Err(SilentReason::ProxyHeader),
    }
}

/// Empties a vector and gives its room to exchanges of another lifetime. Collecting from a vector's own iterator reuses
/// its allocation, so this neither allocates nor frees.
fn recycle<'a, 'b>(mut exchanges: Vec<Exchange<'a>>) -> Vec<Exchange<'b>> {
    exchanges.clear();
    exchanges
        .into_iter()
        .map(|_| unreachable!("the vector was just emptied"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::proxy::tests::{binary, header};
    use super::*;

    #[test]
    fn drops_what_nobody_can_be_answered_about() {
        let fine = SocketAddr::from(([192, 0, 2, 1], 53));
        let nobody = SocketAddr::from(([192, 0, 2, 1], 0));
        let cases = [
            ("a query", Some(fine), false, None),
            (
                "source port zero",
                Some(nobody),
                false,
                Some(SilentReason::SourcePortZero),
            ),
            ("no source", None, false, Some(SilentReason::SourcePortZero)),
            ("cut short", Some(fine), true, Some(SilentReason::TooLong)),
        ];
        for (name, client, is_cut, wanted) in cases {
            let datagram = Datagram {
                slot: 0,
                input: &[0; 12],
                is_cut,
                client,
                out: &mut [],
            };
            let refused = accept(datagram, &TrustedProxies::default()).err();
            assert_eq!(refused, wanted, "{name}");
        }
    }

    #[test]
    fn believes_trusted_proxies_and_wants_their_word() {
        let proxy = SocketAddr::from(([10, 0, 0, 1], 53));
        let stranger = SocketAddr::from(([192, 0, 2, 9], 53));
        let client = SocketAddr::from(([198, 51, 100, 7], 4242));
        let proxies = TrustedProxies::new(&[proxy.ip().into()]);
        let query = [1; 12];
        let said = [&header(client, &[])[..], &query].concat();
        let local = [&binary(0x20, 0, &[])[..], &query].concat();
        let cases = [
            ("said", proxy, &said[..], Ok((client, &query[..]))),
            ("local", proxy, &local, Ok((proxy, &query))),
            ("not said", proxy, &query, Err(SilentReason::ProxyHeader)),
            (
                "half said",
                proxy,
                &said[..20],
                Err(SilentReason::ProxyHeader),
            ),
            ("a stranger", stranger, &said, Ok((stranger, &said))),
        ];
        for (name, sender, input, wanted) in cases {
            let datagram = Datagram {
                slot: 0,
                input,
                is_cut: false,
                client: Some(sender),
                out: &mut [],
            };
            let found = accept(datagram, &proxies);
            let found = found.map(|exchange| (exchange.client, exchange.input));
            assert_eq!(found, wanted, "{name}");
        }
    }

    #[test]
    fn keeps_the_room_of_the_last_batch() {
        let first: Vec<Exchange<'static>> = Vec::with_capacity(BATCH_SIZE);
        let room = first.as_ptr();
        let second = recycle(first);
        assert_eq!(second.capacity(), BATCH_SIZE);
        assert_eq!(second.as_ptr(), room);
    }
}
