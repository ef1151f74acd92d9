//! The warehouse of the common bucket: refreshed, and loaded into BigQuery where that is configured.

use super::builder::AppBuilder;
use crate::config::{BigQuerySettings, Settings};
use anyhow::Context as _;
use framemill_warehouse::TABLES;
use framemill_warehouse::bigquery::LoadJob;
use framemill_warehouse_host::{BigQuery, Loaded, Progress, Refreshed, Warehouse, WarehouseError};
use serde::Serialize;
use std::time::Duration;
use tokio::task::JoinSet;

/// A refresh that failed is tried again after this time.
const AGAIN: Duration = Duration::from_secs(60);

/// What was done: tables in the bucket, then those in BigQuery.
#[derive(Clone, Debug, Serialize)]
pub struct Delivered {
    /// Tables in the bucket.
    #[serde(flatten)]
    pub refreshed: Refreshed,
    /// Tables in BigQuery.
    pub loaded: Vec<Loaded>,
}

/// Tables, and where they go.
pub struct Delivery {
    warehouse: Warehouse,
    bigquery: Option<BigQuerySettings>,
}

impl Delivery {
    /// Of the common bucket.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(app: &mut AppBuilder) -> anyhow::Result<Self> {
        let Settings {
            store,
            config,
            warehouse,
            ..
        } = app.settings.clone();
        Ok(Self {
            warehouse: Warehouse {
                store: app.store(&store)?,
                bucket: store.bucket().to_owned(),
                layout: config.layout,
                path: warehouse.path,
            },
            bigquery: warehouse.bigquery,
        })
    }

    /// Brings the tables up to date, or makes them anew, and loads them.
    ///
    /// # Errors
    /// Where the bucket or BigQuery does not answer, or refuses.
    pub async fn run(
        &self,
        anew: bool,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> anyhow::Result<Delivered> {
        let refreshed = match anew {
            true => self.warehouse.rebuild(progress).await?,
            false => self.warehouse.refresh(progress).await?,
        };
        let loaded = match &self.bigquery {
            Some(bigquery) => load(bigquery, &refreshed).await?,
            None => Vec::new(),
        };
        Ok(Delivered { refreshed, loaded })
    }
}

/// Loads all tables at the same time.
async fn load(to: &BigQuerySettings, refreshed: &Refreshed) -> anyhow::Result<Vec<Loaded>> {
    let client = BigQuery::open(to.endpoint.as_deref())?;
    let mut loads = Vec::new();
    for (table, report) in TABLES.into_iter().zip(&refreshed.tables) {
        let files = report.files.clone();
        let job = LoadJob::new(table, &to.dataset, to.location.as_deref(), files);
        loads.push(load_table(&client, to, job));
    }
    futures::future::try_join_all(loads).await
}

async fn load_table(
    client: &BigQuery,
    to: &BigQuerySettings,
    job: LoadJob,
) -> anyhow::Result<Loaded> {
    let loaded = client.load(&job).await;
    loaded.with_context(|| format!("table {}.{}", to.dataset, job.table()))
}

/// Starts the refreshes of a service, where they are configured. One that fails stops nothing.
///
/// # Errors
/// Where the bucket cannot be opened.
pub(super) fn start_refreshes(
    app: &mut AppBuilder,
    background: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let Some(every) = app.settings.warehouse.refresh_every else {
        return Ok(());
    };
    let delivery = Delivery::open(app)?;
    background.spawn(async move {
        loop {
            let wait = match delivery.run(false, &|_| {}).await {
                Ok(delivered) => {
                    note(&delivered);
                    every
                }
                Err(error) if is_conflict(&error) => {
                    tracing::info!("another process refreshes the warehouse");
                    every
                }
                Err(error) => {
                    tracing::warn!(
                        "the warehouse is not up to date, and it is tried again: {error:#}"
                    );
                    every.min(AGAIN)
                }
            };
            tokio::time::sleep(wait).await;
        }
    });
    Ok(())
}

/// Whether another process was faster: then the tables are its.
fn is_conflict(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<WarehouseError>();
    matches!(error, Some(WarehouseError::Conflict { .. }))
}

fn note(delivered: &Delivered) {
    let Delivered { refreshed, loaded } = delivered;
    let problems = refreshed.problems.len();
    if let Some(first) = refreshed.problems.first() {
        tracing::warn!(
            problems,
            "objects have no rows in the warehouse: {}: {}",
            first.name,
            first.reason
        );
    }
    tracing::info!(
        shards = refreshed.shards,
        written = refreshed.written,
        read = refreshed.read,
        loaded = loaded.iter().filter(|table| !table.unchanged).count(),
        "warehouse refreshed"
    );
}
