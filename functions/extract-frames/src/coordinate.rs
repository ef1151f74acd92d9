//! `POST /`: an event becomes images and their manifest, or a failure record; or, where the host
//! stops requests early, a checkpoint from which the continuation goes on.

use crate::checkpoints::Checkpoints;
use crate::commit::{Commit, Found, find};
use crate::fan_out::{FanOut, join};
use crate::room::memory;
use crate::store::{Clock, ObjectError, Objects, Segments, gone};
use crate::upload::Upload;
use framemill_contract::{
    Checkpoint, ColorFacts, Config, Disposition, Event, EventKind, Ignored, Job, JobError,
    MANIFEST_SCHEMA, Manifest, ObjectRef, Outcome, SegmentResult, SelectionRecord, Source, Stats,
    VideoFacts, Warning,
};
use framemill_frames::{Plan, plan};
use framemill_video::{IndexReader, Progress, VideoIndex, codec};

/// Handles one event: an upload, or the checkpoint that an earlier request left.
pub async fn handle<O: Objects, S: Segments, C: Clock>(
    objects: &O,
    segments: &S,
    clock: &C,
    config: &Config,
    event: &Event,
) -> Outcome {
    let host = Host {
        objects,
        segments,
        clock,
        config,
    };
    match host.answer(event).await {
        Ok(outcome) => outcome,
        Err(ObjectError::Gone) => ignored(&Ignored::Superseded),
        Err(ObjectError::Failed(error)) => Outcome::Retry {
            code: error.code().to_owned(),
            message: error.to_string(),
        },
    }
}

fn ignored(why: &Ignored) -> Outcome {
    Outcome::Ignored {
        reason: why.to_string(),
    }
}

/// What the flow has around it.
struct Host<'a, O, S, C> {
    objects: &'a O,
    segments: &'a S,
    clock: &'a C,
    config: &'a Config,
}

impl<O: Objects, S: Segments, C: Clock> Host<'_, O, S, C> {
    async fn answer(&self, event: &Event) -> Result<Outcome, ObjectError> {
        let checkpoints = self.config.layout.checkpoint_names();
        let is_checkpoint = checkpoints.key(&event.object.name).is_some();
        if !is_checkpoint || event.kind != EventKind::Finalized {
            return match Job::from_event(event, self.config) {
                Ok(job) => self.run(job, None).await,
                Err(why) => Ok(ignored(&why)),
            };
        }
        let ObjectRef { bucket, name, .. } = &event.object;
        if self.config.bucket.as_ref().is_some_and(|own| own != bucket) {
            return Ok(ignored(&Ignored::Bucket(bucket.clone())));
        }
        let bytes = match self.objects.read_all(bucket, name).await {
            Err(ObjectError::Gone) => {
                return Err(gone(self.objects, bucket, &checkpoints.prefix).await);
            }
            read => read?,
        };
        let Some(checkpoint) = Checkpoint::parse(&bytes) else {
            return Ok(ignored(&Ignored::NotACheckpoint));
        };
        let upload = Event {
            kind: EventKind::Finalized,
            object: ObjectRef {
                bucket: bucket.clone(),
                ..checkpoint.video
            },
        };
        match Job::from_event(&upload, self.config) {
            Ok(job) => self.run(job, Some(name)).await,
            Err(why) => Ok(ignored(&why)),
        }
    }
}

/// Everything about one video that the steps share.
struct Context<'a, O, S, C> {
    host: &'a Host<'a, O, S, C>,
    objects: &'a O,
    config: &'a Config,
    /// The video with its generation.
    video: &'a ObjectRef,
    source: Source,
    checkpoints: Checkpoints<'a, O>,
    commit: Commit<'a, O>,
}

/// How far one request brought a video.
enum Step {
    /// To its end.
    Whole(Box<Manifest>),
    /// To a new checkpoint, or nowhere.
    Part(Outcome),
}

