//! The README says of the host's keys what the code says.

use framemill::config::HOST_KEYS;
use framemill_tests::documents::{check, root, with_table};

#[test]
fn readme_lists_every_host_key() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    check(
        "README.md",
        &with_table(&readme, "### Host keys\n", HOST_KEYS),
    );
}
