//! "Remember", "what do you know" and "forget": each decides its next step from what the tools have answered so far.

use super::understand::one_line;
use super::{Done, Move, memory, reason};
use serde_json::json;

/// Where facts go that have no better place.
const NOTES: &str = "/memories/notes.md";

/// Most notes that are listed in an answer.
const MOST_LISTED: usize = 10;

/// View the file; create it or add a line at its end; say so.
pub(super) fn remember(fact: &str, done: &[Done]) -> Move {
    match done {
        [] => memory("view", json!({ "path": NOTES })),
        [view] if !view.ok => memory("create", json!({ "path": NOTES, "file_text": format!("# Notes\n\n- {fact}\n") })),
        [view] => {
            let lines = viewed_lines(&view.text);
            if lines.iter().any(|line| bullet(line).is_some_and(|known| is_same(known, fact))) {
                return Move::Say(format!("I have that in my notes already: “{fact}”."));
            }
            // After the last line that says something: some views show the end of the file as one more empty line.
            let at = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
            memory("insert", json!({ "path": NOTES, "insert_line": at, "insert_text": format!("- {fact}\n") }))
        }
        [.., write] if write.ok => Move::Say(format!("I wrote it in notes.md: “{fact}”.")),
        [.., write] => Move::Say(format!("I could not write it down: {}", reason(write))),
    }
}

/// Search; say what was found. `said` is her own question, which the search may find in this very chat.
pub(super) fn recall(about: &str, said: &str, done: &[Done]) -> Move {
    let Some(search) = done.last() else {
        return Move::Call { tool: "memory_search", input: json!({ "query": about }) };
    };
    if !search.ok {
        return Move::Say(format!("I could not search my notes: {}", reason(search)));
    }
    // A command in a chat ("forget my tea") is not knowledge.
    let is_talk = |hit: &Hit<'_>| hit.note().is_some() || super::understand::command(hit.text).is_none();
    let telling = |hit: &Hit<'_>| !is_same(hit.text, said) && !hit.text.starts_with('#') && is_talk(hit);
    // What stands in a note was mostly said in a chat before; chats are an answer only where no note is.
    let has_note = hits(&search.text).any(|hit| telling(&hit) && hit.note().is_some());
    let mut seen: Vec<String> = Vec::new();
    for hit in hits(&search.text).filter(|hit| telling(hit) && (hit.note().is_some() || !has_note)) {
        let from = hit.note().map_or_else(|| " (from a chat)".to_owned(), |file| format!(" ({file})"));
        let line = format!("- {}{from}", hit.text);
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    if seen.is_empty() {
        return Move::Say(format!("I have nothing noted about “{about}”."));
    }
    if !has_note {
        return Move::Say(format!("I have nothing noted about “{about}”. In chats I found:\n\n{}", listed(&seen)));
    }
    Move::Say(format!("This is what I have noted about “{about}”:\n\n{}", listed(&seen)))
}

/// View the file; say its bullets.
pub(super) fn recall_all(done: &[Done]) -> Move {
    let Some(view) = done.last() else {
        return memory("view", json!({ "path": NOTES }));
    };
    let lines = if view.ok { viewed_lines(&view.text) } else { Vec::new() };
    let facts: Vec<String> = lines.iter().filter_map(|line| Some(format!("- {}", bullet(line)?))).collect();
    if facts.is_empty() {
        return Move::Say("I have nothing in notes.md yet. Write “remember that …” to put something there.".to_owned());
    }
    Move::Say(format!("This is what I have in notes.md:\n\n{}", listed(&facts)))
}

/// Search; if exactly one note fits, view its file and delete its line; say so.
pub(super) fn forget(what: &str, done: &[Done]) -> Move {
    let [search, later @ ..] = done else {
        return Move::Call { tool: "memory_search", input: json!({ "query": what }) };
    };
    if !search.ok {
        return Move::Say(format!("I could not search my notes: {}", reason(search)));
    }
    let found = match the_one(what, &search.text) {
        Ok(found) => found,
        Err(said) => return Move::Say(said),
    };
    match later {
        [] => memory("view", json!({ "path": found.path })),
        [view] if !view.ok => Move::Say(format!("I could not open {}: {}", found.path, reason(view))),
        [view] => {
            let lines = viewed_lines(&view.text);
            let fitting = |line: &&str| bullet(line).is_some_and(|fact| is_same(fact, found.text));
            let at = match found.line.checked_sub(1).filter(|at| lines.get(*at).is_some_and(fitting)) {
                Some(at) => Some(at),
                None => lines.iter().position(fitting),
            };
            let Some((old, new)) = at.and_then(|at| deletion(&lines, at)) else {
                return Move::Say(format!(
                    "I found “{}” but cannot delete just that line from {}. Memory shows the file and its earlier versions.",
                    found.text, found.path
                ));
            };
            memory("str_replace", json!({ "path": found.path, "old_str": old, "new_str": new }))
        }
        [.., write] if write.ok => {
            Move::Say(format!("I deleted it from {}: “{}”.", found.note().unwrap_or(found.path), found.text))
        }
        [.., write] => Move::Say(format!("I could not delete it: {}", reason(write))),
    }
}

/// The one note that is meant, or what to say instead. Only a note that holds all of her words may be deleted.
fn the_one<'a>(what: &str, found: &'a str) -> Result<Hit<'a>, String> {
    let notes: Vec<Hit<'_>> = hits(found).filter(|hit| hit.note().is_some() && !hit.text.starts_with('#')).collect();
    let same: Vec<&Hit<'_>> = notes.iter().filter(|hit| is_same(hit.text, what)).collect();
    let wanted = words(what);
    let holds_all = |hit: &&Hit<'_>| {
        let has = words(hit.text);
        wanted.iter().all(|word| is_filler(word) || has.contains(word))
    };
    let all: Vec<&Hit<'_>> = notes.iter().filter(holds_all).collect();
    match (same.as_slice(), all.as_slice()) {
        ([one], _) | ([], [one]) => Ok(**one),
        ([], []) if notes.is_empty() => {
            Err(format!("I have nothing noted about “{what}”, so there is nothing to forget."))
        }
        (same, all) => {
            let fitting = if !same.is_empty() { same } else { all };
            let shown = if fitting.is_empty() { notes.iter().collect() } else { fitting.to_vec() };
            let lines: Vec<String> =
                shown.iter().map(|hit| format!("- {} ({})", hit.text, hit.note().unwrap_or(hit.path))).collect();
            Err(format!(
                "Which one do you mean? Write “forget” and then the note in its own words.\n\n{}",
                listed(&lines)
            ))
        }
    }
}

