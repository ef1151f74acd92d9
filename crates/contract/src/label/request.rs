//! What is written about a request for labels, and what is sent to webhooks and topics.

use super::{LabelConfig, LabelJob, LabelManifest};
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
    /// Where: scheme and host only, as path and query of a webhook may hold secrets.
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

/// An intent: which labels someone is asking for. Created only, then replaced by generation
/// only: it is the lock too. Whoever wrote it last holds the lease, from its time of writing.
///
/// No two writes are the same bytes, by `holder` and `revision`: some stores take bytes for a version
/// (S3's generations are hashes of the content), or an object with our bytes for our own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelIntent {
    /// Schema name.
    pub schema: String,
    /// Random name of the delivery that wrote this.
    #[serde(default)]
    pub holder: String,
    /// Number of this write, over all holders.
    #[serde(default)]
    pub revision: u64,
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
    /// Whether a batch may be at the target that `sent` does not have: then batches must stay
    /// what they are.
    #[serde(default)]
    pub in_doubt: bool,
}

impl LabelIntent {
    /// Nothing sent yet. `batch_size` is at least 1, `holder` random.
    pub fn new(
        job: &LabelJob,
        config: &LabelConfig,
        manifest: &LabelManifest,
        object: &ObjectRef,
        batch_size: usize,
        holder: String,
    ) -> Self {
        let frames = manifest.frames.len() as u64;
        Self {
            schema: INTENT_SCHEMA.to_owned(),
            holder,
            revision: 0,
            target: LabelTarget {
                id: job.target.clone(),
                url: origin(&config.target_url),
                project: config.project.clone(),
                topic: config.topic.clone(),
            },
            manifest: object.clone(),
            source: manifest.source.clone(),
            frames,
            batch_size,
            batches: frames.div_ceil(batch_size.max(1) as u64),
            sent: Vec::new(),
            released: false,
            in_doubt: false,
        }
    }

    /// This intent, going on where `old` stopped, which an earlier delivery wrote. Where that is
    /// about other frames it is no one's progress; where nothing of it is at the target, batches
    /// are of our size.
    #[must_use]
    pub fn continuing(self, old: Self) -> Self {
        let facts = |it: &Self| (it.schema.clone(), it.manifest.clone(), it.frames);
        let revision = old.revision;
        if facts(&self) != facts(&old) || old.batch_size == 0 {
            return Self { revision, ..self };
        }
        // Who did not give it back may have ended in the middle of a request.
        let in_doubt = old.in_doubt || !old.released;
        if old.sent.is_empty() && !in_doubt {
            return Self { revision, ..self };
        }
        Self {
            holder: self.holder,
            target: self.target,
            released: false,
            in_doubt,
            ..old
        }
    }
}

/// Scheme and host of a URL: no user, path or query.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// A receipt: labels were asked for; the commit. Created only.
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
    /// Why the picture cannot be trusted, where the manifest says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
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
        hex::encode(Sha256::digest(json)).chars().take(32).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_a_url_only_scheme_and_host_are_written_down() {
        for (url, expected) in [
            (
                "https://h.example:8443/in/s3cret?k=s3cret#s3cret",
                "https://h.example:8443",
            ),
            ("https://h?k=s3cret", "https://h"),
            ("http://user:s3cret@h/x@y", "http://h"),
            ("https://h", "https://h"),
            ("", "://"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }

    fn intent(change: impl FnOnce(&mut LabelIntent)) -> LabelIntent {
        let source = json!({"bucket": "b", "name": "v.mp4", "generation": 5, "size": 9});
        let mut intent: LabelIntent = serde_json::from_value(json!({
            "schema": INTENT_SCHEMA,
            "holder": "old", "revision": 3,
            "target": {"id": "t", "url": "https://h"},
            "manifest": {"bucket": "b", "name": "m", "generation": 1},
            "source": source,
            "frames": 10, "batch_size": 4, "batches": 3, "sent": [], "released": true,
        }))
        .unwrap();
        change(&mut intent);
        intent
    }

    #[test]
    fn batches_hold_while_one_of_them_may_be_at_the_target() {
        type Change = fn(&mut LabelIntent);
        let changes: [(Change, usize); 5] = [
            (|_| {}, 2),
            (|old| old.sent.push(SentBatch::default()), 4),
            (|old| old.released = false, 4),
            (|old| old.in_doubt = true, 4),
            (|old| old.frames = 11, 2),
        ];
        for (number, (change, expected)) in changes.into_iter().enumerate() {
            let new = intent(|new| {
                (new.holder, new.revision) = ("new".to_owned(), 0);
                (new.batch_size, new.batches) = (2, 5);
                new.released = false;
            });
            let next = new.continuing(intent(change));
            assert_eq!(next.batch_size, expected, "change {number}");
            assert_eq!((next.holder.as_str(), next.revision), ("new", 3));
            assert!(!next.released);
        }
    }
}
