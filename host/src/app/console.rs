//! The console: pages about the bucket.

use super::builder::AppBuilder;
use crate::config::StoreAddress;
use axum::Router;
use framemill_console::{Access, Bucket, routes};
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;

/// Its routes, for a listener at this address; `None`, with a line of the log, where whoever reaches that
/// would see everything.
///
/// # Errors
/// Where its token or the bucket cannot be had.
pub fn console(
    app: &mut AppBuilder,
    address: SocketAddr,
    closing: &CancellationToken,
) -> anyhow::Result<Option<Router>> {
    let settings = &app.settings.console;
    let token = settings.token()?.map(|it| it.reveal().to_owned());
    let header = settings.identity_header.clone();
    let access = match Access::new(address, token, header.as_deref())? {
        Ok(access) => access,
        Err(closed) => {
            tracing::info!("{closed}");
            return Ok(None);
        }
    };
    let store = app.settings.store.clone();
    let config = &app.settings.config;
    let bucket = Bucket {
        layout: config.layout.clone(),
        videos: config.video_path.clone(),
        name: match &store {
            StoreAddress::Folder(folder) => folder.display().to_string(),
            StoreAddress::Gcs(bucket) => format!("gs://{bucket}"),
            StoreAddress::S3(bucket) => format!("s3://{bucket}"),
        },
        store: app.store(&store)?,
    };
    tracing::info!("console: http://{address}/");
    Ok(Some(routes(bucket, access, closing.clone())))
}
