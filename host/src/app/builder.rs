//! Settings as parts that run: buckets, sources, pipelines.

use super::function_runtime::{function_runtime, outbound};
use super::sweep::SweepRule;
use super::sweep_rules;
use super::{Components, Problems};
use crate::config::{FunctionSettings, Settings, SourceAddress, StoreAddress};
use crate::service::Pipeline;
use crate::telemetry::Metrics;
use anyhow::Context as _;
use framemill_contract::ObjectRef;
use framemill_function_spec::Function;
use framemill_objects::{
    FileLayout, GcsStore, LocalStore, PRIVATE_FOLDER, S3Options, S3Store, Store,
};
use framemill_runtime::{Component, ComponentEvent, Engine, MemoryBudget, Observer};
use framemill_sources::{KINDS, PushOnlySource, Queue, QueueSource, Source, SourceOptions};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Wait for a source where the start has failed already.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Everything that the configuration names, opened when it is first asked for.
pub struct AppBuilder {
    /// The configuration.
    pub settings: Settings,
    /// Counts what the components do.
    pub metrics: Arc<Metrics>,
    /// Memory that the sandboxes of all functions share.
    memory: Option<MemoryBudget>,
    stores: HashMap<StoreAddress, Arc<dyn Store>>,
    sources: HashMap<SourceAddress, Arc<dyn Source>>,
    queue: Option<Arc<Queue>>,
}

impl AppBuilder {
    /// Nothing is opened yet.
    pub fn new(settings: Settings) -> Self {
        let memory = settings.sandbox_memory();
        Self {
            settings,
            metrics: Arc::new(Metrics::with_memory(memory.clone())),
            memory,
            stores: HashMap::new(),
            sources: HashMap::new(),
            queue: None,
        }
    }

    /// How to see what functions have not worked on, where that can be seen.
    ///
    /// # Errors
    /// Where a source cannot be opened.
    pub async fn sweep_rules(&mut self) -> anyhow::Result<Vec<SweepRule>> {
        let mut rules = Vec::new();
        for settings in self.functions() {
            if settings.store == self.settings.store {
                let source = self.source(&settings.source).await?;
                rules.extend(sweep_rules::rule(&settings.function, source));
            }
        }
        Ok(rules)
    }

    /// What runs. The embedded queue has one consumer: where the folder is watched, it is that
    /// one.
    pub fn functions(&self) -> Vec<FunctionSettings> {
        let mut functions = self.settings.functions.clone();
        for function in &mut functions {
            if function.source == SourceAddress::Queue
                && self.settings.source == SourceAddress::Folder
            {
                function.source = SourceAddress::Folder;
            }
        }
        functions
    }

    /// A bucket.
    ///
    /// # Errors
    /// Where it cannot be opened: credentials that are missing.
    pub fn store(&mut self, address: &StoreAddress) -> anyhow::Result<Arc<dyn Store>> {
        if let Some(store) = self.stores.get(address) {
            return Ok(Arc::clone(store));
        }
        let store: Arc<dyn Store> = match address {
            StoreAddress::Folder(folder) => Arc::new(LocalStore::new(FileLayout {
                follow_links: self.settings.follow_links,
                ..FileLayout::folder(folder)
            })),
            StoreAddress::Gcs(bucket) => Arc::new(GcsStore::open(bucket)?),
            StoreAddress::S3(bucket) => Arc::new(S3Store::open(bucket, &S3Options::default())?),
        };
        self.stores.insert(address.clone(), Arc::clone(&store));
        Ok(store)
    }

    /// The embedded queue.
    ///
    /// # Errors
    /// Where another process has it, or its file cannot be read.
    pub fn queue(&mut self) -> anyhow::Result<Arc<Queue>> {
        if let Some(queue) = &self.queue {
            return Ok(Arc::clone(queue));
        }
        let folder = self.settings.data_folder();
        let file = folder.join(PRIVATE_FOLDER).join("queue.redb");
        let queue = Arc::new(Queue::open(&file, self.settings.max_attempts)?);
        self.queue = Some(Arc::clone(&queue));
        Ok(queue)
    }

