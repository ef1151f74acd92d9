//! RabbitMQ: a private node that knows nothing of a system's service.

use super::process::{Process, free_port, program};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const INSTALL: &str = "apt-get install -y --no-install-recommends rabbitmq-server";
/// Not /usr/sbin/rabbitmq-server, which changes to the service's user and folders.
const USUAL: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// Erlang's name server, with which the node registers.
const EPMD: &str = "/usr/bin/epmd";

/// A RabbitMQ node of its own; user and password are `guest`.
pub struct RabbitMq {
    /// Dropped first: the node must not miss its name server.
    process: Process,
    _names: Process,
    port: u16,
}

impl RabbitMq {
    /// Starts one and waits until it speaks AMQP.
    pub fn start() -> Self {
        let server = program("FRAMEMILL_TEST_RABBITMQ", &[USUAL.into()], INSTALL);
        let (names, names_port) = name_server();
        let (process, port) = Process::start(
            "rabbitmq",
            |folder| {
                let port = free_port();
                (node(&server, folder, port, names_port), port)
            },
            |port| greeting(*port).is_some(),
        );
        Self {
            process,
            _names: names,
            port,
        }
    }

    /// `amqp://…` with user, password and the virtual host `/`.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Host and port.
    pub fn host_port(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The process group of the node and all that it starts.
    pub fn process_group(&self) -> String {
        self.process.id().to_string()
    }

    /// The server's first frame to a new connection: `Connection.Start`, which names the product.
    pub fn greeting(&self) -> Vec<u8> {
        greeting(self.port).expect("a Connection.Start frame")
    }
}

fn name_server() -> (Process, u16) {
    let epmd = program("FRAMEMILL_TEST_EPMD", &[PathBuf::from(EPMD)], INSTALL);
    Process::start(
        "epmd",
        |_| {
            let port = free_port();
            let mut names = Command::new(&epmd);
            names.args(["-address", "127.0.0.1", "-port", &port.to_string()]);
            (names, port)
        },
        |port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok(),
    )
}

fn node(server: &Path, folder: &Path, port: u16, names_port: u16) -> Command {
    let mut node = Command::new(server);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RABBITMQ_") {
            node.env_remove(name);
        }
    }
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let schema = folder.join("schema");
    std::fs::create_dir(&schema).unwrap();
    node.env("HOME", folder)
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", names_port.to_string())
        .env("RABBITMQ_NODENAME", format!("framemill-{port}@localhost"))
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", free_port().to_string())
        .env("RABBITMQ_CONF_ENV_FILE", file("rabbitmq-env.conf", ""))
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
        )
        .env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf", ""))
        .env(
            "RABBITMQ_ADVANCED_CONFIG_FILE",
            file("advanced.config", "[]."),
        )
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("plugins", "[]."))
        .env("RABBITMQ_SCHEMA_DIR", schema)
        .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", folder.join("logs"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_PID_FILE", folder.join("pid"));
    node
}

fn greeting(port: u16) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    stream.write_all(b"AMQP\x00\x00\x09\x01").ok()?;
    // Frame: type, channel (2 bytes), length of the payload (4 bytes), payload, end mark.
    let mut head = [0; 7];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    let mut payload = vec![0; usize::try_from(length.min(64 * 1024)).ok()?];
    stream.read_exact(&mut payload).ok()?;
    // Method frame on channel 0, class Connection (10), method Start (10).
    (head[..3] == [1, 0, 0] && payload.starts_with(&[0, 10, 0, 10])).then_some(payload)
}
