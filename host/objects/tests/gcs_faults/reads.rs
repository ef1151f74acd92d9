//! A read gives all bytes of one generation, or an error; a list gives all pages.

use crate::{BUCKET, pattern, read, start};
use framemill_objects::{RangeSpec, Store as _, StoreError};
use framemill_tests::fake_gcs::{Fault, On};
use futures::{StreamExt as _, TryStreamExt as _};

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
