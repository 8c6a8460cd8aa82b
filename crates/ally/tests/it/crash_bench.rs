//! What the crash sweep needs: the assistant alone, behind a small gateway, with the shim that ends it.

use ally_http::identity::Signer;
use ally_llm::script::{Rule, Turn};
use ally_llm::stand_in::{KEY, StandIn};
use ally_llm::{Provider, anthropic};
use ally_sandbox::{Child, Spawn};
use ally_types::identity::Identity;
use ally_types::seal::Key;
use ally_types::{AccountId, Clock as _, Secret, ServerId, SessionId, SystemChance, SystemClock};
use axum::body::Body;
use futures_util::StreamExt as _;
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is killed; the disk keeps what was written.
    Kill,
    /// The power goes; the disk keeps what was synced.
    Power,
    /// The power goes, and no sync ever did anything.
    PowerIgnoringSyncs,
}

/// Whether the tool of the turn may run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    Free,
    /// The chat holds words from outside, so the person is asked and agrees.
    Asking,
}

/// What the person was told before the crash.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    acknowledged: bool,
    agreed: bool,
    ended: bool,
}

/// What was found after a crash and a restart.
#[derive(Debug)]
pub struct Survivor {
    pub acknowledged: bool,
    /// Whether what the person agreed to was taken in, and whether they were asked again afterwards.
    pub agreed: bool,
    pub asked_again: bool,
    pub question_is_there: bool,
    pub answer_status: Option<String>,
    pub file: Option<String>,
    pub versions: usize,
    pub refused_requests: usize,
    pub follow_up: Option<String>,
}

/// Everything around the assistant.
pub struct Bench {
    directory: TempDir,
    signer: Signer,
    server: ServerId,
    account: AccountId,
    session: SessionId,
    key: Key,
    chat: String,
    refused: Arc<AtomicU32>,
    runs: AtomicU32,
    _stand_in: StandIn,
}

/// One life of the assistant over one directory.
struct Life<'a> {
    bench: &'a Bench,
    socket: PathBuf,
    child: Child,
}

/// The exit code with which the shim ends a process.
const CRASHED: i32 = 137;

