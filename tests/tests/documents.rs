//! What is published with the code says what the code does.

use framemill_contract::{
    FailureRecord, KEYS, LABEL_KEYS, LabelReceipt, LabelRequest, Manifest, PLATFORM_KEYS,
};
use framemill_tests::documents::{check, root, with_table};
use std::fs;

fn schema<T: schemars::JsonSchema>() -> String {
    let schema = schemars::schema_for!(T);
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

#[test]
fn schemas_are_those_of_the_types() {
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
}

/// The tables of configuration keys in the README are those of the code.
#[test]
fn readme_lists_every_key() {
    let mut readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (heading, keys) in [
        ("### Extraction keys\n", KEYS),
        ("### Label keys\n", LABEL_KEYS),
        ("### Platform keys\n", PLATFORM_KEYS),
    ] {
        readme = with_table(&readme, heading, keys);
    }
    check("README.md", &readme);
}
