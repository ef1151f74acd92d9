//! Every metric, declared once: what is counted, what it is called, and what documents say of it.

use super::in_flight::{InFlight, Published};
use super::instruments::{Bytes, Counters, Gauges, MetricKind, Seconds};
use framemill_contract::Outcome;
use framemill_runtime::{ComponentEvent, MemoryBudget, Observer, SandboxUsage};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What documents say of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricSpec {
    /// Its name, with its unit and, for counters, `_total`.
    pub name: &'static str,
    /// What it is to Prometheus.
    pub kind: MetricKind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($field:ident: $kind:ident<$count:literal> = $name:literal [$($label:literal),*]: $help:literal),+ $(,)?) => {
        /// Every metric, in the order in which it is documented.
        pub const METRICS: &[MetricSpec] = &[
            $(MetricSpec {
                name: $name,
                kind: <$kind<$count>>::KIND,
                labels: &[$($label),*],
                help: $help,
            }),+
        ];

        /// What is counted. Each value is recorded at one place.
        pub struct Metrics {
            registry: Registry,
            published: Arc<Published>,
            sandboxes: Option<MemoryBudget>,
            $($field: $kind<$count>),+
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut registry = Registry::default();
                $(let $field = $kind::<$count>::register(&mut registry, $name, [$($label),*], $help);)+
                Self { registry, published: Arc::default(), sandboxes: None, $($field),+ }
            }
        }
    };
}

metrics! {
    build: Gauges<1> = "framemill_build_info" ["version"]: "1, with the version that runs",
    messages: Counters<2> = "framemill_messages_total" ["pipeline", "outcome"]: "messages that a pipeline has worked on, by outcome; pipeline `none` takes what is for no pipeline",
    message_time: Seconds<1> = "framemill_message_duration_seconds" ["pipeline"]: "time that a pipeline worked on a message, waiting for objects included",
    deliveries: Counters<2> = "framemill_deliveries_total" ["source", "result"]: "deliveries by their end: done, rejected (a failure record says why), retried (the message comes back), dead_lettered, released (stopped before the end)",
    in_flight: Gauges<0> = "framemill_messages_in_flight" []: "messages that are being worked on",
    oldest: Gauges<0> = "framemill_oldest_message_age_seconds" []: "time since the oldest message that is being worked on was published; 0 where there is none",
    frames: Counters<2> = "framemill_frames_total" ["pipeline", "result"]: "selected frames of extracted videos: kept (an image each), dropped (by a filter), or lost where most could not be decoded",
    requests: Counters<3> = "framemill_component_requests_total" ["pipeline", "kind", "result"]: "requests to sandboxes, by kind (message, segment) and result: answered, or why there was no answer (memory_limit, time_limit, wall_limit, body_limit, trap, no_answer)",
    running: Seconds<2> = "framemill_component_duration_seconds" ["pipeline", "kind"]: "time that a sandbox ran, without waiting",
    memory: Bytes<2> = "framemill_component_memory_peak_bytes" ["pipeline", "kind"]: "largest memory of a sandbox",
    memory_budget: Gauges<0> = "framemill_sandbox_memory_budget_bytes" []: "memory that all sandboxes together may take; 0 where it is not limited",
    memory_reserved: Gauges<0> = "framemill_sandbox_memory_reserved_bytes" []: "memory that is set aside for the sandboxes that are there; at the budget, others wait",
    read: Counters<1> = "framemill_component_read_bytes_total" ["pipeline"]: "bytes of objects that components read",
    written: Counters<1> = "framemill_component_written_bytes_total" ["pipeline"]: "bytes of objects that components wrote",
    pushes: Counters<1> = "framemill_push_requests_total" ["status"]: "pushed messages by the HTTP status of the answer",
    sweeps: Counters<1> = "framemill_sweeps_total" ["result"]: "searches for videos whose message was lost: completed or failed",
    swept: Counters<0> = "framemill_sweep_queued_total" []: "videos that sweeps have queued",
}

/// Label of what no pipeline takes.
const NO_PIPELINE: &str = "none";

impl Metrics {
    /// Of sandboxes that share this memory.
    pub fn with_memory(sandboxes: Option<MemoryBudget>) -> Self {
        Self {
            sandboxes,
            ..Self::default()
        }
    }

