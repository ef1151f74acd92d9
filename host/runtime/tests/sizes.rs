//! The extraction at the limits of size that the host keeps, told of them or not.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use bytes::Bytes;
use common::{LIMITS, probe_path, variables};
use framemill_contract::SizeLimits;
use framemill_objects::{Access, FileLayout, Gateway, LocalStore, Store};
use framemill_runtime::{
    Component, ComponentEvent, Engine, Limits, OutboundClient, Runtime, RuntimeParts, with_host,
};
use framemill_tests::{clip, h264_clip};
use http::Request;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

const EXTRACTED: &str = "manifests/x.mp4.json";
const FAILED: &str = "records/failures/extract-frames/x.mp4.json";

fn extraction() -> (Engine, Component) {
    static EXTRACTION: OnceLock<(Engine, Component)> = OnceLock::new();
    let load = || {
        let engine = Engine::new(None).unwrap();
        let path = probe_path().with_file_name("extract-frames.wasm");
        let component = Component::load(&engine, &path).unwrap();
        (engine, component)
    };
    EXTRACTION.get_or_init(load).clone()
}

/// What one delivery left behind.
struct Delivered {
    outcome: Value,
    folder: tempfile::TempDir,
    /// Bytes of the requests for segments.
    segments: Vec<u64>,
}

impl Delivered {
    fn json(&self, name: &str) -> Value {
        let bytes = std::fs::read(self.folder.path().join(name)).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn size(&self, name: &str) -> u64 {
        self.folder.path().join(name).metadata().unwrap().len()
    }
}

/// Delivers an upload once: the gateway keeps `kept`, and the component is told of `told`.
fn deliver(video: &Path, keys: &[(&str, &str)], kept: SizeLimits, told: SizeLimits) -> Delivered {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("videos")).unwrap();
    std::fs::copy(video, folder.path().join("videos/x.mp4")).unwrap();
    let segments = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&segments);
    let (engine, component) = extraction();
    let mut variables = variables();
    let keys = keys
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    variables.extend(keys);
    let parts = RuntimeParts {
        variables: with_host(variables, &component.sha256, told),
        component,
        gateway: Arc::new(gateway(folder.path()).with_limits(kept)),
        outbound: OutboundClient::default(),
        limits: Limits {
            memory: 1 << 30,
            time: Duration::from_secs(900),
            ..LIMITS
        },
        parallel: 2,
        memory: None,
        observer: Arc::new(move |_, event| {
            if let ComponentEvent::SegmentDispatched(body) = event {
                seen.lock().unwrap().push(body.len() as u64);
            }
        }),
    };
    let runtime = Runtime::new(&engine, parts).unwrap();
    let attributes = json!({
        "eventType": "OBJECT_FINALIZE", "bucketId": "local", "objectId": "videos/x.mp4",
    });
    let message = json!({ "message": { "attributes": attributes } });
    let request = Request::post("http://extract-frames.test/");
    let request = request.body(Bytes::from(message.to_string())).unwrap();
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let answer = tokio.block_on(runtime.call("x", request)).unwrap();
    let segments = segments.lock().unwrap().clone();
    Delivered {
        outcome: serde_json::from_slice(answer.response.body()).unwrap(),
        folder,
        segments,
    }
}

fn video() -> PathBuf {
    h264_clip("four-seconds.mp4", 4)
}

fn gateway(folder: &Path) -> Gateway {
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(FileLayout::folder(folder)));
    Gateway::new(HashMap::from([("local".to_owned(), store)]), Access::all())
}

fn objects_of(object: u64) -> SizeLimits {
    SizeLimits {
        object,
        ..SizeLimits::STANDARD
    }
}

