//! `framemill up`: notices uploads, survives anything, never does a thing twice.

use framemill_contract::Claim;
use framemill_tests::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

fn start(data: &Path) -> Child {
    let mut up = framemill();
    up.args(["up", "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    up.spawn().unwrap()
}

fn has_manifest(data: &Path, name: &str) -> bool {
    data.join("manifests")
        .join(format!("{name}.json"))
        .is_file()
}

#[test]
fn uploads_are_noticed_while_it_runs_and_those_from_while_it_was_down() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let video = h264_clip("four-seconds.mp4", 4);
    upload(data, &video, "before.mp4", MODIFIED);
    let mut up = start(data);
    wait_for("the video from before the start", || {
        has_manifest(data, "before.mp4")
    });
    upload(data, &video, "cam1/during.mp4", MODIFIED);
    wait_for("the video dropped while it runs", || {
        has_manifest(data, "cam1/during.mp4")
    });
    signal(&up, "TERM");
    assert!(up.wait().unwrap().success(), "SIGTERM must end it in order");
    upload(data, &video, "down.mp4", MODIFIED);
    assert!(!has_manifest(data, "down.mp4"));
    assert!(up_until_idle(data).status.success());
    assert!(has_manifest(data, "down.mp4"));
}

#[test]
fn a_new_version_of_a_video_never_overwrites_images() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    upload(data, &h264_clip("four-seconds.mp4", 4), "x.mp4", MODIFIED);
    assert!(up_until_idle(data).status.success());
    let first = written(data);
    upload(
        data,
        &h264_clip("ten-seconds.mp4", 10),
        "x.mp4",
        MODIFIED + 7,
    );
    assert!(up_until_idle(data).status.success());
    let second = written(data);
    for (name, bytes) in &first {
        assert!(second.get(name) == Some(bytes), "{name} was touched");
    }
    let generation = (MODIFIED + 7) * 1_000_000;
    let name = format!("x.mp4@{generation}");
    assert_eq!(stored_manifest(data, &name).frames.len(), 10);
    assert!(data.join(format!("images/{name}/000000.jpg")).is_file());
    let claim = data.join(format!("records/claims/{name}.json"));
    let claim: Claim = serde_json::from_slice(&fs::read(claim).unwrap()).unwrap();
    assert_eq!(
        (claim.name.as_str(), claim.generation),
        ("videos/x.mp4", generation as i64)
    );
}

#[test]
fn nothing_is_done_twice() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    upload(data, &h264_clip("four-seconds.mp4", 4), "x.mp4", MODIFIED);
    assert!(up_until_idle(data).status.success());
    let image = data.join("images/x.mp4/000030.jpg");
    let before = fs::metadata(&image).unwrap().modified().unwrap();
    assert!(up_until_idle(data).status.success());
    // Even a host that has forgotten everything finds the commit.
    fs::remove_dir_all(data.join(".framemill")).unwrap();
    assert!(up_until_idle(data).status.success());
    assert_eq!(fs::metadata(&image).unwrap().modified().unwrap(), before);
    assert_eq!(fs::read_dir(data.join("images")).unwrap().count(), 1);
}

/// More work than fits between two kills, and no wait before it starts.
const BUSY: [&str; 4] = ["--every", "200ms", "--stable-for", "10ms"];

/// The bucket folder with 20 videos.
fn twenty_videos() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let videos = [
        h264_clip("four-seconds.mp4", 4),
        h264_clip("ten-seconds.mp4", 10),
    ];
    for number in 0..20 {
        let video = &videos[number % videos.len()];
        let name = format!("cam{}/{number}.mp4", number % 3);
        upload(data.path(), video, &name, MODIFIED + number as u64);
    }
    data
}

/// Starts the service, kills it after a random time; gives the number of manifests then.
fn killed_at_random(data: &Path, random: &mut SmallRng) -> usize {
    let mut up = framemill();
    up.args(["up", "--data"]).arg(data).args(BUSY);
    let mut up = up
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(random.random_range(50..900)));
    if let Some(status) = up.try_wait().unwrap() {
        panic!("framemill up ended by itself ({status})");
    }
    signal(&up, "KILL");
    up.wait().unwrap();
    let done = written(data);
    let manifests = done.keys().filter(|name| name.starts_with("manifests/"));
    manifests.count()
}

/// Ten times kill -9 at random moments while 20 videos are processed: afterwards every file is
/// byte for byte that of an undisturbed run. Kills that come when all is done do not count.
#[test]
fn kill_nine_at_any_moment_changes_nothing() {
    let finish = |data: &Path| {
        let output = run(framemill()
            .args(["up", "--until-idle", "--data"])
            .arg(data)
            .args(BUSY));
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        written(data)
    };
    let expected = finish(twenty_videos().path());
    let manifests = expected
        .keys()
        .filter(|name| name.starts_with("manifests/"));
    assert_eq!(manifests.count(), 20);

    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut kills = Vec::new();
    for _ in 0..30 {
        let data = twenty_videos();
        while kills.len() < 10 {
            let done = killed_at_random(data.path(), &mut random);
            if done == 20 {
                break;
            }
            kills.push(done);
        }
        let after = finish(data.path());
        assert!(after.keys().eq(expected.keys()), "{:?}", after.keys());
        for (name, bytes) in &expected {
            assert!(after.get(name) == Some(bytes), "{name} differs");
        }
        if kills.len() == 10 {
            println!("videos complete at each kill: {kills:?}");
            return;
        }
    }
    panic!("only {} kills of 10 came before all was done", kills.len());
}
