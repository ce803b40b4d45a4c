//! Metrics as Prometheus text: kept handles over the `metrics` crate and its exporter.
//!
//! In: counts, gauges and durations with labels from configuration. Out: text for collectors. Never here: labels from
//! packets, clocks.
//!
//! Three registries stand behind one text. Metrics of targets live in one that a load replaces whole, so that a target
//! that is gone leaves none behind; metrics of zones live in one that is replaced when a zone goes; all others live as
//! long as the process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::metrics::{Kind, METRICS};

/// Bounds of the buckets of probes, in seconds; timeouts end at 60 s (rule a35), most below 10 s.
const PROBE_BUCKETS: [f64; 15] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Bounds of the buckets of flips, in seconds; the goal is below 0.01.
const FLIP_BUCKETS: [f64; 11] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0,
];
/// Most label sets of one kind and registry; further ones are dropped. Chosen: 100,000 targets with two gauges.
const LABEL_SETS_MAX: usize = 200_000;
const METADATA: Metadata<'static> = Metadata::new("leeward", Level::INFO, None);

/// Every metric of the process.
#[derive(Debug)]
pub struct Exposition {
    kept: Registry,
    zones: Mutex<Registry>,
    loaded: Mutex<Registry>,
}

/// Gauges of the zones of one load: filled beside those of the last load, then put in their place.
#[derive(Debug)]
pub struct LoadGauges(Registry);

/// Handles by label set, made once and kept.
struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    counters: Mutex<HashMap<Key, Counter>>,
    gauges: Mutex<HashMap<Key, Gauge>>,
    histograms: Mutex<HashMap<Key, Histogram>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Default for Exposition {
    fn default() -> Self {
        Self::new()
    }
}

impl Exposition {
    /// Makes the registries with every metric described.
    pub fn new() -> Self {
        Self {
            kept: Registry::new(),
            zones: Mutex::new(Registry::new()),
            loaded: Mutex::new(Registry::new()),
        }
    }

    /// Adds to a counter.
    pub fn add(&self, name: &'static str, labels: &[(&'static str, &str)], times: u64) {
        self.kept.counter(name, labels).increment(times);
    }

    /// Sets a counter to a total that is kept elsewhere.
    pub fn total(&self, name: &'static str, labels: &[(&'static str, &str)], total: u64) {
        self.kept.counter(name, labels).absolute(total);
    }

    /// Sets a gauge of the process.
    pub fn set(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.kept.gauge(name, labels).set(value);
    }

    /// Records a duration in seconds.
    pub fn record(&self, name: &'static str, labels: &[(&'static str, &str)], seconds: f64) {
        self.kept.histogram(name, labels).record(seconds);
    }

    /// Replaces the gauges of loaded zones; none of the load before remain.
    pub fn put(&self, gauges: LoadGauges) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = gauges.0;
    }

    /// Returns the gauge of a zone, to keep: a set takes a nanosecond, and has effect until [`Self::clear_zones`].
    pub fn zone_gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> GaugeHandle {
        let zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        GaugeHandle(zones.gauge(name, labels))
    }

    /// Removes the metrics of zones.
    pub fn clear_zones(&self) {
        *self.zones.lock().unwrap_or_else(PoisonError::into_inner) = Registry::new();
    }

    /// Writes every metric as Prometheus text, always in the same order.
    pub fn render(&self) -> String {
        let handle = |registry: &Mutex<Registry>| {
            let registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
            registry.handle.clone()
        };
        let (zones, loaded) = (handle(&self.zones), handle(&self.loaded));
        arrange(&format!(
            "{}\n{}\n{}",
            self.kept.handle.render(),
            zones.render(),
            loaded.render()
        ))
    }

    /// Returns whether the label sets of some kind are at their bound: further ones are dropped.
    pub fn is_full(&self) -> bool {
        let is_full = |registry: &Mutex<Registry>| {
            let registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
            registry.is_full()
        };
        self.kept.is_full() || is_full(&self.zones) || is_full(&self.loaded)
    }

    /// Folds recorded samples into their buckets; call every few seconds, or samples pile up.
    pub fn upkeep(&self) {
        self.kept.handle.run_upkeep();
    }
}

