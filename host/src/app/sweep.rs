//! Missed events: finds the objects that nobody has worked on, and queues them.
//!
//! What is missing is the difference of listings: of inputs, and of what says that they are done,
//! or failed. An input's name gives the names of both. Nothing is asked about images, and nothing
//! about a single input but in the cases below.
//!
//! **Inputs that are written once** (manifests): what has the name is about the input.
//!
//! **Inputs that people upload**, and may upload again: a video of generation G is done where
//! `<video>@G` is done, or where the plain `<video>` is and that was written after the upload. Only
//! an upload that was current a moment before has something written about it: extract-frames looks
//! once more just before it writes. Where the plain name is done and older than the upload (which
//! then came later, or was written in the same second, or was touched since), the claim, which names
//! the generation, decides; that is one read.
//!
//! What is left of a race: a video is uploaded again within the milliseconds between that last look
//! and the commit, and the message of the new upload is lost too. Then the new upload is taken for
//! done.
//!
//! Names of what is done or failed are held in memory during a sweep: 130 MB for a million of 40
//! bytes each.
//!
//! Measured with a bucket that counts (`host/tests/sweep`): 100,000 videos with 10,000,000 images
//! cost 303 listings of up to 999 names (101 of videos, 100 of manifests, 1 of failures, 101 of
//! claims, which are listed only where something is missing) and no other request; their labels 300.

use super::records::{self, Claims, pages};
use framemill_contract::{Claim, Event, EventKind, NamePattern, ObjectRef, VideoName};
use framemill_objects::{ObjectMeta, Store, StoreError};
use framemill_sources::{Source, SourceError};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;
use tokio::sync::OnceCell;

/// Claims that are read at the same time.
const AT_ONCE: usize = 16;

/// Why a sweep broke off.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The bucket.
    #[error("bucket: {0}")]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What a sweep looks through.
pub struct Sweep {
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// Its name.
    pub bucket: String,
    /// What is looked for, one after the other.
    pub rules: Vec<SweepRule>,
    /// Names that are skipped: a folder has unfinished and hidden files.
    pub skip: fn(&str) -> bool,
    /// Younger objects are left alone.
    pub age: Duration,
}

/// How to see what a function has not worked on.
pub struct SweepRule {
    /// The function.
    pub function: String,
    /// Prefix of its inputs.
    pub inputs: String,
    /// The video that an object below it is about; `None` for what is no input.
    pub video: VideoOf,
    /// What says that an input is done, by video.
    pub done: NamePattern,
    /// What says that it cannot be done, by video.
    pub failed: NamePattern,
    /// For inputs that may be uploaded again under the same name.
    pub claims: Option<Claims>,
    /// Where what is missing is queued.
    pub source: Arc<dyn Source>,
}

/// The video that the object of this name is about.
pub type VideoOf = Box<dyn Fn(&str) -> Option<VideoName> + Send + Sync>;

/// What a sweep found of the inputs of one function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// The function.
    pub function: String,
    /// Inputs.
    pub objects: u64,
    /// Of these: are done.
    pub done: u64,
    /// Have a failure record.
    pub failed: u64,
    /// Too young to be missing.
    pub young: u64,
    /// Were missing, and are queued.
    pub queued: u64,
}

/// How far an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    Failed,
    /// Too young to be missing, or someone may be at work on it.
    Young,
    Missing,
}

/// When objects were last written, in microseconds after 1970, by the key in their names.
type Written = HashMap<Box<str>, i64>;

/// What the listings say.
struct Listed {
    done: Written,
    failed: Written,
    /// Names of claims that are too young for their work to be over. Few, and only asked for
    /// where something is missing.
    begun: OnceCell<HashSet<String>>,
}

/// What the listings say of an upload.
enum Said {
    Of(State),
    /// Of whoever has the plain name.
    MaybeOf(State),
    Nothing,
}

impl Listed {
    fn outcomes(&self) -> [(&Written, State); 2] {
        [(&self.done, State::Done), (&self.failed, State::Failed)]
    }

    /// What is said of the input with this name.
    fn of_name(&self, video: &VideoName) -> Option<State> {
        let name = video.to_string();
        let mut outcomes = self.outcomes().into_iter();
        let found = outcomes.find(|(written, _)| written.contains_key(name.as_str()));
        found.map(|(_, state)| state)
    }

    /// What is said of an upload, whose video is `plain`, or `own` with its generation.
    fn of_upload(&self, plain: &VideoName, own: &VideoName, meta: &ObjectMeta) -> Said {
        let (plain, own) = (plain.to_string(), own.to_string());
        let mut said = Said::Nothing;
        for (written, state) in self.outcomes() {
            let of_plain = written.get(plain.as_str());
            let is_later = of_plain.is_some_and(|time| *time > meta.updated_micros);
            if is_later || written.contains_key(own.as_str()) {
                return Said::Of(state);
            }
            if of_plain.is_some() && matches!(said, Said::Nothing) {
                said = Said::MaybeOf(state);
            }
        }
        said
    }
}

