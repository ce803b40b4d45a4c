//! State of the attempt under way: its address, its phase, the end of each phase.
//!
//! In: marks, set where phases change, deep inside the HTTP client too (through a task-local). Out: phases, the phase a
//! time limit was hit in. Never here: findings.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use rustls::pki_types::ServerName;

use crate::clock::{Clock, Moment};
use crate::health::{CertificateFault, Finding, Phase, Phases, Timeout};
use crate::net::Validity;

tokio::task_local! {
    static TRACE: Arc<Trace>;
}

/// One attempt at one address.
#[derive(Debug)]
pub(super) struct Trace {
    clock: Clock,
    /// Address of the attempt.
    pub(super) address: SocketAddr,
    /// Name that the certificate must cover; `None` without verification.
    pub(super) wanted_name: Option<ServerName<'static>>,
    /// Certificate's validity in a full handshake; `None` inside if it cannot be read.
    shown: OnceLock<Option<Shown>>,
    /// Certificate's validity in the handshake whose session was offered for resumption.
    offered: OnceLock<Shown>,
    /// Fault of the certificates shown.
    blamed: OnceLock<CertificateFault>,
    /// The name that went into the handshake.
    sent_name: OnceLock<Box<str>>,
    /// True once a message of TLS came.
    heard_tls: AtomicBool,
    phase: AtomicU8,
    began: Moment,
    /// Moments in nanoseconds of the clock, 0 is not yet: TCP connection, connection ready, first octet.
    tcp_stood: AtomicU64,
    ready: AtomicU64,
    first_byte: AtomicU64,
}

impl Trace {
    pub(super) fn begin(
        clock: Clock,
        address: SocketAddr,
        wanted_name: Option<ServerName<'static>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock,
            address,
            wanted_name,
            shown: OnceLock::new(),
            offered: OnceLock::new(),
            blamed: OnceLock::new(),
            sent_name: OnceLock::new(),
            heard_tls: AtomicBool::new(false),
            phase: AtomicU8::new(Phase::Connect as u8),
            began: clock.now(),
            tcp_stood: AtomicU64::new(0),
            ready: AtomicU64::new(0),
            first_byte: AtomicU64::new(0),
        })
    }

    /// Runs a future in which [`Trace::current`] is this trace.
    pub(super) async fn scope<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        TRACE.scope(Arc::clone(self), future).await
    }

    /// Returns the trace of the attempt that the present task works on.
    pub(super) fn current() -> Option<Arc<Self>> {
        TRACE.try_with(Arc::clone).ok()
    }

    /// Marks that the TCP connection stands and the TLS handshake begins. Marks nothing when the handshake begins anew.
    pub(super) fn enter_tls(&self) {
        if self.phase() == Phase::Connect {
            self.mark(&self.tcp_stood);
            self.enter(Phase::Tls);
        }
    }

    /// Notes the validity of the certificate that the peer shows.
    pub(super) fn show(&self, validity: Option<Validity>) {
        let at = self.clock.now();
        // A handshake shows one certificate, so the cell is empty.
        let _ = self
            .shown
            .set(validity.map(|validity| Shown { at, validity }));
    }

    /// Notes the validity that the peer showed in the handshake of the offered session.
    pub(super) fn offer(&self, shown: Shown) {
        // A handshake offers one session, so the cell is empty.
        let _ = self.offered.set(shown);
    }

    /// Notes the fault of the certificates that the peer shows.
    pub(super) fn blame(&self, fault: CertificateFault) {
        // A handshake is verified once, so the cell is empty.
        let _ = self.blamed.set(fault);
    }

    /// Returns the fault of the certificates that the peer showed.
    pub(super) fn blamed(&self) -> Option<CertificateFault> {
        self.blamed.get().cloned()
    }

    /// Notes the name that goes into the handshake.
    pub(super) fn send_name(&self, name: &str) {
        // An attempt shakes hands once, so the cell is empty.
        let _ = self.sent_name.set(name.into());
    }

    /// Returns the name that went into the handshake, if one did.
    pub(super) fn sent_name(&self) -> Option<&str> {
        self.sent_name.get().map(|name| &**name)
    }

    /// Notes that the peer speaks TLS.
    pub(super) fn note_tls(&self) {
        self.heard_tls.store(true, Ordering::Relaxed);
    }

    /// Returns whether the peer speaks TLS.
    pub(super) fn has_tls(&self) -> bool {
        self.heard_tls.load(Ordering::Relaxed)
    }

    /// Returns the validity shown in this handshake or, if a session was resumed, in the one that began it.
    pub(super) fn shown(&self) -> Option<Shown> {
        match self.shown.get() {
            Some(shown) => *shown,
            None => self.offered.get().copied(),
        }
    }

    /// Marks that the connection can be used, TLS included.
    pub(super) fn enter_exchange(&self, phase: Phase) {
        self.mark(&self.ready);
        self.enter(phase);
    }

    /// Marks that the headers, or the first octets, are read.
    pub(super) fn mark_first_byte(&self) {
        self.mark(&self.first_byte);
    }

    /// Marks that the headers are read and the body is awaited.
    pub(super) fn enter_body(&self) {
        self.mark(&self.first_byte);
        self.enter(Phase::Body);
    }

    /// Returns the present phase.
    pub(super) fn phase(&self) -> Phase {
        const PHASES: [Phase; 6] = [
            Phase::Resolve,
            Phase::Connect,
            Phase::Tls,
            Phase::Headers,
            Phase::Body,
            Phase::Reply,
        ];
        let number = self.phase.load(Ordering::Relaxed);
        *PHASES
            .iter()
            .find(|phase| **phase as u8 == number)
            .expect("only phases are stored")
    }

    /// Returns the duration of the attempt so far.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.now().since(self.began)
    }

    /// Returns the durations of the phases; the whole probe began at `started`.
    pub(super) fn phases(&self, started: Moment) -> Phases {
        let at = |mark: &AtomicU64| match mark.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Moment::from_nanos(nanos)),
        };
        let (tcp_stood, ready) = (at(&self.tcp_stood), at(&self.ready));
        let connected = tcp_stood.or(ready);
        Phases {
            connect: connected.map(|moment| moment.since(self.began)),
            tls: tcp_stood.zip(ready).map(|(from, to)| to.since(from)),
            first_byte: ready
                .zip(at(&self.first_byte))
                .map(|(from, to)| to.since(from)),
            total: Some(self.clock.now().since(started)),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn mark(&self, mark: &AtomicU64) {
        mark.store(self.clock.now().nanos(), Ordering::Relaxed);
    }
}

