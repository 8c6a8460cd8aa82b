//! Approval requests: what a run wants to do and may not do unless the person agrees to exactly this.
//!
//! A request is a durable wait of its run. The run holds nothing while it waits, and goes on with the arguments that
//! stand in the request, or with those that the person put in their place; the model is not asked again.

pub mod card;
pub mod http;
pub mod past;
pub mod store;

use crate::app::App;
use crate::events::Event;
use crate::fault::Done;
use crate::messages::{CallStatus, Message, Part};
use crate::owner::Owner;
use crate::{chats, idempotency, tools};
use ally_durable::{Resolved, Wait, waits};
use ally_monitor::{Call, Decision, Exactly};
use ally_store::Tx;
use ally_types::{ChatId, Content, Label, MessageId, Problem, RunId, Timestamp, WaitId};
use card::{Answer, Card, CardLine, Edited};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request waits so long for an answer; then it counts as rejected.
pub const LONGEST_WAIT_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Longest reason, in bytes.
pub const LONGEST_REASON: usize = 2000;

/// A request, as everybody sees it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Approval {
    /// Its id.
    pub id: WaitId,
    /// The run that waits.
    pub run: RunId,
    /// In which chat.
    pub chat: ChatId,
    /// The title of the chat; only in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_title: Option<Content>,
    /// The answer that is being written.
    pub message: MessageId,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// What is to be done; each line can be left out.
    pub lines: Vec<ApprovalLine>,
    /// Since when it waits.
    pub opened: Timestamp,
    /// When it counts as rejected if nobody answers.
    pub expires: Timestamp,
    /// When it was answered, or stopped waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Timestamp>,
    /// What the person said about it; the model reads it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Content>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Nobody has answered.
    Waiting,
    /// The person agreed, to all lines or to some.
    Approved,
    /// The person said no.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// What it asks for has changed meanwhile.
    Void,
    /// The run ended before anybody answered.
    Withdrawn,
}

/// One thing that is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ApprovalLine {
    /// Names it within the request: the call.
    pub line: String,
    /// The tool.
    pub tool: String,
    /// What would be done, in our words.
    pub title: String,
    /// The exact effect, piece by piece.
    pub details: Vec<ApprovalDetail>,
    /// The arguments as they would be carried out.
    pub input: Value,
    /// Which condition was not met, in our words.
    pub why: String,
    /// The rule that asks.
    pub rule: String,
    /// What this run has read that came from outside.
    pub sources: Vec<ApprovalSource>,
    /// Whether the person agreed to it; absent while nobody has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Whether the person changed it before agreeing.
    pub edited: bool,
}

/// A piece of the effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ApprovalDetail {
    /// What it is, in our words.
    pub name: String,
    /// The exact text.
    pub text: Content,
    /// The argument that holds it, where it may be edited as plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// Something from outside that the run has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ApprovalSource {
    /// How it came in, in our words.
    pub what: String,
    /// When.
    pub at: Timestamp,
}

/// What a person answers.
pub struct Decide {
    /// Yes or no.
    pub decision: Choice,
    /// Which lines; all of them when not said.
    pub lines: Option<Vec<String>>,
    /// Other arguments for the only line that is agreed to.
    pub edited_input: Option<Value>,
    /// What the model shall know about it.
    pub reason: Option<Content>,
    /// The client's name for this act, so that repeating it changes nothing.
    pub idempotency_key: Option<String>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Do it.
    Approve,
    /// Do not do it.
    Reject,
}

/// What became of an answer.
pub enum Decided {
    /// It counts.
    Counted(Approval),
    /// What was asked for has changed, so nothing can be agreed to; the run was told.
    Void,
}

