//! The file of the queue. The database refuses all work once a write has failed; then the file is
//! opened anew, so that a full disk is waited out and ends nothing.

use super::queue_error::{QueueError, db};
use redb::{Database, DatabaseError, WriteTransaction};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

pub(super) struct QueueFile {
    path: PathBuf,
    /// `None` after a failure. One at a time works with it: the failure of one would be that of all.
    database: Mutex<Option<Database>>,
    /// Whether the last work could not be done for now.
    waits: AtomicBool,
}

/// The error of a file that is not opened.
fn not_opened(path: &Path, error: DatabaseError) -> QueueError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => QueueError::Locked(path.to_owned()),
        other => db(other),
    }
}

impl QueueFile {
    /// Opens or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, QueueError> {
        let database = Database::create(path).map_err(|error| not_opened(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            database: Mutex::new(Some(database)),
            waits: AtomicBool::new(false),
        })
    }

    /// Works with the database, as it is or opened anew.
    pub(super) fn run<T>(
        &self,
        mut work: impl FnMut(&Database) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let mut opened = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let mut result = self.attempt(&mut opened, &mut work);
        if result.as_ref().is_err_and(QueueError::is_of_earlier) {
            result = self.attempt(&mut opened, &mut work);
        }
        drop(opened);
        if let Err(error) = &result
            && error.passes()
        {
            self.note_waiting(error);
        }
        result
    }

    fn attempt<T>(
        &self,
        opened: &mut Option<Database>,
        work: &mut impl FnMut(&Database) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let database = match &*opened {
            Some(database) => database,
            None => {
                // It must be there: an empty one would have forgotten what is done.
                let again = Database::open(&self.path);
                opened.insert(again.map_err(|error| not_opened(&self.path, error))?)
            }
        };
        let result = work(database);
        if result.as_ref().is_err_and(QueueError::breaks) {
            *opened = None;
        }
        result
    }

    fn note_waiting(&self, error: &QueueError) {
        let path = self.path.display();
        if self.waits.swap(true, Ordering::Relaxed) {
            tracing::debug!(%error, "the queue still waits: {path}");
        } else if error.is_full() {
            tracing::error!(%error, "no space for the queue, it waits for some: {path}");
        } else {
            tracing::error!(%error, "another has taken the queue's file, it is waited for: {path}");
        }
    }

    /// Puts a transaction on the disk.
    pub(super) fn commit(&self, write: WriteTransaction) -> Result<(), QueueError> {
        write.commit().map_err(db)?;
        if self.waits.swap(false, Ordering::Relaxed) {
            tracing::info!("the queue goes on: {}", self.path.display());
        }
        Ok(())
    }
}
