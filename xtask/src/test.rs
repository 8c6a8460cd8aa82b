//! `cargo xtask test`: every test that this machine can run, the names of those it cannot, and one closing line.

mod counts;

use crate::say;
use counts::Counts;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs the tests, or those of one noun.
pub fn run(root: &Path, noun: Option<&str>) -> Result<(), String> {
    let is_strict = std::env::var("ALLY_TEST_STRICT").is_ok_and(|value| value == "1");
    let folder = root.join("target/xtask");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let runner = Runner { root, folder, noun };

    let mut counts = runner.rust();
    counts.add(runner.web());
    counts.add(runner.browser());

    for name in &counts.skipped {
        say(&format!("skipped: {name}"));
    }
    // The last line is the plain one that build servers read.
    say(&counts.closing_line());
    if counts.failed > 0 {
        return Err(String::new());
    }
    if is_strict && !counts.skipped.is_empty() {
        return Err(String::new());
    }
    Ok(())
}

struct Runner<'a> {
    root: &'a Path,
    folder: PathBuf,
    noun: Option<&'a str>,
}

impl Runner<'_> {
    /// All crates, with nextest where it is installed.
    fn rust(&self) -> Counts {
        let skips = self.folder.join("skipped.txt");
        let _ = std::fs::remove_file(&skips);
        let mut cargo = Command::new(cargo());
        cargo.current_dir(self.root).env("ALLY_TEST_SKIPS", &skips);
        let has_nextest = succeeds(Command::new(self::cargo()).args(["nextest", "--version"]));
        if has_nextest {
            cargo.args(["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests=pass"]);
            cargo.args(["--status-level", "slow", "--final-status-level", "fail"]);
        } else {
            cargo.args(["test", "--workspace", "--no-fail-fast", "--bins", "--lib", "--tests"]);
        }
        cargo.args(self.noun);
        let (succeeded, lines) = pass_on(&mut cargo);
        let mut counts = if has_nextest { Counts::of_nextest(&lines) } else { Counts::of_cargo_test(&lines) };
        counts.fails_unless(succeeded);
        let skipped = std::fs::read_to_string(&skips).unwrap_or_default();
        counts.skip(skipped.lines().map(str::to_owned));
        counts
    }

    /// The browser app's own tests, in Node.
    fn web(&self) -> Counts {
        if let Err(reason) = self.node_modules() {
            return Counts::of_skipped(format!("web: {reason}"));
        }
        let report = self.folder.join("vitest.json");
        let _ = std::fs::remove_file(&report);
        let mut vitest = self.in_web("vitest");
        vitest.args(["run", "--passWithNoTests", "--reporter=default", "--reporter=json", "--outputFile.json"]);
        vitest.arg(&report).args(self.noun);
        let (succeeded, _) = pass_on(&mut vitest);
        let mut counts = Counts::of_vitest(&std::fs::read_to_string(&report).unwrap_or_default());
        counts.fails_unless(succeeded);
        counts
    }

    /// The real binary in a real browser.
    fn browser(&self) -> Counts {
        if let Err(reason) = self.node_modules() {
            return Counts::of_skipped(format!("browser: {reason}"));
        }
        let Some(chromium) = chromium() else {
            let listed =
                self.in_web("playwright").args(["test", "--list", "--pass-with-no-tests"]).args(self.noun).output();
            let listed = listed.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
            return Counts::of_listed(&listed, "Chromium is not installed");
        };
        let mut build = Command::new(cargo());
        if !pass_on(build.args(["build", "-q", "-p", "ally"]).current_dir(self.root)).0 {
            return Counts::of_failed();
        }
        let report = self.folder.join("playwright.json");
        let _ = std::fs::remove_file(&report);
        let mut playwright = self.in_web("playwright");
        playwright.args(["test", "--pass-with-no-tests", "--reporter=list,json"]).args(self.noun);
        playwright.env("PLAYWRIGHT_JSON_OUTPUT_NAME", &report).env("ALLY_CHROMIUM", chromium).env("ALLY_BIN", binary());
        let (succeeded, _) = pass_on(&mut playwright);
        let mut counts = Counts::of_playwright(&std::fs::read_to_string(&report).unwrap_or_default());
        counts.fails_unless(succeeded);
        counts
    }

    fn in_web(&self, program: &str) -> Command {
        let mut command = Command::new(self.root.join("web/node_modules/.bin").join(program));
        command.current_dir(self.root.join("web"));
        command
    }

    /// Installs what the web app needs, once.
    fn node_modules(&self) -> Result<(), &'static str> {
        if self.root.join("web/node_modules/.package-lock.json").exists() {
            return Ok(());
        }
        let mut install = Command::new("npm");
        install.args(["ci", "--no-audit", "--no-fund"]).current_dir(self.root.join("web"));
        if install.status().is_ok_and(|status| status.success()) {
            Ok(())
        } else {
            Err("npm could not install its packages")
        }
    }
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The built binary stands beside this one, wherever the target directory is.
fn binary() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name("ally")
}

fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("ALLY_CHROMIUM") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs a program, shows its lines as they come and keeps them. Both its outputs go through one pipe, in order.
fn pass_on(command: &mut Command) -> (bool, Vec<String>) {
    let Ok((reader, writer)) = std::io::pipe() else { return (false, Vec::new()) };
    let Ok(second) = writer.try_clone() else { return (false, Vec::new()) };
    let name = command.get_program().to_string_lossy().into_owned();
    let spawned = command.stdin(Stdio::null()).stdout(writer).stderr(second).spawn();
    // The command holds the writing ends; while it lives, the reader would never see the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = spawned else {
        say(&format!("{name} cannot be started"));
        return (false, Vec::new());
    };
    let mut lines = Vec::new();
    for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        say(&line);
        lines.push(line);
    }
    (child.wait().is_ok_and(|status| status.success()), lines)
}
