//! The GCS JSON API as components use it. [`conformance`] holds for every store; what follows
//! is the local folder's own.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use base64::Engine as _;
use common::ObjectsApi;
use framemill::objects::{Access, Gateway, Layout, LocalStore, Store};
use http::Method;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

const OBJECT: &str = "/storage/v1/b/local/o";

fn local(data: &Path, access: Access) -> Gateway {
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(Layout::folder(data)));
    Gateway::new(HashMap::from([("local".into(), store)]), access)
}

fn crc32c(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(crc32c::crc32c(bytes).to_be_bytes())
}

/// What every store must do; `api` is an empty bucket `local`.
async fn conformance(api: &dyn ObjectsApi) {
    writes_and_reads(api).await;
    preconditions(api).await;
    ranges_and_generations(api).await;
    multipart(api).await;
    lists(api).await;
    deletes(api).await;
    refusals(api).await;
}

async fn writes_and_reads(api: &dyn ObjectsApi) {
    let put = api.put("images/a b/ü.jpg", "", b"bytes").await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    assert_eq!(put.json()["name"], "images/a b/ü.jpg");
    assert_eq!(put.json()["crc32c"], crc32c(b"bytes"));
    let encoded = format!("{OBJECT}/images%2Fa%20b%2F%C3%BC.jpg");
    let meta = api.get(&encoded).await;
    assert_eq!(meta.status, 200);
    let json = meta.json();
    assert_eq!(json["kind"], "storage#object");
    assert_eq!(json["bucket"], "local");
    assert_eq!(json["size"], "5");
    assert_eq!(json["contentType"], "image/jpeg");
    assert_eq!(json["generation"], put.json()["generation"]);
    assert!(json["updated"].as_str().unwrap().ends_with('Z'));
    let media = api.get(&format!("{encoded}?alt=media")).await;
    assert_eq!((media.status, &media.body[..]), (200, &b"bytes"[..]));
    assert_eq!(media.header("content-length"), Some("5"));
    assert_eq!(
        api.get(&format!("{OBJECT}/images%2Fnone")).await.status,
        404
    );
    assert_eq!(
        api.get(&format!("{OBJECT}/images%2Fnone")).await.reason(),
        "notFound"
    );
    assert_eq!(
        api.get("/storage/v1/b/other/o/images%2Fx").await.status,
        404
    );
    let empty = api.put("images/empty", "", b"").await;
    assert_eq!(empty.json()["size"], "0");
    let empty = api.get(&format!("{OBJECT}/images%2Fempty?alt=media")).await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
}

async fn preconditions(api: &dyn ObjectsApi) {
    let create = "&ifGenerationMatch=0";
    let first = api.put("images/once", create, b"first").await;
    assert_eq!(first.status, 200);
    let second = api.put("images/once", create, b"second").await;
    assert_eq!(
        (second.status, second.reason().as_str()),
        (412, "conditionNotMet")
    );
    let path = format!("{OBJECT}/images%2Fonce");
    assert_eq!(
        &api.get(&format!("{path}?alt=media")).await.body[..],
        b"first"
    );
    let generation = first.json()["generation"].as_str().unwrap().to_owned();
    let wrong = api.put("images/once", "&ifGenerationMatch=5", b"x").await;
    assert_eq!(wrong.status, 412);
    let right = format!("&ifGenerationMatch={generation}");
    let replaced = api.put("images/once", &right, b"third").await;
    assert_eq!(replaced.status, 200);
    assert_ne!(replaced.json()["generation"], first.json()["generation"]);
    assert_eq!(api.put("images/once", &right, b"x").await.status, 412);
    let stale = api
        .get(&format!("{path}?ifGenerationMatch={generation}"))
        .await;
    assert_eq!(stale.status, 412);
}

async fn ranges_and_generations(api: &dyn ObjectsApi) {
    let bytes: Vec<u8> = (0..600_000_u32).map(|i| (i % 251) as u8).collect();
    let put = api.put("images/long", "", &bytes).await;
    let path = format!("{OBJECT}/images%2Flong?alt=media");
    let range = async |range: &str| api.call(Method::GET, &path, &[("range", range)], b"").await;
    let part = range("bytes=250000-520000").await;
    assert_eq!(part.status, 206);
    assert_eq!(part.body, &bytes[250_000..=520_000]);
    assert_eq!(
        part.header("content-range"),
        Some("bytes 250000-520000/600000")
    );
    assert_eq!(range("bytes=599990-").await.body, &bytes[599_990..]);
    assert_eq!(range("bytes=-3").await.body, &bytes[599_997..]);
    let beyond = range("bytes=599999-700000").await;
    assert_eq!(
        beyond.header("content-range"),
        Some("bytes 599999-599999/600000")
    );
    let outside = range("bytes=600000-").await;
    assert_eq!(outside.status, 416);
    assert_eq!(outside.header("content-range"), Some("bytes */600000"));
    let generation = put.json()["generation"].as_str().unwrap().to_owned();
    assert_eq!(
        api.get(&format!("{path}&generation={generation}"))
            .await
            .body,
        bytes
    );
    api.put("images/long", "", b"new").await;
    let gone = api.get(&format!("{path}&generation={generation}")).await;
    assert_eq!(gone.status, 404);
    let bad = api.get(&format!("{path}&generation=x")).await;
    assert_eq!(bad.status, 400);
}

