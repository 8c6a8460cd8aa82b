//! `ally chat`: the same chat as in the browser, in a terminal.
//!
//! It is a client like the browser app and knows nothing else: it signs in with a cookie, sends a message and folds the
//! events of the chat over what it has printed. Answers belong to the server; leaving loses nothing.

mod address;
mod approval;
mod attach;
mod clean;
mod events;
mod fault;
mod follow;
mod pauses;
mod screen;
mod server;
mod session;
mod shown;
mod terminal;

use crate::command::fail;
use crate::config::Environment;
use ally_types::{AttachmentId, ChatId, Content, RunId};
use events::{Events, Message, Status};
use fault::Fault;
use follow::{Awaited, follow};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use screen::Screen;
use serde::Deserialize;
use serde_json::{Value, json};
use server::{Asked, Server};
use std::future::Future;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// More than the server takes as one message.
const LONGEST_QUESTION: u64 = 1 << 20;

/// What the command is told.
#[derive(Debug, clap::Args)]
pub struct Line {
    /// The server (`ALLY_SERVER`, default: the public address that is configured here, http://127.0.0.1:8080)
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The chat to go on with (default: the last one)
    #[arg(long, value_name = "ID", conflicts_with = "new")]
    chat: Option<String>,
    /// Begin a new chat
    #[arg(long)]
    new: bool,
    /// A file that goes along; may be given several times
    #[arg(long, value_name = "PATH")]
    attach: Vec<PathBuf>,
    /// Show the model's thinking too
    #[arg(long)]
    thinking: bool,
    /// End the session at the server and forget it here
    #[arg(long, conflicts_with_all = ["chat", "new", "attach", "thinking", "message"])]
    sign_out: bool,
    /// One question; without it what comes by a pipe, or a conversation
    message: Vec<Content>,
}

/// Whether the model's thinking is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thinking {
    Hidden,
    Shown,
}

/// A page of a list, of which one item is enough.
#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct Chat {
    id: ChatId,
    #[serde(default)]
    title: Content,
}

#[derive(Deserialize)]
struct Sent {
    run: RunId,
    answer: Message,
}

/// Runs the command.
pub fn run(line: &Line) -> ExitCode {
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reactor = reactor.expect("a reactor needs only a few descriptors");
    let (what, next_step) = match reactor.block_on(command(line)) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) | Err((_, Fault::Left)) => return ExitCode::FAILURE,
        Err((_, Fault::Said { what, next_step })) => (what, next_step),
        Err((_, Fault::Problem(problem))) => {
            let next_step = problem.next_step.unwrap_or("Try again later.".into());
            (clean::one_line(&problem.title, 300), clean::one_line(&next_step, 300))
        }
        Err((origin, Fault::SignedOut)) => {
            (format!("You are not signed in at {origin}."), "Run `ally chat`.".to_owned())
        }
        Err((origin, Fault::Broken)) => (
            format!("Nothing answers at {origin}."),
            "Start it with `ally serve`, or name another address with --server or ALLY_SERVER.".to_owned(),
        ),
    };
    fail(&what, &next_step)
}

/// The command; a fault comes with the address that it is about.
async fn command(line: &Line) -> Result<bool, (String, Fault)> {
    let environment: Environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let directory = std::env::current_dir().unwrap_or_default();
    let nowhere = |fault| (String::new(), fault);
    let address = address::find(line.server.as_deref(), &environment, &directory).map_err(nowhere)?;
    let about = |fault| (address.origin.clone(), fault);
    let token = environment.get("ALLY_TOKEN").map(|token| token.trim()).filter(|token| !token.is_empty());
    let server = match token.filter(|_| !line.sign_out) {
        Some(token) => Server::with_token(&address, token),
        None => {
            session::Place::of(&address.origin, &environment).and_then(|place| Server::with_session(&address, place))
        }
    };
    let server = server.map_err(about)?;
    let screen = Screen::new(&environment);
    let thinking = if line.thinking { Thinking::Shown } else { Thinking::Hidden };
    let mut talk = Talk { server, screen, thinking, chat: None, files: Vec::new() };
    if line.sign_out {
        return talk.sign_out().await.map_err(about);
    }
    talk.run(line).await.map_err(about)
}

