//! `POST /segments`: a run of GOPs becomes images. Fetches ahead while decoding; holds one
//! decoder, a few frames and a few images, never a whole GOP of pictures.

use crate::damage::{DamageRun, damaged_frame, seconds, shortened};
use crate::fetch::{Chunk, chunks};
use crate::gop::Gop;
use crate::room;
use crate::store::{ObjectError, Objects};
use crate::uploads::Uploads;
use framemill_contract::{
    Dedupe, DroppedFrame, Filters, GopWork, JobError, KeptFrame, SegmentError, SegmentReply,
    SegmentRequest, SegmentResult, Warning, image_name,
};
use framemill_frames::{FilterDecision, FrameFilter, Scores, image_file, score};
use framemill_video::{
    CodecConfig, DecodeError, Dependence, Frame, MAX_SAMPLE_SIZE, Pts, Sample, codec, open_decoder,
};
use futures::future::LocalBoxFuture;
use sha2::{Digest, Sha256};

/// Handles a segment request.
pub async fn handle<O: Objects>(objects: &O, request: &SegmentRequest) -> SegmentReply {
    match Extraction::new(objects, request).run().await {
        Ok(result) => SegmentReply::Done(result),
        Err(ObjectError::Gone) => SegmentReply::Failed(SegmentError {
            code: "superseded".to_owned(),
            message: "the video is gone or was replaced".to_owned(),
            superseded: true,
        }),
        Err(ObjectError::Failed(JobError::OutOfMemory { reason })) => {
            SegmentReply::OutOfMemory(reason)
        }
        Err(ObjectError::Failed(error)) => SegmentReply::Failed(SegmentError::from(&error)),
    }
}

/// The state of one segment.
struct Extraction<'a, O> {
    objects: &'a O,
    request: &'a SegmentRequest,
    filter: FrameFilter,
    result: SegmentResult,
    /// Frames with images and, where near-duplicates are to be dropped, each in small.
    kept: Vec<(KeptFrame, Option<String>)>,
    uploads: Uploads<'a, O>,
}

impl<'a, O: Objects> Extraction<'a, O> {
    fn new(objects: &'a O, request: &'a SegmentRequest) -> Self {
        Self {
            objects,
            request,
            // Near-duplicates are the coordinator's: what a frame is like must not depend on
            // where segments begin.
            filter: FrameFilter::new(&Filters {
                dedupe: Dedupe::Off,
                ..request.filters
            }),
            result: SegmentResult::default(),
            kept: Vec::new(),
            uploads: Uploads::new(objects, request),
        }
    }

    async fn run(mut self) -> Result<SegmentResult, ObjectError> {
        let (objects, request) = (self.objects, self.request);
        let fetch = |chunk: &Chunk| -> LocalBoxFuture<'a, Result<Vec<u8>, ObjectError>> {
            let range = chunk.range;
            if range.len() > u64::from(MAX_SAMPLE_SIZE) {
                return Box::pin(std::future::ready(Ok(Vec::new())));
            }
            Box::pin(objects.read(&request.video, range))
        };
        let chunks = chunks(&request.gops);
        let mut ahead = chunks.first().map(fetch);
        let mut gop: Option<(usize, Gop<'a>)> = None;
        for (number, chunk) in chunks.iter().enumerate() {
            let Some(current) = ahead.take() else { break };
            let next = chunks.get(number + 1);
            let fetched = |chunk: &Chunk| chunk.range.len().min(u64::from(MAX_SAMPLE_SIZE));
            let bytes = fetched(chunk).saturating_add(next.map_or(0, fetched));
            self.make_room(|config| room::of_step(config, bytes))?;
            let bytes = current.await?;
            self.result.bytes_read += bytes.len() as u64;
            ahead = next.map(fetch);
            if let Some(next) = &mut ahead {
                // One poll sends the request; its answer arrives while this chunk is decoded.
                if let std::task::Poll::Ready(done) = futures::poll!(&mut *next) {
                    ahead = Some(Box::pin(std::future::ready(done)));
                }
            }
            if gop.as_ref().is_none_or(|(number, _)| *number != chunk.gop) {
                if let Some((_, finished)) = gop.take() {
                    self.finish(finished).await?;
                }
                gop = request
                    .gops
                    .get(chunk.gop)
                    .map(|work| (chunk.gop, Gop::new(work)));
            }
            if let Some((_, gop)) = &mut gop {
                self.decode_chunk(gop, chunk, &bytes).await?;
            }
        }
        if let Some((_, finished)) = gop {
            self.finish(finished).await?;
        }
        let mut uploaded = self.uploads.finish().await?;
        self.kept.sort_by_key(|(frame, _)| frame.index);
        for (mut frame, thumb) in std::mem::take(&mut self.kept) {
            match uploaded.remove(&frame.index) {
                Some(Ok(name)) => frame.name = name,
                // An image that is too large is none: the others may fit.
                Some(Err(error)) => {
                    self.warn("not_encoded", error.to_string(), frame.pts, Some(frame.pts));
                    continue;
                }
                None => {}
            }
            self.result.frames.push(frame);
            self.result.thumbs.extend(thumb);
        }
        self.result.dropped.sort_by_key(|frame| frame.index);
        self.result.damaged.sort_by_key(|frame| frame.index);
        self.result.peak_memory_bytes = room::memory();
        Ok(self.result)
    }