async fn multipart(api: &dyn ObjectsApi) {
    let create = "&ifGenerationMatch=0";
    let bytes = b"\xff\xd8 \r\n--se and the rest \r\n\r\n";
    let metadata = |name: &str, crc: &str| {
        format!(
            r#"{{"name":"{name}","contentType":"image/png","crc32c":"{crc}","metadata":{{"frame":"1"}}}}"#
        )
    };
    let good = metadata("images/m/1", &crc32c(bytes));
    let put = api.put_multipart(create, &good, bytes).await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    assert_eq!(put.json()["contentType"], "image/png");
    let read = api.get(&format!("{OBJECT}/images%2Fm%2F1?alt=media")).await;
    assert_eq!(&read.body[..], bytes);
    assert_eq!(api.put_multipart(create, &good, bytes).await.status, 412);
    let wrong = metadata("images/m/2", &crc32c(b"other bytes"));
    assert_eq!(api.put_multipart(create, &wrong, bytes).await.status, 400);
    assert_eq!(
        api.get(&format!("{OBJECT}/images%2Fm%2F2")).await.status,
        404
    );
    assert_eq!(api.put_multipart("", "{not json", bytes).await.status, 400);
    assert_eq!(api.put_multipart("", "{}", bytes).await.status, 400);
}