/// Answers a request. The first answer counts; whoever comes later is told who was first.
pub fn decide(tx: &Tx, app: &App, owner: Owner, id: WaitId, decide: &Decide) -> Done<Decided> {
    let (wait, card) = store::find(tx, id)?.ok_or_else(not_found)?;
    chats::store::live(tx, card.chat)?.ok_or_else(not_found)?;
    let print = idempotency::fingerprint(&[&id.to_string(), &decide.words()]);
    let key = decide.idempotency_key.as_deref();
    let claim = idempotency::Claim { account: owner.account, door: "approvals", key, fingerprint: &print };
    if idempotency::look_up(tx, &claim)?.is_some() {
        return Ok(Decided::Counted(Approval::of(&wait, &card)));
    }
    if wait.resolution.is_some() {
        return Err(too_late(&wait, &card, owner).into());
    }
    let now = app.clock().now();
    if wait.due.is_some_and(|due| due <= now) {
        return Err(expired().into());
    }
    let answer = answer(&card, decide)?;
    let is_void = matches!(answer, Answer::Void);
    match app.engine().resolve(tx, id, &owner.account.to_string(), &answer.written())? {
        Resolved::NotFound => Err(not_found().into()),
        Resolved::Already(wait) => Err(too_late(&wait, &card, owner).into()),
        Resolved::Won(wait) => {
            idempotency::keep(tx, &claim, &id.to_string(), now)?;
            let approval = Approval::of(&wait, &card);
            tell_decided(tx, app, &approval);
            Ok(if is_void { Decided::Void } else { Decided::Counted(approval) })
        }
    }
}

/// Everybody who watches the chat hears how a request was answered.
fn tell_decided(tx: &Tx, app: &App, approval: &Approval) {
    let (app, approval) = (app.clone(), approval.clone());
    tx.after_commit(move || publish_decided(&app, approval));
}

/// The same for an answer that was committed before, such as that of the clock.
pub fn publish_decided(app: &App, approval: Approval) {
    let (chat, run, message) = (approval.chat, approval.run, approval.message);
    let event = Event::ApprovalDecided { message, approval: approval.clone() };
    app.hub().change(chat, run, message, &event, |live| live.set_approval(approval));
}

/// Everybody who watches hears of a new request, and the turns behind this one go on.
pub fn tell_requested(tx: &Tx, app: &App, approval: Approval) {
    let app = app.clone();
    tx.after_commit(move || {
        let (chat, run, message) = (approval.chat, approval.run, approval.message);
        let event = Event::ApprovalRequested { message, approval: approval.clone() };
        app.hub().change(chat, run, message, &event, |live| live.set_approval(approval));
        app.ring_line();
    });
}

/// What an answer comes to; refused where it does not fit the request.
fn answer(card: &Card, decide: &Decide) -> Done<Answer> {
    let reason = decide.reason.as_ref().filter(|reason| !reason.expose().trim().is_empty()).cloned();
    if reason.as_ref().is_some_and(|reason| reason.len() > LONGEST_REASON) {
        return Err(Problem::new(422, "reason_too_long", "A reason has at most 2,000 bytes.")
            .at("reason")
            .next("Say it in fewer words. Nothing was decided yet.")
            .into());
    }
    if decide.decision == Choice::Reject {
        return Ok(Answer::Reject { reason });
    }
    let all = || card.lines.iter().map(|line| line.call.clone()).collect();
    let lines: Vec<String> = decide.lines.clone().unwrap_or_else(all);
    let chosen: Vec<&CardLine> = card.lines.iter().filter(|line| lines.contains(&line.call)).collect();
    if chosen.is_empty() || chosen.len() != lines.len() {
        return Err(Problem::new(422, "lines_unknown", "These lines are not those of this request.")
            .at("lines")
            .next("Choose at least one line of the request, or reject it.")
            .into());
    }
    if chosen.iter().any(|line| !line.is_as_asked()) {
        return Ok(Answer::Void);
    }
    let edited = match (&decide.edited_input, chosen.as_slice()) {
        (None, _) => None,
        (Some(input), [line]) => Some(edited(line, input)?),
        (Some(_), _) => {
            return Err(Problem::new(422, "edit_one_line", "Only one line at a time can be edited.")
                .at("edited_input")
                .next("Choose one line, or approve them as they are.")
                .into());
        }
    };
    Ok(Answer::Approve { lines, edited, reason })
}

/// Other arguments: another call, which passes the tool's schema and the monitor like any other.
fn edited(line: &CardLine, input: &Value) -> Done<Edited> {
    let refused = |title: String| -> crate::fault::Fault {
        Problem::new(422, "edited_input", title)
            .at("edited_input")
            .next("Change it, or approve it as it was. Nothing was decided yet.")
            .into()
    };
    let tool = tools::named(&line.tool).ok_or_else(|| refused("This tool is no longer there.".to_owned()))?;
    if let Some(fault) = tools::arguments::fault(&tool.schema(), input) {
        return Err(refused(fault));
    }
    let action = tool.action(input);
    let call = Call { touches: action.touches, ..Call::new(&line.tool, action.sink, Label::OUTSIDE) };
    if let Decision::Refuse { why, .. } = ally_monitor::authorize(&call) {
        return Err(refused(why.to_owned()));
    }
    let exactly = Exactly { tool: &line.tool, schema: &line.schema, connection: "", input };
    Ok(Edited { line: line.call.clone(), input: input.clone(), fingerprint: exactly.fingerprint() })
}

