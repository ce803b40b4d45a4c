//! Counters and histograms, no output format.
//!
//! In: single events from the one thread that owns a block of counters. Out: plain numbers with label names, for an
//! exporter to write. Never here: text formats, engine types, clocks, locks.

mod names;
mod query;

pub use names::{Kind, METRICS, Metric};
pub use query::{
    AnswerSource, BATCH_BUCKETS, CookieEvent, QueryCount, QueryCounters, QuerySample, QuerySamples,
    QueryTotals, QueryTransport, SAMPLE_STRIDE, SAMPLES_MAX, SilentReason, Stride, TcpEvent,
    UdpEvent,
};