    /// As Prometheus reads it; the media type is [`Metrics::MEDIA_TYPE`].
    ///
    /// # Errors
    /// Where it cannot be written down.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let (count, age) = self.published.count_and_age();
        self.build.set([env!("CARGO_PKG_VERSION")], 1.0);
        self.in_flight.set([], count as f64);
        self.oldest.set([], age.as_secs_f64());
        let memory = self.sandboxes.as_ref();
        let bytes = |count: fn(&MemoryBudget) -> u64| memory.map_or(0, count) as f64;
        self.memory_budget.set([], bytes(MemoryBudget::bytes));
        self.memory_reserved.set([], bytes(MemoryBudget::reserved));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Media type of what [`Metrics::render`] gives.
    pub const MEDIA_TYPE: &'static str = prometheus_text::CONTENT_TYPE;

    /// A message is being worked on until the answer is dropped.
    #[must_use]
    pub fn start(&self, published: SystemTime) -> InFlight {
        self.published.add(published)
    }

    /// What a pipeline made of a message.
    pub fn worked(&self, pipeline: &str, outcome: &'static str, took: Duration) {
        self.messages.add([pipeline, outcome], 1);
        self.message_time.observe([pipeline], took);
    }

    /// A message was for no pipeline.
    pub fn for_nobody(&self, outcome: &'static str) {
        self.messages.add([NO_PIPELINE, outcome], 1);
    }

    /// What an outcome says of frames.
    pub fn outcome(&self, pipeline: &str, outcome: &Outcome) {
        let (frames, dropped) = match outcome {
            Outcome::Extracted {
                frames, dropped, ..
            } => (frames, dropped),
            Outcome::Incomplete {
                frames,
                dropped,
                lost,
                ..
            } => {
                self.frames.add([pipeline, "lost"], *lost);
                (frames, dropped)
            }
            _ => return,
        };
        self.frames.add([pipeline, "kept"], *frames);
        self.frames.add([pipeline, "dropped"], *dropped);
    }

    /// How deliveries of a source ended.
    pub fn delivered(&self, source: &str, result: &'static str, count: u64) {
        self.deliveries.add([source, result], count);
    }

    /// A pushed message was answered.
    pub fn pushed(&self, status: u16) {
        self.pushes.add([&status.to_string()], 1);
    }

    /// A sweep ended; `queued` is how many videos it queued, where it came to its end.
    pub fn swept(&self, queued: Option<u64>) {
        let result = queued.map_or("failed", |_| "completed");
        self.sweeps.add([result], 1);
        self.swept.add([], queued.unwrap_or(0));
    }

    /// Records what the components of a pipeline do, and passes it on.
    pub fn observer(self: &Arc<Self>, pipeline: &str, next: Observer) -> Observer {
        let (metrics, pipeline) = (Arc::clone(self), pipeline.to_owned());
        Arc::new(move |label, event| {
            match &event {
                ComponentEvent::SandboxEnded(usage) => metrics.sandbox(&pipeline, usage),
                ComponentEvent::Written(written) => metrics.written.add([&pipeline], written.size),
                ComponentEvent::SegmentDispatched(_) | ComponentEvent::Continued { .. } => {}
            }
            next(label, event);
        })
    }

