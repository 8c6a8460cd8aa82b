//! The SQL of messages, their blocks and the results of their tool calls.

use super::{Author, CallStatus, FileRef, Message, Part, Role, Status};
use crate::fault::Done;
use ally_llm::Usage;
use ally_store::{OptionalExtension, Tx, cells, params};
use ally_types::{AccountId, ChatId, Content, Label, MessageId, Problem, RunId, Timestamp};
use rusqlite::Row;

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its id.
    pub id: MessageId,
    /// Its chat.
    pub chat: ChatId,
    /// Its place in the chat.
    pub position: i64,
    /// Who speaks.
    pub role: Role,
    /// How far it has come.
    pub status: Status,
    /// A question's text; of an answer only what its unfinished step has said.
    pub text: Content,
    /// Who wrote it.
    pub author: Author,
    /// Whether a model is needed and none was connected.
    pub needs_model: bool,
    /// Why it is not whole.
    pub problem: Option<Problem>,
    /// The run it started or is written by.
    pub run: Option<RunId>,
    /// The question that it answers.
    pub question: Option<MessageId>,
    /// Where the person was when asking.
    pub timezone: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Where it comes from and how private it is.
    pub label: Label,
    /// The whole steps of an answer, in order.
    pub blocks: Vec<Block>,
    /// What its tool calls came to.
    pub results: Vec<ToolResult>,
    /// Tokens of its model calls.
    pub usage: Option<Usage>,
}

/// One block of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Which model call of the answer it came from, from 1.
    pub step: u32,
    /// What it is.
    pub piece: Piece,
    /// Its label.
    pub label: Label,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Text for the person.
    Text(Content),
    /// Visible thinking, for the person only.
    Thinking(Content),
    /// A tool call.
    Call(ToolCall),
    /// Something only its provider understands.
    Opaque {
        /// Whose.
        provider: String,
        /// As it came.
        raw: Content,
    },
}

/// A tool that the model wants to run.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Unique in the chat.
    pub call: String,
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub input: serde_json::Value,
}

/// What a tool call came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The call.
    pub call: String,
    /// Whether the tool did what was asked.
    pub ok: bool,
    /// What the model is told.
    pub text: Content,
    /// What the person is told.
    pub summary: Content,
    /// The memory file that was changed.
    pub file: Option<FileRef>,
    /// The rule of the monitor that decided.
    pub rule: &'static str,
    /// Its label.
    pub label: Label,
}

/// A question that was just asked.
pub struct NewQuestion<'a> {
    /// Its id.
    pub id: MessageId,
    /// Its chat.
    pub chat: ChatId,
    /// The run that will answer it.
    pub run: RunId,
    /// The words.
    pub text: &'a Content,
    /// Where the person was.
    pub timezone: Option<&'a str>,
    /// Who asked.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// Whether it waits for a turn before it.
    pub status: Status,
}

const COLUMNS: &str = "SELECT id, chat, position, role, status, text, author, needs_model, problem, run, question, \
                       timezone, created, integrity, confidentiality FROM messages";

/// The place behind the last message of a chat.
pub fn next_position(tx: &Tx, chat: ChatId) -> Done<i64> {
    let mut query = tx.prepare_cached("SELECT COALESCE(MAX(position), 0) + 1 FROM messages WHERE chat = ?1")?;
    Ok(query.query_row([chat.to_string()], |row| row.get(0))?)
}

