//! Asking a labeling system for tasks: each frame exactly once, whatever is delivered again.
//!
//! ```text
//! Event → LabelJob → LabelManifest → intent.json (lease) → ask what is there → batches → receipt.json
//! ```
//!
//! A labeling system is a [`Target`]; everything else is here.

mod api;
mod images;
mod lease;
mod stop;
mod target;

pub use api::Api;
pub use images::ImageLinks;
pub use target::{Target, TargetError, misconfigured};

use crate::http::Web;
use crate::store::{Created, JSON, ObjectError, Objects, exists, gone, to_json};
use framemill_contract::{
    Disposition, Event, FailureRecord, Ignored, JobError, KeptFrame, LabelBatch, LabelConfig,
    LabelFrame, LabelIntent, LabelJob, LabelManifest, LabelReceipt, ObjectRef, Outcome, SentBatch,
    Tool,
};
use framemill_video::ByteRange;
use lease::{Lease, Taken};
use std::collections::HashMap;
use stop::Stop;

/// Seconds after which a message comes back where nothing says otherwise.
const RETRY_AFTER: u64 = 10;
/// The same where a person has to fix the configuration first.
const RETRY_AFTER_MISCONFIGURED: u64 = 60;

/// What a message led to, and when it may come back if it has to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelOutcome {
    /// The outcome.
    pub outcome: Outcome,
    /// Seconds.
    pub retry_after: u64,
}

impl From<Outcome> for LabelOutcome {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            retry_after: RETRY_AFTER,
        }
    }
}

impl LabelOutcome {
    /// The message comes back after this many seconds.
    pub fn retry(error: &JobError, retry_after: u64) -> Self {
        let outcome = Outcome::Retry {
            code: error.code().to_owned(),
            message: error.to_string(),
        };
        Self {
            outcome,
            retry_after: retry_after.max(1),
        }
    }

    /// A configuration that is wrong: a person has to fix it.
    pub fn misconfigured(error: &JobError) -> Self {
        Self::retry(error, RETRY_AFTER_MISCONFIGURED)
    }
}

/// Handles one event, start to end.
pub async fn handle<O: Objects, W: Web, T: Target>(
    objects: &O,
    web: &W,
    config: &LabelConfig,
    target: &T,
    event: &Event,
) -> LabelOutcome {
    let job = match LabelJob::from_event(event, config) {
        Ok(job) => job,
        Err(ignored) => return ignore(&ignored),
    };
    let request = Request {
        objects,
        web,
        config,
        target,
        job,
    };
    match request.run().await {
        Ok(outcome) => outcome.into(),
        Err(stop) => request.stopped(stop).await,
    }
}

/// What a message leads to that asks for nothing.
pub fn ignore(ignored: &Ignored) -> LabelOutcome {
    let reason = ignored.to_string();
    Outcome::Ignored { reason }.into()
}

/// Everything about one manifest that the steps share.
struct Request<'a, O, W, T> {
    objects: &'a O,
    web: &'a W,
    config: &'a LabelConfig,
    target: &'a T,
    job: LabelJob,
}

