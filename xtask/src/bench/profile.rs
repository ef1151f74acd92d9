//! Where the time goes: Linux perf over the real host and the real component, whose functions have
//! their names.

use super::clips::{CAMERA, Clip, Footage, WEB};
use super::process::empty;
use super::report::{crates, mapped, summary, symbols};
use super::table::{head, row};
use crate::step::step;
use crate::{build, sh};
use anyhow::{Result, bail};
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// Functions and crates in the text, and on the screen.
const WRITTEN: usize = 60;
const SHOWN: usize = 12;
/// Samples a second: a prime, so that nothing that happens every so many milliseconds is in step.
const FREQUENCY: &str = "997";

/// Profiles `framemill extract` of two clips, or of what a person's video becomes as them.
///
/// # Errors
/// Where perf is missing or may not run.
pub fn bench(folder: &Path, footage: &Footage) -> Result<()> {
    perf()?;
    let clips = [&CAMERA, &WEB];
    let paths = footage.make(folder, &clips)?;
    build::components()?;
    let framemill = build::host()?;
    for (clip, path) in clips.iter().zip(&paths) {
        profile(folder, &framemill, clip, path)?;
    }
    Ok(())
}

fn perf() -> Result<()> {
    if !sh::on_path("perf") {
        bail!(
            "no perf on the PATH: apt-get install -y --no-install-recommends linux-perf (elsewhere than on Debian the package may be perf, or linux-tools-generic)"
        );
    }
    let mut try_it = sh::command("perf");
    try_it.args(["record", "-q", "-e", "cpu-clock", "-o", "/dev/null", "true"]);
    let tried = try_it.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        bail!(
            "perf may not count here: as root, `sysctl kernel.perf_event_paranoid=1`; in a container it needs CAP_PERFMON"
        );
    }
    Ok(())
}

fn profile(folder: &Path, framemill: &Path, clip: &Clip, video: &Path) -> Result<()> {
    let out = empty(folder, "out")?;
    let extract = |program: &str| {
        let mut command = sh::command(program);
        command.env("FRAMEMILL_COMPONENTS", build::components_dir());
        command
    };
    // Compiled code comes from the cache then.
    let mut first = extract(&framemill.to_string_lossy());
    first.args(["extract", "--count", "1", "-o"]).arg(&out);
    first.arg(video).stdout(Stdio::null()).stderr(Stdio::null());
    sh::run(&mut first)?;
    let (out, data) = (empty(folder, "out")?, folder.join("perf.data"));
    let mut record = extract("perf");
    record.args(["record", "-q", "-e", "cpu-clock", "-F", FREQUENCY, "-o"]);
    record.arg(&data).arg("--").arg(framemill);
    record.args(["extract", "--perf-map", "-o"]).arg(&out);
    record.arg(video).stdout(Stdio::null());
    step(&format!("profile: {}", clip.what), || sh::run(&mut record))?;
    let mut report = sh::command("perf");
    report.args(["report", "--stdio", "--fields", "overhead,dso,symbol"]);
    report.args(["--field-separator", "\t", "-i"]).arg(&data);
    let report = sh::output(report.stderr(Stdio::null()))?;
    // The host wrote them, and perf has read them.
    for process in mapped(&report) {
        fs::remove_file(format!("/tmp/perf-{process}.map"))?;
    }
    let program = framemill.file_name().unwrap_or_default().to_string_lossy();
    let symbols = symbols(&report, &program);
    if symbols.is_empty() {
        bail!(
            "perf took no samples: is the clip too short? {}",
            video.display()
        );
    }
    let file = folder.join(clip.profile());
    let title = format!("framemill extract, {}, {}", clip.what, video.display());
    fs::write(&file, summary(&title, &symbols, WRITTEN))?;
    println!("\nWhere the time goes, {}:", clip.what);
    println!("{}", head(&["part", "crate", "%"], 2));
    for ((part, name), percent) in crates(&symbols).iter().take(SHOWN) {
        let cells = [
            part.name().to_owned(),
            name.clone(),
            format!("{percent:.1}"),
        ];
        println!("{}", row(&cells));
    }
    println!("{}", head(&["part", "function", "%"], 2));
    for symbol in symbols.iter().take(SHOWN) {
        let cells = [
            symbol.part.name().to_owned(),
            format!("`{}`", symbol.name),
            format!("{:.1}", symbol.percent),
        ];
        println!("{}", row(&cells));
    }
    eprintln!(
        "more of it: {}; all: perf report -i {}",
        file.display(),
        data.display()
    );
    Ok(())
}
