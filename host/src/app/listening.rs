//! The HTTP listener of a running service.

use super::builder::AppBuilder;
use super::console::console;
use crate::inbox::Inbox;
use crate::listener::{Images, Limits, Listener, Probes, PushAuthenticator, Readiness, Site};
use crate::service::Service;
use framemill_contract::Push;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A listener that serves.
pub(super) struct Listening {
    site: Arc<Site>,
    close: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Listening {
    /// Listens, where an address is configured. Messages are not taken before [`Self::ready`],
    /// nor after `stop`.
    pub(super) async fn start(
        app: &mut AppBuilder,
        stop: &CancellationToken,
    ) -> anyhow::Result<Option<Self>> {
        let Some(address) = app.settings.listen else {
            return Ok(None);
        };
        let limits = Limits::default();
        let listener = Listener::bind(address, limits).await?;
        let address = listener.address()?;
        announce(address, &app.settings.push);
        let site = Arc::new(Site {
            images: Images::new(
                app.store(&app.settings.store.clone())?,
                app.settings.store.bucket(),
                &app.settings.config.layout.images,
            ),
            authenticator: PushAuthenticator::new(app.settings.push.clone())?,
            readiness: Readiness::new(stop.clone()),
            metrics: Arc::clone(&app.metrics),
            services: OnceLock::new(),
            inbox: OnceLock::new(),
            limits,
            stop: stop.clone(),
        });
        let close = CancellationToken::new();
        let mut routes = Arc::clone(&site).router();
        if let Some(console) = console(app, address, &close)? {
            routes = routes.merge(console);
        }
        let served = listener.serve(routes, close.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(served));
        Ok(Some(Self { site, close, task }))
    }

    /// From now on messages are taken.
    pub(super) fn ready(
        &self,
        app: &mut AppBuilder,
        services: &[Arc<Service>],
        inbox: Option<Arc<Inbox>>,
    ) -> anyhow::Result<()> {
        self.site.readiness.start(Probes {
            store: app.store(&app.settings.store.clone())?,
            sources: services
                .iter()
                .map(|service| Arc::clone(&service.source))
                .collect(),
        });
        // What was there first stays: it is called once.
        let _ = self.site.inbox.set(inbox);
        let _ = self.site.services.set(services.to_vec());
        Ok(())
    }

    /// Lets each connection end its request; `kill` cuts that short.
    pub(super) async fn close(self, kill: &CancellationToken) {
        self.close.cancel();
        tokio::select! {
            () = kill.cancelled() => {}
            ended = self.task => if ended.is_err() {
                tracing::error!("the listener itself failed: report it with the log");
            }
        }
    }
}

fn announce(address: SocketAddr, push: &Push) {
    tracing::info!(
        "listening on http://{address}: /push, /annotations, /images, /healthz, /readyz, /metrics"
    );
    if *push == Push::Unconfigured {
        tracing::info!(
            "pushed messages are refused: push_audience and push_email say whose to take"
        );
    }
    if !address.ip().is_loopback() {
        tracing::info!("everyone who reaches {address} can read images and metrics");
    }
}
