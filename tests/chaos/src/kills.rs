//! `kill -9` at random moments while videos come, go and are replaced: what is committed stays as it
//! is, and in the end every video that is there has its outcome.

use crate::bucket::{self, Bucket, VIDEOS};
use crate::check::{self, Memory, Outcome, Violation};
use crate::corpus::{Corpus, random_of};
use crate::host::{Ended, Host, Running};
use crate::report::Report;
use crate::videos::fresh;
use anyhow::{Context as _, Result};
use fastrand::Rng;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Kills before it is left in peace, checked in full, and begun anew.
const PER_ROUND: u64 = 25;
/// Names that uploads take turns with.
const NAMES: u64 = 16;
/// Between two changes of a file: a file's time is its generation, and file systems stamp with a
/// clock that stands still for milliseconds.
const APART: Duration = Duration::from_millis(20);

/// So that a kill mostly meets work: a video takes the host some 20 ms.
const MOST_QUIET: Duration = Duration::from_millis(150);

const KIND: &str = "kill -9";

/// What happens to the folder between start and kill.
enum Deed {
    /// A file appears, or takes the place of another, in one step.
    Put,
    /// As [`Deed::Put`], but it grows in place.
    PutSlowly,
    /// A file goes.
    Delete,
    /// The same bytes, a new time.
    Touch,
}

/// Kills so often.
///
/// # Errors
/// Where the harness itself cannot work.
pub fn run(corpus: &Corpus, count: u64, folder: &Path, report: &mut Report) -> Result<()> {
    let data = folder.join("kills");
    for first in (0..count).step_by(PER_ROUND as usize) {
        let last = count.min(first + PER_ROUND);
        fresh(&data)?;
        let mut round = Round {
            corpus,
            host: Host::new(&data),
            data: &data,
            memory: Memory::default(),
            random: random_of(report.seed, "kills", first),
        };
        round.setup(report)?;
        let mut found = Vec::new();
        for done in first..last {
            found.extend(round.kill(report)?);
            report.progress("kills", done + 1, count);
        }
        found.extend(round.finish(report)?);
        // What is wrong once is so after each kill that follows.
        found.sort();
        found.dedup();
        if found.is_empty() {
            continue;
        }
        let kept = report.keep(&format!("kills-{first}"), &data, round.host.log())?;
        for found in &found {
            // Not to the millisecond: how fast the host is decides where a kill meets it.
            let repeat = format!("--videos 0 --disks 0 --kills {last}");
            report.violation(found, &repeat, &kept);
        }
    }
    Ok(())
}

struct Round<'r> {
    corpus: &'r Corpus,
    host: Host,
    data: &'r Path,
    memory: Memory,
    random: Rng,
}

