//! A sink that reads and writes several images at the same time.

use super::images::{ImageReader, ReadAhead};
use super::place::Place;
use crate::progress::{Progress, Step};
use framemill_dataset::DatasetImage;
use framemill_dataset::export::{Sink, SinkFile};
use std::io;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Images that are copied at the same time.
const AT_ONCE: usize = 16;

/// Who is told how far it is.
type Told = Box<dyn Fn(Progress) + Send + Sync>;

/// Says in which order images are asked for whose bytes are.
type Order<'d> = Box<dyn Fn() -> Vec<DatasetImage> + 'd>;

/// A sink that writes to a [`Place`]. It is used on a thread that may wait.
pub(crate) struct StreamingSink<'d, P> {
    runtime: Handle,
    reader: ImageReader,
    place: Arc<P>,
    copies: JoinSet<io::Result<()>>,
    order: Order<'d>,
    of: Option<u64>,
    ahead: Option<ReadAhead>,
    done: u64,
    told: Told,
}

impl<'d, P: Place> StreamingSink<'d, P> {
    /// An empty one.
    pub fn new(reader: ImageReader, place: P, order: Order<'d>, told: Told) -> Self {
        Self {
            runtime: Handle::current(),
            reader,
            place: Arc::new(place),
            copies: JoinSet::new(),
            order,
            of: None,
            ahead: None,
            done: 0,
            told,
        }
    }

    /// Waits until all is written, and gives the place back.
    pub fn finish(mut self) -> io::Result<P> {
        self.wait_for_copies()?;
        let place = Arc::into_inner(self.place);
        place.ok_or_else(|| io::Error::other("a copy of an image has not ended"))
    }

    /// Ends what is not to be finished: nothing is written any more once the place is taken away.
    pub fn abandon(mut self) {
        // Why it is abandoned is known already.
        let _ = self.wait_for_copies();
    }

    /// Waits for all copies, and says what was wrong with the first that failed.
    fn wait_for_copies(&mut self) -> io::Result<()> {
        let mut first = Ok(());
        while !self.copies.is_empty() {
            first = first.and(self.wait_for_copy());
        }
        first
    }

    fn wait_for_copy(&mut self) -> io::Result<()> {
        if let Some(ended) = self.runtime.block_on(self.copies.join_next()) {
            ended.map_err(io::Error::other)??;
            self.count();
        }
        Ok(())
    }

    fn count(&mut self) {
        self.done = self.done.saturating_add(1);
        (self.told)(Progress {
            step: Step::Images,
            done: self.done,
            of: self.of,
        });
    }
}

impl<P: Place> Sink for StreamingSink<'_, P> {
    fn file(&mut self, path: &str) -> io::Result<Box<dyn SinkFile>> {
        self.place.file(path)
    }

    fn expect(&mut self, images: u64) {
        self.of = Some(images);
    }

    fn image(&mut self, image: &DatasetImage, path: &str) -> io::Result<()> {
        if self.copies.len() >= AT_ONCE {
            self.wait_for_copy()?;
        }
        let (reader, place) = (self.reader.clone(), Arc::clone(&self.place));
        let (image, path) = (image.clone(), path.to_owned());
        let copy = async move {
            let bytes = reader.read(&image).await?;
            let put = tokio::task::spawn_blocking(move || place.put(&path, &bytes));
            put.await.map_err(io::Error::other)?
        };
        self.copies.spawn_on(copy, &self.runtime);
        Ok(())
    }

    fn image_bytes(&mut self, image: &DatasetImage) -> io::Result<Vec<u8>> {
        let runtime = self.runtime.clone();
        let ahead = self
            .ahead
            .get_or_insert_with(|| ReadAhead::start(&runtime, self.reader.clone(), (self.order)()));
        let bytes = match ahead.next(&runtime, image) {
            Some(bytes) => bytes,
            None => runtime.block_on(self.reader.read(image)),
        }?;
        self.count();
        Ok(bytes.into())
    }

    fn image_uri(&self, image: &DatasetImage) -> Option<String> {
        self.reader.uri(image)
    }
}
