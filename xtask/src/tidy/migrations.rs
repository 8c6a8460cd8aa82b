//! Migrations are only added: one that is noted in the list may not change. Every `.sql` file of a crate is one.

use super::Finding;
use crate::tree::{File, Tree};
use std::path::Path;

const LIST: &str = "xtask/migrations.txt";
const TOP: &str =
    "# Checksums of all migrations. `cargo xtask tidy --add-migrations` adds new ones; a line here never changes.\n";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let noted = noted(tree);
    let mut findings = Vec::new();
    for file in migrations(tree) {
        match noted.iter().find(|(_, _, path)| *path == file.path) {
            Some((_, sum, _)) if *sum == checksum(&file.text) => {}
            Some(_) => findings.push(Finding::new(
                &file.path,
                1,
                "a migration that others may have run was changed; put it back and write a new one",
            )),
            None => findings.push(Finding::new(
                &file.path,
                1,
                "this migration is new; note it with `cargo xtask tidy --add-migrations` once it is final",
            )),
        }
    }
    for (line, _, path) in &noted {
        if tree.file(path).is_none() {
            findings.push(Finding::new(
                LIST,
                *line,
                format!("{path} was removed; a migration stays for ever, put it back"),
            ));
        }
    }
    findings
}

/// Adds the migrations that are not in the list yet.
pub fn note_new_ones(root: &Path, tree: &Tree) -> Result<(), String> {
    let noted = noted(tree);
    let mut list = tree.file(LIST).map_or_else(|| TOP.to_owned(), |file| file.text.clone());
    for file in migrations(tree).filter(|file| !noted.iter().any(|(_, _, path)| *path == file.path)) {
        list.push_str(&format!("{}  {}\n", checksum(&file.text), file.path));
    }
    std::fs::write(root.join(LIST), list).map_err(|error| format!("{LIST} cannot be written: {error}"))
}

fn migrations(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files
        .iter()
        .filter(|file| file.extension() == "sql" && file.path.starts_with("crates/") && !file.path.contains("/tests/"))
}

/// Line, checksum and path of each entry of the list.
fn noted(tree: &Tree) -> Vec<(usize, &str, &str)> {
    let Some(list) = tree.file(LIST) else { return Vec::new() };
    let entries = list.lines().filter(|(_, line)| !line.starts_with('#'));
    entries.filter_map(|(number, line)| line.split_once("  ").map(|(sum, path)| (number, sum, path))).collect()
}

/// FNV-1a: it guards against a slip, not against an attacker, who could change the list as well.
fn checksum(text: &str) -> String {
    let sum = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{sum:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/ally-platform/migrations/0001_accounts.sql";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::made_of(files)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_new_migration_must_be_noted_and_a_noted_one_may_neither_change_nor_go() {
        let list = format!("# top\n{}  {PATH}\n", checksum("create table a;"));
        assert_eq!(found(&[(PATH, "create table a;"), (LIST, &list)]), [""; 0]);
        assert!(found(&[(PATH, "create table a;")])[0].contains("is new"));
        assert!(found(&[(PATH, "create table b;"), (LIST, &list)])[0].contains("was changed"));
        assert!(found(&[(LIST, &list)])[0].starts_with("xtask/migrations.txt:2: "));
    }
}