impl<O: Objects, W: Web, T: Target> Request<'_, O, W, T> {
    async fn run(&self) -> Result<Outcome, Stop> {
        if self.has_receipt().await? {
            return Ok(self.unchanged());
        }
        let (object, manifest) = self.manifest().await?;
        let (job, config) = (&self.job, self.config);
        let size = config.batch_size.min(self.target.most()).max(1);
        let intent = LabelIntent::new(job, config, &manifest, &object, size, lease::holder());
        let mut lease = match Lease::take(self.objects, self.web, config, job, intent).await? {
            Taken::New(lease) => lease,
            Taken::Over(lease) => {
                // Whoever had it may have ended since we looked.
                if self.has_receipt().await? {
                    return Ok(self.unchanged());
                }
                lease
            }
            Taken::Busy(seconds) => return Err(Stop::Busy(seconds)),
        };
        match self.send_all(&mut lease, &manifest).await {
            Ok(()) => Ok(self.commit(lease.intent).await?),
            Err(stop) => {
                if matches!(stop, Stop::Target(TargetError::Unanswered { .. })) {
                    lease.intent.in_doubt = true;
                }
                if ends_lease(&stop) {
                    lease.release().await;
                }
                Err(stop)
            }
        }
    }

    async fn has_receipt(&self) -> Result<bool, ObjectError> {
        let bucket = &self.job.manifest.bucket;
        exists(self.objects, bucket, &self.job.receipt()).await
    }

    fn unchanged(&self) -> Outcome {
        let manifest = self.job.manifest.name.clone();
        Outcome::Unchanged { manifest }
    }

    /// The manifest in the generation that the event names.
    async fn manifest(&self) -> Result<(ObjectRef, LabelManifest), ObjectError> {
        let named = &self.job.manifest;
        let meta = match self.objects.metadata(&named.bucket, &named.name).await {
            Err(ObjectError::Gone) => {
                let prefix = &self.config.layout.manifests;
                return Err(gone(self.objects, &named.bucket, prefix).await);
            }
            read => read?,
        };
        if named.generation.is_some_and(|it| it != meta.generation) {
            return Err(ObjectError::Gone);
        }
        let limit = self.objects.largest_object();
        if meta.size > limit {
            let reason = format!("it has {} bytes, limit {limit}", meta.size);
            return Err(JobError::Manifest { reason }.into());
        }
        let object = ObjectRef {
            generation: Some(meta.generation),
            ..named.clone()
        };
        let all = ByteRange {
            start: 0,
            end: meta.size,
        };
        let bytes = self.objects.read(&object, all).await?;
        Ok((object, LabelManifest::parse(&bytes)?))
    }

    /// Sends the batches that no one is known to have sent.
    async fn send_all(
        &self,
        lease: &mut Lease<'_, O, W>,
        manifest: &LabelManifest,
    ) -> Result<(), Stop> {
        let sent = lease.intent.sent.len();
        let size = lease.intent.batch_size.max(1);
        let batches: Vec<&[KeptFrame]> = manifest.frames.chunks(size).collect();
        if sent >= batches.len() {
            return Ok(());
        }
        let video = manifest.video_key();
        let images = self.job.images(manifest);
        let existing = self.target.existing(&video).await.map_err(Stop::Target)?;
        for (number, frames) in batches.iter().enumerate().skip(sent) {
            let (frames, done) = without(&video, frames, &existing);
            lease.renew().await?;
            let mut result = SentBatch {
                existing: done.len() as u64,
                ids: done,
                ..SentBatch::default()
            };
            if !frames.is_empty() {
                let batch = LabelBatch {
                    video: video.clone(),
                    source: manifest.source.clone(),
                    manifest: lease.intent.manifest.clone(),
                    target: self.job.target.clone(),
                    batch: number as u64 + 1,
                    batches: batches.len() as u64,
                    frames: self.frames(&video, &images, &frames).await?,
                };
                // Making the URLs may have taken its time.
                lease.renew().await?;
                let until = lease.until();
                let sent = self.target.send(&batch, until).await;
                let sent = sent.map_err(Stop::Target)?;
                result.tasks = sent.tasks;
                result.existing += sent.existing;
                result.ids.extend(sent.ids);
            }
            lease.intent.sent.push(result);
        }
        Ok(())
    }

    /// Frames as targets get them; their images are below the prefix `images`.
    async fn frames(
        &self,
        video: &str,
        images: &str,
        frames: &[&KeptFrame],
    ) -> Result<Vec<LabelFrame>, Stop> {
        let bucket = &self.job.manifest.bucket;
        let name = |frame: &&KeptFrame| format!("{images}{}", frame.name);
        let objects: Vec<String> = frames.iter().map(name).collect();
        let images = ImageLinks::new(self.web, self.config);
        let urls = images.urls(bucket, &objects).await.map_err(Stop::Target)?;
        let parts = frames.iter().zip(objects).zip(urls);
        Ok(parts
            .map(|((frame, object), image)| LabelFrame {
                key: LabelFrame::key(video, frame),
                index: frame.index,
                seconds: frame.seconds,
                image,
                object,
                width: frame.width,
                height: frame.height,
                sha256: frame.sha256.clone(),
                damage: frame.damage.clone(),
                predictions: frame.predictions.clone(),
            })
            .collect())
    }

    /// Writes the receipt: the commit. A failure record of an earlier try goes first.
    async fn commit(&self, intent: LabelIntent) -> Result<Outcome, ObjectError> {
        let (bucket, name) = (&self.job.manifest.bucket, self.job.receipt());
        self.objects.delete(bucket, &self.job.failure()).await?;
        let sum = |count: fn(&SentBatch) -> u64| intent.sent.iter().map(count).sum();
        let requested = Outcome::Requested {
            target: self.job.target.clone(),
            tasks: sum(|batch| batch.tasks),
            existing: sum(|batch| batch.existing),
            receipt: name.clone(),
        };
        let receipt = to_json(&LabelReceipt::from(intent))?;
        match self.objects.create(bucket, &name, JSON, &receipt).await? {
            Created::New => Ok(requested),
            Created::Existed => Ok(self.unchanged()),
        }
    }

    async fn stopped(&self, stop: Stop) -> LabelOutcome {
        let target = self.job.target.clone();
        match stop {
            Stop::Store(ObjectError::Gone) => ignore(&Ignored::Superseded),
            Stop::Store(ObjectError::Failed(error))
                if error.disposition() == Disposition::Reject =>
            {
                self.rejected(&error).await
            }
            Stop::Store(ObjectError::Failed(error)) => LabelOutcome::retry(&error, RETRY_AFTER),
            Stop::Busy(seconds) => {
                let error = JobError::LabelBusy { target, seconds };
                LabelOutcome::retry(&error, seconds)
            }
            Stop::Target(TargetError::Misconfigured(error)) => {
                LabelOutcome::misconfigured(&self.config.as_set(error).into())
            }
            Stop::Target(TargetError::Transient {
                reason,
                retry_after,
            }) => {
                let wait = retry_after.unwrap_or(RETRY_AFTER);
                LabelOutcome::retry(&JobError::LabelTarget { target, reason }, wait)
            }
            Stop::Target(TargetError::Unanswered { reason }) => {
                LabelOutcome::retry(&JobError::LabelTarget { target, reason }, RETRY_AFTER)
            }
            Stop::Target(TargetError::Indeterminate { reason }) => {
                let error = JobError::LabelTarget { target, reason };
                LabelOutcome::retry(&error, self.config.lease)
            }
            Stop::Target(TargetError::Refused { status, message }) => {
                let error = JobError::LabelRefused {
                    target,
                    status,
                    message,
                };
                self.rejected(&error).await
            }
        }
    }

    /// What a message leads to whose manifest is rejected.
    async fn rejected(&self, error: &JobError) -> LabelOutcome {
        let failure = self.job.failure();
        rejected(
            self.objects,
            self.config,
            &self.job.manifest,
            failure,
            error,
        )
        .await
    }
}

