//! Tokens that expire, are refused or are not to be had.

use crate::{BUCKET, store_with, write};
use framemill_objects::{Precondition, Store as _, StoreError};
use framemill_tests::fake_gcs::FakeGcs;

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