impl<O: Objects, S: Segments, C: Clock> Host<'_, O, S, C> {
    /// Works on a video; `checkpoint` names the one whose event asks for it.
    async fn run(&self, job: Job, checkpoint: Option<&str>) -> Result<Outcome, ObjectError> {
        let (objects, config) = (self.objects, self.config);
        let ObjectRef { bucket, name, .. } = &job.video;
        let meta = match objects.metadata(bucket, name).await {
            Err(ObjectError::Gone) => return Err(gone(objects, bucket, &config.video_path).await),
            read => read?,
        };
        if job
            .video
            .generation
            .is_some_and(|generation| generation != meta.generation)
        {
            return Err(ObjectError::Gone);
        }
        let video = ObjectRef {
            generation: Some(meta.generation),
            ..job.video
        };
        let upload = Upload {
            objects,
            config,
            video: &video,
        };
        let free = match find(&upload, &job.name).await? {
            Found::Committed(name, outcome) => {
                let checkpoints = Checkpoints::new(&upload, &name);
                checkpoints.remove_after(&outcome).await?;
                return Ok(outcome);
            }
            Found::Free(names) => names,
        };
        let claimed = upload.claim(&job.name, free).await?;
        let context = Context {
            host: self,
            objects,
            config,
            source: Source {
                bucket: video.bucket.clone(),
                name: video.name.clone(),
                generation: meta.generation,
                size: meta.size,
                crc32c: meta.crc32c,
            },
            checkpoints: Checkpoints::new(&upload, &claimed.video),
            video: &video,
            commit: Commit {
                upload: &upload,
                claimed,
            },
        };
        let outcome = context.run(checkpoint).await?;
        context.checkpoints.remove_after(&outcome).await?;
        Ok(outcome)
    }
}

impl<O: Objects, S: Segments, C: Clock> Context<'_, O, S, C> {
    async fn run(&self, checkpoint: Option<&str>) -> Result<Outcome, ObjectError> {
        let outcome = match self.extract(checkpoint).await {
            Ok(Step::Whole(manifest)) => self.commit.write(*manifest).await,
            Ok(Step::Part(outcome)) => Ok(outcome),
            Err(error) => Err(error),
        };
        match outcome {
            Err(ObjectError::Failed(error)) if error.disposition() == Disposition::Reject => {
                self.commit.reject(&error).await
            }
            outcome => outcome,
        }
    }

    async fn extract(&self, checkpoint: Option<&str>) -> Result<Step, ObjectError> {
        let checkpoints = &self.checkpoints;
        let (newest, start) = checkpoints.newest().await?;
        let asked = checkpoint.and_then(|name| checkpoints.number(name));
        if asked.is_some_and(|asked| asked < newest) {
            return Ok(Step::Part(ignored(&Ignored::CheckpointTaken)));
        }
        let (index, index_bytes) = self.index().await?;
        check_supported(&index)?;
        let plan = self.plan(&index)?;
        let facts = Facts::of(&index, &plan);
        let fan_out = FanOut {
            segments: self.host.segments,
            clock: self.host.clock,
            config: self.config,
            video: self.video,
            image_prefix: self.config.layout.images_in(&self.commit.claimed.folder),
            index: &index,
            plan: &plan,
        };
        let part = fan_out.run(&start).await?;
        let gops = usize::try_from(part.to_gop).unwrap_or(usize::MAX);
        if gops < plan.gop_count() {
            // Where another delivery was there first, the part is done all the same: its checkpoint
            // brings the next one, and a host that calls again goes on from it.
            checkpoints.leave(newest + 1, &part).await?;
            return Ok(Step::Part(Outcome::Continued {
                checkpoint: checkpoints.name(newest + 1),
                done: plan.access_units_before(gops),
                of: plan.access_units,
            }));
        }
        let mut result = checkpoints.results(newest).await?;
        join(&mut result, part.result);
        nothing_is_an_error(&result, facts.wanted)?;
        let manifest = self.manifest(facts, result, index_bytes);
        Ok(Step::Whole(Box::new(manifest)))
    }

    /// What to decode, if it is neither nothing nor too much.
    fn plan<'i>(&self, index: &'i VideoIndex) -> Result<Plan<'i>, JobError> {
        let selection = &self.config.selection;
        let plan = plan(index, selection).map_err(|error| JobError::NothingSelected {
            selection: error.to_string(),
        })?;
        let (images, limit) = (plan.wanted, self.config.max_images);
        if images == 0 {
            let selection = selection.select.to_string();
            return Err(JobError::NothingSelected { selection });
        }
        if images > limit {
            return Err(JobError::TooManyImages { images, limit });
        }
        Ok(plan)
    }

    /// Reads the index, wherever it sits; also the number of bytes that took.
    async fn index(&self) -> Result<(VideoIndex, u64), ObjectError> {
        let mut reader = IndexReader::new(self.source.size);
        let mut bytes_read = 0;
        loop {
            match reader.advance().map_err(JobError::from)? {
                Progress::Done(index) => return Ok((*index, bytes_read)),
                Progress::Need(range) => {
                    let bytes = self.objects.read(self.video, range).await?;
                    bytes_read += bytes.len() as u64;
                    reader.supply(range.start, &bytes);
                }
            }
        }
    }

    fn manifest(&self, facts: Facts, result: SegmentResult, index_bytes: u64) -> Manifest {
        let config = self.config;
        Manifest {
            schema: MANIFEST_SCHEMA.to_owned(),
            source: self.source.clone(),
            video: VideoFacts {
                color: result.color.unwrap_or(facts.video.color),
                ..facts.video
            },
            selection: SelectionRecord {
                selection: config.selection.clone(),
                images: config.images,
                filters: config.filters,
                naming: config.naming,
                config_hash: config.hash(),
            },
            image_folder: self.commit.claimed.folder.clone(),
            frames: result.frames,
            dropped: result.dropped,
            damaged: result.damaged,
            warnings: [facts.warnings, result.warnings].concat(),
            stats: Stats {
                frames_selected: facts.wanted,
                bytes_read: result.bytes_read + index_bytes,
                access_units_total: facts.access_units,
                access_units_decoded: result.access_units_decoded,
                peak_memory_bytes: result.peak_memory_bytes.max(memory()),
            },
            tool: config.tool(),
        }
    }
}

