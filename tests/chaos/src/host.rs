//! The real host, as processes.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A process that has not ended by then hangs. No test of speed: it is a hundred times what the
/// slowest batch takes.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
const GLANCE: Duration = Duration::from_millis(20);
/// Every second frame of the clips, and no wait before a file is taken.
const FLAGS: [&str; 4] = ["--every", "200ms", "--stable-for", "10ms"];
/// Starts `framemill` for one data folder.
pub struct Host {
    data: PathBuf,
    log: PathBuf,
}

/// How `framemill up --until-idle` ended.
pub enum Ended {
    /// In order.
    InOrder,
    /// By a crash, a signal, or an error of its own.
    Broken(ExitStatus),
    /// Not by itself.
    Hung,
}

/// `framemill failures list --json`, the dead letters of it.
#[derive(Deserialize)]
struct Failures {
    dead_letters: Vec<serde_json::Value>,
    dead_letters_unknown: Option<String>,
}

impl Host {
    /// For this folder; the log lies beside it.
    pub fn new(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            log: data.with_extension("log"),
        }
    }

    /// With a log that lies somewhere else.
    pub fn with_log(data: &Path, log: &Path) -> Self {
        Self {
            data: data.to_owned(),
            log: log.to_owned(),
        }
    }

    /// Where all processes of this folder log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Starts the service.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn start(&self, flags: &[&str]) -> Result<Running> {
        let log = File::options().append(true).create(true).open(&self.log)?;
        let mut up = framemill_tests::framemill();
        up.args(["up", "--data"]).arg(&self.data).args(FLAGS);
        up.args(flags).stdout(Stdio::null()).stderr(log);
        // Not where a framemill.toml of somebody may lie.
        let folder = self.log.parent().context("the log has no folder")?;
        let child = up.current_dir(folder).spawn().context("framemill up")?;
        Ok(Running { child })
    }

    /// Runs the service until there is nothing left to do.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn until_idle(&self) -> Result<Ended> {
        // A video that is tried again keeps the batch waiting: two tries show it as well as five.
        let mut up = self.start(&["--until-idle", "--max-attempts", "2"])?;
        let Some(status) = up.wait(PATIENCE)? else {
            up.kill()?;
            return Ok(Ended::Hung);
        };
        // 1: videos failed.
        Ok(match status.code() {
            Some(0 | 1) if !self.has_panicked()? => Ended::InOrder,
            _ => Ended::Broken(status),
        })
    }

    /// Whether the log knows of a panic of the host itself: a component's is in a line of the log,
    /// the host's is a line of its own.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub fn has_panicked(&self) -> Result<bool> {
        let log = fs::read(&self.log)?;
        let log = String::from_utf8_lossy(&log);
        let is_panic = |line: &str| {
            line.starts_with("thread '") && line.contains("panicked at")
                || line.contains("framemill itself failed")
        };
        Ok(log.lines().any(is_panic))
    }

    /// The messages that were given up, where no service runs.
    ///
    /// # Errors
    /// Where they are not known.
    pub fn dead_letters(&self) -> Result<Vec<String>> {
        let mut list = framemill_tests::framemill();
        list.args(["failures", "list", "--json", "--data"])
            .arg(&self.data);
        let output = list
            .stderr(Stdio::null())
            .output()
            .context("framemill failures")?;
        let failures: Failures =
            serde_json::from_slice(&output.stdout).context("framemill failures list --json")?;
        if let Some(why) = failures.dead_letters_unknown {
            bail!("the dead letters are not known: {why}");
        }
        Ok(failures
            .dead_letters
            .iter()
            .map(ToString::to_string)
            .collect())
    }
}

/// A service that runs; killed where it is dropped.
pub struct Running {
    child: Child,
}

impl Running {
    /// Whether it has ended by itself, and how.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end; `None` where that takes too long.
    fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            std::thread::sleep(GLANCE);
        }
        Ok(None)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it in order; `None` where it does not end.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn stop(&mut self) -> Result<Option<ExitStatus>> {
        let mut kill = Command::new("kill");
        kill.arg("-TERM").arg(self.child.id().to_string());
        kill.status().context("kill")?;
        self.wait(PATIENCE)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, mostly.
        let _ = self.kill();
    }
}
