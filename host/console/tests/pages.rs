//! The pages over a folder that is a bucket, as a browser asks for them.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use framemill_console::{Access, Bucket, routes};
use framemill_contract::Config;
use framemill_objects::{FileLayout, LocalStore};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

const TOKEN: &str = "0123456789abcdef0123";
/// What would do harm where it is not escaped.
const HARD: &str = "cam <b>/x\"'><script>alert(1)</script> & ü %2F ..mp4";

fn console(folder: &Path, address: &str, token: Option<&str>) -> Router {
    let config = Config::from_lookup(|_| None).unwrap();
    let bucket = Bucket {
        store: Arc::new(LocalStore::new(FileLayout::folder(folder))),
        layout: config.layout,
        videos: config.video_path,
        name: "a <bucket>".to_owned(),
    };
    let token = token.map(str::to_owned);
    let access = Access::new(address.parse().unwrap(), token, None).unwrap();
    routes(bucket, access.unwrap(), CancellationToken::new())
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A video with three frames, of which the first is labeled; one that failed, one that waits.
fn bucket(folder: &Path) {
    let frames: Vec<Value> = (0..3)
        .map(|index| {
            json!({"index": index, "pts": index, "seconds": index as f64,
                "name": format!("{index:06}.jpg"), "width": 320, "height": 180, "bytes": 9,
                "sha256": format!("{index:064x}"), "phash": format!("{index:016x}"), "sharpness": 10.0})
        })
        .collect();
    let image: image::RgbImage =
        image::ImageBuffer::from_pixel(320, 180, image::Rgb([200, 30, 30]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    put(folder, &format!("images/{HARD}/000000.jpg"), jpeg.get_ref());
    put(folder, &format!("images/{HARD}/000001.jpg"), b"no image");
    put(folder, &format!("videos/{HARD}"), b"video");
    put(folder, "videos/waits.mp4", b"video");
    put(folder, "videos/bad.mp4", b"video");
    let shapes = json!([{"label": "<i>car</i>", "type": "box", "x": 10.5, "y": 20, "width": 30, "height": 40,
        "rotation": 30.0}]);
    let answer = json!({"id": "1", "created_at": "2026-11-01T10:00:00Z",
        "updated_at": "2026-11-01T10:00:00Z", "shapes": shapes});
    let annotation = json!({"schema": "framemill.annotation/1", "target": "cvat-1", "frame": "f",
        "image": {"name": "n", "sha256": "00", "width": 320, "height": 180}, "state": "labeled",
        "shapes": shapes, "counts": "1", "answers": [answer], "task": "1",
        "updated_at": "2026-11-01T10:00:00Z"});
    let current = format!("records/annotations/cvat-1/{HARD}/000000/current.json");
    put(folder, &current, annotation.to_string().as_bytes());
    let manifest = json!({
        "schema": "framemill.manifest/2",
        "source": {"bucket": "b", "name": format!("videos/{HARD}"), "generation": 1, "size": 1},
        "video": {"container": "mp4", "codec": "h264", "profile": "High", "width": 320,
            "height": 180, "rotation": 0, "timescale": 30, "duration_pts": 90, "frame_count": 90,
            "color": {"matrix": "bt709", "range": "limited", "primaries": null, "transfer": null,
                "matrix_assumed": false, "tone_mapped": false}},
        "selection": {"select": {"every": "1s"}, "snap": "exact",
            "images": {"format": "jpeg", "max_side": null, "quality": 95, "unspecified_matrix": "auto"},
            "filters": {"dedupe": "off", "drop_blank": false, "min_sharpness": null},
            "naming": "index", "config_hash": "0"},
        "image_folder": HARD, "frames": frames,
        "dropped": [{"index": 7, "pts": 7, "reason": "duplicate", "score": 2.0, "like": 1}],
        "warnings": [{"code": "damage", "message": "<u>broken</u>", "from_pts": null, "to_pts": null}],
        "stats": {"frames_selected": 4, "bytes_read": 1, "access_units_total": 90,
            "access_units_decoded": 2, "peak_memory_bytes": 0},
        "tool": {"version": "0.1.0", "component_sha256": "0"},
    });
    put(
        folder,
        &format!("manifests/{HARD}.json"),
        manifest.to_string().as_bytes(),
    );
    let failure = json!({"schema": "framemill.failure/1",
        "source": {"bucket": "b", "name": "videos/bad.mp4", "generation": 1},
        "code": "truncated_container", "message": "the <file> ends", "remedy": "upload it again",
        "retry_can_help": false, "tool": {"version": "0.1.0", "component_sha256": "0"}});
    put(
        folder,
        "records/failures/extract-frames/bad.mp4.json",
        failure.to_string().as_bytes(),
    );
}

fn address(path: &str, query: &[(&str, &str)]) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query);
    format!("/console/{path}?{}", pairs.finish())
}

async fn ask(console: &Router, request: Request<Body>) -> (StatusCode, header::HeaderMap, Vec<u8>) {
    let answer = console.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, body.to_vec())
}

