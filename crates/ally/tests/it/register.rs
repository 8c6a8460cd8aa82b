//! The privacy register against what is really there: columns, files, cookies, storage keys and hosts, both ways.

use crate::installation::Installation;
use ally_types::register::{Entry, Place};
use std::collections::BTreeSet;
use std::path::Path;

fn entries() -> impl Iterator<Item = &'static Entry> {
    ally::register::ALL.iter().copied().flatten()
}

/// What is there without an entry, and what has an entry without being there. A thing declared twice is said too.
fn differences(actual: &BTreeSet<String>, declared: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let set: BTreeSet<String> = declared.iter().cloned().collect();
    found.extend(actual.difference(&set).map(|name| format!("{name} has no entry in the privacy register")));
    found.extend(set.difference(actual).map(|name| format!("{name} is in the privacy register, but does not exist")));
    for name in &set {
        if declared.iter().filter(|other| *other == name).count() > 1 {
            found.push(format!("{name} stands twice in the privacy register"));
        }
    }
    found
}

fn declared_columns(store: &str) -> Vec<String> {
    let mut all = Vec::new();
    for entry in entries() {
        if let Place::Columns { store: of, table, columns } = entry.place
            && of == store
        {
            all.extend(columns.iter().map(|column| format!("{table}.{column}")));
        }
    }
    all
}

/// The columns of a real database file, without SQLite's own tables and the inner tables of full-text indexes.
fn columns(file: &Path) -> BTreeSet<String> {
    let connection = rusqlite::Connection::open(file).unwrap();
    let mut statement = connection.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default())))
        .unwrap()
        .flatten()
        .collect();
    let indexes: Vec<String> = tables
        .iter()
        .filter(|(_, sql)| sql.to_uppercase().contains("USING FTS5"))
        .map(|(name, _)| format!("{name}_"))
        .collect();
    let mut found = BTreeSet::new();
    for (table, _) in &tables {
        if table.starts_with("sqlite_") || indexes.iter().any(|prefix| table.starts_with(prefix.as_str())) {
            continue;
        }
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
        let names = statement.query_map([table], |row| row.get::<_, String>(0)).unwrap();
        found.extend(names.flatten().map(|column| format!("{table}.{column}")));
    }
    assert!(!found.is_empty(), "{} has no columns at all", file.display());
    found
}

/// Whether a path fits a pattern: `*` stands for one part, `**` for any number of parts.
fn fits(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skip| fits(rest, &path[skip..])),
        (Some((wanted, rest)), Some((part, others))) => part_fits(wanted, part) && fits(rest, others),
        _ => false,
    }
}

fn part_fits(wanted: &str, part: &str) -> bool {
    match wanted.split_once('*') {
        None => wanted == part,
        Some((before, after)) => {
            part.len() >= before.len() + after.len() && part.starts_with(before) && part.ends_with(after)
        }
    }
}

