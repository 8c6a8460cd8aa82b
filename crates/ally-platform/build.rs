//! Gathers `changes/*.md` of the repository, newest first, so that the changelog page needs no file at run time.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let changes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../changes");
    writeln!(io::stdout(), "cargo::rerun-if-changed={}", changes.display())?;
    let mut files: Vec<_> = match fs::read_dir(&changes) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(_) => Vec::new(),
    };
    files.retain(|path| {
        path.extension().is_some_and(|extension| extension == "md")
            && path.file_stem().is_some_and(|name| !name.eq_ignore_ascii_case("readme"))
    });
    files.sort();
    let mut source = String::from("&[\n");
    for path in files.iter().rev() {
        writeln!(io::stdout(), "cargo::rerun-if-changed={}", path.display())?;
        let _ = writeln!(source, "    {:?},", fs::read_to_string(path)?);
    }
    source.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("changes.rs"), source)
}
