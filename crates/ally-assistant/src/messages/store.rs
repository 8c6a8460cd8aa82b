//! The SQL of messages, their blocks and the results of their tool calls.

use super::{Author, FileRef, Role, Status, path};
use crate::approvals::{self, Approval};
use crate::attachments::{self, Attachment};
use crate::fault::Done;
use crate::feedback::{self, Feedback};
use crate::usage::Paid;
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
    /// The message before it.
    pub parent: Option<MessageId>,
    /// All versions that stand in its place, itself among them, the oldest first; none when it is the only one.
    pub siblings: Vec<MessageId>,
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
    /// What the person was asked to agree to.
    pub approvals: Vec<Approval>,
    /// Tokens of its model calls.
    pub usage: Option<Usage>,
    /// How many calls of a model it took, and how long, in milliseconds.
    pub work: Option<Work>,
    /// What the person thinks of it.
    pub feedback: Option<Feedback>,
    /// The files that came with it.
    pub attachments: Vec<Attachment>,
}

/// What an answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Calls of a model.
    pub calls: u32,
    /// From the beginning of its run to the last thing it did; `None` when its run is not known.
    pub millis: Option<i64>,
    /// What the person's own key paid of it.
    pub paid: Paid,
    /// Tokens that its model reads at most, where the provider's list says so.
    pub window: Option<u64>,
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
    /// The message before it.
    pub parent: Option<MessageId>,
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
                       parent, timezone, created, integrity, confidentiality FROM messages";

/// The place behind the last message of a chat.
pub fn next_position(tx: &Tx, chat: ChatId) -> Done<i64> {
    let mut query = tx.prepare_cached("SELECT COALESCE(MAX(position), 0) + 1 FROM messages WHERE chat = ?1")?;
    Ok(query.query_row([chat.to_string()], |row| row.get(0))?)
}

