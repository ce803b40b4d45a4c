//! What all probes of a process share: HTTP clients, TLS settings, compiled patterns, limits.
//!
//! In: targets. Out: targets made ready, so that a probe compiles and builds nothing. Never here: schedules.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use regex::bytes::Regex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{self, HeaderName, HeaderValue};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tower_layer::Layer;
use tower_service::Service;

use super::content::Content;
use super::exchange::HEADER_LINES_MAX;
use super::exec::{CommandCounters, CommandSettings, Commands};
use super::sessions::Sessions;
use super::tls::{TlsProfile, install_provider, load_system_roots, make_config, verified_name};
use super::trace::Trace;
use crate::clock::Clock;
use crate::health::{Finding, Phase, Target, TlsProbe};
use crate::resolve::{DeskSettings, Names, Upstreams};

/// What all probes share. One per process.
pub struct ProbeKit {
    pub(super) clock: Clock,
    pub(super) names: Names,
    pub(super) allow_networks: Vec<(IpAddr, u8)>,
    /// Where commands are run; `None` where they are off.
    pub(super) commands: Option<Commands>,
    user_agent: HeaderValue,
    system_roots: OnceLock<Arc<RootCertStore>>,
    profiles: Shared<Option<TlsProfile>, Profile>,
    patterns: Shared<String, Regex>,
}

/// A target with everything made that its probes need.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) target: Arc<Target>,
    /// Or why it can never be probed.
    pub(super) plan: Result<Plan, Finding>,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) profile: Arc<Profile>,
    pub(super) wanted_name: Option<ServerName<'static>>,
    pattern: Option<Arc<Regex>>,
}

/// Client and configuration for one set of TLS settings.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) client: reqwest::Client,
    /// Resumes sessions.
    pub(super) tls: Arc<ClientConfig>,
    /// Makes full handshakes: for probes whose aim is the certificate.
    pub(super) full_tls: Arc<ClientConfig>,
}

impl ProbeKit {
    /// Makes a kit. Only addresses in the networks are probed; no networks allow all addresses.
    pub fn new(user_agent: &str, allow_networks: Vec<(IpAddr, u8)>, clock: Clock) -> Arc<Self> {
        Self::with_commands(user_agent, allow_networks, clock, None, None)
    }

    /// Makes a kit that can run commands too, and looks names up where it is told to.
    pub fn with_commands(
        user_agent: &str,
        allow_networks: Vec<(IpAddr, u8)>,
        clock: Clock,
        commands: Option<CommandSettings>,
        names: Option<Names>,
    ) -> Arc<Self> {
        install_provider();
        Arc::new(Self {
            clock,
            names: names.unwrap_or_else(|| Names::alone(system_lookups(), clock)),
            allow_networks,
            commands: commands.map(|settings| Commands::new(settings, clock)),
            // Settings allow only what fits; whatever else may come, probes go on.
            user_agent: HeaderValue::from_str(user_agent)
                .unwrap_or(HeaderValue::from_static("leeward")),
            system_roots: OnceLock::new(),
            profiles: Shared::default(),
            patterns: Shared::default(),
        })
    }

    /// Returns how many certificate authorities the system has; loads them at the first call.
    pub fn count_system_roots(&self) -> usize {
        self.system_roots().len()
    }

    /// Returns what is counted about commands, where they are on.
    pub fn command_counters(&self) -> Option<Arc<CommandCounters>> {
        self.commands.as_ref().map(Commands::counters)
    }

    pub(super) fn prepare(&self, target: Arc<Target>) -> Prepared {
        let plan = self.plan(&target);
        Prepared { target, plan }
    }

    fn plan(&self, target: &Target) -> Result<Plan, Finding> {
        let (tls, pattern) = (target.probe.kind.tls(), target.probe.kind.regex());
        Ok(Plan {
            profile: self.profile(tls.map(TlsProfile::of))?,
            wanted_name: tls.map_or(Ok(None), verified_name)?,
            pattern: pattern.map(|text| self.pattern(text)).transpose()?,
        })
    }

    /// Returns the headers that every request has unless the check writes them itself.
    pub(super) fn usual_headers(&self) -> [(HeaderName, HeaderValue); 2] {
        [
            (header::USER_AGENT, self.user_agent.clone()),
            (header::ACCEPT, HeaderValue::from_static("*/*")),
        ]
    }

