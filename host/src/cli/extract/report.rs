//! What became of each video.

use super::output::Output;
use framemill_contract::Outcome;
use framemill_support::text::Printable;
use indicatif::HumanBytes;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What became of one video.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VideoReport {
    /// The file.
    pub video: PathBuf,
    /// `extracted`, `incomplete`, `unchanged`, `rejected`, `ignored` or `failed`.
    pub outcome: String,
    /// Where the manifest is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<PathBuf>,
    /// Why there are no images, or less than half of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Images.
    pub frames: u64,
    /// Frames that filters dropped.
    pub dropped: u64,
    /// Warnings in the manifest.
    pub warnings: u64,
    /// Wall time.
    pub seconds: f64,
    /// Bytes of the video that were read.
    pub bytes_read: u64,
    /// Access units decoded.
    pub access_units_decoded: u64,
    /// Access units in the video.
    pub access_units_total: u64,
    /// Largest memory of a sandbox.
    pub peak_memory_bytes: u64,
}

impl VideoReport {
    pub(super) fn new(video: &Path) -> Self {
        Self {
            video: video.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn fail(&mut self, reason: &str) {
        self.outcome = "failed".to_owned();
        self.error = Some(reason.to_owned());
    }

    /// From the component's outcome, and the manifest that it names.
    pub(super) fn take(&mut self, outcome: Outcome, output: &Output) {
        match outcome {
            Outcome::Extracted { manifest, .. } => self.manifest("extracted", output, &manifest),
            Outcome::Incomplete { manifest, .. } => self.manifest("incomplete", output, &manifest),
            Outcome::Unchanged { manifest } => self.manifest("unchanged", output, &manifest),
            Outcome::Requested { .. } | Outcome::Collected { .. } => {
                self.fail("the component is about labels and extracts no frames");
            }
            Outcome::Rejected { message, .. } => {
                self.fail(&message);
                self.outcome = "rejected".to_owned();
            }
            Outcome::Ignored { reason } => {
                self.fail(&reason);
                self.outcome = "ignored".to_owned();
            }
            Outcome::Continued { .. } => self.fail("the component stopped half-way"),
            Outcome::Retry { message, .. } | Outcome::NotAnEvent { message } => self.fail(&message),
        }
    }

    fn manifest(&mut self, outcome: &str, output: &Output, object: &str) {
        self.outcome = outcome.to_owned();
        self.record = Some(output.manifest_path(object));
        match output.read_manifest(object) {
            Ok(manifest) => {
                self.frames = manifest.frames.len() as u64;
                self.dropped = manifest.dropped.len() as u64;
                self.warnings = manifest.warnings.len() as u64;
                self.bytes_read = manifest.stats.bytes_read;
                self.access_units_decoded = manifest.stats.access_units_decoded;
                self.access_units_total = manifest.stats.access_units_total;
                self.peak_memory_bytes = manifest.stats.peak_memory_bytes;
                self.error = manifest.incomplete().map(|error| error.to_string());
            }
            Err(error) => self.fail(&format!("{error:#}")),
        }
    }

    /// One line when the video is done.
    pub(super) fn line(&self) -> String {
        let (outcome, video) = (&self.outcome, Printable(self.video.display()));
        match &self.error {
            Some(error) => format!("{outcome}: {}: {video}", Printable(error)),
            None => format!(
                "{outcome}: {} images in {:.1} s: {video}",
                self.frames, self.seconds
            ),
        }
    }
}

/// The table at the end.
pub(super) fn table(reports: &[VideoReport]) -> String {
    let head = [
        "video", "outcome", "images", "dropped", "warnings", "seconds", "read", "decoded", "memory",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(reports.iter().map(|report| {
        let name = report.video.file_name().unwrap_or_default();
        [
            Printable(name.to_string_lossy()).to_string(),
            report.outcome.clone(),
            report.frames.to_string(),
            report.dropped.to_string(),
            report.warnings.to_string(),
            format!("{:.1}", report.seconds),
            HumanBytes(report.bytes_read).to_string(),
            format!(
                "{}/{}",
                report.access_units_decoded, report.access_units_total
            ),
            HumanBytes(report.peak_memory_bytes).to_string(),
        ]
    }));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Words to the left, numbers to the right.
            let _ = if column < 2 {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        let _ = writeln!(table, "{}", line.trim_end());
    }
    let failed = reports
        .iter()
        .filter(|report| report.error.is_some())
        .count();
    if failed > 0 {
        let _ = writeln!(table, "{failed} of {} videos failed", reports.len());
    }
    table
}

/// The report as JSON.
pub(super) fn json(reports: &[VideoReport]) -> serde_json::Result<String> {
    let failed = reports
        .iter()
        .filter(|report| report.error.is_some())
        .count();
    serde_json::to_string_pretty(&serde_json::json!({
        "schema": "framemill.extract-report/1",
        "videos": reports,
        "failed": failed,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up_and_counts_failures() {
        let mut good = VideoReport::new(Path::new("a/long-name.mp4"));
        good.outcome = "extracted".to_owned();
        good.frames = 1234;
        let mut bad = VideoReport::new(Path::new("b.mp4"));
        bad.fail("file is empty");
        let table = table(&[good, bad]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        let column = |line: usize, text: &str| lines[line].find(text).unwrap();
        assert_eq!(column(0, "outcome"), column(1, "extracted"));
        assert_eq!(column(0, "images") + 6, column(1, "1234") + 4);
        assert_eq!(lines[3], "1 of 2 videos failed");
    }
}
