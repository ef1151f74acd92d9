//! The intent as a lock: created or replaced by generation only, held for a time.

use super::TargetError;
use super::stop::Stop;
use crate::http::Web;
use crate::store::{JSON, ObjectError, ObjectInfo, Objects, to_json};
use framemill_contract::{LabelConfig, LabelIntent, LabelJob};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds after which the holder writes the intent again: that renews the lease and notes what
/// is sent. A store takes one write a second of one object.
const HEARTBEAT: u64 = 5;

/// A name that no other delivery has, as 32 hex digits.
pub(super) fn holder() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.map_or(0, |since| since.as_nanos());
    // Each state has keys of its own, from what is random at the host.
    let part = || RandomState::new().hash_one(nanos);
    format!("{:016x}{:016x}", part(), part())
}

/// The right to ask for these labels, for some time.
pub(super) struct Lease<'a, O, W> {
    objects: &'a O,
    web: &'a W,
    bucket: &'a str,
    name: String,
    seconds: u64,
    /// What is noted, or will be with the next heartbeat.
    pub(super) intent: LabelIntent,
    generation: i64,
    /// When the last write started, by our own clock.
    written: u64,
}

/// How an attempt to take the lease ended.
pub(super) enum Taken<'a, O, W> {
    /// No one had it before.
    New(Lease<'a, O, W>),
    /// Someone had it, and gave it back or went silent.
    Over(Lease<'a, O, W>),
    /// Someone has it, for this many seconds at most.
    Busy(u64),
}

impl<'a, O: Objects, W: Web> Lease<'a, O, W> {
    /// Takes the lease, if it is free.
    pub(super) async fn take(
        objects: &'a O,
        web: &'a W,
        config: &LabelConfig,
        job: &'a LabelJob,
        intent: LabelIntent,
    ) -> Result<Taken<'a, O, W>, ObjectError> {
        let mut lease = Self {
            objects,
            web,
            bucket: &job.manifest.bucket,
            name: job.intent(),
            seconds: config.lease,
            intent,
            generation: 0,
            written: 0,
        };
        if lease.write().await? {
            return Ok(Taken::New(lease));
        }
        let there = match objects.metadata(lease.bucket, &lease.name).await {
            Ok(meta) => meta,
            // A person removed it this moment.
            Err(ObjectError::Gone) => return Ok(Taken::Busy(1)),
            Err(error) => return Err(error),
        };
        let left = lease.left(&there);
        let bytes = match objects.read_all(lease.bucket, &lease.name).await {
            Ok(bytes) => bytes,
            Err(ObjectError::Gone) => return Ok(Taken::Busy(1)),
            Err(error) => return Err(error),
        };
        // What cannot be read is no one's progress; its age still counts.
        let old: Option<LabelIntent> = serde_json::from_slice(&bytes).ok();
        let released = old.as_ref().is_some_and(|old| old.released);
        if left > 0 && !released {
            return Ok(Taken::Busy(left));
        }
        if let Some(old) = old {
            lease.intent = lease.intent.continuing(old);
        }
        lease.generation = there.generation;
        match lease.write().await? {
            true => Ok(Taken::Over(lease)),
            false => Ok(Taken::Busy(lease.seconds)),
        }
    }

    /// Seconds until the lease that was written with `meta` ends, by our clock. One whose time no
    /// one knows may have been written this moment.
    fn left(&self, meta: &ObjectInfo) -> u64 {
        if meta.updated == 0 {
            return self.seconds;
        }
        let end = meta.updated.saturating_add(self.seconds);
        end.saturating_sub(self.web.now())
    }

    /// Writes the intent over the generation that we know; `false` where it is another's.
    async fn write(&mut self) -> Result<bool, ObjectError> {
        let started = self.web.now();
        self.intent.revision = self.intent.revision.saturating_add(1);
        let bytes = to_json(&self.intent)?;
        let (bucket, name) = (self.bucket, &self.name);
        let written = self
            .objects
            .replace(bucket, name, self.generation, JSON, &bytes);
        let Some(meta) = written.await? else {
            return Ok(false);
        };
        self.generation = meta.generation;
        self.written = started;
        Ok(true)
    }

    /// Before a request to the target: makes sure that the lease is ours for a good while.
    pub(super) async fn renew(&mut self) -> Result<(), Stop> {
        let age = self.web.now().saturating_sub(self.written);
        if age < HEARTBEAT.min(self.seconds / 4) {
            return Ok(());
        }
        if !self.write().await? {
            return Err(Stop::Busy(self.seconds));
        }
        if self.web.now() >= self.until() {
            let reason = "noting the progress took too long".to_owned();
            return Err(Stop::Target(TargetError::transient(reason)));
        }
        Ok(())
    }

    /// No request may start after this: half of the lease stays for the last one to end in.
    pub(super) fn until(&self) -> u64 {
        self.written.saturating_add(self.seconds / 2)
    }

    /// Gives the lease back, so that the next delivery need not wait for its end. Where this
    /// fails it waits.
    pub(super) async fn release(mut self) {
        self.intent.released = true;
        let _ = self.write().await;
    }
}
