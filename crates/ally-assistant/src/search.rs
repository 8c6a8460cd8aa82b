//! Search over notes and past messages: normalisation of our own, then SQLite's full-text index.
//!
//! The index is written in the transaction that writes the text: of a file with its version, of a question and its
//! answer when the turn ends, so that nobody waits for an index before an answer begins. Nothing a person types can be an
//! error: the query is taken apart into words, and each word is quoted.

pub mod found;
pub mod http;
pub mod marks;

use crate::fault::Done;
use ally_store::{OptionalExtension as _, Tx, cells, params};
use ally_types::{ChatId, Content, Label, MessageId, RunId};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

/// Words that say nothing about what is looked for.
const STOP_WORDS: &[&str] = &[
    "a", "about", "an", "and", "are", "at", "be", "by", "can", "did", "do", "does", "for", "from", "had", "has",
    "have", "how", "i", "in", "is", "it", "know", "me", "my", "of", "on", "or", "that", "the", "this", "to", "was",
    "we", "were", "what", "when", "where", "which", "who", "why", "with", "you", "your",
];

/// Longest snippet, in characters.
const SNIPPET: usize = 240;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Hit {
    /// A line of a memory file.
    Memory {
        /// The file, relative to `/memories`.
        path: Content,
        /// The line, from 1.
        line: u32,
        /// What it says.
        snippet: Content,
        /// Where the line comes from.
        #[serde(skip)]
        label: Label,
    },
    /// A message.
    Message {
        /// Its chat.
        chat: ChatId,
        /// The message.
        message: MessageId,
        /// Its place in the chat.
        position: i64,
        /// The words around the hit.
        snippet: Content,
        /// Where the words come from.
        #[serde(skip)]
        label: Label,
    },
}

impl Hit {
    /// Where it comes from and how private it is.
    pub const fn label(&self) -> Label {
        match self {
            Self::Memory { label, .. } | Self::Message { label, .. } => *label,
        }
    }
}

/// What is looked for.
pub struct Query<'a> {
    /// The words.
    pub text: &'a str,
    /// At most so many hits.
    pub limit: u32,
    /// The turn that asks: its own question would always be found.
    pub asked_by: Option<RunId>,
}

/// Looks for words: notes first, then messages, the best first.
pub fn find(tx: &Tx, query: &Query<'_>) -> Done<Vec<Hit>> {
    let Some(terms) = match_expression(query.text) else { return Ok(Vec::new()) };
    let mut hits = in_memory(tx, &terms, query.limit)?;
    let left = query.limit.saturating_sub(u32::try_from(hits.len()).unwrap_or(u32::MAX));
    if left > 0 {
        hits.extend(in_messages(tx, &terms, left, query.asked_by, &words(query.text))?);
    }
    Ok(hits)
}

/// The hits as a tool result: one per line, `path:line`, a tab, the words.
pub fn as_text(hits: &[Hit]) -> String {
    let mut text = String::new();
    for hit in hits {
        use std::fmt::Write as _;
        let written = match hit {
            Hit::Memory { path, line, snippet, .. } => {
                writeln!(text, "/memories/{}:{line}\t{}", path.expose(), one_line(snippet.expose()))
            }
            Hit::Message { chat, position, snippet, .. } => {
                writeln!(text, "chats/{chat}:{position}\t{}", one_line(snippet.expose()))
            }
        };
        written.unwrap_or_default();
    }
    text
}

/// Puts a message into the index; its row exists in the same transaction. What is said in a temporary chat is not found.
pub fn index_message(tx: &Tx, id: MessageId, text: &str) -> Done<()> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO message_index (rowid, terms) SELECT m.number, ?2
         FROM messages m JOIN chats c ON c.id = m.chat WHERE m.id = ?1 AND c.temporary = 0",
    )?
    .execute(params![id.to_string(), normalise(text)])?;
    Ok(())
}

/// Puts a question and the names of its files into the index, unless an earlier answer to it did.
pub fn index_question(tx: &Tx, id: MessageId) -> Done<()> {
    let new = tx
        .prepare_cached(
            "SELECT text || COALESCE((SELECT char(10) || group_concat(a.name, char(10)) FROM message_attachments l
               JOIN attachments a ON a.id = l.attachment WHERE l.message = messages.id), '')
             FROM messages WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message_index WHERE rowid = messages.number)",
        )?
        .query_row([id.to_string()], |row| row.get::<_, String>(0))
        .optional()?;
    new.map_or(Ok(()), |text| index_message(tx, id, &text))
}

