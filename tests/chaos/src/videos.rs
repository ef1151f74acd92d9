//! Mutated videos: each ends with a manifest whose images are right, or with a failure record that
//! blames the file, and the host goes on.

use crate::bucket::{self, Bucket, VIDEOS, Version};
use crate::check::{self, Outcome, Violation};
use crate::corpus::{Case, Corpus};
use crate::host::{Ended, Host};
use crate::mutate::Kind;
use crate::report::Report;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

/// Videos that one process works on: its start is spread over them.
const BATCH: u64 = 200;

/// What came of a batch.
struct Checked {
    /// How each video ended, where it did.
    outcomes: Vec<Option<Outcome>>,
    violations: Vec<Violation>,
    /// How the process broke, where it did.
    broken: Option<String>,
}

/// Runs the videos with the numbers from 0 below `count`.
///
/// # Errors
/// Where the harness itself cannot work.
pub fn run(corpus: &Corpus, count: u64, folder: &Path, report: &mut Report) -> Result<()> {
    for first in (0..count).step_by(BATCH as usize) {
        let last = count.min(first + BATCH);
        let cases: Vec<Case> = (first..last)
            .map(|number| corpus.case(report.seed, number))
            .collect();
        let data = folder.join("videos");
        let checked = attack(&cases, &data)?;
        for (case, outcome) in cases.iter().zip(&checked.outcomes) {
            let outcome = outcome.as_ref().map_or("none", Outcome::name);
            report.count(case.kind.name(), outcome);
        }
        if let Some(how) = &checked.broken {
            find_the_culprits(&cases, &checked, how, folder, report)?;
        }
        for found in &checked.violations {
            tell(&cases, found, &data, report)?;
        }
        report.progress("videos", last, count);
    }
    Ok(())
}

/// Runs one video with its log shown, and keeps its file.
///
/// # Errors
/// Where the harness itself cannot work.
pub fn only(corpus: &Corpus, number: u64, folder: &Path, report: &mut Report) -> Result<()> {
    let case = corpus.case(report.seed, number);
    let kept = report.place(&case.name)?;
    fs::write(&kept, &case.bytes)?;
    let data = folder.join("only");
    let checked = attack(std::slice::from_ref(&case), &data)?;
    eprint!("{}", fs::read_to_string(Host::new(&data).log())?);
    eprintln!("file: {}", kept.display());
    eprintln!("data: {}", data.display());
    let outcome = checked.outcomes.first().and_then(Option::as_ref);
    report.count(case.kind.name(), outcome.map_or("none", Outcome::name));
    let repeat = format!("--only {number}");
    for found in checked
        .violations
        .iter()
        .chain(&broken(&checked, &case.name))
    {
        report.violation(found, &repeat, &kept);
    }
    Ok(())
}

fn broken(checked: &Checked, about: &str) -> Option<Violation> {
    checked.broken.as_ref().map(|how| Violation {
        about: about.to_owned(),
        what: how.clone(),
    })
}

/// One process over these videos, in a fresh folder.
fn attack(cases: &[Case], data: &Path) -> Result<Checked> {
    fresh(data)?;
    let host = Host::new(data);
    for case in cases {
        fs::write(data.join(VIDEOS).join(&case.name), &case.bytes)?;
    }
    let broken = match host.until_idle()? {
        Ended::InOrder => None,
        Ended::Broken(status) => Some(format!("the host broke ({status})")),
        Ended::Hung => Some("the host did not come to an end".to_owned()),
    };
    let mut checked = check(cases, data)?;
    if broken.is_none() {
        let dead = host.dead_letters()?.into_iter().map(|letter| Violation {
            about: "a message".to_owned(),
            what: format!("was given up: {letter}"),
        });
        checked.violations.extend(dead);
    }
    checked.broken = broken;
    Ok(checked)
}