    /// Makes sure of memory for the next step, where the request is careful.
    fn make_room(&self, of_step: impl Fn(&CodecConfig) -> u64) -> Result<(), JobError> {
        match self.request.careful {
            true => {
                let others = self.request.other_configs.iter();
                let configs = std::iter::once(&self.request.config).chain(others);
                room::ensure(configs.map(of_step).max().unwrap_or_default())
            }
            false => Ok(()),
        }
    }

    async fn decode_chunk(
        &mut self,
        gop: &mut Gop<'a>,
        chunk: &Chunk,
        bytes: &[u8],
    ) -> Result<(), ObjectError> {
        for sample in gop
            .work
            .samples
            .get(chunk.samples.clone())
            .unwrap_or_default()
        {
            self.make_room(|config| room::of_step(config, 0))?;
            match self.decode_sample(gop, sample, chunk.slice(bytes, sample)) {
                Ok(()) => {}
                Err(error) => {
                    gop.decoder = None;
                    self.warn(
                        warning_code(&error),
                        error.to_string(),
                        sample.pts,
                        gop.last_pts(),
                    );
                }
            }
            self.emit(gop).await?;
        }
        Ok(())
    }

    /// Decodes one sample, unless no one needs it.
    fn decode_sample(
        &mut self,
        gop: &mut Gop<'a>,
        sample: &Sample,
        bytes: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        let damaged = |what: String| DecodeError::Damaged {
            codec: "container",
            what,
        };
        let config = sample.config(&self.request.config, &self.request.other_configs);
        let config = config.ok_or_else(|| damaged("no such sample description".to_owned()))?;
        if gop.description != sample.description {
            gop.description = sample.description;
            self.flush(gop);
            gop.decoder = None;
        }
        if sample.sync && gop.decoder.is_none() {
            gop.decoder = Some(open_decoder(config)?);
        }
        let Some(decoder) = &mut gop.decoder else {
            return Ok(());
        };
        let bytes = bytes
            .ok_or_else(|| damaged(format!("the file ends before byte {}", sample.range().end)))?;
        let access_unit = self
            .request
            .unwrap
            .access_unit(bytes)
            .map_err(|error| damaged(error.to_string()))?;
        let wanted = gop.awaited.contains_key(&sample.pts);
        let needed = wanted || sample.dependence == Dependence::Needed;
        if !needed && codec::is_disposable(config, &access_unit) {
            return Ok(());
        }
        if gop.doubt.is_none() {
            gop.doubt = self.request.unwrap.damage(bytes);
        }
        self.result.access_units_decoded += 1;
        let decoded = decoder.decode(&access_unit, sample.pts);
        if sample.shown {
            gop.drain();
        } else {
            // What an edit list cuts out may carry the time of a frame that is shown.
            while decoder.next_frame().is_some() {}
        }
        decoded
    }

    /// Flushes the decoder and reports frames that never came.
    async fn finish(&mut self, mut gop: Gop<'a>) -> Result<(), ObjectError> {
        let awaited = gop.awaited.len() as u64;
        self.make_room(|config| room::of_flush(config, awaited))?;
        self.flush(&mut gop);
        let lost: u64 = gop
            .awaited
            .values()
            .map(|indices| indices.len() as u64)
            .sum();
        if let (Some((&from, _)), Some((&to, _))) =
            (gop.awaited.first_key_value(), gop.awaited.last_key_value())
        {
            let message = format!("{lost} selected frames could not be decoded and have no image");
            self.warn("frames_lost", message, from, Some(to));
        }
        gop.awaited.clear();
        self.result.dropped.append(&mut gop.same_frame);
        self.emit(&mut gop).await?;
        self.end_damage(&mut gop);
        Ok(())
    }

