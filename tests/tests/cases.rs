//! The suite of cases itself: it cannot pass without looking.

use framemill_tests::conformance::{Case, Demand, Harness, Host, cases, cases_folder, run_case};
use framemill_tests::servers::HttpResponse;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use ureq::http::Request;

/// Answers everything with `ignored`.
struct Idle;

impl Host for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn takes(&self, _: &Case) -> bool {
        true
    }

    fn start(&mut self, _: &Case, _: &Path, _: &BTreeMap<String, String>, _: &Harness) {}

    fn demand(&mut self, _: &Demand, _: &Harness) {}

    fn send(&mut self, _: Request<Vec<u8>>) -> Result<HttpResponse, String> {
        Ok(HttpResponse {
            status: 200,
            headers: BTreeMap::new(),
            body: br#"{"outcome":"ignored","reason":"idle"}"#.to_vec(),
        })
    }
}

const CASE: &str = r#"
about = "a test"
component = "extract-frames"
[before]
"videos/x" = { text = "hello" }
[[request]]
event = "videos/x"
[request.expect]
status = 200
json = { outcome = "ignored" }
"#;

fn problems(text: &str, after: Option<&str>) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("case.toml"), text).unwrap();
    if let Some(object) = after {
        fs::create_dir(folder.path().join("after")).unwrap();
        fs::write(folder.path().join("after").join(object), "there").unwrap();
    }
    let case = Case::read(folder.path())?;
    Ok(run_case(&mut Idle, &case, &Harness::start()))
}

#[test]
fn wrong_expectations_fail() {
    assert_eq!(problems(CASE, None), Ok(Vec::new()));
    let missing = problems(CASE, Some("images")).unwrap();
    assert_eq!(missing, ["object images is missing"]);
    for (from, to, why) in [
        ("status = 200", "status = 201", "status 200, not 201"),
        ("\"ignored\"", "\"extracted\"", "body.outcome"),
        (
            "json = {",
            "headers = { retry-after = \"1\" }\njson = {",
            "header retry-after",
        ),
        ("json = {", "text = \"lazy\"\njson = {", "does not contain"),
        ("json = {", "without = \"idle\"\njson = {", "body contains"),
        (
            "[before]",
            "received = [{ path = \"/\", json = {} }]\n[before]",
            "got 0 requests, not 1",
        ),
        (
            "[request.expect]",
            "follow_checkpoint = true\n[request.expect]",
            "not continued over several requests",
        ),
    ] {
        let broken = CASE.replacen(from, to, 1);
        let found = problems(&broken, None).unwrap().join("\n");
        assert!(found.contains(why), "`{to}` gives: {found}");
    }
}

#[test]
fn cases_that_say_nothing_clear_are_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(cases(empty.path()).unwrap_err().contains("no cases"));
    fs::create_dir(empty.path().join("hollow")).unwrap();
    assert!(cases(empty.path()).unwrap_err().contains("hollow"));
    for (from, to, why) in [
        ("about", "abuot", "unknown field `abuot`"),
        (
            "status = 200",
            "status = 200\nbody = 1",
            "unknown field `body`",
        ),
        ("extract-frames", "extract", "no component of ours"),
        ("event", "event = \"x\"\nevnt", "unknown field `evnt`"),
    ] {
        let error = problems(&CASE.replacen(from, to, 1), None).unwrap_err();
        assert!(error.contains(why), "`{to}` gives: {error}");
    }
    let all = cases(&cases_folder()).unwrap();
    for component in ["extract-frames", "request-labeling", "probe"] {
        assert!(
            all.iter().any(|case| case.component == component),
            "{component}"
        );
    }
}