impl Bench {
    pub async fn new(turns: Turns) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stand_in = StandIn::start().await.unwrap();
        let create = json!({ "command": "create", "path": "/memories/tea.md", "file_text": "- green tea\n" });
        stand_in
            .always(Rule { when: "tea".to_owned(), turns: vec![Turn::call("memory", create), Turn::text("Noted.")] });
        let refused = Arc::new(AtomicU32::new(0));
        serve_models(&directory.path().join("out.sock"), &stand_in, Arc::clone(&refused));
        build_shim(directory.path());
        let mut bench = Self {
            signer: Signer::new(&Key::new(&SystemChance)),
            server: ServerId::new(&SystemClock, &SystemChance),
            account: AccountId::new(&SystemClock, &SystemChance),
            session: SessionId::new(&SystemClock, &SystemChance),
            key: Key::new(&SystemChance),
            chat: String::new(),
            refused,
            runs: AtomicU32::new(0),
            _stand_in: stand_in,
            directory,
        };
        // What every crash begins with: an assistant that has a chat and was put to sleep.
        let template = bench.directory.path().join("template");
        std::fs::create_dir(&template).unwrap();
        let life = bench.start(&template, &[]);
        let chat = life.call(Method::POST, "/api/v1/chats", json!({})).await.unwrap().1["id"].clone();
        let chat = chat.as_str().unwrap();
        if turns == Turns::Asking {
            let path = format!("/api/v1/chats/{chat}/messages");
            life.call(Method::POST, &path, json!({ "text": "Hello" })).await.unwrap();
            life.settled_in(chat).await.unwrap();
        }
        let chat = chat.to_owned();
        life.end().await;
        if turns == Turns::Asking {
            let database = rusqlite::Connection::open(template.join("ally.db")).unwrap();
            database.execute("UPDATE messages SET integrity = 'outside' WHERE role = 'assistant'", []).unwrap();
        }
        bench.chat = chat;
        bench
    }

    /// How many disk operations one whole turn makes, from the start of the process to its end.
    pub async fn count(&self) -> u32 {
        let file = self.directory.path().join("count");
        let data = self.copy();
        let life = self.start(&data, &[("ALLY_CRASH_COUNT_FILE", file.to_str().unwrap())]);
        assert!(life.one_turn().await.ended, "the turn ends when nothing goes wrong");
        life.end().await;
        std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }

    /// Ends the process at its disk operation number `at` and looks at what is left; `None` if it never came so far.
    pub async fn crash(&self, mode: Mode, at: u32) -> Option<Survivor> {
        let data = self.copy();
        let at = at.to_string();
        let mut environment = vec![("ALLY_CRASH_AT", at.as_str())];
        environment.push(("ALLY_CRASH_MODE", if mode == Mode::Kill { "kill" } else { "power" }));
        if mode == Mode::PowerIgnoringSyncs {
            environment.push(("ALLY_CRASH_LIES", "1"));
        }
        let refused = self.refused.load(Ordering::SeqCst);
        let life = self.start(&data, &environment);
        let told = life.one_turn().await;
        if life.end().await != ally_sandbox::Exit::Code(CRASHED) {
            return None;
        }
        let life = self.start(&data, &[]);
        let mut survivor = life.look(told).await;
        life.end().await;
        survivor.refused_requests = (self.refused.load(Ordering::SeqCst) - refused) as usize;
        std::fs::remove_dir_all(&data).unwrap();
        Some(survivor)
    }

    /// Keeps a line for whoever wants to know what was tried.
    pub fn write_summary(&self, line: &str) {
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "crash sweep: {line}");
    }

    fn copy(&self) -> PathBuf {
        let number = self.runs.fetch_add(1, Ordering::SeqCst);
        let target = self.directory.path().join(format!("run-{number}"));
        copy_all(&self.directory.path().join("template"), &target);
        target
    }

    fn start(&self, data: &Path, environment: &[(&str, &str)]) -> Life<'_> {
        let socket = self.directory.path().join(format!("in-{}.sock", self.runs.fetch_add(1, Ordering::SeqCst)));
        let listener = ally_http::socket::bind(&socket).unwrap();
        let boot = ally_types::host::AssistantBoot {
            server: self.server,
            data_dir: data.to_owned(),
            listener_fd: 10,
            control_fd: None,
            outbound: self.directory.path().join("out.sock"),
            key: self.key.to_hex(),
            identity_key: self.signer.public_key(),
            idle_exit_seconds: 0,
            epoch: u64::from(self.runs.fetch_add(1, Ordering::SeqCst)),
            walls: String::new(),
            why: Default::default(),
            is_space_full: false,
            log: ally_types::log::Level::Info,
        };
        let document = data.with_extension("boot");
        std::fs::write(&document, serde_json::to_vec(&boot).unwrap()).unwrap();
        let mut spawn = Spawn::new(env!("CARGO_BIN_EXE_ally"))
            .arg("assistant")
            .arg("--boot-fd")
            .arg("3")
            .descriptor(std::fs::File::open(&document).unwrap(), 3)
            .descriptor(listener, 10)
            .dies_with_parent();
        if !environment.is_empty() {
            spawn = spawn.environment("LD_PRELOAD", self.directory.path().join("shim.so").to_str().unwrap());
            spawn = spawn.environment("ALLY_CRASH_DIR", data.to_str().unwrap());
        }
        for (name, value) in environment {
            spawn = spawn.environment(name, value);
        }
        Life { bench: self, socket, child: spawn.spawn().unwrap() }
    }
}

