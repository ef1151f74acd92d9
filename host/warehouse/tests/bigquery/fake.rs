//! BigQuery's jobs as documented: every field of a request is looked at, and what is not known is
//! refused.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

pub const TOKEN: &str = "token-of-a-test";
pub const PROJECT: &str = "my-project";

/// What happens instead of an answer, once.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status and reason, and nothing is done.
    Status(u16, &'static str),
    /// The job is made, and then this status is answered.
    Lost(u16),
    /// A body that is no job.
    Garbage,
}

/// How jobs end.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Lookups before that.
    pub polls: usize,
    /// The reason of the error, if one.
    pub error: Option<&'static str>,
}

#[derive(Default)]
pub struct Seen {
    /// Ids of inserts that made a job, in order.
    pub made: Vec<String>,
    /// Ids of all inserts.
    pub inserts: Vec<String>,
    pub lookups: usize,
    faults: VecDeque<Fault>,
    endings: VecDeque<Ending>,
    jobs: BTreeMap<String, (Value, Ending)>,
}

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub struct Fake {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Fake {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
        };
        let app = Router::new()
            .route("/bigquery/v2/projects/{project}/jobs", post(insert))
            .route("/bigquery/v2/projects/{project}/jobs/{id}", get(look))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        fake
    }

    pub fn fault(&self, faults: &[Fault]) {
        self.seen.lock().unwrap().faults.extend(faults.to_vec());
    }

    /// How the next jobs end; without one they are done at once.
    pub fn ending(&self, polls: usize, error: Option<&'static str>) {
        let ending = Ending { polls, error };
        self.seen.lock().unwrap().endings.push_back(ending);
    }

    pub fn with<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }
}

fn error(status: u16, reason: &str, message: &str) -> Response {
    let body = json!({"error": {
        "code": status, "message": message, "status": "X",
        "errors": [{"reason": reason, "message": message, "domain": "global"}],
    }});
    let status = StatusCode::from_u16(status).unwrap();
    (status, axum::Json(body)).into_response()
}

/// Whether an object has these keys and no others.
fn keys(value: &Value, expected: &[&str]) -> Result<(), String> {
    let object = value.as_object().ok_or(format!("{value} is no object"))?;
    let mut found: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut expected = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    (found == expected)
        .then_some(())
        .ok_or(format!("keys are {found:?}, not {expected:?}"))
}

fn check(project: &str, body: &Value) -> Result<String, String> {
    keys(body, &["jobReference", "configuration"])?;
    let reference = &body["jobReference"];
    keys(reference, &["projectId", "jobId", "location"])?;
    let id = reference["jobId"].as_str().ok_or("jobId is no text")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !id.bytes().all(plain) || id.len() > 1024 || project != PROJECT {
        return Err(format!("job {project}:{id}"));
    }
    keys(&body["configuration"], &["load"])?;
    let load = &body["configuration"]["load"];
    let expected = [
        "sourceUris",
        "sourceFormat",
        "schema",
        "destinationTable",
        "createDisposition",
        "writeDisposition",
    ];
    keys(load, &expected)?;
    for (key, value) in [
        ("sourceFormat", "PARQUET"),
        ("createDisposition", "CREATE_IF_NEEDED"),
        ("writeDisposition", "WRITE_TRUNCATE"),
    ] {
        if load[key] != value {
            return Err(format!("{key} is {}", load[key]));
        }
    }
    let table = &load["destinationTable"];
    keys(table, &["projectId", "datasetId", "tableId"])?;
    if reference["projectId"] != project || table["projectId"] != project {
        return Err("another project".to_owned());
    }
    let uris = load["sourceUris"]
        .as_array()
        .ok_or("sourceUris is no list")?;
    let is_ours = |uri: &Value| {
        uri.as_str()
            .is_some_and(|uri| uri.starts_with("gs://b/warehouse/"))
    };
    if uris.is_empty() || uris.len() > 10_000 || !uris.iter().all(is_ours) {
        return Err(format!("sourceUris are {uris:?}"));
    }
    keys(&load["schema"], &["fields"])?;
    for field in load["schema"]["fields"]
        .as_array()
        .ok_or("fields is no list")?
    {
        keys(field, &["name", "type", "mode", "description"])?;
        let types = ["STRING", "INTEGER", "FLOAT", "BOOLEAN", "TIMESTAMP"];
        let is_one =
            |key: &str, of: &[&str]| field[key].as_str().is_some_and(|it| of.contains(&it));
        let description = field["description"].as_str().map_or(0, str::len);
        if !is_one("type", &types)
            || !is_one("mode", &["REQUIRED", "NULLABLE"])
            || description > 1024
        {
            return Err(format!("field {field}"));
        }
    }
    Ok(id.to_owned())
}

