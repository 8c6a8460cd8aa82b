//! No file is so long that all work must pass through it.

use super::Finding;
use crate::tree::Tree;

const MOST_LINES: usize = 600;

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter(|file| file.is_code() && !file.is_generated())
        .filter_map(|file| {
            let lines = file.text.lines().count();
            (lines > MOST_LINES).then(|| {
                let text =
                    format!("{lines} lines, {MOST_LINES} are allowed; give a noun or a verb in it a file of its own");
                Finding::new(&file.path, MOST_LINES + 1, text)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_after_the_last_allowed_one_is_refused_unless_a_program_wrote_it() {
        let full = "x\n".repeat(600);
        let over = "x\n".repeat(601);
        let generated = format!("// auto-generated\n{over}");
        let tree = Tree::made_of(&[("a.rs", &full), ("b.tsx", &over), ("c.ts", &generated), ("d.md", &over)]);
        let found: Vec<String> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["b.tsx"]);
    }
}