impl Life<'_> {
    /// Sends the message, agrees to what is asked, and waits until the answer is finished or the process is gone.
    async fn one_turn(&self) -> Told {
        let path = format!("/api/v1/chats/{}/messages", self.bench.chat);
        let sent = self.call(Method::POST, &path, json!({ "text": "I like green tea" })).await;
        let acknowledged = matches!(sent, Some((202, _)));
        let mut told = Told { acknowledged, ..Told::default() };
        if acknowledged {
            told.ended = self.settled_with(&self.bench.chat, &mut told.agreed).await.is_some();
        }
        told
    }

    async fn settled_in(&self, chat: &str) -> Option<Value> {
        self.settled_with(chat, &mut false).await
    }

    /// Waits until no message is being answered any more, and agrees to what is asked meanwhile; `None` if the process
    /// is gone.
    async fn settled_with(&self, chat: &str, agreed: &mut bool) -> Option<Value> {
        let path = format!("/api/v1/chats/{chat}/messages");
        loop {
            let (_, messages) = self.call(Method::GET, &path, Value::Null).await?;
            let items = messages["items"].as_array()?;
            let is_open = |item: &Value| matches!(item["status"].as_str(), Some("queued" | "streaming"));
            if !items.iter().any(is_open) {
                return Some(messages);
            }
            let (_, waiting) = self.call(Method::GET, "/api/v1/approvals?status=waiting", Value::Null).await?;
            if let Some(id) = waiting["items"][0]["id"].as_str() {
                let path = format!("/api/v1/approvals/{id}");
                let (status, _) = self.call(Method::POST, &path, json!({ "decision": "approve" })).await?;
                *agreed |= status == 200;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn look(&self, told: Told) -> Survivor {
        let mut asked_again = false;
        let settled = self.settled_with(&self.bench.chat, &mut asked_again).await;
        let messages = settled.expect("it starts again after the crash");
        let items = messages["items"].as_array().unwrap().clone();
        let question = items.iter().find(|item| item["text"] == "I like green tea");
        let answer = items.iter().find(|item| {
            item["role"] == "assistant"
                && item["parent"] == question.map_or(Value::Null, |question| question["id"].clone())
        });
        let file = self.call(Method::GET, "/api/v1/memory/files/tea.md", Value::Null).await.unwrap();
        let versions = self.call(Method::GET, "/api/v1/memory/files/tea.md/versions", Value::Null).await.unwrap();
        let path = format!("/api/v1/chats/{}/messages", self.bench.chat);
        self.call(Method::POST, &path, json!({ "text": "And now?" })).await.unwrap();
        let after = self.settled_in(&self.bench.chat).await.unwrap();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Survivor {
            acknowledged: told.acknowledged,
            agreed: told.agreed,
            asked_again,
            question_is_there: question.is_some(),
            answer_status: answer.and_then(|answer| text(&answer["status"])),
            file: text(&file.1["text"]),
            versions: versions.1["items"].as_array().map_or(0, Vec::len),
            refused_requests: 0,
            follow_up: after["items"].as_array().and_then(|items| text(&items.last()?["status"])),
        }
    }

    /// One request with an identity; `None` if the process went away before the whole answer was there.
    async fn call(&self, method: Method, path: &str, body: Value) -> Option<(u16, Value)> {
        let identity = Identity {
            server: self.bench.server,
            account: self.bench.account,
            session: self.bench.session,
            administrator: true,
            authenticated_at: 0,
            method: method.as_str().to_owned(),
            path: path.to_owned(),
            expires_at: SystemClock.now().as_seconds() + 50,
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(ally_types::identity::HEADER, self.bench.signer.sign(&identity))
            .header(header::CONTENT_TYPE, "application/json")
            .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) })
            .unwrap();
        let asked = async {
            let response = ally_http::socket::call(&self.socket, request).await.ok()?;
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.ok()?.to_bytes();
            Some((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
        };
        // A process that is gone leaves a listener that nobody accepts from.
        tokio::select! {
            biased;
            answered = asked => answered,
            _ = self.child.wait() => None,
        }
    }

    async fn end(self) -> ally_sandbox::Exit {
        self.child.signal(ally_sandbox::Signal::TERM).unwrap();
        tokio::time::timeout(crate::browser::PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }
}

/// The gateway's side of the outbound socket: every model call goes to the stand-in, which is as strict as Anthropic.
fn serve_models(path: &Path, stand_in: &StandIn, refused: Arc<AtomicU32>) {
    let mut config = anthropic::Config::new(Secret::new(KEY));
    config.base_url = stand_in.url();
    let provider = Provider::Anthropic(config);
    let client = ally::client::build().unwrap();
    let answer = move |axum::Json(request): axum::Json<ally_llm::Request>| {
        let events = provider.stream(&client, &request);
        let refused = Arc::clone(&refused);
        async move {
            Body::from_stream(events.map(move |event| {
                if let ally_llm::Event::Failed { failure } = &event
                    && failure.kind == ally_llm::FailureKind::BadRequest
                {
                    refused.fetch_add(1, Ordering::SeqCst);
                }
                let mut line = serde_json::to_vec(&event).unwrap();
                line.push(b'\n');
                Ok::<_, std::convert::Infallible>(line)
            }))
        }
    };
    let router = axum::Router::new().route("/model", axum::routing::post(answer));
    let listener = ally_http::socket::listen(ally_http::socket::bind(path).unwrap()).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
}

fn build_shim(directory: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/shim.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(directory.join("shim.so"))
        .arg(source)
        .args(["-lpthread"])
        .status();
    assert!(built.unwrap().success(), "the shim compiles");
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
