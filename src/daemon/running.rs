//! Starts a server from a configuration, and stops it again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::clock::{Clock, Moment, WallTime, format_duration};
use crate::config::server_file::{ExecSettings, ServerConfig};
use crate::control::{Ask, Asking, Exposition};
use crate::health::{SAVED_AGE_MAX, SavedStatus, Targets};
use crate::place::Locations;
use crate::probe::{CommandSettings, Reach, Report};
use crate::publish::{Current, Publisher, SavedZone};
use crate::resolve::{LookedUp, Names};
use crate::server::{Drained, Listen, raise_descriptor_limit};
use crate::zone::Snapshot;

use super::flatten::{Flattening, lookup_settings};
use super::heartbeats::Heartbeats;
use super::keeper::{Keeper, Sources};
use super::listening::{self, Late, Recipe};
use super::loading::{Loader, ServerFile};
use super::notify::{Notifier, Word};
use super::orders::Orders;
use super::own_names::own_zones;
use super::rehearsal::REHEARSALS_MAX;
use super::saving::{Done, Saving};
use super::state;
use super::switches::Switches;
use super::telemetry::Telemetry;
use super::watching::{Shares, Watcher, probe_settings, start_prober};
use super::zone_set::ZoneSet;

/// The verb by which the helper process is started; see `serve_commands`.
pub const COMMANDS_VERB: &str = "serve-commands";
/// Probe reports that wait for the keeper.
const REPORTS_MAX: usize = 8_192;
/// Descriptors that every usual system allows.
const DESCRIPTORS_USUAL: u64 = 1_024;
/// Requests of control that wait for the keeper: more than the API has places for requests.
const ASKS_MAX: usize = 512;

/// Why a server could not start, in words: verb, object, cause.
#[derive(Debug)]
pub struct StartFault(pub String);

impl std::fmt::Display for StartFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartFault {}

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// Every address that answered queries from the start.
    listen: Listen,
    transports: Arc<listening::Running>,
    keeper: JoinHandle<()>,
    /// Tries again what could not be listened on.
    late: Option<JoinHandle<()>>,
    asks: mpsc::Sender<Ask>,
    reloads: mpsc::Sender<()>,
    stop: watch::Sender<bool>,
    set: Arc<ZoneSet>,
    current: Arc<Current>,
}

/// Starts everything: zones are loaded, sockets bound, probes begun, before this returns.
///
/// # Errors
/// If the zones folder or a location database cannot be read, or no address can be bound.
pub async fn start(config: ServerConfig, clock: Clock) -> Result<Running, StartFault> {
    start_from(config, None, clock).await
}

/// Starts everything from settings that a server file says; the file is followed from then on.
///
/// # Errors
/// As for [`start`].
pub async fn start_from(
    config: ServerConfig,
    file: Option<PathBuf>,
    clock: Clock,
) -> Result<Running, StartFault> {
    let exposition = begin_metrics();
    // Sockets first: an address in use is the fault that is mended quickest.
    let shares = Shares::of(descriptors(), &config);
    let opened = listening::open(&config, clock).await?;
    let (mut keeper, saves) = prepare(&config, clock, Arc::clone(&exposition))?;
    keeper.loading.server_file = file.map(ServerFile::start);
    keeper.loading.certificates = opened.certificates;
    keeper.awaited.clone_from(&opened.awaited);
    let (stop, stopping) = watch::channel(false);
    let (sink, reports) = mpsc::channel(REPORTS_MAX);
    let http = opened.listener.as_ref();
    let http = http.and_then(|listener| listener.local_addr().ok());
    let mut lookups = begin_probing(&mut keeper, shares, http, sink, &stopping);
    keeper.begin_answers(&mut lookups).await;
    let recipe = Recipe::of(&config, &keeper);
    let mut server = recipe.start(opened.bound)?;
    keeper.telemetry.transports.attend_to(&mut server);
    let (asks, asked) = mpsc::channel(ASKS_MAX);
    let (reloads, reload) = mpsc::channel(1);
    let (came, tries) = mpsc::channel(1);
    let asking = Asking {
        asks: asks.clone(),
        exposition,
        pulse: Arc::clone(&keeper.telemetry.pulse),
        hosts: config.http_hosts.clone().into(),
        clock,
    };
    let sources = Sources {
        reports,
        lookups,
        asks: asked,
        reloads: reload,
        saves,
        came: tries,
        stop: stopping.clone(),
    };
    let set = Arc::clone(&keeper.set);
    let current = keeper.publisher.current();
    let transports = Arc::new(listening::Running::default());
    let listen = server.listen().clone();
    transports.add(server);
    if let Some(listener) = opened.listener {
        transports.control(listener, asking.clone(), stopping.clone());
    }
    let late = Late {
        awaited: opened.awaited,
        recipe,
        asking,
        came,
        running: Arc::clone(&transports),
        stopping,
    };
    keeper.notifier.tell(Word::Ready);
    Ok(Running {
        listen,
        transports,
        keeper: tokio::spawn(keeper.run(sources)),
        late: late.begin(),
        asks,
        reloads,
        stop,
        set,
        current,
    })
}

