//! Google's description of an object as an [`ObjectMeta`].

use crate::store::ObjectMeta;
use framemill_gcs_api::{Media, OCTET_STREAM, Object, Span};
use std::time::{SystemTime, UNIX_EPOCH};

/// From an object's resource.
pub(super) fn meta(object: Object) -> ObjectMeta {
    ObjectMeta {
        name: object.name,
        generation: object.generation,
        size: object.size,
        crc32c: object.crc32c.map(|checksum| checksum.0),
        content_type: object
            .content_type
            .unwrap_or_else(|| OCTET_STREAM.to_owned()),
        updated_micros: object.updated.map_or(0, micros),
    }
}

/// From the headers of an answer that carries bytes: the object, and which of its bytes.
pub(super) fn media(name: &str, media: Media) -> (ObjectMeta, Span) {
    let meta = ObjectMeta {
        name: name.to_owned(),
        generation: media.generation,
        size: media.size,
        crc32c: media.crc32c.map(|checksum| checksum.0),
        content_type: media.content_type,
        updated_micros: media.updated.map_or(0, micros),
    };
    (meta, media.span)
}

fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