impl Round<'_> {
    /// Something to do from the first moment.
    fn setup(&mut self, report: &mut Report) -> Result<()> {
        for _ in 0..NAMES / 2 {
            self.put(report)?;
        }
        Ok(())
    }

    /// From a start to the kill, and what must hold right then.
    fn kill(&mut self, report: &mut Report) -> Result<Vec<Violation>> {
        let mut up = self.host.start(&[])?;
        let begun = Instant::now();
        let end = Duration::from_millis(self.random.u64(50..1500));
        while begun.elapsed() < end {
            let left = end.saturating_sub(begun.elapsed());
            let wait = left.mul_f64(self.random.f64()).min(MOST_QUIET);
            std::thread::sleep(APART.max(wait));
            self.deed(report)?;
        }
        let ended = ended_early(&mut up)?;
        up.kill()?;
        let mut found: Vec<Violation> = ended.into_iter().collect();
        let bucket = Bucket::read(self.data)?;
        let videos = bucket::videos(self.data)?;
        let is_open = |version| check::outcome(&bucket, version).is_err();
        let when = match videos.iter().any(is_open) {
            _ if !bucket.unfinished.is_empty() => "while a file was written",
            true => "while work was open",
            false => "at rest",
        };
        report.count(KIND, when);
        found.extend(check::records(&bucket));
        found.extend(self.memory.compare(&bucket));
        Ok(found)
    }

    fn deed(&mut self, report: &mut Report) -> Result<()> {
        let deed = match self.random.u32(..20) {
            0..12 => Deed::Put,
            12..15 => Deed::PutSlowly,
            15..18 => Deed::Delete,
            _ => Deed::Touch,
        };
        let path = self.path();
        match deed {
            Deed::Put => return self.put(report),
            Deed::PutSlowly => {
                let bytes = self.bytes(report);
                let half = bytes.len() / 2;
                fs::write(&path, bytes.get(..half).unwrap_or_default())?;
                std::thread::sleep(APART + Duration::from_millis(self.random.u64(..100)));
                fs::write(&path, &bytes)?;
                report.count("uploads", "grown in place");
            }
            Deed::Delete if path.exists() => {
                fs::remove_file(&path)?;
                report.count("uploads", "deleted");
            }
            Deed::Touch if path.exists() => {
                let file = fs::File::options().write(true).open(&path)?;
                file.set_modified(SystemTime::now())?;
                report.count("uploads", "touched");
            }
            Deed::Delete | Deed::Touch => {}
        }
        Ok(())
    }

    fn put(&mut self, report: &mut Report) -> Result<()> {
        let path = self.path();
        let hidden = self.data.join(VIDEOS).join(".upload.part");
        fs::write(&hidden, self.bytes(report))?;
        let what = if path.exists() { "replaced" } else { "new" };
        fs::rename(&hidden, &path).with_context(|| path.display().to_string())?;
        report.count("uploads", what);
        Ok(())
    }

    fn path(&mut self) -> std::path::PathBuf {
        let number = self.random.u64(..NAMES);
        self.data.join(VIDEOS).join(format!("{number:02}.mp4"))
    }

    /// A whole video, now and then a damaged one.
    fn bytes(&mut self, report: &Report) -> Vec<u8> {
        if self.random.u32(..5) == 0 {
            let number = self.random.u64(..1 << 20);
            return self.corpus.case(report.seed, number).bytes;
        }
        self.corpus.any(&mut self.random).bytes.clone()
    }

    /// Left in peace until there is nothing more to do.
    fn finish(&mut self, report: &mut Report) -> Result<Vec<Violation>> {
        let ended = self.host.until_idle()?;
        let mut found: Vec<Violation> = broken(&ended).into_iter().collect();
        let bucket = Bucket::read(self.data)?;
        found.extend(check::records(&bucket));
        found.extend(self.memory.compare(&bucket));
        found.extend(check::strays(&bucket));
        found.extend(check::unfinished(&bucket));
        if matches!(ended, Ended::InOrder) {
            found.extend(given_up(&self.host)?);
        }
        for version in bucket::videos(self.data)? {
            match check::outcome(&bucket, &version) {
                Ok(Outcome::Images { .. }) => report.count("files at the end", "images"),
                Ok(Outcome::Failed(_)) => report.count("files at the end", "failure records"),
                Err(open) => found.push(open),
            }
        }
        report.add("commits", "as they were", self.memory.len() as u64);
        // A version that went while it was worked on: nobody is told of its images.
        let unclaimed = check::unclaimed(&bucket).len() as u64;
        report.add("versions that went", "images left", unclaimed);
        Ok(found)
    }
}

/// The service must not end before it is killed.
fn ended_early(up: &mut Running) -> Result<Option<Violation>> {
    Ok(up.ended()?.map(|status| Violation {
        about: "the service".to_owned(),
        what: format!("ended by itself ({status})"),
    }))
}

/// A run until idle that was none.
pub fn broken(ended: &Ended) -> Option<Violation> {
    let what = match ended {
        Ended::InOrder => return None,
        Ended::Broken(status) => format!("broke ({status})"),
        Ended::Hung => "did not come to an end".to_owned(),
    };
    Some(Violation {
        about: "the service".to_owned(),
        what,
    })
}

/// Messages that were given up.
///
/// # Errors
/// Where they are not known.
pub fn given_up(host: &Host) -> Result<Vec<Violation>> {
    let letters = host.dead_letters()?.into_iter();
    let letters = letters.map(|letter| Violation {
        about: "a message".to_owned(),
        what: format!("was given up: {letter}"),
    });
    Ok(letters.collect())
}
