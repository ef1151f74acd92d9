//! The file of the queue. The database refuses all work once a write has failed; then the file is
//! opened anew, so that a full disk is waited out and ends nothing.

use super::queue_error::{QueueError, db};
use redb::{Database, DatabaseError, WriteTransaction};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

pub(super) struct QueueFile {
    path: PathBuf,
    /// `None` after a failure.
    database: RwLock<Option<Database>>,
    /// Whether the last write found no space.
    full: AtomicBool,
}

impl QueueFile {
    /// Opens or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, QueueError> {
        let database = Database::create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => QueueError::Locked(path.to_owned()),
            other => db(other),
        })?;
        Ok(Self {
            path: path.to_owned(),
            database: RwLock::new(Some(database)),
            full: AtomicBool::new(false),
        })
    }

    /// Works with the database, as it is or opened anew.
    pub(super) fn run<T>(
        &self,
        mut work: impl FnMut(&Database) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let mut result = self.attempt(&mut work);
        if result.as_ref().is_err_and(QueueError::is_of_another) {
            result = self.attempt(&mut work);
        }
        if let Err(error) = &result
            && error.is_full()
            && !self.full.swap(true, Ordering::Relaxed)
        {
            tracing::error!(%error, "no space for the queue, it waits for some: {}", self.path.display());
        }
        result
    }

    fn attempt<T>(
        &self,
        work: &mut impl FnMut(&Database) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let result = match self.with_open(work) {
            Some(result) => result,
            None => {
                self.open_again()?;
                let result = self.with_open(work);
                // Another's failure has closed it meanwhile.
                result.unwrap_or_else(|| Err(db(redb::Error::PreviousIo)))
            }
        };
        if result.as_ref().is_err_and(QueueError::breaks) {
            let mut opened = self
                .database
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *opened = None;
        }
        result
    }

    fn with_open<T>(
        &self,
        work: &mut impl FnMut(&Database) -> Result<T, QueueError>,
    ) -> Option<Result<T, QueueError>> {
        let opened = self.database.read();
        let opened = opened.unwrap_or_else(PoisonError::into_inner);
        opened.as_ref().map(work)
    }

    fn open_again(&self) -> Result<(), QueueError> {
        let mut opened = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if opened.is_none() {
            // It must be there: an empty one would have forgotten what is done.
            *opened = Some(Database::open(&self.path).map_err(db)?);
        }
        Ok(())
    }

    /// Puts a transaction on the disk.
    pub(super) fn commit(&self, write: WriteTransaction) -> Result<(), QueueError> {
        write.commit().map_err(db)?;
        if self.full.swap(false, Ordering::Relaxed) {
            tracing::info!(
                "there is space again, the queue goes on: {}",
                self.path.display()
            );
        }
        Ok(())
    }
}
