//! Datasets in words.

use framemill_annotations::LabelList;
use framemill_dataset::{Snapshot, Warning};
use framemill_dataset_host::{Built, DatasetName, ExportSummary, Listed, Verified};
use framemill_support::text::Printable;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

/// Digits of a hash that are shown where the whole one is not needed.
const DIGITS: usize = 12;

/// A snapshot that was built.
pub fn built(built: &Built) -> String {
    let meta = built.snapshot.meta();
    let mut text = shown(&built.snapshot);
    text.push_str(&warnings(&built.report.warnings));
    let report = &built.report;
    let left_out = [
        (report.filtered, "left out by conditions"),
        (report.below_min_state, "nobody has said enough about"),
        (
            report.faulty,
            "in which something is marked that cannot be used",
        ),
    ];
    for (count, why) in left_out.into_iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(text, "not in it: {count} frames {why}");
    }
    let _ = match built.is_new {
        true => writeln!(text, "written: datasets/{}/{}/", meta.name, meta.hash),
        false => writeln!(text, "unchanged: datasets/{}/{}/", meta.name, meta.hash),
    };
    if !built.is_newest {
        let _ = writeln!(
            text,
            "`{}` alone means a snapshot that was written later: this one is {}@{}",
            meta.name,
            meta.name,
            digits(&meta.hash)
        );
    }
    text
}

/// A snapshot.
pub fn shown(snapshot: &Snapshot) -> String {
    let meta = snapshot.meta();
    let counts = &meta.counts;
    let mut text = format!(
        "{}@{}: {} frames, {} shapes\n",
        meta.name,
        digits(&meta.hash),
        counts.frames,
        counts.shapes
    );
    for split in &counts.splits {
        let _ = writeln!(
            text,
            "  {:<12} {:>8} frames {:>8} shapes {:>6} groups",
            split.name, split.frames, split.shapes, split.groups
        );
    }
    for label in &counts.labels {
        let name = Printable(&label.name).to_string();
        let _ = writeln!(
            text,
            "  label {:<3} {name:<20} {:>8} shapes in {} frames",
            label.id, label.shapes, label.frames
        );
    }
    text.push_str(&warnings(&meta.warnings));
    text
}

fn warnings(all: &[Warning]) -> String {
    let mut text = String::new();
    for warning in all {
        let _ = writeln!(
            text,
            "warning: {}: {}",
            warning.count,
            Printable(&warning.message)
        );
        for example in &warning.examples {
            let _ = writeln!(text, "  {}", Printable(example));
        }
    }
    text
}

/// All snapshots.
pub fn listed(all: &[Listed]) -> String {
    if all.is_empty() {
        return "no datasets: `framemill dataset build NAME` makes one\n".to_owned();
    }
    let mut text = String::new();
    for listed in all {
        let micros = u64::try_from(listed.written_micros).unwrap_or(0);
        let written = UNIX_EPOCH.checked_add(Duration::from_micros(micros));
        let written = written.unwrap_or(UNIX_EPOCH);
        let written = humantime::format_rfc3339_seconds(written);
        let _ = writeln!(text, "{written}  {}@{}", listed.name, digits(&listed.hash));
    }
    text
}

/// What a check of all checksums found.
pub fn verified(name: &DatasetName, hash: &str, verified: &Verified) -> String {
    let mut text = format!(
        "{name}@{}: {} images intact, {} changed, {} of these gone\n",
        digits(hash),
        verified.intact,
        verified.changed,
        verified.missing
    );
    for name in &verified.names {
        let _ = writeln!(text, "  {}", Printable(name));
    }
    text
}

/// What was exported.
pub fn exported(exported: &ExportSummary) -> String {
    let mut text = format!(
        "{}: {} frames, {} shapes: {}\n",
        exported.format, exported.frames, exported.shapes, exported.place
    );
    for (what, count) in &exported.losses {
        let _ = writeln!(text, "  {count} {what}");
    }
    for note in &exported.notes {
        let _ = writeln!(text, "  {note}");
    }
    text
}

/// A label list.
pub fn labels(list: &LabelList) -> String {
    let mut text = String::new();
    for label in &list.labels {
        let _ = write!(text, "{:<3} {}", label.id, Printable(&label.name));
        let _ = match label.aliases.is_empty() {
            true => writeln!(text),
            false => writeln!(text, " (also {})", Printable(label.aliases.join(", "))),
        };
    }
    text
}

fn digits(hash: &str) -> &str {
    hash.get(..DIGITS).unwrap_or(hash)
}
