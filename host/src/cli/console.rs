//! `framemill console`: pages about a bucket, without a service.

use super::bucket_options::BucketOptions;
use super::options::Named;
use super::up::listen_for_signals;
use crate::app::builder::AppBuilder;
use crate::app::console::console;
use crate::listener::{Limits, Listener};
use anyhow::Context as _;
use std::net::{Ipv4Addr, SocketAddr};
use tokio_util::sync::CancellationToken;

/// Where it listens if nothing is said.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8400);

/// Flags of `framemill console`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  framemill console --data bucket                 http://127.0.0.1:8400/: videos, frames, datasets of a folder
  framemill console --store gs://bucket
  FRAMEMILL_CONSOLE_TOKEN=$(openssl rand -hex 24) framemill console --config framemill.toml --listen 0.0.0.0:8400

It reads alone. `framemill up --listen 127.0.0.1:8400` serves the same pages beside the service.")]
pub struct ConsoleArgs {
    /// Where.
    #[command(flatten)]
    pub bucket: BucketOptions<ConsoleCommand>,
}

/// `framemill console`.
#[derive(Clone, Debug, Default)]
pub struct ConsoleCommand;

impl Named for ConsoleCommand {
    const NAME: &'static str = "console";
}

/// Serves pages until it is stopped.
///
/// # Errors
/// Where the address or the bucket cannot be had, or whoever reaches the address would see everything.
pub async fn run_console(args: ConsoleArgs) -> anyhow::Result<bool> {
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    listen_for_signals(stop.clone(), kill.clone())?;
    let mut app = AppBuilder::new(args.bucket.settings()?);
    let address = app.settings.listen.unwrap_or(ADDRESS);
    let listener = Listener::bind(address, Limits::default()).await?;
    let address = listener.address()?;
    let routes = console(&mut app, address, &stop)?.with_context(|| {
        format!("nobody could be told from anybody on {address}: set FRAMEMILL_CONSOLE_TOKEN, or listen on 127.0.0.1")
    })?;
    eprintln!("http://{address}/");
    tokio::select! {
        () = listener.serve(routes, stop) => {}
        () = kill.cancelled() => {}
    }
    Ok(true)
}
