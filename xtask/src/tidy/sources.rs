//! What may stand in a Rust or web source: a first sentence, no unsafe code, no silenced lint, no sleeping test.

use super::Finding;
use crate::rust::{code_only, first_test_line, has_word};
use crate::tree::{File, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !file.is_generated()) {
        if file.is_rust() {
            rust(file, &mut findings);
        } else if matches!(file.extension(), "ts" | "tsx" | "mjs" | "js") {
            web(file, &mut findings);
        }
    }
    findings
}

fn rust(file: &File, findings: &mut Vec<Finding>) {
    if !file.text.starts_with("//! ") {
        let text = "the first line is not a `//!` sentence; say in one what is in this file";
        findings.push(Finding::new(&file.path, 1, text));
    }
    let code = code_only(&file.text);
    let tests_from = if is_in_tests(&file.path) { Some(1) } else { first_test_line(&code) };
    for (index, line) in code.lines().enumerate() {
        let number = index + 1;
        let mut found = |text: &str| findings.push(Finding::new(&file.path, number, text));
        if has_word(line, "unsafe") && !file.path.starts_with("crates/ally-sandbox/") {
            found("unsafe code lives in ally-sandbox only; put the call there behind a safe function");
        }
        if line.contains("#[allow(") || line.contains("#![allow(") {
            found("a silenced lint stays silent for ever; use #[expect(.., reason = \"..\")]");
        }
        if tests_from.is_some_and(|from| number >= from) && sleeps(line) {
            found("a test may not sleep; wait for the event itself, or move the handed-in clock");
        }
    }
}

fn web(file: &File, findings: &mut Vec<Finding>) {
    for (number, line) in file.lines() {
        if line.contains(concat!("waitFor", "Timeout")) {
            let text = "a test may not sleep; wait for what the person would see";
            findings.push(Finding::new(&file.path, number, text));
        }
    }
}

fn is_in_tests(path: &str) -> bool {
    path.contains("/tests/")
}

fn sleeps(line: &str) -> bool {
    line.contains("thread::sleep")
        || line.contains("time::sleep")
        || ((line.contains("time::{") || line.contains("thread::{")) && has_word(line, "sleep"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::made_of(&[(path, text)])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn the_first_line_must_be_a_sentence() {
        assert_eq!(found("a/x.rs", "use std::fmt;\n"), [1]);
        assert_eq!(found("a/x.rs", ""), [1]);
        assert_eq!(found("a/x.rs", "//! What it is.\nuse std::fmt;\n"), [0; 0]);
    }

    #[test]
    fn unsafe_code_is_refused_outside_the_sandbox() {
        let text = "//! X.\n// unsafe in words\nlet a = \"unsafe\";\nunsafe { call() }\n#![deny(unsafe_code)]\n";
        assert_eq!(found("crates/ally-http/src/x.rs", text), [4]);
        assert_eq!(found("crates/ally-sandbox/src/x.rs", text), [0; 0]);
    }

    #[test]
    fn a_silenced_lint_is_refused() {
        let text = "//! X.\n#![allow(dead_code)]\n#[allow(clippy::all)]\n#[expect(dead_code, reason = \"r\")]\n";
        assert_eq!(found("a/x.rs", text), [2, 3]);
    }

    #[test]
    fn a_sleeping_test_is_refused_and_sleeping_code_is_not() {
        let sleeping =
            "//! X.\nstd::thread::sleep(d);\ntokio::time::sleep(d).await;\nuse tokio::time::{self, sleep};\n";
        assert_eq!(found("crates/a/tests/it/x.rs", sleeping), [2, 3, 4]);
        assert_eq!(found("crates/a/src/x.rs", sleeping), [0; 0]);
        let below = format!("{sleeping}#[cfg(test)]\nmod tests {{\nthread::sleep(d);\n}}\n");
        assert_eq!(found("crates/a/src/x.rs", &below), [7]);
        assert_eq!(found("web/e2e/x.ts", concat!("await page.waitFor", "Timeout(5);\n")), [1]);
    }
}
