//! The rows of each table, and their columns.

mod annotation;
mod frame;
mod video;

pub(crate) use annotation::AnnotationRow;
pub(crate) use frame::FrameRow;
pub(crate) use video::VideoRow;

/// The folder of a video: what most people name a camera by. Empty where there is none.
fn camera(video: &str) -> &str {
    video.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The word that stands for a value in JSON; empty where it has none.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
