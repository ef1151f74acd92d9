//! A durable queue in one file. Delivery is at least once: a message that was taken and not
//! settled is delivered again after a restart. Each generation of an object is queued once.

use super::queue_error::{QueueError, db};
use super::queue_file::QueueFile;
use super::redelivery;
use framemill_contract::{Event, EventKind, ObjectRef, Outcome};
use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// Waiting and taken messages by number.
const PENDING: TableDefinition<u64, &[u8]> = TableDefinition::new("pending");
/// Number of the pending message of an object's generation.
const BY_OBJECT: TableDefinition<&str, u64> = TableDefinition::new("pending_by_object");
/// What became of an object's generation.
const SETTLED: TableDefinition<&str, &[u8]> = TableDefinition::new("settled");
/// What cannot be done for now is tried again this often.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A message as kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    object: ObjectRef,
    /// Failed deliveries so far.
    failures: u32,
    /// Not before this time, milliseconds after 1970.
    not_before: u64,
    /// When it was queued, milliseconds after 1970.
    published: u64,
}

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Number in the queue.
    pub id: u64,
    /// The upload.
    pub object: ObjectRef,
    /// Number of this delivery attempt, from 1.
    pub attempt: u32,
    /// When it was queued.
    pub published: SystemTime,
}

impl Taken {
    /// The event it carries.
    pub fn event(&self) -> Event {
        Event {
            kind: EventKind::Finalized,
            object: self.object.clone(),
        }
    }
}

/// A dead letter of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedDeadLetter {
    /// The upload.
    pub object: ObjectRef,
    /// Deliveries that failed.
    pub attempts: u32,
    /// Why the last one did.
    pub reason: String,
    /// When it was queued, milliseconds after 1970.
    #[serde(default)]
    pub published: u64,
}

impl QueuedDeadLetter {
    /// An id that no other dead letter has.
    pub fn id(&self) -> String {
        let object = &self.object;
        let generation = object.generation.unwrap_or(0);
        format!("{}/{}#{generation}", object.bucket, object.name)
    }
}

/// What became of an object's generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// Done.
    Done(Outcome),
    /// Moved to the dead letters.
    DeadLettered(QueuedDeadLetter),
}

/// The queue. One process at a time.
pub struct Queue {
    file: QueueFile,
    /// Messages that someone works on. In memory: a crash gives them back.
    taken: Mutex<HashSet<u64>>,
    max_attempts: u32,
    changed: Notify,
}

