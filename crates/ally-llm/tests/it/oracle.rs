//! The official Python SDK against the stand-in, so that the two are not only friends of each other.

use ally_llm::stand_in::{KEY, StandIn};
use std::io::Write as _;
use std::path::Path;

/// Set `ALLY_ORACLE_PYTHON` to a Python that has the `anthropic` package of PyPI.
#[tokio::test]
async fn the_official_python_sdk_accepts_the_stand_in() {
    let Some(python) = std::env::var_os("ALLY_ORACLE_PYTHON") else {
        let is_strict = std::env::var("ALLY_TEST_STRICT").is_ok_and(|value| value == "1");
        assert!(!is_strict, "ALLY_ORACLE_PYTHON has to be set when ALLY_TEST_STRICT is");
        skipped("oracle::the_official_python_sdk_accepts_the_stand_in: ALLY_ORACLE_PYTHON is not set");
        return;
    };
    let server = StandIn::start().await.expect("loopback is there");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ally/tests/stand_in/anthropic_sdk.py");
    let run = tokio::process::Command::new(python).arg(script).arg(server.url()).arg(KEY).output();
    let output = run.await.expect("Python starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{complained}");
    assert!(printed.trim_end().ends_with(" passed, 0 failed"), "{printed}{complained}");
}

/// Notes the skip where the test runner counts them, and says so.
fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "skipped {what}");
    if let Some(path) = std::env::var_os("ALLY_TEST_SKIPS")
        && let Ok(mut list) = std::fs::OpenOptions::new().append(true).create(true).open(path)
    {
        let _ = writeln!(list, "{what}");
    }
}
