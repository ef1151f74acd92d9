//! What a webhook speaks of is read again and kept: the flow, whatever the target.

use crate::answering::{Answering, FrameAnswers, Hint, Page, TaskAnswers};
use crate::deletions::{Known, deletions, note};
use crate::door::LARGEST_WEBHOOK;
use crate::frames::Frames;
use crate::job::{CollectJob, Sync};
use crate::mirror::Mirror;
use crate::stop::Stop;
use framemill_annotations::{FrameAnnotation, Task};
use framemill_component_sdk::annotations::{Kept, current, current_folders, keep};
use framemill_component_sdk::http::Web;
use framemill_component_sdk::labeling::{LabelOutcome, ignore};
use framemill_component_sdk::store::{JSON, ObjectError, Objects, exists, gone, to_json};
use framemill_contract::{CURRENT_FILE, CollectConfig, Event, JobError, ObjectRef, Outcome};
use framemill_video::ByteRange;
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Records that are read at a time.
const PARALLEL: usize = 16;

/// A sync looks this far back behind the last change that it saw: a change may become visible after a
/// later one.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// Handles one event, start to end.
pub(crate) async fn handle<O: Objects, W: Web, T: Answering>(
    objects: &O,
    web: &W,
    config: &CollectConfig,
    target: &T,
    event: &Event,
) -> LabelOutcome {
    let labeling = &config.labeling;
    let job = match CollectJob::from_event(event, labeling) {
        Ok(job) => job,
        Err(ignored) => return ignore(&ignored),
    };
    let frames = Frames::new(objects, &job.webhook.bucket, &labeling.layout);
    let mut request = Request {
        objects,
        target,
        job: &job,
        frames,
        mirror: Mirror::new(web, config),
        count: Count::default(),
    };
    match request.run().await {
        Ok(outcome) => outcome.into(),
        Err(stop) => stop.outcome(objects, labeling, &job).await,
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Count {
    tasks: u64,
    frames: u64,
    unchanged: u64,
    unknown: u64,
}

impl Count {
    fn add(&mut self, kept: Kept) {
        match kept {
            Kept::Current => self.frames += 1,
            Kept::Unchanged | Kept::Superseded => self.unchanged += 1,
        }
    }
}

/// Until when all that changed was read, by the target's clock.
#[derive(Serialize, Deserialize)]
struct Synced {
    until: Timestamp,
}

/// One webhook's work.
struct Request<'a, O, W, T> {
    objects: &'a O,
    target: &'a T,
    job: &'a CollectJob,
    frames: Frames<'a, O>,
    mirror: Mirror<'a, W>,
    count: Count,
}

impl<O: Objects, W: Web, T: Answering> Request<'_, O, W, T> {
    async fn run(&mut self) -> Result<Outcome, Stop> {
        let bucket = &self.job.webhook.bucket;
        let done = self.job.done();
        if self.job.sync().is_none() && exists(self.objects, bucket, &done).await? {
            return Ok(Outcome::Unchanged { manifest: done });
        }
        match self.hint().await? {
            Hint::Nothing => {}
            Hint::Task(id) => {
                if let Some(task) = self.target.task(&id).await.map_err(Stop::Target)? {
                    self.keep(task).await?;
                }
            }
            Hint::Answers(tasks) => {
                for task in tasks {
                    self.keep(task).await?;
                }
            }
            Hint::Anything => self.sync().await?,
        }
        if self.job.sync() == Some(Sync::Full) {
            self.look_at_all().await?;
        }
        self.mirror.flush().await?;
        self.objects.delete(bucket, &self.job.failure()).await?;
        if self.job.sync().is_some() {
            // Of the last one: a sweep sees that there is nothing to do.
            self.objects.delete(bucket, &done).await?;
        }
        let record = to_json(&self.count)?;
        self.objects.create(bucket, &done, JSON, &record).await?;
        let Count {
            tasks,
            frames,
            unchanged,
            unknown,
        } = self.count;
        Ok(Outcome::Collected {
            target: self.job.target.clone(),
            tasks,
            frames,
            unchanged,
            unknown,
        })
    }

    /// What the webhook speaks of.
    async fn hint(&self) -> Result<Hint, ObjectError> {
        let webhook = &self.job.webhook;
        let meta = match self.objects.metadata(&webhook.bucket, &webhook.name).await {
            Err(ObjectError::Gone) => {
                return Err(gone(self.objects, &webhook.bucket, &self.job.webhooks()).await);
            }
            read => read?,
        };
        if self.job.sync().is_some() {
            return Ok(Hint::Anything);
        }
        if meta.size > LARGEST_WEBHOOK {
            let reason = format!("webhook of {} bytes, limit {LARGEST_WEBHOOK}", meta.size);
            return Err(JobError::Annotations { reason }.into());
        }
        let object = ObjectRef {
            generation: Some(meta.generation),
            ..webhook.clone()
        };
        let all = ByteRange {
            start: 0,
            end: meta.size,
        };
        let body = self.objects.read(&object, all).await?;
        let hint = self.target.hint(&body);
        hint.map_err(|reason| JobError::Annotations { reason }.into())
    }

    /// Reads all that changed since the last time. How far that was is noted at the end: what stops
    /// half-way is read once more.
    async fn sync(&mut self) -> Result<(), Stop> {
        let bucket = &self.job.webhook.bucket;
        let name = self.job.synced();
        let (generation, since) = self.synced(&name).await?;
        let asked = since.map(|since| since.checked_sub(OVERLAP).unwrap_or(since));
        let (mut until, mut from) = (since, None);
        loop {
            let page = self.target.changed(asked, from.as_deref()).await;
            let Page { items, next } = page.map_err(Stop::Target)?;
            for task in items {
                until = until.max(Some(task.task.updated_at));
                self.keep(task).await?;
            }
            from = next;
            if from.is_none() {
                break;
            }
        }
        if let Some(until) = until.filter(|_| until != since) {
            // What is noted as read is not read again.
            self.mirror.flush().await?;
            let synced = to_json(&Synced { until })?;
            let objects = self.objects;
            // Another sync may have come further: its note stays.
            objects
                .replace(bucket, &name, generation, JSON, &synced)
                .await?;
        }
        Ok(())
    }

    /// Looks at what is current of each frame: notes what was deleted at the target, and mirrors what is
    /// not mirrored yet, for whoever ended in between.
    async fn look_at_all(&mut self) -> Result<(), Stop> {
        if !T::LISTS_TASKS && !self.mirror.is_on() {
            return Ok(());
        }
        let bucket = &self.job.webhook.bucket;
        let mut known = Known::new();
        let folders = current_folders(self.objects, bucket, &self.job.annotations()).await?;
        for some in folders.chunks(PARALLEL) {
            let read = some.iter().map(|it| current(self.objects, bucket, it));
            for (folder, current) in some.iter().zip(try_join_all(read).await?) {
                if let Some(current) = current {
                    self.mirror.add(&current).await?;
                    note(&mut known, folder.clone(), current);
                }
            }
        }
        if T::LISTS_TASKS {
            let found = deletions(self.objects, self.target, bucket, known).await?;
            for (folder, annotation) in found {
                let kept = self.keep_revision(bucket, &folder, &annotation).await?;
                self.count.add(kept);
            }
        }
        Ok(())
    }

    /// Generation of the note and what it says. One that cannot be read is as good as none.
    async fn synced(&self, name: &str) -> Result<(i64, Option<Timestamp>), ObjectError> {
        let bucket = &self.job.webhook.bucket;
        let meta = match self.objects.metadata(bucket, name).await {
            Err(ObjectError::Gone) => return Ok((0, None)),
            read => read?,
        };
        let bytes = match self.objects.read_all(bucket, name).await {
            Err(ObjectError::Gone) => return Ok((0, None)),
            read => read?,
        };
        let synced: Option<Synced> = serde_json::from_slice(&bytes).ok();
        Ok((meta.generation, synced.map(|synced| synced.until)))
    }

    async fn keep(&mut self, task: TaskAnswers) -> Result<(), ObjectError> {
        self.count.tasks += 1;
        for frame in task.frames {
            match self.keep_frame(&task.task, frame).await? {
                Some(kept) => self.count.add(kept),
                None => self.count.unknown += 1,
            }
        }
        Ok(())
    }

    /// `None` where the frame is in no manifest.
    async fn keep_frame(
        &mut self,
        task: &Task,
        said: FrameAnswers,
    ) -> Result<Option<Kept>, ObjectError> {
        let found = self.frames.find(&said.image).await?;
        let same = |key: &String| said.key.as_ref().is_none_or(|said| said == key);
        let Some(frame) = found.filter(|found| same(&found.key)) else {
            return Ok(None);
        };
        let bucket = &self.job.webhook.bucket;
        let folder = self.job.folder(&frame.video, frame.index);
        let answers = (said.answers)(frame.image.width, frame.image.height);
        // Nobody has said anything yet, which is not the same as having taken it back.
        let current = format!("{folder}{CURRENT_FILE}");
        if answers.is_empty() && !exists(self.objects, bucket, &current).await? {
            return Ok(Some(Kept::Unchanged));
        }
        let annotation =
            FrameAnnotation::new(&self.job.target, &frame.key, frame.image, task, answers);
        let kept = self.keep_revision(bucket, &folder, &annotation).await?;
        Ok(Some(kept))
    }

    /// Keeps a revision, and mirrors it where it is current: also where it was already, since whoever
    /// made it so may have ended before it was mirrored.
    async fn keep_revision(
        &mut self,
        bucket: &str,
        folder: &str,
        annotation: &FrameAnnotation,
    ) -> Result<Kept, ObjectError> {
        let kept = keep(self.objects, bucket, folder, annotation).await?;
        if kept != Kept::Superseded {
            self.mirror.add(annotation).await?;
        }
        Ok(kept)
    }
}
