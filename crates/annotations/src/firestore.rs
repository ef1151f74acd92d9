//! A frame's current annotation as a document of Firestore, and the write that puts it there:
//! <https://cloud.google.com/firestore/docs/reference/rest/v1/Write>.
//!
//! The bucket is the truth and documents follow from it: all of them can be made anew from the
//! `current.json` of each frame.

use crate::record::FrameAnnotation;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// The field that orders the documents of a frame: [`Revision::name`](crate::Revision::name).
pub const REVISION: &str = "revision";

/// Most bytes of the shapes of a document, as Firestore counts them: it has 1 MiB at most in all.
const MOST_SHAPES: usize = 900 << 10;
/// Most bytes of the shapes as they are sent: a request has 10 MiB at most.
const MOST_SENT: usize = 8 << 20;

/// What is kept of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Name of the resource.
    pub name: String,
    /// Its [`REVISION`]: a later one is greater.
    pub revision: String,
    /// Its fields, typed as Firestore wants them.
    pub fields: Value,
}

/// What must be there for a write to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition<'t> {
    /// Anything.
    None,
    /// No document.
    Missing,
    /// The document that was last written then.
    UpdatedAt(&'t str),
}

impl Document {
    /// Of the current annotation of a frame. `documents` is what names are below:
    /// `projects/PROJECT/databases/DATABASE/documents/COLLECTION`. The id is a hash of the frame's key,
    /// which has slashes.
    pub fn new(documents: &str, current: &FrameAnnotation) -> Self {
        let id = hex::encode(Sha256::digest(&current.frame));
        let revision = current.revision().name();
        let fields = typed_fields(fields(current, &revision));
        Self {
            name: format!("{documents}/{id}"),
            revision,
            fields,
        }
    }

    /// The write that puts it in place of whatever is there.
    pub fn write(&self, precondition: Precondition<'_>) -> Value {
        let mut write = json!({"update": {"name": self.name, "fields": self.fields}});
        match precondition {
            Precondition::None => {}
            Precondition::Missing => write["currentDocument"] = json!({"exists": false}),
            Precondition::UpdatedAt(time) => {
                write["currentDocument"] = json!({"updateTime": time});
            }
        }
        write
    }
}

fn fields(current: &FrameAnnotation, revision: &str) -> Value {
    let (video, index) = current.frame.rsplit_once('/').unwrap_or_default();
    let labels: BTreeSet<&str> = current.shapes.iter().map(|it| it.label.as_str()).collect();
    let shapes = serde_json::to_value(&current.shapes).unwrap_or_default();
    let mut fields = json!({
        "frame": current.frame,
        "video": video,
        "index": index.parse::<u64>().ok(),
        "target": current.target,
        "task": current.task,
        "state": current.state,
        "labels": labels,
        "image": current.image,
        "updated_at": current.updated_at,
    });
    fields[REVISION] = revision.into();
    // Large masks are in the bucket alone.
    let fits =
        stored_size(&shapes) <= MOST_SHAPES && typed(shapes.clone()).to_string().len() <= MOST_SENT;
    match fits {
        true => fields["shapes"] = shapes,
        false => fields["shapes_left_out"] = true.into(),
    }
    fields
}

/// Bytes of a value as they count towards the limit of a document: numbers have 8, whatever their digits.
/// <https://cloud.google.com/firestore/docs/storage-size>
fn stored_size(value: &Value) -> usize {
    let text = |text: &str| text.len().saturating_add(1);
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(_) => 8,
        Value::String(value) => text(value),
        Value::Array(values) => values.iter().map(stored_size).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| text(name).saturating_add(stored_size(value)))
            .sum(),
    }
}

fn typed_fields(fields: Value) -> Value {
    match fields {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, it)| (name, typed(it)))
            .collect(),
        _ => json!({}),
    }
}

