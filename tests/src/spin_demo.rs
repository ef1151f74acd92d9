//! One video through the components as an application of Spin, on a store that speaks Google's JSON
//! API: what `cargo xtask demo --spin` shows. Messages come as a push subscription would send them.

use crate::servers::{HttpResponse, call, send as send_now};
use framemill_contract::{Manifest, Outcome};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use ureq::http::Request;

/// The bucket.
pub const BUCKET: &str = "footage";
/// Most requests of one video.
const MOST_TURNS: usize = 500;

/// A video in a store.
pub struct Demo {
    endpoint: String,
    object: String,
}

impl Demo {
    /// Uploads the video to the store at `endpoint`, a URL without slash at its end.
    ///
    /// # Panics
    /// Where the file cannot be read, or the store does not take it.
    pub fn upload(endpoint: &str, video: &Path) -> Self {
        let name = video.file_name().unwrap().to_string_lossy();
        let object = format!("videos/{name}");
        let url = format!(
            "{endpoint}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={}",
            framemill_gcs_api::encoded(&object)
        );
        let bytes = std::fs::read(video).unwrap();
        send_now(Request::post(url).body(bytes).unwrap()).ok();
        Self {
            endpoint: endpoint.to_owned(),
            object,
        }
    }

    /// The name of the video in the bucket.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// What the application is told, as `SPIN_VARIABLE_…`: a store without credentials, and
    /// messages from anyone.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let variables = [
            ("bucket", BUCKET),
            ("objects_url", self.endpoint.as_str()),
            ("insecure_push", "true"),
            ("credentials", "none"),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    /// Posts the video's event until it is done, in as many requests as that takes; `post` sends
    /// one to the application, which puts its address before the path.
    ///
    /// # Errors
    /// What the application answers where it does not extract the video.
    pub fn extract(
        &self,
        mut post: impl FnMut(Request<Vec<u8>>) -> Result<HttpResponse, String>,
    ) -> Result<Manifest, String> {
        for _ in 0..MOST_TURNS {
            let answer = post(self.event())?;
            let said = || String::from_utf8_lossy(&answer.body).into_owned();
            let outcome = serde_json::from_slice(&answer.body);
            let outcome: Outcome =
                outcome.map_err(|_| format!("status {}: {}", answer.status, said()))?;
            match outcome {
                Outcome::Continued { done, of, .. } => println!("  continued: {done} of {of}"),
                Outcome::Extracted { manifest, .. } | Outcome::Unchanged { manifest } => {
                    let bytes = self.read(&manifest);
                    return serde_json::from_slice(&bytes).map_err(|error| error.to_string());
                }
                _ => return Err(format!("status {}: {}", answer.status, said())),
            }
        }
        Err(format!("not done after {MOST_TURNS} requests"))
    }

    /// An object of the bucket.
    ///
    /// # Panics
    /// Where it is not there.
    pub fn read(&self, object: &str) -> Vec<u8> {
        let object = framemill_gcs_api::encoded(object);
        let url = format!(
            "{}/storage/v1/b/{BUCKET}/o/{object}?alt=media",
            self.endpoint
        );
        call("GET", &url, None).ok().to_vec()
    }

    /// What Pub/Sub pushes when the video was uploaded.
    fn event(&self) -> Request<Vec<u8>> {
        let attributes = json!({
            "eventType": "OBJECT_FINALIZE", "bucketId": BUCKET, "objectId": self.object,
        });
        let message = json!({ "message": { "attributes": attributes } });
        let request = Request::post("/").header("content-type", "application/json");
        request.body(message.to_string().into_bytes()).unwrap()
    }
}