/// A line that the search found.
#[derive(Debug, Clone, Copy)]
struct Hit<'a> {
    path: &'a str,
    line: usize,
    text: &'a str,
}

impl<'a> Hit<'a> {
    /// The name of the memory file, without the root; `None` when it is something else, such as a chat.
    fn note(&self) -> Option<&'a str> {
        self.path.strip_prefix("/memories/")
    }
}

/// Reads `path:line<TAB>snippet`; lines of another shape are remarks of the tool.
fn hits(text: &str) -> impl Iterator<Item = Hit<'_>> {
    text.lines().filter_map(|line| {
        let (place, snippet) = line.split_once('\t')?;
        let (path, line) = place.trim().rsplit_once(':')?;
        let text = bullet(snippet).unwrap_or_else(|| snippet.trim());
        (!text.is_empty()).then_some(Hit { path, line: line.parse().ok()?, text })
    })
}

/// The lines of a viewed file: those with a number and a tab before them.
fn viewed_lines(view: &str) -> Vec<&str> {
    view.split('\n')
        .filter_map(|line| {
            let (number, text) = line.split_once('\t')?;
            let is_number = !number.trim().is_empty() && number.trim().bytes().all(|byte| byte.is_ascii_digit());
            is_number.then_some(text)
        })
        .collect()
}

/// The text of a bullet.
fn bullet(line: &str) -> Option<&str> {
    let line = line.trim();
    line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).map(str::trim)
}

/// What to replace, and by what, so that exactly this line goes: as many lines before it as make it the only place.
fn deletion(lines: &[&str], at: usize) -> Option<(String, String)> {
    let text = lines.join("\n");
    let is_only = |old: &String| text.matches(old.as_str()).count() == 1;
    let from_before = (0..at).rev().map(|from| (lines[from..=at].join("\n"), lines[from..at].join("\n")));
    let to_after = (at + 1..lines.len()).map(|to| (lines[at..=to].join("\n"), lines[at + 1..=to].join("\n")));
    let alone = (at == 0 && lines.len() == 1).then(|| (text.clone(), String::new()));
    from_before.chain(to_after).chain(alone).find(|(old, _)| !old.is_empty() && is_only(old))
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_filler(word: &str) -> bool {
    matches!(word, "a" | "an" | "the" | "my" | "i" | "is" | "are" | "am" | "of" | "about")
}

/// Whether two texts say the same but for case, spaces and closing marks.
fn is_same(one: &str, other: &str) -> bool {
    let bare = |text: &str| one_line(text).trim_end_matches(['.', '!', '?']).to_lowercase();
    bare(one) == bare(other)
}

fn listed(lines: &[String]) -> String {
    let mut text = lines[..lines.len().min(MOST_LISTED)].join("\n");
    if lines.len() > MOST_LISTED {
        text.push_str(&format!("\n\nand {} more, under Memory.", lines.len() - MOST_LISTED));
    }
    text
}
