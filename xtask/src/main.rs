//! Chores of the repository: `cargo xtask tidy`, `cargo xtask test`, `cargo xtask generate`, `cargo xtask release`.

mod changes;
mod generate;
mod release;
mod rust;
mod test;
mod tidy;
mod tree;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask tidy                   what clippy cannot see: layers, sizes, names, words, migrations
cargo xtask tidy --add-migrations  first notes new migrations in xtask/migrations.txt; a noted one may not change
cargo xtask generate               writes api/ally.json, web/src/api/schema.d.ts, CHANGELOG.md and the host's list of log lines
cargo xtask test [noun]            every test that this machine can run, and the names of those it cannot
cargo xtask browser [noun]         only the tests in the browser, before the fake backend and before the real binary
cargo xtask release [profile]      one static file, its size, and how quickly it starts
cargo xtask generate --check       fails if one of them is not what it would be
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    let done = match arguments.as_slice() {
        ["tidy"] => tidy::run(&root, tidy::Migrations::MustBeNoted),
        ["tidy", "--add-migrations"] => tidy::run(&root, tidy::Migrations::NoteNewOnes),
        ["generate"] => generate::run(&root, generate::Mode::Write),
        ["generate", "--check"] => generate::run(&root, generate::Mode::Check),
        ["release"] => release::run(&root, "release"),
        ["release", profile] => release::run(&root, profile),
        ["test"] => test::run(&root, test::Part::All, None),
        ["test", noun] => test::run(&root, test::Part::All, Some(noun)),
        ["browser"] => test::run(&root, test::Part::Browser, None),
        ["browser", noun] => test::run(&root, test::Part::Browser, Some(noun)),
        [] | ["help" | "--help" | "-h"] => {
            say(HELP.trim_end());
            Ok(())
        }
        _ => Err(format!("There is no such chore.\n{}", HELP.trim_end())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // The test chore has said everything in its closing line.
            if !reason.is_empty() {
                say(&reason);
            }
            ExitCode::FAILURE
        }
    }
}

/// The repository: the folder above this crate.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Writes one line for the person at the terminal. A closed terminal is not an error.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