    /// Takes what the decoder holds back.
    fn flush(&mut self, gop: &mut Gop<'a>) {
        if let Some(decoder) = &mut gop.decoder
            && let Err(error) = decoder.flush()
        {
            let first = gop.awaited.keys().next().copied().unwrap_or_default();
            let to = gop.last_pts();
            self.warn(warning_code(&error), error.to_string(), first, to);
        }
        gop.drain();
    }

    /// Takes note of a frame that is damaged, or ends a run of them; whether it gets an image.
    fn trust(&mut self, gop: &mut Gop<'a>, index: u64, frame: &Frame) -> bool {
        let Some(reason) = &frame.damage else {
            self.end_damage(gop);
            return true;
        };
        DamageRun::add(&mut gop.damage, frame.pts, reason);
        let keep = self.request.filters.keep_damaged;
        if !keep {
            let damaged = damaged_frame(self.request, index, frame.pts, reason);
            self.result.damaged.push(damaged);
        }
        keep
    }

    fn end_damage(&mut self, gop: &mut Gop<'a>) {
        let kept = self.request.filters.keep_damaged;
        let warning = gop.damage.take().map(|run| run.warning(kept));
        self.result.warnings.extend(warning);
    }

    /// Makes images of the frames that are ready.
    async fn emit(&mut self, gop: &mut Gop<'a>) -> Result<(), ObjectError> {
        while let Some((index, frame)) = gop.next_ready() {
            if !self.trust(gop, index, &frame) {
                continue;
            }
            let scores = score(&frame);
            match self.filter.decide(index, &scores) {
                FilterDecision::Drop {
                    reason,
                    score,
                    like,
                } => {
                    let dropped = DroppedFrame {
                        index,
                        pts: frame.pts,
                        reason,
                        score,
                        like,
                    };
                    self.result.dropped.push(dropped);
                }
                FilterDecision::Keep => match self.image(index, &frame, &scores) {
                    Ok((kept, bytes)) => {
                        self.uploads.start(&kept, bytes).await?;
                        let dedupe = self.request.filters.dedupe != Dedupe::Off;
                        self.kept
                            .push((kept, dedupe.then(|| scores.thumb.to_text())));
                    }
                    Err(reason) => self.warn("not_encoded", reason, frame.pts, Some(frame.pts)),
                },
            }
        }
        Ok(())
    }

    fn image(
        &mut self,
        index: u64,
        frame: &Frame,
        scores: &Scores,
    ) -> Result<(KeptFrame, Vec<u8>), String> {
        let request = self.request;
        let image = image_file(frame, request.rotation, &request.images)
            .map_err(|error| error.to_string())?;
        self.result.color.get_or_insert(image.color);
        let bytes = image.bytes;
        let kept = KeptFrame {
            index,
            pts: frame.pts,
            seconds: seconds(request, frame.pts),
            name: image_name(index, request.naming, request.images.format),
            width: image.width,
            height: image.height,
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
            phash: format!("{:016x}", scores.phash),
            sharpness: scores.sharpness,
            damaged: frame.damage.is_some(),
            damage: frame.damage.as_deref().map(shortened),
            predictions: Vec::new(),
        };
        Ok((kept, bytes))
    }

    fn warn(&mut self, code: &str, message: String, from: Pts, to: Option<Pts>) {
        self.result.warnings.push(Warning {
            code: code.to_owned(),
            message,
            from_pts: Some(from),
            to_pts: to.map(|to| to.max(from)),
        });
    }
}

fn warning_code(error: &DecodeError) -> &'static str {
    JobError::Decode(error.clone()).code()
}

/// The same request with one GOP only, for finding the one that crashes its sandbox.
pub(crate) fn single(request: &SegmentRequest, gop: &GopWork) -> SegmentRequest {
    SegmentRequest {
        gops: vec![gop.clone()],
        video: request.video.clone(),
        image_prefix: request.image_prefix.clone(),
        config: request.config.clone(),
        other_configs: request.other_configs.clone(),
        unwrap: request.unwrap.clone(),
        ..*request
    }
}
