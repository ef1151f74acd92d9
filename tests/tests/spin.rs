//! The cases of `tests/cases` under a real `spin up`: `cargo xtask test --with spin`.
#![cfg(feature = "spin")]

use framemill_tests::conformance::{run, spin::Spin};

#[test]
fn the_cases_pass_under_spin() {
    let failures = run(&mut Spin::find());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
