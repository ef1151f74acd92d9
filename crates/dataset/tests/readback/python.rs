//! Reading a folder with a script beside this file.

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A Python with packages: the variable that names it, and what brings it.
struct Python {
    variable: &'static str,
    install: &'static str,
}

const READERS: Python = Python {
    variable: "FRAMEMILL_PYTHON",
    install: "python3 -m venv target/readback && target/readback/bin/pip install datasets==5.2.0 \
        datumaro==1.13.12 mlcroissant==1.1.1 pillow==12.3.0 pycocotools==2.0.11 PyYAML==6.0.4 webdataset==1.0.2",
};
const ULTRALYTICS: Python = Python {
    variable: "FRAMEMILL_ULTRALYTICS_PYTHON",
    install: "apt-get install -y --no-install-recommends python3-torch python3-torchvision python3-venv && \
        /usr/bin/python3 -m venv --system-site-packages target/readback && \
        target/readback/bin/pip install --no-deps ultralytics==8.4.0 opencv-python-headless==4.11.0.86",
};

/// What a script says about a folder.
pub fn read(script: &str, folder: &Path) -> Value {
    try_read(script, folder).unwrap_or_else(|said| panic!("{script}: {said}"))
}

/// What a script says about a folder, or why it failed.
pub fn try_read(script: &str, folder: &Path) -> Result<Value, String> {
    run(&READERS, script, folder, None)
}

/// What Datumaro says about a folder of this format.
pub fn read_with_datumaro(folder: &Path, format: &str) -> Value {
    let said = run(&READERS, "read_datumaro.py", folder, Some(format));
    said.unwrap_or_else(|said| panic!("read_datumaro.py: {said}"))
}

/// What Ultralytics says about a folder, for one of its tasks.
pub fn read_with_ultralytics(folder: &Path, task: &str) -> Value {
    let said = run(&ULTRALYTICS, "read_ultralytics.py", folder, Some(task));
    said.unwrap_or_else(|said| panic!("read_ultralytics.py: {said}"))
}

/// It has a home of its own, and no network to ask.
fn run(
    python: &Python,
    script: &str,
    folder: &Path,
    argument: Option<&str>,
) -> Result<Value, String> {
    let Python { variable, install } = python;
    let program = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("{variable} names no python: `cargo xtask test` brings it, or {install}")
    });
    let home = TempDir::new().expect("a temporary folder");
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readback");
    let output = Command::new(&program)
        .arg(scripts.join(script))
        .arg(folder)
        .args(argument)
        .env("HOME", home.path())
        .env("XDG_CACHE_HOME", home.path())
        .env("HF_HOME", home.path())
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_DATASETS_OFFLINE", "1")
        .env("YOLO_CONFIG_DIR", home.path())
        .env("YOLO_OFFLINE", "true")
        .env("YOLO_AUTOINSTALL", "false")
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).expect("the script answers JSON"))
}

/// Numbers of an answer.
pub fn numbers(value: &Value) -> Vec<f64> {
    let all = value
        .as_array()
        .unwrap_or_else(|| panic!("no numbers: {value}"));
    all.iter()
        .map(|it| it.as_f64().unwrap_or_else(|| panic!("no number: {it}")))
        .collect()
}

/// Fails where two lists differ by more than a rounding error.
#[track_caller]
pub fn assert_near(found: &[f64], expected: &[f64]) {
    let near = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near, "{found:?} is not {expected:?}");
}
