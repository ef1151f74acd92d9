//! docs/operations.md says of metrics what the code says.

use framemill::telemetry::METRICS;
use framemill_tests::documents::{check, root};

#[test]
fn metrics_in_operations_follow_from_the_code() {
    const FILE: &str = "docs/operations.md";
    const HEAD: &str = "| metric | type | labels | what it says |\n|---|---|---|---|\n";
    let page = std::fs::read_to_string(root().join(FILE)).unwrap();
    let (before, rest) = page.split_once(HEAD).expect("no table of metrics");
    let (_, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let row = |metric: &framemill::telemetry::MetricSpec| {
        let labels: Vec<_> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
        let (name, kind, help) = (metric.name, metric.kind, metric.help);
        format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "))
    };
    let rows: String = METRICS.iter().map(row).collect();
    check(
        FILE,
        &format!("{before}{HEAD}{rows}\n{}", after.trim_start_matches('\n')),
    );
}
