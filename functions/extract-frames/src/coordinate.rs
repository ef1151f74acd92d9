//! `POST /`: an event becomes a committed folder of images, or a failure record.

use crate::segment::{memory, single};
use crate::store::{Created, Objects, SegmentAnswer, Segments, StoreError, to_json};
use framemill_contract::{
    Claim, ColorFacts, Config, Disposition, Event, FailureRecord, Folder, GopWork, Ignored, Job,
    JobError, MANIFEST_SCHEMA, Manifest, ObjectRef, Outcome, SegmentReply, SegmentRequest,
    SegmentResult, SelectionRecord, Source, Stats, Tool, VideoFacts, Warning,
};
use framemill_frames::{Merger, Plan, plan};
use framemill_video::{IndexReader, Progress, VideoIndex, codec};
use futures::StreamExt as _;
use std::collections::HashSet;

const JSON: &str = "application/json";
/// Segments per parallel sandbox, at least, where the plan is large enough.
const SEGMENTS_EACH: usize = 4;
/// Below this many access units a sandbox of its own costs more than it brings.
const SMALLEST_SEGMENT: u32 = 8;

/// Handles one event, start to end.
pub async fn handle<O: Objects, S: Segments>(
    objects: &O,
    segments: &S,
    config: &Config,
    event: &Event,
) -> Outcome {
    let job = match Job::from_event(event, config) {
        Ok(job) => job,
        Err(ignored) => {
            return Outcome::Ignored {
                reason: ignored.to_string(),
            };
        }
    };
    match run(objects, segments, config, job).await {
        Ok(outcome) => outcome,
        Err(StoreError::Gone) => Outcome::Ignored {
            reason: Ignored::Superseded.to_string(),
        },
        Err(StoreError::Failed(error)) => Outcome::Retry {
            code: error.code().to_owned(),
            message: error.to_string(),
        },
    }
}

/// Everything about one video that the steps share.
struct Context<'a, O, S> {
    objects: &'a O,
    segments: &'a S,
    config: &'a Config,
    /// The video with its generation.
    video: ObjectRef,
    source: Source,
    folder: Folder,
}

async fn run<O: Objects, S: Segments>(
    objects: &O,
    segments: &S,
    config: &Config,
    job: Job,
) -> Result<Outcome, StoreError> {
    let meta = objects.metadata(&job.video.bucket, &job.video.name).await?;
    if job
        .video
        .generation
        .is_some_and(|generation| generation != meta.generation)
    {
        return Err(StoreError::Gone);
    }
    let video = ObjectRef {
        generation: Some(meta.generation),
        ..job.video
    };
    let folder = claim(objects, &video, meta.generation, &job.folder).await?;
    if exists(objects, &video.bucket, &folder.manifest()).await? {
        return Ok(Outcome::Unchanged {
            manifest: folder.manifest(),
        });
    }
    let source = Source {
        bucket: video.bucket.clone(),
        name: video.name.clone(),
        generation: meta.generation,
        size: meta.size,
        crc32c: meta.crc32c,
    };
    let context = Context {
        objects,
        segments,
        config,
        video,
        source,
        folder,
    };
    match context.extract().await {
        Ok(manifest) => context.commit(manifest).await,
        Err(StoreError::Failed(error)) if error.disposition() == Disposition::Reject => {
            context.reject(&error).await
        }
        Err(error) => Err(error),
    }
}

