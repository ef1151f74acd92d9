//! Counters, gauges and histograms with a fixed number of labels.

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Upper bounds in seconds: from an ignored event to a long video.
const SECONDS: [f64; 14] = [
    0.01, 0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 7200.0,
];
/// Upper bounds in bytes: 1 MiB, twice as much each time, to the 4 GiB that a sandbox can address.
const FIRST_BYTES: f64 = (1 << 20) as f64;
const BYTES: u16 = 13;

/// What a metric is to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

/// Names and values of labels.
type Labels<const N: usize> = [(&'static str, String); N];

/// What a value of a metric is, and how one begins.
pub(super) trait Value {
    const KIND: MetricKind;
    type Metric: EncodeMetric + TypedMetric + fmt::Debug + Clone + Send + Sync + 'static;

    fn first() -> Self::Metric;
}

/// Something that the registry shows under one name: a value for each combination of labels.
#[derive(Debug)]
pub(super) struct Instrument<V: Value, const N: usize> {
    labels: [&'static str; N],
    family: Family<Labels<N>, V::Metric, fn() -> V::Metric>,
}

impl<V: Value, const N: usize> Instrument<V, N> {
    pub(super) const KIND: MetricKind = V::KIND;

    /// Makes it, under this name, which ends as Prometheus wants it.
    pub(super) fn register(
        registry: &mut Registry,
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Self {
        let family = Family::new_with_constructor(V::first as fn() -> V::Metric);
        // The library adds the ending of counters itself.
        let name = match V::KIND {
            MetricKind::Counter => name.trim_end_matches("_total"),
            _ => name,
        };
        registry.register(name, help, family.clone());
        Self { labels, family }
    }

    fn value(&self, values: [&str; N]) -> V::Metric {
        let mut values = values.into_iter().map(str::to_owned);
        let labels = self
            .labels
            .map(|name| (name, values.next().unwrap_or_default()));
        self.family.get_or_create_owned(&labels)
    }
}

/// Only grows.
#[derive(Debug)]
pub(super) struct Count;

impl Value for Count {
    const KIND: MetricKind = MetricKind::Counter;
    type Metric = Counter;

    fn first() -> Counter {
        Counter::default()
    }
}

/// Counters.
pub(super) type Counters<const N: usize> = Instrument<Count, N>;

impl<const N: usize> Counters<N> {
    /// Counts `count` more.
    pub(super) fn add(&self, values: [&str; N], count: u64) {
        self.value(values).inc_by(count);
    }
}

/// Goes up and down.
#[derive(Debug)]
pub(super) struct Level;

impl Value for Level {
    const KIND: MetricKind = MetricKind::Gauge;
    type Metric = Gauge<f64, AtomicU64>;

    fn first() -> Self::Metric {
        Gauge::default()
    }
}

/// Gauges.
pub(super) type Gauges<const N: usize> = Instrument<Level, N>;

impl<const N: usize> Gauges<N> {
    /// What it is now.
    pub(super) fn set(&self, values: [&str; N], value: f64) {
        self.value(values).set(value);
    }
}

/// Durations by length.
#[derive(Debug)]
pub(super) struct Time;

impl Value for Time {
    const KIND: MetricKind = MetricKind::Histogram;
    type Metric = Histogram;

    fn first() -> Histogram {
        Histogram::new(SECONDS)
    }
}

/// Histograms of durations in seconds.
pub(super) type Seconds<const N: usize> = Instrument<Time, N>;

impl<const N: usize> Seconds<N> {
    /// One more.
    pub(super) fn observe(&self, values: [&str; N], took: Duration) {
        self.value(values).observe(took.as_secs_f64());
    }
}

/// Sizes.
#[derive(Debug)]
pub(super) struct Size;

impl Value for Size {
    const KIND: MetricKind = MetricKind::Histogram;
    type Metric = Histogram;

    fn first() -> Histogram {
        Histogram::new(exponential_buckets(FIRST_BYTES, 2.0, BYTES))
    }
}

/// Histograms of sizes in bytes.
pub(super) type Bytes<const N: usize> = Instrument<Size, N>;

impl<const N: usize> Bytes<N> {
    /// One more.
    pub(super) fn observe(&self, values: [&str; N], bytes: u64) {
        self.value(values).observe(bytes as f64);
    }
}