/// Takes all messages of a chat out of the index.
pub fn forget_chat(tx: &Tx, chat: ChatId) -> Done<()> {
    tx.prepare_cached("DELETE FROM message_index WHERE rowid IN (SELECT number FROM messages WHERE chat = ?1)")?
        .execute([chat.to_string()])?;
    Ok(())
}

/// Replaces what the index knows of a file; `None` when the file is gone.
pub fn index_file(tx: &Tx, path: &str, text: Option<&str>, label: Label) -> Done<()> {
    tx.prepare_cached("DELETE FROM memory_index WHERE rowid IN (SELECT number FROM memory_items WHERE path = ?1)")?
        .execute([path])?;
    tx.prepare_cached("DELETE FROM memory_items WHERE path = ?1")?.execute([path])?;
    for (line, item) in items(text.unwrap_or_default()) {
        tx.prepare_cached(
            "INSERT INTO memory_items (path, line, text, integrity, confidentiality) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![path, line, item, label.integrity.as_str(), label.confidentiality.as_str()])?;
        // The path is searched too: `people/ana.md` says whom a line is about.
        tx.prepare_cached("INSERT INTO memory_index (rowid, terms) VALUES (?1, ?2)")?
            .execute(params![tx.last_insert_rowid(), normalise(&format!("{item} {}", path.trim_end_matches(".md")))])?;
    }
    Ok(())
}

/// The lines that say something, with their numbers: no front matter, no empty lines, no bare headings.
fn items(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let front = text.strip_prefix("---\n").and_then(|rest| rest.find("\n---").map(|at| rest[..at].lines().count() + 2));
    let skip = front.unwrap_or(0);
    (1u32..).zip(text.lines()).skip(skip).filter_map(|(number, line)| {
        let said = line.trim().trim_start_matches(['-', '*', '+']).trim();
        let is_bare = said.is_empty() || said.starts_with('#');
        (!is_bare).then_some((number, said))
    })
}

fn in_memory(tx: &Tx, terms: &str, limit: u32) -> Done<Vec<Hit>> {
    Ok(tx
        .prepare_cached(
            "SELECT i.path, i.line, i.text, i.integrity, i.confidentiality FROM memory_index x JOIN memory_items i ON i.number = x.rowid
             WHERE memory_index MATCH ?1 ORDER BY bm25(memory_index), i.path, i.line LIMIT ?2",
        )?
        .query_map(params![terms, limit], |row| {
            Ok(Hit::Memory {
                path: row.get::<_, String>(0)?.into(),
                line: row.get(1)?,
                snippet: shorten(&row.get::<_, String>(2)?, &[]).into(),
                label: cells::label(row)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

fn in_messages(tx: &Tx, terms: &str, limit: u32, asked_by: Option<RunId>, words: &[String]) -> Done<Vec<Hit>> {
    let mut hits = tx
        .prepare_cached(
            "SELECT m.chat, m.id, m.position, m.text, m.integrity, m.confidentiality,
                    (SELECT group_concat(b.text, ' ') FROM blocks b WHERE b.message = m.id AND b.kind = 'text') AS said,
                    (SELECT group_concat(a.name, ' ') FROM message_attachments l
                       JOIN attachments a ON a.id = l.attachment WHERE l.message = m.id) AS attached
             FROM message_index x JOIN messages m ON m.number = x.rowid JOIN chats c ON c.id = m.chat
             WHERE message_index MATCH ?1 AND c.deleted IS NULL AND (m.run IS NULL OR m.run <> ?3)
             ORDER BY bm25(message_index), m.number DESC LIMIT ?2",
        )?
        .query_map(params![terms, limit, asked_by.map(|run| run.to_string()).unwrap_or_default()], |row| {
            let text = whole_text(row)?;
            Ok(Hit::Message {
                chat: cells::id(row, "chat")?,
                message: cells::id(row, "id")?,
                position: row.get("position")?,
                snippet: shorten(&text, words).into(),
                label: cells::label(row)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for hit in &mut hits {
        if let Hit::Message { message, label, .. } = hit {
            *label = of_steps(tx, *message)?.join(*label);
        }
    }
    Ok(hits)
}

/// What a message says, and the names of its files.
fn whole_text(row: &rusqlite::Row<'_>) -> rusqlite::Result<String> {
    let mut text: String = row.get("text")?;
    text.push_str(&row.get::<_, Option<String>>("said")?.unwrap_or_default());
    if let Some(attached) = row.get::<_, Option<String>>("attached")? {
        text.push(' ');
        text.push_str(&attached);
    }
    Ok(text)
}

/// The label of everything that an answer was written from, and of the files of a question.
fn of_steps(tx: &Tx, message: MessageId) -> Done<Label> {
    let labels = tx
        .prepare_cached(
            "SELECT integrity, confidentiality FROM blocks WHERE message = ?1
             UNION SELECT integrity, confidentiality FROM tool_results WHERE message = ?1
             UNION SELECT a.integrity, a.confidentiality FROM message_attachments l
               JOIN attachments a ON a.id = l.attachment WHERE l.message = ?1",
        )?
        .query_map([message.to_string()], cells::label)?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(labels.into_iter().fold(Label::USER, Label::join))
}

/// What FTS5 is asked: each word quoted, joined by OR. `None` if there is no word at all.
fn match_expression(text: &str) -> Option<String> {
    let all = words(text);
    let telling: Vec<_> = all.iter().filter(|word| !STOP_WORDS.contains(&word.as_str())).collect();
    let used = if telling.is_empty() { all.iter().collect() } else { telling };
    let quoted: Vec<_> = used.into_iter().take(32).map(|word| format!("\"{word}\"")).collect();
    (!quoted.is_empty()).then(|| quoted.join(" OR "))
}

fn words(text: &str) -> Vec<String> {
    normalise(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Compatibility forms made one, small letters, and pairs of letters for scripts that put no spaces between words.
fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run: Vec<char> = Vec::new();
    for letter in text.nfkc().flat_map(char::to_lowercase) {
        if is_unspaced(letter) {
            run.push(letter);
            continue;
        }
        flush(&mut run, &mut out);
        out.push(letter);
    }
    flush(&mut run, &mut out);
    out
}

fn flush(run: &mut Vec<char>, out: &mut String) {
    if run.is_empty() {
        return;
    }
    out.push(' ');
    if run.len() == 1 {
        out.push(run[0]);
    }
    for pair in run.windows(2) {
        out.extend(pair);
        out.push(' ');
    }
    out.push(' ');
    run.clear();
}

const fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{20000}'..='\u{2FA1F}')
}

/// The words around the first of `near` that occurs, at most [`SNIPPET`] characters.
fn shorten(text: &str, near: &[String]) -> String {
    let text = one_line(text);
    if text.chars().count() <= SNIPPET {
        return text;
    }
    let small = text.to_lowercase();
    let hit = near.iter().filter(|word| word.len() > 2).find_map(|word| small.find(word.as_str())).unwrap_or(0);
    let before = small[..hit.min(small.len())].chars().count().saturating_sub(SNIPPET / 4);
    let mut cut: String = text.chars().skip(before).take(SNIPPET).collect();
    if before > 0 {
        cut.insert(0, '…');
    }
    cut.push('…');
    cut
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_words_and_never_syntax() {
        assert_eq!(
            match_expression("What do you know about \"Ana\" AND NEAR(x)?").as_deref(),
            Some("\"ana\" OR \"near\" OR \"x\"")
        );
        assert_eq!(match_expression("who are you").as_deref(), Some("\"who\" OR \"are\" OR \"you\""));
        assert_eq!(match_expression("  \"*^ -- "), None);
        assert_eq!(match_expression("東京都").as_deref(), Some("\"東京\" OR \"京都\""));
    }

    #[test]
    fn a_file_is_indexed_line_by_line_without_its_front_matter() {
        let text = "---\ntitle: x\n---\n# Ana\n\n- likes tea\n* has a dog\nplain";
        assert_eq!(items(text).collect::<Vec<_>>(), [(6, "likes tea"), (7, "has a dog"), (8, "plain")]);
    }

    #[test]
    fn a_long_text_is_cut_around_the_hit_between_characters() {
        let text = format!("{} Lissabon {}", "ä ".repeat(300), "ö ".repeat(300));
        let cut = shorten(&text, &["lissabon".to_owned()]);
        assert!(cut.contains("Lissabon") && cut.chars().count() <= SNIPPET + 2, "{cut}");
    }
}