    fn sandbox(&self, pipeline: &str, usage: &SandboxUsage) {
        let kind = if usage.segment { "segment" } else { "message" };
        let result = usage.crash.unwrap_or("answered");
        self.requests.add([pipeline, kind, result], 1);
        self.running.observe([pipeline, kind], usage.guest_time);
        self.read.add([pipeline], usage.bytes_read);
        if let Some(peak) = usage.peak_memory {
            self.memory.observe([pipeline, kind], peak);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_parse::{Scrape, Value};

    fn scrape(metrics: &Metrics) -> Scrape {
        let text = metrics.render().unwrap();
        Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
    }

    /// Records each metric once.
    fn recorded() -> Arc<Metrics> {
        let metrics = Arc::new(Metrics::with_memory(Some(MemoryBudget::new(
            1 << 20,
            1 << 18,
        ))));
        let observer = metrics.observer("p", Arc::new(|_, _| {}));
        let usage = SandboxUsage {
            segment: true,
            crash: None,
            peak_memory: Some(3 << 20),
            guest_time: Duration::from_millis(300),
            bytes_read: 70,
        };
        observer("v", ComponentEvent::SandboxEnded(usage));
        let written = framemill_objects::Written {
            name: "n".to_owned(),
            generation: 1,
            size: 9,
        };
        observer("v", ComponentEvent::Written(written));
        metrics.worked("p", "extracted", Duration::from_secs(2));
        let outcome = Outcome::Extracted {
            manifest: String::new(),
            frames: 5,
            dropped: 2,
            warnings: 0,
        };
        metrics.outcome("p", &outcome);
        metrics.for_nobody("ignored");
        metrics.delivered("s", "done", 1);
        metrics.pushed(200);
        metrics.swept(Some(4));
        metrics.swept(None);
        metrics
    }

    #[test]
    fn a_parser_reads_what_was_recorded() {
        let metrics = recorded();
        let old = SystemTime::now() - Duration::from_secs(100);
        let _in_flight = metrics.start(old);
        let scrape = scrape(&metrics);
        let value = |name: &str, labels: &[(&str, &str)]| {
            let mut samples = scrape.samples.iter();
            let sample = samples.find(|sample| {
                let has = |(key, value): &(&str, &str)| sample.labels.get(key) == Some(*value);
                sample.metric == name && labels.iter().all(has)
            });
            sample
                .unwrap_or_else(|| panic!("{name} {labels:?}"))
                .value
                .clone()
        };
        let count = |name: &str, labels: &[(&str, &str)]| match value(name, labels) {
            Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
            other => panic!("{name}: {other:?}"),
        };
        let pipeline = ("pipeline", "p");
        let extracted = [pipeline, ("outcome", "extracted")];
        assert_eq!(count("framemill_messages_total", &extracted), 1.0);
        let kept = [pipeline, ("result", "kept")];
        assert_eq!(count("framemill_frames_total", &kept), 5.0);
        let answered = [pipeline, ("kind", "segment"), ("result", "answered")];
        assert_eq!(count("framemill_component_requests_total", &answered), 1.0);
        assert_eq!(
            count("framemill_component_read_bytes_total", &[pipeline]),
            70.0
        );
        assert_eq!(
            count("framemill_component_written_bytes_total", &[pipeline]),
            9.0
        );
        assert_eq!(count("framemill_sweep_queued_total", &[]), 4.0);
        assert_eq!(count("framemill_messages_in_flight", &[]), 1.0);
        assert!(count("framemill_oldest_message_age_seconds", &[]) >= 100.0);
        let Value::Histogram(buckets) = value("framemill_component_memory_peak_bytes", &[pipeline])
        else {
            panic!("no histogram");
        };
        let mib = |mib: f64| {
            let bound = mib * f64::from(1 << 20);
            let bucket = buckets.iter().find(|bucket| bucket.less_than == bound);
            bucket.map(|bucket| bucket.count)
        };
        assert_eq!(
            [1.0, 2.0, 4.0, 4096.0].map(mib),
            [0.0, 0.0, 1.0, 1.0].map(Some)
        );
    }

    /// The table is what is served: no metric is missing in it, none is called otherwise.
    #[test]
    fn the_table_names_what_is_served() {
        let text = recorded().render().unwrap();
        let of = |prefix: &str| -> Vec<(String, String)> {
            let rest = text.lines().filter_map(|line| line.strip_prefix(prefix));
            rest.filter_map(|line| line.split_once(' '))
                .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
                .collect()
        };
        let table = |field: fn(&MetricSpec) -> String| -> Vec<(String, String)> {
            let named = |spec: &MetricSpec| (spec.name.to_owned(), field(spec));
            METRICS.iter().map(named).collect()
        };
        assert_eq!(of("# TYPE "), table(|spec| spec.kind.to_string()));
        assert_eq!(of("# HELP "), table(|spec| format!("{}.", spec.help)));
        for spec in METRICS {
            let ends = |ending: &str| spec.name.ends_with(ending);
            match spec.kind {
                MetricKind::Counter => assert!(ends("_total"), "{}", spec.name),
                MetricKind::Histogram => {
                    assert!(ends("_seconds") || ends("_bytes"), "{}", spec.name)
                }
                MetricKind::Gauge => assert!(!ends("_total"), "{}", spec.name),
            }
            let labels = |line: &&str| {
                spec.labels
                    .iter()
                    .all(|label| line.contains(&format!("{label}=")))
            };
            let mut lines = text.lines().filter(|line| line.starts_with(spec.name));
            assert!(
                lines.any(|line| labels(&line)),
                "{} has no value",
                spec.name
            );
        }
    }
}