fn get(address: &str) -> Request<Body> {
    let request = Request::get(address).header(header::HOST, "127.0.0.1:8400");
    request.body(Body::empty()).unwrap()
}

async fn text(console: &Router, address: &str) -> String {
    let (status, headers, body) = ask(console, get(address)).await;
    assert_eq!(status, StatusCode::OK, "{address}");
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let text = String::from_utf8(body).unwrap();
    // No name, label, message or bucket is HTML.
    for harm in [
        "<script>alert",
        "<b>",
        "<i>car",
        "<u>",
        "<file>",
        "<bucket>",
        "style=\"",
        "onclick",
    ] {
        assert!(!text.contains(harm), "{harm} in {address}: {text}");
    }
    text
}

#[tokio::test]
async fn pages_show_what_is_in_the_bucket_and_no_name_is_html() {
    let folder = tempfile::tempdir().unwrap();
    bucket(folder.path());
    let console = console(folder.path(), "127.0.0.1:8400", None);
    let overview = text(&console, "/console/").await;
    assert!(
        overview.contains("truncated_container") && overview.contains("cvat-1"),
        "{overview}"
    );
    let videos = text(&console, "/console/videos").await;
    for words in [
        "waits.mp4",
        "bad.mp4",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ] {
        assert!(videos.contains(words), "{words}: {videos}");
    }
    for (key, value, there, not_there) in [
        ("state", "waiting", "waits.mp4", "bad.mp4"),
        ("state", "failed", "bad.mp4", "waits.mp4"),
        ("code", "truncated_container", "bad.mp4", "waits.mp4"),
        ("q", "WAITS", "waits.mp4", "bad.mp4"),
        ("folder", "cam <b>/", "alert(1)", "bad.mp4"),
    ] {
        let found = text(&console, &address("videos", &[(key, value)])).await;
        assert!(found.contains(there), "{key}={value}: {found}");
        assert!(
            !found.contains(&format!(">{not_there}<")),
            "{key}={value}: {found}"
        );
    }
    let video = text(&console, &address("video", &[("name", HARD)])).await;
    assert!(
        video.contains("&lt;u&gt;broken&lt;/u&gt;") && video.contains("looks like the kept frame")
    );
    assert_eq!(video.matches("class=\"tile\"").count(), 3);
    let frame = text(
        &console,
        &address("frame", &[("video", HARD), ("index", "0")]),
    )
    .await;
    let drawn = r#"<rect x="10.5" y="20" width="30" height="40" transform="rotate(30 25.5 40)">"#;
    assert!(
        frame.contains(drawn) && frame.contains(r#"viewBox="0 0 320 180""#),
        "{frame}"
    );
    let bad = text(&console, &address("video", &[("name", "bad.mp4")])).await;
    assert!(bad.contains("the &lt;file&gt; ends") && bad.contains("upload it again"));
    for (path, query) in [
        ("video", &[("name", "../../etc/passwd")][..]),
        ("video", &[("name", "")]),
        ("frame", &[("video", HARD), ("index", "99")]),
        ("dataset", &[("name", "../x")]),
        ("dataset", &[("name", "cars@00")]),
        ("download", &[("name", "cars"), ("file", "../../secret")]),
    ] {
        let (status, _, body) = ask(&console, get(&address(path, query))).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path} {query:?}");
        assert!(!String::from_utf8_lossy(&body).contains("<script>alert"));
    }
}

