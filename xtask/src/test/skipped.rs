//! How a test says that it cannot run here. The test programs of all crates include this file; the counts are read in
//! `counts.rs`.

use std::io::Write as _;

/// Notes what is missing for the test that calls this, where the test runner counts it. Fails where everything must be
/// there.
pub fn skipped(missing: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(std::env::var("ALLY_TEST_STRICT").as_deref() != Ok("1"), "{test}: {missing}");
    if let Some(list) = std::env::var_os("ALLY_TEST_SKIPS") {
        let mut list = std::fs::OpenOptions::new().append(true).create(true).open(list).expect("the list of skips");
        writeln!(list, "{test}: {missing}").expect("is written");
    }
}
