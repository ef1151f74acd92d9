//! S3 as moto speaks it.

use super::http::{HttpResponse, escaped, send};
use super::process::{Process, answers, free_port, in_venv, program};
use std::process::Command;
use ureq::http::Request;

const INSTALL: &str = "pip install 'moto[server]==5.2.5', and FRAMEMILL_TEST_MOTO=…/moto_server";

/// moto reads who asks and believes every signature; without an owner's key, objects are private.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
    Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// A moto server of its own, in memory. It takes any access key.
pub struct S3 {
    process: Process,
    port: u16,
}

impl S3 {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        let usual = in_venv("servers", "bin/moto_server");
        let moto = program("FRAMEMILL_TEST_MOTO", &[usual], INSTALL);
        let (process, port) = Process::start(
            "s3",
            |_| {
                let port = free_port();
                let mut server = Command::new(&moto);
                server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
                (server, port)
            },
            |port| answers(&format!("http://127.0.0.1:{port}/moto-api/data.json")),
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

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Creates a bucket in us-east-1.
    pub fn create_bucket(&self, name: &str) {
        let url = format!("{}/{name}", self.endpoint());
        signed("PUT", &url, Vec::new()).ok();
    }

    /// Places an object, over one of the same name.
    pub fn put(&self, bucket: &str, name: &str, bytes: &[u8]) {
        signed("PUT", &self.url(bucket, name), bytes.to_vec()).ok();
    }

    /// An object's bytes, or the status of the refusal (404 where there is none).
    pub fn get(&self, bucket: &str, name: &str) -> Result<Vec<u8>, u16> {
        let answer = signed("GET", &self.url(bucket, name), Vec::new());
        match answer.status {
            200 => Ok(answer.body),
            other => Err(other),
        }
    }

    fn url(&self, bucket: &str, name: &str) -> String {
        let name: Vec<String> = name.split('/').map(escaped).collect();
        format!("{}/{bucket}/{}", self.endpoint(), name.join("/"))
    }
}

fn signed(method: &str, url: &str, body: Vec<u8>) -> HttpResponse {
    let request = Request::builder().method(method).uri(url);
    let request = request.header("authorization", AUTHORIZATION).body(body);
    send(request.unwrap())
}
