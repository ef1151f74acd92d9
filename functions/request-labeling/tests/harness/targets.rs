//! The targets as their documentation describes them, as far as we use them. Each notes the
//! frames that it makes tasks of.

use base64::Engine as _;
use framemill_component_sdk::http::{HttpRequest, HttpResponse, Method};
use framemill_contract::webhook_signature;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub const TARGETS: [&str; 6] = [
    "label-studio",
    "cvat",
    "scale",
    "webhook",
    "pubsub",
    "custom-company",
];

const TOKEN: &str = "t0ken";
const SECRET: &str = "s3cret";

pub fn settings(target: &str) -> Vec<(&'static str, &'static str)> {
    let of_target: &[(&str, &str)] = match target {
        "label-studio" => &[
            ("target", "label-studio"),
            ("target_url", "http://ls"),
            ("project", "7"),
        ],
        "cvat" => &[
            ("target", "cvat"),
            ("target_url", "http://cvat"),
            ("labels", "car,dog"),
            ("cloud_storage", "3"),
        ],
        "scale" => &[
            ("target", "scale"),
            ("target_url", "http://scale"),
            ("labels", "car,dog"),
            ("project", "streets"),
        ],
        "webhook" => &[
            ("target", "webhook"),
            ("target_url", "http://hook/in"),
            ("webhook_secret", SECRET),
        ],
        "pubsub" => &[
            ("target", "pubsub"),
            ("target_url", "http://ps"),
            ("topic", "projects/p/topics/t"),
        ],
        _ => &[("target", "custom-company"), ("target_url", "http://own")],
    };
    let common = [("batch_size", "2"), ("token", TOKEN), ("lease", "10m")];
    of_target.iter().copied().chain(common).collect()
}

#[derive(Default)]
pub struct Targets {
    /// Keys of frames with a task, one for each task.
    pub labelled: Vec<String>,
    /// Bodies of requests that made tasks.
    pub bodies: Vec<Value>,
    /// What each task of Label Studio holds.
    studio: Vec<Value>,
    cvat: Vec<CvatTask>,
    /// Whether Label Studio imports in the background, and how often it is asked before an import
    /// is done; `Err` where it fails.
    pub background: Option<Result<u64, ()>>,
    /// The import that goes on.
    importing: Option<(u64, Value)>,
    /// What is taken once: unique ids, idempotency keys, references.
    once: BTreeSet<String>,
}

struct CvatTask {
    name: String,
    size: u64,
}

fn status(status: u16, body: &Value) -> HttpResponse {
    HttpResponse {
        status,
        body: body.to_string().into_bytes(),
        ..HttpResponse::default()
    }
}

fn decoded(text: &str) -> String {
    let text = percent_encoding::percent_decode_str(text);
    text.decode_utf8().unwrap().into_owned()
}

/// The value of a parameter in a URL's query.
fn query(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .into_iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| decoded(value))
}

