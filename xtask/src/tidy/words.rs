//! Words that no committed file holds: places of one machine, download hosts, and work left without an issue.

use super::Finding;
use crate::rust::has_word;
use crate::tree::{File, Tree};

/// Split so that this file does not hold them itself.
const PLACES: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/.")];

const HOSTS: [&str; 7] = [
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("://py", "pi.org"),
    concat!("files.python", "hosted.org"),
    concat!("index.cra", "tes.io"),
    concat!("static.cra", "tes.io"),
    concat!("deb.deb", "ian.org"),
];

const LEFT_OVER: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.name() != "Cargo.lock") {
        for (number, line) in file.lines() {
            let texts = [place(line), host(line), resolved(file, line), left_over(file, line)];
            findings.extend(texts.into_iter().flatten().map(|text| Finding::new(&file.path, number, text)));
        }
    }
    findings
}

fn place(line: &str) -> Option<String> {
    PLACES
        .into_iter()
        .find(|place| {
            let starts =
                |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}'));
            line.match_indices(place).any(|(at, _)| starts(at))
        })
        .map(|place| {
            format!("{place} is a place on one machine; take the path from the repository or the configuration")
        })
}

fn host(line: &str) -> Option<String> {
    HOSTS
        .into_iter()
        .find(|host| line.contains(host))
        .map(|host| format!("{host} is a download host; name the package and let its client know where to find it"))
}

fn resolved(file: &File, line: &str) -> Option<String> {
    let is_address = line.trim_start().starts_with("\"resolved\": \"http");
    (file.name() == "package-lock.json" && is_address).then(|| {
        "the lock file holds a download address; set omit-lockfile-registry-resolved=true and run npm install"
            .to_owned()
    })
}

/// A note of unfinished work names its issue: the word, then `(#12)`.
fn left_over(file: &File, line: &str) -> Option<String> {
    if !file.is_code() && file.name() != "Makefile" {
        return None;
    }
    let word = LEFT_OVER.into_iter().find(|word| has_word(line, word))?;
    let after = line.split(word).nth(1).unwrap_or("");
    let number = after.strip_prefix("(#").and_then(|rest| rest.split(')').next()).unwrap_or("");
    let has_issue = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (!has_issue).then(|| format!("{word} without an issue; write {word}(#12) or do it now"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::made_of(&[(path, text)])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_place_of_one_machine_is_refused() {
        for (line, count) in [
            (format!("cd {}main", PLACES[0]), 1),
            (format!("\"{}x\"", PLACES[0]), 1),
            (format!("https://example.org{}x", PLACES[0]), 0),
            (format!("see {}cargo", PLACES[1]), 1),
            ("how it works/fails".to_owned(), 0),
        ] {
            assert_eq!(found("docs/x.md", &line).len(), count, "{line}");
        }
    }

    #[test]
    fn a_download_host_is_refused_but_in_the_lock_file_of_cargo() {
        for host in HOSTS {
            let line =
                format!("from https{}", if host.starts_with(':') { host.to_owned() } else { format!("://{host}") });
            assert_eq!(found("a.toml", &line), [1], "{host}");
            assert_eq!(found("Cargo.lock", &line), [0; 0]);
        }
        assert_eq!(found("web/package-lock.json", "{\n  \"resolved\": \"https://example.org/x.tgz\"\n}"), [2]);
        assert_eq!(found("web/package-lock.json", "{\n  \"resolved\": \"ally-web\"\n}"), [0; 0]);
    }

    #[test]
    fn unfinished_work_names_its_issue() {
        for word in LEFT_OVER {
            assert_eq!(found("a.rs", &format!("\n// {word}: later")), [2]);
            assert_eq!(found("a.rs", &format!("// {word}(#)")), [1]);
            assert_eq!(found("a.rs", &format!("// {word}(#12): later")), [0; 0]);
            assert_eq!(found("a.md", &format!("{word} stands in words")), [0; 0]);
        }
    }
}
