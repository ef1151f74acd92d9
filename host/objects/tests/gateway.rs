//! The GCS JSON API as components use it, over a local folder and over a strict server.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use common::conformance::{OBJECT, conformance};
use common::{ABOUT, ObjectsApi};
use framemill_contract::SizeLimits;
use framemill_objects::{Access, FileLayout, Gateway, GcsStore, LocalStore, RetryPolicy, Store};
use framemill_tests::fake_gcs::FakeGcs;
use google_cloud_auth::credentials::anonymous;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

fn local(data: &Path, access: Access) -> Gateway {
    local_with(FileLayout::folder(data), access)
}

fn local_with(layout: FileLayout, access: Access) -> Gateway {
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(layout));
    Gateway::new(HashMap::from([("local".into(), store)]), access)
}

/// Over the strict server.
fn remote(server: &FakeGcs) -> Gateway {
    let anonymous = anonymous::Builder::new().build();
    let store = GcsStore::at(
        &server.endpoint(),
        "bucket",
        anonymous,
        RetryPolicy::default(),
    );
    let store: Arc<dyn Store> = Arc::new(store.unwrap());
    Gateway::new(HashMap::from([("local".into(), store)]), Access::all())
}

#[tokio::test]
async fn local_folder_conforms() {
    let data = tempfile::tempdir().unwrap();
    conformance(&local(data.path(), Access::all())).await;
}

#[tokio::test]
async fn the_strict_server_conforms() {
    let server = FakeGcs::start("bucket");
    conformance(&remote(&server)).await;
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
    let store = LocalStore::new(FileLayout::folder(data.path()));
    let broken = stream::iter([
        Ok(Bytes::from_static(b"half")),
        Err(framemill_objects::StoreError::Invalid(
            "connection lost".into(),
        )),
    ]);
    let write = store.write(
        "images/x.jpg",
        framemill_objects::Precondition::Generation(0),
        framemill_objects::NewObject::default(),
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
async fn a_request_writes_what_belongs_to_its_object() {
    let data = tempfile::tempdir().unwrap();
    let access = Access {
        read: vec!["images/".into()],
        write: vec![],
    };
    let own = |about: &str, name: &str| about == ABOUT && name.starts_with("images/v.mp4/");
    let api = local(data.path(), access).with_own(Box::new(own));
    assert_eq!(api.put("images/v.mp4/0.jpg", "", b"x").await.status, 200);
    for name in ["images/w.mp4/0.jpg", "images/v.mp4", "videos/v.mp4"] {
        assert_eq!(api.put(name, "", b"x").await.status, 403, "{name}");
        let named = format!(r#"{{"name":"{name}"}}"#);
        let multipart = api.put_multipart("", &named, b"x").await;
        assert_eq!(multipart.status, 403, "{name}");
        let object = format!("{OBJECT}/{}", name.replace('/', "%2F"));
        assert_eq!(api.delete(&object).await.status, 403, "{name}");
    }
    let object = format!("{OBJECT}/images%2Fv.mp4%2F0.jpg");
    assert_eq!(api.delete(&object).await.status, 204);
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

/// Also in the middle of a stream of which nobody has said how long it is.
#[tokio::test]
async fn objects_are_taken_up_to_the_limit() {
    let limits = SizeLimits {
        object: 3000,
        ..SizeLimits::STANDARD
    };
    let data = tempfile::tempdir().unwrap();
    let server = FakeGcs::start("bucket");
    for api in [local(data.path(), Access::all()), remote(&server)] {
        let api = api.with_limits(limits);
        assert_eq!(api.put("images/a", "", &[1; 3000]).await.status, 200);
        let over = api.put("images/b", "", &[1; 3001]).await;
        assert_eq!(over.status, 413);
        let words = String::from_utf8_lossy(&over.body).into_owned();
        assert!(
            words.contains("3000 bytes, the limit of this host"),
            "{words}"
        );
        let metadata = r#"{"name":"images/c"}"#;
        let over = api.put_multipart("", metadata, &[1; 3001]).await;
        assert_eq!(over.status, 413);
        let fits = api.put_multipart("", metadata, &[1; 3000]).await;
        assert_eq!(fits.status, 200);
    }
    assert_eq!(files(data.path()).len(), 2);
    assert_eq!(server.writes(), 2);
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
    let followed = || {
        let layout = FileLayout {
            follow_links: true,
            ..FileLayout::folder(data.path())
        };
        local_with(layout, Access::all())
    };
    // Another file system, where there is one: a move there is a copy.
    if Path::new("/dev/shm").is_dir() {
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        std::os::unix::fs::symlink(memory.path(), data.path().join("far")).unwrap();
        let api = followed();
        let create = "&ifGenerationMatch=0";
        assert_eq!(api.put("far/x", create, b"1").await.status, 200);
        assert_eq!(api.put("far/x", create, b"2").await.status, 412);
        assert_eq!(api.put("far/x", "", b"3").await.status, 200);
        assert_eq!(std::fs::read(memory.path().join("x")).unwrap(), b"3");
        assert_eq!(files(memory.path()).len(), 1);
    }
    let kept_in = local(data.path(), Access::all());
    let refused = kept_in.put("images/a/x", "", b"1").await;
    assert_eq!(refused.status, 403);
    let api = followed();
    assert_eq!(api.put("images/a/x", "", b"1").await.status, 200);
    assert_eq!(std::fs::read(elsewhere.path().join("a/x")).unwrap(), b"1");
    let list = api.get(&format!("{OBJECT}?prefix=images/")).await;
    assert_eq!(list.json()["items"][0]["name"], "images/a/x");
}