async fn written(store: &dyn Store, names: &NamePattern) -> Result<Written, StoreError> {
    let mut written = Written::new();
    let mut pages = std::pin::pin!(pages(store, names.prefix.clone()));
    while let Some(page) = pages.try_next().await? {
        let keys = page.iter().filter_map(|meta| {
            let key = names.key(&meta.name)?;
            Some((key.into(), meta.updated_micros))
        });
        written.extend(keys);
    }
    Ok(written)
}

impl Sweep {
    /// Looks through all inputs once. `progress` is told after each page.
    ///
    /// # Errors
    /// Where the bucket or the queue does not answer.
    pub async fn run(&self, progress: &(dyn Fn(&Swept) + Sync)) -> Result<Vec<Swept>, SweepError> {
        let mut all = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            all.push(self.follow(rule, progress).await?);
        }
        Ok(all)
    }

    async fn follow(
        &self,
        rule: &SweepRule,
        progress: &(dyn Fn(&Swept) + Sync),
    ) -> Result<Swept, SweepError> {
        let store = self.store.as_ref();
        let (done, failed) =
            futures::try_join!(written(store, &rule.done), written(store, &rule.failed))?;
        let listed = Listed {
            done,
            failed,
            begun: OnceCell::new(),
        };
        let mut swept = Swept {
            function: rule.function.clone(),
            ..Swept::default()
        };
        let mut pages = std::pin::pin!(pages(store, rule.inputs.clone()));
        while let Some(page) = pages.try_next().await? {
            let named = page.into_iter().filter(|meta| !(self.skip)(&meta.name));
            let inputs = named.filter_map(|meta| Some(((rule.video)(&meta.name)?, meta)));
            let states = inputs.map(async |(video, meta)| {
                let state = self.state(rule, &listed, &video, &meta).await?;
                Ok::<_, StoreError>((state, meta))
            });
            let states = futures::stream::iter(states).buffered(AT_ONCE);
            let states: Vec<(State, ObjectMeta)> = states.try_collect().await?;
            for (state, meta) in states {
                self.settle(rule, state, &meta, &mut swept).await?;
            }
            progress(&swept);
        }
        Ok(swept)
    }

    async fn settle(
        &self,
        rule: &SweepRule,
        state: State,
        meta: &ObjectMeta,
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        swept.objects = swept.objects.saturating_add(1);
        let count = match state {
            State::Done => &mut swept.done,
            State::Failed => &mut swept.failed,
            State::Young => &mut swept.young,
            State::Missing => {
                rule.source.publish(&self.event(meta)).await?;
                // It may be new, or its message lost: nobody knows.
                tracing::info!("queued, it has no outcome yet: {}", meta.name);
                &mut swept.queued
            }
        };
        *count = count.saturating_add(1);
        Ok(())
    }

    fn event(&self, meta: &ObjectMeta) -> Event {
        Event {
            kind: EventKind::Finalized,
            object: ObjectRef {
                bucket: self.bucket.clone(),
                name: meta.name.clone(),
                generation: Some(meta.generation),
            },
        }
    }

    async fn state(
        &self,
        rule: &SweepRule,
        listed: &Listed,
        video: &VideoName,
        meta: &ObjectMeta,
    ) -> Result<State, StoreError> {
        let Some(claims) = &rule.claims else {
            let otherwise = match self.is_young(meta) {
                true => State::Young,
                false => State::Missing,
            };
            return Ok(listed.of_name(video).unwrap_or(otherwise));
        };
        let own = video.of_generation(meta.generation);
        match listed.of_upload(video, &own, meta) {
            Said::Of(state) => return Ok(state),
            Said::MaybeOf(state) if self.is_owner(claims, video, meta).await? => return Ok(state),
            Said::MaybeOf(_) | Said::Nothing => {}
        }
        if self.is_young(meta) {
            return Ok(State::Young);
        }
        let begun = listed.begun.get_or_try_init(|| self.begun(claims)).await?;
        let at_work = |name| begun.contains(&claims.of(name));
        Ok(match at_work(&own) || at_work(video) {
            true => State::Young,
            false => State::Missing,
        })
    }

    /// Whether this upload has the plain name of its video.
    async fn is_owner(
        &self,
        claims: &Claims,
        video: &VideoName,
        meta: &ObjectMeta,
    ) -> Result<bool, StoreError> {
        let claim = claims.of(video);
        let claim = records::read_json::<Claim>(self.store.as_ref(), &claim).await?;
        Ok(claim.is_some_and(|claim| claim.is_of(&meta.name, meta.generation)))
    }

    async fn begun(&self, claims: &Claims) -> Result<HashSet<String>, StoreError> {
        let mut begun = HashSet::new();
        let mut pages = std::pin::pin!(pages(self.store.as_ref(), claims.names.prefix.clone()));
        while let Some(page) = pages.try_next().await? {
            let young = page.into_iter().filter(|meta| self.is_young(meta));
            begun.extend(young.map(|meta| meta.name));
        }
        Ok(begun)
    }

    fn is_young(&self, meta: &ObjectMeta) -> bool {
        let micros = u64::try_from(meta.updated_micros).unwrap_or(0);
        let updated = UNIX_EPOCH.checked_add(Duration::from_micros(micros));
        let age = updated.and_then(|updated| SystemTime::now().duration_since(updated).ok());
        age.is_none_or(|age| age < self.age)
    }
}
