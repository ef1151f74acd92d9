//! Label Studio: <https://api.labelstud.io>. One task per frame; what is there is found by the
//! video's key in the task's data.

use super::body::body;
use framemill_component_sdk::gcs::encoded;
use framemill_component_sdk::http::{HttpRequest, Web};
use framemill_component_sdk::labeling::{Api, Target, TargetError, misconfigured};
use framemill_contract::{LabelBatch, LabelConfig, LabelFrame, Prediction, SentBatch};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Tasks on a page of a listing.
const PAGE: u64 = 200;
/// Seconds between questions about an import in the background.
const POLL: u64 = 5;

/// A project of a Label Studio.
pub(super) struct LabelStudio<'a, W> {
    api: Api<'a, W>,
    url: &'a str,
    project: &'a str,
}

/// A project, as far as we read it.
#[derive(Deserialize)]
struct Project {
    #[serde(default)]
    parsed_label_config: BTreeMap<String, Control>,
}

/// A control of its labeling interface.
#[derive(Deserialize)]
struct Control {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    to_name: Vec<String>,
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    #[serde(rename = "type")]
    kind: String,
    /// None where it shows a list of images.
    #[serde(default)]
    value: Option<String>,
}

/// What tasks have to look like for the project's labeling interface.
struct Interface {
    /// Where in the data it looks for the image.
    image: String,
    /// Where predictions of rectangles go: the names of the control and of the image.
    rectangles: Option<(String, String)>,
}

#[derive(Deserialize)]
struct Page {
    total: u64,
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    id: u64,
    data: Value,
}

/// The answer to an import, and what is told of one that goes on in the background.
#[derive(Deserialize)]
struct Imported {
    task_ids: Option<Vec<u64>>,
    /// Number of an import in the background: Label Studio Enterprise has them.
    import: Option<u64>,
    status: Option<String>,
    error: Option<String>,
}

impl<'a, W: Web> LabelStudio<'a, W> {
    pub(super) fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        Self {
            api: Api::with_token(web, config, "project"),
            url: &config.target_url,
            project: config.project.as_deref().unwrap_or_default(),
        }
    }

    async fn interface(&self) -> Result<Interface, TargetError> {
        let url = format!("{}/api/projects/{}", self.url, self.project);
        let project: Project = self.api.query(HttpRequest::get(url)).await?;
        project.try_into()
    }

    /// What becomes of an import in the background, if it is known `until` then. As long as it
    /// is not, whatever goes wrong leaves it in doubt.
    async fn ended(&self, import: u64, until: u64) -> Result<Imported, TargetError> {
        let url = format!(
            "{}/api/projects/{}/imports/{import}/",
            self.url, self.project
        );
        let indeterminate = |reason: String| TargetError::Indeterminate {
            reason: format!("import {import} goes on in the background: {reason}"),
        };
        loop {
            self.api.sleep(POLL).await;
            let asked = self.api.query(HttpRequest::get(url.clone())).await;
            let imported: Imported = asked.map_err(|error| indeterminate(format!("{error:?}")))?;
            match imported.status.as_deref() {
                Some("completed") => return Ok(imported),
                Some("failed") => {
                    let message = imported
                        .error
                        .unwrap_or_default()
                        .chars()
                        .take(500)
                        .collect();
                    let status = 400;
                    return Err(TargetError::Refused { status, message });
                }
                _ if self.api.now() >= until => {
                    return Err(indeterminate("not done yet".to_owned()));
                }
                _ => {}
            }
        }
    }
}

impl TryFrom<Project> for Interface {
    type Error = TargetError;

    /// The names that Label Studio's own templates use stand in where the project has no
    /// interface yet.
    fn try_from(project: Project) -> Result<Self, TargetError> {
        let controls = project.parsed_label_config;
        let inputs = controls.values().flat_map(|control| &control.inputs);
        let images: Vec<&Input> = inputs.filter(|input| input.kind == "Image").collect();
        let mut names = images.iter().filter_map(|input| input.value.as_deref());
        let image = match names.next() {
            Some(name) => name.trim_start_matches('$').to_owned(),
            None if images.is_empty() => "image".to_owned(),
            None => {
                let reason = "has an interface whose <Image> has no `value`, for example because \
                              it shows a list: write <Image value=\"$image\" …>";
                return Err(misconfigured("project", reason.to_owned()));
            }
        };
        let rectangles = controls
            .into_iter()
            .filter(|(_, control)| control.kind == "RectangleLabels")
            .find_map(|(name, control)| Some((name, control.to_name.into_iter().next()?)));
        Ok(Self { image, rectangles })
    }
}

