//! Builds the web app when its inputs have changed, and writes the table of its files.
//!
//! 1. `ALLY_WEB_DIST` names a finished build: it is embedded as it is.
//! 2. The inputs of `web/` are those of `web/dist/.stamp`: what is there is embedded.
//! 3. Otherwise `npm ci` (only when the lock has changed) and `npm run build`.
//! 4. Without npm, a sentence that says what to do. The feature `ui` switched off needs no Node.js at all.

#![expect(clippy::disallowed_macros, reason = "cargo reads what a build script prints")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, hash::Hasher};

/// What the built app depends on, inside `web/`.
const INPUTS: [&str; 6] = ["src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts"];

type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ALLY_WEB_DIST");
    match write_table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            println!("cargo::error={sentence}");
            ExitCode::FAILURE
        }
    }
}

fn write_table() -> Outcome<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo did not set OUT_DIR")?).join("assets.rs");
    let table = if env::var_os("CARGO_FEATURE_UI").is_none() { placeholder() } else { table_of(&finished_build()?)? };
    fs::write(&out, table).map_err(|error| format!("{} cannot be written: {error}", out.display()))
}

/// The folder with the built app, built now if need be.
fn finished_build() -> Outcome<PathBuf> {
    if let Some(given) = env::var_os("ALLY_WEB_DIST").filter(|given| !given.is_empty()) {
        let dist = PathBuf::from(given);
        println!("cargo::rerun-if-changed={}", dist.display());
        return if dist.join("index.html").is_file() {
            Ok(dist)
        } else {
            Err(format!(
                "ALLY_WEB_DIST is {}, but there is no index.html in it. Run `npm run build` in web/ first.",
                dist.display()
            ))
        };
    }
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    for input in INPUTS {
        if web.join(input).exists() {
            println!("cargo::rerun-if-changed={}", web.join(input).display());
        }
    }
    let dist = web.join("dist");
    let stamp = dist.join(".stamp");
    // A folder that somebody removed or half removed has to be built again.
    println!("cargo::rerun-if-changed={}", stamp.display());
    let is_current = |wanted: &str| {
        fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && dist.join("index.html").is_file()
    };
    if is_current(&fingerprint(&web, &INPUTS)?) {
        return Ok(dist);
    }
    // Two cargo processes (a test run and an editor) may come here at once; the second finds the work done.
    let lock_path = web.join(".build-lock");
    let lock = File::create(&lock_path).map_err(|error| format!("{} cannot be made: {error}", lock_path.display()))?;
    lock.lock().map_err(|error| format!("{} cannot be locked: {error}", lock_path.display()))?;
    let inputs = fingerprint(&web, &INPUTS)?;
    if !is_current(&inputs) {
        build(&web)?;
        write_stamp(&stamp, &inputs).map_err(|error| format!("{} cannot be written: {error}", stamp.display()))?;
    }
    Ok(dist)
}

/// The stamp gets an old date: cargo compares it with the start of this run, and a new date would mean one more build.
fn write_stamp(stamp: &Path, inputs: &str) -> io::Result<()> {
    fs::write(stamp, inputs)?;
    File::options().write(true).open(stamp)?.set_modified(std::time::UNIX_EPOCH)
}

fn build(web: &Path) -> Outcome<()> {
    let installed = web.join("node_modules/.lock-stamp");
    let lock = fingerprint(web, &["package-lock.json"])?;
    if !fs::read_to_string(&installed).is_ok_and(|found| found == lock) {
        npm(web, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
        fs::write(&installed, lock).map_err(|error| format!("{} cannot be written: {error}", installed.display()))?;
    }
    npm(web, &["run", "build"])
}

fn npm(web: &Path, arguments: &[&str]) -> Outcome<()> {
    let run = Command::new("npm").args(arguments).current_dir(web).output();
    let output = match run {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err("The web app has to be built, and npm is not here. Install Node.js 20.19 or newer, or set ALLY_WEB_DIST \
                        to a finished build, or leave the web app out: `--no-default-features`."
                .into());
        }
        Err(error) => return Err(format!("npm could not be started: {error}")),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let lines: Vec<String> = String::from_utf8_lossy(&said).lines().map(str::to_owned).collect();
    for line in &lines[lines.len().saturating_sub(25)..] {
        println!("cargo::warning={line}");
    }
    Err(format!("`npm {}` failed in {}; its last lines are above.", arguments.join(" "), web.display()))
}

/// A number over the names and bytes of these files and folders.
fn fingerprint(web: &Path, inputs: &[&str]) -> Outcome<String> {
    let mut files = Vec::new();
    for input in inputs {
        let path = web.join(input);
        if path.is_dir() {
            collect(&path, &mut files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325_8422_2325_cbf2_9ce4);
    for file in files {
        hash.write(file.strip_prefix(web).unwrap_or(&file).to_string_lossy().as_bytes());
        hash.write(&[0]);
        hash.write(&read(&file)?);
        hash.write(&[0]);
    }
    Ok(hash.text())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("{} cannot be read: {error}", folder.display()))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn read(file: &Path) -> Outcome<Vec<u8>> {
    fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// Rust source with one entry per file of the build, sorted by name. Files that only the build needs stay out.
fn table_of(dist: &Path) -> Outcome<String> {
    let dist = dist.canonicalize().map_err(|error| format!("{} cannot be found: {error}", dist.display()))?;
    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    let mut entries = Vec::new();
    for file in &files {
        let name = file.strip_prefix(&dist).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let is_part = name.starts_with('.') || name.ends_with(".br") || name.ends_with(".gz");
        if !is_part && name != "index.html" {
            entries.push((name.clone(), asset(&dist, &name)?));
        }
    }
    entries.sort();
    let mut table =
        format!("static INDEX: Asset = {};\nstatic FILES: &[(&str, Asset)] = &[\n", asset(&dist, "index.html")?);
    for (name, asset) in entries {
        let _ = writeln!(table, "    ({name:?}, {asset}),");
    }
    table.push_str("];\n");
    Ok(table)
}

fn asset(dist: &Path, name: &str) -> Outcome<String> {
    let file = dist.join(name);
    let compressed = |ending: &str| {
        let path = dist.join(format!("{name}.{ending}"));
        if path.is_file() { format!("Some(include_bytes!({path:?}))") } else { "None".to_owned() }
    };
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325_8422_2325_cbf2_9ce4);
    hash.write(&read(&file)?);
    let etag = format!("\"{}\"", hash.text());
    Ok(format!(
        "Asset {{ bytes: include_bytes!({file:?}), br: {}, gz: {}, content_type: {:?}, etag: {etag:?}, immutable: {} }}",
        compressed("br"),
        compressed("gz"),
        content_type(name),
        name.starts_with("assets/"),
    ))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn placeholder() -> String {
    let page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Ally</title><p>This build of Ally has no web \
                app in it. Build it with the feature `ui` to get one.";
    format!(
        "static INDEX: Asset = Asset {{ bytes: {page:?}.as_bytes(), br: None, gz: None, content_type: \"text/html; charset=utf-8\", \
         etag: \"\\\"placeholder\\\"\", immutable: false }};\nstatic FILES: &[(&str, Asset)] = &[];\n"
    )
}

/// FNV-1a over 128 bits: names contents, protects nothing.
struct Fnv(u128);

impl Fnv {
    fn text(&self) -> String {
        format!("{:032x}", self.0)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0 as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