/// A value as Firestore types it. Lists in lists, which it does not take, are in no annotation.
fn typed(value: Value) -> Value {
    match value {
        Value::Null => json!({"nullValue": null}),
        Value::Bool(value) => json!({"booleanValue": value}),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => json!({"integerValue": integer.to_string()}),
            None => json!({"doubleValue": number}),
        },
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(values) => {
            let values: Vec<Value> = values.into_iter().map(typed).collect();
            json!({"arrayValue": {"values": values}})
        }
        object @ Value::Object(_) => json!({"mapValue": {"fields": typed_fields(object)}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AnnotatedImage, Answer, Geometry, Mask, Rectangle, Shape, Task};

    fn annotation(geometry: Geometry) -> FrameAnnotation {
        let time = "2026-11-01T10:00:00Z".parse().unwrap();
        let shape = Shape {
            label: "car".to_owned(),
            label_id: None,
            geometry,
            id: None,
            occluded: false,
        };
        let answer = Answer {
            id: "1".to_owned(),
            annotator: None,
            ground_truth: false,
            skipped: false,
            created_at: time,
            updated_at: time,
            shapes: vec![shape.clone(), shape],
            faults: Vec::new(),
        };
        let image = AnnotatedImage {
            name: "images/v.mp4/000003.jpg".to_owned(),
            sha256: "00".repeat(32),
            width: 640,
            height: 480,
        };
        let task = Task {
            id: "7".to_owned(),
            updated_at: time,
        };
        FrameAnnotation::new("t", "gs://b/a/v.mp4#1/3", image, &task, vec![answer])
    }

    #[test]
    fn an_annotation_is_a_document_of_typed_fields() {
        let annotation = annotation(Geometry::Box(Rectangle {
            x: 1.0,
            y: 2.5,
            width: 3.0,
            height: 4.0,
            rotation: 0.0,
        }));
        let document = Document::new("projects/p/databases/d/documents/frames", &annotation);
        let fields = &document.fields;
        assert_eq!(fields["video"]["stringValue"], "gs://b/a/v.mp4#1");
        assert_eq!(fields["index"]["integerValue"], "3");
        assert_eq!(fields["state"]["stringValue"], "labeled");
        let labels = &fields["labels"]["arrayValue"]["values"];
        assert_eq!(*labels, json!([{"stringValue": "car"}]));
        let shape = &fields["shapes"]["arrayValue"]["values"][0]["mapValue"]["fields"];
        assert_eq!(shape["x"]["doubleValue"], 1.0);
        assert_eq!(shape["type"]["stringValue"], "box");
        let image = &fields["image"]["mapValue"]["fields"];
        assert_eq!(image["width"]["integerValue"], "640");
        assert_eq!(fields[REVISION]["stringValue"], *document.revision);
        // printf 'gs://b/a/v.mp4#1/3' | sha256sum
        let (_, id) = document.name.rsplit_once('/').unwrap();
        assert_eq!(id.len(), 64);

        let deleted = Document::new("d", &annotation.of_deleted_task());
        assert!(deleted.revision > document.revision);
        assert_eq!(
            deleted.fields["labels"],
            json!({"arrayValue": {"values": []}})
        );
        let write = document.write(Precondition::UpdatedAt("then"));
        assert_eq!(write["currentDocument"], json!({"updateTime": "then"}));
        let write = document.write(Precondition::Missing);
        assert_eq!(write["currentDocument"], json!({"exists": false}));
        assert_eq!(
            document.write(Precondition::None).get("currentDocument"),
            None
        );
    }

    #[test]
    fn a_mask_that_no_document_holds_is_left_out() {
        let document = |count: u32, runs: usize| {
            let mask = Mask {
                width: 640,
                height: 480,
                counts: vec![count; runs],
            };
            Document::new("d", &annotation(Geometry::Mask(mask)))
        };
        // Of two shapes. Eight bytes a run, however short it is as text.
        for (count, runs) in [(1000, 300_000), (1000, 60_000), (1, 60_000)] {
            let document = document(count, runs);
            assert_eq!(
                document.fields["shapes_left_out"],
                json!({"booleanValue": true})
            );
            assert_eq!(document.fields.get("shapes"), None);
            assert!(document.fields.to_string().len() < 4096);
        }
        assert!(document(1, 50_000).fields.get("shapes").is_some());
    }
}
