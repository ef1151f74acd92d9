//! Checkpoint objects: what earlier checkpoints of a video have done.

use crate::fan_out::join;
use crate::store::{Created, JSON, ObjectError, Objects, to_json};
use crate::upload::Upload;
use framemill_contract::{
    Checkpoint, CheckpointFolder, JobError, ObjectRef, Outcome, SegmentResult, VideoName,
};
use futures::{StreamExt as _, TryStreamExt as _};

/// Checkpoints that are read at the same time.
const PARALLEL: usize = 8;

/// The checkpoints of one work on a video and generation.
pub(crate) struct Checkpoints<'a, O> {
    objects: &'a O,
    video: &'a ObjectRef,
    folder: CheckpointFolder,
    /// Whether work goes over several requests here, so that there are any.
    in_use: bool,
}

impl<'a, O: Objects> Checkpoints<'a, O> {
    /// Of the upload that has this name in records.
    pub fn new(upload: &Upload<'a, O>, name: &VideoName) -> Self {
        Self {
            objects: upload.objects,
            video: upload.video,
            folder: CheckpointFolder::new(upload.config, name, upload.generation()),
            in_use: upload.config.segment_budget.is_some(),
        }
    }

    /// Name of the checkpoint with this number.
    pub fn name(&self, number: u64) -> String {
        self.folder.name(number)
    }

    /// Number of the checkpoint with this name; `None` for names of others.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.folder.number(name)
    }

    /// The newest number and its checkpoint; number 0 where there is none.
    pub async fn newest(&self) -> Result<(u64, Checkpoint), ObjectError> {
        if !self.in_use {
            return Ok((0, Checkpoint::new(self.video.clone(), 0)));
        }
        let names = self.list(self.folder.prefix()).await?;
        let newest = names
            .iter()
            .filter_map(|name| self.folder.number(name))
            .max();
        match newest {
            None => Ok((0, Checkpoint::new(self.video.clone(), 0))),
            Some(number) => Ok((number, self.read(number).await?)),
        }
    }

    /// Leaves the checkpoint of a number, unless another delivery was there first.
    pub async fn leave(
        &self,
        number: u64,
        checkpoint: &Checkpoint,
    ) -> Result<Created, ObjectError> {
        let bytes = to_json(checkpoint)?;
        let name = self.folder.name(number);
        let bucket = &self.video.bucket;
        self.objects.create(bucket, &name, JSON, &bytes).await
    }

    /// The results of checkpoints 1 to `newest`, in order.
    pub async fn results(&self, newest: u64) -> Result<SegmentResult, ObjectError> {
        let checkpoints = futures::stream::iter(1..=newest).map(|number| self.read(number));
        let mut checkpoints = std::pin::pin!(checkpoints.buffered(PARALLEL));
        let mut joined = SegmentResult::default();
        let mut done = 0;
        let mut number = 0;
        while let Some(checkpoint) = checkpoints.try_next().await? {
            number += 1;
            if checkpoint.from_gop != done {
                return Err(self.unusable(number, "does not follow the one before"));
            }
            done = checkpoint.to_gop;
            join(&mut joined, checkpoint.result);
        }
        Ok(joined)
    }

    /// Removes those that an outcome makes useless: of this work where it rejects the video, as
    /// another may do better; of all works on the generation once it is committed.
    pub async fn remove_after(&self, outcome: &Outcome) -> Result<(), ObjectError> {
        let prefix = match outcome {
            Outcome::Continued { .. } | Outcome::Ignored { .. } => return Ok(()),
            Outcome::Rejected { .. } => self.folder.prefix(),
            _ => self.folder.of_generation(),
        };
        if !self.in_use {
            return Ok(());
        }
        for name in self.list(prefix).await? {
            self.objects.delete(&self.video.bucket, &name).await?;
        }
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, ObjectError> {
        self.objects.list(&self.video.bucket, prefix).await
    }

    async fn read(&self, number: u64) -> Result<Checkpoint, ObjectError> {
        let name = self.folder.name(number);
        let bytes = match self.objects.read_all(&self.video.bucket, &name).await {
            // Another delivery ended, and removed it. It must not pass for the video that is gone.
            Err(ObjectError::Gone) => return Err(self.unusable(number, "was removed")),
            bytes => bytes?,
        };
        match Checkpoint::parse(&bytes) {
            Some(checkpoint) if checkpoint.video == *self.video => Ok(checkpoint),
            _ => Err(self.unusable(number, "is no checkpoint of this video")),
        }
    }

    fn unusable(&self, number: u64, why: &str) -> ObjectError {
        ObjectError::Failed(JobError::Storage {
            what: format!("checkpoint {}", self.folder.name(number)),
            reason: format!("{why}: remove the checkpoints beside it, then the video starts anew"),
        })
    }
}