/// One conversation.
struct Talk {
    server: Server,
    screen: Screen,
    thinking: Thinking,
    /// None before the first message of a new chat.
    chat: Option<ChatId>,
    /// What goes along with the next question.
    files: Vec<AttachmentId>,
}

impl Talk {
    async fn sign_out(&mut self) -> Result<bool, Fault> {
        let origin = self.server.origin().to_owned();
        let said = if self.server.sign_out().await? {
            format!("Signed out at {origin}.")
        } else {
            format!("You were not signed in at {origin}.")
        };
        self.screen.say(&said)?;
        Ok(true)
    }

    async fn run(&mut self, line: &Line) -> Result<bool, Fault> {
        let question = question(line)?;
        if self.server.is_signed_out() {
            self.server.sign_in().await?;
        }
        let mut interrupts = listen()?;
        let chosen = unless_interrupted(&mut interrupts, choose(&self.server, line)).await?;
        self.chat = chosen.as_ref().map(|chat| chat.id);
        for path in &line.attach {
            self.attach(&mut interrupts, path).await?;
        }
        match question {
            Some(question) => self.ask(&mut interrupts, &question).await,
            None => {
                if let Some(chat) = &chosen {
                    self.resume(&mut interrupts, chat).await?;
                }
                self.converse(&mut interrupts).await
            }
        }
    }

    /// Has a file go along with the next question.
    async fn attach(&mut self, interrupts: &mut Signal, path: &Path) -> Result<(), Fault> {
        let file = unless_interrupted(interrupts, attach::upload(&self.server, path)).await?;
        self.screen.remark(&format!("Attached: {}", file.shown()))?;
        self.files.push(file.id);
        Ok(())
    }

