//! Transports of the running server: what can be listened on is served at once, the rest is tried again until it can.
//!
//! In: addresses of the server file, passed sockets, the published world. Out: running transports, and what became of
//! addresses that were missing at the start. Never here: answers, sockets themselves.
//!
//! | At the start | What follows |
//! |---|---|
//! | an address of several cannot be bound | the others are served; an alarm lasts until it can be |
//! | no address of DNS can be bound | the server does not start |
//! | the address of metrics and control cannot be bound | queries are answered; an alarm lasts until it can be |
//! | the certificate cannot be used | TLS, HTTPS and QUIC wait for it, with an alarm; UDP and TCP are served |

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::admin::{Asking, serve};
use crate::clock::Clock;
use crate::config::server_file::{ServerConfig, TcpSettings};
use crate::metrics::QueryCounters;
use crate::publish::Current;
use crate::server::{
    Bound, Drained, HttpsGuise, HttpsOptions, Listen, Monitor, Passed, Server, Serving, TcpLimits,
    Transport, TrustedProxies, UdpLimits, WorldEngine, bind_possible,
};
use crate::timeline::AlarmKind;

use super::certificate::CertificateWatch;
use super::loading::count_workers;
use super::start_fault::StartFault;
use super::telemetry::Telemetry;

/// Time between two tries to listen on what is missing. Chosen: an operator who frees an address does not wait long.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// Time that the control API has to end.
const CONTROL_END_MAX: Duration = Duration::from_secs(1);

/// How transports are started.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) config: ServerConfig,
    pub(super) clock: Clock,
    pub(super) current: Arc<Current>,
    pub(super) certificates: Option<Arc<CertificateWatch>>,
}

impl Recipe {
    /// Starts the transports of bound sockets.
    pub(super) fn start(&self, bound: Bound) -> Result<Server, StartFault> {
        let (config, clock) = (&self.config, self.clock);
        let current = Arc::clone(&self.current);
        let seed = getrandom::u64().unwrap_or_else(|_| clock.now().nanos());
        let serving = Serving {
            udp: UdpLimits {
                reply_size_max: config.udp.payload_size,
            },
            tcp: tcp_limits(&config.tcp),
            certificates: self.certificates.as_ref().map(|watch| watch.certificates()),
            proxies: Arc::new(TrustedProxies::new(&config.proxy.allow)),
            https: HttpsOptions {
                path: config.https.path.clone(),
                guise: if config.https.is_plain {
                    HttpsGuise::Plain
                } else {
                    HttpsGuise::Sealed
                },
            },
        };
        let started = bound.start(serving, move |worker_id| {
            // Each worker draws from a stream of its own.
            let via = worker_id.transport as u64;
            let lane = ((worker_id.index as u64) << 3 | via).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            WorldEngine::new(&current, clock, seed ^ lane)
        });
        started.map_err(|fault| StartFault(fault.to_string()))
    }

    fn needs_certificate(&self, transport: Transport) -> bool {
        match transport {
            Transport::Udp | Transport::Tcp => false,
            Transport::Tls | Transport::Quic => true,
            Transport::Https => !self.config.https.is_plain,
        }
    }
}

fn tcp_limits(settings: &TcpSettings) -> TcpLimits {
    TcpLimits {
        idle_timeout: settings.idle_timeout,
        message_timeout: settings.message_timeout,
        write_timeout: settings.write_timeout,
        connections_max: settings.connections,
        connections_per_client_max: settings.connections_per_address,
    }
}

/// What is to be listened on and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Awaited {
    /// Over which transport; `None` is metrics and control.
    transport: Option<Transport>,
    address: SocketAddr,
    text: String,
}

impl Awaited {
    fn subject(&self) -> String {
        let via = match self.transport {
            None => "http",
            Some(Transport::Udp | Transport::Tcp) => return self.address.to_string(),
            Some(transport) => transport.name(),
        };
        format!("{via} {}", self.address)
    }
}

/// What came of a try.
#[derive(Debug)]
pub(super) enum Came {
    /// It is listened on now.
    Listening {
        what: Awaited,
        shown: Vec<String>,
        counters: Vec<Arc<QueryCounters>>,
        monitor: Monitor,
    },
    /// It still is not, for this reason.
    Missing(Awaited),
    /// The certificate can be used now.
    Certificate(Arc<CertificateWatch>),
}

/// Sockets of the start.
pub(super) struct Opened {
    pub(super) bound: Bound,
    pub(super) certificates: Option<Arc<CertificateWatch>>,
    pub(super) listener: Option<TcpListener>,
    pub(super) awaited: Vec<Awaited>,
}

