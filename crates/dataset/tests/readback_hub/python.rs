//! Reading a folder with a script beside this file.

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// What a script says about a folder.
pub fn read(script: &str, folder: &Path) -> Value {
    try_read(script, folder).unwrap_or_else(|said| panic!("{script}: {said}"))
}

/// What a script says about a folder, or why it failed. It has a home of its own, and no network to ask.
pub fn try_read(script: &str, folder: &Path) -> Result<Value, String> {
    let python = std::env::var_os("FRAMEMILL_PYTHON").expect(
        "FRAMEMILL_PYTHON names no python with datasets, pillow, webdataset and mlcroissant: `cargo xtask test` \
         installs it; or `python3 -m venv target/readback && target/readback/bin/pip install datasets==5.2.0 \
         pillow==13.0.0 webdataset==1.0.2 mlcroissant==1.1.1` and FRAMEMILL_PYTHON=$PWD/target/readback/bin/python",
    );
    let home = TempDir::new().expect("a temporary folder");
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readback_hub");
    let output = Command::new(&python)
        .arg(scripts.join(script))
        .arg(folder)
        .env("HOME", home.path())
        .env("XDG_CACHE_HOME", home.path())
        .env("HF_HOME", home.path())
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_DATASETS_OFFLINE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", python.display()));
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).expect("the script answers JSON"))
}
