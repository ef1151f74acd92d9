//! What is written about a request for labels, and what is sent to webhooks and topics.

use super::{LabelConfig, LabelJob};
use crate::config::hex;
use crate::{KeptFrame, ObjectRef, Prediction, Source};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const INTENT_SCHEMA: &str = "framemill.label-intent/1";
const RECEIPT_SCHEMA: &str = "framemill.label-receipt/1";
const REQUEST_SCHEMA: &str = "framemill.label-request/1";

/// The labeling system that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelTarget {
    /// [`LabelConfig::target_id`].
    pub id: String,
    /// Where.
    pub url: String,
    /// Project there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Topic there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SentBatch {
    /// Frames whose task was made.
    pub tasks: u64,
    /// Frames whose task the target had already.
    pub existing: u64,
    /// The target's ids, in the order of the frames: of tasks (Label Studio, Scale), of a task
    /// with all of them (CVAT), of a message (Pub/Sub).
    pub ids: Vec<String>,
}

/// `intent.json`: which labels someone is asking for. Created only, then replaced by generation
/// only: it is the lock too. Whoever wrote it last holds the lease, from its time of writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelIntent {
    /// Schema name.
    pub schema: String,
    /// Who is asked.
    pub target: LabelTarget,
    /// The manifest; `generation` is always set.
    pub manifest: ObjectRef,
    /// The video.
    pub source: Source,
    /// How many frames.
    pub frames: u64,
    /// Frames in a batch: fixed here, so that batches stay the same whoever goes on.
    pub batch_size: usize,
    /// How many batches.
    pub batches: u64,
    /// The first batches, as far as the target is known to have them.
    pub sent: Vec<SentBatch>,
    /// Whether the holder gave the lease back.
    pub released: bool,
}

impl LabelIntent {
    /// Nothing sent yet.
    pub fn new(
        job: &LabelJob,
        config: &LabelConfig,
        manifest: &ObjectRef,
        source: &Source,
        frames: u64,
    ) -> Self {
        Self {
            schema: INTENT_SCHEMA.to_owned(),
            target: LabelTarget {
                id: job.target.clone(),
                url: config.target_url.clone(),
                project: config.project.clone(),
                topic: config.topic.clone(),
            },
            manifest: manifest.clone(),
            source: source.clone(),
            frames,
            batch_size: config.batch_size,
            batches: frames.div_ceil(config.batch_size.max(1) as u64),
            sent: Vec::new(),
            released: false,
        }
    }

    /// Whether `other`, which an earlier delivery wrote, is about the same frames: then its
    /// batches hold.
    pub fn is_continued_by(&self, other: &Self) -> bool {
        let facts = |it: &Self| (it.schema.clone(), it.manifest.clone(), it.frames);
        facts(self) == facts(other) && other.batch_size > 0
    }
}

/// `receipt.json`: labels were asked for; the commit. Created only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelReceipt {
    /// Schema name.
    pub schema: String,
    /// Who was asked.
    pub target: LabelTarget,
    /// The manifest.
    pub manifest: ObjectRef,
    /// The video.
    pub source: Source,
    /// How many frames: each has one task.
    pub frames: u64,
    /// The batches that were sent.
    pub batches: Vec<SentBatch>,
}

impl From<LabelIntent> for LabelReceipt {
    /// When all batches are sent.
    fn from(intent: LabelIntent) -> Self {
        Self {
            schema: RECEIPT_SCHEMA.to_owned(),
            target: intent.target,
            manifest: intent.manifest,
            source: intent.source,
            frames: intent.frames,
            batches: intent.sent,
        }
    }
}

/// A frame that wants a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelFrame {
    /// Names the frame of this version of the video, everywhere and always.
    pub key: String,
    /// Number in presentation order, from 0.
    pub index: u64,
    /// Seconds after the first frame.
    pub seconds: f64,
    /// Where the target gets the image.
    pub image: String,
    /// The image's object.
    pub object: String,
    /// Image width.
    pub width: u32,
    /// Image height.
    pub height: u32,
    /// Image checksum, lower-case hex.
    pub sha256: String,
    /// What a model found in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predictions: Vec<Prediction>,
}

impl LabelFrame {
    /// The key of a frame of the video with this key.
    pub fn key(video: &str, frame: &KeptFrame) -> String {
        format!("{video}/{}", frame.index)
    }
}

/// One batch on its way to a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelBatch {
    /// Names the video in this version: `gs://bucket/name#generation`.
    pub video: String,
    /// The video.
    pub source: Source,
    /// The manifest.
    pub manifest: ObjectRef,
    /// Id of the target.
    pub target: String,
    /// Number of the batch, from 1.
    pub batch: u64,
    /// How many there are.
    pub batches: u64,
    /// Its frames that have no task yet.
    pub frames: Vec<LabelFrame>,
}

impl LabelBatch {
    /// The same for the same batch, whoever sends it; 32 hex digits.
    pub fn idempotency_key(&self) -> String {
        let part = (self.batch, self.batches);
        let facts = (&self.target, &self.video, &self.manifest, part);
        let json = serde_json::to_vec(&facts).unwrap_or_default();
        hex(&Sha256::digest(json)).chars().take(32).collect()
    }
}

/// The body of a webhook request, and of a message to a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelRequest {
    /// Schema name.
    pub schema: String,
    /// [`LabelBatch::idempotency_key`].
    pub idempotency_key: String,
    /// The batch.
    #[serde(flatten)]
    pub batch: LabelBatch,
}

impl From<&LabelBatch> for LabelRequest {
    fn from(batch: &LabelBatch) -> Self {
        Self {
            schema: REQUEST_SCHEMA.to_owned(),
            idempotency_key: batch.idempotency_key(),
            batch: batch.clone(),
        }
    }
}
