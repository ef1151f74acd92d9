//! Google Cloud Storage when things go wrong: nothing is lost, nothing is written twice.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use common::conformance::conformance;
use framemill_objects::{
    Access, Gateway, GcsStore, NewObject, ObjectMeta, Precondition, RangeSpec, RetryPolicy, Store,
    StoreError,
};
use framemill_support::finding::Severity;
use framemill_tests::fake_gcs::{FakeGcs, Fault, On};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag,
};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const BUCKET: &str = "bucket";
const CREATE: Precondition = Precondition::Generation(0);

/// Gives one token after the other, the last for ever; fails where there is none.
#[derive(Debug)]
struct Tokens {
    tokens: Vec<&'static str>,
    next: AtomicUsize,
}

impl CredentialsProvider for Tokens {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(last) = self.tokens.len().checked_sub(1) else {
            return Err(CredentialsError::from_msg(true, "metadata server is away"));
        };
        let token = self.tokens[next.min(last)];
        let mut data = HeaderMap::new();
        data.insert("authorization", format!("Bearer {token}").parse().unwrap());
        Ok(CacheableResource::New {
            entity_tag: EntityTag::new(),
            data,
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

fn store_with(server: &FakeGcs, tokens: &[&'static str]) -> GcsStore {
    let credentials = Credentials::from(Tokens {
        tokens: tokens.to_vec(),
        next: AtomicUsize::new(0),
    });
    let retry_policy = RetryPolicy {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(10),
        deadline: Duration::from_secs(60),
    };
    GcsStore::at(&server.endpoint(), BUCKET, credentials, retry_policy).unwrap()
}

fn start() -> (FakeGcs, GcsStore) {
    let server = FakeGcs::start(BUCKET);
    server.accept_token("token", u64::MAX);
    let store = store_with(&server, &["token"]);
    (server, store)
}

async fn write(
    store: &GcsStore,
    name: &str,
    precondition: Precondition,
    bytes: &[u8],
) -> Result<ObjectMeta, StoreError> {
    let bytes = stream::iter([Ok(bytes.to_vec().into())]).boxed();
    let object = NewObject::default();
    store.write(name, precondition, object, bytes).await
}

/// Reads all; the error that the stream ends with, or the bytes.
async fn read(store: &GcsStore, name: &str) -> Result<Vec<u8>, StoreError> {
    let reading = store.read(name, None, RangeSpec::Whole).await?;
    let chunks: Vec<_> = reading.stream.try_collect().await?;
    Ok(chunks.concat())
}

fn pattern(size: u32) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8).collect()
}

#[tokio::test]
async fn the_strict_server_is_content() {
    let (_server, store) = start();
    let store: Arc<dyn Store> = Arc::new(store);
    let buckets = HashMap::from([("local".into(), store)]);
    conformance(&Gateway::new(buckets, Access::all())).await;
}

#[tokio::test]
async fn storms_are_waited_out() {
    let (server, store) = start();
    let generation = server.put(BUCKET, "old", b"old");
    let kinds = [On::Head, On::Read, On::List, On::Upload, On::Delete];
    for on in kinds {
        server.fault(on, Fault::Status(429, Some(0)));
        server.fault(on, Fault::Status(503, None));
        server.fault(on, Fault::Status(408, None));
        server.fault(on, Fault::CutRequest(0));
        server.fault(on, Fault::CutAnswer(0));
    }
    assert_eq!(store.head("old").await.unwrap().generation, generation);
    assert_eq!(read(&store, "old").await.unwrap(), b"old");
    assert_eq!(store.list("", None, 10).await.unwrap().len(), 1);
    let writes = server.writes();
    let written = write(&store, "new", CREATE, b"new").await.unwrap();
    assert_eq!(
        server.get(BUCKET, "new").unwrap().generation,
        written.generation
    );
    assert_eq!(server.writes(), writes + 1);
    let this_one = Precondition::Generation(generation);
    store.delete("old", this_one).await.unwrap();
    assert_eq!(server.names(BUCKET), ["new"]);
    assert_eq!(server.writes(), writes + 2);
    assert_eq!(server.faults_left(), 0);
}

#[tokio::test]
async fn what_could_happen_twice_is_sent_once() {
    for fault in [
        Fault::Status(503, None),
        Fault::Status(429, Some(0)),
        Fault::LoseAnswer,
        Fault::CutRequest(10),
    ] {
        let (server, store) = start();
        server.put(BUCKET, "old", b"old");
        server.fault(On::Upload, fault.clone());
        server.fault(On::Delete, fault.clone());
        let written = write(&store, "new", Precondition::None, b"new").await;
        let error = written.unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(error.to_string().contains("gs://bucket/new"), "{error}");
        let deleted = store.delete("old", Precondition::None).await;
        assert!(matches!(deleted, Err(StoreError::Io { .. })));
        assert_eq!(server.count(On::Upload), 1, "{fault:?}");
        assert_eq!(server.count(On::Delete), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn other_refusals_are_final() {
    let (server, store) = start();
    for status in [400, 403, 404, 409, 501] {
        let before = server.count(On::Head);
        server.fault(On::Head, Fault::Status(status, None));
        assert!(store.head("x").await.is_err());
        assert_eq!(server.count(On::Head), before + 1, "{status}");
    }
}

#[tokio::test]
async fn who_is_told_to_wait_beyond_the_deadline_gives_up() {
    let (server, store) = start();
    server.fault(On::Head, Fault::Status(503, Some(3600)));
    let error = store.head("x").await.unwrap_err();
    assert!(error.to_string().contains("status 503: made up"), "{error}");
    assert_eq!(server.count(On::Head), 1);
}

#[tokio::test]
async fn a_lost_answer_is_no_second_write() {
    let (server, store) = start();
    server.fault(On::Upload, Fault::LoseAnswer);
    let created = write(&store, "x", CREATE, b"bytes").await.unwrap();
    assert_eq!(
        server.get(BUCKET, "x").unwrap().generation,
        created.generation
    );
    assert_eq!((server.writes(), server.count(On::Upload)), (1, 2));

    server.fault(On::Upload, Fault::CutAnswer(20));
    let this_one = Precondition::Generation(created.generation);
    let replaced = write(&store, "x", this_one, b"other bytes").await.unwrap();
    assert_ne!(replaced.generation, created.generation);
    assert_eq!(server.get(BUCKET, "x").unwrap().bytes, b"other bytes");
    assert_eq!((server.writes(), server.count(On::Upload)), (2, 4));

    server.fault(On::Delete, Fault::LoseAnswer);
    let this_one = Precondition::Generation(replaced.generation);
    store.delete("x", this_one).await.unwrap();
    assert_eq!((server.writes(), server.count(On::Delete)), (3, 2));
}

#[tokio::test]
async fn anothers_object_is_not_taken_for_ours() {
    let (server, store) = start();
    server.put(BUCKET, "x", b"others");
    // Same size, other bytes; and an outcome that nobody knows.
    server.fault(On::Upload, Fault::Status(503, None));
    let written = write(&store, "x", CREATE, b"mine!!").await;
    assert!(matches!(
        written,
        Err(StoreError::PreconditionFailed { .. })
    ));
    assert_eq!(server.get(BUCKET, "x").unwrap().bytes, b"others");
    // A refusal that says that nothing was done leaves no doubt, whatever lies there.
    server.fault(On::Upload, Fault::Status(429, Some(0)));
    let written = write(&store, "x", CREATE, b"others").await;
    assert!(matches!(
        written,
        Err(StoreError::PreconditionFailed { .. })
    ));
    // No attempt before: no doubt either.
    let written = write(&store, "x", CREATE, b"others").await;
    assert!(matches!(
        written,
        Err(StoreError::PreconditionFailed { .. })
    ));
    assert_eq!(server.writes(), 1);
}

#[tokio::test]
async fn an_upload_that_is_cut_is_sent_again() {
    let (server, store) = start();
    let bytes = pattern(3_000_000);
    for bytes in [0, 1000, 1_500_000] {
        server.fault(On::Upload, Fault::CutRequest(bytes));
    }
    write(&store, "x", CREATE, &bytes).await.unwrap();
    assert_eq!(server.get(BUCKET, "x").unwrap().bytes, bytes);
    assert_eq!((server.writes(), server.count(On::Upload)), (1, 4));
}

#[tokio::test]
async fn a_read_goes_on_where_the_connection_broke() {
    let (server, store) = start();
    let bytes = pattern(2_000_000);
    server.put(BUCKET, "x", &bytes);
    for cut in [700_000, 0, 600_000] {
        server.fault(On::Read, Fault::CutAnswer(cut));
    }
    server.fault(On::Read, Fault::Slow(10_000));
    assert!(read(&store, "x").await.unwrap() == bytes);
    assert_eq!(server.faults_left(), 0);
    let starts: Vec<u64> = server
        .seen()
        .iter()
        .filter_map(|seen| seen.range.as_ref()?.split_once('-')?.0.parse().ok())
        .collect();
    assert_eq!(
        starts.len(),
        3,
        "the first asks for all, the others for what is left"
    );
    assert!(starts.is_sorted() && starts[0] <= 700_000, "{starts:?}");
}

#[tokio::test]
async fn a_range_goes_on_inside_its_bounds() {
    let (server, store) = start();
    let bytes = pattern(1_000_000);
    server.put(BUCKET, "x", &bytes);
    server.fault(On::Read, Fault::CutAnswer(100_000));
    let range = RangeSpec::From(200_000, Some(799_999));
    let reading = store.read("x", None, range).await.unwrap();
    let chunks: Vec<_> = reading.stream.try_collect().await.unwrap();
    assert!(chunks.concat() == bytes[200_000..800_000]);
    assert_eq!(server.count(On::Read), 2);
}

#[tokio::test]
async fn a_read_never_mixes_generations() {
    let (server, store) = start();
    server.put(BUCKET, "x", &pattern(2_000_000));
    server.fault(On::Read, Fault::CutAnswer(500_000));
    let mut reading = store.read("x", None, RangeSpec::Whole).await.unwrap();
    reading.stream.next().await.unwrap().unwrap();
    server.put(BUCKET, "x", &pattern(2_000_000));
    let rest: Result<Vec<_>, _> = reading.stream.try_collect().await;
    assert!(matches!(rest, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_connection_that_always_breaks_is_given_up() {
    let (server, store) = start();
    server.put(BUCKET, "x", &pattern(2_000_000));
    for _ in 0..100 {
        server.fault(On::Read, Fault::CutAnswer(1000));
    }
    let error = read(&store, "x").await.unwrap_err();
    assert!(
        error.to_string().contains("broke 6 times in a row"),
        "{error}"
    );
    assert_eq!(server.count(On::Read), 7);
}

#[tokio::test]
async fn wrong_bytes_are_noticed_before_the_last_is_given() {
    let (server, store) = start();
    let bytes = pattern(1_000_000);
    server.put(BUCKET, "x", &bytes);
    server.fault(On::Read, Fault::WrongChecksum);
    let mut reading = store.read("x", None, RangeSpec::Whole).await.unwrap();
    let mut count = 0;
    let error = loop {
        match reading.stream.next().await.unwrap() {
            Ok(chunk) => count += chunk.len(),
            Err(error) => break error,
        }
    };
    assert!(count < bytes.len());
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("gs://bucket/x"), "{error}");
}

#[tokio::test]
async fn an_object_that_was_damaged_on_its_way_is_taken_back() {
    let (server, store) = start();
    server.fault(On::Upload, Fault::WrongChecksum);
    let error = write(&store, "x", CREATE, b"bytes").await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(server.names(BUCKET), Vec::<String>::new());
    write(&store, "x", CREATE, b"bytes").await.unwrap();
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let server = FakeGcs::start(BUCKET);
    server.put(BUCKET, "x", b"x");
    server.accept_token("first", 1);
    server.accept_token("second", u64::MAX);
    let store = store_with(&server, &["first", "first", "second"]);
    store.head("x").await.unwrap();
    write(&store, "y", Precondition::None, b"y").await.unwrap();
    let statuses: Vec<u16> = server.seen().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [200, 401, 200]);
    assert_eq!(server.writes(), 2);

    let stranger = store_with(&server, &["secret-token"]);
    let error = stranger.head("x").await.unwrap_err();
    assert!(matches!(error, StoreError::Forbidden(_)), "{error}");
    assert!(!error.to_string().contains("secret-token"), "{error}");
    assert_eq!(server.seen().len(), 4);
    let never_right = store_with(&server, &["a", "b", "c"]);
    assert!(never_right.head("x").await.is_err());
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn without_credentials_nothing_is_asked() {
    let server = FakeGcs::start(BUCKET);
    let store = store_with(&server, &[]);
    let error = store.head("x").await.unwrap_err();
    assert!(matches!(error, StoreError::Forbidden(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("metadata server is away"), "{text}");
    assert!(
        text.contains("gcloud auth application-default login"),
        "{text}"
    );
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn what_comes_with_an_object_is_kept() {
    let (server, store) = start();
    let object = NewObject {
        content_type: Some("image/png".into()),
        crc32c: None,
        metadata: BTreeMap::from([("frame".into(), "ü \"1\"".into())]),
    };
    let bytes = stream::iter([Ok("--framemill-\r\n--".into())]).boxed();
    store
        .write("a b/ü%2F.png", CREATE, object, bytes)
        .await
        .unwrap();
    let stored = server.get(BUCKET, "a b/ü%2F.png").unwrap();
    assert_eq!(stored.bytes, b"--framemill-\r\n--");
    assert_eq!(stored.content_type, "image/png");
    assert_eq!(stored.metadata["frame"], "ü \"1\"");
}

#[tokio::test]
async fn an_object_that_is_too_large_is_not_sent() {
    let (server, store) = start();
    let chunk = bytes::Bytes::from(vec![0; 1 << 20]);
    let endless = stream::repeat_with(move || Ok(chunk.clone())).boxed();
    let error = store
        .write("x", CREATE, NewObject::default(), endless)
        .await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("over 64 MiB"), "{error}");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn lists_go_through_all_pages() {
    let (server, store) = start();
    server.set_page(2);
    let names: Vec<String> = (0..7).map(|i| format!("p/{i}")).collect();
    for name in &names {
        server.put(BUCKET, name, b"x");
    }
    server.put(BUCKET, "q", b"x");
    let list = async |after, limit| -> Vec<String> {
        let found = store.list("p/", after, limit).await.unwrap();
        found.into_iter().map(|meta| meta.name).collect()
    };
    assert_eq!(list(None, 100).await, names);
    assert_eq!(list(None, 3).await, names[..3]);
    assert_eq!(list(Some("p/1"), 100).await, names[2..]);
    assert_eq!(list(Some("p/6"), 100).await, names[7..]);
    assert_eq!(list(None, 0).await, names[7..]);
}

fn access() -> Access {
    Access {
        read: vec!["videos/".into()],
        write: vec!["images/".into()],
    }
}

#[tokio::test]
async fn a_check_asks_for_permissions_and_writes_nothing() {
    let (server, store) = start();
    server.put(BUCKET, "videos/v.mp4", b"video");
    let findings = store.check(&access()).await;
    let severities: Vec<_> = findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Good, Severity::Good], "{findings:?}");
    assert_eq!(server.count(On::Upload), 0);
}

#[tokio::test]
async fn a_check_tries_where_it_cannot_ask() {
    let (server, store) = start();
    server.put(BUCKET, "videos/v.mp4", b"video");
    server.fault(On::Permissions, Fault::Status(501, None));
    let findings = store.check(&access()).await;
    assert_eq!(findings[1].severity, Severity::Good, "{}", findings[1]);
    assert_eq!(server.count(On::Upload), 1);
    assert_eq!(server.names(BUCKET), ["videos/v.mp4"]);
}

#[tokio::test]
async fn a_check_names_what_is_missing() {
    for (permission, index, role) in [
        ("storage.objects.list", 0, "roles/storage.objectViewer"),
        ("storage.objects.get", 0, "roles/storage.objectViewer"),
        ("storage.objects.create", 1, "roles/storage.objectUser"),
    ] {
        let (server, store) = start();
        server.put(BUCKET, "videos/v.mp4", b"video");
        server.deny(permission);
        let findings = store.check(&access()).await;
        let finding = &findings[index];
        assert_eq!(finding.severity, Severity::Error, "{finding}");
        let command = format!(
            "grant {permission}: gcloud storage buckets add-iam-policy-binding gs://bucket --member=serviceAccount:mill@test-project.iam.gserviceaccount.com --role={role}"
        );
        assert_eq!(finding.remedy, command);
        assert_eq!(findings[1 - index].severity, Severity::Good);
    }
    let (server, store) = start();
    // Consoles make folders out of empty objects.
    server.put(BUCKET, "videos/", b"");
    server.deny("storage.objects.delete");
    let findings = store.check(&access()).await;
    assert_eq!(findings[0].severity, Severity::Warning, "{}", findings[0]);
    assert_eq!(findings[1].severity, Severity::Warning, "{}", findings[1]);
    assert!(findings[1].remedy.contains("storage.objects.delete"));
}

#[tokio::test]
async fn notifications_are_listed() {
    let (server, store) = start();
    assert_eq!(store.notifications().await.unwrap(), Some(Vec::new()));
    server.set_notifications(vec![json!({
        "kind": "storage#notification",
        "id": "1",
        "topic": "//pubsub.googleapis.com/projects/p/topics/t",
        "event_types": ["OBJECT_FINALIZE"],
        "object_name_prefix": "videos/",
        "payload_format": "JSON_API_V1",
    })]);
    let listed = store.notifications().await.unwrap().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].topic, "projects/p/topics/t");
    assert_eq!(listed[0].event_types, ["OBJECT_FINALIZE"]);
    assert_eq!(listed[0].prefix, "videos/");
    assert_eq!(listed[0].payload_format, "JSON_API_V1");
    server.fault(On::Notifications, Fault::Status(501, None));
    assert_eq!(store.notifications().await.unwrap(), None);
    server.deny("storage.buckets.get");
    let error = store.notifications().await.unwrap_err().to_string();
    assert!(error.contains("storage.buckets.get"), "{error}");
}
