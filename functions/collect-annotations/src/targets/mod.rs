//! The labeling systems that can be read: one file here per system, and its line in [`handle`].

mod cvat;
mod label_studio;
mod reports;
mod scale;

use crate::answering::Answering;
use crate::collect;
use cvat::Cvat;
use framemill_component_sdk::http::Web;
use framemill_component_sdk::labeling::LabelOutcome;
use framemill_component_sdk::store::Objects;
use framemill_contract::{CollectConfig, ConfigError, Event, JobError, TargetKind};
use label_studio::LabelStudio;
use reports::Reports;
use scale::Scale;

/// Handles one event with the target that is configured.
pub async fn handle<O: Objects, W: Web>(
    objects: &O,
    web: &W,
    config: &CollectConfig,
    event: &Event,
) -> LabelOutcome {
    let work = Work {
        objects,
        web,
        config,
        event,
    };
    let labeling = &config.labeling;
    match &labeling.target {
        Some(TargetKind::LabelStudio) => work.run(LabelStudio::new(web, labeling)).await,
        Some(TargetKind::Cvat) => work.run(Cvat::new(web, labeling)).await,
        Some(TargetKind::Scale) => work.run(Scale::new(web, labeling)).await,
        Some(TargetKind::Webhook) => work.run(Reports).await,
        other => {
            let name = other.as_ref().map_or("no one", TargetKind::name);
            let reason = format!("is {name}, whose answers cannot be read");
            let error = labeling.as_set(ConfigError::new("target", reason));
            LabelOutcome::misconfigured(&JobError::Config(error))
        }
    }
}

/// An event, and what handling it takes besides a target.
struct Work<'a, O, W> {
    objects: &'a O,
    web: &'a W,
    config: &'a CollectConfig,
    event: &'a Event,
}

impl<O: Objects, W: Web> Work<'_, O, W> {
    async fn run(&self, target: impl Answering) -> LabelOutcome {
        collect::handle(self.objects, self.web, self.config, &target, self.event).await
    }
}