fn check(cases: &[Case], data: &Path) -> Result<Checked> {
    let bucket = Bucket::read(data)?;
    let versions = bucket::videos(data)?;
    let mut violations = check::records(&bucket);
    violations.extend(check::strays(&bucket));
    violations.extend(check::unfinished(&bucket));
    let orphans = check::unclaimed(&bucket)
        .into_iter()
        .map(|about| Violation {
            about,
            what: "holds images that no manifest has".to_owned(),
        });
    violations.extend(orphans);
    let mut outcomes = Vec::new();
    for case in cases {
        let ended = outcome(case, &versions, &bucket);
        outcomes.push(ended.map_err(|what| violations.push(what)).ok());
    }
    for (case, outcome) in cases.iter().zip(&outcomes) {
        let whole = Some(Outcome::Images { warnings: false });
        if case.kind == Kind::Intact && *outcome != whole && outcome.is_some() {
            violations.push(Violation {
                about: format!("{VIDEOS}/{}", case.name),
                what: "is a whole video, and did not give its images without a warning".to_owned(),
            });
        }
    }
    Ok(Checked {
        outcomes,
        violations,
        broken: None,
    })
}

fn outcome(case: &Case, versions: &[Version], bucket: &Bucket) -> Result<Outcome, Violation> {
    let name = format!("{VIDEOS}/{}", case.name);
    let version = versions.iter().find(|version| version.name == name);
    let gone = || Violation {
        about: name.clone(),
        what: "the upload itself is gone".to_owned(),
    };
    check::outcome(bucket, version.ok_or_else(gone)?)
}

/// Where the host broke: each video without an outcome once more, alone.
fn find_the_culprits(
    cases: &[Case],
    checked: &Checked,
    how: &str,
    folder: &Path,
    report: &mut Report,
) -> Result<()> {
    let before = report.found();
    let open = cases.iter().zip(&checked.outcomes);
    for (case, _) in open.filter(|(_, outcome)| outcome.is_none()) {
        let alone = attack(std::slice::from_ref(case), &folder.join("alone"))?;
        if let Some(found) = broken(&alone, &case.name) {
            tell(cases, &found, &folder.join("alone"), report)?;
        }
    }
    if report.found() == before {
        let data = folder.join("videos");
        let first = cases.first().map_or(0, |case| case.number);
        let kept = report.keep(&format!("batch-{first}"), &data, Host::new(&data).log())?;
        let found = Violation {
            about: format!("the videos from number {first} on, together"),
            what: format!("{how}, and by none of them alone"),
        };
        report.violation(&found, &batch_again(cases), &kept);
    }
    Ok(())
}

/// Reports a violation with the file that it is about, else with the whole folder.
fn tell(cases: &[Case], found: &Violation, data: &Path, report: &mut Report) -> Result<()> {
    let named = cases.iter().find(|case| {
        let number = format!("{:06}-", case.number);
        found.about.contains(&number) || found.what.contains(&number)
    });
    match named {
        Some(case) => {
            let kept = report.place(&case.name)?;
            fs::write(&kept, &case.bytes)?;
            report.violation(found, &format!("--only {}", case.number), &kept);
        }
        None => {
            let first = cases.first().map_or(0, |case| case.number);
            let name = format!("batch-{first}");
            let kept = report.keep(&name, data, Host::new(data).log())?;
            report.violation(found, &batch_again(cases), &kept);
        }
    }
    Ok(())
}

/// How to repeat all videos up to these.
fn batch_again(cases: &[Case]) -> String {
    let count = cases.last().map_or(0, |case| case.number + 1);
    format!("--kills 0 --disks 0 --videos {count}")
}

/// An empty data folder with a place for videos.
///
/// # Errors
/// Where it cannot be made.
pub fn fresh(data: &Path) -> Result<()> {
    if data.exists() {
        fs::remove_dir_all(data).with_context(|| data.display().to_string())?;
    }
    let log = Host::new(data).log().to_owned();
    if log.exists() {
        fs::remove_file(&log)?;
    }
    fs::create_dir_all(data.join(VIDEOS)).with_context(|| data.display().to_string())
}
