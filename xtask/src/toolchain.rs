//! Which compiler builds the components: the one that is there, else the one that can be had.

use crate::sh;
use crate::step::step;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The component target: WASI 0.2.
pub const TARGET: &str = "wasm32-wasip2";
/// Linker of that target, as a crate; rustup's toolchain carries its own.
const COMPONENT_LD_VERSION: &str = "0.5.31";
const DEBIAN_PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "lld-19",
    "wasi-libc",
];
const DEBIAN_LIBC: &str = "/usr/lib/wasm32-wasi";

/// A way to compile for [`TARGET`].
pub enum WasmToolchain {
    /// The toolchain in use has the target's standard library.
    Rustup,
    /// Debian's compiler, building the standard library from source.
    Debian {
        /// Where the linker was installed.
        tools: PathBuf,
    },
}

impl WasmToolchain {
    /// An installed target first, then `rustup target add`, then Debian's packages.
    /// `FRAMEMILL_WASM_TOOLCHAIN=debian` takes the last one at once.
    pub fn find() -> Result<Self> {
        if std::env::var_os("FRAMEMILL_WASM_TOOLCHAIN").is_some_and(|name| name == "debian") {
            return Self::debian();
        }
        if rustup_target_installed()? || rustup_target_add() {
            return Ok(Self::Rustup);
        }
        if !sh::on_path("apt-get") {
            bail!(
                "no compiler for {TARGET}: `rustup target add {TARGET}` failed and this is no Debian; install that target and run this again"
            );
        }
        Self::debian()
    }

    fn debian() -> Result<Self> {
        sh::apt_install(DEBIAN_PACKAGES, || {
            Path::new("/usr/bin/rustc").is_file()
                && Path::new("/usr/bin/cargo").is_file()
                && Path::new("/usr/bin/wasm-ld-19").is_file()
                && Path::new(DEBIAN_LIBC).is_dir()
                && Path::new("/usr/lib/rustlib/src/rust/library").exists()
        })?;
        let tools = sh::root().join("target/tools");
        if !tools.join("bin/wasm-component-ld").is_file() {
            let mut install = cargo_command()?;
            install.args(["install", "--quiet", "wasm-component-ld", "--locked"]);
            install
                .args(["--version", COMPONENT_LD_VERSION, "--root"])
                .arg(&tools);
            install.env("CARGO_TARGET_DIR", tools.join("build"));
            let what = format!("building wasm-component-ld, the linker of {TARGET}");
            step(&what, || sh::run(&mut install))?;
        }
        let linker = tools.join("bin/wasm-ld");
        if !linker.exists() {
            std::os::unix::fs::symlink("/usr/bin/wasm-ld-19", &linker)
                .with_context(|| format!("cannot link {}", linker.display()))?;
        }
        link_libc_into_sysroot()?;
        Ok(Self::Debian { tools })
    }

    /// A `cargo build` for [`TARGET`] in its own target folder (two compilers in one folder
    /// would each rebuild what the other built).
    pub fn cargo_build(&self) -> Result<Command> {
        let mut build = match self {
            Self::Rustup => cargo_command()?,
            Self::Debian { tools } => {
                let mut build = sh::command("/usr/bin/cargo");
                let path = std::env::var_os("PATH").unwrap_or_default();
                let dirs = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
                build
                    .env("PATH", std::env::join_paths(dirs)?)
                    .env("RUSTC", "/usr/bin/rustc")
                    // The caller may be rustup's cargo, whose choices must not leak in.
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("CARGO")
                    // -Zbuild-std on a released compiler.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_WASIP2_LINKER", "wasm-component-ld")
                    .arg("-Zbuild-std=std,panic_abort");
                build
            }
        };
        forget_package(&mut build);
        build.env_remove("RUSTFLAGS");
        build.env("CARGO_ENCODED_RUSTFLAGS", self.rustflags()?);
        build.args([
            "build",
            "--profile",
            "wasm",
            "--target",
            TARGET,
            "--target-dir",
        ]);
        build.arg(sh::root().join("target/wasm"));
        Ok(build)
    }

    /// Compiler flags in cargo's encoding, which allows spaces in paths.
    fn rustflags(&self) -> Result<String> {
        // Panic messages name source files: without this machine's folders in them, and with
        // the same bytes wherever the component is built.
        let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
        let remapped = [
            (Some(sh::root()), "framemill"),
            (cargo_home.or(home), "cargo"),
        ];
        let mut flags = vec!["-Ctarget-feature=+simd128".to_owned()];
        for (folder, name) in remapped {
            flags.extend(folder.map(|at| format!("--remap-path-prefix={}={name}", at.display())));
        }
        if let Self::Debian { .. } = self {
            let libc = Path::new(DEBIAN_LIBC).join("libc.a");
            let libc =
                std::fs::read(&libc).with_context(|| format!("cannot read {}", libc.display()))?;
            if !contains(&libc, b"pthread_mutex_lock") {
                // See crates/video: the decoders name these symbols and never call them.
                flags.push("--cfg=framemill_pthread_stubs".to_owned());
            }
        }
        Ok(flags.join("\x1f"))
    }
}

/// The cargo that runs us, with its own compiler: rustup's `rustc` proxy would obey the
/// `rust-toolchain.toml` that a dependency (rav1d) carries.
pub fn cargo_command() -> Result<Command> {
    let mut command = sh::command(cargo());
    forget_package(&mut command);
    let rustc = Path::new(&sysroot()?).join("bin/rustc");
    if rustc.is_file() {
        command.env("RUSTC", rustc);
    }
    Ok(command)
}

/// `cargo xtask` is a `cargo run`, which describes xtask's own package in the environment. A build
/// script that watches those variables (ring's does) runs again whenever they change, and all
/// that depends on it is compiled again: the cargo that we start sees what a person's sees.
fn forget_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if describes_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

fn describes_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_")
        || variable.starts_with("CARGO_BIN_")
        || matches!(
            variable,
            "CARGO_MANIFEST_DIR"
                | "CARGO_MANIFEST_PATH"
                | "CARGO_CRATE_NAME"
                | "CARGO_PRIMARY_PACKAGE"
        )
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn sysroot() -> Result<String> {
    sh::output(sh::command("rustc").args(["--print", "sysroot"]))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

fn rustup_target_installed() -> Result<bool> {
    let sysroot = sysroot()?;
    let target = Path::new(&sysroot).join("lib/rustlib").join(TARGET);
    Ok(target.join("lib").is_dir() && sysroot != "/usr")
}

fn rustup_target_add() -> bool {
    sh::on_path("rustup")
        && sh::command("rustup")
            .args(["target", "add", TARGET])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

/// rustc looks for `crt1-*.o` and `libc.a` in its sysroot's self-contained folder.
fn link_libc_into_sysroot() -> Result<()> {
    let folder = Path::new("/usr/lib/rustlib").join(TARGET).join("lib");
    let link = folder.join("self-contained");
    if link.join("libc.a").is_file() {
        return Ok(());
    }
    sh::run(sh::as_root("mkdir").arg("-p").arg(&folder))?;
    sh::run(sh::as_root("ln").args(["-sfn", DEBIAN_LIBC]).arg(&link))
}