async fn lists(api: &dyn ObjectsApi) {
    for name in ["a/1", "a/2", "a/b/3", "a/b/4", "a/c/5", "a.d", "z"] {
        api.put(&format!("images/list/{name}"), "", b"x").await;
    }
    let names = |read: &common::Read, key: &str| -> Vec<String> {
        let json = read.json();
        let values = json[key].as_array().cloned().unwrap_or_default();
        let name = |value: &serde_json::Value| {
            value["name"].as_str().or(value.as_str()).map(str::to_owned)
        };
        values
            .iter()
            .filter_map(name)
            .map(|name| name.replace("images/list/", ""))
            .collect()
    };
    let all = api.get(&format!("{OBJECT}?prefix=images/list/")).await;
    assert_eq!(
        names(&all, "items"),
        ["a.d", "a/1", "a/2", "a/b/3", "a/b/4", "a/c/5", "z"]
    );
    let part = api.get(&format!("{OBJECT}?prefix=images/list/a/b")).await;
    assert_eq!(names(&part, "items"), ["a/b/3", "a/b/4"]);
    let folders = api
        .get(&format!("{OBJECT}?prefix=images%2Flist%2Fa%2F&delimiter=/"))
        .await;
    assert_eq!(names(&folders, "items"), ["a/1", "a/2"]);
    assert_eq!(names(&folders, "prefixes"), ["a/b/", "a/c/"]);
    for (delimiter, expected) in [("", 7), ("&delimiter=/", 3)] {
        let (mut found, mut token) = (Vec::new(), String::new());
        for _ in 0..expected {
            let path =
                format!("{OBJECT}?prefix=images/list/&maxResults=1{delimiter}&pageToken={token}");
            let page = api.get(&path).await;
            found.extend(names(&page, "items"));
            found.extend(names(&page, "prefixes"));
            match page.json()["nextPageToken"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(found.len(), expected, "{delimiter} {found:?}");
    }
    let none = api.get(&format!("{OBJECT}?prefix=images/nothing/")).await;
    assert_eq!((none.status, names(&none, "items").len()), (200, 0));
}

async fn deletes(api: &dyn ObjectsApi) {
    let put = api.put("images/gone", "", b"x").await;
    let path = format!("{OBJECT}/images%2Fgone");
    assert_eq!(
        api.delete(&format!("{path}?ifGenerationMatch=7"))
            .await
            .status,
        412
    );
    let generation = put.json()["generation"].as_str().unwrap().to_owned();
    let right = format!("{path}?ifGenerationMatch={generation}");
    assert_eq!(api.delete(&right).await.status, 204);
    assert_eq!(api.delete(&path).await.status, 404);
    assert_eq!(api.get(&path).await.status, 404);
}

async fn refusals(api: &dyn ObjectsApi) {
    for (method, path) in [
        (Method::PUT, "/storage/v1/b/local/o/images%2Fx"),
        (Method::POST, "/storage/v1/b/local/o"),
        (
            Method::POST,
            "/upload/storage/v1/b/local/o?uploadType=resumable&name=images/x",
        ),
        (
            Method::POST,
            "/upload/storage/v1/b/local/o?uploadType=media",
        ),
    ] {
        let read = api.call(method.clone(), path, &[], b"x").await;
        assert_eq!(read.status, 400, "{method} {path}");
        assert_eq!(read.json()["error"]["code"], 400);
    }
    assert_eq!(api.get("/").await.status, 404);
}

#[tokio::test]
async fn local_folder_conforms() {
    let data = tempfile::tempdir().unwrap();
    conformance(&local(data.path(), Access::all())).await;
}

/// All files below a folder, hidden ones too.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_broken_upload_leaves_nothing() {
    use bytes::Bytes;
    use futures::{StreamExt as _, stream};
    let data = tempfile::tempdir().unwrap();
    let store = LocalStore::new(Layout::folder(data.path()));
    let broken = stream::iter([
        Ok(Bytes::from_static(b"half")),
        Err(framemill::objects::StoreError::Invalid(
            "connection lost".into(),
        )),
    ]);
    let write = store.write(
        "images/x.jpg",
        framemill::objects::Precondition::Generation(0),
        framemill::objects::NewObject::default(),
        broken.boxed(),
    );
    assert!(write.await.is_err());
    assert_eq!(files(data.path()), Vec::<String>::new());
}

#[tokio::test]
async fn of_many_creators_one_wins() {
    let data = tempfile::tempdir().unwrap();
    let gateway = local(data.path(), Access::all());
    let writes = (0..16_u8).map(|i| {
        let gateway = &gateway;
        async move {
            gateway
                .put("images/one", "&ifGenerationMatch=0", &[i; 1000])
                .await
                .status
        }
    });
    let mut statuses = futures::future::join_all(writes).await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(
        statuses[1..].iter().all(|status| *status == 412),
        "{statuses:?}"
    );
    let written = std::fs::read(data.path().join("images/one")).unwrap();
    assert_eq!(written.len(), 1000);
    assert!(written.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(files(data.path()).len(), 1);
}

#[tokio::test]
async fn a_component_stays_in_its_prefixes() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(data.path().join("videos")).unwrap();
    std::fs::write(data.path().join("videos/v.mp4"), "video").unwrap();
    std::fs::write(data.path().join("secret"), "secret").unwrap();
    let access = Access {
        read: vec!["videos/".into()],
        write: vec!["images/".into()],
    };
    let api = local(data.path(), access);
    assert_eq!(
        api.get(&format!("{OBJECT}/videos%2Fv.mp4?alt=media"))
            .await
            .status,
        200
    );
    assert_eq!(api.get(&format!("{OBJECT}/secret")).await.status, 403);
    assert_eq!(api.put("videos/v.mp4", "", b"x").await.status, 403);
    assert_eq!(api.put("secret", "", b"x").await.status, 403);
    assert_eq!(
        api.delete(&format!("{OBJECT}/videos%2Fv.mp4")).await.status,
        403
    );
    assert_eq!(api.get(&format!("{OBJECT}?prefix=")).await.status, 403);
    assert_eq!(
        api.get(&format!("{OBJECT}?prefix=videos/")).await.status,
        200
    );
    for name in [
        "images/../secret",
        "images/../../x",
        "images//x",
        "images/.framemill/x",
    ] {
        assert_eq!(api.put(name, "", b"x").await.status, 400, "{name}");
    }
    let climb = api
        .get(&format!("{OBJECT}/videos%2F..%2Fsecret?alt=media"))
        .await;
    assert_eq!(climb.status, 404);
    assert_eq!(
        std::fs::read(data.path().join("secret")).unwrap(),
        b"secret"
    );
}

#[tokio::test]
async fn a_changed_video_is_another_generation() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(data.path().join("videos")).unwrap();
    let file = data.path().join("videos/v.mp4");
    std::fs::write(&file, "first").unwrap();
    let api = local(data.path(), Access::all());
    let path = format!("{OBJECT}/videos%2Fv.mp4");
    let generation = api.get(&path).await.json()["generation"]
        .as_str()
        .unwrap()
        .to_owned();
    let changed = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    std::fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(changed)
        .unwrap();
    let pinned = format!("{path}?alt=media&generation={generation}");
    assert_eq!(api.get(&pinned).await.status, 404);
    assert_eq!(api.get(&format!("{path}?alt=media")).await.status, 200);
}

#[cfg(unix)]
#[tokio::test]
async fn folders_may_be_links_to_elsewhere() {
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(elsewhere.path(), data.path().join("images")).unwrap();
    // Another file system, where there is one: a move there is a copy.
    if Path::new("/dev/shm").is_dir() {
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        std::os::unix::fs::symlink(memory.path(), data.path().join("far")).unwrap();
        let api = local(data.path(), Access::all());
        let create = "&ifGenerationMatch=0";
        assert_eq!(api.put("far/x", create, b"1").await.status, 200);
        assert_eq!(api.put("far/x", create, b"2").await.status, 412);
        assert_eq!(api.put("far/x", "", b"3").await.status, 200);
        assert_eq!(std::fs::read(memory.path().join("x")).unwrap(), b"3");
        assert_eq!(files(memory.path()).len(), 1);
    }
    let api = local(data.path(), Access::all());
    assert_eq!(api.put("images/a/x", "", b"1").await.status, 200);
    assert_eq!(std::fs::read(elsewhere.path().join("a/x")).unwrap(), b"1");
    let list = api.get(&format!("{OBJECT}?prefix=images/")).await;
    assert_eq!(list.json()["items"][0]["name"], "images/a/x");
}
