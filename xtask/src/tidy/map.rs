//! ARCHITECTURE.md names every crate and top-level folder, and no others.

use super::Finding;
use crate::tree::Tree;

const PAGE: &str = "ARCHITECTURE.md";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.file(PAGE) else {
        return vec![Finding::new(PAGE, 1, "there is no such file; write the map of the folders")];
    };
    let named = named_folders(&page.text);
    let there = folders(tree);
    let missing = there.iter().filter(|folder| !named.iter().any(|(_, name)| name == *folder)).map(|folder| {
        Finding::new(PAGE, 1, format!("`{folder}` is not on the map; add a row that says what it is for"))
    });
    let gone = named.iter().filter(|(_, name)| !there.contains(name)).map(|(line, name)| {
        Finding::new(PAGE, *line, format!("`{name}` is on the map and not in the tree; remove the row"))
    });
    missing.chain(gone).collect()
}

/// The first cells of the table under the heading "The map".
fn named_folders(page: &str) -> Vec<(usize, String)> {
    let mut on_map = false;
    let mut named = Vec::new();
    for (index, line) in page.lines().enumerate() {
        if line.starts_with("## ") {
            on_map = line == "## The map";
        } else if on_map && let Some(name) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) {
            named.push((index + 1, name.trim_end_matches('/').to_owned()));
        }
    }
    named
}

fn folders(tree: &Tree) -> Vec<String> {
    let top = tree.folders_in("").into_iter().filter(|name| !matches!(name.as_str(), "crates" | ".cargo"));
    let crates = tree.folders_in("crates/").into_iter().map(|name| format!("crates/{name}"));
    top.chain(crates).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_row_and_a_row_without_a_folder_are_found() {
        let page =
            "## The map\n\n| `crates/ally-old/` | was here |\n| `docs` | pages |\n\n## Other\n| `nothing` | x |\n";
        let tree = Tree::made_of(&[(PAGE, page), ("crates/ally-new/src/lib.rs", ""), ("docs/README.md", "")]);
        let findings: Vec<String> = check(&tree).iter().map(Finding::to_string).collect();
        assert_eq!(
            findings,
            [
                "ARCHITECTURE.md:1: `crates/ally-new` is not on the map; add a row that says what it is for",
                "ARCHITECTURE.md:3: `crates/ally-old` is on the map and not in the tree; remove the row",
            ]
        );
        assert_eq!(check(&Tree::default()).len(), 1);
    }
}
