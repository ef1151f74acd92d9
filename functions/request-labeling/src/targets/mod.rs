//! The labeling systems that can be asked: one file here per system, and its line in [`handle`].

mod body;
mod cvat;
mod label_studio;
mod none;
mod pubsub;
mod scale;
mod webhook;

use cvat::Cvat;
use framemill_component_sdk::http::Web;
use framemill_component_sdk::labeling::{self, LabelOutcome, Target};
use framemill_component_sdk::store::Objects;
use framemill_contract::{ConfigError, Event, JobError, LabelConfig, TargetKind};
use label_studio::LabelStudio;
use none::NoTarget;
use pubsub::Pubsub;
use scale::Scale;
use webhook::Webhook;

/// Handles one event with the target that is configured.
pub async fn handle<O: Objects, W: Web>(
    objects: &O,
    web: &W,
    config: &LabelConfig,
    event: &Event,
) -> LabelOutcome {
    let work = Work {
        objects,
        web,
        config,
        event,
    };
    match &config.target {
        Some(TargetKind::LabelStudio) => work.run(LabelStudio::new(web, config)).await,
        Some(TargetKind::Cvat) => work.run(Cvat::new(web, config)).await,
        Some(TargetKind::Scale) => work.run(Scale::new(web, config)).await,
        Some(TargetKind::Webhook) => work.run(Webhook::new(web, config)).await,
        Some(TargetKind::Pubsub) => work.run(Pubsub::new(web, config)).await,
        None => work.run(NoTarget).await,
        Some(TargetKind::Custom(name)) => {
            let reason = format!("`{name}` is asked by a component of your own, not by this one");
            let error = config.as_set(ConfigError::new("target", reason));
            LabelOutcome::misconfigured(&JobError::Config(error))
        }
    }
}

/// An event, and what handling it takes besides a target.
struct Work<'a, O, W> {
    objects: &'a O,
    web: &'a W,
    config: &'a LabelConfig,
    event: &'a Event,
}

impl<O: Objects, W: Web> Work<'_, O, W> {
    async fn run(&self, target: impl Target) -> LabelOutcome {
        labeling::handle(self.objects, self.web, self.config, &target, self.event).await
    }
}
