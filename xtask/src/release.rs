//! `cargo xtask release`: one static file that needs nothing beside it, its size, and how quickly it starts.

mod elf;

use crate::say;
use elf::Facts;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often each start is measured; the median is printed.
const STARTS: usize = 5;

/// Linked into the program instead of found beside it. Without `dlsym`, the crate `getrandom` would look for a device
/// file that an assistant's room does not have; here it asks the kernel by its system call. The list of addresses that
/// each start has to set right is written in a tenth of the space.
const FLAGS: [&str; 6] = [
    "-C",
    "target-feature=+crt-static",
    "--cfg",
    "getrandom_backend=\"linux_getrandom\"",
    "-C",
    "link-arg=-Wl,-z,pack-relative-relocs",
];

/// Builds the binary of a profile as a static file, proves that it is one, and starts it a few times.
pub fn run(root: &Path, profile: &str) -> Result<(), String> {
    let triple = host()?;
    if !triple.contains("linux-gnu") {
        return Err(format!("A static file is made on Linux with glibc; this machine is {triple}."));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    build(root, profile, &triple)?;
    let built = target.join(&triple).join(profile).join("ally");
    let file = target.join("static").join(profile).join("ally");
    put(&built, &file).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    let facts = Facts::read(&file)?;
    facts.insist(profile == "release")?;
    let size = std::fs::metadata(&file).map_err(|error| error.to_string())?.len();
    let version = median(|| version(&file))?;
    let ready = median(|| ready(&file))?;
    say(&format!("file            {}", file.display()));
    say(&format!("kind            {facts}"));
    say(&format!("size            {:.1} MB", size as f64 / 1e6));
    say(&format!("ally --version  {:.1} ms, median of {STARTS}", millis(version)));
    say(&format!("start → ready   {:.0} ms, median of {STARTS} in an empty data directory", millis(ready)));
    Ok(())
}

/// What this machine is called by the compiler.
fn host() -> Result<String, String> {
    let said =
        Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc cannot be started: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say what machine this is.".to_owned())
}

/// With `--target`, the flags do not reach build scripts and macros, which the compiler loads and which stay dynamic.
fn build(root: &Path, profile: &str, triple: &str) -> Result<(), String> {
    let others = std::env::var("RUSTFLAGS").unwrap_or_default();
    let flags: Vec<&str> = others.split_whitespace().chain(FLAGS).collect();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--profile", profile, "--target", triple, "-p", "ally"]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("The static file could not be built; the lines above say why.".to_owned()),
        Err(error) => Err(format!("cargo cannot be started: {error}")),
    }
}

/// A file of its own, put in place at once: a program that is running may be written nowhere.
fn put(built: &Path, file: &Path) -> std::io::Result<()> {
    let new = file.with_extension("new");
    std::fs::create_dir_all(file.parent().unwrap_or(file))?;
    std::fs::copy(built, &new)?;
    std::fs::rename(new, file)
}

fn median(measure: impl Fn() -> Result<Duration, String>) -> Result<Duration, String> {
    let mut times = (0..STARTS).map(|_| measure()).collect::<Result<Vec<_>, _>>()?;
    times.sort();
    Ok(times[STARTS / 2])
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn version(file: &Path) -> Result<Duration, String> {
    let begun = Instant::now();
    let said = Command::new(file).arg("--version").output().map_err(|error| error.to_string())?;
    let time = begun.elapsed();
    if said.status.success() && said.stdout.starts_with(b"ally ") { Ok(time) } else { Err("It does not start.".into()) }
}

/// From the start to the line with the address, in a data directory that is made for it.
fn ready(file: &Path) -> Result<Duration, String> {
    let folder = Folder(std::env::temp_dir().join(format!("ally-release-{}", std::process::id())));
    let mut serve = Command::new(file);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--data-dir"]).arg(&folder.0);
    serve.stdin(Stdio::null()).stdout(Stdio::piped()).env_clear();
    let begun = Instant::now();
    let mut child = serve.spawn().map_err(|error| error.to_string())?;
    let lines = child.stdout.take().map(BufReader::new).into_iter().flat_map(|out| out.lines().map_while(Result::ok));
    let is_ready = lines.into_iter().any(|line| line.contains("Ally is ready"));
    let time = begun.elapsed();
    // A term signal, so that the processes which it started end as well.
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let _ = child.wait();
    if is_ready { Ok(time) } else { Err("It started, but did not get ready; the lines above say why.".to_owned()) }
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
