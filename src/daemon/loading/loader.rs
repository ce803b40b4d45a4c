//! The owner of loading: settings in effect, and everything that the next load compares the disk with.
//!
//! In: results of loads. Out: settings, serving options, alarms, lines for the answer to a reload. Never here: zones that are
//! served.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::info;

use crate::admin::{Consent, WaitingReload};
use crate::answer::ServingOptions;
use crate::clock::WallTime;
use crate::compile::Flattened;
use crate::config::server_file::ServerConfig;
use crate::geo::Locations;
use crate::simulate::AnswerDiff;
use crate::timeline::{AlarmKind, EventKind};

use super::change::Waiting;
use super::job::{Beside, Brought, Failure, Job, Loaded};
use super::load_queue::LoadQueue;
use super::locations::{describe, load_possible, stamps};
use super::looks::Looks;
use super::serials::Serials;
use super::server_file::{Reread, ServerFile};
use super::serving_options::{Secrets, compose, count_workers};
use super::when::When;
use crate::daemon::certificate::CertificateWatch;
use crate::daemon::files::Stamp;
use crate::daemon::last_good::LastGood;
use crate::daemon::load::{Loading, folder_of, load_zones};
use crate::daemon::telemetry::Telemetry;
use crate::daemon::zone_set::{Pace, ZoneSet};

/// Settings, and the versions of files that are in use.
pub(in crate::daemon) struct Loader {
    /// Settings in effect.
    pub(in crate::daemon) config: ServerConfig,
    /// The file that the settings come from, if they come from one.
    pub(in crate::daemon) server_file: Option<ServerFile>,
    /// Serials of all zones that were ever served.
    pub(in crate::daemon) serials: Arc<Serials>,
    /// Location databases in use.
    pub(in crate::daemon) locations: Arc<Locations>,
    /// Certificate of encrypted transports, if any is listened on.
    pub(in crate::daemon) certificates: Option<Arc<CertificateWatch>>,
    /// Loads under way and asked for.
    pub(in crate::daemon) queue: LoadQueue,
    /// Whether the next load may change more than the bounds of `[blast-radius]`.
    pub(in crate::daemon) consent: Consent,
    /// The last good versions that outlive the process, if there is a state folder.
    kept: Option<Arc<LastGood>>,
    /// Findings of the last look at the disk.
    looks: Looks,
    location_stamps: Vec<Option<Stamp>>,
    /// The reason why the location databases cannot be used as they are now.
    location_fault: Option<String>,
    secrets: Secrets,
    /// The reason why the secret file cannot be used as it is now.
    secret_fault: Option<String>,
    /// The reload that waits for an operator, if one does.
    waiting: Option<Waiting>,
}

impl Loader {
    /// Loads everything for the first time: zones from their files, else from their last good versions. A version is kept
    /// before it is served: a crash forgets neither it nor its serial.
    ///
    /// # Errors
    /// If the zones folder cannot be read, or the system gives no random octets.
    pub(in crate::daemon) fn start(
        config: &ServerConfig,
        mut serials: Serials,
        wall: WallTime,
    ) -> Result<(Self, ZoneSet), String> {
        let location_stamps = stamps(&config.geo);
        let (locations, location_fault) = load_possible(&config.geo);
        info!("{}", describe(&locations, &config.geo));
        let (secrets, secret_fault) = Secrets::start(config)?;
        let kept = config.state.as_deref().map(LastGood::open).map(Arc::new);
        for kept in kept.iter().flat_map(|store| store.all()) {
            serials.learn(&kept.apex, kept.digest, kept.serial);
        }
        let mut serials = Arc::new(serials);
        let set = load_zones(Loading {
            folder: &config.zones,
            links: &config.zone_links,
            previous: &ZoneSet::default(),
            kept: kept.as_deref(),
            pace: Pace::AtOnce,
            consent: Consent::Open,
            serials: &mut serials,
            locations: &locations,
            are_locations_new: false,
            flattened: &Flattened::default(),
            wall,
        });
        let set = set.map_err(|fault| fault.to_string())?;
        if let Some(store) = &kept {
            let folder = folder_of(&config.zones);
            store.keep(&set, (&folder, &config.zone_links), wall);
        }
        let loader = Self {
            config: config.clone(),
            server_file: None,
            serials,
            locations: Arc::new(locations),
            certificates: None,
            queue: LoadQueue::default(),
            consent: Consent::Open,
            kept,
            looks: Looks::default(),
            location_stamps,
            location_fault: location_fault.map(|fault| fault.to_string()),
            secrets,
            secret_fault,
            waiting: None,
        };
        Ok((loader, set))
    }

