//! Every metric by name, kind, unit and meaning: one table, for registration and for the manual.

/// Kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// Buckets of seconds.
    Histogram,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Labels; all come from configuration or fixed lists, never from packets.
    pub labels: &'static [&'static str],
    /// Meaning.
    pub help: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        help,
    }
}

/// Every metric of the server.
pub const METRICS: &[Metric] = &[
    metric(
        "leeward_build_info",
        Kind::Gauge,
        &["version"],
        "Always 1; the version is a label.",
    ),
    metric(
        "leeward_alarms",
        Kind::Gauge,
        &["kind"],
        "Alarms that last: conditions that an operator must know, listed by leeward status.",
    ),
    metric(
        "leeward_alarms_unlisted_total",
        Kind::Counter,
        &[],
        "Alarms that are listed nowhere because too many last.",
    ),
    metric(
        "leeward_queries_total",
        Kind::Counter,
        &["transport", "type", "rcode"],
        "Queries answered.",
    ),
    metric(
        "leeward_answers_total",
        Kind::Counter,
        &["transport", "source"],
        "Answers by what they were made from.",
    ),
    metric(
        "leeward_queries_dropped_total",
        Kind::Counter,
        &["transport", "reason"],
        "Queries that got no answer.",
    ),
    metric(
        "leeward_answers_truncated_total",
        Kind::Counter,
        &[],
        "Answers sent with TC set.",
    ),
    metric(
        "leeward_answers_slipped_total",
        Kind::Counter,
        &[],
        "Answers sent empty with TC set because the client's prefix was over its rate.",
    ),
    metric(
        "leeward_cookies_total",
        Kind::Counter,
        &["worth"],
        "Queries with a cookie: client-only, bad, or valid.",
    ),
    metric(
        "leeward_udp_batches_total",
        Kind::Counter,
        &["size_max"],
        "Receive calls by how many datagrams they took, up to size_max; not cumulative.",
    ),
    metric(
        "leeward_udp_errors_total",
        Kind::Counter,
        &["event"],
        "Errors of UDP sockets.",
    ),
    metric(
        "leeward_udp_kernel_drops_total",
        Kind::Counter,
        &[],
        "Datagrams that the kernel dropped because a socket's buffer was full.",
    ),
    metric(
        "leeward_connections_total",
        Kind::Counter,
        &["transport", "event"],
        "Connections by what became of them.",
    ),
    metric(
        "leeward_connections",
        Kind::Gauge,
        &["transport"],
        "Connections open now.",
    ),
    metric(
        "leeward_certificate_days_left",
        Kind::Gauge,
        &[],
        "Days until the certificate of encrypted transports ends; below 0 it has ended.",
    ),
    metric(
        "leeward_probes_total",
        Kind::Counter,
        &["zone", "check", "outcome"],
        "Probes finished: good, bad, or no-evidence when the fault was our own.",
    ),
    metric(
        "leeward_probe_duration_seconds",
        Kind::Histogram,
        &["zone", "check"],
        "Time from the start of a probe to its verdict.",
    ),
    metric(
        "leeward_probe_late_total",
        Kind::Counter,
        &[],
        "Probes that started more than 0.1 s after they were due.",
    ),
    metric(
        "leeward_probe_lateness_seconds",
        Kind::Histogram,
        &[],
        "Time from when a probe was due to its start.",
    ),
    metric(
        "leeward_probes_crowded_total",
        Kind::Counter,
        &["room"],
        "Probes that started late because no place was free: network, or commands.",
    ),
    metric(
        "leeward_probes_waiting",
        Kind::Gauge,
        &["room"],
        "Probes that are due and wait for a place.",
    ),
    metric(
        "leeward_probe_places",
        Kind::Gauge,
        &["room"],
        "Places for probes under way.",
    ),
    metric(
        "leeward_probe_places_taken",
        Kind::Gauge,
        &["room"],
        "Places that probes hold now.",
    ),
    metric(
        "leeward_probe_threads_silent",
        Kind::Gauge,
        &[],
        "Threads of probes that ended or stand still.",
    ),
    metric(
        "leeward_probes_in_flight",
        Kind::Gauge,
        &[],
        "Probes under way now.",
    ),
    metric(
        "leeward_exec_helper_up",
        Kind::Gauge,
        &[],
        "1 while the process that runs the commands of checks is alive; it starts with the first command.",
    ),
    metric(
        "leeward_exec_helper_starts_total",
        Kind::Counter,
        &[],
        "Starts of that process, failed ones included; more than one says that it died.",
    ),
    metric(
        "leeward_exec_running",
        Kind::Gauge,
        &[],
        "Commands of checks that run now.",
    ),
    metric(
        "leeward_probes_skipped_total",
        Kind::Counter,
        &[],
        "Probes left out because the one before took, or waited for a place, longer than the interval.",
    ),
    metric(
        "leeward_watched_targets",
        Kind::Gauge,
        &[],
        "Targets to which a quiet connection is held, or is being made.",
    ),
    metric(
        "leeward_confirming_probes_total",
        Kind::Counter,
        &[],
        "Probes that ran because a quiet connection ended.",
    ),
    metric(
        "leeward_targets",
        Kind::Gauge,
        &["status"],
        "Targets by status, each counted once however often it is used.",
    ),
    metric(
        "leeward_targets_degraded",
        Kind::Gauge,
        &[],
        "Healthy targets that are degraded: slow or lossy by their check's `degraded`.",
    ),
    metric(
        "leeward_failbacks_held",
        Kind::Gauge,
        &[],
        "Failovers in which an earlier tier is healthy and waits for its failback.",
    ),
    metric(
        "leeward_self_doubt",
        Kind::Gauge,
        &[],
        "1 while the server doubts itself and holds every status, else 0.",
    ),
    metric(
        "leeward_self_doubts_total",
        Kind::Counter,
        &[],
        "Times that the server began to doubt itself.",
    ),
    metric(
        "leeward_target_series_omitted",
        Kind::Gauge,
        &[],
        "Uses of targets without series of their own, because there are more than 10,000.",
    ),
    metric(
        "leeward_target_status",
        Kind::Gauge,
        &["zone", "check", "pool", "member"],
        "1 healthy, 0 unhealthy, -1 unknown.",
    ),
    metric(
        "leeward_target_last_probe_age_seconds",
        Kind::Gauge,
        &["zone", "check", "pool", "member"],
        "Time since the last probe finished.",
    ),
    metric(
        "leeward_flatten_targets",
        Kind::Gauge,
        &["state"],
        "Flattened targets: fresh, kept while lookups fail, too-old (their members are unhealthy), or unresolved.",
    ),
    metric(
        "leeward_flatten_lookups_total",
        Kind::Counter,
        &["outcome"],
        "Lookups of one family of a flattened target: found, empty, or failed.",
    ),
    metric(
        "leeward_flatten_changes_total",
        Kind::Counter,
        &[],
        "Changes of the addresses of flattened targets.",
    ),
    metric(
        "leeward_names",
        Kind::Gauge,
        &["state"],
        "Names looked up in the last ten minutes, for probes and flattened targets: found, missing, kept (lookups fail, the last addresses are used), or silent.",
    ),
    metric(
        "leeward_name_lookups_total",
        Kind::Counter,
        &["outcome"],
        "Lookups of names: found, empty, or failed.",
    ),
    metric(
        "leeward_transitions_total",
        Kind::Counter,
        &["zone", "check", "to"],
        "Changes of status.",
    ),
    metric(
        "leeward_flip_seconds",
        Kind::Histogram,
        &[],
        "From the observation that crossed a threshold to the published world.",
    ),
    metric(
        "leeward_reloads_total",
        Kind::Counter,
        &["result"],
        "Loads of the zones directory.",
    ),
    metric(
        "leeward_reload_waiting",
        Kind::Gauge,
        &[],
        "1 while a reload waits for an operator.",
    ),
    metric(
        "leeward_log_lines_dropped_total",
        Kind::Counter,
        &[],
        "Log lines that were lost because nobody read them, or because they could not be written.",
    ),
    metric(
        "leeward_log_lines_suppressed_total",
        Kind::Counter,
        &[],
        "Log lines of libraries that were left out, because they may write ten a minute.",
    ),
    metric(
        "leeward_control_connections_total",
        Kind::Counter,
        &["event"],
        "Connections to the control API: accepted; late (no whole request in time), stalled (did not read its answer), evicted for others, or busy (refused for want of room).",
    ),
    metric(
        "leeward_control_refused_total",
        Kind::Counter,
        &["reason"],
        "Requests to the control API that were not let in: foreign-host, foreign-page, or no-header (a change without X-Leeward-Request).",
    ),
    metric(
        "leeward_state_saved_age_seconds",
        Kind::Gauge,
        &[],
        "Time since the whole state was saved last, or since the start; absent without a state folder.",
    ),
    metric(
        "leeward_state_saves_total",
        Kind::Counter,
        &["result"],
        "Saves of the state: saved or failed.",
    ),
    metric(
        "leeward_state_entries_lost",
        Kind::Gauge,
        &[],
        "Entries of the saved state that could not be read at the start.",
    ),
    metric(
        "leeward_zone_serial",
        Kind::Gauge,
        &["zone"],
        "Serial of the SOA.",
    ),
    metric(
        "leeward_zone_refused",
        Kind::Gauge,
        &["file"],
        "1 while a zone file is refused.",
    ),
    metric(
        "leeward_zone_last_good",
        Kind::Gauge,
        &["zone"],
        "1 while the last good version of a zone is served, because its file is refused, gone or cannot be read.",
    ),
    metric(
        "leeward_zone_warnings",
        Kind::Gauge,
        &["zone"],
        "Warnings about the file that a zone is served from; no series without any.",
    ),
    metric(
        "leeward_zones_removed_total",
        Kind::Counter,
        &[],
        "Zones that an operator let go.",
    ),
    metric(
        "leeward_names_changed_total",
        Kind::Counter,
        &["change"],
        "Names that were added to zones, or removed from them, by loads.",
    ),
    metric(
        "leeward_zone_loaded_timestamp_seconds",
        Kind::Gauge,
        &["zone"],
        "When the content that is served was loaded, as Unix time.",
    ),
    metric("leeward_zones", Kind::Gauge, &[], "Zones served."),
    metric(
        "leeward_world_generation",
        Kind::Gauge,
        &[],
        "Generation of the published world.",
    ),
    metric(
        "leeward_worlds_retired",
        Kind::Gauge,
        &[],
        "Old worlds that a reader still holds.",
    ),
];
