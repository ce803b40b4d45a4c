//! Metrics as Prometheus text: kept handles over the `metrics` crate and its exporter.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::metrics::{Kind, METRICS};

/// Bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const METADATA: Metadata<'static> = Metadata::new("leeward", Level::INFO, None);

/// The registry of the process. Handles are made once a label set and kept.
pub struct Exposition {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    counters: Mutex<HashMap<Key, Counter>>,
    gauges: Mutex<HashMap<Key, Gauge>>,
    histograms: Mutex<HashMap<Key, Histogram>>,
}

impl std::fmt::Debug for Exposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}

impl Default for Exposition {
    fn default() -> Self {
        Self::new()
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> = labels
        .iter()
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect();
    Key::from_parts(name, labels)
}

impl Exposition {
    /// Makes a registry with every metric described.
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let recorder = builder.map_or_else(
            |_| PrometheusBuilder::new().build_recorder(),
            PrometheusBuilder::build_recorder,
        );
        for metric in METRICS {
            let (name, help) = (metric.name.into(), metric.help.into());
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram => recorder.describe_histogram(name, Some(Unit::Seconds), help),
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

    /// Adds to a counter.
    pub fn add(&self, name: &'static str, labels: &[(&'static str, &str)], times: u64) {
        self.counter(name, labels).increment(times);
    }

    /// Sets a counter to a total that is kept elsewhere.
    pub fn total(&self, name: &'static str, labels: &[(&'static str, &str)], total: u64) {
        self.counter(name, labels).absolute(total);
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        let key = key(name, labels);
        let mut kept = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entry(key.clone())
            .or_insert_with(|| self.recorder.register_counter(&key, &METADATA))
            .clone()
    }

    /// Sets a gauge.
    pub fn set(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        let key = key(name, labels);
        let mut kept = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entry(key.clone())
            .or_insert_with(|| self.recorder.register_gauge(&key, &METADATA))
            .set(value);
    }

    /// Records a duration in seconds.
    pub fn record(&self, name: &'static str, labels: &[(&'static str, &str)], seconds: f64) {
        let key = key(name, labels);
        let mut kept = self
            .histograms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.entry(key.clone())
            .or_insert_with(|| self.recorder.register_histogram(&key, &METADATA))
            .record(seconds);
    }

    /// Writes every metric as Prometheus text.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds recorded samples into their buckets; call every few seconds, or samples pile up.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_text_that_a_collector_reads() {
        let exposition = Exposition::new();
        exposition.total(
            "leeward_queries_total",
            &[("transport", "udp"), ("type", "A"), ("rcode", "NOERROR")],
            7,
        );
        exposition.set("leeward_zones", &[], 2.0);
        exposition.record(
            "leeward_probe_duration_seconds",
            &[("check", "web \"x\"")],
            0.004,
        );
        let text = exposition.render();
        assert!(
            text.contains(
                "leeward_queries_total{transport=\"udp\",type=\"A\",rcode=\"NOERROR\"} 7"
            ),
            "{text}"
        );
        assert!(
            text.contains(
                "leeward_probe_duration_seconds_bucket{check=\"web \\\"x\\\"\",le=\"0.005\"} 1"
            ),
            "{text}"
        );
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (name, value) = line.rsplit_once(' ').expect("a sample has a value");
            assert!(name.starts_with("leeward_"), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
