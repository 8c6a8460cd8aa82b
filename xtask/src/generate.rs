//! `cargo xtask generate`: files in git that a program writes, so that they cannot drift from what they describe.

use crate::tidy::lines;
use crate::tree::Tree;
use crate::{changes, say};
use std::path::Path;
use std::process::Command;

const API: &str = "api/ally.json";
const CLIENT: &str = "web/src/api/schema.d.ts";

/// Whether to write the files or only to compare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Write,
    Check,
}

/// Makes all generated files.
pub fn run(root: &Path, mode: Mode) -> Result<(), String> {
    let tree = Tree::read(root)?;
    let (page, lines) = (changes::changelog(&tree)?, lines::catalogue(&tree));
    let description = api_description(root)?;
    let client = api_client(root, &description)?;
    let files = [(changes::PAGE, page), (lines::PAGE, lines), (API, description), (CLIENT, client)];
    let mut stale = Vec::new();
    for (path, text) in &files {
        if std::fs::read_to_string(root.join(path)).is_ok_and(|old| old == *text) {
            continue;
        }
        stale.push(*path);
        if mode == Mode::Write {
            write(&root.join(path), text)?;
            say(&format!("wrote {path}"));
        }
    }
    match mode {
        Mode::Check if !stale.is_empty() => {
            let lines: Vec<String> = stale
                .iter()
                .map(|path| format!("{path}:1: not what the sources say; run `cargo xtask generate`"))
                .collect();
            Err(lines.join("\n"))
        }
        _ => {
            say(&format!("generate: {} files are what the sources say", files.len()));
            Ok(())
        }
    }
}

/// What `ally openapi` prints, with sorted keys and one form of white space.
fn api_description(root: &Path) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let printed = output(Command::new(cargo).args(["run", "-q", "-p", "ally", "--", "openapi"]).current_dir(root))?;
    let value: serde_json::Value =
        serde_json::from_slice(&printed).map_err(|error| format!("`ally openapi` did not print JSON: {error}"))?;
    let mut text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text)
}

/// The types of the browser's client, written by openapi-typescript from the description.
fn api_client(root: &Path, description: &str) -> Result<String, String> {
    let program = root.join("web/node_modules/.bin/openapi-typescript");
    if !program.exists() {
        return Err(format!("{CLIENT}:1: openapi-typescript is not installed; run `npm ci` in web/"));
    }
    let folder = root.join("target/xtask");
    let (from, to) = (folder.join("ally.json"), folder.join("schema.d.ts"));
    write(&from, description)?;
    output(Command::new(program).arg(&from).arg("-o").arg(&to).current_dir(root.join("web")))?;
    std::fs::read_to_string(&to).map_err(|error| format!("openapi-typescript wrote nothing: {error}"))
}

fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|error| format!("{name} cannot be started: {error}"))?;
    if !done.status.success() {
        return Err(format!("{name} failed:\n{}", String::from_utf8_lossy(&done.stderr)));
    }
    Ok(done.stdout)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
