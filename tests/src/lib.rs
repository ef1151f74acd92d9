//! What the end-to-end tests share: clips, the binary, manifests, reference pictures.
//!
//! Nothing here is skipped when it is missing: a test without its subject fails and says which
//! command brings it.

pub mod cloud;
pub mod conformance;
pub mod documents;
pub mod fake_gcs;
pub mod label_server;
pub mod listener;
pub mod otlp;
pub mod receiver;
pub mod servers;
pub mod spin_demo;
pub mod spin_manifest;
pub mod spin_toml;

use framemill_contract::Manifest;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The `framemill` binary, as built by `cargo xtask test`.
pub fn framemill() -> Command {
    let path = std::env::var_os("FRAMEMILL_BIN")
        .expect("FRAMEMILL_BIN is not set: run the tests with `cargo xtask test`");
    let mut command = Command::new(path);
    for (name, _) in std::env::vars() {
        if name.starts_with("FRAMEMILL_") && name != "FRAMEMILL_COMPONENTS" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end and gives what was printed.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot start {command:?} ({error}): apt-get install -y --no-install-recommends ffmpeg, or run `cargo xtask test`, which does it")
    });
    if std::env::var_os("FRAMEMILL_SHOW").is_some() {
        eprintln!("{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    output
}

/// Runs to the end; anything but success fails the test with what was printed.
pub fn succeed(command: &mut Command) -> Output {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?} failed ({})\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A clip made by ffmpeg with these arguments, kept between runs.
pub fn clip(name: &str, arguments: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clips");
    fs::create_dir_all(&folder).unwrap();
    // The arguments are part of the name: a changed clip is made anew.
    let key = arguments
        .iter()
        .flat_map(|a| a.bytes())
        .fold(0u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
    let path = folder.join(format!("{key:08x}-{name}"));
    if !path.is_file() {
        // Tests run side by side, in processes and threads: each makes its own.
        let maker = format!("{}-{:?}", std::process::id(), std::thread::current().id());
        let part = folder.join(format!("part-{maker}-{key:08x}-{name}"));
        succeed(
            Command::new("ffmpeg")
                .args(["-v", "error", "-y"])
                .args(arguments)
                .arg(&part),
        );
        fs::rename(&part, &path).unwrap();
    }
    path
}

/// A test picture source of this size, rate and length, as ffmpeg arguments.
pub fn source(size: &str, rate: &str, seconds: u32) -> [String; 4] {
    let source = format!("testsrc2=s={size}:r={rate}:d={seconds}");
    ["-f".into(), "lavfi".into(), "-i".into(), source]
}

/// A clip of the test picture with these encoder arguments.
pub fn test_clip(name: &str, size: &str, rate: &str, seconds: u32, encoder: &[&str]) -> PathBuf {
    let source = source(size, rate, seconds);
    let arguments: Vec<&str> = source
        .iter()
        .map(String::as_str)
        .chain(encoder.iter().copied())
        .collect();
    clip(name, &arguments)
}

/// How ffmpeg makes VP9, quickly.
pub const VP9: &[&str] = &[
    "-c:v",
    "libvpx-vp9",
    "-deadline",
    "realtime",
    "-pix_fmt",
    "yuv420p",
];

/// A small H.264 clip with B pictures and a sync sample each second.
pub fn h264_clip(name: &str, seconds: u32) -> PathBuf {
    let encoder = [
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "30",
    ];
    test_clip(name, "320x180", "30", seconds, &encoder)
}

/// `framemill extract` of one video into a new folder; gives that folder.
pub fn extract<I: AsRef<OsStr>>(video: &Path, options: &[I]) -> (tempfile::TempDir, Output) {
    let out = tempfile::tempdir().unwrap();
    let output = run(framemill()
        .arg("extract")
        .arg(video)
        .arg("-o")
        .arg(out.path())
        .args(options));
    (out, output)
}

/// Extracts a video that is expected to succeed: its folder of images and its manifest.
pub fn extracted(video: &Path, options: &[&str]) -> (tempfile::TempDir, PathBuf, Manifest) {
    let (out, output) = extract(video, options);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = out.path().join(video.file_name().unwrap());
    let manifest = manifest(&folder);
    (out, folder, manifest)
}

/// The manifest in a folder of images.
pub fn manifest(folder: &Path) -> Manifest {
    let path = folder.join("manifest.json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// The manifest of a video in a folder that is a bucket.
pub fn stored_manifest(data: &Path, video: &str) -> Manifest {
    let path = data.join("manifests").join(format!("{video}.json"));
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// Frame numbers with an image.
pub fn indices(manifest: &Manifest) -> Vec<u64> {
    manifest.frames.iter().map(|frame| frame.index).collect()
}

/// ffmpeg's RGB of these frames, with its accurate conversion.
pub fn reference_rgb(video: &Path, frames: &[u64], conversion: &str) -> Vec<Vec<u8>> {
    let select: Vec<String> = frames
        .iter()
        .map(|index| format!("eq(n,{index})"))
        .collect();
    let filter = format!("select='{}',{conversion}", select.join("+"));
    let output = succeed(
        Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(video)
            .args([
                "-vf", &filter, "-vsync", "0", "-pix_fmt", "rgb24", "-f", "rawvideo", "-",
            ]),
    );
    assert!(!frames.is_empty() && output.stdout.len().is_multiple_of(frames.len()));
    output
        .stdout
        .chunks(output.stdout.len() / frames.len())
        .map(<[u8]>::to_vec)
        .collect()
}

/// All files below a folder with their bytes; memory peaks in manifests, the one number that
/// may differ between runs, set to zero.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(folder);
    for (name, bytes) in &mut files {
        if !name.ends_with(".json") {
            continue;
        }
        if let Ok(mut manifest) = serde_json::from_slice::<Manifest>(bytes) {
            manifest.stats.peak_memory_bytes = 0;
            *bytes = serde_json::to_vec(&manifest).unwrap();
        }
    }
    files
}

/// As [`tree`], what framemill has written to a folder that is a bucket.
pub fn written(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = tree(data);
    files.retain(|name, _| !name.starts_with("videos/") && !name.starts_with(".framemill/"));
    files
}

/// All files below a folder with their bytes, also of one that a service writes to: what goes while
/// this reads, as a part does that becomes an object, is not there.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files);
    files
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let Some(entries) = if_there(fs::read_dir(folder)) else {
        assert_ne!(root, folder, "no folder {}", root.display());
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if let Some(bytes) = if_there(fs::read(&path)) {
            let name = path.strip_prefix(root).unwrap().to_string_lossy();
            files.insert(name.into_owned(), bytes);
        }
    }
}

fn if_there<T>(read: std::io::Result<T>) -> Option<T> {
    match read {
        Ok(it) => Some(it),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

/// Places a video in the bucket folder under a name, complete at once and with this time of
/// modification (seconds), from which its generation follows.
pub fn upload(data: &Path, video: &Path, name: &str, modified: u64) {
    let target = data.join("videos").join(name);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    let part = target.with_file_name(format!(".part-{}", name.replace('/', "-")));
    fs::copy(video, &part).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(modified);
    fs::File::options()
        .write(true)
        .open(&part)
        .unwrap()
        .set_modified(time)
        .unwrap();
    fs::rename(&part, &target).unwrap();
}

/// A time of modification for tests in which it does not matter.
pub const MODIFIED: u64 = 1_700_000_000;

/// Waits until `condition` holds; fails after two minutes, naming `what`.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(
            start.elapsed().as_secs() < 120,
            "waited two minutes for {what}"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Sends a signal to a process that we started.
pub fn signal(child: &std::process::Child, name: &str) {
    succeed(
        Command::new("kill")
            .arg(format!("-{name}"))
            .arg(child.id().to_string()),
    );
}

/// Processes everything in the bucket folder and ends.
pub fn up_until_idle(data: &Path) -> Output {
    run(framemill().args(["up", "--until-idle", "--data"]).arg(data))
}
