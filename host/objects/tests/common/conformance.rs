//! What every store must do, seen through the gateway.

use super::ObjectsApi;
use base64::Engine as _;
use http::Method;

/// Objects of the bucket `local`.
pub const OBJECT: &str = "/storage/v1/b/local/o";

fn crc32c(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(crc32c::crc32c(bytes).to_be_bytes())
}

/// What every store must do; `api` is an empty bucket `local`.
pub async fn conformance(api: &dyn ObjectsApi) {
    without_conditional_deletes(api).await;
    conditional_deletes(api).await;
}

/// All of it that fake-gcs-server can do: it deletes whatever `ifGenerationMatch` says.
pub async fn without_conditional_deletes(api: &dyn ObjectsApi) {
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
    let names = |read: &super::Read, key: &str| -> Vec<String> {
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
    let generation = put.json()["generation"].as_str().unwrap().to_owned();
    let right = format!("{path}?ifGenerationMatch={generation}");
    assert_eq!(api.delete(&right).await.status, 204);
    assert_eq!(api.delete(&path).await.status, 404);
    assert_eq!(api.get(&path).await.status, 404);
}

async fn conditional_deletes(api: &dyn ObjectsApi) {
    api.put("images/kept", "", b"x").await;
    let path = format!("{OBJECT}/images%2Fkept");
    let wrong = api.delete(&format!("{path}?ifGenerationMatch=7")).await;
    assert_eq!(wrong.status, 412);
    assert_eq!(api.get(&path).await.status, 200);
    assert_eq!(api.delete(&path).await.status, 204);
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