/// Keeps a question at the end of its chat.
pub fn insert_question(tx: &Tx, new: &NewQuestion<'_>) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO messages (id, chat, position, role, status, text, author, needs_model, run, timezone, account,
           created, integrity, confidentiality)
         VALUES (?1, ?2, ?3, 'user', ?4, ?5, '{\"kind\":\"person\"}', 0, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        new.id.to_string(),
        new.chat.to_string(),
        next_position(tx, new.chat)?,
        new.status.as_str(),
        new.text.expose(),
        new.run.to_string(),
        new.timezone,
        new.account.to_string(),
        new.at.as_millis(),
        Label::USER.integrity.as_str(),
        Label::USER.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// Keeps the place for an answer, behind its question.
pub fn insert_answer(
    tx: &Tx,
    id: MessageId,
    question: MessageId,
    chat: ChatId,
    run: RunId,
    status: Status,
    at: Timestamp,
) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO messages (id, chat, position, role, status, text, author, needs_model, run, question, created,
           integrity, confidentiality)
         VALUES (?1, ?2, ?3, 'assistant', ?4, '', '{\"kind\":\"ally\"}', 0, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        id.to_string(),
        chat.to_string(),
        next_position(tx, chat)?,
        status.as_str(),
        run.to_string(),
        question.to_string(),
        at.as_millis(),
        Label::TRUSTED.integrity.as_str(),
        Label::TRUSTED.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// One message with everything that belongs to it.
pub fn get(tx: &Tx, id: MessageId) -> Done<Option<Stored>> {
    let place = tx
        .prepare_cached("SELECT chat, position FROM messages WHERE id = ?1")?
        .query_row([id.to_string()], |row| Ok((cells::id::<ChatId>(row, "chat")?, row.get::<_, i64>("position")?)))
        .optional()?;
    let Some((chat, position)) = place else { return Ok(None) };
    Ok(between(tx, chat, position, position)?.pop())
}

/// The answer to a question.
pub fn answer_to(tx: &Tx, question: MessageId) -> Done<Option<MessageId>> {
    Ok(tx
        .prepare_cached("SELECT id FROM messages WHERE question = ?1")?
        .query_row([question.to_string()], |row| cells::id(row, "id"))
        .optional()?)
}

/// The answer that a run writes.
pub fn answer_of_run(tx: &Tx, run: RunId) -> Done<Option<MessageId>> {
    Ok(tx
        .prepare_cached("SELECT id FROM messages WHERE run = ?1 AND role = 'assistant'")?
        .query_row([run.to_string()], |row| cells::id(row, "id"))
        .optional()?)
}

/// The messages of a chat from one place to another, both included, oldest first.
pub fn between(tx: &Tx, chat: ChatId, first: i64, last: i64) -> Done<Vec<Stored>> {
    let range = params![chat.to_string(), first, last];
    let mut messages = tx
        .prepare_cached(&format!("{COLUMNS} WHERE chat = ?1 AND position BETWEEN ?2 AND ?3 ORDER BY position"))?
        .query_map(range, read)?
        .collect::<Result<Vec<_>, _>>()?;
    attach(tx, &mut messages, "b.message, b.step, b.kind, b.text, b.call, b.tool, b.provider", "blocks", range, block)?;
    let columns = "b.message, b.call, b.ok, b.text, b.summary, b.path, b.version, b.rule";
    attach(tx, &mut messages, columns, "tool_results", range, result)?;
    let mut query = tx.prepare_cached(
        "SELECT c.message, SUM(c.input), SUM(c.output), SUM(c.cache_read), SUM(c.cache_write) FROM messages m
         JOIN model_calls c ON c.message = m.id
         WHERE m.chat = ?1 AND m.position BETWEEN ?2 AND ?3 GROUP BY c.message",
    )?;
    let mut rows = query.query(range)?;
    while let Some(row) = rows.next()? {
        let id: MessageId = cells::id(row, "message")?;
        if let Some(message) = messages.iter_mut().find(|message| message.id == id) {
            message.usage = Some(Usage {
                input: row.get::<_, i64>(1)?.cast_unsigned(),
                output: row.get::<_, i64>(2)?.cast_unsigned(),
                cache_read: row.get::<_, i64>(3)?.cast_unsigned(),
                cache_write: row.get::<_, i64>(4)?.cast_unsigned(),
            });
        }
    }
    Ok(messages)
}

/// At most `limit` messages before a place, oldest first, and whether there are more before them.
pub fn page(tx: &Tx, chat: ChatId, before: i64, limit: u32) -> Done<(Vec<Stored>, bool)> {
    let first: Option<i64> = tx
        .prepare_cached(
            "SELECT MIN(position) FROM (SELECT position FROM messages WHERE chat = ?1 AND position < ?2
               ORDER BY position DESC LIMIT ?3)",
        )?
        .query_row(params![chat.to_string(), before, limit], |row| row.get(0))?;
    let Some(first) = first else { return Ok((Vec::new(), false)) };
    let has_more: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE chat = ?1 AND position < ?2)")?
        .query_row(params![chat.to_string(), first], |row| row.get(0))?;
    Ok((between(tx, chat, first, before - 1)?, has_more))
}

/// The place of a message in a chat; `None` if it does not stand there.
pub fn position(tx: &Tx, chat: ChatId, id: MessageId) -> Done<Option<i64>> {
    Ok(tx
        .prepare_cached("SELECT position FROM messages WHERE id = ?1 AND chat = ?2")?
        .query_row(params![id.to_string(), chat.to_string()], |row| row.get(0))
        .optional()?)
}

/// Whether a chat already knows a tool call of this name.
pub fn knows_call(tx: &Tx, chat: ChatId, call: &str) -> Done<bool> {
    Ok(tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM blocks b JOIN messages m ON m.id = b.message WHERE m.chat = ?1 AND b.call = ?2)",
        )?
        .query_row(params![chat.to_string(), call], |row| row.get(0))?)
}