/// Whom the limit is told of does not matter: what a gateway refuses is permanent too.
#[test]
fn a_manifest_over_the_limit_is_rejected_by_the_first_delivery() {
    let keys = [("every_frames", "5"), ("max_side", "32")];
    let standard = SizeLimits::STANDARD;
    let whole = deliver(&video(), &keys, standard, standard);
    assert_eq!(whole.outcome["outcome"], "extracted");
    let manifest = whole.size(EXTRACTED);
    for told in [objects_of(manifest), standard] {
        let fits = deliver(&video(), &keys, objects_of(manifest), told);
        assert_eq!(fits.outcome["outcome"], "extracted", "{}", fits.outcome);
    }
    let lower = objects_of(manifest - 1);
    for told in [lower, standard] {
        let over = deliver(&video(), &keys, lower, told);
        assert_eq!(over.outcome["outcome"], "rejected", "{}", over.outcome);
        let record = over.json(FAILED);
        assert_eq!(record["code"], "object_too_large");
        let message = record["message"].as_str().unwrap();
        let bytes = format!("object of {manifest} bytes");
        let limit = (manifest - 1).to_string();
        for words in [bytes.as_str(), &limit, "max_images", EXTRACTED] {
            assert!(message.contains(words), "{message}");
        }
    }
}

#[test]
fn images_over_the_limit_are_named_in_the_manifest() {
    let keys = [("every", "1s")];
    let standard = SizeLimits::STANDARD;
    let whole = deliver(&video(), &keys, standard, standard);
    let manifest = whole.json(EXTRACTED);
    let frames = manifest["frames"].as_array().unwrap();
    let sizes = frames.iter().map(|frame| frame["bytes"].as_u64().unwrap());
    let largest = sizes.clone().max().unwrap();
    let fit = sizes.filter(|bytes| *bytes < largest).count();
    assert!(fit > 0, "{manifest}");
    let lower = objects_of(largest - 1);
    for told in [lower, standard] {
        let less = deliver(&video(), &keys, lower, told);
        let manifest = less.json(EXTRACTED);
        assert_eq!(manifest["frames"].as_array().unwrap().len(), fit);
        let warning = &manifest["warnings"][0];
        assert_eq!(warning["code"], "not_encoded");
        let message = warning["message"].as_str().unwrap();
        let limit = (largest - 1).to_string();
        for words in [limit.as_str(), "format = jpeg", "images/x.mp4/"] {
            assert!(message.contains(words), "{message}");
        }
    }
}

#[test]
fn segments_whose_request_is_too_large_are_asked_for_in_parts() {
    // Dropped frames are short in the answer, which must not be larger than the request.
    let keys = [("every", "1s"), ("min_sharpness", "1000000")];
    let standard = SizeLimits::STANDARD;
    let whole = deliver(&video(), &keys, standard, standard);
    let [largest] = whole.segments[..] else {
        panic!("{:?}", whole.segments);
    };
    let body = |body| SizeLimits { body, ..standard };
    let fits = deliver(&video(), &keys, standard, body(largest));
    assert_eq!(fits.segments, [largest]);
    let split = deliver(&video(), &keys, standard, body(largest - 1));
    assert!(split.segments.len() > 1, "{:?}", split.segments);
    let dropped = |delivered: &Delivered| delivered.json(EXTRACTED)["dropped"].clone();
    assert_eq!(dropped(&split), dropped(&whole));
    assert_eq!(dropped(&whole).as_array().unwrap().len(), 4);
    assert_eq!(split.json(EXTRACTED)["warnings"], json!([]));
}

/// Noise is what no encoder makes smaller.
#[test]
fn the_largest_8k_png_passes_where_a_sandbox_has_1_gib() {
    let noise = "-f rawvideo -video_size 7680x4320 -framerate 1 -pixel_format yuv420p -i /dev/urandom -frames:v 1 -c:v libx264 -preset ultrafast -qp 20 -g 1 -threads 1";
    let noise: Vec<&str> = noise.split(' ').collect();
    let video = clip("8k-noise.mp4", &noise);
    let standard = SizeLimits::STANDARD;
    let delivered = deliver(&video, &[("format", "png")], standard, standard);
    assert_eq!(
        delivered.outcome["outcome"], "extracted",
        "{}",
        delivered.outcome
    );
    let manifest = delivered.json(EXTRACTED);
    assert_eq!(manifest["warnings"], json!([]));
    let frames = manifest["frames"].as_array().unwrap();
    let bytes: Vec<u64> = frames
        .iter()
        .map(|it| it["bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(bytes.len(), 1);
    assert!(bytes.iter().all(|bytes| *bytes > 80 << 20), "{bytes:?}");
}