impl Default for LoadGauges {
    fn default() -> Self {
        Self(Registry::new())
    }
}

impl LoadGauges {
    /// Makes a gauge with its first value, to keep: a set takes a nanosecond, and has effect until the next load.
    pub fn gauge(
        &self,
        name: &'static str,
        labels: &[(&'static str, &str)],
        value: f64,
    ) -> GaugeHandle {
        let gauge = self.0.gauge(name, labels);
        gauge.set(value);
        GaugeHandle(gauge)
    }
}

/// One gauge of loaded zones.
#[derive(Clone)]
pub struct GaugeHandle(Gauge);

impl std::fmt::Debug for GaugeHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GaugeHandle")
    }
}

impl GaugeHandle {
    /// Sets the value.
    pub fn set(&self, value: f64) {
        self.0.set(value);
    }
}

impl Registry {
    fn new() -> Self {
        let flips = Matcher::Full("leeward_flip_seconds".to_owned());
        let builder = PrometheusBuilder::new()
            .set_buckets(&PROBE_BUCKETS)
            .and_then(|builder| builder.set_buckets_for_metric(flips, &FLIP_BUCKETS));
        let builder = builder.expect("bounds are given, so buckets are not empty");
        let recorder = builder.build_recorder();
        for metric in METRICS {
            let (name, help) = (metric.name.into(), metric.help.into());
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram => recorder.describe_histogram(name, None, help),
            }
        }
        Self {
            handle: recorder.handle(),
            recorder,
            counters: Mutex::default(),
            gauges: Mutex::default(),
            histograms: Mutex::default(),
        }
    }

    fn is_full(&self) -> bool {
        is_map_full(&self.counters) || is_map_full(&self.gauges) || is_map_full(&self.histograms)
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        let make = |key: &Key| self.recorder.register_counter(key, &METADATA);
        handle(&self.counters, name, labels, make).unwrap_or_else(Counter::noop)
    }

    fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        let make = |key: &Key| self.recorder.register_gauge(key, &METADATA);
        handle(&self.gauges, name, labels, make).unwrap_or_else(Gauge::noop)
    }

    fn histogram(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Histogram {
        let make = |key: &Key| self.recorder.register_histogram(key, &METADATA);
        handle(&self.histograms, name, labels, make).unwrap_or_else(Histogram::noop)
    }
}

fn is_map_full<T>(kept: &Mutex<HashMap<Key, T>>) -> bool {
    kept.lock().unwrap_or_else(PoisonError::into_inner).len() >= LABEL_SETS_MAX
}