    /// The embedded queue, if anything uses it.
    pub fn embedded(&self) -> Option<Arc<Queue>> {
        self.queue.clone()
    }

    /// A source of messages.
    ///
    /// # Errors
    /// Where it is not there, or may not be used.
    pub async fn source(&mut self, address: &SourceAddress) -> anyhow::Result<Arc<dyn Source>> {
        if let Some(source) = self.sources.get(address) {
            return Ok(Arc::clone(source));
        }
        let settings = &self.settings;
        let source: Arc<dyn Source> = match address {
            SourceAddress::Folder | SourceAddress::Queue => {
                Arc::new(QueueSource::new(self.queue()?, "the embedded queue"))
            }
            SourceAddress::Remote { kind, name } => {
                let options = SourceOptions {
                    workers: settings.workers,
                    prefetch: settings.prefetch,
                    max_attempts: settings.max_attempts,
                    dead_letters: settings.dead_letters.clone(),
                };
                let kind = KINDS.get(*kind).context("no such kind of source")?;
                kind.open(name, &options).await?
            }
            SourceAddress::None => Arc::new(PushOnlySource),
        };
        self.sources.insert(address.clone(), Arc::clone(&source));
        Ok(source)
    }

    /// Queues what components write to a folder: a folder sends no events of its own.
    fn observer(&mut self, functions: &[FunctionSettings]) -> anyhow::Result<Observer> {
        let waiting: Vec<Function> = functions
            .iter()
            .filter(|it| it.source.is_embedded() && it.store == self.settings.store)
            .map(|it| it.function.clone())
            .collect();
        if waiting.is_empty() {
            return Ok(Arc::new(|_, _| {}));
        }
        let (queue, bucket) = (self.queue()?, self.settings.store.bucket().to_owned());
        Ok(Arc::new(move |_, event| {
            let ComponentEvent::Written(written) = event else {
                return;
            };
            // What continues work is brought by the host itself.
            let starts = |function: &Function| {
                let trigger = &function.trigger;
                trigger.stem(&written.name).is_some() && !trigger.continues(&written.name)
            };
            if !waiting.iter().any(starts) {
                return;
            }
            let object = ObjectRef {
                bucket: bucket.clone(),
                name: written.name,
                generation: Some(written.generation),
            };
            if let Err(error) = queue.enqueue(&object) {
                // The next sweep finds it.
                tracing::warn!(%error, "not queued: {}", object.name);
            }
        }))
    }

    /// All pipelines, ready to run, by source.
    ///
    /// # Errors
    /// [`Problems`]: all components, buckets, secrets and sources that are missing.
    pub async fn build(
        &mut self,
        components: &Components,
    ) -> anyhow::Result<Vec<(Arc<dyn Source>, Vec<Pipeline>)>> {
        let functions = self.functions();
        let mut problems = Problems::default();
        let observer = problems.note(self.observer(&functions));
        let observer = observer.unwrap_or_else(|| Arc::new(|_, _| {}));
        let engine = components.engine()?;
        let mut loaded: BTreeMap<String, Component> = BTreeMap::new();
        let mut built: Vec<(SourceAddress, Vec<Pipeline>)> = Vec::new();
        for settings in functions {
            let component = match loaded.get(&settings.component) {
                Some(component) => Ok(component.clone()),
                None => components.load(&engine, &settings.component).await,
            };
            let name = settings.component.clone();
            let component = problems.note(component);
            loaded.extend(component.clone().map(|component| (name, component)));
            let source = settings.source.clone();
            let pipeline = self.pipeline(&engine, component, settings, &observer);
            let pipeline = problems.note(pipeline).flatten();
            match built.iter_mut().find(|(there, _)| *there == source) {
                Some((_, pipelines)) => pipelines.extend(pipeline),
                None => built.push((source, Vec::from_iter(pipeline))),
            }
        }
        let mut services = Vec::with_capacity(built.len());
        for (address, pipelines) in built {
            let source = self.source_or(&address, &problems).await;
            let source = problems.note(source).flatten();
            services.extend(source.map(|source| (source, pipelines)));
        }
        problems.none()?;
        Ok(services)
    }

