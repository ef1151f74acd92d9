//! The stores against real servers: fake-gcs-server and moto.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use common::conformance::{conformance, without_conditional_deletes};
use framemill_objects::{
    Access, FileLayout, Found, Gateway, GcsStore, LocalStore, NewObject, Precondition, RangeSpec,
    RetryPolicy, S3Store, Store, StoreError, Walk,
};
use framemill_support::finding::Severity;
use framemill_tests::servers::{Gcs, S3};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use google_cloud_auth::credentials::anonymous;
use object_store::aws::AmazonS3Builder;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const BUCKET: &str = "bucket";

fn gateway(store: impl Store + 'static) -> Gateway {
    let store: Arc<dyn Store> = Arc::new(store);
    Gateway::new(HashMap::from([("local".into(), store)]), Access::all())
}

fn gcs(server: &Gcs) -> GcsStore {
    let anonymous = anonymous::Builder::new().build();
    GcsStore::at(
        &server.endpoint(),
        BUCKET,
        anonymous,
        RetryPolicy::default(),
    )
    .unwrap()
}

fn s3(server: &S3) -> S3Store {
    let builder = AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_region("us-east-1")
        .with_access_key_id("test")
        .with_secret_access_key("test");
    S3Store::with(BUCKET, builder).unwrap()
}

async fn put(store: &dyn Store, name: &str, bytes: &'static [u8]) -> i64 {
    let bytes = stream::iter([Ok(bytes.into())]).boxed();
    let written = store.write(name, Precondition::None, NewObject::default(), bytes);
    written.await.unwrap().generation
}

/// What holds below the gateway.
async fn store_conformance(store: &dyn Store) {
    let old = put(store, "videos/v.mp4", b"first").await;
    let reading = store.read("videos/v.mp4", Some(old), RangeSpec::Whole);
    let reading = reading.await.unwrap();
    assert_eq!((reading.meta.generation, reading.meta.size), (old, 5));
    let bytes: Vec<_> = reading.stream.try_collect().await.unwrap();
    assert_eq!(bytes.concat(), b"first");
    assert_eq!(store.head("videos/v.mp4").await.unwrap().generation, old);
    let listed = store.list("videos/v", None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].generation, listed[0].size), (old, 5));
    put(store, "videos/v.mp4", b"second").await;
    for range in [RangeSpec::Whole, RangeSpec::From(1, Some(2))] {
        let stale = store.read("videos/v.mp4", Some(old), range).await;
        assert!(stale.is_err(), "{range:?}");
    }
    for name in ["p/a", "p/b", "p/c", "q"] {
        put(store, name, b"x").await;
    }
    let names = async |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let found = store.list(prefix, after, limit).await.unwrap();
        found.into_iter().map(|meta| meta.name).collect()
    };
    assert_eq!(names("p/", None, 2).await, ["p/a", "p/b"]);
    assert_eq!(names("p/", Some("p/a"), 9).await, ["p/b", "p/c"]);
    assert_eq!(names("p/", Some("p/aa"), 1).await, ["p/b"]);
    assert_eq!(names("p", Some("p/c"), 9).await, Vec::<String>::new());
    checks(store).await;
}

async fn checks(store: &dyn Store) {
    let access = |read: &str| Access {
        read: vec![read.into()],
        write: vec!["images/".into()],
    };
    let before = store.list("", None, 100).await.unwrap();
    let findings = store.check(&access("videos/")).await;
    assert_eq!(findings.len(), 2, "{findings:?}");
    for finding in &findings {
        assert_eq!(finding.severity, Severity::Good, "{finding}");
    }
    let after = store.list("", None, 100).await.unwrap();
    assert_eq!(after, before, "the check leaves nothing behind");
    let findings = store.check(&access("wrong/")).await;
    assert_eq!(findings[0].severity, Severity::Warning);
    assert!(
        findings[0].remedy.contains("p/, q, videos/"),
        "{}",
        findings[0]
    );
}

#[tokio::test]
async fn a_folder_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    store_conformance(&LocalStore::new(FileLayout::folder(folder.path()))).await;
}

