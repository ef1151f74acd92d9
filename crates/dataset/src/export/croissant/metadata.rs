//! `croissant.json`: what the files of the export are.

use super::tables::Table;
use crate::export::dataset::ExportDataset;
use crate::export::flat_name::flat_name;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Media type of Parquet files, as mlcroissant calls it.
const PARQUET: &str = "application/x-parquet";
/// Hex digits of the snapshot's hash in the version.
const HASH_DIGITS: usize = 16;

/// The description. Without a license and a date of publication: nobody said any.
pub(super) fn metadata(dataset: &ExportDataset<'_>, frames: &Table, annotations: &Table) -> Value {
    let hash: String = dataset.hash.chars().take(HASH_DIGITS).collect();
    json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": dataset.name,
        "description": format!("Frames of videos and what is marked in them. Snapshot {}.", dataset.hash),
        "version": format!("1.0.0+{hash}"),
        "distribution": [table_file(frames), table_file(annotations), image_files(dataset)],
        "recordSet": [frame_records(frames), annotation_records(annotations), image_records()],
    })
}

/// Names of the vocabulary: the specification's own context.
fn context() -> Value {
    json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "citeAs": "cr:citeAs",
        "column": "cr:column",
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "dct": "http://purl.org/dc/terms/",
        "equivalentProperty": "cr:equivalentProperty",
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "extract": "cr:extract",
        "field": "cr:field",
        "fileObject": "cr:fileObject",
        "fileProperty": "cr:fileProperty",
        "fileSet": "cr:fileSet",
        "format": "cr:format",
        "includes": "cr:includes",
        "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath",
        "key": "cr:key",
        "md5": "cr:md5",
        "parentField": "cr:parentField",
        "path": "cr:path",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "recordSet": "cr:recordSet",
        "references": "cr:references",
        "regex": "cr:regex",
        "repeated": "cr:repeated",
        "replace": "cr:replace",
        "samplingRate": "cr:samplingRate",
        "sc": "https://schema.org/",
        "separator": "cr:separator",
        "source": "cr:source",
        "subField": "cr:subField",
        "transform": "cr:transform",
    })
}

fn table_file(table: &Table) -> Value {
    json!({
        "@type": "cr:FileObject",
        "@id": table.path,
        "name": table.path,
        "contentUrl": table.path,
        "encodingFormat": PARQUET,
        "sha256": table.sha256,
    })
}

/// The images. Their checksums are in the table of frames: a set of files has none.
fn image_files(dataset: &ExportDataset<'_>) -> Value {
    let names = dataset.frames.iter().map(flat_name);
    let mut types: BTreeSet<&str> = names.map(|name| media_type(&name)).collect();
    if types.is_empty() {
        types.insert(media_type("a.jpg"));
    }
    let types: Vec<Value> = types.into_iter().map(Value::from).collect();
    json!({
        "@type": "cr:FileSet",
        "@id": "image-files",
        "name": "image-files",
        "encodingFormat": match types.as_slice() {
            [one] => one.clone(),
            _ => Value::from(types),
        },
        "includes": "images/*",
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("avif") => "image/avif",
        Some("bmp") => "image/bmp",
        _ => "application/octet-stream",
    }
}

fn frame_records(table: &Table) -> Value {
    let fields = [
        ("file_name", "sc:Text", "Name of the image below images/."),
        ("split", "sc:Text", "Name of the split."),
        ("video", "sc:Text", "Path of the video."),
        (
            "frame_index",
            "sc:Integer",
            "Number in the video, in presentation order from 0.",
        ),
        (
            "seconds",
            "sc:Float",
            "Seconds after the video's first frame.",
        ),
        ("width", "sc:Integer", "Width of the image."),
        ("height", "sc:Integer", "Height of the image."),
        ("sha256", "sc:Text", "Checksum of the image."),
        (
            "state",
            "sc:Text",
            "labeled; empty: someone looked, and there is nothing; skipped; unlabeled: nobody looked.",
        ),
    ];
    let fields = fields.map(|(name, kind, about)| column("frames", table, name, kind, about));
    json!({
        "@type": "cr:RecordSet",
        "@id": "frames",
        "name": "frames",
        "key": {"@id": "frames/file_name"},
        "field": fields,
    })
}

fn annotation_records(table: &Table) -> Value {
    let fields = [
        (
            "file_name",
            "sc:Text",
            "The frame, by the name of its image.",
        ),
        ("label", "sc:Text", "Name of the label."),
        ("label_id", "sc:Integer", "Id of the label, from 0."),
        ("kind", "sc:Text", "What was marked: box, polygon or mask."),
        (
            "bbox",
            "sc:Float",
            "x, y, width, height in pixels, from the top left corner; before it is turned.",
        ),
        (
            "rotation",
            "sc:Float",
            "Degrees clockwise about the centre of the box.",
        ),
        ("area", "sc:Float", "Square pixels."),
        (
            "segmentation",
            "sc:Float",
            "A polygon, x and y in turn; empty of a box and a mask.",
        ),
        ("occluded", "sc:Boolean", "Something stands before it."),
    ];
    let fields = fields.map(|(name, kind, about)| {
        let mut field = column("annotations", table, name, kind, about);
        // Not cr:BoundingBox: mlcroissant takes a list for one, but not the array that it reads from Parquet.
        if matches!(name, "bbox" | "segmentation") {
            field["repeated"] = Value::from(true);
        }
        field
    });
    json!({
        "@type": "cr:RecordSet",
        "@id": "annotations",
        "name": "annotations",
        "field": fields,
    })
}

fn column(records: &str, table: &Table, name: &str, kind: &str, about: &str) -> Value {
    json!({
        "@type": "cr:Field",
        "@id": format!("{records}/{name}"),
        "name": name,
        "description": about,
        "dataType": kind,
        "source": {"fileObject": {"@id": table.path}, "extract": {"column": name}},
    })
}

/// The images by name: apart from the frames, so that these can be read without them.
fn image_records() -> Value {
    let field = |name: &str, kind: &str, property: &str| {
        json!({
            "@type": "cr:Field",
            "@id": format!("images/{name}"),
            "name": name,
            "dataType": kind,
            "source": {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": property}},
        })
    };
    json!({
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "key": {"@id": "images/file_name"},
        "field": [
            field("file_name", "sc:Text", "filename"),
            field("image", "sc:ImageObject", "content"),
        ],
    })
}
