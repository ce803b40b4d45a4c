//! State that all probes of a process share: TLS settings, compiled patterns, limits.
//!
//! In: targets. Out: prepared targets, so that a probe compiles and builds nothing. Never here: schedules.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use regex::bytes::Regex;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use super::content::Content;
use super::exec::{CommandCounters, CommandSettings, Commands};
use super::reach::Reach;
use super::sessions::Sessions;
use super::tls::{TlsProfile, install_provider, load_system_roots, make_config, verified_name};
use crate::clock::Clock;
use crate::health::{Finding, Target, TlsProbe};
use crate::resolver::{LookupSettings, Names, Upstreams};

/// State that all probes share; one per process.
pub struct ProbeContext {
    pub(super) clock: Clock,
    pub(super) names: Names,
    pub(super) reach: Reach,
    /// Runner of commands; `None` where they are off.
    pub(super) commands: Option<Commands>,
    user_agent: Box<str>,
    system_roots: OnceLock<Arc<RootCertStore>>,
    profiles: Shared<Option<TlsProfile>, Profile>,
    patterns: Shared<String, Regex>,
}

/// Target with all that its probes need, made in advance.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) target: Arc<Target>,
    /// The plan, or the reason why the target can never be probed.
    pub(super) plan: Result<Plan, Finding>,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) profile: Arc<Profile>,
    pub(super) wanted_name: Option<ServerName<'static>>,
    pattern: Option<Arc<Regex>>,
}

/// Configurations for one set of TLS settings.
#[derive(Debug)]
pub(super) struct Profile {
    /// Resumes sessions.
    pub(super) tls: Arc<ClientConfig>,
    /// Makes full handshakes: for probes whose aim is the certificate.
    pub(super) full_tls: Arc<ClientConfig>,
}

impl ProbeContext {
    /// Makes a context that probes what is within reach.
    pub fn new(user_agent: &str, reach: impl Into<Reach>, clock: Clock) -> Arc<Self> {
        Self::with_commands(user_agent, reach, clock, None, None)
    }

    /// Makes a context that can run commands too, and looks names up with `names`.
    pub fn with_commands(
        user_agent: &str,
        reach: impl Into<Reach>,
        clock: Clock,
        commands: Option<CommandSettings>,
        names: Option<Names>,
    ) -> Arc<Self> {
        install_provider();
        Arc::new(Self {
            clock,
            names: names.unwrap_or_else(|| Names::alone(system_lookups(), clock)),
            reach: reach.into(),
            commands: commands.map(|settings| Commands::new(settings, clock)),
            user_agent: user_agent.into(),
            system_roots: OnceLock::new(),
            profiles: Shared::default(),
            patterns: Shared::default(),
        })
    }

    /// Returns how many certificate authorities the system has; loads them at the first call.
    pub fn count_system_roots(&self) -> usize {
        self.system_roots().len()
    }

    /// Returns the counters of commands, where they are on.
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

    /// Returns the default `User-Agent` of HTTP probes.
    pub(super) fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// Returns the configuration for a profile; plain HTTP needs none.
    pub(super) fn profile(&self, profile: Option<TlsProfile>) -> Result<Arc<Profile>, Finding> {
        self.profiles.obtain(profile, |profile| {
            // A probe without TLS has a profile too, which may be needed after a redirect; the cheapest does.
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
                tls: Arc::new(tls),
                full_tls: Arc::new(full_tls),
            })
        })
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

impl fmt::Debug for ProbeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeContext").finish_non_exhaustive()
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
        context: &ProbeContext,
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
        let profile = context.profile(Some(TlsProfile::of(&usual)))?;
        Ok((profile, verified_name(&usual)?))
    }
}

/// Default settings of lookups: as the system's, with the bounds of the C library.
fn system_lookups() -> LookupSettings {
    LookupSettings {
        upstreams: Upstreams::new(&[]),
        timeout: Duration::from_secs(5),
        concurrency: 256,
        ttl_max: Duration::from_secs(3600),
        keep: Duration::from_secs(3600),
    }
}

/// Values made once for each key, for as long as any holder lives.
struct Shared<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Entries below which dead ones are not searched for.
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
