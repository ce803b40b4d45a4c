//! Starts a server from a configuration, and stops it again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::admin::{Ask, Asking, Exposition};
use crate::clock::{Clock, Moment, WallTime, format_duration};
use crate::config::server_file::ServerConfig;
use crate::health::{SAVED_AGE_MAX, SavedStatus, Targets};
use crate::probe::{Reach, Report};
use crate::publish::Current;
use crate::resolver::{LookedUp, Names};
use crate::server::{Drained, Listen, raise_descriptor_limit};

use super::control_loop::{ControlLoop, Sources};
use super::listening::{self, Late, Recipe};
use super::loading::{Loader, ServerFile};
use super::notify::{Notifier, Word};
use super::own_names::own_zones;
use super::publishing::{Flattening, ZonePublisher, lookup_settings};
use super::reports::Reporter;
use super::saving::{self, Done, Saver};
use super::start_fault::StartFault;
use super::telemetry::Telemetry;
use super::watching::{Heartbeats, Shares, Switches, Watcher, probe_settings, start_prober};
use super::zone_set::ZoneSet;

/// Probe reports that wait for the control loop.
const REPORTS_MAX: usize = 8_192;
/// Descriptors that every usual system allows.
const DESCRIPTORS_USUAL: u64 = 1_024;
/// Requests of control that wait for the control loop: more than the API has places for requests.
const ASKS_MAX: usize = 512;

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// Every address that answered queries from the start.
    listen: Listen,
    transports: Arc<listening::Running>,
    control_loop: JoinHandle<()>,
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
    let (mut control_loop, set, saves) = prepare(&config, clock, Arc::clone(&exposition))?;
    control_loop.loading.server_file = file.map(ServerFile::start);
    control_loop.loading.certificates = opened.certificates;
    let (stop, stopping) = watch::channel(false);
    let (sink, reports) = mpsc::channel(REPORTS_MAX);
    let http = opened.listener.as_ref();
    let http = http.and_then(|listener| listener.local_addr().ok());
    let mut lookups = begin_probing(&mut control_loop, shares, http, sink, &stopping);
    control_loop
        .begin_answers(set, &opened.awaited, &mut lookups)
        .await;
    let recipe = recipe_of(&config, &control_loop);
    let mut server = recipe.start(opened.bound)?;
    control_loop.telemetry.transports.attend_to(&mut server);
    let (asks, asked) = mpsc::channel(ASKS_MAX);
    let (reloads, reload) = mpsc::channel(1);
    let (came, tries) = mpsc::channel(1);
    let asking = Asking {
        asks: asks.clone(),
        exposition,
        pulse: Arc::clone(&control_loop.telemetry.pulse),
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
    control_loop.notifier.tell(Word::Ready);
    Ok(Running {
        listen,
        transports,
        set: Arc::clone(control_loop.publishing.set()),
        current: control_loop.publishing.current(),
        control_loop: tokio::spawn(control_loop.run(sources)),
        late: late.begin(),
        asks,
        reloads,
        stop,
    })
}

/// Returns how transports are started that serve what the control loop publishes.
fn recipe_of(config: &ServerConfig, control_loop: &ControlLoop) -> Recipe {
    Recipe {
        config: config.clone(),
        clock: control_loop.clock,
        current: control_loop.publishing.current(),
        certificates: control_loop.loading.certificates.clone(),
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

/// Begins probes and lookups; returns what is looked up. Our own control address is never probed.
fn begin_probing(
    control_loop: &mut ControlLoop,
    shares: Shares,
    http: Option<SocketAddr>,
    sink: mpsc::Sender<Report>,
    stopping: &watch::Receiver<bool>,
) -> mpsc::Receiver<LookedUp> {
    let (config, clock) = (&control_loop.loading.config, control_loop.clock);
    let own = own_zones(control_loop.publishing.current());
    let settings = lookup_settings(&config.resolver, shares.lookups);
    let flattening = &mut control_loop.publishing.flattening;
    let (queue, lookups) = flattening.open_queue(settings, own, clock, stopping.clone());
    let names = Names::at(queue, clock);
    let reach = Reach {
        allow: config.probe.allow.clone(),
        // As configured too: where it could not be bound yet, it may be later.
        own: http.into_iter().chain(config.http).collect(),
    };
    let probing = probe_settings(config, shares, reach, names.clone());
    let handle = start_prober(probing, sink, clock, stopping.clone());
    control_loop.watching.probing.begin(handle, names);
    lookups
}

/// Loads zones, locations and saved state into a control loop without prober and sockets; returns the zones, which are not in
/// place yet, and what becomes of saves.
fn prepare(
    config: &ServerConfig,
    clock: Clock,
    exposition: Arc<Exposition>,
) -> Result<(ControlLoop, ZoneSet, mpsc::Receiver<Done>), StartFault> {
    let (now, wall) = (clock.now(), clock.wall());
    let (saved, saving, saves) = begin_saving(config, now);
    let (loading, set) = Loader::start(config, saved.serials, wall).map_err(StartFault)?;
    let orders = saved.orders;
    let watching = Watcher::new(
        restore_targets(saved.statuses, now, wall),
        Heartbeats::restore(orders.heartbeats, now, wall),
        Switches::restore(orders.switches),
    );
    let flattening = Flattening::new(&config.resolver, saved.flattened);
    let control_loop = ControlLoop {
        clock,
        watching,
        loading,
        publishing: ZonePublisher::new(orders.zones, flattening),
        telemetry: Telemetry::start(clock, exposition),
        reports: Reporter::default(),
        saving,
        notifier: Notifier::from_environment(),
    };
    Ok((control_loop, set, saves))
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
) -> (saving::Saved, Saver, mpsc::Receiver<Done>) {
    let folder = config.state.as_deref();
    let (saved, damages) = folder.map_or_else(Default::default, saving::read);
    let read = (saved.sequence, damages);
    let (saver, saves) = Saver::start(config.state.clone(), read, now);
    (saved, saver, saves)
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

    /// Returns the way to ask the control loop.
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
        let _ = self.control_loop.await;
        self.transports.end().await
    }
}
