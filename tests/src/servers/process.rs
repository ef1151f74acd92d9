//! One server process: started, waited for, ended with everything that it started.

use super::http;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to be ready, on a machine that is busy with other tests.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// Another process may take a free port before the server does.
const STARTS: u32 = 3;

/// Ends the process group as soon as the test's process is gone, however it went: standard
/// input is a pipe that only that process holds open.
const GUARDED: &str = r#"exec 3<&0; (cat <&3 >/dev/null; kill -9 0) & exec "$@" </dev/null 3<&-"#;

/// A running server. Dropping it kills its process group and deletes its folder.
pub struct Process {
    child: Child,
    folder: tempfile::TempDir,
}

impl Process {
    /// Starts what `command` gives for a new folder until `ready` holds.
    ///
    /// `command` is called again, for other ports, when the server ends before it is ready.
    /// Gives also what `command` returned beside the command.
    pub fn start<T>(
        name: &str,
        mut command: impl FnMut(&Path) -> (Command, T),
        ready: impl Fn(&T) -> bool,
    ) -> (Self, T) {
        let mut ended = String::new();
        for _ in 0..STARTS {
            let folder = tempfile::Builder::new()
                .prefix(&format!("framemill-{name}-"))
                .tempdir()
                .unwrap();
            let (command, context) = command(folder.path());
            let mut server = Self::spawn(&command, folder);
            match server.wait(name, || ready(&context)) {
                Ok(()) => return (server, context),
                Err(log) => ended = log,
            }
        }
        panic!("{name} ended before it was ready, {STARTS} times; its log:\n{ended}");
    }

    fn spawn(command: &Command, folder: tempfile::TempDir) -> Self {
        let log = File::create(folder.path().join("log")).unwrap();
        let mut guarded = Command::new("sh");
        guarded
            .args(["-c", GUARDED, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        let child = guarded.spawn().unwrap();
        Self { child, folder }
    }

    fn wait(&mut self, name: &str, ready: impl Fn() -> bool) -> Result<(), String> {
        let start = Instant::now();
        loop {
            // A stranger may answer on the port: only a living server can be ready.
            let ready = ready();
            if self.child.try_wait().unwrap().is_some() {
                return Err(self.log());
            }
            if ready {
                return Ok(());
            }
            assert!(
                start.elapsed() < READY_WITHIN,
                "{name} was not ready within {READY_WITHIN:?}; its log:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the server has printed so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The server's process id, which is also its process group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let killed = Command::new("kill")
            .args(["-KILL", "--", &format!("-{}", self.child.id())])
            .stderr(Stdio::null())
            .status();
        if !killed.is_ok_and(|status| status.success()) {
            // The guard is in the group, so it exists as long as we hold its pipe.
            eprintln!("cannot end the process group {}", self.child.id());
        }
        let _ = self.child.wait();
    }
}

/// A port of 127.0.0.1 on which nobody listens now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Whether a GET of this address is answered with success.
pub fn answers(url: &str) -> bool {
    http::try_call("GET", url, None).is_ok_and(|answer| answer.status == 200)
}

/// Where a server's program is: what the environment variable says, else one of the usual
/// places. Fails the test with `install` where there is none.
pub fn program(variable: &str, usual: &[PathBuf], install: &str) -> PathBuf {
    let told = std::env::var_os(variable).map(PathBuf::from);
    let place = told.iter().chain(usual).find(|place| place.is_file());
    place.cloned().unwrap_or_else(|| {
        panic!("no {variable} at {told:?} {usual:?}: run `cargo xtask test`, or: {install}")
    })
}

/// A path in a Python environment that `cargo xtask test` made.
pub fn in_venv(name: &str, path: &str) -> PathBuf {
    let venvs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv");
    venvs.join(name).join(path)
}
