//! Nothing is written or deleted twice, and nothing that is damaged stays.

use crate::{BUCKET, CREATE, pattern, start, write};
use framemill_objects::{NewObject, Precondition, Store as _, StoreError};
use framemill_tests::fake_gcs::{Fault, On};
use futures::{StreamExt as _, stream};
use std::collections::BTreeMap;

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
async fn an_object_that_was_damaged_on_its_way_is_taken_back() {
    let (server, store) = start();
    server.fault(On::Upload, Fault::WrongChecksum);
    let error = write(&store, "x", CREATE, b"bytes").await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(server.names(BUCKET), Vec::<String>::new());
    write(&store, "x", CREATE, b"bytes").await.unwrap();
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
async fn an_object_that_is_too_large_for_the_server_is_sent_once() {
    let (server, store) = start();
    server.fault(On::Upload, Fault::Status(413, None));
    let error = write(&store, "x", CREATE, b"bytes").await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge(_)), "{error}");
    assert_eq!(server.count(On::Upload), 1);
}