    /// Returns the client for a profile; plain HTTP needs none.
    pub(super) fn profile(&self, profile: Option<TlsProfile>) -> Result<Arc<Profile>, Finding> {
        self.profiles.obtain(profile, |profile| {
            // Plain HTTP needs a configuration too, because reqwest wants one; the cheapest does.
            const UNUSED: TlsProfile = TlsProfile {
                verify: false,
                send_name: false,
                ca_pem: None,
            };
            let profile = profile.as_ref().unwrap_or(&UNUSED);
            let full_tls = make_config(profile, || Arc::clone(self.system_roots()))?;
            let mut tls = full_tls.clone();
            tls.resumption = Resumption::store(Arc::new(Sessions::new(self.clock)));
            Ok(Profile {
                client: self.make_client(&full_tls)?,
                tls: Arc::new(tls),
                full_tls: Arc::new(full_tls),
            })
        })
    }

    fn make_client(&self, tls: &ClientConfig) -> Result<reqwest::Client, Finding> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(self.user_agent.clone())
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(HEADER_LINES_MAX)
            // Connections are never kept, and are made inside the probe's own task, where its trace is.
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(TraceResolver))
            .connector_layer(MarkReady)
            .build()
            .map_err(|error| Finding::NotFeasible(format!("HTTP client: {error:?}").into()))
    }

    fn pattern(&self, text: &str) -> Result<Arc<Regex>, Finding> {
        self.patterns.obtain(text.to_owned(), |text| {
            let fault = |error| Finding::NotFeasible(format!("`regex`: {error}").into());
            Regex::new(text).map_err(fault)
        })
    }

    fn system_roots(&self) -> &Arc<RootCertStore> {
        self.system_roots.get_or_init(load_system_roots)
    }
}

impl fmt::Debug for ProbeKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeKit").finish_non_exhaustive()
    }
}

impl Plan {
    pub(super) fn content<'a>(&'a self, contains: Option<&'a str>) -> Content<'a> {
        Content {
            contains,
            regex: self.pattern.as_deref(),
        }
    }

    /// Returns the plan's profile and name where the target speaks TLS, else those for a redirect to HTTPS.
    pub(super) fn for_https(
        &self,
        kit: &ProbeKit,
        tls: Option<&TlsProbe>,
        host: &str,
    ) -> Result<(Arc<Profile>, Option<ServerName<'static>>), Finding> {
        if tls.is_some() {
            return Ok((Arc::clone(&self.profile), self.wanted_name.clone()));
        }
        let usual = TlsProbe {
            server_name: Some(host.to_owned()),
            verify: true,
            ca_pem: None,
        };
        let profile = kit.profile(Some(TlsProfile::of(&usual)))?;
        Ok((profile, verified_name(&usual)?))
    }
}

/// How names are looked up where nobody says it: as the system does, with the bounds of the C library.
fn system_lookups() -> DeskSettings {
    DeskSettings {
        upstreams: Upstreams::new(&[]),
        timeout: Duration::from_secs(5),
        concurrency: 256,
        ttl_max: Duration::from_secs(3600),
        keep: Duration::from_secs(3600),
    }
}

/// Values made once for each key, for as long as somebody holds them.
struct Shared<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Entries below which nobody looks for dead ones.
const SHARED_SWEEP_MIN: usize = 64;

impl<K: Eq + Hash, V> Shared<K, V> {
    fn obtain(
        &self,
        key: K,
        make: impl FnOnce(&K) -> Result<V, Finding>,
    ) -> Result<Arc<V>, Finding> {
        // A poisoned map is as good as any: entries are inserted whole.
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = map.get(&key).and_then(Weak::upgrade) {
            return Ok(value);
        }
        let value = Arc::new(make(&key)?);
        // Dead entries go whenever the map is about to grow, so it stays within twice of what is alive.
        if map.len() >= SHARED_SWEEP_MIN && map.len() == map.capacity() {
            map.retain(|_, value| value.strong_count() > 0);
        }
        map.insert(key, Arc::downgrade(&value));
        Ok(value)
    }
}

/// Resolves every name to the address of the probe under way.
struct TraceResolver;

impl Resolve for TraceResolver {
    fn resolve(&self, _name: Name) -> Resolving {
        let trace = Trace::current();
        Box::pin(async move {
            let trace = trace.ok_or("no probe is under way in this task")?;
            Ok(Box::new(std::iter::once(trace.address)) as Addrs)
        })
    }
}

/// Marks in the trace when a connection stands, TLS included.
#[derive(Clone)]
struct MarkReady;

#[derive(Clone)]
struct MarkReadyService<S>(S);

impl<S> Layer<S> for MarkReady {
    type Service = MarkReadyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MarkReadyService(inner)
    }
}

impl<S, R> Service<R> for MarkReadyService<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connection = connecting.await?;
            if let Some(trace) = Trace::current() {
                trace.enter_exchange(Phase::Headers);
            }
            Ok(connection)
        })
    }
}