/// What a message about an object leads to that can never be worked on: its failure record, in place of
/// an older one.
pub async fn rejected<O: Objects>(
    objects: &O,
    config: &LabelConfig,
    object: &ObjectRef,
    failure: String,
    error: &JobError,
) -> LabelOutcome {
    let write = async {
        let tool = Tool::new(config.component_sha256.clone());
        let record = FailureRecord::new(object, error, tool);
        objects.delete(&object.bucket, &failure).await?;
        let bytes = to_json(&record)?;
        objects
            .create(&object.bucket, &failure, JSON, &bytes)
            .await?;
        Ok(record)
    };
    match write.await {
        Ok(FailureRecord { code, message, .. }) => Outcome::Rejected {
            failure,
            code,
            message,
        }
        .into(),
        Err(ObjectError::Gone) => ignore(&Ignored::Superseded),
        Err(ObjectError::Failed(error)) => LabelOutcome::retry(&error, RETRY_AFTER),
    }
}

/// Whether the lease ends with this: not where a request may still be under way, nor where it
/// is another's by now.
fn ends_lease(stop: &Stop) -> bool {
    !matches!(
        stop,
        Stop::Busy(_) | Stop::Target(TargetError::Indeterminate { .. })
    )
}

/// The frames that the target does not have, and the ids of those that it has.
fn without<'a>(
    video: &str,
    frames: &'a [KeptFrame],
    existing: &HashMap<String, String>,
) -> (Vec<&'a KeptFrame>, Vec<String>) {
    let (mut wanted, mut ids) = (Vec::new(), Vec::new());
    for frame in frames {
        match existing.get(&LabelFrame::key(video, frame)) {
            Some(id) => ids.push(id.clone()),
            None => wanted.push(frame),
        }
    }
    (wanted, ids)
}
