//! `cargo xtask test`: every test that this machine can run, the names of those it cannot, and one closing line.

mod counts;
mod installation;

use crate::say;
use counts::Counts;
use installation::Installation;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which tests to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    All,
    Browser,
}

/// Runs the tests, or those of one noun.
pub fn run(root: &Path, part: Part, noun: Option<&str>) -> Result<(), String> {
    let is_strict = std::env::var("ALLY_TEST_STRICT").is_ok_and(|value| value == "1");
    let folder = root.join("target/xtask");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let runner = Runner { root, folder, noun };

    let mut counts = Counts::default();
    if part == Part::All {
        counts.add(runner.rust());
        counts.add(runner.web());
    }
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

    /// A real browser: every test before the fake backend, and each file of them before a fresh real installation.
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
        let build = |arguments: &[&str]| {
            let mut cargo = Command::new(cargo());
            pass_on(cargo.args(["build", "-q"]).args(arguments).current_dir(self.root)).0
        };
        // The binary is built with the app in it, which the fake backend serves too.
        if !build(&["-p", "ally"]) || !build(&["-p", "ally-llm", "--example", "stand_in"]) {
            return Counts::of_failed();
        }
        // Both worlds at once: each waits much, for pages and for words that come slowly.
        std::thread::scope(|scope| {
            let before_real = scope.spawn(|| self.before_real(&chromium));
            let mut counts = self.playwright(&chromium, None, self.noun);
            counts.add_second_world(before_real.join().unwrap_or_else(|_| Counts::of_failed()));
            counts
        })
    }

    /// Each file of the browser tests before a fresh real installation.
    fn before_real(&self, chromium: &Path) -> Counts {
        let mut counts = Counts::default();
        for file in self.browser_files() {
            let arguments = [file.as_str()];
            counts.add(match Installation::start(&programs()) {
                Ok(installation) => self.playwright(chromium, Some(&installation), arguments),
                Err(reason) => {
                    say(&reason);
                    Counts::of_failed()
                }
            });
        }
        counts
    }

    /// The test files, without those that the noun leaves out.
    fn browser_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join("web/e2e")).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_meant = |name: &String| name.ends_with(".spec.ts") && self.noun.is_none_or(|noun| name.contains(noun));
        let mut names: Vec<String> = names.filter(is_meant).collect();
        names.sort();
        names
    }

    fn playwright<'b>(
        &self,
        chromium: &Path,
        real: Option<&Installation>,
        files: impl IntoIterator<Item = &'b str>,
    ) -> Counts {
        let world = if real.is_some() { "real" } else { "fake" };
        let report = self.folder.join(format!("playwright-{world}.json"));
        let _ = std::fs::remove_file(&report);
        let mut playwright = self.in_web("playwright");
        playwright.args(["test", "--pass-with-no-tests", "--reporter=list,json"]).args(files);
        // A folder of its own: two runs in one checkout would delete each other's traces.
        playwright.arg("--output").arg(self.folder.join(format!("browser-{world}")));
        playwright.env("PLAYWRIGHT_JSON_OUTPUT_NAME", &report).env("ALLY_CHROMIUM", chromium);
        match real {
            Some(real) => {
                playwright.env("ALLY_E2E_URL", &real.url).env("ALLY_E2E_STAND_IN", &real.model);
                playwright.env("ALLY_E2E_KEY", installation::KEY)
            }
            None => playwright.env_remove("ALLY_E2E_URL"),
        };
        say(&format!("browser tests before {}", real.map_or("the fake backend", |real| real.url.as_str())));
        let (succeeded, _) = pass_on_as(&format!("{world}: "), &mut playwright);
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

/// The built programs stand beside this one, wherever the target directory is.
fn programs() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name("")
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
    pass_on_as("", command)
}

/// The same, with a word before each line that is shown: another program may write in between.
fn pass_on_as(prefix: &str, command: &mut Command) -> (bool, Vec<String>) {
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
        say(&format!("{prefix}{line}"));
        lines.push(line);
    }
    (child.wait().is_ok_and(|status| status.success()), lines)
}
