//! Cursor objects: what earlier turns of a video have done.

use crate::fan_out::join;
use crate::store::{Created, Objects, StoreError, to_json};
use framemill_contract::{Cursor, CursorFolder, JobError, ObjectRef, SegmentResult};
use futures::{StreamExt as _, TryStreamExt as _};

/// Cursors that are read at the same time.
const PARALLEL: usize = 8;

/// The cursors of one video, generation and configuration.
pub(crate) struct Turns<'a, O> {
    pub objects: &'a O,
    pub video: &'a ObjectRef,
    pub folder: CursorFolder,
}

impl<O: Objects> Turns<'_, O> {
    /// The newest turn and its cursor; turn 0 where there is none.
    pub async fn newest(&self) -> Result<(u64, Cursor), StoreError> {
        let names = self.list(self.folder.prefix()).await?;
        let newest = names.iter().filter_map(|name| self.folder.turn(name)).max();
        match newest {
            None => Ok((0, Cursor::new(self.video.clone(), 0))),
            Some(turn) => Ok((turn, self.read(turn).await?)),
        }
    }

    /// Leaves the cursor of a turn, unless another delivery was there first.
    pub async fn leave(&self, turn: u64, cursor: &Cursor) -> Result<Created, StoreError> {
        let bytes = to_json(cursor)?;
        let name = self.folder.name(turn);
        let bucket = &self.video.bucket;
        let json = "application/json";
        self.objects.create(bucket, &name, json, &bytes).await
    }

    /// The results of turns 1 to `newest`, in order.
    pub async fn results(&self, newest: u64) -> Result<SegmentResult, StoreError> {
        let cursors = futures::stream::iter(1..=newest).map(|turn| self.read(turn));
        let mut cursors = std::pin::pin!(cursors.buffered(PARALLEL));
        let mut joined = SegmentResult::default();
        let mut done = 0;
        let mut turn = 0;
        while let Some(cursor) = cursors.try_next().await? {
            turn += 1;
            if cursor.from_gop != done {
                return Err(self.unusable(turn, "does not follow the one before"));
            }
            done = cursor.to_gop;
            join(&mut joined, cursor.result);
        }
        Ok(joined)
    }

    /// Removes the cursors of this generation, also those of other configurations.
    pub async fn remove(&self) -> Result<(), StoreError> {
        for name in self.list(self.folder.of_generation()).await? {
            self.objects.delete(&self.video.bucket, &name).await?;
        }
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.objects.list(&self.video.bucket, prefix).await
    }

    async fn read(&self, turn: u64) -> Result<Cursor, StoreError> {
        let name = self.folder.name(turn);
        let bytes = self.objects.read_all(&self.video.bucket, &name).await?;
        match Cursor::parse(&bytes) {
            Some(cursor) if cursor.video == *self.video => Ok(cursor),
            _ => Err(self.unusable(turn, "is no cursor of this video")),
        }
    }

    fn unusable(&self, turn: u64, why: &str) -> StoreError {
        StoreError::Failed(JobError::Storage {
            what: format!("cursor {}", self.folder.name(turn)),
            reason: format!("{why}: remove the cursors beside it, then the video starts anew"),
        })
    }
}
