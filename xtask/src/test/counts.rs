//! What the runners counted, read from what they printed or reported.

use serde_json::Value;

/// How many tests passed and failed, and which were skipped.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub skipped: Vec<String>,
    /// Tests of the browser that ran, by name.
    ran: Vec<String>,
}

impl Counts {
    pub fn of_skipped(name: String) -> Self {
        Self { skipped: vec![name], ..Self::default() }
    }

    pub fn of_failed() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    /// From `Summary [ 0.085s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 4 skipped`.
    /// What it calls skipped was not asked for, by a filter or `#[ignore]`.
    pub fn of_nextest(lines: &[String]) -> Self {
        let summary = lines.iter().rev().find(|line| line.contains("Summary [")).map_or("", String::as_str);
        let parts = summary.rsplit("run: ").next().unwrap_or("");
        let count = |word: &str| number_before(parts, word);
        Self {
            passed: count("passed"),
            failed: count("failed") + count("timed out") + count("exec failed"),
            ..Self::default()
        }
    }

    /// From one `test result: ok. 3 passed; 0 failed; 0 ignored; …` for each test program.
    pub fn of_cargo_test(lines: &[String]) -> Self {
        let mut counts = Self::default();
        for line in lines.iter().filter(|line| line.starts_with("test result: ")) {
            counts.passed += number_before(line, "passed");
            counts.failed += number_before(line, "failed");
        }
        counts
    }

    /// From Vitest's JSON report.
    pub fn of_vitest(report: &str) -> Self {
        let report: Value = serde_json::from_str(report).unwrap_or_default();
        let count = |name: &str| report[name].as_u64().unwrap_or(0);
        let mut counts = Self { passed: count("numPassedTests"), failed: count("numFailedTests"), ..Self::default() };
        for test in items(&report["testResults"]).flat_map(|file| items(&file["assertionResults"])) {
            if matches!(test["status"].as_str(), Some("pending" | "skipped" | "todo" | "disabled")) {
                counts.skipped.push(format!("web: {}", test["fullName"].as_str().unwrap_or("?")));
            }
        }
        counts
    }

    /// From Playwright's JSON report.
    pub fn of_playwright(report: &str) -> Self {
        let report: Value = serde_json::from_str(report).unwrap_or_default();
        let count = |name: &str| report["stats"][name].as_u64().unwrap_or(0);
        let mut counts = Self { passed: count("expected"), failed: count("unexpected"), ..Self::default() };
        // A test that passed at its second try has failed: something in it does not wait for what it needs.
        counts.failed += count("flaky");
        let mut suites: Vec<&Value> = items(&report["suites"]).collect();
        while let Some(suite) = suites.pop() {
            suites.extend(items(&suite["suites"]));
            for spec in items(&suite["specs"]) {
                let name = format!("browser: {}", spec["title"].as_str().unwrap_or("?"));
                let is_skipped = items(&spec["tests"]).any(|test| test["status"] == "skipped");
                if is_skipped { counts.skipped.push(name) } else { counts.ran.push(name) }
            }
        }
        counts
    }

    /// From `playwright test --list`, where there is no browser to run them in.
    pub fn of_listed(listed: &str, reason: &str) -> Self {
        let tests = listed.lines().filter(|line| line.starts_with("  ") && line.contains(" › "));
        let skipped = tests.map(|line| format!("browser: {}: {reason}", line.trim())).collect();
        Self { skipped, ..Self::default() }
    }

    /// A runner that ended badly without a failed test has failed all the same.
    pub fn fails_unless(&mut self, succeeded: bool) {
        if !succeeded && self.failed == 0 {
            self.failed = 1;
        }
    }