impl Keeper {
    /// Puts the zones in place, before the first query is read.
    async fn begin_answers(&mut self, lookups: &mut mpsc::Receiver<LookedUp>) {
        self.tell_started();
        self.publish_conduct();
        self.put_in_place(&ZoneSet::default());
        self.resolve_first(lookups).await;
    }
}

/// Makes the metrics, with the version among them.
fn begin_metrics() -> Arc<Exposition> {
    let exposition = Exposition::new();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    exposition.set("leeward_build_info", &version, 1.0);
    Arc::new(exposition)
}

/// Returns how many descriptors may be open, after raising that as far as the system lets us.
fn descriptors() -> u64 {
    raise_descriptor_limit().unwrap_or_else(|cause| {
        warn!("raise the limit of open descriptors: {cause}; {DESCRIPTORS_USUAL} are counted on");
        DESCRIPTORS_USUAL
    })
}

/// Returns the number of UDP threads.
pub(super) fn count_workers(config: &ServerConfig) -> usize {
    let count_cores = || std::thread::available_parallelism().map_or(1, usize::from);
    config.workers.unwrap_or_else(count_cores)
}

/// Begins probes and lookups; returns what is looked up. Our own control address is never probed.
fn begin_probing(
    keeper: &mut Keeper,
    shares: Shares,
    http: Option<SocketAddr>,
    sink: mpsc::Sender<Report>,
    stopping: &watch::Receiver<bool>,
) -> mpsc::Receiver<LookedUp> {
    let (config, clock) = (&keeper.loading.config, keeper.clock);
    let own = own_zones(keeper.publisher.current());
    let settings = lookup_settings(&config.resolver, shares.lookups);
    let (queue, lookups) = keeper
        .flattening
        .open_queue(settings, own, clock, stopping.clone());
    let names = Names::at(queue, clock);
    keeper.watching.names = Some(names.clone());
    let reach = Reach {
        allow: config.probe.allow.clone(),
        // As configured too: where it could not be bound yet, it may be later.
        own: http.into_iter().chain(config.http).collect(),
    };
    let probing = probe_settings(config, shares, reach, names);
    keeper.watching.prober = Some(start_prober(probing, sink, clock, stopping.clone()));
    lookups
}

/// Returns how commands are run: by this same binary, started once more with a verb of its own.
pub fn command_settings(exec: &ExecSettings) -> CommandSettings {
    let program = std::env::current_exe().unwrap_or_default();
    CommandSettings {
        allow: exec.allow.clone(),
        concurrency: exec.concurrency,
        helper: (program, vec![COMMANDS_VERB.into()]),
    }
}

