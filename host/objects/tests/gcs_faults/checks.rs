//! What `framemill check` finds out about a bucket.

use crate::{BUCKET, start};
use framemill_objects::{Access, Store as _};
use framemill_support::finding::Severity;
use framemill_tests::fake_gcs::{Fault, On};
use serde_json::json;

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
