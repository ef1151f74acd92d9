//! Label Studio: `cargo xtask test --with label-studio` installs it.

use super::http::{HttpResponse, send};
use super::process::{Process, answers, free_port, in_venv, program};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use ureq::http::Request;

const INSTALL: &str = "cargo xtask test --with label-studio";
/// The only user's legacy token: 40 hexadecimal digits, as Label Studio makes them.
const TOKEN: &str = "7e57000000000000000000000000000000007e57";
/// Two choices about one image: the smallest useful project.
const LABELS: &str = r#"<View><Image name="image" value="$image"/><Choices name="kind" toName="image"><Choice value="yes"/><Choice value="no"/></Choices></View>"#;

/// A Label Studio of its own, with one user and no project.
pub struct LabelStudio {
    process: Process,
    port: u16,
}

impl LabelStudio {
    /// Starts one and waits until it answers. The first start on a machine takes minutes, in
    /// which its empty database is made; that is kept beside the program.
    pub fn start() -> Self {
        let usual = in_venv("label-studio", "bin/label-studio");
        let studio = program("FRAMEMILL_TEST_LABEL_STUDIO", &[usual], INSTALL);
        let database = empty_database(&studio);
        let (process, port) = Process::start(
            "label-studio",
            |folder| {
                let port = free_port();
                fs::copy(&database, folder.join("label_studio.sqlite3")).unwrap();
                let mut server = command(&studio, folder);
                server
                    .args(["start", "--no-browser", "--internal-host", "127.0.0.1"])
                    .args(["--port", &port.to_string(), "--username", "ci@example.com"])
                    .args(["--password", "only-for-tests", "--user-token", TOKEN]);
                (server, port)
            },
            |port| answers(&format!("http://127.0.0.1:{port}/health")),
        );
        Self { process, port }
    }

    /// Its address with the scheme.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Host and port.
    pub fn host_port(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// For the header `Authorization: Token …`.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Calls its API as the user; `path` begins with `/api/`.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> HttpResponse {
        let bytes = body.map_or_else(Vec::new, |body| serde_json::to_vec(body).unwrap());
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.endpoint()))
            .header("authorization", format!("Token {TOKEN}"))
            .header("content-type", "application/json");
        send(request.body(bytes).unwrap())
    }

    /// Creates a project about images, `$image` in a task's data, and gives its id.
    pub fn create_project(&self, title: &str) -> u64 {
        let project = json!({ "title": title, "label_config": LABELS });
        let made = self.call("POST", "/api/projects", Some(&project)).json();
        made["id"].as_u64().unwrap()
    }

    /// All tasks of a project, as the API describes them.
    pub fn tasks(&self, project: u64) -> Vec<Value> {
        let mut tasks = Vec::new();
        for page in 1.. {
            let path = format!("/api/tasks?project={project}&page={page}&page_size=100&fields=all");
            let answer = self.call("GET", &path, None).json();
            let more = answer["tasks"].as_array().unwrap();
            tasks.extend(more.iter().cloned());
            let total = answer["total"].as_u64().unwrap();
            if more.is_empty() || tasks.len() as u64 >= total {
                break;
            }
        }
        tasks
    }
}

fn command(studio: &Path, folder: &Path) -> Command {
    let mut command = Command::new(studio);
    command
        .env("HOME", folder)
        .env("LABEL_STUDIO_BASE_DATA_DIR", folder)
        .env("LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN", "true")
        // Else it refuses to import from addresses of this machine.
        .env("SSRF_PROTECTION_ENABLED", "false")
        .env("COLLECT_ANALYTICS", "false")
        .env("LATEST_VERSION_CHECK", "false")
        .env("SENTRY_DSN", "")
        .env("FRONTEND_SENTRY_DSN", "");
    command
}

/// A database with every migration applied: minutes of work, so done once for a program.
fn empty_database(studio: &Path) -> PathBuf {
    let bin = studio.parent().unwrap();
    let made = bin.join("label-studio-empty.sqlite3");
    let lock = File::create(bin.join("label-studio-empty.lock")).unwrap();
    lock.lock().unwrap();
    if !made.is_file() {
        let folder = tempfile::tempdir_in(bin).unwrap();
        crate::succeed(command(studio, folder.path()).arg("version"));
        fs::rename(folder.path().join("label_studio.sqlite3"), &made).unwrap();
    }
    made
}