/// A folder with a bucket in it, and links in the bucket that lead within it and out of it.
#[cfg(unix)]
fn linked() -> tempfile::TempDir {
    use std::fs;
    use std::os::unix::fs::symlink;
    let around = tempfile::tempdir().unwrap();
    let bucket = around.path().join("bucket");
    fs::create_dir_all(bucket.join("videos/real")).unwrap();
    fs::create_dir_all(around.path().join("secrets")).unwrap();
    fs::write(around.path().join("secrets/key.mp4"), "secret").unwrap();
    fs::write(bucket.join("videos/real/v.mp4"), "video").unwrap();
    symlink("real/v.mp4", bucket.join("videos/within.mp4")).unwrap();
    symlink("real", bucket.join("videos/folder")).unwrap();
    symlink("../../secrets/key.mp4", bucket.join("videos/out.mp4")).unwrap();
    symlink(around.path().join("secrets"), bucket.join("videos/away")).unwrap();
    symlink(bucket.join("videos/real"), bucket.join("videos/whole")).unwrap();
    fs::create_dir(bucket.join(".framemill")).unwrap();
    fs::write(bucket.join(".framemill/queue.redb"), "secret").unwrap();
    symlink("../.framemill/queue.redb", bucket.join("videos/queue.mp4")).unwrap();
    symlink("../.framemill", bucket.join("videos/private")).unwrap();
    symlink("nowhere", bucket.join("videos/broken.mp4")).unwrap();
    symlink("..", bucket.join("videos/round")).unwrap();
    around
}

/// The links that lead out, of those that a prefix is about.
#[cfg(unix)]
fn leading_out(folder: &std::path::Path, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    let walk = Walk {
        folder,
        prefix,
        follow_links: false,
    };
    walk.visit("", &mut |found| {
        if let Found::LeadsOut { name } = found {
            names.push(name);
        }
    });
    names
}

/// Two links in each of fourteen folders to the next make thousands of ways to the last.
#[cfg(unix)]
#[test]
fn links_between_folders_do_not_multiply_a_scan() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: String| folder.path().join(name);
    for number in 0..14 {
        std::fs::create_dir(path(format!("{number}"))).unwrap();
        for link in ["left", "right"] {
            let next = format!("../{}", number + 1);
            symlink(next, path(format!("{number}/{link}"))).unwrap();
        }
    }
    std::fs::create_dir(path("14".into())).unwrap();
    std::fs::write(path("14/v.mp4".into()), "video").unwrap();
    // And one back to a sibling of the way.
    symlink("../0", path("14/back".into())).unwrap();
    let mut seen = 0;
    let walk = Walk {
        folder: folder.path(),
        prefix: "",
        follow_links: false,
    };
    walk.visit("", &mut |_| seen += 1);
    assert!((1..=256).contains(&seen), "{seen}");
}

/// A path of more than 4,096 bytes opens by no name, whoever asks.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_cannot_be_read_is_not_taken_for_empty() {
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("videos")).unwrap();
    std::fs::write(folder.path().join("videos/a.mp4"), "video").unwrap();
    let part = "deep".repeat(60);
    let mut at = Dir::open_ambient_dir(folder.path().join("videos"), ambient_authority()).unwrap();
    for _ in 0..20 {
        at.create_dir(&part).unwrap();
        at = at.open_dir(&part).unwrap();
    }
    let store = LocalStore::new(FileLayout::folder(folder.path()));
    let error = store.list("videos/", None, 9).await.unwrap_err();
    assert!(error.to_string().contains("deepdeep"), "{error}");
    // What comes before it is found, and what lies elsewhere.
    let names: Vec<_> = store.list("videos/", None, 1).await.unwrap();
    assert_eq!(names.len(), 1);
    assert_eq!(store.list("images/", None, 9).await.unwrap(), []);
}

