//! How many messages a `framemill up` settles in a second: starts one over messages that wait
//! already, looks at its metrics, and prints one line of JSON. `cargo xtask bench --messages` runs
//! it, and says where the servers are.
#![allow(
    clippy::unwrap_used,
    reason = "the servers are those of the tests, which fail the same way"
)]

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use framemill::config::LOCAL_BUCKET;
use framemill_contract::{Event, EventKind, ObjectRef};
use framemill_objects::{PRIVATE_FOLDER, generation};
use framemill_sources::Queue;
use framemill_tests::framemill;
use framemill_tests::servers::{PubSub, call, free_port};
use prometheus_parse::{Scrape, Value};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TOPIC: &str = "uploads";
/// How often metrics are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Where messages wait.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SourceName {
    /// The embedded queue
    Queue,
    /// Google's Pub/Sub emulator
    Pubsub,
}

/// Starts a service over messages that wait.
#[derive(Parser)]
struct Args {
    /// Where they wait
    #[arg(long)]
    source: SourceName,
    /// How many
    #[arg(long)]
    count: usize,
    /// Uploads of this video; without it messages are about what is no video
    #[arg(long)]
    video: Option<PathBuf>,
}

/// A service; ended when it is dropped.
struct Service {
    child: Child,
    address: String,
}

/// The state of a service at one moment.
struct Seen {
    at: Instant,
    settled: usize,
    cpu: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let bucket = tempfile::tempdir()?;
    let objects = objects(bucket.path(), &args)?;
    let mut up = framemill();
    let _server = match args.source {
        SourceName::Queue => {
            fill_queue(bucket.path(), &objects)?;
            up.args(["up", "--source", "queue"]);
            None
        }
        SourceName::Pubsub => {
            let server = fill_pubsub(&objects)?;
            let source = format!("pubsub://{}", PubSub::subscription(TOPIC));
            up.args(["up", "--source", &source]);
            up.env("PUBSUB_EMULATOR_HOST", server.host_port());
            Some(server)
        }
    };
    up.arg("--data").arg(bucket.path());
    let service = Service::start(&mut up)?;
    let line = service.measure(objects.len())?;
    println!("{line}");
    Ok(())
}

/// What the messages are about. Videos are all the same file under other names.
fn objects(bucket: &Path, args: &Args) -> Result<Vec<ObjectRef>> {
    let folder = bucket.join("videos");
    fs::create_dir_all(&folder)?;
    let object = |name: String, generation| ObjectRef {
        bucket: LOCAL_BUCKET.to_owned(),
        name,
        generation: Some(generation),
    };
    let one = |number: usize| {
        let Some(video) = &args.video else {
            return Ok(object(format!("elsewhere/{number}.txt"), 1));
        };
        let ending = video.extension().unwrap_or_default().to_string_lossy();
        let name = format!("{number}.{ending}");
        let path = folder.join(&name);
        fs::copy(video, &path).context("video cannot be copied")?;
        let generation = generation(&fs::metadata(&path)?);
        Ok(object(format!("videos/{name}"), generation))
    };
    (0..args.count).map(one).collect()
}

fn fill_queue(bucket: &Path, objects: &[ObjectRef]) -> Result<()> {
    let file = bucket.join(PRIVATE_FOLDER).join("queue.redb");
    let queue = Queue::open(&file, 5)?;
    for object in objects {
        ensure!(queue.enqueue(object)?, "queued twice: {}", object.name);
    }
    Ok(())
}

fn fill_pubsub(objects: &[ObjectRef]) -> Result<PubSub> {
    let server = PubSub::start();
    server.create_topic(TOPIC);
    server.create_subscription(TOPIC, TOPIC, json!({ "ackDeadlineSeconds": 60 }));
    for object in objects {
        let event = Event {
            kind: EventKind::Finalized,
            object: object.clone(),
        };
        let body = event.to_push_body("1", "2026-01-01T00:00:00Z", 1);
        let attributes = body["message"]["attributes"].as_object();
        let attributes: Vec<(&str, &str)> = attributes
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
            .collect();
        server.publish(TOPIC, b"{}", &attributes);
    }
    Ok(server)
}

impl Service {
    fn start(up: &mut Command) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port());
        up.args(["--sweep-every", "off", "--listen", &address]);
        // A line for each video, of which only what is wrong matters here.
        up.env("RUST_LOG", "warn").stdout(Stdio::null());
        let child = up.spawn().context("cannot start framemill")?;
        Ok(Self { child, address })
    }

    /// Waits until `count` messages are settled. The first tenth does not count: the service starts,
    /// and its workers fill up.
    fn measure(mut self, count: usize) -> Result<serde_json::Value> {
        let mut first: Option<Seen> = None;
        let last = loop {
            if let Some(ended) = self.child.try_wait()? {
                anyhow::bail!("framemill ended before it was done: {ended}");
            }
            let Some(seen) = self.look()? else {
                std::thread::sleep(LOOK);
                continue;
            };
            let (tenth, all) = (seen.settled * 10 >= count, seen.settled >= count);
            if all {
                break seen;
            }
            if tenth && first.is_none() {
                first = Some(seen);
            }
            std::thread::sleep(LOOK);
        };
        let first = first.context("settled at once: take more messages")?;
        Ok(json!({
            "messages": last.settled - first.settled,
            "seconds": (last.at - first.at).as_secs_f64(),
            "cpu_seconds": last.cpu - first.cpu,
            "peak_mib": self.peak_mib()?,
        }))
    }

    /// `None` while it does not answer yet.
    fn look(&self) -> Result<Option<Seen>> {
        // Before it listens nobody does; that it answers, and what, is then looked at.
        if std::net::TcpStream::connect(&self.address).is_err() {
            return Ok(None);
        }
        let answer = call("GET", &format!("http://{}/metrics", self.address), None);
        let text = String::from_utf8_lossy(answer.ok()).into_owned();
        let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned())))?;
        let mut settled = 0;
        for sample in scrape.samples {
            let (true, Value::Counter(value)) =
                (sample.metric == "framemill_deliveries_total", &sample.value)
            else {
                continue;
            };
            let result = sample.labels.get("result").unwrap_or_default();
            ensure!(
                *value == 0.0 || result == "done",
                "{value} deliveries were {result}"
            );
            settled += *value as usize;
        }
        Ok(Some(Seen {
            at: Instant::now(),
            settled,
            cpu: self.cpu()?,
        }))
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    /// Seconds of processor time so far; see proc_pid_stat(5), utime and stime.
    fn cpu(&self) -> Result<f64> {
        let stat = self.proc("stat")?;
        let (_, after_name) = stat.rsplit_once(')').context("no stat")?;
        let fields = after_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    fn peak_mib(&self) -> Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.context("no VmHWM")? / 1024.0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
