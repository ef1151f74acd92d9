//! The stores against real servers: fake-gcs-server and moto.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use common::conformance::{conformance, without_conditional_deletes};
use framemill_objects::{
    Access, FileLayout, Gateway, GcsStore, LocalStore, NewObject, Precondition, RangeSpec,
    RetryPolicy, S3Store, Store,
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