impl Decide {
    fn words(&self) -> String {
        let Self { decision, lines, edited_input, reason, .. } = self;
        serde_json::json!({ "d": decision, "l": lines, "e": edited_input, "r": reason }).to_string()
    }
}

impl Approval {
    /// What everybody sees of a wait.
    pub fn of(wait: &Wait, card: &Card) -> Self {
        let answer = Answer::to(wait);
        let status = match (&wait.resolution, &answer) {
            (None, _) => ApprovalStatus::Waiting,
            (Some(resolution), _) if resolution.by == waits::BY_CLOCK => ApprovalStatus::Expired,
            (Some(resolution), _) if resolution.by == waits::BY_END => ApprovalStatus::Withdrawn,
            (_, Some(Answer::Approve { .. })) => ApprovalStatus::Approved,
            (_, Some(Answer::Void)) => ApprovalStatus::Void,
            (_, Some(Answer::Reject { .. }) | None) => ApprovalStatus::Rejected,
        };
        let reason = answer.as_ref().and_then(Answer::reason).cloned();
        let lines = card.lines.iter().map(|line| line.view(status, answer.as_ref())).collect();
        Self {
            id: wait.id,
            run: wait.run,
            chat: card.chat,
            chat_title: None,
            message: card.message,
            status,
            lines,
            opened: wait.opened,
            expires: wait.due.unwrap_or(wait.opened),
            decided: wait.resolution.as_ref().map(|resolution| resolution.at),
            reason,
        }
    }
}

impl Message {
    /// Shows a request and what waits for it.
    pub fn set_approval(&mut self, approval: Approval) {
        for part in &mut self.parts {
            let Part::Tool { call, input, status, .. } = part else { continue };
            let Some(line) = approval.lines.iter().find(|line| line.line == *call) else { continue };
            if matches!(status, CallStatus::Running | CallStatus::Waiting) {
                let waits = approval.status == ApprovalStatus::Waiting;
                *status = if waits { CallStatus::Waiting } else { CallStatus::Running };
            }
            if line.edited {
                input.clone_from(&line.input);
            }
        }
        match self.approvals.iter_mut().find(|known| known.id == approval.id) {
            Some(known) => *known = approval,
            None => self.approvals.push(approval),
        }
    }
}

/// There is no such request.
pub fn not_found() -> Problem {
    Problem::not_found("approval_not_found", "There is no such approval request.")
}

/// What it asked for is no longer what would be done.
pub fn void() -> Problem {
    Problem::new(409, "approval_void", "What this asked for has changed since, so it was not done.")
        .next("Your assistant was told and can ask again.")
}

fn expired() -> Problem {
    Problem::new(409, "approval_expired", "Nobody answered this within seven days, so it was not done.")
        .next("Ask for it again if you still want it.")
}

/// Somebody was first.
fn too_late(wait: &Wait, card: &Card, owner: Owner) -> Problem {
    let Some(resolution) = &wait.resolution else { return Problem::internal() };
    let zone = jiff::tz::TimeZone::get(&card.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = resolution.at.to_jiff().to_zoned(zone).strftime("%-d %B at %H:%M (%Q)").to_string();
    let who = if resolution.by == owner.account.to_string() { "you" } else { "somebody else" };
    let title = match (resolution.by.as_str(), Answer::to(wait)) {
        (waits::BY_CLOCK, _) => return expired(),
        (waits::BY_END, _) => format!("This was stopped on {at}, so nothing waits for an answer."),
        (_, Some(Answer::Approve { .. })) => format!("This was already approved by {who} on {at}."),
        (_, Some(Answer::Void)) => return void(),
        (_, Some(Answer::Reject { .. }) | None) => format!("This was already rejected by {who} on {at}."),
    };
    Problem::new(409, "approval_decided", title)
        .next("Nothing was changed now. Ask for it anew if you want it otherwise.")
}