/// Opens what can be opened.
///
/// # Errors
/// If nothing can be, or the addresses cannot be meant.
pub(super) async fn open(config: &ServerConfig, clock: Clock) -> Result<Opened, StartFault> {
    let fault = |text: String| StartFault(text);
    let passed = Passed::from_environment().map_err(|cause| fault(cause.to_string()))?;
    let mut listen = Listen {
        plain: config.listen.clone(),
        tls: config.tls.listen.clone(),
        https: config.https.listen.clone(),
        quic: config.quic.listen.clone(),
    };
    let mut awaited = Vec::new();
    let certificates = CertificateWatch::start(&config.tls, clock.wall());
    let certificates = match certificates {
        Ok(certificates) => certificates,
        // Passed sockets of encrypted transports cannot wait: they would be lost.
        Err(cause) if !passed.is_empty() => return Err(fault(cause.to_string())),
        Err(cause) => {
            let mut wait = |transport, addresses: &mut Vec<SocketAddr>| {
                awaited.extend(addresses.drain(..).map(|address| Awaited {
                    transport: Some(transport),
                    address,
                    text: cause.to_string(),
                }));
            };
            wait(Transport::Tls, &mut listen.tls);
            wait(Transport::Quic, &mut listen.quic);
            if !config.https.is_plain {
                wait(Transport::Https, &mut listen.https);
            }
            None
        }
    };
    let (bound, missing) = bind_possible(&listen, passed, count_workers(config))
        .map_err(|cause| fault(cause.to_string()))?;
    if bound.listen().count() == 0
        && let Some(first) = missing.first()
    {
        return Err(fault(first.fault.to_string()));
    }
    awaited.extend(missing.into_iter().map(|missing| Awaited {
        transport: Some(missing.transport),
        address: missing.address,
        text: missing.fault.to_string(),
    }));
    let listener = match config.http {
        None => None,
        Some(address) => match bind_control(address).await {
            Ok(listener) => Some(listener),
            Err(text) => {
                awaited.push(Awaited {
                    transport: None,
                    address,
                    text,
                });
                None
            }
        },
    };
    Ok(Opened {
        bound,
        certificates,
        listener,
        awaited,
    })
}

async fn bind_control(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|cause| {
        format!(
            "bind HTTP {address}: {cause}; `http = \"...\"` in leeward.toml or --http chooses another address"
        )
    })
}

/// Transports that run, and the control API; those that came late among them.
#[derive(Debug, Default)]
pub(super) struct Running {
    servers: Mutex<Vec<Server>>,
    control: Mutex<Option<JoinHandle<std::io::Result<()>>>>,
    http: OnceLock<SocketAddr>,
}

impl Running {
    pub(super) fn add(&self, server: Server) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.push(server);
    }

    /// Begins to serve the control API.
    pub(super) fn control(
        &self,
        listener: TcpListener,
        asking: Asking,
        stopping: watch::Receiver<bool>,
    ) {
        if let Ok(address) = listener.local_addr() {
            // There is one at most.
            let _ = self.http.set(address);
        }
        let task = tokio::spawn(serve(listener, asking, stopping));
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    pub(super) fn http(&self) -> Option<SocketAddr> {
        self.http.get().copied()
    }

    /// Ends everything, all transports at once.
    pub(super) async fn end(&self) -> Drained {
        let control = self
            .control
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(control) = control {
            // A client that reads slowly does not hold up the end.
            let _ = tokio::time::timeout(CONTROL_END_MAX, control).await;
        }
        let servers =
            std::mem::take(&mut *self.servers.lock().unwrap_or_else(PoisonError::into_inner));
        let ends = servers
            .into_iter()
            .map(|server| tokio::task::spawn_blocking(move || server.shutdown()));
        let ends: Vec<_> = ends.collect();
        let mut drained = Drained::InTime;
        for end in ends {
            if end.await.unwrap_or(Drained::CutOff) == Drained::CutOff {
                drained = Drained::CutOff;
            }
        }
        drained
    }
}

