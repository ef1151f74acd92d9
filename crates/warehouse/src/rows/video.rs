//! `videos`: a row a manifest.

use super::{camera, word};
use crate::VideoContent;
use crate::column::{Column, count};
use framemill_contract::Manifest;

/// A row of `videos`.
pub(crate) struct VideoRow {
    video: String,
    requested: Option<String>,
    container: String,
    codec: String,
    kept: usize,
    dropped: usize,
    damaged: usize,
    lost: u64,
    warnings: usize,
    /// Without its lists.
    manifest: Manifest,
}

impl VideoRow {
    /// Of a video that has a manifest.
    pub(crate) fn new(content: &VideoContent, manifest: &Manifest) -> Self {
        let facts = &manifest.video;
        Self {
            video: content.video.clone(),
            requested: content.requested_targets(),
            container: word(&facts.container),
            codec: word(&facts.codec),
            kept: manifest.frames.len(),
            dropped: manifest.dropped.len(),
            damaged: manifest.damaged.len(),
            lost: manifest.frames_lost(),
            warnings: manifest.warnings.len(),
            manifest: Manifest {
                schema: manifest.schema.clone(),
                source: manifest.source.clone(),
                video: facts.clone(),
                selection: manifest.selection.clone(),
                image_folder: manifest.image_folder.clone(),
                frames: Vec::new(),
                dropped: Vec::new(),
                damaged: Vec::new(),
                warnings: Vec::new(),
                stats: manifest.stats,
                tool: manifest.tool.clone(),
            },
        }
    }

    pub(crate) const COLUMNS: &'static [Column<Self>] = &[
        Column::<Self>::text("video", "Path below video_path; `@<generation>` behind it where another upload has the plain name. Joins all tables", |row| Some(&row.video)).required(),
        Column::<Self>::text("camera", "Folder of the video's path; empty where there is none", |row| Some(camera(&row.video))).required(),
        Column::<Self>::text("bucket", "Bucket of the upload", |row| Some(&row.manifest.source.bucket)).required(),
        Column::<Self>::text("name", "Object name of the upload", |row| Some(&row.manifest.source.name)).required(),
        Column::<Self>::integer("generation", "Generation of the upload", |row| Some(row.manifest.source.generation)).required(),
        Column::<Self>::integer("size", "Bytes of the upload", |row| count(row.manifest.source.size)).required(),
        Column::<Self>::text("container", "File format", |row| Some(&row.container)).required(),
        Column::<Self>::text("codec", "Video codec", |row| Some(&row.codec)).required(),
        Column::<Self>::text("profile", "Profile of the codec", |row| Some(&row.manifest.video.profile)).required(),
        Column::<Self>::integer("width", "Pixels as coded, before rotation", |row| count(row.manifest.video.width)).required(),
        Column::<Self>::integer("height", "Pixels as coded, before rotation", |row| count(row.manifest.video.height)).required(),
        Column::<Self>::integer("rotation", "Degrees clockwise that images are turned by", |row| count(u16::from(row.manifest.video.rotation))).required(),
        Column::<Self>::float("duration_seconds", "Duration", |row| {
            let facts = &row.manifest.video;
            Some(facts.timescale.seconds(facts.duration_pts))
        }).required(),
        Column::<Self>::integer("frame_count", "Frames that the video shows", |row| count(row.manifest.video.frame_count)).required(),
        Column::<Self>::integer("frames_selected", "Frames that were selected", |row| count(row.manifest.stats.frames_selected)).required(),
        Column::<Self>::integer("frames_kept", "Selected frames with an image: its rows in frames", |row| count(row.kept)).required(),
        Column::<Self>::integer("frames_dropped", "Selected frames that a filter dropped", |row| count(row.dropped)).required(),
        Column::<Self>::integer("frames_damaged", "Selected frames without an image since their picture cannot be trusted", |row| count(row.damaged)).required(),
        Column::<Self>::integer("frames_lost", "Selected frames without an image for damage, those of frames_damaged among them", |row| count(row.lost)).required(),
        Column::<Self>::integer("warnings", "Stretches of damage that were stepped over", |row| count(row.warnings)).required(),
        Column::<Self>::text("image_folder", "Folder of its images below image_path", |row| Some(&row.manifest.image_folder)).required(),
        Column::<Self>::text("requested_targets", "Ids of the targets that were asked for labels, with commas; NULL for none", |row| row.requested.as_deref()),
        Column::<Self>::text("config_hash", "Hash of what was asked for", |row| Some(&row.manifest.selection.config_hash)).required(),
        Column::<Self>::text("tool_version", "Version of framemill that made the images", |row| Some(&row.manifest.tool.version)).required(),
        Column::<Self>::text("component_sha256", "Hash of the component that made them, where the host told it", |row| row.manifest.tool.component_sha256.as_deref()),
    ];
}
