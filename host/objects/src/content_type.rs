//! Media types by name, for objects that come without one.

use framemill_contract::ImageFormat;

/// The media type of what has this file name.
pub(super) fn of_name(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ending = ending.to_ascii_lowercase();
    if let Some(image) = ImageFormat::from_extension(&ending) {
        return image.content_type();
    }
    match ending.as_str() {
        "jpeg" => "image/jpeg",
        "json" => "application/json",
        "mp4" | "m4v" => "video/mp4",
        "mov" | "qt" => "video/quicktime",
        "mkv" => "video/x-matroska",
        "webm" => "video/webm",
        "avi" => "video/x-msvideo",
        "ts" | "m2ts" | "mts" => "video/mp2t",
        _ => "application/octet-stream",
    }
}
