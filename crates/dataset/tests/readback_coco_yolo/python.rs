//! Reading a folder with a script beside this file.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What a script says about a folder.
pub fn read(script: &str, folder: &Path) -> Value {
    let python = std::env::var_os("FRAMEMILL_PYTHON").expect(
        "FRAMEMILL_PYTHON names no python with pycocotools and PyYAML: `cargo xtask test` installs it; or \
         `python3 -m venv target/readback && target/readback/bin/pip install pycocotools==2.0.11 PyYAML` \
         and FRAMEMILL_PYTHON=$PWD/target/readback/bin/python",
    );
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readback_coco_yolo");
    let output = Command::new(&python)
        .arg(scripts.join(script))
        .arg(folder)
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", python.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
    serde_json::from_slice(&output.stdout).expect("the script answers JSON")
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
