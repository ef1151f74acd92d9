//! Counters, gauges and histograms with a fixed number of labels.

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
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

/// Something that the registry shows under one name.
pub(super) trait Instrument<const N: usize>: Sized {
    const KIND: MetricKind;

    fn new(labels: [&'static str; N]) -> Self;

    fn metric(&self) -> impl EncodeMetric + Send + Sync + fmt::Debug + 'static;

    /// Makes it, under this name, which ends as Prometheus wants it.
    fn register(
        registry: &mut Registry,
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Self {
        let new = Self::new(labels);
        // The library adds the ending of counters itself.
        let name = match Self::KIND {
            MetricKind::Counter => name.trim_end_matches("_total"),
            _ => name,
        };
        registry.register(name, help, new.metric());
        new
    }
}

fn labelled<const N: usize>(names: [&'static str; N], values: [&str; N]) -> Labels<N> {
    let mut values = values.into_iter().map(str::to_owned);
    names.map(|name| (name, values.next().unwrap_or_default()))
}

/// Counters, one for each combination of labels.
#[derive(Debug)]
pub struct Counters<const N: usize> {
    labels: [&'static str; N],
    family: Family<Labels<N>, Counter>,
}

impl<const N: usize> Counters<N> {
    /// Counts `count` more.
    pub fn add(&self, values: [&str; N], count: u64) {
        let counter = self.family.get_or_create(&labelled(self.labels, values));
        counter.inc_by(count);
    }
}

impl<const N: usize> Instrument<N> for Counters<N> {
    const KIND: MetricKind = MetricKind::Counter;

    fn new(labels: [&'static str; N]) -> Self {
        Self {
            labels,
            family: Family::default(),
        }
    }

    fn metric(&self) -> impl EncodeMetric + Send + Sync + fmt::Debug + 'static {
        self.family.clone()
    }
}

/// Gauges, one for each combination of labels.
#[derive(Debug)]
pub struct Gauges<const N: usize> {
    labels: [&'static str; N],
    family: Family<Labels<N>, Gauge<f64, AtomicU64>>,
}

impl<const N: usize> Gauges<N> {
    /// What it is now.
    pub fn set(&self, values: [&str; N], value: f64) {
        let gauge = self.family.get_or_create(&labelled(self.labels, values));
        gauge.set(value);
    }
}

impl<const N: usize> Instrument<N> for Gauges<N> {
    const KIND: MetricKind = MetricKind::Gauge;

    fn new(labels: [&'static str; N]) -> Self {
        Self {
            labels,
            family: Family::default(),
        }
    }

    fn metric(&self) -> impl EncodeMetric + Send + Sync + fmt::Debug + 'static {
        self.family.clone()
    }
}

#[derive(Clone, Debug)]
struct SecondsBuckets;

impl MetricConstructor<Histogram> for SecondsBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

#[derive(Clone, Debug)]
struct BytesBuckets;

impl MetricConstructor<Histogram> for BytesBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(FIRST_BYTES, 2.0, BYTES))
    }
}

/// Histograms of durations in seconds.
#[derive(Debug)]
pub struct Seconds<const N: usize> {
    labels: [&'static str; N],
    family: Family<Labels<N>, Histogram, SecondsBuckets>,
}

impl<const N: usize> Seconds<N> {
    /// One more.
    pub fn observe(&self, values: [&str; N], took: Duration) {
        let histogram = self.family.get_or_create(&labelled(self.labels, values));
        histogram.observe(took.as_secs_f64());
    }
}

impl<const N: usize> Instrument<N> for Seconds<N> {
    const KIND: MetricKind = MetricKind::Histogram;

    fn new(labels: [&'static str; N]) -> Self {
        Self {
            labels,
            family: Family::new_with_constructor(SecondsBuckets),
        }
    }

    fn metric(&self) -> impl EncodeMetric + Send + Sync + fmt::Debug + 'static {
        self.family.clone()
    }
}

/// Histograms of sizes in bytes.
#[derive(Debug)]
pub struct Bytes<const N: usize> {
    labels: [&'static str; N],
    family: Family<Labels<N>, Histogram, BytesBuckets>,
}

impl<const N: usize> Bytes<N> {
    /// One more.
    pub fn observe(&self, values: [&str; N], bytes: u64) {
        let histogram = self.family.get_or_create(&labelled(self.labels, values));
        histogram.observe(bytes as f64);
    }
}

impl<const N: usize> Instrument<N> for Bytes<N> {
    const KIND: MetricKind = MetricKind::Histogram;

    fn new(labels: [&'static str; N]) -> Self {
        Self {
            labels,
            family: Family::new_with_constructor(BytesBuckets),
        }
    }

    fn metric(&self) -> impl EncodeMetric + Send + Sync + fmt::Debug + 'static {
        self.family.clone()
    }
}
