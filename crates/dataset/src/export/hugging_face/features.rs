//! What the columns are to `datasets`: its features, in the metadata of a Parquet schema.

use framemill_annotations::LabelList;
use serde_json::{Value, json};

/// Key of the features in the schema's metadata.
pub(super) const KEY: &str = "huggingface";

/// The features of a table, of which the first column is an image or the name of one. Lists are called
/// `Sequence`: `datasets` knows `List` only from version 4 on, and both names to this day.
pub(super) fn features(first: (&str, Value), labels: &LabelList) -> String {
    let mut features = json!({
        "video": value("string"),
        "frame_index": value("int64"),
        "seconds": value("float64"),
        "width": value("int64"),
        "height": value("int64"),
        "sha256": value("string"),
        "state": value("string"),
        "objects": {
            "bbox": list(list(value("float64"))),
            "category": list(category(labels)),
            "area": list(value("float64")),
            "rotation": list(value("float64")),
            "kind": list(value("string")),
            "segmentation": list(list(list(value("float64")))),
            "occluded": list(value("bool")),
        },
    });
    if let Some(features) = features.as_object_mut() {
        features.insert(first.0.to_owned(), first.1);
    }
    json!({"info": {"features": features}}).to_string()
}

/// Images, which `datasets` decodes.
pub(super) fn image() -> Value {
    json!({"_type": "Image"})
}

/// A plain value.
pub(super) fn value(dtype: &str) -> Value {
    json!({"dtype": dtype, "_type": "Value"})
}

fn list(feature: Value) -> Value {
    json!({"feature": feature, "_type": "Sequence"})
}

/// Ids with the names of labels; a list of none is no feature.
fn category(labels: &LabelList) -> Value {
    if labels.labels.is_empty() {
        return value("int64");
    }
    let names: Vec<_> = labels.labels.iter().map(|label| &label.name).collect();
    json!({"names": names, "_type": "ClassLabel"})
}