async fn exists<O: Objects>(objects: &O, bucket: &str, name: &str) -> Result<bool, StoreError> {
    match objects.metadata(bucket, name).await {
        Ok(_) => Ok(true),
        Err(StoreError::Gone) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The folder that belongs to this video and generation: the plain one, if no other holds it.
async fn claim<O: Objects>(
    objects: &O,
    video: &ObjectRef,
    generation: i64,
    plain: &Folder,
) -> Result<Folder, StoreError> {
    let claim = Claim::new(&video.name, generation);
    for folder in [plain.clone(), plain.for_generation(generation)] {
        let bytes = to_json(&claim)?;
        if objects
            .create(&video.bucket, &folder.claim(), JSON, &bytes)
            .await?
            == Created::New
        {
            return Ok(folder);
        }
        let there = objects.read_all(&video.bucket, &folder.claim()).await?;
        if serde_json::from_slice::<Claim>(&there).is_ok_and(|there| there == claim) {
            return Ok(folder);
        }
    }
    Err(StoreError::Failed(JobError::Storage {
        what: format!("claiming {}", plain.prefix()),
        reason: "another video holds the folder of this generation: rename one of them".to_owned(),
    }))
}

impl<O: Objects, S: Segments> Context<'_, O, S> {
    async fn extract(&self) -> Result<Manifest, StoreError> {
        let (index, index_bytes) = self.index().await?;
        codec::check_supported(&index.config).map_err(JobError::from)?;
        let plan =
            plan(&index, &self.config.selection).map_err(|error| JobError::NothingSelected {
                selection: error.to_string(),
            })?;
        let selection = &self.config.selection.select;
        if plan.wanted == 0 {
            let selection = selection.to_string();
            return Err(JobError::NothingSelected { selection }.into());
        }
        if plan.wanted > self.config.max_images {
            let limit = self.config.max_images;
            return Err(JobError::TooManyImages {
                images: plan.wanted,
                limit,
            }
            .into());
        }
        let facts = Facts::of(&index, &plan);
        let result = self.fan_out(&index, &plan).await?;
        if result.frames.is_empty() && result.dropped.is_empty() {
            let not_encoded = |warning: &&Warning| warning.code == "not_encoded";
            if let Some(warning) = result.warnings.iter().find(not_encoded) {
                let reason = warning.message.clone();
                return Err(JobError::Encode { reason }.into());
            }
            let first = result
                .warnings
                .first()
                .map(|warning| warning.message.clone());
            let first = first.unwrap_or_else(|| "no decoder gave a frame".to_owned());
            return Err(JobError::NothingDecoded {
                wanted: facts.wanted,
                first,
            }
            .into());
        }
        Ok(self.manifest(facts, result, index_bytes))
    }

    /// Reads the index, wherever it sits; also the number of bytes that took.
    async fn index(&self) -> Result<(VideoIndex, u64), StoreError> {
        let mut reader = IndexReader::new(self.source.size);
        let mut bytes_read = 0;
        loop {
            match reader.advance().map_err(JobError::from)? {
                Progress::Done(index) => return Ok((*index, bytes_read)),
                Progress::Need(range) => {
                    let bytes = self.objects.read(&self.video, range).await?;
                    bytes_read += bytes.len() as u64;
                    reader.supply(range.start, &bytes);
                }
            }
        }
    }

    /// Runs all segments, some at the same time, and joins their results in order. Requests
    /// are made when their turn comes: those of a long video would not fit at once.
    async fn fan_out(
        &self,
        index: &VideoIndex,
        plan: &Plan<'_>,
    ) -> Result<SegmentResult, StoreError> {
        let request = |gops: Vec<GopWork>| SegmentRequest {
            video: self.video.clone(),
            image_prefix: self.folder.prefix(),
            config: index.config.clone(),
            unwrap: index.unwrap.clone(),
            timescale: index.timescale,
            first_pts: plan.first_pts,
            rotation: index.rotation,
            images: self.config.images,
            filters: self.config.filters,
            naming: self.config.naming,
            gops,
        };
        let mut results = futures::stream::iter(plan.segments(self.segment_frames(plan)))
            .map(|gops| self.segment(request(gops)))
            .buffered(self.config.parallel_segments);
        let mut joined = SegmentResult::default();
        let mut merger = Merger::new(&self.config.filters);
        while let Some(results) = results.next().await {
            for result in results? {
                join(&mut joined, without_duplicates(&mut merger, result));
            }
        }
        Ok(joined)
    }

    /// Access units per segment: the configured limit, less where a short plan would leave some
    /// of the parallel sandboxes without work. Several for each, so that uneven ones even out.
    /// What comes out does not depend on it.
    fn segment_frames(&self, plan: &Plan<'_>) -> u32 {
        let segments = self
            .config
            .parallel_segments
            .max(1)
            .saturating_mul(SEGMENTS_EACH);
        let share = plan.access_units.div_ceil(segments as u64);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        share.max(SMALLEST_SEGMENT).min(self.config.segment_frames)
    }

    /// Runs one segment; after a crash GOP by GOP, so that only the one to blame is lost.
    async fn segment(&self, request: SegmentRequest) -> Result<Vec<SegmentResult>, StoreError> {
        let crash = match self.segments.run(&request).await? {
            SegmentAnswer::Reply(reply) => return Ok(vec![done(reply)?]),
            SegmentAnswer::Crashed(crash) => crash,
        };
        if let [gop] = request.gops.as_slice() {
            return Ok(vec![crashed(gop, &crash)]);
        }
        let mut results = Vec::with_capacity(request.gops.len());
        for gop in &request.gops {
            results.push(match self.segments.run(&single(&request, gop)).await? {
                SegmentAnswer::Reply(reply) => done(reply)?,
                SegmentAnswer::Crashed(crash) => crashed(gop, &crash),
            });
        }
        Ok(results)
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
            frames: result.frames,
            dropped: result.dropped,
            warnings: [facts.warnings, result.warnings].concat(),
            stats: Stats {
                bytes_read: result.bytes_read + index_bytes,
                access_units_total: facts.access_units,
                access_units_decoded: result.access_units_decoded,
                peak_memory_bytes: result.peak_memory_bytes.max(memory()),
            },
            tool: self.tool(),
        }
    }

    /// Removes what is not in the manifest (leftovers of an interrupted run, duplicates across
    /// segments, an old failure record), then writes the manifest: the commit.
    async fn commit(&self, manifest: Manifest) -> Result<Outcome, StoreError> {
        let bucket = &self.video.bucket;
        let belongs: HashSet<String> = manifest
            .frames
            .iter()
            .map(|frame| self.folder.object(&frame.name))
            .collect();
        for name in self.objects.list(bucket, &self.folder.prefix()).await? {
            if name == self.folder.manifest() {
                return Ok(Outcome::Unchanged { manifest: name });
            }
            if name != self.folder.claim() && !belongs.contains(&name) && self.is_ours(&name) {
                self.objects.delete(bucket, &name).await?;
            }
        }
        let (name, bytes) = (self.folder.manifest(), to_json(&manifest)?);
        match self.objects.create(bucket, &name, JSON, &bytes).await? {
            Created::Existed => Ok(Outcome::Unchanged { manifest: name }),
            Created::New => Ok(Outcome::Extracted {
                manifest: name,
                frames: manifest.frames.len() as u64,
                dropped: manifest.dropped.len() as u64,
                warnings: manifest.warnings.len() as u64,
            }),
        }
    }

    /// Whether an object of the folder has a name that we give: `x.mp4/` may hold the folder
    /// of a video `x.mp4/y.mp4` too, and people keep notes beside images.
    fn is_ours(&self, name: &str) -> bool {
        let Some(name) = name.strip_prefix(&self.folder.prefix()) else {
            return false;
        };
        let is_image = name.rsplit_once('.').is_some_and(|(stem, extension)| {
            !stem.is_empty()
                && stem.bytes().all(|byte| byte.is_ascii_digit())
                && matches!(extension, "jpg" | "png" | "webp")
        });
        is_image || self.folder.object(name) == self.folder.failure()
    }

    async fn reject(&self, error: &JobError) -> Result<Outcome, StoreError> {
        let record = FailureRecord::new(&self.video, error, self.tool());
        let name = self.folder.failure();
        // One that an earlier delivery wrote says the same.
        self.objects
            .create(&self.video.bucket, &name, JSON, &to_json(&record)?)
            .await?;
        Ok(Outcome::Rejected {
            failure: name,
            code: record.code,
            message: record.message,
        })
    }

    fn tool(&self) -> Tool {
        Tool::new(self.config.component_sha256.clone())
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

fn done(reply: SegmentReply) -> Result<SegmentResult, StoreError> {
    match reply {
        SegmentReply::Done(result) => Ok(result),
        SegmentReply::Failed(error) if error.superseded => Err(StoreError::Gone),
        SegmentReply::Failed(error) => Err(StoreError::Failed(JobError::Segment {
            reason: error.message,
        })),
    }
}

/// The result of a GOP that crashes its sandbox: a warning with its time range.
fn crashed(gop: &GopWork, crash: &str) -> SegmentResult {
    let warning = Warning {
        code: "decoder_crashed".to_owned(),
        message: format!(
            "{} selected frames have no image: their sandbox stopped ({crash})",
            gop.wanted.len()
        ),
        from_pts: gop.wanted.first().map(|wanted| wanted.pts),
        to_pts: gop.wanted.last().map(|wanted| wanted.pts),
    };
    SegmentResult {
        warnings: vec![warning],
        ..SegmentResult::default()
    }
}

/// The result less the frames that are like the last kept one before them.
fn without_duplicates(merger: &mut Merger, mut result: SegmentResult) -> SegmentResult {
    let (kept, duplicates) = merger.push(result.frames, &std::mem::take(&mut result.thumbs));
    result.frames = kept;
    result.dropped.extend(duplicates);
    result.dropped.sort_by_key(|frame| frame.index);
    result
}

fn join(joined: &mut SegmentResult, next: SegmentResult) {
    joined.frames.extend(next.frames);
    joined.dropped.extend(next.dropped);
    joined.warnings.extend(next.warnings);
    joined.color = joined.color.or(next.color);
    joined.bytes_read += next.bytes_read;
    joined.access_units_decoded += next.access_units_decoded;
    joined.peak_memory_bytes = joined.peak_memory_bytes.max(next.peak_memory_bytes);
}