    /// Shows where the conversation stands, and what is still being written.
    async fn resume(&mut self, interrupts: &mut Signal, chat: &Chat) -> Result<(), Fault> {
        let path = format!("/api/v1/chats/{}/messages?limit=2", chat.id);
        let last: Items<Message> = unless_interrupted(interrupts, self.server.call(Asked::get(&path))).await?;
        self.screen.remark(&format!("{} — the last question and its answer:", chat.title.expose()))?;
        for message in &last.items {
            if message.role != "assistant" {
                let question = clean::Cleaner::default().clean(message.text.expose());
                self.screen.answer(&format!("> {}\n", question.trim_end().replace('\n', "\n> ")))?;
                continue;
            }
            match message.run.filter(|_| !message.status.is_over()) {
                Some(run) => {
                    let watch = Events::watch(&self.server, chat.id);
                    let mut events = unless_interrupted(interrupts, watch).await?;
                    let awaited = Awaited { answer: message.id, run, since: None };
                    let (server, screen) = (&self.server, &mut self.screen);
                    follow(server, screen, interrupts, &mut events, &awaited, self.thinking).await?;
                }
                None => {
                    self.screen.answer(&clean::Cleaner::default().clean(message.text.expose()))?;
                    self.screen.end_line()?;
                    if let Some(problem) = &message.problem {
                        self.screen.problem(problem)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Question by question, until the person leaves.
    async fn converse(&mut self, interrupts: &mut Signal) -> Result<bool, Fault> {
        // What was typed is remembered only while the command runs.
        let config = rustyline::Config::builder().auto_add_history(true).build();
        let editor = rustyline::Editor::<(), MemHistory>::with_history(config, MemHistory::new());
        let mut editor =
            editor.map_err(|_| Fault::said("This terminal cannot be read.", "Ask with `ally chat MESSAGE`."))?;
        self.screen.remark("Ctrl-C stops an answer. Ctrl-D leaves. /attach PATH adds a file.")?;
        loop {
            let question = match editor.readline("> ") {
                Ok(question) if question.trim().is_empty() => continue,
                Ok(question) => Content::new(question),
                Err(ReadlineError::Interrupted | ReadlineError::Eof) => return Ok(true),
                Err(_) => return Err(Fault::said("This terminal cannot be read.", "Ask with `ally chat MESSAGE`.")),
            };
            // One that came after the answer before was over does not mean this question.
            *interrupts = listen()?;
            let done = match attach::asked_for(question.expose()) {
                Some(path) => match self.attach(interrupts, &path).await {
                    Err(Fault::Said { what, next_step }) => {
                        self.screen.say(&what)?;
                        self.screen.say(&next_step).map(|()| true)
                    }
                    other => other.map(|()| true),
                },
                None => self.ask(interrupts, &question).await,
            };
            match done {
                // It is about this question; the next one may fare better.
                Err(Fault::Problem(problem)) => self.screen.problem(&problem)?,
                answered => _ = answered?,
            }
        }
    }

    /// Asks, and shows the answer. Says whether there is one.
    async fn ask(&mut self, interrupts: &mut Signal, question: &Content) -> Result<bool, Fault> {
        let since = Instant::now();
        let asking = send(&self.server, self.chat, question, &self.files);
        let (chat, mut events, sent) = unless_interrupted(interrupts, asking).await?;
        self.chat = Some(chat);
        self.files.clear();
        if sent.answer.status == Status::Queued {
            self.screen.remark("Waiting: another answer of this chat comes first.")?;
        }
        let awaited = Awaited { answer: sent.answer.id, run: sent.run, since: Some(since) };
        let (server, screen) = (&self.server, &mut self.screen);
        follow(server, screen, interrupts, &mut events, &awaited, self.thinking).await
    }
}

/// The chat that goes on; `None` for a new one.
async fn choose(server: &Server, line: &Line) -> Result<Option<Chat>, Fault> {
    if let Some(id) = &line.chat {
        let id: ChatId = id.parse().map_err(|_| {
            Fault::said("This is not the id of a chat.", "Copy it from the address of the chat in the browser.")
        })?;
        return server.call(Asked::get(&format!("/api/v1/chats/{id}"))).await.map(Some);
    }
    if line.new {
        return Ok(None);
    }
    let chats: Items<Chat> = server.call(Asked::get("/api/v1/chats?limit=1")).await?;
    Ok(chats.items.into_iter().next())
}

/// Sends a question. The chat is watched before, so that no word of the answer is missed.
async fn send(
    server: &Server,
    chat: Option<ChatId>,
    question: &Content,
    files: &[AttachmentId],
) -> Result<(ChatId, Events, Sent), Fault> {
    let chat = match chat {
        Some(chat) => chat,
        None => server.call::<Chat>(Asked::make("/api/v1/chats", json!({}))).await?.id,
    };
    let events = loop {
        match Events::watch(server, chat).await {
            Err(Fault::SignedOut) => server.sign_in().await?,
            watched => break watched?,
        }
    };
    let path = format!("/api/v1/chats/{chat}/messages");
    let mut body = json!({ "text": question, "attachments": files });
    if let Some(zone) = timezone() {
        body["timezone"] = Value::from(zone);
    }
    let sent = server.call(Asked::make(&path, body)).await?;
    Ok((chat, events, sent))
}

/// The name of the time zone that `TZ` or `/etc/localtime` say, if it has one.
fn timezone() -> Option<String> {
    jiff::tz::TimeZone::try_system().ok()?.iana_name().map(str::to_owned)
}

/// The one question of this call: the words of the command, or what comes by a pipe.
fn question(line: &Line) -> Result<Option<Content>, Fault> {
    let words: Vec<&str> = line.message.iter().map(Content::expose).collect();
    let mut text = words.join(" ");
    if words.is_empty() {
        if std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let read = std::io::stdin().take(LONGEST_QUESTION).read_to_string(&mut text);
        read.map_err(|_| Fault::said("What came by the pipe is not text.", "Send a text in UTF-8."))?;
    }
    if text.trim().is_empty() {
        return Err(Fault::said("There is no question.", "Write it behind `ally chat`, or send it by a pipe."));
    }
    Ok(Some(Content::new(text)))
}

/// Ctrl-C from now on.
fn listen() -> Result<Signal, Fault> {
    signal(SignalKind::interrupt()).map_err(|_| Fault::said("Ctrl-C cannot be listened for.", "Close some programs."))
}

async fn unless_interrupted<T>(
    interrupts: &mut Signal,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        biased;
        _ = interrupts.recv() => Err(Fault::Left),
        done = work => done,
    }
}
