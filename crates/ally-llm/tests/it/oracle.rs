//! Official Python SDKs against the stand-in, so that it and our adapters are not only friends of each other.

use ally_llm::stand_in::{KEY, StandIn};
use std::path::Path;

#[tokio::test]
async fn the_official_python_sdk_accepts_the_stand_in() {
    accepted_by("anthropic").await;
}

#[tokio::test]
async fn the_official_sdk_of_the_chat_completions_format_accepts_the_stand_in() {
    accepted_by("openai").await;
}

/// Set `ALLY_ORACLE_PYTHON` to a Python that has the packages `anthropic` and `openai` of PyPI.
async fn accepted_by(package: &str) {
    let python = std::env::var_os("ALLY_ORACLE_PYTHON");
    let has_it = |python: &std::ffi::OsString| {
        let import = std::process::Command::new(python).arg("-c").arg(format!("import {package}")).output();
        import.is_ok_and(|done| done.status.success())
    };
    let Some(python) = python.filter(has_it) else {
        return crate::skipped::skipped(&format!("ALLY_ORACLE_PYTHON is not set, or has no package {package}"));
    };
    let server = StandIn::start().await.expect("loopback is there");
    let script = format!("../ally/tests/stand_in/{package}_sdk.py");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let run = tokio::process::Command::new(python).arg(script).arg(server.url()).arg(KEY).output();
    let output = run.await.expect("Python starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{complained}");
    assert!(printed.trim_end().ends_with(" passed, 0 failed"), "{printed}{complained}");
}
