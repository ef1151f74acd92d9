//! Images, and nothing but images.

use crate::bench::{Bench, Setup};
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn only_images_are_served() {
    let bench = Bench::starting(Setup::default()).await;
    for folder in ["images/a b", "videos"] {
        fs::create_dir_all(bench.data.path().join(folder)).unwrap();
    }
    fs::create_dir_all(bench.data.path().join("images/.hidden")).unwrap();
    for name in [
        "images/.hidden/1.jpg",
        "images/a b/.1.jpg",
        "images/a b/1.jpg",
        "images/a b/2.png",
        "images/a b/3.webp",
        "images/a b/manifest.json",
        "images/a b/jpg",
        "videos/x.jpg",
    ] {
        fs::write(bench.data.path().join(name), name).unwrap();
    }
    for (name, kind) in [
        ("1.jpg", "image/jpeg"),
        ("2.png", "image/png"),
        ("3.webp", "image/webp"),
    ] {
        let response = bench
            .get(&format!("/images/local/images/a%20b/{name}"))
            .await;
        assert_eq!(response.status(), 200, "{name}");
        let headers = response.headers();
        assert_eq!(headers["content-type"], kind);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(
            headers["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        assert_eq!(response.text().await.unwrap(), format!("images/a b/{name}"));
    }
    for path in [
        "/images/local/images/a%20b/manifest.json",
        "/images/local/images/a%20b/jpg",
        "/images/local/images/a%20b/4.jpg",
        "/images/local/images/a%20b/.1.jpg",
        "/images/local/images/.hidden/1.jpg",
        "/images/local/images/%2ehidden/1.jpg",
        "/images/local/videos/x.jpg",
        "/images/other/images/a%20b/1.jpg",
        "/images/local/images/%2e%2e/videos/x.jpg",
        "/images/local",
        "/local/images/a%20b/1.jpg",
        "/",
    ] {
        assert_eq!(bench.get(path).await.status(), 404, "{path}");
    }
}

/// A named pipe would hang its request, and a link would serve what lies elsewhere.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn neither_pipes_nor_what_lies_outside_is_served() {
    let bench = Bench::starting(Setup::default()).await;
    let images = bench.data.path().join("images");
    fs::create_dir_all(&images).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(images.join("pipe.jpg"))
        .status();
    assert!(made.unwrap().success(), "mkfifo is part of coreutils");
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.jpg"), "secret").unwrap();
    std::os::unix::fs::symlink(outside.path(), images.join("away")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("x.jpg"), images.join("x.jpg")).unwrap();
    // What lies in the bucket beside the images is not for the world either.
    for folder in ["videos", ".framemill", "images/real"] {
        fs::create_dir_all(bench.data.path().join(folder)).unwrap();
        fs::write(bench.data.path().join(folder).join("x"), "secret").unwrap();
    }
    for (target, name) in [
        ("../videos/x", "video.jpg"),
        ("../videos", "videos"),
        ("../.framemill/x", "private.jpg"),
        ("real/x", "real.jpg"),
    ] {
        std::os::unix::fs::symlink(target, images.join(name)).unwrap();
    }
    fs::write(bench.data.path().join("videos/y.jpg"), "secret").unwrap();
    for (name, status) in [
        ("pipe.jpg", 404),
        ("away/x.jpg", 404),
        ("x.jpg", 404),
        ("video.jpg", 404),
        ("videos/y.jpg", 404),
        ("private.jpg", 404),
        ("real.jpg", 200),
    ] {
        let response = bench.get(&format!("/images/local/images/{name}")).await;
        assert_eq!(response.status(), status, "{name}");
    }
}