    pub fn skip(&mut self, names: impl Iterator<Item = String>) {
        let before = self.skipped.len();
        self.skipped.extend(names);
        // A skipped test returned early, and its runner took that for a pass.
        self.passed = self.passed.saturating_sub((self.skipped.len() - before) as u64);
    }

    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
        self.ran.extend(other.ran);
    }

    /// Adds what the same tests did in another world. A test that makes no sense in one is not skipped if the other ran it.
    pub fn add_second_world(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.retain(|name| !other.ran.contains(name));
        let new = other.skipped.into_iter().filter(|name| !self.ran.contains(name) && !self.skipped.contains(name));
        let new: Vec<String> = new.collect();
        self.skipped.extend(new);
        self.ran.extend(other.ran);
    }

    pub fn closing_line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

/// The number that stands before a word: `… 9 passed …`.
fn number_before(text: &str, word: &str) -> u64 {
    let mut parts = text.split([',', ';']).flat_map(|part| part.split(". "));
    let part = parts.find(|part| part.trim_start().split_once(' ').is_some_and(|(_, rest)| rest.starts_with(word)));
    part.and_then(|part| part.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn nextest_is_read_from_its_summary() {
        let text = "  PASS a\n     Summary [   0.085s] 9 tests run: 9 passed, 0 skipped\n";
        assert_eq!(Counts::of_nextest(&lines(text)).closing_line(), "9 passed, 0 failed, 0 skipped");
        let text = "  Summary [ 1.0s] 12 tests run: 8 passed (1 slow), 2 failed, 1 timed out, 4 skipped\n  FAIL b\n";
        assert_eq!(Counts::of_nextest(&lines(text)).closing_line(), "8 passed, 3 failed, 0 skipped");
        let text = "  Summary [ 1.0s] 5/12 tests run: 4 passed, 1 failed, 4 skipped\n";
        assert_eq!(Counts::of_nextest(&lines(text)).closing_line(), "4 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn cargo_test_is_summed_over_its_programs() {
        let text = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
                    test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        assert_eq!(Counts::of_cargo_test(&lines(text)).closing_line(), "7 passed, 2 failed, 0 skipped");
    }

    #[test]
    fn skipped_tests_have_names() {
        let report = r#"{"stats":{"expected":3,"unexpected":1,"flaky":1,"skipped":1},"suites":[{"specs":[],"suites":[
            {"specs":[{"title":"she stops it","tests":[{"status":"skipped"}]}]}]}]}"#;
        let mut counts = Counts::of_playwright(report);
        assert_eq!((counts.passed, counts.failed), (3, 2));
        assert_eq!(counts.skipped, ["browser: she stops it"]);

        counts.add(Counts::of_vitest(
            r#"{"numPassedTests":2,"numFailedTests":0,"testResults":[{"assertionResults":[{"status":"pending","fullName":"x y"}]}]}"#,
        ));
        counts.skip(["oracle: no Python".to_owned()].into_iter());
        assert_eq!(counts.closing_line(), "4 passed, 2 failed, 3 skipped");

        let listed = "Listing tests:\n  chat.spec.ts:3:1 › she stops it\nTotal: 1 test in 1 file\n";
        assert_eq!(Counts::of_listed(listed, "no browser").skipped.len(), 1);
    }

    #[test]
    fn a_test_that_runs_in_one_of_two_worlds_is_not_skipped() {
        let report = |first: &str, second: &str| {
            format!(
                r#"{{"stats":{{"expected":1}},"suites":[{{"specs":[
                {{"title":"a","tests":[{{"status":"{first}"}}]}},{{"title":"b","tests":[{{"status":"{second}"}}]}}]}}]}}"#
            )
        };
        let mut counts = Counts::of_playwright(&report("expected", "skipped"));
        counts.add_second_world(Counts::of_playwright(&report("skipped", "expected")));
        assert_eq!(counts.closing_line(), "2 passed, 0 failed, 0 skipped");
        let mut counts = Counts::of_playwright(&report("expected", "skipped"));
        counts.add_second_world(Counts::of_playwright(&report("expected", "skipped")));
        assert_eq!(counts.skipped, ["browser: b"]);
    }

    #[test]
    fn a_runner_that_ends_badly_has_failed() {
        let mut counts = Counts::of_vitest("");
        counts.fails_unless(false);
        assert_eq!(counts.closing_line(), "0 passed, 1 failed, 0 skipped");
    }
}