/// Makes a publisher without zones that knows what an earlier run held.
fn restore_publisher(saved: Vec<SavedZone>) -> Publisher {
    let mut publisher = Publisher::new(Snapshot::new(Vec::new(), Arc::new(Locations::unknown())));
    publisher.restore(saved);
    publisher
}

/// Loads zones, locations and saved state into a keeper without prober and sockets.
fn prepare(
    config: &ServerConfig,
    clock: Clock,
    exposition: Arc<Exposition>,
) -> Result<(Keeper, mpsc::Receiver<Done>), StartFault> {
    let (now, wall) = (clock.now(), clock.wall());
    let (saved, saving, saves) = begin_saving(config, now);
    let (loading, set) = Loader::start(config, saved.serials, wall).map_err(StartFault)?;
    let targets = restore_targets(saved.statuses, now, wall);
    let heartbeats = Heartbeats::restore(saved.orders.heartbeats, now, wall);
    let keeper = Keeper {
        clock,
        loading,
        set: Arc::new(set),
        publisher: restore_publisher(saved.orders.zones),
        awaited: Vec::new(),
        watching: Watcher::new(targets, heartbeats),
        switches: Switches::restore(saved.orders.switches),
        flattening: Flattening::new(&config.resolver, saved.flattened),
        ids: Vec::new(),
        telemetry: Telemetry::start(clock, exposition),
        started: now,
        saving,
        orders: Orders::default(),
        notifier: Notifier::from_environment(),
        is_ready: false,
        shelf: super::why::SharedSnapshot::default(),
        chores: super::chores::Chores::default(),
        rehearsals: Arc::new(tokio::sync::Semaphore::new(REHEARSALS_MAX)),
        is_memory_due: false,
    };
    Ok((keeper, saves))
}

fn restore_targets(saved: Vec<SavedStatus>, now: Moment, wall: WallTime) -> Targets {
    let mut targets = Targets::default();
    let restored = targets.restore(saved, now, wall);
    if restored.kept > 0 {
        let kept = restored.kept;
        info!("{kept} saved statuses are used until first probes end");
    }
    if restored.dropped > 0 {
        let dropped = restored.dropped;
        warn!(
            "{dropped} saved statuses are older than {} or later than now, and are not used: their targets count as \
             healthy until they are probed",
            format_duration(SAVED_AGE_MAX)
        );
    }
    targets
}

/// Reads what the last run saved, and prepares to save; what cannot be read is lost and told, and does not stop the start.
fn begin_saving(
    config: &ServerConfig,
    now: Moment,
) -> (state::Saved, Saving, mpsc::Receiver<Done>) {
    let folder = config.state.as_deref();
    let (saved, damages) = folder.map_or_else(Default::default, state::read);
    let read = (saved.sequence, damages);
    let (saving, saves) = Saving::begin(config.state.clone(), read, now);
    (saved, saving, saves)
}

impl Running {
    /// Returns the addresses that answer queries.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.listen.plain
    }

    /// Returns every address that answers queries, by transport.
    pub fn listen(&self) -> &Listen {
        &self.listen
    }

    /// Returns the address of metrics and control, if they are on.
    pub fn http(&self) -> Option<SocketAddr> {
        self.transports.http()
    }

    /// Returns the zones as they were at the start.
    pub fn zones(&self) -> &ZoneSet {
        &self.set
    }

    /// Returns the published world, for transports that are not the server's own.
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// Returns the way to ask the keeper.
    pub fn asks(&self) -> mpsc::Sender<Ask> {
        self.asks.clone()
    }

    /// Asks for a reload, as SIGHUP does; one that waits already is enough.
    pub fn reload(&self) {
        let _ = self.reloads.try_send(());
    }

    /// Stops everything in order: control, probes, state saved, then answers drained.
    pub async fn stop(self) -> Drained {
        self.stop.send_replace(true);
        if let Some(late) = self.late {
            let _ = late.await;
        }
        let _ = self.keeper.await;
        self.transports.end().await
    }
}