fn is_authorized(headers: &HeaderMap) -> bool {
    let bearer = format!("Bearer {TOKEN}");
    let given = headers.get("authorization");
    given.is_some_and(|given| given.as_bytes() == bearer.as_bytes())
}

/// The job as it is now; each look brings it nearer to its end.
fn job(id: &str, (body, ending): &mut (Value, Ending)) -> Value {
    let mut status = json!({"state": "DONE"});
    if let Some(left) = ending.polls.checked_sub(1) {
        ending.polls = left;
        status["state"] = json!(if left == 0 { "RUNNING" } else { "PENDING" });
    } else if let Some(reason) = ending.error {
        let proto = json!({"reason": reason, "message": format!("job ended: {reason}")});
        status["errorResult"] = proto.clone();
        status["errors"] = json!([proto]);
    }
    json!({
        "kind": "bigquery#job", "id": format!("{PROJECT}:EU.{id}"),
        "jobReference": body["jobReference"], "configuration": body["configuration"],
        "status": status, "statistics": {"creationTime": "1", "load": {"outputRows": "7"}},
    })
}

async fn insert(
    State(fake): State<Fake>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_authorized(&headers) {
        return error(401, "authError", "Invalid Credentials");
    }
    if headers
        .get("content-type")
        .is_none_or(|it| it != "application/json")
    {
        return error(400, "badRequest", "content type");
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = match check(&project, &body) {
        Ok(id) => id,
        Err(reason) => return error(400, "invalid", &reason),
    };
    let mut seen = fake.seen.lock().unwrap();
    seen.inserts.push(id.clone());
    let fault = seen.faults.pop_front();
    match fault {
        Some(Fault::Status(status, reason)) => return error(status, reason, "as the test says"),
        Some(Fault::Garbage) => {
            return axum::Json(json!({"kind": "bigquery#queue"})).into_response();
        }
        Some(Fault::Lost(_)) | None => {}
    }
    if seen.jobs.contains_key(&id) {
        return error(409, "duplicate", "Already Exists: Job");
    }
    let ending = seen.endings.pop_front();
    let ending = ending.unwrap_or(Ending {
        polls: 0,
        error: None,
    });
    seen.made.push(id.clone());
    let there = seen.jobs.entry(id.clone()).or_insert((body, ending));
    let answer = job(&id, there);
    match fault {
        Some(Fault::Lost(status)) => error(status, "backendError", "lost"),
        _ => axum::Json(answer).into_response(),
    }
}

async fn look(
    State(fake): State<Fake>,
    Path((project, id)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if !is_authorized(&headers) {
        return error(401, "authError", "Invalid Credentials");
    }
    let mut seen = fake.seen.lock().unwrap();
    seen.lookups += 1;
    if project != PROJECT || query != BTreeMap::from([("location".to_owned(), "EU".to_owned())]) {
        return error(400, "invalid", "a job is found in its location alone");
    }
    match seen.jobs.get_mut(&id) {
        Some(there) => axum::Json(job(&id, there)).into_response(),
        None => error(404, "notFound", "Not found: Job"),
    }
}