/// Changes how far a message has come.
pub fn set_status(tx: &Tx, id: MessageId, status: Status) -> Done<()> {
    tx.prepare_cached("UPDATE messages SET status = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), status.as_str()])?;
    Ok(())
}

/// Keeps what the unfinished step of an answer has said so far.
pub fn set_text(tx: &Tx, id: MessageId, text: &str) -> Done<()> {
    tx.prepare_cached("UPDATE messages SET text = ?2 WHERE id = ?1")?.execute(params![id.to_string(), text])?;
    Ok(())
}

/// Says what the unfinished step of an answer was written from.
pub fn set_label(tx: &Tx, id: MessageId, label: Label) -> Done<()> {
    tx.prepare_cached("UPDATE messages SET integrity = ?2, confidentiality = ?3 WHERE id = ?1")?.execute(params![
        id.to_string(),
        label.integrity.as_str(),
        label.confidentiality.as_str()
    ])?;
    Ok(())
}

/// Says who writes an answer.
pub fn set_author(tx: &Tx, id: MessageId, author: &Author) -> Done<()> {
    let author = serde_json::to_string(author).unwrap_or_default();
    tx.prepare_cached("UPDATE messages SET author = ?2 WHERE id = ?1")?.execute(params![id.to_string(), author])?;
    Ok(())
}

/// Ends an answer.
pub fn end(tx: &Tx, id: MessageId, status: Status, problem: Option<&Problem>, needs_model: bool) -> Done<()> {
    let problem = problem.and_then(|problem| serde_json::to_string(problem).ok());
    tx.prepare_cached("UPDATE messages SET status = ?2, problem = ?3, needs_model = ?4 WHERE id = ?1")?
        .execute(params![id.to_string(), status.as_str(), problem, needs_model])?;
    Ok(())
}

/// Prepares an answer to be written, or written on, by another run: its whole steps stay, the rest goes.
pub fn reopen(tx: &Tx, id: MessageId, run: RunId, status: Status) -> Done<()> {
    tx.prepare_cached(
        "UPDATE messages SET status = ?3, run = ?2, problem = NULL, needs_model = 0, text = '' WHERE id = ?1",
    )?
    .execute(params![id.to_string(), run.to_string(), status.as_str()])?;
    Ok(())
}

/// Points a question at the run that will answer it.
pub fn set_run(tx: &Tx, id: MessageId, run: RunId) -> Done<()> {
    tx.prepare_cached("UPDATE messages SET run = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), run.to_string()])?;
    Ok(())
}

/// Adds a block at the end of an answer.
pub fn insert_block(tx: &Tx, message: MessageId, block: &Block) -> Done<()> {
    let (kind, text, call, tool, provider) = match &block.piece {
        Piece::Text(text) => ("text", text.expose().to_owned(), None, None, None),
        Piece::Thinking(text) => ("thinking", text.expose().to_owned(), None, None, None),
        Piece::Call(call) => ("tool_call", call.input.to_string(), Some(&call.call), Some(&call.tool), None),
        Piece::Opaque { provider, raw } => ("opaque", raw.expose().to_owned(), None, None, Some(provider)),
    };
    tx.prepare_cached(
        "INSERT INTO blocks (message, position, step, kind, text, call, tool, provider, integrity, confidentiality)
         VALUES (?1, (SELECT COALESCE(MAX(position), 0) + 1 FROM blocks WHERE message = ?1),
           ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        message.to_string(),
        block.step,
        kind,
        text,
        call,
        tool,
        provider,
        block.label.integrity.as_str(),
        block.label.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// Keeps the one result of a tool call.
pub fn insert_result(tx: &Tx, message: MessageId, result: &ToolResult, at: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO tool_results (message, call, ok, text, summary, path, version, rule, at, integrity, confidentiality)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        message.to_string(),
        result.call,
        result.ok,
        result.text.expose(),
        result.summary.expose(),
        result.file.as_ref().map(|file| file.path.expose()),
        result.file.as_ref().map(|file| file.version.to_string()),
        result.rule,
        at.as_millis(),
        result.label.integrity.as_str(),
        result.label.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// Reads rows that belong to messages and hands each to its message.
fn attach(
    tx: &Tx,
    messages: &mut [Stored],
    columns: &str,
    table: &str,
    range: &[&dyn rusqlite::ToSql],
    add: fn(&mut Stored, &Row<'_>) -> Done<()>,
) -> Done<()> {
    let order = if table == "blocks" { "b.position" } else { "b.at" };
    let mut query = tx.prepare_cached(&format!(
        "SELECT {columns}, b.integrity, b.confidentiality FROM messages m JOIN {table} b ON b.message = m.id
         WHERE m.chat = ?1 AND m.position BETWEEN ?2 AND ?3 ORDER BY m.position, {order}"
    ))?;
    let mut rows = query.query(range)?;
    let mut at = 0;
    while let Some(row) = rows.next()? {
        let id: MessageId = cells::id(row, "message")?;
        while at < messages.len() && messages[at].id != id {
            at += 1;
        }
        if let Some(message) = messages.get_mut(at) {
            add(message, row)?;
        }
    }
    Ok(())
}

fn block(message: &mut Stored, row: &Row<'_>) -> Done<()> {
    let text: String = row.get("text")?;
    let piece = match row.get_ref("kind")?.as_str().unwrap_or_default() {
        "thinking" => Piece::Thinking(text.into()),
        "tool_call" => Piece::Call(ToolCall {
            call: row.get("call")?,
            tool: row.get("tool")?,
            input: serde_json::from_str(&text).unwrap_or_default(),
        }),
        "opaque" => Piece::Opaque { provider: row.get("provider")?, raw: text.into() },
        _ => Piece::Text(text.into()),
    };
    message.blocks.push(Block { step: row.get("step")?, piece, label: cells::label(row)? });
    Ok(())
}

fn result(message: &mut Stored, row: &Row<'_>) -> Done<()> {
    let path: Option<String> = row.get("path")?;
    let version = cells::maybe_id(row, "version")?;
    message.results.push(ToolResult {
        call: row.get("call")?,
        ok: row.get("ok")?,
        text: row.get::<_, String>("text")?.into(),
        summary: row.get::<_, String>("summary")?.into(),
        file: path.zip(version).map(|(path, version)| FileRef { path: path.into(), version }),
        rule: "",
        label: cells::label(row)?,
    });
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let role = if row.get_ref("role")?.as_str()? == "user" { Role::User } else { Role::Assistant };
    let author: String = row.get("author")?;
    let problem: Option<String> = row.get("problem")?;
    Ok(Stored {
        id: cells::id(row, "id")?,
        chat: cells::id(row, "chat")?,
        position: row.get("position")?,
        role,
        status: Status::from_stored(row.get_ref("status")?.as_str()?),
        text: row.get::<_, String>("text")?.into(),
        author: serde_json::from_str(&author).unwrap_or(Author::Ally),
        needs_model: row.get("needs_model")?,
        problem: problem.and_then(|problem| serde_json::from_str(&problem).ok()),
        run: cells::maybe_id(row, "run")?,
        question: cells::maybe_id(row, "question")?,
        timezone: row.get("timezone")?,
        created: cells::time(row, "created")?,
        label: cells::label(row)?,
        blocks: Vec::new(),
        results: Vec::new(),
        usage: None,
    })
}

impl Stored {
    /// What everybody sees of it.
    pub fn view(&self) -> Message {
        let mut message = Message {
            id: self.id,
            chat: self.chat,
            run: self.run,
            role: self.role,
            status: self.status,
            text: Content::default(),
            parts: Vec::new(),
            author: self.author.clone(),
            created: self.created,
            usage: self.usage,
            problem: self.problem.clone(),
            needs_model: self.needs_model,
        };
        for block in &self.blocks {
            match &block.piece {
                Piece::Text(text) => {
                    message.text.push_str(text.expose());
                    message.parts.push(Part::Text { text: text.clone() });
                }
                Piece::Thinking(text) => message.parts.push(Part::Thinking { text: text.clone() }),
                Piece::Call(call) => message.parts.push(self.call_part(call)),
                Piece::Opaque { .. } => {}
            }
        }
        if !self.text.is_empty() {
            message.text.push_str(self.text.expose());
            message.parts.push(Part::Text { text: self.text.clone() });
        }
        message
    }

    /// The result of a call, if it has one yet.
    pub fn result_of(&self, call: &str) -> Option<&ToolResult> {
        self.results.iter().find(|result| result.call == call)
    }

    fn call_part(&self, call: &ToolCall) -> Part {
        let result = self.result_of(&call.call);
        let status = match result {
            Some(result) if result.ok => CallStatus::Ok,
            Some(_) => CallStatus::Failed,
            None if self.status.is_over() => CallStatus::Unknown,
            None => CallStatus::Running,
        };
        Part::Tool {
            call: call.call.clone(),
            tool: call.tool.clone(),
            input: call.input.clone(),
            status,
            summary: result.map(|result| result.summary.clone()),
            file: result.and_then(|result| result.file.clone()),
        }
    }
}
