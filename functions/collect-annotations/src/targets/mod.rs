//! The labeling systems that can be read: one file here per system, and its line in [`handle`].

mod cvat;
mod label_studio;
mod scale;

use crate::collect;
use cvat::Cvat;
use framemill_component_sdk::http::Web;
use framemill_component_sdk::labeling::LabelOutcome;
use framemill_component_sdk::store::Objects;
use framemill_contract::{ConfigError, Event, JobError, LabelConfig, TargetKind};
use label_studio::LabelStudio;
use scale::Scale;

/// Handles one event with the target that is configured.
pub async fn handle<O: Objects, W: Web>(
    objects: &O,
    web: &W,
    config: &LabelConfig,
    event: &Event,
) -> LabelOutcome {
    match &config.target {
        Some(TargetKind::LabelStudio) => {
            collect::handle(objects, config, &LabelStudio::new(web, config), event).await
        }
        Some(TargetKind::Cvat) => {
            collect::handle(objects, config, &Cvat::new(web, config), event).await
        }
        Some(TargetKind::Scale) => {
            collect::handle(objects, config, &Scale::new(web, config), event).await
        }
        other => {
            let name = other.as_ref().map_or("no one", TargetKind::name);
            let reason = format!("is {name}, whose answers cannot be read");
            let error = config.as_set(ConfigError::new("target", reason));
            LabelOutcome::misconfigured(&JobError::Config(error))
        }
    }
}
