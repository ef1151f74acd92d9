//! Does what `framemill dataset` is asked for.

use super::options::{BuildArgs, Common, DatasetAction, DatasetArgs, ExportArgs, MinStateOption};
use super::words;
use crate::app::builder::AppBuilder;
use crate::cli::progress::Bar;
use crate::config::{Settings, StoreAddress};
use framemill_contract::Layout;
use framemill_dataset::{
    BuildReport, BuildRule, Diff, FrameFilter, GroupRule, MinState, Snapshot, SnapshotMeta,
    SplitRule,
};
use framemill_dataset_host::{Address, DatasetName, ExportRequest, ExportTo};
use framemill_objects::Store;
use serde::Serialize;
use std::sync::Arc;

/// Builds, lists, shows, compares, verifies or exports.
///
/// # Errors
/// Where the bucket does not answer, or what is asked for makes no sense.
pub async fn run_dataset(args: DatasetArgs) -> anyhow::Result<bool> {
    match args.action {
        DatasetAction::Build(args) => build(*args).await,
        DatasetAction::List { name, common } => list(name.as_deref(), &common).await,
        DatasetAction::Show { snapshot, common } => show(&snapshot, &common).await,
        DatasetAction::Diff { from, to, common } => diff(&from, &to, &common).await,
        DatasetAction::Verify { snapshot, common } => verify(&snapshot, &common).await,
        DatasetAction::Export(args) => export(args).await,
        DatasetAction::RenameLabel {
            name,
            old,
            new,
            common,
        } => rename(&name, (&old, &new), &common).await,
    }
}

/// The bucket.
struct Place {
    store: Arc<dyn Store>,
    layout: Layout,
    settings: Settings,
    json: bool,
}

impl Place {
    fn open(common: &Common) -> anyhow::Result<Self> {
        let mut app = AppBuilder::new(common.bucket.settings()?);
        let settings = app.settings.clone();
        Ok(Self {
            store: app.store(&settings.store)?,
            layout: settings.config.layout.clone(),
            settings,
            json: common.json,
        })
    }

    /// How objects are named from elsewhere.
    fn uri(&self) -> Option<String> {
        match &self.settings.store {
            StoreAddress::Gcs(bucket) => Some(format!("gs://{bucket}/")),
            StoreAddress::S3(bucket) => Some(format!("s3://{bucket}/")),
            StoreAddress::Folder(_) => None,
        }
    }

    async fn load(&self, snapshot: &str) -> anyhow::Result<(DatasetName, Snapshot)> {
        let address = Address::parse(snapshot)?;
        let store = self.store.as_ref();
        let hash = address.resolve(store).await?;
        let snapshot = framemill_dataset_host::load(store, &address.name, &hash).await?;
        Ok((address.name, snapshot))
    }

    fn tell<T: Serialize>(&self, value: &T, words: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self.json {
            true => println!("{}", serde_json::to_string(value)?),
            false => print!("{}", words()),
        }
        Ok(())
    }
}

fn rule(args: &BuildArgs, name: &DatasetName) -> anyhow::Result<BuildRule> {
    let salt = args.salt.as_deref().unwrap_or(name.as_str());
    let conditions = args.conditions.iter().map(|it| it.parse());
    Ok(BuildRule {
        split: args.split.parse::<SplitRule>()?.with_salt(salt)?,
        group: args.group.parse::<GroupRule>()?,
        wheres: conditions.collect::<Result<Vec<FrameFilter>, _>>()?,
        labels: args.labels.clone(),
        min_state: match args.min_state {
            MinStateOption::Labeled => MinState::Labeled,
            MinStateOption::Skipped => MinState::Skipped,
            MinStateOption::Unlabeled => MinState::Unlabeled,
        },
    })
}

/// What a build says as JSON.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    snapshot: &'a SnapshotMeta,
    report: &'a BuildReport,
    is_new: bool,
    is_newest: bool,
}

async fn build(args: BuildArgs) -> anyhow::Result<bool> {
    let name = DatasetName::parse(&args.name)?;
    let rule = rule(&args, &name)?;
    let place = Place::open(&args.common)?;
    let bar = Bar::new(place.json)?;
    let told = |progress| bar.show(progress);
    let store = place.store.as_ref();
    let built = framemill_dataset_host::build(store, &place.layout, &name, rule, &told).await;
    bar.clear();
    let built = built?;
    let told = Told {
        snapshot: built.snapshot.meta(),
        report: &built.report,
        is_new: built.is_new,
        is_newest: built.is_newest,
    };
    place.tell(&told, || words::built(&built))?;
    Ok(true)
}

async fn list(name: Option<&str>, common: &Common) -> anyhow::Result<bool> {
    let name = name.map(DatasetName::parse).transpose()?;
    let place = Place::open(common)?;
    let all = framemill_dataset_host::list(place.store.as_ref(), name.as_ref()).await?;
    place.tell(&all, || words::listed(&all))?;
    Ok(true)
}

async fn show(snapshot: &str, common: &Common) -> anyhow::Result<bool> {
    let place = Place::open(common)?;
    let (_, snapshot) = place.load(snapshot).await?;
    place.tell(snapshot.meta(), || words::shown(&snapshot))?;
    Ok(true)
}

async fn diff(from: &str, to: &str, common: &Common) -> anyhow::Result<bool> {
    let place = Place::open(common)?;
    let (_, from) = place.load(from).await?;
    let (_, to) = place.load(to).await?;
    let diff = Diff::between(&from, &to);
    place.tell(&diff, || diff.to_string())?;
    Ok(true)
}

async fn verify(snapshot: &str, common: &Common) -> anyhow::Result<bool> {
    let place = Place::open(common)?;
    let address = Address::parse(snapshot)?;
    let store = place.store.as_ref();
    let hash = address.resolve(store).await?;
    let bar = Bar::new(place.json)?;
    let told = |progress| bar.show(progress);
    let verified = framemill_dataset_host::verify(store, &address.name, &hash, &told).await;
    bar.clear();
    let verified = verified?;
    place.tell(&verified, || {
        words::verified(&address.name, &hash, &verified)
    })?;
    Ok(verified.changed == 0)
}

async fn export(args: ExportArgs) -> anyhow::Result<bool> {
    let place = Place::open(&args.common)?;
    let address = Address::parse(&args.snapshot)?;
    let hash = address.resolve(place.store.as_ref()).await?;
    let bar = Arc::new(Bar::new(place.json)?);
    let request = ExportRequest {
        store: Arc::clone(&place.store),
        uri: place.uri(),
        name: address.name,
        hash,
        format: args.format,
        to: args.output.map_or(ExportTo::Bucket, ExportTo::Folder),
    };
    let shown = Arc::clone(&bar);
    let exported = framemill_dataset_host::export(request, move |it| shown.show(it)).await;
    bar.clear();
    let exported = exported?;
    place.tell(&exported, || words::exported(&exported))?;
    Ok(true)
}

async fn rename(name: &str, (old, new): (&str, &str), common: &Common) -> anyhow::Result<bool> {
    let name = DatasetName::parse(name)?;
    let place = Place::open(common)?;
    let store = place.store.as_ref();
    let list = framemill_dataset_host::rename_label(store, &name, old, new).await?;
    place.tell(&list, || words::labels(&list))?;
    Ok(true)
}
