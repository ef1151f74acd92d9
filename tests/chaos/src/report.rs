//! What was done and what was found: while it runs and at the end.

use crate::check::Violation;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Violations that are printed in full at the end.
const SHOWN: usize = 50;
/// A line at least this often.
const OFTEN: Duration = Duration::from_secs(5);

/// Counts and violations of a run.
pub struct Report {
    /// The seed of the run.
    pub seed: u64,
    folder: PathBuf,
    counts: BTreeMap<String, BTreeMap<String, u64>>,
    left_out: Vec<String>,
    violations: Vec<String>,
    said: Instant,
}

impl Report {
    /// What it keeps lies in a folder.
    pub fn new(seed: u64, folder: &Path) -> Self {
        Self {
            seed,
            folder: folder.join("kept"),
            counts: BTreeMap::new(),
            left_out: Vec::new(),
            violations: Vec::new(),
            said: Instant::now(),
        }
    }

    /// Counts one outcome of a kind of attack.
    pub fn count(&mut self, kind: &str, outcome: &str) {
        self.add(kind, outcome, 1);
    }

    /// Counts several.
    pub fn add(&mut self, kind: &str, outcome: &str, number: u64) {
        let outcomes = self.counts.entry(kind.to_owned()).or_default();
        *outcomes.entry(outcome.to_owned()).or_default() += number;
    }

    /// Takes up that a kind of attack cannot be made here, and says it.
    pub fn left_out(&mut self, kind: &str, why: &str) {
        let text = format!("{kind:<16} left out: {why}");
        eprintln!("{text}");
        self.left_out.push(text);
    }

    /// Says how far it is, now and then.
    pub fn progress(&mut self, what: &str, done: u64, of: u64) {
        if done == of || self.said.elapsed() >= OFTEN {
            self.said = Instant::now();
            eprintln!(
                "{what}: {done} of {of}, {} violations",
                self.violations.len()
            );
        }
    }

    /// Takes up a violation, and says it.
    pub fn violation(&mut self, found: &Violation, repeat: &str, kept: &Path) {
        let text = format!(
            "{}: {}\n    repeat: cargo xtask chaos --seed {} {repeat}\n    kept:   {}",
            found.about,
            found.what,
            self.seed,
            kept.display()
        );
        eprintln!("VIOLATION {text}");
        self.violations.push(text);
    }

    /// How many violations there are.
    pub fn found(&self) -> usize {
        self.violations.len()
    }

    /// A place for what belongs to a violation.
    ///
    /// # Errors
    /// Where its folder cannot be made.
    pub fn place(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(format!("seed-{}", self.seed));
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder.join(name))
    }

    /// Keeps a data folder and its log.
    ///
    /// # Errors
    /// Where they cannot be moved.
    pub fn keep(&self, name: &str, data: &Path, log: &Path) -> Result<PathBuf> {
        let kept = self.place(name)?;
        if kept.exists() {
            fs::remove_dir_all(&kept)?;
        }
        fs::create_dir_all(&kept)?;
        copy(data, &kept.join("data"))?;
        fs::copy(log, kept.join("log"))?;
        Ok(kept)
    }

    /// The summary, and whether all was well.
    pub fn summary(&self) -> bool {
        eprintln!("\nseed {}", self.seed);
        for (kind, outcomes) in &self.counts {
            let all: u64 = outcomes.values().sum();
            let parts = outcomes.iter();
            let parts: Vec<String> = parts.map(|(name, n)| format!("{name} {n}")).collect();
            eprintln!("  {kind:<16} {all:>6}   {}", parts.join("; "));
        }
        for text in &self.left_out {
            eprintln!("  {text}");
        }
        if self.violations.is_empty() {
            eprintln!("no violation");
            return true;
        }
        eprintln!("\n{} violations:", self.violations.len());
        for text in self.violations.iter().take(SHOWN) {
            eprintln!("  {text}");
        }
        if self.violations.len() > SHOWN {
            eprintln!("  … and {} more, see above", self.violations.len() - SHOWN);
        }
        false
    }
}

/// Copies a folder with all that is in it, times of modification too: they are generations.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
            let modified = entry.metadata()?.modified()?;
            fs::File::options()
                .write(true)
                .open(&target)?
                .set_modified(modified)?;
        }
    }
    Ok(())
}