/// Finds the handle of a label set or makes it; `None` if there are too many.
fn handle<T: Clone>(
    kept: &Mutex<HashMap<Key, T>>,
    name: &'static str,
    labels: &[(&'static str, &str)],
    make: impl FnOnce(&Key) -> T,
) -> Option<T> {
    debug_assert!(is_described(name, labels), "{name} {labels:?}");
    let labels: Vec<Label> = labels
        .iter()
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect();
    let key = Key::from_parts(name, labels);
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = kept.get(&key) {
        return Some(found.clone());
    }
    if kept.len() >= LABEL_SETS_MAX {
        return None;
    }
    let made = make(&key);
    kept.insert(key, made.clone());
    Some(made)
}

/// Returns whether a metric stands in the table with these labels.
fn is_described(name: &str, labels: &[(&'static str, &str)]) -> bool {
    let found = METRICS.iter().find(|metric| metric.name == name);
    found.is_some_and(|metric| {
        let given = labels.iter().map(|(name, _)| *name);
        metric.labels.iter().copied().eq(given)
    })
}

/// Puts families in alphabetical order, and the samples of all but histograms, whose buckets have an order already.
fn arrange(text: &str) -> String {
    let mut families: Vec<Vec<&str>> = text
        .split("\n\n")
        .map(|family| family.lines().filter(|line| !line.is_empty()).collect())
        .filter(|family: &Vec<&str>| !family.is_empty())
        .collect();
    for family in &mut families {
        let is_histogram = family
            .iter()
            .any(|line| line.starts_with("# TYPE ") && line.ends_with(" histogram"));
        if !is_histogram {
            let comments = family.iter().filter(|line| line.starts_with('#')).count();
            family[comments..].sort_unstable();
        }
    }
    families.sort_by_key(|family| family[0].split(' ').nth(2).unwrap_or_default());
    let mut arranged = String::with_capacity(text.len());
    for line in families.iter().flatten() {
        arranged.push_str(line);
        arranged.push('\n');
    }
    arranged
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: [(&str, &str); 4] = [
        ("zone", "shop.example.com"),
        ("check", "web"),
        ("pool", "us-east"),
        ("member", "192.0.2.10"),
    ];

    #[test]
    fn says_nothing_about_targets_that_are_gone() {
        let exposition = Exposition::new();
        let gauges = LoadGauges::default();
        let kept = gauges.gauge("leeward_target_status", &TARGET, -1.0);
        exposition.put(gauges);
        kept.set(1.0);
        let sample = "leeward_target_status{zone=\"shop.example.com\",check=\"web\",pool=\"us-east\",\
                      member=\"192.0.2.10\"} 1\n";
        assert!(
            exposition.render().contains(sample),
            "{}",
            exposition.render()
        );
        exposition.put(LoadGauges::default());
        kept.set(0.0);
        assert!(!exposition.render().contains("leeward_target_status{"));
    }

    #[test]
    fn says_when_label_sets_are_left_out() {
        let exposition = Exposition::new();
        for number in 0..LABEL_SETS_MAX {
            assert!(!exposition.is_full(), "{number}");
            let zone = number.to_string();
            exposition.set("leeward_zone_serial", &[("zone", &zone)], 1.0);
        }
        assert!(exposition.is_full());
    }

    #[test]
    fn writes_families_once_and_in_order() {
        let exposition = Exposition::new();
        exposition.set("leeward_zones", &[], 2.0);
        for (result, times) in [("loaded", 3), ("failed", 1)] {
            exposition.add("leeward_reloads_total", &[("result", result)], times);
        }
        let gauges = LoadGauges::default();
        gauges.gauge("leeward_zone_serial", &[("zone", "b.example")], 7.0);
        gauges.gauge(
            "leeward_zone_serial",
            &[("zone", "a.example")],
            2_026_112_201.0,
        );
        exposition.put(gauges);
        let wanted = "\
# HELP leeward_reloads_total Loads of the zones directory.
# TYPE leeward_reloads_total counter
leeward_reloads_total{result=\"failed\"} 1
leeward_reloads_total{result=\"loaded\"} 3
# HELP leeward_zone_serial Serial of the SOA.
# TYPE leeward_zone_serial gauge
leeward_zone_serial{zone=\"a.example\"} 2026112201
leeward_zone_serial{zone=\"b.example\"} 7
# HELP leeward_zones Zones served.
# TYPE leeward_zones gauge
leeward_zones 2
";
        assert_eq!(exposition.render(), wanted);
    }

    #[test]
    fn every_metric_has_a_legal_name_and_its_kind_in_it() {
        let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        for metric in METRICS {
            let is_legal = |text: &str| text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
            assert!(
                metric.name.starts_with("leeward_") && is_legal(metric.name),
                "{}",
                metric.name
            );
            assert!(
                metric.labels.iter().all(|label| is_legal(label)),
                "{}",
                metric.name
            );
            let is_total = metric.name.ends_with("_total");
            assert_eq!(is_total, metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len(), "a name stands twice");
    }
}