/// Waits until the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// What tries again.
pub(super) struct Late {
    pub(super) awaited: Vec<Awaited>,
    pub(super) recipe: Recipe,
    pub(super) asking: Asking,
    pub(super) came: mpsc::Sender<Came>,
    pub(super) running: Arc<Running>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Late {
    /// Begins to try, if anything is missing.
    pub(super) fn begin(self) -> Option<JoinHandle<()>> {
        (!self.awaited.is_empty()).then(|| tokio::spawn(self.run()))
    }

    /// Tries until nothing is missing, or the server stops.
    async fn run(mut self) {
        let mut ticks = tokio::time::interval(RETRY_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and the first try was the start.
        ticks.tick().await;
        let mut stopping = self.stopping.clone();
        while !self.awaited.is_empty() {
            tokio::select! {
                biased;
                () = stopped(&mut stopping) => return,
                _ = ticks.tick() => self.try_all().await,
            }
        }
    }

    async fn try_all(&mut self) {
        let needs = |awaited: &Awaited| {
            let transport = awaited.transport;
            transport.is_some_and(|transport| self.recipe.needs_certificate(transport))
        };
        if self.recipe.certificates.is_none() && self.awaited.iter().any(needs) {
            self.try_certificate().await;
        }
        for awaited in std::mem::take(&mut self.awaited) {
            match self.try_one(&awaited).await {
                Ok((shown, counters, monitor)) => {
                    let what = awaited;
                    self.tell(Came::Listening {
                        what,
                        shown,
                        counters,
                        monitor,
                    })
                    .await;
                }
                Err(text) => {
                    let still = Awaited { text, ..awaited };
                    self.tell(Came::Missing(still.clone())).await;
                    self.awaited.push(still);
                }
            }
        }
    }

    /// The control loop may have stopped meanwhile.
    async fn tell(&self, came: Came) {
        let _ = self.came.send(came).await;
    }

    async fn try_certificate(&mut self) {
        let (settings, wall) = (self.recipe.config.tls.clone(), self.recipe.clock.wall());
        let read = move || CertificateWatch::start(&settings, wall);
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(Some(watch))) => {
                self.recipe.certificates = Some(Arc::clone(&watch));
                self.tell(Came::Certificate(watch)).await;
            }
            Ok(Err(fault)) => {
                let recipe = &self.recipe;
                let waiting = self.awaited.iter_mut().filter(|awaited| {
                    let transport = awaited.transport;
                    transport.is_some_and(|transport| recipe.needs_certificate(transport))
                });
                waiting.for_each(|awaited| awaited.text = fault.to_string());
            }
            // None is wanted, or the runtime ends.
            Ok(Ok(None)) | Err(_) => {}
        }
    }

    async fn try_one(
        &self,
        awaited: &Awaited,
    ) -> Result<(Vec<String>, Vec<Arc<QueryCounters>>, Monitor), String> {
        let Some(transport) = awaited.transport else {
            let listener = bind_control(awaited.address).await?;
            let (asking, stopping) = (self.asking.clone(), self.stopping.clone());
            self.running.control(listener, asking, stopping);
            return Ok((Vec::new(), Vec::new(), Monitor::default()));
        };
        if self.recipe.needs_certificate(transport) && self.recipe.certificates.is_none() {
            return Err(awaited.text.clone());
        }
        let listen = Listen::of_one(transport, awaited.address);
        let workers = count_workers(&self.recipe.config);
        let (bound, missing) = bind_possible(&listen, Passed::default(), workers)
            .map_err(|fault| fault.to_string())?;
        if let Some(missing) = missing.first() {
            return Err(missing.fault.to_string());
        }
        let mut server = self
            .recipe
            .start(bound)
            .map_err(|fault| fault.to_string())?;
        let monitor = server.take_monitor();
        let told = (server.listen().shown(), server.counters().to_vec(), monitor);
        self.running.add(server);
        Ok(told)
    }
}

/// Sets the alarms about what is not listened on at the start.
pub(super) fn report_awaited(awaited: &[Awaited], telemetry: &mut Telemetry) {
    for awaited in awaited {
        let text = Some(awaited.text.clone());
        telemetry.set_alarm(AlarmKind::NotListening, &awaited.subject(), text);
    }
}

impl Came {
    /// Reports what came of a try to listen; returns the certificate, if it can be used now.
    pub(super) fn take(self, telemetry: &mut Telemetry) -> Option<Arc<CertificateWatch>> {
        match self {
            Self::Listening {
                what,
                shown,
                counters,
                monitor,
            } => {
                telemetry.transports.add(monitor, counters, shown);
                telemetry.set_alarm(AlarmKind::NotListening, &what.subject(), None);
                None
            }
            Self::Missing(awaited) => {
                report_awaited(&[awaited], telemetry);
                None
            }
            Self::Certificate(watch) => Some(watch),
        }
    }
}