    /// Begins a load on a thread of its own; the result comes out of `done`. Consent that was given is used up.
    pub(in crate::daemon) fn begin(
        &mut self,
        when: When,
        beside: Beside,
        done: &mpsc::Sender<Loaded>,
    ) {
        let job = Job {
            set: Arc::clone(&beside.served.state.set),
            serials: Arc::clone(&self.serials),
            config: self.config.clone(),
            locations: Arc::clone(&self.locations),
            location_stamps: self.location_stamps.clone(),
            location_fault: self.location_fault.clone(),
            secrets: self.secrets.clone(),
            secret_fault: self.secret_fault.clone(),
            certificates: self.certificates.clone(),
            consent: std::mem::take(&mut self.consent),
            waiting: self.waiting.as_ref().map(Waiting::known),
            kept: self.kept.clone(),
            looks: self.looks.clone(),
            server_file: self.server_file.clone(),
            beside,
        };
        let loaded = done.clone();
        let started = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || job.run_nicely(when, &loaded));
        if let Err(cause) = started {
            // There is room: at most one load is under way.
            let message = format!("cannot start a thread to load: {cause}");
            let _ = done.try_send(Err(Box::new(Failure {
                message,
                reread: None,
            })));
        }
    }

    /// Takes the versions of files that a set was loaded from; returns the set. Nothing waits for an operator any more.
    pub(in crate::daemon) fn take(
        &mut self,
        brought: Brought,
        telemetry: &mut Telemetry,
    ) -> Arc<ZoneSet> {
        self.waiting = None;
        telemetry.exposition.set("leeward_reload_waiting", &[], 0.0);
        self.serials = brought.serials;
        self.location_stamps = brought.location_stamps;
        self.location_fault = brought.location_fault;
        let fault = self.location_fault.clone();
        telemetry.set_alarm(AlarmKind::LocationDatabase, "", fault);
        if let Some(locations) = brought.locations {
            self.locations = locations;
            info!("{}", self.location_words());
        }
        Arc::new(brought.set)
    }

    /// Keeps a load that must wait for an operator; returns the answer to the one who asked for it.
    pub(in crate::daemon) fn wait(
        &mut self,
        why: String,
        change: &AnswerDiff,
        brought: Brought,
        telemetry: &mut Telemetry,
    ) -> Value {
        let wall = telemetry.wall();
        let waiting = Waiting::new((brought.set, brought.location_stamps), wall, why, change);
        let answer =
            json!({ "result": "waiting", "why": waiting.row.why, "changes": waiting.row.changes });
        let is_new = self.waiting.as_ref().is_none_or(|known| {
            (&known.row.why, &known.row.changes) != (&waiting.row.why, &waiting.row.changes)
        });
        if is_new {
            telemetry.record(EventKind::Waiting {
                why: waiting.row.why.clone(),
            });
            self.waiting = Some(waiting);
        } else if let Some(known) = &mut self.waiting {
            known.take(waiting);
        }
        let exposition = &telemetry.exposition;
        exposition.set("leeward_reload_waiting", &[], 1.0);
        exposition.add("leeward_reloads_total", &[("result", "waiting")], 1);
        answer
    }

    /// Takes new cookie secrets; a file that cannot be used leaves the ones before. Says whether the serving options change.
    pub(in crate::daemon) fn take_secrets(
        &mut self,
        brought: &mut Brought,
        telemetry: &mut Telemetry,
    ) -> bool {
        let secrets = std::mem::replace(&mut brought.secrets, Ok(None));
        let (renewed, fault) = match secrets {
            Ok(renewed) => (renewed, None),
            Err(fault) => (None, Some(fault)),
        };
        telemetry.set_alarm(AlarmKind::CookieSecrets, "", fault.clone());
        self.secret_fault = fault;
        let is_new = renewed.is_some();
        if let Some(secrets) = renewed {
            info!("cookie secrets are exchanged");
            self.secrets = secrets;
        }
        is_new
    }

    /// Takes the present content of the server file, if it was read again. Returns lines for the answer to a reload, and
    /// whether settings changed.
    pub(in crate::daemon) fn take_server_file(
        &mut self,
        reread: Option<Reread>,
        telemetry: &mut Telemetry,
    ) -> (Vec<Value>, bool) {
        let (Some(reread), Some(file)) = (reread, &mut self.server_file) else {
            return (Vec::new(), false);
        };
        let (config, renewal) = match file.take(reread) {
            Ok(taken) => taken,
            Err(fault) => {
                let line = format!("server file: {fault}; the settings before hold on");
                telemetry.set_alarm(AlarmKind::ServerFile, "", Some(fault));
                return (vec![json!(line)], false);
            }
        };
        telemetry.set_alarm(AlarmKind::ServerFile, "", None);
        let mut lines = Vec::new();
        let is_changed = !renewal.changed.is_empty();
        if is_changed {
            let line = format!("server file: {} changed", renewal.changed.join(", "));
            info!("{line}");
            lines.push(json!(line));
            self.config = config;
        }
        let waiting = renewal.waiting.join(", ");
        let waiting = (!waiting.is_empty())
            .then(|| format!("{waiting}: changed in the server file, and needs a restart"));
        lines.extend(
            waiting
                .iter()
                .map(|text| json!(format!("server file: {text}"))),
        );
        telemetry.set_alarm(AlarmKind::RestartNeeded, "", waiting);
        (lines, is_changed)
    }

    /// Composes the serving options from settings and secrets.
    pub(in crate::daemon) fn serving_options(&self) -> ServingOptions {
        compose(&self.config, &self.secrets, count_workers(&self.config))
    }

    /// Returns the reload that waits for an operator, for the status report.
    pub(in crate::daemon) fn waiting_row(&self) -> Option<WaitingReload> {
        self.waiting.as_ref().map(|waiting| waiting.row.clone())
    }

    /// Describes the location databases in use.
    pub(in crate::daemon) fn location_words(&self) -> String {
        describe(&self.locations, &self.config.geo)
    }

    /// Says whether the location databases can be used as they are now.
    pub(in crate::daemon) const fn are_locations_well(&self) -> bool {
        self.location_fault.is_none()
    }

    /// Sets the alarms about files that could not be used at the start.
    pub(in crate::daemon) fn report_start(&self, telemetry: &mut Telemetry) {
        let fault = self.location_fault.clone();
        telemetry.set_alarm(AlarmKind::LocationDatabase, "", fault);
        telemetry.set_alarm(AlarmKind::CookieSecrets, "", self.secret_fault.clone());
    }

    /// Sets the alarms about kept versions.
    pub(in crate::daemon) fn follow_kept(&self, telemetry: &mut Telemetry) {
        let Some(store) = &self.kept else {
            return;
        };
        telemetry.set_alarm(AlarmKind::LastGoodNotKept, "", store.fault());
        telemetry.replace_alarms(AlarmKind::LastGoodDamaged, store.damaged());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::admin::Exposition;
    use crate::clock::Clock;
    use crate::config::server_file::BlastRadius;
    use crate::daemon::loading::Served;
    use crate::daemon::reports::StateSnapshot;
    use crate::daemon::watching::Switches;

    fn write_zone(folder: &Path, address: &str) {
        let text = format!(
            "zone = \"a.example\"\n[names]\n\"@\".NS = \"ns.example.net.\"\nwww.A = \"{address}\"\n"
        );
        std::fs::write(folder.join("a.toml"), text).expect("a writable folder");
    }

    fn load(loader: &mut Loader, served: &ZoneSet) -> Brought {
        let beside = Beside {
            wall: WallTime::from_millis(1_800_000_000_000),
            flattened: Flattened::default(),
            served: Served {
                state: StateSnapshot::of_set(served.clone()),
                switches: Switches::default(),
                observed: Vec::new(),
            },
            is_folder_faulty: false,
        };
        let (done, mut loaded) = mpsc::channel(1);
        loader.begin(When::Always, beside, &done);
        let loaded = loaded.blocking_recv().expect("the thread answers");
        let Ok(Some(brought)) = loaded else {
            panic!("the folder can be read");
        };
        *brought
    }

    #[test]
    fn a_change_beyond_the_bounds_waits_until_an_operator_consents() {
        let folder = tempfile::tempdir().expect("a folder");
        write_zone(folder.path(), "192.0.2.1");
        let config = ServerConfig {
            zones: folder.path().to_path_buf(),
            blast_radius: BlastRadius {
                names_percent: Some(10),
                queries_percent: None,
            },
            ..ServerConfig::default()
        };
        let mut telemetry = Telemetry::start(Clock::start(), Arc::new(Exposition::new()));
        let wall = telemetry.wall();
        let (mut loader, served) =
            Loader::start(&config, Serials::default(), wall).expect("a folder that can be read");
        write_zone(folder.path(), "192.0.2.2");
        let mut brought = load(&mut loader, &served);
        let why = brought.must_wait.take().expect("half of the names change");
        let change = brought.change.take().expect("it was compared");
        let answer = loader.wait(why, &change, brought, &mut telemetry);
        assert_eq!(answer["result"], "waiting");
        assert!(loader.waiting_row().is_some());
        loader.consent = Consent::Given;
        let brought = load(&mut loader, &served);
        assert_eq!(brought.must_wait, None);
        assert_eq!(loader.consent, Consent::Open, "consent is used up");
        let set = loader.take(brought, &mut telemetry);
        assert!(loader.waiting_row().is_none());
        assert_ne!(set.zones[0].digest, served.zones[0].digest);
    }
}
