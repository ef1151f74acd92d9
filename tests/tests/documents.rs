//! What is published with the code says what the code does.

use framemill_annotations::FrameAnnotation;
use framemill_annotations::sources::report::AnswerReport;
use framemill_contract::{FailureRecord, LabelReceipt, LabelRequest, Manifest};
use framemill_dataset::{DatasetFrame, SnapshotMeta};
use framemill_tests::documents::{Declarations, check, configuration, toml_schema};
use framemill_tests::spin_toml::spin_toml;

fn schema<T: schemars::JsonSchema>() -> String {
    let schema = schemars::schema_for!(T);
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

#[test]
fn schemas_follow_from_the_types() {
    check(
        "crates/contract/manifest.schema.json",
        &schema::<Manifest>(),
    );
    check(
        "crates/contract/failure.schema.json",
        &schema::<FailureRecord>(),
    );
    check(
        "crates/contract/label-request.schema.json",
        &schema::<LabelRequest>(),
    );
    check(
        "crates/contract/label-receipt.schema.json",
        &schema::<LabelReceipt>(),
    );
    check(
        "crates/annotations/annotation.schema.json",
        &schema::<FrameAnnotation>(),
    );
    check(
        "crates/dataset/dataset.schema.json",
        &schema::<SnapshotMeta>(),
    );
    check(
        "crates/dataset/dataset-frame.schema.json",
        &schema::<DatasetFrame>(),
    );
    check(
        "crates/annotations/answer.schema.json",
        &schema::<AnswerReport>(),
    );
}

#[test]
fn tables_schema_and_spin_manifest_follow_from_the_declarations() {
    let declared = Declarations::read();
    check("docs/configuration.md", &configuration(&declared));
    check("docs/framemill.schema.json", &toml_schema(&declared));
    check("spin.toml", &spin_toml(&declared));
}