/// The time limits of one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Limits as configured.
    pub(super) timeout: Timeout,
    /// Begin of the probe that this attempt is a part of.
    pub(super) started: Moment,
    /// Begin of the time to connect: the same, except for the hops of a redirect.
    pub(super) connect_from: Moment,
    /// Number of addresses still to try, this one included: they share the time to connect.
    pub(super) addresses_left: u32,
}

/// A limit that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    until: Moment,
    /// Length of the limit, for evidence.
    length: Duration,
}

impl Budget {
    /// Returns the latest end of the whole probe.
    pub(super) fn end(&self) -> Moment {
        self.started.after(match self.timeout {
            Timeout::Whole(whole) => whole,
            Timeout::Phases {
                connect,
                response,
                body,
            } => connect + response + body,
        })
    }

    /// Awaits a future until the limit of the attempt's current phase.
    pub(super) async fn run<F: Future>(
        &self,
        trace: &Trace,
        future: F,
    ) -> Result<F::Output, Finding> {
        let mut future = pin!(future);
        let mut limit = self.limit(trace);
        let instant = |limit: Limit| trace.clock.instant(limit.until).into();
        let mut alarm = pin!(tokio::time::sleep_until(instant(limit)));
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            // Phases change only while the future is polled; the limit of the next one may be earlier or later.
            let present = self.limit(trace);
            if present != limit {
                limit = present;
                alarm.as_mut().reset(instant(limit));
            }
            alarm.as_mut().poll(context).map(|()| {
                Err(Finding::TimedOut {
                    phase: trace.phase(),
                    after: limit.length,
                })
            })
        })
        .await
    }

    fn limit(&self, trace: &Trace) -> Limit {
        let phase = trace.phase();
        let at = |mark: &AtomicU64| Moment::from_nanos(mark.load(Ordering::Relaxed));
        let limit = match (self.timeout, phase) {
            (Timeout::Whole(whole), _) => Limit {
                until: self.started.after(whole),
                length: whole,
            },
            (Timeout::Phases { response, .. }, Phase::Headers | Phase::Reply) => Limit {
                until: at(&trace.ready).after(response),
                length: response,
            },
            (Timeout::Phases { body, .. }, Phase::Body) => Limit {
                until: at(&trace.first_byte).after(body),
                length: body,
            },
            (Timeout::Phases { connect, .. }, _) => Limit {
                until: self.connect_from.after(connect),
                length: connect,
            },
        };
        if phase != Phase::Connect || self.addresses_left <= 1 {
            let until = limit.until.min(self.end());
            return Limit { until, ..limit };
        }
        // A black hole behind the first address must leave time for the others.
        let share = limit.until.since(trace.began) / self.addresses_left;
        Limit {
            until: trace.began.after(share),
            length: share,
        }
    }
}

/// Moment of a full handshake, and validity of the certificate that it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) at: Moment,
    pub(super) validity: Validity,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_each_phase_by_what_it_was_given() {
        let clock = Clock::start();
        let millis = Duration::from_millis;
        let trace = Trace::begin(clock, "192.0.2.1:80".parse().expect("an address"), None);
        let phases = Timeout::Phases {
            connect: millis(4000),
            response: millis(2000),
            body: millis(1000),
        };
        let budget = |timeout, addresses_left| Budget {
            timeout,
            started: trace.began,
            connect_from: trace.began,
            addresses_left,
        };
        let length = |budget: Budget| budget.limit(&trace).length;
        assert_eq!(
            length(budget(Timeout::Whole(millis(3000)), 1)),
            millis(3000)
        );
        assert_eq!(
            length(budget(Timeout::Whole(millis(3000)), 3)),
            millis(1000)
        );
        assert_eq!(length(budget(phases, 1)), millis(4000));
        trace.enter_tls();
        assert_eq!(length(budget(phases, 2)), millis(4000));
        trace.enter_exchange(Phase::Headers);
        assert_eq!(length(budget(phases, 1)), millis(2000));
        trace.enter_body();
        assert_eq!(length(budget(phases, 1)), millis(1000));
        assert_eq!(trace.phase(), Phase::Body);
        let taken = trace.phases(trace.began);
        assert!(taken.connect.is_some() && taken.tls.is_some() && taken.first_byte.is_some());
    }
}
