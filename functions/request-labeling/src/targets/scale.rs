//! Scale AI: <https://scale.com/docs/api-reference>. One `imageannotation` task per frame; a
//! `unique_id` that is taken already is answered with 409.

use super::body::body;
use framemill_component_sdk::http::{HttpRequest, Web, basic_authorization};
use framemill_component_sdk::labeling::{Api, Target, TargetError};
use framemill_contract::{LabelBatch, LabelConfig, LabelFrame, SentBatch};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Requests at the same time, which are a batch: where Scale has enough of us, the batches before
/// are noted, and the next delivery goes on after them.
const PARALLEL: usize = 8;

/// A Scale account, and the project in it.
pub(super) struct Scale<'a, W> {
    api: Api<'a, W>,
    config: &'a LabelConfig,
}

#[derive(Deserialize)]
struct Created {
    task_id: String,
}

impl<'a, W: Web> Scale<'a, W> {
    pub(super) fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        let token = config.token.as_ref();
        let header = token.map(|token| basic_authorization(token.reveal()));
        Self {
            api: Api::new(web, header, "project"),
            config,
        }
    }

    /// The new task's id; `None` where there is one already.
    async fn create(
        &self,
        batch: &LabelBatch,
        frame: &LabelFrame,
        until: u64,
    ) -> Result<Option<String>, TargetError> {
        let url = format!("{}/v1/task/imageannotation", self.config.target_url);
        let request = HttpRequest::post(url, body(&self.task(batch, frame))?);
        match self.api.mutate_idempotent(request, until).await {
            Err(TargetError::Refused { status: 409, .. }) => Ok(None),
            answer => {
                // Done, whatever else it says.
                let created = answer?.json::<Created>().map(|created| created.task_id);
                Ok(Some(created.unwrap_or_default()))
            }
        }
    }

    fn task(&self, batch: &LabelBatch, frame: &LabelFrame) -> Value {
        let config = self.config;
        let boxes = || json!({"box": {"objects_to_annotate": config.labels}});
        let mut task = json!({
            // Unique in the account: another project may ask for the same frame.
            "unique_id": format!("{}@{}", frame.key, batch.target),
            "attachment": frame.image,
            "attachment_type": "image",
            "geometries": config.geometries.clone().unwrap_or_else(boxes),
            "metadata": {
                "framemill_video": batch.video,
                "framemill_frame": frame.key,
                "framemill_object": format!("gs://{}/{}", batch.manifest.bucket, frame.object),
                "index": frame.index,
                "seconds": frame.seconds,
            },
        });
        let settings = [
            ("project", &config.project),
            ("instruction", &config.instruction),
            ("callback_url", &config.callback_url),
        ];
        for (name, value) in settings {
            if let Some(value) = value {
                task[name] = value.clone().into();
            }
        }
        if !frame.predictions.is_empty() {
            task["hypothesis"] = hypothesis(frame);
        }
        task
    }
}

/// Predictions in pixels.
fn hypothesis(frame: &LabelFrame) -> Value {
    let (width, height) = (f64::from(frame.width), f64::from(frame.height));
    let annotations: Vec<Value> = frame
        .predictions
        .iter()
        .map(|found| {
            json!({
                "type": "box",
                "label": found.label,
                "left": found.x * width,
                "top": found.y * height,
                "width": found.width * width,
                "height": found.height * height,
            })
        })
        .collect();
    json!({ "annotations": annotations })
}

impl<W: Web> Target for Scale<'_, W> {
    fn most(&self) -> usize {
        PARALLEL
    }

    /// Frames that are there are told apart by their `unique_id` when they are sent.
    async fn existing(&self, _video: &str) -> Result<HashMap<String, String>, TargetError> {
        Ok(HashMap::new())
    }

    async fn send(&self, batch: &LabelBatch, until: u64) -> Result<SentBatch, TargetError> {
        let frames = batch.frames.iter();
        let requests = frames.map(|frame| self.create(batch, frame, until));
        // All of them end, also where one fails: each may make a task.
        let answers = futures::future::join_all(requests).await;
        let answers: Vec<Option<String>> = answers.into_iter().collect::<Result<_, _>>()?;
        let existing = answers.iter().filter(|answer| answer.is_none()).count() as u64;
        Ok(SentBatch {
            tasks: (answers.len() as u64).saturating_sub(existing),
            existing,
            ids: answers.into_iter().flatten().collect(),
        })
    }
}
