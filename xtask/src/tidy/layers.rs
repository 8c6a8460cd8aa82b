//! A crate uses only crates of a lower layer.

use super::Finding;
use crate::tree::Tree;

/// Crates of the same layer are strangers to each other.
const LAYERS: [(&str, u8); 13] = [
    ("ally-types", 0),
    ("ally-http", 1),
    ("ally-llm", 1),
    ("ally-monitor", 1),
    ("ally-sandbox", 1),
    ("ally-store", 1),
    ("ally-web", 1),
    ("ally-durable", 2),
    ("ally-assistant", 3),
    ("ally-gateway", 3),
    ("ally-host", 3),
    ("ally-platform", 3),
    ("ally", 4),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in tree.folders_in("crates/") {
        let path = format!("crates/{name}/Cargo.toml");
        let Some(own) = layer(&name) else {
            findings.push(Finding::new(
                &path,
                1,
                format!(
                    "{name} has no layer; write a decision page, then add it to LAYERS in xtask/src/tidy/layers.rs"
                ),
            ));
            continue;
        };
        let Some(manifest) = tree.file(&path) else { continue };
        for (line, used) in crates_used(&manifest.text) {
            match layer(&used) {
                Some(theirs) if theirs < own => {}
                Some(theirs) if theirs == own => findings.push(Finding::new(
                    &path,
                    line,
                    format!("{name} and {used} are both of layer {own} and may not know each other; put what both need in a lower crate"),
                )),
                Some(theirs) => findings.push(Finding::new(
                    &path,
                    line,
                    format!("{name} (layer {own}) may not use {used} (layer {theirs}); turn the arrow round or move the code down"),
                )),
                None => findings.push(Finding::new(
                    &path,
                    line,
                    format!("{used} is no crate that {name} may use; only crates/* have a layer"),
                )),
            }
        }
    }
    findings
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

/// The crates of this repository that a manifest names in any of its dependency tables, with the line.
fn crates_used(manifest: &str) -> Vec<(usize, String)> {
    let mut in_dependencies = false;
    let mut used = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        let line = line.split('#').next().unwrap_or("").trim();
        let mut names = Vec::new();
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            in_dependencies = table.ends_with("dependencies");
            // `[dependencies.ally-types]` names the crate in the header and its keys below.
            if let Some((before, name)) = table.rsplit_once("dependencies.") {
                in_dependencies = before.is_empty() || before.ends_with(['.', '-']);
                names.push(name.trim_matches(['"', '\'']));
                in_dependencies &= ours(name).is_none();
            }
        } else if in_dependencies && let Some((key, value)) = line.split_once('=') {
            names.push(key.split('.').next().unwrap_or(key).trim().trim_matches('"'));
            // A renamed crate: `types = { package = "ally-types", … }`.
            if let Some((_, renamed)) = value.split_once("package") {
                names.extend(renamed.split('"').nth(1));
            }
        }
        used.extend(names.into_iter().filter_map(ours).map(|name| (index + 1, name.to_owned())));
    }
    used
}

fn ours(name: &str) -> Option<&str> {
    (name == "ally" || name == "xtask" || name.starts_with("ally-")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(name: &str, manifest: &str) -> Vec<String> {
        let path = format!("crates/{name}/Cargo.toml");
        check(&Tree::made_of(&[(&path, manifest)])).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_lower_crate_may_be_used() {
        let manifest = "[dependencies]\nally-types.workspace = true\nally-durable = { path = \"x\" }\nserde = \"1\"\n";
        assert_eq!(check_one("ally-assistant", manifest), [""; 0]);
    }

    #[test]
    fn a_higher_crate_or_a_neighbour_is_refused_in_every_table_and_spelling() {
        let cases = [
            ("ally-types", "[dependencies]\nally-http.workspace = true\n", 2),
            ("ally-platform", "[dependencies]\nally-assistant = { path = \"../ally-assistant\" }\n", 2),
            ("ally-llm", "[package]\n[dev-dependencies]\nally-http.workspace = true\n", 3),
            ("ally-llm", "[build-dependencies]\n\"ally-store\".workspace = true\n", 2),
            ("ally-llm", "[target.'cfg(unix)'.dependencies]\nally-store.workspace = true\n", 2),
            ("ally-llm", "[dependencies.ally-store]\nworkspace = true\n", 1),
            ("ally-llm", "[dependencies]\nstore = { package = \"ally-store\", path = \"x\" }\n", 2),
            ("ally-llm", "[dependencies]\nxtask = { path = \"../../xtask\" }\n", 2),
        ];
        for (name, manifest, line) in cases {
            let findings = check_one(name, manifest);
            assert_eq!(findings.len(), 1, "{manifest} gave {findings:?}");
            assert!(findings[0].starts_with(&format!("crates/{name}/Cargo.toml:{line}: ")), "{findings:?}");
        }
    }

    #[test]
    fn a_crate_without_a_layer_is_refused() {
        assert_eq!(check_one("ally-extra", "[package]\n").len(), 1);
    }
}