/// Keeps a question behind its parent. It is shown at once unless it is another version of one that is there.
pub fn insert_question(tx: &Tx, new: &NewQuestion<'_>) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO messages (id, chat, position, role, status, text, author, needs_model, run, parent, timezone,
           account, created, integrity, confidentiality, is_chosen, is_shown)
         SELECT ?1, ?2, ?3, 'user', ?4, ?5, '{\"kind\":\"person\"}', 0, ?6, ?7, ?8, ?9, ?10, ?11, ?12, is_chosen,
           is_chosen AND COALESCE((SELECT is_shown FROM messages WHERE id = ?7), 1)
         FROM (SELECT NOT EXISTS (SELECT 1 FROM messages WHERE chat = ?2 AND parent IS ?7) AS is_chosen)",
    )?
    .execute(params![
        new.id.to_string(),
        new.chat.to_string(),
        next_position(tx, new.chat)?,
        new.status.as_str(),
        new.text.expose(),
        new.run.to_string(),
        new.parent.map(|parent| parent.to_string()),
        new.timezone,
        new.account.to_string(),
        new.at.as_millis(),
        Label::USER.integrity.as_str(),
        Label::USER.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// Keeps the place for an answer, behind its question. It is shown at once unless the question has an answer.
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
        "INSERT INTO messages (id, chat, position, role, status, text, author, needs_model, run, question, parent,
           created, integrity, confidentiality, is_chosen, is_shown)
         SELECT ?1, ?2, ?3, 'assistant', ?4, '', '{\"kind\":\"ally\"}', 0, ?5, ?6, ?6, ?7, ?8, ?9, is_chosen,
           is_chosen AND COALESCE((SELECT is_shown FROM messages WHERE id = ?6), 1)
         FROM (SELECT NOT EXISTS (SELECT 1 FROM messages WHERE chat = ?2 AND parent IS ?6) AS is_chosen)",
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
    let number = tx
        .prepare_cached("SELECT number FROM messages WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get::<_, i64>(0))
        .optional()?;
    let Some(number) = number else { return Ok(None) };
    Ok(load(tx, &[number])?.pop())
}

/// The answer to a question: of several, the one that the person has chosen.
pub fn answer_to(tx: &Tx, question: MessageId) -> Done<Option<MessageId>> {
    Ok(tx
        .prepare_cached("SELECT id FROM messages WHERE question = ?1 ORDER BY is_chosen DESC, number DESC LIMIT 1")?
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

/// The messages with these numbers, which stand in one chat, oldest first, with everything that belongs to them.
pub fn load(tx: &Tx, numbers: &[i64]) -> Done<Vec<Stored>> {
    let these = serde_json::to_string(numbers).unwrap_or_default();
    let mut messages = tx
        .prepare_cached(&format!("{COLUMNS} WHERE number IN (SELECT value FROM json_each(?1)) ORDER BY position"))?
        .query_map([&these], read)?
        .collect::<Result<Vec<_>, _>>()?;
    attach(
        tx,
        &mut messages,
        "b.message, b.step, b.kind, b.text, b.call, b.tool, b.provider",
        "blocks",
        &these,
        block,
    )?;
    let columns = "b.message, b.call, b.ok, b.text, b.summary, b.path, b.version, b.rule";
    attach(tx, &mut messages, columns, "tool_results", &these, result)?;
    let mut query = tx.prepare_cached(
        "SELECT c.message, SUM(c.input), SUM(c.output), SUM(c.cache_read), SUM(c.cache_write), COUNT(*),
                MAX(c.at) - MAX(r.started), c.own_key, c.provider, c.model, c.at / 86400000 * 86400000 AS day,
                MAX(c.window) AS window
         FROM messages m JOIN model_calls c ON c.message = m.id LEFT JOIN runs r ON r.id = m.run
         WHERE m.number IN (SELECT value FROM json_each(?1)) GROUP BY c.message, c.own_key, c.provider, c.model, day",
    )?;
    let mut rows = query.query([&these])?;
    while let Some(row) = rows.next()? {
        let id: MessageId = cells::id(row, "message")?;
        if let Some(message) = messages.iter_mut().find(|message| message.id == id) {
            let usage = Usage {
                input: row.get::<_, i64>(1)?.cast_unsigned(),
                output: row.get::<_, i64>(2)?.cast_unsigned(),
                cache_read: row.get::<_, i64>(3)?.cast_unsigned(),
                cache_write: row.get::<_, i64>(4)?.cast_unsigned(),
            };
            message.usage = Some(message.usage.unwrap_or_default() + usage);
            let work = message.work.get_or_insert_default();
            let calls: u32 = row.get(5)?;
            work.calls += calls;
            work.millis = work.millis.max(row.get(6)?);
            work.window = row.get::<_, Option<i64>>("window")?.map(i64::cast_unsigned).or(work.window);
            if row.get(7)? {
                let day = Timestamp::from_millis(row.get("day")?).to_string();
                let (provider, model): (String, String) = (row.get("provider")?, row.get("model")?);
                work.paid.add(&provider, &model, &day[..10], usage, calls.into());
            }
        }
    }
    path::siblings(tx, &mut messages, &these)?;
    feedback::store::attach(tx, &mut messages, &these)?;
    approvals::store::attach(tx, &mut messages, &these)?;
    attachments::store::attach(tx, &mut messages, &these)?;
    Ok(messages)
}

/// At most `limit` messages that are shown before a place, oldest first, and whether there are more before them.
pub fn page(tx: &Tx, chat: ChatId, before: i64, limit: u32) -> Done<(Vec<Stored>, bool)> {
    let mut numbers = tx
        .prepare_cached(
            "SELECT number FROM messages WHERE chat = ?1 AND is_shown = 1 AND position < ?2
             ORDER BY position DESC LIMIT ?3",
        )?
        .query_map(params![chat.to_string(), before, limit + 1], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    let has_more = numbers.len() > limit as usize;
    numbers.truncate(limit as usize);
    Ok((load(tx, &numbers)?, has_more))
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
    tx.prepare_cached("UPDATE messages SET status = ?2 WHERE id = ?1 AND status <> ?2")?
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
    these: &str,
    add: fn(&mut Stored, &Row<'_>) -> Done<()>,
) -> Done<()> {
    let order = if table == "blocks" { "b.position" } else { "b.at" };
    let mut query = tx.prepare_cached(&format!(
        "SELECT {columns}, b.integrity, b.confidentiality FROM messages m JOIN {table} b ON b.message = m.id
         WHERE m.number IN (SELECT value FROM json_each(?1)) ORDER BY m.position, {order}"
    ))?;
    let mut rows = query.query([these])?;
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
        parent: cells::maybe_id(row, "parent")?,
        siblings: Vec::new(),
        timezone: row.get("timezone")?,
        created: cells::time(row, "created")?,
        label: cells::label(row)?,
        blocks: Vec::new(),
        results: Vec::new(),
        approvals: Vec::new(),
        usage: None,
        work: None,
        feedback: None,
        attachments: Vec::new(),
    })
}