/// What the manifest says of the video, taken before the index is let go.
struct Facts {
    video: VideoFacts,
    warnings: Vec<Warning>,
    access_units: u64,
    wanted: u64,
}

impl Facts {
    fn of(index: &VideoIndex, plan: &Plan<'_>) -> Self {
        let config = &index.config;
        let index_warnings = index.warnings.iter().map(|warning| Warning {
            code: warning.code.clone(),
            message: warning.message.clone(),
            from_pts: warning.from_pts,
            to_pts: warning.to_pts,
        });
        Self {
            video: VideoFacts {
                container: index.container,
                codec: config.codec,
                profile: config.profile.clone(),
                width: config.width,
                height: config.height,
                rotation: index.rotation,
                timescale: index.timescale,
                duration_pts: index.duration,
                frame_count: plan.frame_count,
                color: ColorFacts {
                    matrix: config
                        .color
                        .matrix
                        .unwrap_or(framemill_video::Matrix::Bt601),
                    range: config
                        .color
                        .range
                        .unwrap_or(framemill_video::Range::Limited),
                    primaries: config.color.primaries,
                    transfer: config.color.transfer,
                    matrix_assumed: config.color.matrix.is_none(),
                    tone_mapped: false,
                },
            },
            warnings: index_warnings
                .chain(plan.warnings.iter().cloned())
                .collect(),
            access_units: index.samples.len() as u64,
            wanted: plan.wanted,
        }
    }
}

/// Refuses a video of which no frame can be decoded; where others can, those that cannot are lost
/// to damage.
fn check_supported(index: &VideoIndex) -> Result<(), JobError> {
    let mut checked = index.configs().map(codec::check_supported);
    match checked.next() {
        Some(Err(first)) if !checked.any(|checked| checked.is_ok()) => Err(first.into()),
        _ => Ok(()),
    }
}

/// A video of which nothing can be decoded must not look like one without frames.
fn nothing_is_an_error(result: &SegmentResult, wanted: u64) -> Result<(), JobError> {
    if !result.frames.is_empty() || !result.dropped.is_empty() {
        return Ok(());
    }
    let not_encoded = |warning: &&Warning| warning.code == "not_encoded";
    if let Some(warning) = result.warnings.iter().find(not_encoded) {
        let reason = warning.message.clone();
        return Err(JobError::Encode { reason });
    }
    let first = result.warnings.first();
    let first = first.map_or_else(
        || "no decoder gave a frame".to_owned(),
        |warning| warning.message.clone(),
    );
    Err(JobError::NothingDecoded { wanted, first })
}
