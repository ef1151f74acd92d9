//! A listener, its service and its clients.

use crate::common::LIMITS;
use crate::probe;
use framemill::listener::{Images, Limits, Listener, Probes, PushAuthenticator, Readiness, Site};
use framemill::service::{Pushes, RunSummary, Service};
use framemill::telemetry::Metrics;
use framemill_contract::{Event, EventKind, ObjectRef, Push};
use framemill_sources::{PushOnlySource, Source};
use prometheus_parse::{Scrape, Value as Sample};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const LONG: Duration = Duration::from_secs(600);

/// How a bench differs from the usual one.
pub struct Setup {
    pub push: Push,
    pub limits: Limits,
    pub workers: usize,
    pub source: Arc<dyn Source>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            push: Push::Insecure,
            limits: Limits::default(),
            workers: 2,
            source: Arc::new(PushOnlySource),
        }
    }
}

pub struct Bench {
    pub data: tempfile::TempDir,
    pub address: SocketAddr,
    pub site: Arc<Site>,
    pub stop: CancellationToken,
    pub kill: CancellationToken,
    pub close: CancellationToken,
    service: Arc<Service>,
    served: JoinHandle<()>,
    pub client: Client,
}

impl Bench {
    /// A listener whose service is not there yet.
    pub async fn starting(setup: Setup) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (stop, close) = (CancellationToken::new(), CancellationToken::new());
        let metrics = Arc::new(Metrics::default());
        let observer = metrics.observer("probe", Arc::new(|_, _| {}));
        let pipeline = probe::pipeline(data.path(), LIMITS, observer);
        let store = Arc::clone(&pipeline.store);
        let service = Arc::new(Service {
            source: setup.source,
            pipelines: vec![pipeline],
            workers: setup.workers,
            drain: LONG,
            max_attempts: 2,
            running: watch::Sender::default(),
            pushes: Pushes::default(),
            metrics: Arc::clone(&metrics),
        });
        let site = Arc::new(Site {
            images: Images::new(store, "local", "images/"),
            authenticator: PushAuthenticator::new(setup.push).unwrap(),
            readiness: Readiness::new(stop.clone()),
            metrics,
            services: OnceLock::new(),
            inbox: OnceLock::new(),
            limits: setup.limits,
            stop: stop.clone(),
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(any, setup.limits).await.unwrap();
        let address = listener.address().unwrap();
        let served = listener.serve(Arc::clone(&site).router(), close.clone());
        Self {
            data,
            address,
            site,
            stop,
            close,
            kill: CancellationToken::new(),
            service,
            served: tokio::spawn(served),
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// The service begins to work.
    pub fn ready(&self) -> JoinHandle<RunSummary> {
        self.site.readiness.start(Probes {
            store: Arc::clone(&self.service.pipelines[0].store),
            sources: vec![Arc::clone(&self.service.source)],
        });
        let services = vec![Arc::clone(&self.service)];
        assert!(self.site.services.set(services).is_ok());
        let run = Arc::clone(&self.service).run(self.stop.clone(), self.kill.clone());
        tokio::spawn(async move { run.await.unwrap() })
    }

    /// All of it.
    pub async fn started(setup: Setup) -> (Self, JoinHandle<RunSummary>) {
        let bench = Self::starting(setup).await;
        let run = bench.ready();
        (bench, run)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn push_to(&self, path: &str, file: &str) -> RequestBuilder {
        let body = event(file).to_push_body("1", "2026-01-01T00:00:00Z", 1);
        self.client.post(self.url(path)).json(&body)
    }

    /// Pushes an event about a video; gives status, `Retry-After` and body.
    pub async fn push(&self, file: &str) -> (u16, Option<u64>, Value) {
        outcome(self.push_to("/push", file).send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What `/metrics` says of one series.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let response = self.get("/metrics").await;
        assert_eq!(response.headers()["content-type"], Metrics::MEDIA_TYPE);
        let text = response.text().await.unwrap();
        let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
        let mut samples = scrape.samples.into_iter();
        let sample = samples.find(|sample| {
            let has = |(key, value): &(&str, &str)| sample.labels.get(key) == Some(*value);
            sample.metric == name && labels.iter().all(has)
        });
        sample.map(|sample| match sample.value {
            Sample::Counter(value) | Sample::Gauge(value) | Sample::Untyped(value) => value,
            Sample::Histogram(buckets) => buckets.last().unwrap().count,
            Sample::Summary(_) => unreachable!("{name} is a summary"),
        })
    }

    /// Ends the listener; all connections are over then.
    pub async fn closed(self) {
        self.close.cancel();
        self.served.await.unwrap();
    }
}

pub async fn outcome(response: Response) -> (u16, Option<u64>, Value) {
    let status = response.status().as_u16();
    let after = response.headers().get("retry-after");
    let after = after.map(|value| value.to_str().unwrap().parse().unwrap());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, after, body)
}

/// The upload of a video.
pub fn event(file: &str) -> Event {
    Event {
        kind: EventKind::Finalized,
        object: ObjectRef {
            bucket: "local".into(),
            name: format!("videos/{file}"),
            generation: Some(1),
        },
    }
}
