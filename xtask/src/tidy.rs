//! `cargo xtask tidy`: the rules of STYLE and of the layout that a program can check. Each finding says what to do.

mod layers;
pub mod lines;
mod map;
mod migrations;
mod names;
mod sizes;
mod sources;
mod words;

use crate::say;
use crate::tree::Tree;
use std::path::Path;

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    line: usize,
    /// What is wrong and what to do about it.
    text: String,
}

impl Finding {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// What to do with a migration that is not in the list yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    MustBeNoted,
    NoteNewOnes,
}

/// Checks the repository and prints what was found.
pub fn run(root: &Path, migrations: Migrations) -> Result<(), String> {
    let mut tree = Tree::read(root)?;
    if migrations == Migrations::NoteNewOnes {
        migrations::note_new_ones(root, &tree)?;
        tree = Tree::read(root)?;
    }
    let findings = findings(&tree);
    for finding in &findings {
        say(&finding.to_string());
    }
    match findings.len() {
        0 => {
            say(&format!("tidy: {} files, nothing to mend", tree.files.len()));
            Ok(())
        }
        1 => Err("tidy: 1 thing to mend".to_owned()),
        many => Err(format!("tidy: {many} things to mend")),
    }
}

fn findings(tree: &Tree) -> Vec<Finding> {
    let rules: [fn(&Tree) -> Vec<Finding>; 8] = [
        layers::check,
        lines::check,
        map::check,
        migrations::check,
        names::check,
        sizes::check,
        sources::check,
        words::check,
    ];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_reads_and_a_tree_that_breaks_nothing_has_no_findings() {
        assert!(Tree::read(&crate::root()).unwrap().files.len() > 20);
        let tree = Tree::made_of(&[
            ("ARCHITECTURE.md", "## The map\n\n| Folder | What |\n|---|---|\n| `crates/ally-types` | values |\n"),
            ("crates/ally-types/Cargo.toml", "[package]\nname = \"ally-types\"\n"),
            ("crates/ally-types/src/lib.rs", "//! Values.\n\npub struct Chat;\n"),
        ]);
        assert_eq!(findings(&tree), []);
    }
}