fn key(object: &ObjectRef) -> String {
    let generation = object.generation.unwrap_or(0);
    format!("{}\n{}\n{generation}", object.bucket, object.name)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Queue {
    /// Opens or makes the queue of a folder. A message that failed `max_attempts` times is
    /// given up.
    ///
    /// # Errors
    /// [`QueueError::Locked`] where another process has it.
    pub fn open(path: &Path, max_attempts: u32) -> Result<Self, QueueError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = QueueFile::open(path)?;
        file.run(|database| {
            let write = database.begin_write().map_err(db)?;
            write.open_table(PENDING).map_err(db)?;
            write.open_table(BY_OBJECT).map_err(db)?;
            write.open_table(SETTLED).map_err(db)?;
            file.commit(write)
        })?;
        Ok(Self {
            file,
            taken: Mutex::default(),
            max_attempts: max_attempts.max(1),
            changed: Notify::new(),
        })
    }

    /// Adds an upload, unless this generation of the object is queued or was settled. Returns
    /// whether it was added.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn enqueue(&self, object: &ObjectRef) -> Result<bool, QueueError> {
        self.add(object, false)
    }

    /// As [`Queue::enqueue`], but adds what was settled as well: for results that are gone, and
    /// for another attempt.
    ///
    /// # Errors
    /// As [`Queue::enqueue`].
    pub fn requeue(&self, object: &ObjectRef) -> Result<bool, QueueError> {
        self.add(object, true)
    }

    fn add(&self, object: &ObjectRef, again: bool) -> Result<bool, QueueError> {
        let key = key(object);
        let added = self.file.run(|database| {
            let write = database.begin_write().map_err(db)?;
            {
                let mut pending = write.open_table(PENDING).map_err(db)?;
                let mut by_object = write.open_table(BY_OBJECT).map_err(db)?;
                let mut settled = write.open_table(SETTLED).map_err(db)?;
                if by_object.get(key.as_str()).map_err(db)?.is_some() {
                    return Ok(false);
                }
                let was_settled = settled.remove(key.as_str()).map_err(db)?.is_some();
                // Without a commit nothing is removed.
                if was_settled && !again {
                    return Ok(false);
                }
                let last = pending.last().map_err(db)?.map(|(id, _)| id.value());
                let now = millis(SystemTime::now());
                // A number must not be used again while a message with it is in flight.
                let id = last.map_or(now, |last| last.saturating_add(1).max(now));
                let record = serde_json::to_vec(&Record {
                    object: object.clone(),
                    failures: 0,
                    not_before: 0,
                    published: now,
                })?;
                pending.insert(id, record.as_slice()).map_err(db)?;
                by_object.insert(key.as_str(), id).map_err(db)?;
            }
            self.file.commit(write)?;
            Ok(true)
        })?;
        if added {
            self.changed.notify_waiters();
        }
        Ok(added)
    }

    /// Takes the oldest message that is due; or returns the time until the next one is due.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn take(&self) -> Result<Result<Taken, Option<Duration>>, QueueError> {
        // The lock first: a snapshot from before a message was settled still holds it, and then
        // only `taken` says that it is not to be delivered.
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.file.run(|database| {
            let read = database.begin_read().map_err(db)?;
            let pending = read.open_table(PENDING).map_err(db)?;
            let now = millis(SystemTime::now());
            let mut next: Option<u64> = None;
            for entry in pending.iter().map_err(db)? {
                let (id, record) = entry.map_err(db)?;
                let id = id.value();
                if taken.contains(&id) {
                    continue;
                }
                let record: Record = serde_json::from_slice(record.value())?;
                if record.not_before <= now {
                    taken.insert(id);
                    return Ok(Ok(Taken {
                        id,
                        attempt: record.failures.saturating_add(1),
                        published: UNIX_EPOCH + Duration::from_millis(record.published),
                        object: record.object,
                    }));
                }
                next = Some(next.map_or(record.not_before, |next| next.min(record.not_before)));
            }
            Ok(Err(next.map(|next| {
                Duration::from_millis(next.saturating_sub(now))
            })))
        })
    }

    /// Waits for a message and takes it. Dropping the future takes nothing.
    ///
    /// # Errors
    /// As [`Queue::take`].
    pub async fn next(&self) -> Result<Taken, QueueError> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.take() {
                Ok(Ok(message)) => return Ok(message),
                Ok(Err(Some(wait))) => {
                    let _ = tokio::time::timeout(wait, changed).await;
                }
                Ok(Err(None)) => changed.await,
                // After a write that failed, reading takes a write too.
                Err(error) if error.passes() => tokio::time::sleep(TRY_AGAIN).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Does `work` once it can be done. Dropping the future does nothing more.
    ///
    /// # Errors
    /// Those of `work` but for [`QueueError::passes`].
    pub async fn waiting<T>(
        &self,
        mut work: impl FnMut() -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        loop {
            match work() {
                Err(error) if error.passes() => tokio::time::sleep(TRY_AGAIN).await,
                other => return other,
            }
        }
    }

    /// Acks a message: it is done, with this outcome.
    ///
    /// # Errors
    /// Where the file cannot be written; the message is delivered again after a restart.
    pub fn ack(&self, message: &Taken, outcome: &Outcome) -> Result<(), QueueError> {
        self.end(message, Some(&Settled::Done(outcome.clone())))
    }

    /// Acks a message without remembering it: the same generation may be queued again.
    ///
    /// # Errors
    /// As [`Queue::ack`].
    pub fn forget(&self, message: &Taken) -> Result<(), QueueError> {
        self.end(message, None)
    }

    /// Moves a message to the dead letters, with this reason.
    ///
    /// # Errors
    /// As [`Queue::ack`].
    pub fn dead_letter(&self, message: &Taken, reason: &str) -> Result<(), QueueError> {
        self.end(
            message,
            Some(&Settled::DeadLettered(QueuedDeadLetter {
                object: message.object.clone(),
                attempts: message.attempt,
                reason: reason.to_owned(),
                published: millis(message.published),
            })),
        )
    }

    fn end(&self, message: &Taken, settled: Option<&Settled>) -> Result<(), QueueError> {
        let key = key(&message.object);
        self.file.run(|database| {
            let write = database.begin_write().map_err(db)?;
            {
                let mut pending = write.open_table(PENDING).map_err(db)?;
                let mut by_object = write.open_table(BY_OBJECT).map_err(db)?;
                let mut table = write.open_table(SETTLED).map_err(db)?;
                pending.remove(message.id).map_err(db)?;
                by_object.remove(key.as_str()).map_err(db)?;
                if let Some(settled) = settled {
                    let record = serde_json::to_vec(settled)?;
                    table.insert(key.as_str(), record.as_slice()).map_err(db)?;
                }
            }
            self.file.commit(write)
        })?;
        self.nack(message);
        Ok(())
    }

    /// A delivery failed: the message is delivered again after a delay that grows each time and
    /// is not shorter than `at_least`; after the last attempt it goes to the dead letters.
    /// Returns whether it did.
    ///
    /// # Errors
    /// As [`Queue::ack`].
    pub fn retry(
        &self,
        message: &Taken,
        reason: &str,
        at_least: Option<Duration>,
    ) -> Result<bool, QueueError> {
        if message.attempt >= self.max_attempts {
            self.dead_letter(message, reason)?;
            return Ok(true);
        }
        let wait = redelivery::delay(message.attempt, at_least);
        let record = Record {
            object: message.object.clone(),
            failures: message.attempt,
            not_before: millis(SystemTime::now() + wait),
            published: millis(message.published),
        };
        self.file.run(|database| {
            let write = database.begin_write().map_err(db)?;
            {
                let mut pending = write.open_table(PENDING).map_err(db)?;
                let record = serde_json::to_vec(&record)?;
                pending.insert(message.id, record.as_slice()).map_err(db)?;
            }
            self.file.commit(write)
        })?;
        self.nack(message);
        Ok(false)
    }

    /// Nacks a message: it is delivered again at once, and this is no failed delivery.
    pub fn nack(&self, message: &Taken) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&message.id);
        drop(taken);
        self.changed.notify_waiters();
    }

    /// How many messages wait or are in flight.
    ///
    /// # Errors
    /// As [`Queue::take`].
    pub fn pending(&self) -> Result<u64, QueueError> {
        use redb::ReadableTableMetadata as _;
        self.file.run(|database| {
            let read = database.begin_read().map_err(db)?;
            let pending = read.open_table(PENDING).map_err(db)?;
            pending.len().map_err(db)
        })
    }

    /// What became of an object's generation; `None` where it is queued, or never was.
    ///
    /// # Errors
    /// As [`Queue::take`].
    pub fn settled(&self, object: &ObjectRef) -> Result<Option<Settled>, QueueError> {
        self.file.run(|database| {
            let read = database.begin_read().map_err(db)?;
            let settled = read.open_table(SETTLED).map_err(db)?;
            let record = settled.get(key(object).as_str()).map_err(db)?;
            Ok(record
                .map(|record| serde_json::from_slice(record.value()))
                .transpose()?)
        })
    }

    /// The dead letters.
    ///
    /// # Errors
    /// As [`Queue::take`].
    pub fn dead_letters(&self) -> Result<Vec<QueuedDeadLetter>, QueueError> {
        self.file.run(|database| {
            let read = database.begin_read().map_err(db)?;
            let settled = read.open_table(SETTLED).map_err(db)?;
            let mut dead = Vec::new();
            for entry in settled.iter().map_err(db)? {
                let (_, record) = entry.map_err(db)?;
                if let Settled::DeadLettered(letter) = serde_json::from_slice(record.value())? {
                    dead.push(letter);
                }
            }
            Ok(dead)
        })
    }

    /// Queues all dead letters again. Returns how many.
    ///
    /// # Errors
    /// As [`Queue::ack`].
    pub fn redrive(&self) -> Result<usize, QueueError> {
        self.redrive_those(|_| true)
    }

    /// As [`Queue::redrive`], but only those that are `wanted`.
    ///
    /// # Errors
    /// As [`Queue::ack`].
    pub fn redrive_those(
        &self,
        wanted: impl Fn(&QueuedDeadLetter) -> bool,
    ) -> Result<usize, QueueError> {
        let mut redriven = 0_usize;
        for letter in self.dead_letters()?.iter().filter(|letter| wanted(letter)) {
            self.requeue(&letter.object)?;
            redriven = redriven.saturating_add(1);
        }
        Ok(redriven)
    }
}
