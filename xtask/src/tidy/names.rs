//! A file or folder has the name of what is in it.

use super::Finding;
use crate::tree::Tree;
use std::collections::BTreeSet;

/// Names that say nothing. A file that seems to need one has a noun nobody has found yet.
const VAGUE: [&str; 10] =
    ["util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "service", "services"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut folders_seen = BTreeSet::new();
    for file in tree.files.iter().filter(|file| file.is_code()) {
        if file.name() == "mod.rs" {
            let text = "mod.rs says nothing in an editor's tab; name the file after its folder, one level up";
            findings.push(Finding::new(&file.path, 1, text));
        }
        let stem = file.name().split('.').next().unwrap_or("");
        findings.extend(vague(stem).map(|word| finding(&file.path, word)));
        for (end, _) in file.path.match_indices('/') {
            let folder = &file.path[..end];
            if folders_seen.insert(folder) {
                let name = folder.rsplit('/').next().unwrap_or(folder);
                findings.extend(vague(name).map(|word| finding(folder, word)));
            }
        }
    }
    findings
}

/// The vague word that the name is or ends with.
fn vague(name: &str) -> Option<&'static str> {
    let last = name.rsplit(['_', '-']).next().unwrap_or(name).to_ascii_lowercase();
    VAGUE.into_iter().find(|word| *word == last)
}

fn finding(path: &str, word: &str) -> Finding {
    Finding::new(path, 1, format!("\"{word}\" does not say what is inside; name it after the noun a user would use"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vague_names_and_mod_rs_are_refused_and_others_are_not() {
        let refused =
            ["a/util.rs", "a/helpers.ts", "a/token_manager.rs", "a/misc/x.rs", "a/mod.rs", "a/http-utils.mjs"];
        for path in refused {
            assert_eq!(check(&Tree::made_of(&[(path, "")])).len(), 1, "{path}");
        }
        for path in ["a/utility_bill.rs", "a/service_worker.ts", "a/commons.rs", "a/model.rs", "docs/common.md"] {
            assert_eq!(check(&Tree::made_of(&[(path, "")])), [], "{path}");
        }
    }
}
