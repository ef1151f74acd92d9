//! A real `spin up`.

use super::case::{Case, Demand};
use super::{Harness, Host};
use crate::servers::{HttpResponse, Process, free_port, program, try_send};
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use ureq::http::Request;

/// What each instance may use, as on a small cloud.
const MEMORY: &str = "134217728";
/// Requests that a token is good for: more than there are.
const ALL: u64 = u64::MAX;

/// Starts `spin up` for each set of variables.
pub struct Spin {
    program: PathBuf,
    limited: bool,
    running: Option<Running>,
}

struct Running {
    manifest: PathBuf,
    variables: BTreeMap<String, String>,
    process: Process,
    port: u16,
}

impl Spin {
    /// The one that `FRAMEMILL_TEST_SPIN` names: `cargo xtask test` takes the one on the PATH.
    pub fn find() -> Self {
        let install = "curl -fsSL https://spinframework.dev/downloads/install.sh | bash, put `spin` on the PATH, and run `cargo xtask test --with spin`";
        let program = program("FRAMEMILL_TEST_SPIN", &[], install);
        let help = crate::succeed(Command::new(&program).args(["up", "--help"]));
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        Self {
            program,
            limited: help.contains("--max-instance-memory"),
            running: None,
        }
    }

    /// Serves the application of a manifest with these variables, in place of the one before;
    /// gives where it listens.
    pub fn serve(&mut self, manifest: &Path, variables: &BTreeMap<String, String>) -> String {
        // Ends the one before.
        self.running = None;
        let (process, port) = self.up(manifest, variables);
        self.running = Some(Running {
            manifest: manifest.to_owned(),
            variables: variables.clone(),
            process,
            port,
        });
        format!("http://127.0.0.1:{port}")
    }

    /// Sends a request to the application.
    ///
    /// # Errors
    /// Where no answer comes at all.
    pub fn post(&self, request: Request<Vec<u8>>) -> Result<HttpResponse, String> {
        let running = self.running.as_ref().ok_or("spin is not started")?;
        let (mut parts, body) = request.into_parts();
        let url = format!("http://127.0.0.1:{}{}", running.port, parts.uri);
        parts.uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        try_send(Request::from_parts(parts, body))
            .map_err(|error| format!("{error}; its log:\n{}", running.process.log()))
    }

    fn up(&self, manifest: &Path, variables: &BTreeMap<String, String>) -> (Process, u16) {
        let command = |folder: &Path| {
            let port = free_port();
            let mut command = Command::new(&self.program);
            command
                .args(["up", "-f"])
                .arg(manifest)
                .args(["--listen", &format!("127.0.0.1:{port}"), "--state-dir"])
                .arg(folder.join("state"));
            if self.limited {
                command.args(["--max-instance-memory", MEMORY]);
            }
            for (name, value) in variables {
                command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
            }
            // Nobody is told of our tests.
            command.env("OTEL_SDK_DISABLED", "true");
            command.env("DO_NOT_TRACK", "1");
            (command, port)
        };
        // It listens once all components are ready.
        let ready = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
        Process::start("spin", command, ready)
    }
}

impl Host for Spin {
    fn name(&self) -> &'static str {
        "spin"
    }

    fn takes(&self, case: &Case) -> bool {
        !case.trusted
    }

    fn start(
        &mut self,
        _case: &Case,
        manifest: &Path,
        variables: &BTreeMap<String, String>,
        _world: &Harness,
    ) {
        let same =
            |running: &Running| running.manifest == manifest && &running.variables == variables;
        if self.running.as_ref().is_some_and(same) {
            return;
        }
        self.serve(manifest, variables);
    }

    fn demand(&mut self, demand: &Demand, harness: &Harness) {
        if let Some(token) = &demand.token {
            harness.gcs.accept_token(token, ALL);
        }
        demand.prepare(&harness.gcs);
    }

    fn send(&mut self, request: Request<Vec<u8>>) -> Result<HttpResponse, String> {
        self.post(request)
    }
}
