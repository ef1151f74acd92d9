//! `[warehouse]`: which tables, and where they go.

use super::addresses::StoreAddress;
use super::error::SettingError;
use super::file::File;
use super::keys::HostTable;
use super::layers::{Given, Layers, named};
use framemill_contract::Config;
use framemill_function_spec::Values;
use framemill_warehouse::bigquery::Dataset;
use std::time::Duration;

/// Name of the table.
pub(super) const TABLE: &str = "warehouse";

/// The warehouse, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseSettings {
    /// Time between refreshes; `None` for never.
    pub refresh_every: Option<Duration>,
    /// Prefix of its files.
    pub path: String,
    /// Where they are loaded, if they are.
    pub bigquery: Option<BigQuerySettings>,
}

/// Where tables are loaded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigQuerySettings {
    /// Project and dataset.
    pub dataset: Dataset,
    /// The dataset's location, where it is told.
    pub location: Option<String>,
    /// Another endpoint than Google's.
    pub endpoint: Option<String>,
}

impl WarehouseSettings {
    /// From the environment and the table of the file. What is wrong goes to `errors`.
    pub(super) fn read(
        table: &HostTable,
        environment: &dyn Fn(&str) -> Option<String>,
        file: &File,
        errors: &mut Vec<SettingError>,
    ) -> (Self, Given) {
        let layers = Layers {
            table: table.name,
            flags: None,
            environment,
            variables: table.variable(""),
            file: file.tables.get(table.name),
            path: &file.path,
        };
        let given = layers.read(&table.keys, errors);
        let values = Values::new(&table.keys, |name| given.values.get(name).cloned());
        let every = values.duration("refresh_every").ok().flatten();
        let dataset = values.text("bigquery").map(|text| Dataset::parse(&text));
        let dataset = dataset.transpose().unwrap_or_else(|error| {
            errors.push(given.error(TABLE, "bigquery", error.to_string()));
            None
        });
        let settings = Self {
            refresh_every: every.map(|every| Duration::from_micros(every.micros())),
            path: values.prefix("path"),
            bigquery: dataset.map(|dataset| BigQuerySettings {
                dataset,
                location: values.text("bigquery_location"),
                endpoint: values.text("bigquery_endpoint"),
            }),
        };
        (settings, given)
    }

    /// What does not go with the rest of the configuration.
    pub(super) fn check(
        &self,
        given: &Given,
        store: &StoreAddress,
        config: &Config,
    ) -> Vec<SettingError> {
        let layout = &config.layout;
        let beside = layout.check_beside("path", &self.path, &config.video_path);
        let beside = beside.map_err(|error| given.error(TABLE, "path", error.reason));
        let is_gcs = matches!(store, StoreAddress::Gcs(_));
        let loadable = match self.bigquery {
            Some(_) if !is_gcs => {
                let reason = "needs a bucket that BigQuery can read, store = \"gs://…\": leave it out, and read the Parquet files from elsewhere";
                Err(given.error(TABLE, "bigquery", reason))
            }
            _ => Ok(()),
        };
        let alone = match (&self.bigquery, ["bigquery_location", "bigquery_endpoint"]) {
            (None, keys) => keys.into_iter().find(|key| given.values.contains_key(*key)),
            _ => None,
        };
        let alone = alone.map(|key| {
            let reason = format!(
                "counts for nothing, {} is not set: set it, or remove this key",
                named(TABLE, "bigquery")
            );
            given.error(TABLE, key, reason)
        });
        let wrong = [beside.err(), loadable.err(), alone];
        wrong.into_iter().flatten().collect()
    }
}