#[tokio::test]
async fn everything_that_is_kept_stands_in_the_register_and_nothing_else() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "remember that the bins go out on Thursday").await;
    mira.attach("a.txt", "a file").await;
    let data = installation.data.clone();
    let person = std::fs::read_dir(data.join("people")).unwrap().flatten().next().unwrap().path();
    let mut wrong = Vec::new();
    for (store, file) in [
        ("assistant", person.join("ally.db")),
        ("platform", data.join("platform/platform.db")),
        ("gateway", data.join("gateway/counters.db")),
    ] {
        let found = differences(&columns(&file), &declared_columns(store));
        wrong.extend(found.into_iter().map(|line| format!("{store}: {line}")));
    }
    let patterns: Vec<&str> = entries()
        .filter_map(|entry| if let Place::File { pattern } = entry.place { Some(pattern) } else { None })
        .collect();
    for (path, _) in installation.files() {
        let relative = path.strip_prefix(&data).unwrap().to_str().unwrap().to_owned();
        let whole = relative.trim_end_matches("-wal").trim_end_matches("-shm");
        let parts: Vec<&str> = whole.split('/').collect();
        if !patterns.iter().any(|pattern| fits(&pattern.split('/').collect::<Vec<_>>(), &parts)) {
            wrong.push(format!("the file {relative} has no entry in the privacy register"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_cookie_and_every_storage_key_stands_in_the_register() {
    let cookies = ally_http::Cookie::ALL.iter().map(|cookie| cookie.base_name().to_owned()).collect();
    let declared: Vec<String> = entries()
        .filter_map(|entry| if let Place::Cookie { name } = entry.place { Some(name.to_owned()) } else { None })
        .collect();
    assert_eq!(differences(&cookies, &declared), Vec::<String>::new());

    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/src");
    let source = std::fs::read_to_string(web.join("app/storage.ts")).unwrap();
    let list = source.split_once("STORAGE_KEYS = [").unwrap().1.split_once(']').unwrap().0;
    let keys: BTreeSet<String> = list
        .split(',')
        .map(|key| key.trim().trim_matches(['"', '\'']).to_owned())
        .filter(|key| !key.is_empty())
        .collect();
    let declared: Vec<String> = entries()
        .filter_map(|entry| if let Place::StorageKey { key } = entry.place { Some(key.to_owned()) } else { None })
        .collect();
    assert_eq!(differences(&keys, &declared), Vec::<String>::new());
    let unused = keys.iter().filter(|key| {
        let read = format!("read(\"{key}\")");
        !sources(&web, &["ts", "tsx"]).iter().any(|(_, text)| text.contains(&read))
    });
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&String>::new(), "a key that nothing reads is not needed");
    let elsewhere = sources(&web, &["ts", "tsx"]).into_iter().filter(|(path, text)| {
        !path.ends_with("app/storage.ts") && (text.contains("localStorage") || text.contains("document.cookie"))
    });
    let elsewhere: Vec<String> = elsewhere.map(|(path, _)| path).collect();
    assert_eq!(elsewhere, Vec::<String>::new(), "only storage.ts may touch the browser's storage");
}

#[test]
fn every_host_that_the_code_names_stands_in_the_register() {
    let declared: Vec<&str> =
        entries().filter_map(|entry| if let Place::Host { host } = entry.place { Some(host) } else { None }).collect();
    let mut unknown = BTreeSet::new();
    for (path, text) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &["rs"]) {
        let is_product = path.contains("/src/") && !path.contains("/stand_in");
        if !is_product {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for part in line.split("https://").skip(1) {
                let host: String =
                    part.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect();
                let host = host.trim_end_matches('.').to_owned();
                let is_example = host.is_empty()
                    || host.ends_with("example")
                    || host.ends_with("example.org")
                    || host.ends_with("w3.org");
                if !is_example && host.contains('.') && !declared.contains(&host.as_str()) {
                    unknown.insert(format!("{host} in {path}"));
                }
            }
        }
    }
    assert_eq!(unknown, BTreeSet::new());
}

fn sources(directory: &Path, kinds: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path, kinds));
        } else if path.extension().is_some_and(|kind| kinds.iter().any(|wanted| kind == *wanted)) {
            found.push((path.to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[test]
fn the_gate_bites() {
    let real: BTreeSet<String> = ["chats.id", "chats.title"].map(str::to_owned).into();
    assert_eq!(differences(&real, &["chats.id".to_owned(), "chats.title".to_owned()]), Vec::<String>::new());
    assert_eq!(differences(&real, &["chats.id".to_owned()]), ["chats.title has no entry in the privacy register"]);
    let gone = ["chats.id", "chats.title", "chats.mood"].map(str::to_owned);
    assert_eq!(differences(&real, &gone), ["chats.mood is in the privacy register, but does not exist"]);
    let twice = ["chats.id", "chats.title", "chats.title"].map(str::to_owned);
    assert_eq!(differences(&real, &twice), ["chats.title stands twice in the privacy register"]);
    assert!(fits(&["people", "*", "memories", "**"], &["people", "srv_1", "memories", "people", "ana.md"]));
    assert!(!fits(&["people", "*", "ally.db"], &["people", "ally.db"]));
}
