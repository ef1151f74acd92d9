//! Settings as parts that run: buckets, sources, pipelines.

use super::Components;
use super::extraction::{EXTRACT_FRAMES, extract_access, extract_runtime, label_access};
use super::sweep::SweepRule;
use super::sweep_rules;
use crate::config::{
    LabelSettings, PipelineSettings, Settings, SourceAddress, StoreAddress, cores,
};
use crate::service::{Filter, Pipeline};
use anyhow::Context as _;
use framemill_contract::{Event, EventKind, ObjectRef};
use framemill_objects::{
    Access, FileLayout, Gateway, GcsStore, LocalStore, PRIVATE_FOLDER, S3Options, S3Store, Store,
};
use framemill_runtime::{
    AllowedHost, Component, ComponentEvent, Engine, Observer, OutboundClient, Runtime,
    RuntimeParts, custom_variables, labeling_variables,
};
use framemill_sources::{
    PubSubConfig, PubSubSource, Queue, QueueSource, RabbitConfig, RabbitSource, Source,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Everything that the configuration names, opened when it is first asked for.
pub struct AppBuilder {
    /// The configuration.
    pub settings: Settings,
    stores: HashMap<StoreAddress, Arc<dyn Store>>,
    sources: HashMap<SourceAddress, Arc<dyn Source>>,
    queue: Option<Arc<Queue>>,
}

/// A pipeline that is not built yet: what [`Filter`] and check need.
pub struct Planned {
    /// How it is called.
    pub name: String,
    /// Its component.
    pub component: String,
    /// What it takes.
    pub filter: Filter,
    /// Where its messages come from.
    pub source: SourceAddress,
    /// Its bucket.
    pub store: StoreAddress,
    /// What it may touch there.
    pub access: Access,
    /// What it can read as configuration.
    kind: Kind,
}

enum Kind {
    Extract,
    Label(Box<LabelSettings>),
    Custom(Box<PipelineSettings>),
}

impl AppBuilder {
    /// Nothing is opened yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            stores: HashMap::new(),
            sources: HashMap::new(),
            queue: None,
        }
    }

    /// The embedded queue has one consumer: where the folder is watched, it is that one.
    fn resolved(&self, source: &SourceAddress) -> SourceAddress {
        match (source, &self.settings.source) {
            (SourceAddress::Queue, SourceAddress::Folder) => SourceAddress::Folder,
            (source, _) => source.clone(),
        }
    }

    /// How to see what pipelines have not worked on, where that can be seen.
    ///
    /// # Errors
    /// Where a source cannot be opened.
    pub async fn sweep_rules(&mut self) -> anyhow::Result<Vec<SweepRule>> {
        let mut rules = Vec::new();
        for plan in self.planned()? {
            let bucket = plan.store.bucket();
            let rule = match &plan.filter {
                Filter::Videos(config) => {
                    let source = self.source(&plan.source).await?;
                    Some(sweep_rules::extraction(config, bucket, source))
                }
                Filter::Manifests(config) => {
                    let source = self.source(&plan.source).await?;
                    sweep_rules::labeling(config, bucket, source)
                }
                Filter::Names { .. } => None,
            };
            rules.extend(rule);
        }
        Ok(rules)
    }

    /// All pipelines: the extraction, the labeling where it is configured, and the user's own.
    ///
    /// # Errors
    /// Naming the address that is none.
    pub fn planned(&self) -> anyhow::Result<Vec<Planned>> {
        let settings = &self.settings;
        let mut planned = vec![Planned {
            name: "extract".to_owned(),
            component: EXTRACT_FRAMES.to_owned(),
            filter: Filter::Videos(Box::new(settings.config.clone())),
            source: settings.source.clone(),
            store: settings.store.clone(),
            access: extract_access(&settings.config),
            kind: Kind::Extract,
        }];
        if let Some(labeling) = &settings.labeling {
            planned.push(Planned {
                name: "label".to_owned(),
                component: labeling.component.clone(),
                filter: Filter::Manifests(Box::new(labeling.config.clone())),
                source: self.resolved(&labeling.source),
                store: settings.store.clone(),
                access: label_access(&labeling.config),
                kind: Kind::Label(Box::new(labeling.clone())),
            });
        }
        for own in &settings.pipelines {
            planned.push(
                self.plan_own(own)
                    .with_context(|| format!("in [[pipeline]] `{}`", own.name))?,
            );
        }
        Ok(planned)
    }

    fn plan_own(&self, own: &PipelineSettings) -> anyhow::Result<Planned> {
        let store = match &own.store {
            Some(text) => StoreAddress::parse(text)?,
            None => self.settings.store.clone(),
        };
        let source = match &own.source {
            Some(text) => self.resolved(&SourceAddress::parse(Some(text), &store)?),
            None => self.settings.source.clone(),
        };
        let read = match own.read.as_slice() {
            [] => vec![own.prefix.clone()],
            read => read.to_vec(),
        };
        Ok(Planned {
            name: own.name.clone(),
            component: own.component.clone(),
            filter: Filter::Names {
                bucket: store.bucket().to_owned(),
                prefix: own.prefix.clone(),
                suffix: own.suffix.clone(),
            },
            source,
            store,
            access: Access {
                read,
                write: own.write.clone(),
            },
            kind: Kind::Custom(Box::new(own.clone())),
        })
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
            StoreAddress::Folder(folder) => Arc::new(LocalStore::new(FileLayout::folder(folder))),
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
            SourceAddress::PubSub(subscription) => {
                let mut config = PubSubConfig::new(subscription, settings.workers);
                config.prefetch = settings.prefetch;
                config.max_attempts = settings.max_attempts;
                config.dead_letter_topic = settings.dead_letters.clone();
                Arc::new(PubSubSource::new(config).await?)
            }
            SourceAddress::Amqp(queue) => {
                let mut config = RabbitConfig::from_env(queue, settings.workers)?;
                config.prefetch = settings.prefetch;
                config.max_attempts = settings.max_attempts;
                config.dead_letters = settings.dead_letters.clone();
                Arc::new(RabbitSource::new(config)?)
            }
        };
        self.sources.insert(address.clone(), Arc::clone(&source));
        Ok(source)
    }

    /// Queues what components write to a folder: a folder sends no events of its own.
    fn observer(&mut self, planned: &[Planned]) -> anyhow::Result<Observer> {
        let waiting: Vec<Filter> = planned
            .iter()
            .filter(|plan| plan.source.is_embedded() && plan.store == self.settings.store)
            .filter(|plan| !matches!(plan.filter, Filter::Videos(_)))
            .map(|plan| plan.filter.clone())
            .collect();
        if waiting.is_empty() {
            return Ok(Arc::new(|_, _| {}));
        }
        let (queue, bucket) = (self.queue()?, self.settings.store.bucket().to_owned());
        Ok(Arc::new(move |_, progress| {
            let ComponentEvent::Written(written) = progress else {
                return;
            };
            let event = Event {
                kind: EventKind::Finalized,
                object: ObjectRef {
                    bucket: bucket.clone(),
                    name: written.name,
                    generation: Some(written.generation),
                },
            };
            if waiting.iter().any(|filter| filter.take(&event).is_ok())
                && let Err(error) = queue.enqueue(&event.object)
            {
                // The next sweep finds it.
                tracing::warn!(%error, "not queued: {}", event.object.name);
            }
        }))
    }

    /// All pipelines, ready to run, by source.
    ///
    /// # Errors
    /// Where a component, a bucket, a source or a secret is missing.
    pub async fn build(
        &mut self,
        components: &Components,
    ) -> anyhow::Result<Vec<(Arc<dyn Source>, Vec<Pipeline>)>> {
        let planned = self.planned()?;
        let observer = self.observer(&planned)?;
        let engine = components.engine()?;
        let mut loaded: BTreeMap<String, Component> = BTreeMap::new();
        let mut built: Vec<(SourceAddress, Vec<Pipeline>)> = Vec::new();
        for plan in planned {
            let component = match loaded.get(&plan.component) {
                Some(component) => component.clone(),
                None => components.load(&engine, &plan.component).await?,
            };
            loaded.insert(plan.component.clone(), component.clone());
            let store = self.store(&plan.store)?;
            let source = plan.source.clone();
            let pipeline = self
                .pipeline(&engine, component, plan, store, Arc::clone(&observer))
                .await?;
            match built.iter_mut().find(|(there, _)| *there == source) {
                Some((_, pipelines)) => pipelines.push(pipeline),
                None => built.push((source, vec![pipeline])),
            }
        }
        let mut services = Vec::with_capacity(built.len());
        for (address, pipelines) in built {
            services.push((self.source(&address).await?, pipelines));
        }
        Ok(services)
    }

    async fn pipeline(
        &self,
        engine: &Engine,
        component: Component,
        plan: Planned,
        store: Arc<dyn Store>,
        observer: Observer,
    ) -> anyhow::Result<Pipeline> {
        let settings = &self.settings;
        let hosts = plan.hosts();
        let variables = match &plan.kind {
            Kind::Extract => {
                let runtime =
                    extract_runtime(engine, component, settings, Arc::clone(&store), observer)?;
                return Ok(plan.finish(runtime, store));
            }
            Kind::Label(labeling) => labeling_variables(&labeling.variables, &component.sha256),
            Kind::Custom(own) => custom_variables(own.variables()?, &component.sha256),
        };
        let buckets = HashMap::from([(plan.store.bucket().to_owned(), Arc::clone(&store))]);
        let parts = RuntimeParts {
            component,
            variables,
            gateway: Arc::new(Gateway::new(buckets, plan.access.clone())),
            outbound: OutboundClient::new(&hosts, &settings.resolved_credentials()?)?,
            limits: settings.limits,
            parallel: cores(),
            observer,
        };
        Ok(plan.finish(Runtime::new(engine, parts)?, store))
    }
}

impl Planned {
    /// Servers that its component may allowed.
    pub fn hosts(&self) -> Vec<AllowedHost> {
        match &self.kind {
            Kind::Extract => Vec::new(),
            Kind::Label(labeling) => labeling.hosts(),
            Kind::Custom(own) => {
                let allowed = |host: &String| AllowedHost {
                    host: host.clone(),
                    path: None,
                };
                own.allow.iter().map(allowed).collect()
            }
        }
    }

    fn finish(self, runtime: Runtime, store: Arc<dyn Store>) -> Pipeline {
        Pipeline {
            name: self.name,
            filter: self.filter,
            runtime,
            store,
        }
    }
}