#[tokio::test]
async fn only_images_of_manifests_are_served() {
    let folder = tempfile::tempdir().unwrap();
    bucket(folder.path());
    let console = console(folder.path(), "127.0.0.1:8400", None);
    let of = |path: &str, index: &str| address(path, &[("video", HARD), ("index", index)]);
    for path in ["image", "thumbnail"] {
        let (status, headers, body) = ask(&console, get(&of(path, "0"))).await;
        assert_eq!(
            (status, &headers[header::CONTENT_TYPE]),
            (StatusCode::OK, &"image/jpeg".parse().unwrap())
        );
        let seen = image::load_from_memory(&body).unwrap();
        assert_eq!((seen.width(), seen.height()), (320, 180));
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let (status, _, _) = ask(&console, get(&of(path, "2"))).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "its image is gone");
    }
    let (status, _, _) = ask(&console, get(&of("thumbnail", "1"))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "it is no image");
}

#[tokio::test]
async fn who_has_no_token_sees_nothing() {
    let folder = tempfile::tempdir().unwrap();
    bucket(folder.path());
    let console = console(folder.path(), "0.0.0.0:8400", Some(TOKEN));
    let image = address("image", &[("video", HARD), ("index", "0")]);
    for page in [
        "/console/",
        "/console/videos",
        image.as_str(),
        "/console/events",
    ] {
        let (status, headers, body) = ask(&console, get(page)).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        assert!(
            headers[header::LOCATION]
                .to_str()
                .unwrap()
                .starts_with("/console/login")
        );
        assert!(body.len() < 100);
    }
    let login = |token: &str, site: &str| {
        let request = Request::post("/console/login")
            .header(header::HOST, "frames.example")
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = format!("token={token}&to=//evil.example");
        request.body(Body::from(body)).unwrap()
    };
    let (status, headers, _) = ask(&console, login("guessed", "same-origin")).await;
    assert_eq!(
        (status, headers.get(header::SET_COOKIE)),
        (StatusCode::UNAUTHORIZED, None)
    );
    let (status, _, _) = ask(&console, login(TOKEN, "cross-site")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, headers, _) = ask(&console, login(TOKEN, "same-origin")).await;
    assert_eq!(
        (status, &headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/console/".parse().unwrap())
    );
    let cookie = headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Strict")
            && !cookie.contains(TOKEN)
    );
    let cookie = cookie.split(';').next().unwrap();
    for (name, value) in [
        ("cookie", cookie.to_owned()),
        ("authorization", format!("Bearer {TOKEN}")),
    ] {
        let mut request = get("/console/videos");
        request.headers_mut().insert(name, value.parse().unwrap());
        let (status, _, body) = ask(&console, request).await;
        assert_eq!(status, StatusCode::OK, "{name}");
        assert!(String::from_utf8_lossy(&body).contains("waits.mp4"));
    }
}

#[tokio::test]
async fn another_name_for_this_machine_is_not_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let console = console(folder.path(), "127.0.0.1:8400", None);
    let request = Request::get("/console/").header(header::HOST, "evil.example:8400");
    let (status, _, _) = ask(&console, request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_changes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    bucket(folder.path());
    let console = console(folder.path(), "127.0.0.1:8400", None);
    text(&console, "/console/videos").await;
    let answer = console
        .clone()
        .oneshot(get("/console/events"))
        .await
        .unwrap();
    let mut events = answer.into_body();
    put(folder.path(), "videos/new.mp4", b"video");
    let mut told = String::new();
    // Browsers drop an event without data.
    while !told.contains("event: changed\ndata: bucket") {
        let frame = events.frame().await.unwrap().unwrap();
        told.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap()));
    }
    assert!(text(&console, "/console/videos").await.contains("new.mp4"));
}
