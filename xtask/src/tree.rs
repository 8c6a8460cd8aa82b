//! The files of the repository, read once; in a test, a few made-up ones.

use std::path::Path;

/// Folders that hold nothing written by hand.
const SKIPPED: [&str; 10] = [
    ".git",
    "target",
    "node_modules",
    "dist",
    "ally-data",
    "test-results",
    "playwright-report",
    "blob-report",
    ".vite",
    "__pycache__",
];

/// A text file, by its path from the root with forward slashes.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    /// The name without folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// What stands after the last dot of the name; empty if there is none.
    pub fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Whether a program wrote it and says so at its top.
    pub fn is_generated(&self) -> bool {
        self.text.lines().take(4).any(|line| line.contains("auto-generated") || line.contains("@generated"))
    }

    /// Whether a person writes code in it.
    pub fn is_code(&self) -> bool {
        matches!(self.extension(), "rs" | "ts" | "tsx" | "mjs" | "js" | "css" | "c" | "sql" | "sh" | "py")
    }

    pub fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// The lines with their numbers, counted from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// All text files, in the order of their paths.
#[derive(Default)]
pub struct Tree {
    pub files: Vec<File>,
}

impl Tree {
    /// Reads every text file under `root`.
    pub fn read(root: &Path) -> Result<Self, String> {
        let mut tree = Self::default();
        tree.walk(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// A tree for a test.
    #[cfg(test)]
    pub fn made_of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.to_owned(), text: text.to_owned() };
        Self { files: files.iter().map(file).collect() }
    }

    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The names of the folders that hold a file somewhere under `parent`, each once. `""` is the root.
    pub fn folders_in(&self, parent: &str) -> Vec<String> {
        let mut folders: Vec<String> = self
            .files
            .iter()
            .filter_map(|file| file.path.strip_prefix(parent))
            .filter_map(|rest| rest.split_once('/').map(|(folder, _)| folder.to_owned()))
            .collect();
        folders.sort();
        folders.dedup();
        folders
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{prefix}{name}");
            if kind.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.walk(&entry.path(), &format!("{path}/"))?;
                }
            } else if kind.is_file() && !name.ends_with(".log") {
                // What is not UTF-8 is a picture or a font; no rule reads those.
                if let Ok(text) = std::fs::read_to_string(entry.path()) {
                    self.files.push(File { path, text });
                }
            }
        }
        Ok(())
    }
}
