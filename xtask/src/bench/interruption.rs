//! What it costs that a component can be stopped: the same work in code that looks at the engine's
//! clock at each loop and function, and in code that does not.

use super::clips::{AV1, CAMERA, Footage, WEB};
use super::progress::Progress;
use super::sandbox::{Sandbox, Segment, Units, Work};
use super::table::{head, more, row};
use anyhow::Result;
use std::path::Path;

const COLUMNS: [&str; 4] = [
    "work",
    "CPU s with interruption",
    "without",
    "cost of interruption",
];

/// The same segments with and without, in turns, so that a machine that gets busy slows both.
///
/// # Errors
/// Where a segment fails.
pub fn bench(folder: &Path, footage: &Footage, runs: u32) -> Result<()> {
    let clips = [&WEB, &AV1, &CAMERA];
    let paths = footage.make(folder, &clips)?;
    let sandbox = Sandbox::build(folder, runs)?;
    let cases = [
        ("decoding H.264", Units::All, Work::Decode),
        ("decoding AV1", Units::All, Work::Decode),
        ("images of key frames", Units::Key, Work::Images),
    ];
    let mut progress = Progress::new("interruption", cases.len() * sandbox.runs as usize);
    println!("{}", head(&COLUMNS, 1));
    for ((what, units, work), path) in cases.iter().zip(&paths) {
        let mut least: Option<[f64; 2]> = None;
        for _ in 0..sandbox.runs {
            let once = |on| sandbox.once(path, *units, *work, on);
            let pair = progress.step(what, || Ok([once(true)?, once(false)?]))?;
            least = Some(lesser(least, pair));
        }
        println!("{}", row(&cells(what, least.unwrap_or_default())));
    }
    Ok(())
}

/// The lesser processor time of each, in seconds.
fn lesser(before: Option<[f64; 2]>, pair: [Segment; 2]) -> [f64; 2] {
    let [with, without] = pair.map(|segment| segment.cpu_ms / 1000.0);
    match before {
        Some([a, b]) => [a.min(with), b.min(without)],
        None => [with, without],
    }
}

fn cells(what: &str, [with, without]: [f64; 2]) -> Vec<String> {
    vec![
        what.to_owned(),
        format!("{with:.2}"),
        format!("{without:.2}"),
        more(with, without),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_each_is_compared() {
        let segment = |cpu_ms| Segment {
            cpu_ms,
            samples: 1,
            access_units: 1,
            images: 0,
            image_bytes: 0,
            dropped: 0,
        };
        let first = lesser(None, [segment(1100.0), segment(1200.0)]);
        let least = lesser(Some(first), [segment(1300.0), segment(1000.0)]);
        let row = cells("decoding", least);
        assert_eq!(row.join("|"), "decoding|1.10|1.00|+10.0 %");
        assert_eq!(row.len(), COLUMNS.len());
    }
}