fn header<'a>(request: &'a HttpRequest<'_>, name: &str) -> Option<&'a str> {
    let mut headers = request.headers.iter();
    let found = headers.find(|(key, _)| *key == name);
    found.map(|(_, value)| value.as_str())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Targets {
    pub fn answer(&mut self, request: &HttpRequest<'_>, now: u64) -> HttpResponse {
        let url = request.url.clone();
        let expected = match url.as_str() {
            url if url.starts_with("http://ls/") || url.starts_with("http://cvat/") => {
                format!("Token {TOKEN}")
            }
            url if url.starts_with("http://scale/") => "Basic dDBrZW46".to_owned(),
            _ => format!("Bearer {TOKEN}"),
        };
        if header(request, "authorization") != Some(&expected) {
            return status(401, &json!({"detail": "Invalid token."}));
        }
        let bytes = request.body.concat();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let place = url.split('?').next().unwrap_or_default();
        match (request.method, place) {
            (Method::Get, "http://ls/api/projects/7") => status(
                200,
                &json!({"id": 7, "parsed_label_config": {"boxes": {
                    "type": "RectangleLabels", "to_name": ["photo"],
                    "inputs": [{"type": "Image", "value": "picture"}],
                    "labels": ["car", "dog"],
                }}}),
            ),
            (Method::Get, "http://ls/api/tasks") => self.studio_page(&url),
            (Method::Post, "http://ls/api/projects/7/import") => self.studio_import(body),
            (Method::Get, "http://ls/api/projects/7/imports/5/") if self.importing.is_some() => {
                self.studio_background()
            }
            (Method::Get, "http://cvat/api/tasks") => self.cvat_list(&url),
            (Method::Post, "http://cvat/api/tasks") => {
                let (name, size) = (text(&body["name"]), 0);
                assert!(name.chars().count() <= 256);
                self.cvat.push(CvatTask { name, size });
                self.cvat_task(self.cvat.len() - 1, 201)
            }
            (Method::Post, place) if place.starts_with("http://cvat/api/tasks/") => {
                self.cvat_data(place, &body)
            }
            (Method::Post, "http://scale/v1/task/imageannotation") => {
                let key = text(&body["metadata"]["framemill_frame"]);
                if !self.once.insert(text(&body["unique_id"])) {
                    return status(409, &json!({"message": "unique_id is taken"}));
                }
                self.labelled.push(key);
                self.bodies.push(body);
                status(
                    200,
                    &json!({"task_id": format!("s{}", self.labelled.len())}),
                )
            }
            (Method::Post, "http://hook/in") => {
                let timestamp = header(request, "x-framemill-timestamp").unwrap();
                assert_eq!(timestamp, now.to_string());
                let signature = webhook_signature(SECRET, now, &bytes);
                assert_eq!(
                    header(request, "x-framemill-signature"),
                    Some(signature.as_str())
                );
                assert_eq!(
                    header(request, "idempotency-key"),
                    body["idempotency_key"].as_str()
                );
                self.take(&text(&body["idempotency_key"]), body);
                status(204, &Value::Null)
            }
            (Method::Post, "http://ps/v1/projects/p/topics/t:publish") => {
                let message = &body["messages"][0];
                let data = base64::engine::general_purpose::STANDARD;
                let data = data.decode(text(&message["data"])).unwrap();
                let key = text(&message["attributes"]["idempotencyKey"]);
                self.take(&key, serde_json::from_slice(&data).unwrap());
                status(200, &json!({"messageIds": [format!("m{key}")]}))
            }
            (Method::Get, "http://own/orders") => {
                let video = query(&url, "video").unwrap();
                let keys = self.labelled.iter().filter(|key| key.starts_with(&video));
                let frames: serde_json::Map<String, Value> =
                    keys.map(|key| (key.clone(), "1".into())).collect();
                status(200, &json!({ "frames": frames }))
            }
            (Method::Post, "http://own/orders") => {
                for frame in body["frames"].as_array().unwrap() {
                    self.labelled.push(text(&frame["key"]));
                }
                status(201, &json!({"number": "1"}))
            }
            _ => status(404, &json!({"detail": "Not found."})),
        }
    }

    /// A receiver that takes each key once, as we ask of them.
    fn take(&mut self, key: &str, body: Value) {
        if self.once.insert(key.to_owned()) {
            for frame in body["frames"].as_array().unwrap() {
                self.labelled.push(text(&frame["key"]));
            }
            self.bodies.push(body);
        }
    }

    /// What becomes of the import in the background.
    fn studio_background(&mut self) -> HttpResponse {
        let (left, body) = self.importing.clone().unwrap();
        if self.background == Some(Err(())) {
            self.importing = None;
            return status(200, &json!({"status": "failed", "error": "disk is full"}));
        }
        if left > 0 {
            self.importing = Some((left - 1, body));
            return status(200, &json!({"status": "in_progress", "task_ids": null}));
        }
        let done: Value = serde_json::from_slice(&self.studio_import(body).body).unwrap();
        self.importing = None;
        status(
            200,
            &json!({"status": "completed", "task_ids": done["task_ids"]}),
        )
    }

    fn studio_import(&mut self, body: Value) -> HttpResponse {
        if let Some(left) = self.background.filter(|_| self.importing.is_none()) {
            self.importing = Some((left.unwrap_or(0), body));
            return status(201, &json!({"import": 5}));
        }
        let mut ids = Vec::new();
        for task in body.as_array().unwrap() {
            if task["data"]["picture"].is_null() {
                return status(400, &json!({"detail": "\"picture\" key is expected"}));
            }
            self.labelled.push(text(&task["data"]["framemill_frame"]));
            self.studio.push(task.clone());
            ids.push(self.studio.len());
        }
        self.bodies.push(body);
        status(201, &json!({"task_count": ids.len(), "task_ids": ids}))
    }

    /// As Label Studio: percent signs are decoded twice, a page after the last is an error.
    fn studio_page(&self, url: &str) -> HttpResponse {
        let filter: Value = serde_json::from_str(&decoded(&query(url, "query").unwrap())).unwrap();
        let item = &filter["filters"]["items"][0];
        assert_eq!(item["filter"], "filter:tasks:data.framemill_video");
        if query(url, "project").as_deref() != Some("7") {
            return status(
                404,
                &json!({"detail": "No Project matches the given query."}),
            );
        }
        let found: Vec<Value> = (1..)
            .zip(&self.studio)
            .filter(|(_, task)| task["data"]["framemill_video"] == item["value"])
            .map(|(id, task): (usize, _)| json!({"id": id, "data": task["data"]}))
            .collect();
        let number = |name| query(url, name).unwrap().parse::<usize>().unwrap();
        let (page, size) = (number("page"), number("page_size"));
        let start = (page - 1) * size;
        if page > 1 && start >= found.len() {
            return status(404, &json!({"detail": "Invalid page."}));
        }
        let tasks: Vec<&Value> = found.iter().skip(start).take(size).collect();
        status(200, &json!({"total": found.len(), "tasks": tasks}))
    }

    fn cvat_task(&self, number: usize, code: u16) -> HttpResponse {
        status(code, &self.cvat_json(number))
    }

    fn cvat_json(&self, number: usize) -> Value {
        let task = &self.cvat[number];
        json!({"id": number + 1, "name": task.name, "size": task.size})
    }

    fn cvat_list(&self, url: &str) -> HttpResponse {
        let filter: Value = serde_json::from_str(&query(url, "filter").unwrap()).unwrap();
        let name = text(&filter["and"][0]["=="][1]);
        let found: Vec<Value> = (0..self.cvat.len())
            .filter(|number| self.cvat[*number].name == name)
            .map(|number| self.cvat_json(number))
            .collect();
        status(200, &json!({"count": found.len(), "results": found}))
    }

    fn cvat_data(&mut self, place: &str, body: &Value) -> HttpResponse {
        let id: usize = place.split('/').rev().nth(1).unwrap().parse().unwrap();
        assert_eq!(body["cloud_storage_id"], 3);
        let files = body["server_files"].as_array().unwrap();
        let task = &mut self.cvat[id - 1];
        if task.size > 0 {
            return status(400, &json!(["Adding more data is not supported"]));
        }
        task.size = files.len() as u64;
        for file in files {
            let name = text(file);
            let (folder, image) = name.rsplit_once('/').unwrap();
            let index: u64 = image.strip_suffix(".jpg").unwrap().parse().unwrap();
            let video = folder.replace("images/", "videos/");
            self.labelled.push(format!("gs://b/{video}#5/{index}"));
        }
        self.bodies.push(body.clone());
        status(202, &json!({"rq_id": "1"}))
    }
}