impl<W: Web> Target for LabelStudio<'_, W> {
    async fn existing(&self, video: &str) -> Result<HashMap<String, String>, TargetError> {
        let mut found = HashMap::new();
        for page in 1.. {
            let url = page_url(self.url, self.project, video, page);
            let Page { total, tasks } = self.api.query(HttpRequest::get(url)).await?;
            for task in &tasks {
                if let Some(key) = task.data.get("framemill_frame").and_then(Value::as_str) {
                    found.insert(key.to_owned(), task.id.to_string());
                }
            }
            // A page after the last is an error to Label Studio.
            if tasks.is_empty() || page * PAGE >= total {
                break;
            }
        }
        Ok(found)
    }

    async fn send(&self, batch: &LabelBatch, until: u64) -> Result<SentBatch, TargetError> {
        let interface = self.interface().await?;
        let tasks: Vec<Value> = batch
            .frames
            .iter()
            .map(|frame| interface.task(batch, frame))
            .collect();
        let url = format!(
            "{}/api/projects/{}/import?return_task_ids=true",
            self.url, self.project
        );
        let request = HttpRequest::post(url, body(&tasks)?);
        let answer = self.api.mutate(request, until).await?;
        let mut imported: Imported = answer.json()?;
        if let Some(import) = imported.import {
            imported = self.ended(import, until).await?;
        }
        let ids = imported.task_ids.unwrap_or_default();
        if ids.len() != tasks.len() {
            // The next delivery finds the tasks that there are.
            let reason = format!("import of {} tasks: {}", tasks.len(), answer.text());
            return Err(TargetError::Indeterminate { reason });
        }
        Ok(SentBatch {
            tasks: tasks.len() as u64,
            existing: 0,
            ids: ids.iter().map(u64::to_string).collect(),
        })
    }
}

/// A page of the tasks whose data has this video: the filter of the data manager.
fn page_url(base: &str, project: &str, video: &str, page: u64) -> String {
    let query = json!({"filters": {"conjunction": "and", "items": [{
        "filter": "filter:tasks:data.framemill_video",
        "operator": "equal",
        "type": "String",
        "value": video,
    }]}});
    // Label Studio takes percent signs in the decoded query for another encoding.
    let query = query.to_string().replace('%', "\\u0025");
    let query = encoded(&query);
    format!(
        "{base}/api/tasks?project={project}&page={page}&page_size={PAGE}&fields=all&query={query}"
    )
}

impl Interface {
    fn task(&self, batch: &LabelBatch, frame: &LabelFrame) -> Value {
        let mut task = json!({"data": {
            "framemill_video": batch.video,
            "framemill_frame": frame.key,
            "framemill_object": format!("gs://{}/{}", batch.manifest.bucket, frame.object),
            "source": format!("gs://{}/{}", batch.source.bucket, batch.source.name),
            "index": frame.index,
            "seconds": frame.seconds,
        }});
        task["data"][&self.image] = frame.image.clone().into();
        if let (Some(names), false) = (&self.rectangles, frame.predictions.is_empty()) {
            task["predictions"] = predictions(frame, names).into();
        }
        task
    }
}

/// One prediction per model: Label Studio shows them one at a time. Lengths are in percent.
fn predictions(frame: &LabelFrame, (from, to): &(String, String)) -> Vec<Value> {
    let mut models: BTreeMap<&str, Vec<&Prediction>> = BTreeMap::new();
    for found in &frame.predictions {
        let model = found.model.as_deref().unwrap_or("unnamed");
        models.entry(model).or_default().push(found);
    }
    let rectangle = |found: &&Prediction| {
        json!({
            "from_name": from,
            "to_name": to,
            "type": "rectanglelabels",
            "original_width": frame.width,
            "original_height": frame.height,
            "image_rotation": 0,
            "score": found.score,
            "value": {
                "x": found.x * 100.0,
                "y": found.y * 100.0,
                "width": found.width * 100.0,
                "height": found.height * 100.0,
                "rotation": 0,
                "rectanglelabels": [found.label],
            },
        })
    };
    let one = |(model, found): (&str, Vec<&Prediction>)| {
        let result: Vec<Value> = found.iter().map(rectangle).collect();
        let mut prediction = json!({"model_version": model, "result": result});
        // The whole is as sure as its least sure part.
        let score = found.iter().filter_map(|found| found.score);
        if let Some(score) = score.min_by(f64::total_cmp) {
            prediction["score"] = score.into();
        }
        prediction
    };
    models.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_in_names_survive_two_decodings() {
        let url = page_url("http://ls", "7", "gs://b/50%41.mp4#1", 2);
        assert!(url.starts_with("http://ls/api/tasks?project=7&page=2&page_size=200&fields=all"));
        assert!(url.contains("50%5Cu002541.mp4"), "{url}");
    }

    #[test]
    fn the_projects_interface_decides_the_names() {
        let project = json!({"parsed_label_config": {
            "kind": {"type": "Choices", "to_name": ["photo"], "inputs": []},
            "boxes": {
                "type": "RectangleLabels", "to_name": ["photo"],
                "inputs": [{"type": "Image", "value": "$url"}],
            },
        }});
        let project: Project = serde_json::from_value(project).unwrap();
        let interface = Interface::try_from(project).unwrap();
        assert_eq!(interface.image, "url");
        let expected = ("boxes".to_owned(), "photo".to_owned());
        assert_eq!(interface.rectangles, Some(expected));
    }

    #[test]
    fn a_list_of_images_is_a_setting_of_the_project() {
        let project = json!({"parsed_label_config": {"kind": {
            "type": "Choices", "to_name": ["photo"],
            "inputs": [{"type": "Image", "valueList": "$urls"}],
        }}});
        let project: Project = serde_json::from_value(project).unwrap();
        let Err(TargetError::Misconfigured(error)) = Interface::try_from(project) else {
            panic!("a list of images was taken for an image");
        };
        assert_eq!(error.key, "project");
    }
}