/// Folders are read in the order of names, and left out where all of them came before.
#[tokio::test]
async fn pages_of_a_folder_are_its_names_in_order_once_each() {
    let folder = tempfile::tempdir().unwrap();
    // `-` and `.` come before the slash behind a folder's name, digits and letters behind it.
    let mut names = Vec::new();
    for first in ["a", "a-", "a.b", "a0", "b"] {
        names.push(format!("v/{first}.mp4"));
        for second in ["x", "x-y", "x.z", "x0"] {
            names.push(format!("v/{first}/{second}.mp4"));
            names.push(format!("v/{first}/{second}/deep.mp4"));
        }
    }
    for name in &names {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    names.sort();
    let store = LocalStore::new(FileLayout::folder(folder.path()));
    for limit in 1..=names.len() + 1 {
        for prefix in ["", "v/a", "v/a/", "v/a/x", "v/b/x.z/"] {
            let mut seen: Vec<String> = Vec::new();
            loop {
                let after = seen.last().map(String::as_str);
                let page = store.list(prefix, after, limit).await.unwrap();
                let is_last = page.len() < limit;
                seen.extend(page.into_iter().map(|meta| meta.name));
                if is_last {
                    break;
                }
            }
            let expected: Vec<&String> = names
                .iter()
                .filter(|name| name.starts_with(prefix))
                .collect();
            assert_eq!(
                seen.iter().collect::<Vec<_>>(),
                expected,
                "{limit} {prefix}"
            );
        }
    }
}

/// The private folder may be a link where links are followed.
#[cfg(unix)]
#[test]
fn leftovers_behind_a_link_are_removed_only_where_told() {
    let around = tempfile::tempdir().unwrap();
    let (bucket, outside) = (around.path().join("bucket"), around.path().join("outside"));
    std::fs::create_dir(&bucket).unwrap();
    std::fs::create_dir_all(outside.join("tmp")).unwrap();
    std::os::unix::fs::symlink(&outside, bucket.join(".framemill")).unwrap();
    let store = |follow_links| {
        LocalStore::new(FileLayout {
            follow_links,
            ..FileLayout::folder(&bucket)
        })
    };
    let error = store(false).remove_leftovers().unwrap_err().to_string();
    let place = bucket.join(".framemill/tmp").display().to_string();
    assert!(
        error.contains("follow_links = true") && error.ends_with(&place),
        "{error}"
    );
    assert!(outside.join("tmp").exists());
    store(true).remove_leftovers().unwrap();
    assert!(!outside.join("tmp").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_a_folder_are_followed_only_where_told() {
    let around = linked();
    let bucket = || around.path().join("bucket");
    let layout = |follow_links| FileLayout {
        follow_links,
        ..FileLayout::folder(bucket())
    };
    let within = [
        "videos/folder/v.mp4",
        "videos/real/v.mp4",
        "videos/whole/v.mp4",
        "videos/within.mp4",
    ];
    let out = ["videos/away/key.mp4", "videos/out.mp4"];
    let private = ["videos/private/queue.redb", "videos/queue.mp4"];
    let listed = async |store: &LocalStore| -> Vec<String> {
        let found = store.list("", None, 100).await.unwrap();
        found.into_iter().map(|meta| meta.name).collect()
    };
    let read = async |store: &LocalStore, name: &str| {
        let reading = store.read(name, None, RangeSpec::Whole).await?;
        let bytes: Vec<_> = reading.stream.try_collect().await?;
        Ok::<_, StoreError>(bytes.concat())
    };
    let store = LocalStore::new(layout(false));
    assert_eq!(listed(&store).await, within);
    for name in within {
        assert_eq!(read(&store, name).await.unwrap(), b"video", "{name}");
        assert_eq!(store.head(name).await.unwrap().size, 5, "{name}");
    }
    for name in out.into_iter().chain(private) {
        let missing = |error: StoreError| matches!(error, StoreError::NotFound { .. });
        assert!(missing(read(&store, name).await.unwrap_err()), "{name}");
        assert!(missing(store.head(name).await.unwrap_err()), "{name}");
        let deleted = store.delete(name, Precondition::None).await;
        assert!(missing(deleted.unwrap_err()), "{name}");
    }
    assert_eq!(leading_out(&bucket(), "videos/").len(), 4);
    assert_eq!(leading_out(&bucket(), "videos/o"), ["videos/out.mp4"]);
    assert_eq!(leading_out(&bucket(), "videos/away/k"), ["videos/away"]);
    assert!(leading_out(&bucket(), "images/").is_empty());
    let written = async |store: &LocalStore, name: &str| {
        let bytes = stream::iter([Ok("new".into())]).boxed();
        let written = store.write(name, Precondition::None, NewObject::default(), bytes);
        written.await.map(drop)
    };
    let refused = written(&store, "videos/away/new.mp4").await.unwrap_err();
    assert!(refused.to_string().contains("follow_links"), "{refused}");
    assert!(written(&store, "videos/out.mp4").await.is_err());
    assert!(written(&store, "videos/private/new.mp4").await.is_err());
    written(&store, "videos/folder/new.mp4").await.unwrap();
    written(&store, "videos/whole/deep/new.mp4").await.unwrap();
    let real = bucket().join("videos/real");
    assert!(real.join("new.mp4").is_file() && real.join("deep/new.mp4").is_file());
    let secrets = around.path().join("secrets");
    let there = || std::fs::read_dir(&secrets).unwrap().count();
    assert_eq!(there(), 1);
    assert_eq!(std::fs::read(secrets.join("key.mp4")).unwrap(), b"secret");

    let store = LocalStore::new(layout(true));
    let all = listed(&store).await;
    for name in within.iter().chain(&out) {
        assert!(all.iter().any(|there| there == name), "{name}: {all:?}");
    }
    for name in out {
        assert_eq!(read(&store, name).await.unwrap(), b"secret", "{name}");
    }
    written(&store, "videos/away/new.mp4").await.unwrap();
    assert_eq!(there(), 2);
    // A link is deleted, not what it leads to.
    store
        .delete("videos/out.mp4", Precondition::None)
        .await
        .unwrap();
    assert_eq!(there(), 2);
}

/// Opening a named pipe for reading waits until someone writes.
#[cfg(unix)]
#[tokio::test]
async fn only_files_are_objects() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("images")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(path("images/pipe.jpg"))
        .status();
    assert!(made.unwrap().success(), "mkfifo is part of coreutils");
    std::fs::create_dir(path("images/folder.jpg")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("images/socket.jpg")).unwrap();
    for follow_links in [false, true] {
        let store = LocalStore::new(FileLayout {
            follow_links,
            ..FileLayout::folder(folder.path())
        });
        assert!(store.list("", None, 9).await.unwrap().is_empty());
        for name in ["images/pipe.jpg", "images/folder.jpg"] {
            let read = store.read(name, None, RangeSpec::Whole).await;
            assert!(matches!(read, Err(StoreError::NotFound { .. })), "{name}");
            let head = store.head(name).await;
            assert!(matches!(head, Err(StoreError::NotFound { .. })), "{name}");
        }
        // A socket cannot be opened at all.
        assert!(
            store
                .read("images/socket.jpg", None, RangeSpec::Whole)
                .await
                .is_err()
        );
    }
}

/// A write that fails, and one whose caller goes away, leave nothing.
#[tokio::test]
async fn unfinished_files_go_with_their_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::new(FileLayout::folder(folder.path()));
    let left = || {
        let names = std::fs::read_dir(folder.path().join(".framemill/tmp")).unwrap();
        names.map(|it| it.unwrap().file_name()).collect::<Vec<_>>()
    };
    let first = || stream::iter([Ok(bytes::Bytes::from(vec![7; 1 << 20]))]);
    let write = |bytes| {
        store.write(
            "images/x.jpg",
            Precondition::None,
            NewObject::default(),
            bytes,
        )
    };
    let full = || {
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let (what, name) = ("write", "x".to_owned());
        stream::iter([Err(StoreError::Io { what, name, source })])
    };
    write(first().chain(full()).boxed()).await.unwrap_err();
    assert_eq!(left(), Vec::<std::ffi::OsString>::new());
    let endless = write(first().chain(stream::pending()).boxed());
    let mut endless = Box::pin(endless);
    while left().is_empty() {
        assert!(futures::poll!(&mut endless).is_pending());
        tokio::task::yield_now().await;
    }
    drop(endless);
    assert_eq!(left(), Vec::<std::ffi::OsString>::new());
    assert!(!folder.path().join("images/x.jpg").exists());
}

#[tokio::test]
async fn gcs_conforms() {
    let server = Gcs::start();
    server.create_bucket(BUCKET);
    without_conditional_deletes(&gateway(gcs(&server))).await;
}

#[tokio::test]
async fn gcs_is_a_store() {
    let server = Gcs::start();
    server.create_bucket(BUCKET);
    let store = gcs(&server);
    store_conformance(&store).await;
    assert_eq!(store.notifications().await.unwrap(), None);
    let object = NewObject {
        content_type: Some("image/jpeg".into()),
        metadata: BTreeMap::from([("frame".into(), "1".into())]),
        ..NewObject::default()
    };
    let bytes = stream::iter([Ok("x".into())]).boxed();
    store
        .write("images/x", Precondition::Generation(0), object, bytes)
        .await
        .unwrap();
    let described = server.describe(BUCKET, "images/x").json();
    assert_eq!(described["metadata"]["frame"], "1");
    assert_eq!(described["contentType"], "image/jpeg");
}

#[tokio::test]
async fn a_missing_gcs_bucket_is_found_out() {
    let server = Gcs::start();
    let access = Access {
        read: vec!["videos/".into()],
        write: Vec::new(),
    };
    let findings = gcs(&server).check(&access).await;
    assert_eq!(findings[0].severity, Severity::Error, "{}", findings[0]);
    assert!(findings[0].remedy.contains("buckets create gs://bucket"));
}

#[tokio::test]
async fn s3_conforms() {
    let server = S3::start();
    server.create_bucket(BUCKET);
    conformance(&gateway(s3(&server))).await;
}

#[tokio::test]
async fn s3_is_a_store() {
    let server = S3::start();
    server.create_bucket(BUCKET);
    let store = s3(&server);
    store_conformance(&store).await;
    assert_eq!(store.notifications().await.unwrap(), None);
    // Consoles make folders out of empty objects.
    server.put(BUCKET, "empty/", b"");
    let access = Access {
        read: vec!["empty/".into()],
        write: Vec::new(),
    };
    let findings = store.check(&access).await;
    assert_eq!(findings[0].severity, Severity::Warning, "{}", findings[0]);
}

#[tokio::test]
async fn a_missing_s3_bucket_is_found_out() {
    let server = S3::start();
    let access = Access {
        read: vec!["videos/".into()],
        write: Vec::new(),
    };
    let findings = s3(&server).check(&access).await;
    assert_eq!(findings[0].severity, Severity::Error, "{}", findings[0]);
}