    /// The pipeline of one function, for a command that calls it itself: what it writes queues nothing.
    ///
    /// # Errors
    /// Where its component, its bucket or a secret is missing.
    pub async fn pipeline_of(
        &mut self,
        components: &Components,
        settings: FunctionSettings,
    ) -> anyhow::Result<Pipeline> {
        let engine = components.engine()?;
        let component = components.load(&engine, &settings.component).await?;
        let observer: Observer = Arc::new(|_, _| {});
        let pipeline = self.pipeline(&engine, Some(component), settings, &observer)?;
        pipeline.context("no pipeline without a component")
    }

    /// A source; where there are problems already they are not kept waiting for one that does not
    /// answer.
    async fn source_or(
        &mut self,
        address: &SourceAddress,
        problems: &Problems,
    ) -> anyhow::Result<Option<Arc<dyn Source>>> {
        let source = self.source(address);
        if problems.0.is_empty() {
            return source.await.map(Some);
        }
        let answer = tokio::time::timeout(LONGEST_LOOK, source).await;
        answer.ok().transpose()
    }

    /// A pipeline, where its component is there.
    fn pipeline(
        &mut self,
        engine: &Engine,
        component: Option<Component>,
        settings: FunctionSettings,
        observer: &Observer,
    ) -> anyhow::Result<Option<Pipeline>> {
        let (component, store) = match (component, self.store(&settings.store)) {
            (Some(component), Ok(store)) => (component, store),
            (_, store) => {
                let mut problems = Problems::default();
                problems.note(store);
                problems.note(outbound(&settings).map_err(Into::into));
                problems.none()?;
                return Ok(None);
            }
        };
        let name = &settings.function.name;
        let observer = self.metrics.observer(name, Arc::clone(observer));
        let runtime = function_runtime(
            engine,
            component,
            &self.settings,
            &settings,
            &store,
            self.memory.clone(),
            observer,
        )?;
        Ok(Some(Pipeline {
            bucket: settings.store.bucket().to_owned(),
            function: settings.function,
            runtime,
            store,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    #[tokio::test]
    async fn all_that_is_missing_is_said_at_once_and_once() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().to_str().unwrap().to_owned();
        let file = "[extract]\ncomponent = 'nowhere'\n[labeling]\ntarget = 'webhook'\n\
            target_url = 'https://h/x'\ncomponent = 'nowhere'\n\
            [[labeling.credentials]]\nurl = 'https://h/x'\nkind = 'bearer'\nfile = '/nowhere/one'\n\
            [[labeling.credentials]]\nurl = 'https://h/y'\nkind = 'bearer'\nfile = '/nowhere/two'";
        let flags = Layer::from([("data".to_owned(), path)]);
        let settings = Settings::new(&flags, |_| None, Some(file)).unwrap();
        let components = Components {
            folder: Some(data.path().to_owned()),
            cache: false,
        };
        let queue = data.path().join(PRIVATE_FOLDER).join("queue.redb");
        let _in_use = Queue::open(&queue, 5).unwrap();
        let built = AppBuilder::new(settings).build(&components).await;
        let error = built.err().unwrap();
        let Problems(all) = error.downcast_ref().unwrap();
        let said: Vec<String> = all.iter().map(|it| format!("{it:#}")).collect();
        let expected = ["queue.redb", "nowhere.wasm", "/nowhere/one", "/nowhere/two"];
        assert_eq!(said.len(), expected.len(), "{said:#?}");
        for words in expected {
            let found = said.iter().filter(|it| it.contains(words)).count();
            assert_eq!(found, 1, "{words}: {said:#?}");
        }
    }
}
