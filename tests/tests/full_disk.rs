//! `framemill up` on a full disk: it waits and goes on. A limit to the size of files has the same effect
//! as a disk without space, and takes no rights.
#![cfg(target_os = "linux")]

use framemill_tests::*;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// A service that outlives the signal of the limit, and what it says.
struct Limited {
    up: Child,
    log: Arc<Mutex<String>>,
}

impl Limited {
    fn start(data: &Path, options: &[&str]) -> Self {
        let program = framemill();
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
        shell.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.env(
            "RUST_LOG",
            "info,framemill_sources=debug,framemill_objects=debug",
        );
        shell.args(["up", "--data"]).arg(data).args(options);
        let mut up = shell
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = up.stderr.take().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                kept.lock().unwrap().push_str(&text);
            }
        });
        Self { up, log }
    }

    fn limit(&self, size: &str) {
        succeed(Command::new("prlimit").args([
            "--pid",
            &self.up.id().to_string(),
            &format!("--fsize={size}:unlimited"),
        ]));
    }

    fn says(&self, what: &str) -> usize {
        self.log.lock().unwrap().matches(what).count()
    }

    /// Waits for space, gets it, makes the video, and ends in order.
    fn goes_on(mut self, data: &Path, [missed, again, found]: [&str; 3]) {
        wait_for(missed, || self.says(missed) > 0);
        // It tries again, in vain.
        wait_for(again, || self.says(again) > 1);
        assert_eq!(self.up.try_wait().unwrap(), None, "it goes on");
        assert!(!data.join("manifests/x.mp4.json").exists());
        self.limit("unlimited");
        wait_for("the manifest", || {
            data.join("manifests/x.mp4.json").is_file()
        });
        let log = || self.log.lock().unwrap().clone();
        assert_eq!((self.says(missed), self.says(found)), (1, 1), "{}", log());
        assert_eq!(
            self.says("attempt=2"),
            0,
            "it is no failed delivery: {}",
            log()
        );
        assert!(!data.join("records/failures").exists(), "{}", log());
        let left = fs::read_dir(data.join(".framemill/tmp")).unwrap().count();
        assert_eq!(left, 0, "unfinished files");
        signal(&self.up, "TERM");
        assert!(self.up.wait().unwrap().success(), "{}", log());
    }
}

#[test]
fn the_queue_waits_for_space() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let up = Limited::start(data, &[]);
    wait_for("the start", || up.says("ready") > 0);
    up.limit("4096");
    upload(data, &h264_clip("four-seconds.mp4", 4), "x.mp4", MODIFIED);
    let said = [
        "no space for the queue",
        "the queue still waits",
        "the queue goes on",
    ];
    up.goes_on(data, said);
}

#[test]
fn work_waits_for_space() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let noise = clip(
        "noise.mp4",
        &[
            "-f",
            "lavfi",
            "-i",
            "nullsrc=s=3840x2160:r=1:d=1,geq=random(1)*255:random(2)*255:random(3)*255",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-qp",
            "1",
            "-pix_fmt",
            "yuv420p",
        ],
    );
    let up = Limited::start(data, &["--format", "png"]);
    wait_for("the start", || up.says("ready") > 0);
    // The memory that sandboxes start with counts as a file: one must have been made without a limit.
    upload(data, &h264_clip("four-seconds.mp4", 4), "w.mp4", MODIFIED);
    wait_for("the first video", || {
        data.join("manifests/w.mp4.json").is_file()
    });
    // Enough for the queue. An image of noise is larger.
    let queue = fs::metadata(data.join(".framemill/queue.redb"));
    up.limit(&(2 * queue.unwrap().len()).to_string());
    upload(data, &noise, "x.mp4", MODIFIED);
    let said = [
        "no space for objects",
        "work still waits for space",
        "work goes on",
    ];
    up.goes_on(data, said);
}
