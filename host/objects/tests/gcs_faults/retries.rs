//! Which calls are retried, and how often.

use crate::{BUCKET, CREATE, read, start, write};
use framemill_objects::{Precondition, Store as _};
use framemill_tests::fake_gcs::{Fault, On};

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
