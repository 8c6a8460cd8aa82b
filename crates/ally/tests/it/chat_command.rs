//! `ally chat`: the real command against a real installation, by pipes and in a terminal.

use crate::browser::{Browser, PATIENCE};
use crate::installation::{Installation, Setup};
use ally_llm::script::{Gate, Rule, Step, Turn};
use ally_llm::stand_in::StandIn;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

const PASSWORD: &str = "correct horse battery staple";

/// Somebody's computer, on which the command is called.
struct Computer {
    state: TempDir,
    server: String,
    environment: Vec<(&'static str, String)>,
}

/// What a call said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Computer {
    fn new(installation: &Installation) -> Self {
        let server = format!("http://{}", installation.address);
        Self { state: tempfile::tempdir().unwrap(), server, environment: Vec::new() }
    }

    /// With the session of a browser.
    fn with_token(installation: &Installation, browser: &Browser) -> Self {
        let token = browser.cookie.lock().unwrap().clone().unwrap();
        Self { environment: vec![("ALLY_TOKEN", token)], ..Self::new(installation) }
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("ALLY_SERVER", &self.server);
        command.env("XDG_STATE_HOME", self.state.path()).envs(self.environment.iter().cloned());
        command.current_dir(self.state.path()).kill_on_drop(true);
        command
    }

    /// The command without a terminal.
    fn command(&self, arguments: &[&str]) -> Command {
        // A session of its own has no terminal, wherever the test runs.
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(env!("CARGO_BIN_EXE_ally")).arg("chat").args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.prepared(command)
    }

    async fn says(&self, arguments: &[&str]) -> Said {
        end(self.command(arguments).spawn().unwrap(), String::new()).await
    }

    /// The command with something in its pipe.
    async fn is_sent(&self, text: &str) -> Said {
        let file = self.state.path().join("question");
        std::fs::write(&file, text).unwrap();
        let mut command = self.command(&[]);
        command.stdin(File::open(file).unwrap());
        end(command.spawn().unwrap(), String::new()).await
    }

    /// The command in a terminal.
    fn terminal(&self, arguments: &[&str]) -> Terminal {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let no_terminal_of_ours = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap();
        let name = std::ffi::OsStr::from_bytes(name.as_bytes());
        let keys = OpenOptions::new().read(true).write(true).custom_flags(no_terminal_of_ours).open(name).unwrap();
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_ally")).arg("chat").args(arguments);
        command.stdin(keys.try_clone().unwrap()).stdout(keys.try_clone().unwrap()).stderr(keys);
        let child = self.prepared(command).spawn().unwrap();
        let screen = File::from(screen);
        let (sender, pieces) = channel();
        let mut reader = screen.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Ends with an error when the last program on it has ended.
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { screen, child, pieces, seen: Vec::new() }
    }

    /// The files with sessions.
    fn sessions(&self) -> Vec<PathBuf> {
        let directory = self.state.path().join("ally/session");
        std::fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    /// Signs in as a person does.
    async fn sign_in(&self) {
        let mut terminal = self.terminal(&["help"]);
        terminal.sign_in(PASSWORD);
        assert_eq!(terminal.end().await.0, Some(0));
    }
}

async fn end(child: Child, read_before: String) -> Said {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("an end").unwrap();
    let out = read_before + &String::from_utf8(output.stdout).unwrap();
    Said { code: output.status.code(), out, err: String::from_utf8(output.stderr).unwrap() }
}

/// Reads until this was written, and gives everything so far.
async fn until(out: &mut (impl AsyncRead + Unpin), wanted: &str) -> String {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        let read = tokio::time::timeout(PATIENCE, out.read_buf(&mut seen)).await.expect("more").unwrap();
        assert!(read > 0, "it ended with {:?}", String::from_utf8_lossy(&seen));
    }
    String::from_utf8(seen).unwrap()
}

/// A terminal with the command in it.
struct Terminal {
    screen: File,
    child: Child,
    pieces: Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Terminal {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits until this is on the screen, behind what was waited for before.
    fn until(&mut self, wanted: &str) -> String {
        loop {
            let text = self.text();
            if let Some(at) = text.find(wanted) {
                self.seen = text.as_bytes()[at + wanted.len()..].to_vec();
                return text[..at + wanted.len()].to_owned();
            }
            let piece = self.pieces.recv_timeout(PATIENCE);
            self.seen.extend(piece.unwrap_or_else(|_| panic!("no {wanted:?} came: {text:?}")));
        }
    }

    fn types(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    fn sign_in(&mut self, password: &str) -> String {
        let mut seen = self.until("E-mail: ");
        self.types("mira@example.org\n");
        seen += &self.until("Password: ");
        self.types(&format!("{password}\n"));
        seen
    }

    async fn end(mut self) -> (Option<i32>, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("an end").unwrap();
        while let Ok(piece) = self.pieces.recv_timeout(PATIENCE) {
            self.seen.extend(piece);
        }
        (status.code(), self.text())
    }
}

async fn last_answer(mira: &Browser) -> Value {
    let chats = mira.get("/api/v1/chats").await.expect(200).json();
    let chat = chats["items"][0]["id"].as_str().unwrap();
    let messages = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200).json();
    messages["items"].as_array().unwrap().last().unwrap().clone()
}

async fn number_of_chats(mira: &Browser) -> usize {
    mira.get("/api/v1/chats").await.expect(200).json()["items"].as_array().unwrap().len()
}

async fn with_claude() -> (StandIn, Setup) {
    let stand_in = StandIn::start().await.unwrap();
    let setup = Setup::default().with_anthropic(&stand_in.url());
    (stand_in, setup)
}

fn in_halves(gate: &Gate) -> Rule {
    let steps =
        [Step::Text("First half, ".to_owned()), Step::Hold(gate.clone()), Step::Text("second half.".to_owned())];
    Rule { when: "halves".to_owned(), turns: vec![Turn::of(steps)] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_question_is_answered_on_standard_output_and_the_chat_goes_on() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let computer = Computer::with_token(&installation, &mira);
    let said = computer.says(&["remember", "that I take my tea", "without sugar"]).await;
    let answer = last_answer(&mira).await;
    assert_eq!((said.code, said.out.trim_end()), (Some(0), answer["text"].as_str().unwrap()), "{said:?}");
    assert!(said.err.contains("· memory\n") && said.err.contains("✓ Created notes.md"), "{said:?}");
    assert!(said.err.contains("Built-in command · no AI · "), "{said:?}");
    let piped = computer.is_sent("what do you know\nabout tea\n").await;
    assert!(piped.code == Some(0) && piped.out.contains("without sugar"), "{piped:?}");
    assert_eq!(number_of_chats(&mira).await, 1, "the last chat goes on");
    assert_eq!(computer.says(&["--new", "help"]).await.code, Some(0));
    assert_eq!(number_of_chats(&mira).await, 2);
    let chat = answer["chat"].as_str().unwrap();
    assert_eq!(computer.says(&["--chat", chat, "help"]).await.code, Some(0));
    assert_eq!(last_answer(&mira).await["chat"], chat);
    assert_eq!(computer.sessions().len(), 0, "a token is not kept");
}

#[tokio::test]
async fn a_file_goes_along_with_a_question() {
    let (stand_in, setup) = with_claude().await;
    let installation = setup.start();
    let mira = installation.administrator().await;
    let computer = Computer::with_token(&installation, &mira);
    std::fs::write(computer.state.path().join("Grüße.txt"), "from Lisbon").unwrap();
    let said = computer.says(&["--attach", "Grüße.txt", "Where", "from?"]).await;
    assert_eq!((said.code, said.err.contains("Attached: Grüße.txt")), (Some(0), true), "{said:?}");
    let asked = stand_in.seen().pop().unwrap().body["messages"][0]["content"].clone();
    assert_eq!((&asked[0]["title"], &asked[0]["source"]["data"]), (&json!("Grüße.txt"), &json!("from Lisbon")));
    for path in ["missing.txt", "."] {
        let said = computer.says(&["--attach", path, "What?"]).await;
        assert_eq!((said.code, said.err.contains("cannot be read")), (Some(1), true), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_answered_says_why_and_what_to_do() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let computer = Computer::with_token(&installation, &mira);
    let no_model = computer.says(&["What is the capital of Portugal?"]).await;
    assert!(no_model.code == Some(1) && no_model.out.contains("Saved."), "{no_model:?}");
    assert!(no_model.err.contains("Connect a model in the browser"), "{no_model:?}");
    let empty = computer.is_sent(" \n").await;
    assert!(empty.code == Some(1) && empty.err.contains("There is no question."), "{empty:?}");
    let other = computer.says(&["--chat", "chat_00000000000000000000000000", "help"]).await;
    assert!(other.code == Some(1) && other.err.contains("There is no such chat."), "{other:?}");
    let strange = computer.says(&["--chat", "mine", "help"]).await;
    assert!(strange.code == Some(1) && strange.err.contains("not the id of a chat"), "{strange:?}");
    let nowhere = computer.says(&["--server", "http://127.0.0.1:1", "help"]).await;
    assert!(nowhere.code == Some(1) && nowhere.err.contains("`ally serve`"), "{nowhere:?}");
    let plain = computer.says(&["--server", "http://ally.example", "help"]).await;
    assert!(plain.code == Some(1) && plain.err.contains("https"), "{plain:?}");
    let both = computer.says(&["--sign-out", "help"]).await;
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_model_comes_with_its_tools_its_thinking_and_a_receipt() {
    let (stand_in, setup) = with_claude().await;
    let installation = setup.start();
    let mira = installation.administrator().await;
    let create = json!({ "command": "create", "path": "/memories/trips.md", "file_text": "- Lisbon in March\n" });
    let turns = vec![
        Turn::of([
            Step::Thinking("She travels.".to_owned()),
            Step::Text("Noting it. ".to_owned()),
            Step::ToolCall { tool: "memory".to_owned(), input: create },
        ]),
        Turn::text("Lisbon in March it is."),
    ];
    stand_in.always(Rule { when: "Lisbon".to_owned(), turns });
    let computer = Computer::with_token(&installation, &mira);
    let said = computer.says(&["I go to Lisbon in March"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), "Noting it. Lisbon in March it is.\n"), "{said:?}");
    assert!(said.err.contains("· memory\n✓ "), "{said:?}");
    assert!(said.err.contains("1 tool · ") && said.err.contains(" tokens read, "), "{said:?}");
    assert!(!said.err.contains("She travels."), "{said:?}");
    let said = computer.says(&["--thinking", "--new", "I go to Lisbon in April"]).await;
    assert!(said.err.contains("Thinking:\nShe travels.\n"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_again_in_the_middle_loses_no_word() {
    let (stand_in, setup) = with_claude().await;
    let installation = setup.start();
    let mira = installation.administrator().await;
    let gate = Gate::default();
    stand_in.always(in_halves(&gate));
    let computer = Computer::with_token(&installation, &mira);
    let mut child = computer.command(&["Tell me in halves"]).spawn().unwrap();
    let before = until(child.stdout.as_mut().unwrap(), "First half, ").await;
    let again = Setup::default().with_anthropic(&stand_in.url()).listening_on(installation.address);
    // All at once: an assistant that outlives the gateway by a moment would end the answer in order.
    for (role, signal) in [("assistant", Signal::STOP), ("serve", Signal::KILL)] {
        installation.processes(role).iter().for_each(|pid| kill_process(pid_of(*pid), signal).unwrap());
    }
    // What it started dies with it, one after the other; the gateway held the port too.
    let deadline = std::time::Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(installation.address).is_ok() {
        assert!(std::time::Instant::now() < deadline, "it still listens");
        std::thread::yield_now();
    }
    let setup = installation.stop_for(again);
    gate.open();
    let _installation = setup.start();
    let said = end(child, before).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("The connection broke."), "{said:?}");
    let (before, whole) = said.out.split_once("— again —\n").unwrap_or(("", &said.out));
    assert_eq!(whole, "First half, second half.\n", "{said:?}");
    assert!(before.is_empty() || before == "First half, \n", "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_behind_another_one_waits_and_says_so() {
    let (stand_in, setup) = with_claude().await;
    let installation = setup.start();
    let mira = installation.administrator().await;
    let gate = Gate::default();
    stand_in.always(in_halves(&gate));
    let chat = mira.chat().await;
    mira.say(&chat, "Tell me in halves").await;
    let computer = Computer::with_token(&installation, &mira);
    let mut child = computer.command(&["And then?"]).spawn().unwrap();
    until(child.stderr.as_mut().unwrap(), "Waiting: another answer of this chat comes first.").await;
    gate.open();
    let said = end(child, String::new()).await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), "You said: And then?\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_says_in_which_time_zone_the_terminal_is() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    for (said, zone) in [("Asia/Tokyo", "Asia/Tokyo"), (":America/Lima", "America/Lima")] {
        let mut computer = Computer::with_token(&installation, &mira);
        computer.environment.push(("TZ", said.to_owned()));
        assert_eq!(computer.says(&["--new", "what time is it?"]).await.code, Some(0));
        let answer = last_answer(&mira).await;
        let called = answer["parts"].as_array().unwrap().iter().find(|part| part["type"] == "tool").unwrap();
        assert_eq!(called["input"], json!({ "timezone": zone }), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_the_answer_and_keeps_what_was_written() {
    let (stand_in, setup) = with_claude().await;
    let installation = setup.start();
    let mira = installation.administrator().await;
    stand_in.always(in_halves(&Gate::default()));
    let computer = Computer::with_token(&installation, &mira);
    let mut terminal = computer.terminal(&["Tell me in halves"]);
    terminal.until("First half, ");
    terminal.types("\u{3}");
    terminal.until("Stopping.");
    let (code, seen) = terminal.end().await;
    assert!(code == Some(1) && seen.contains("Stopped. What was written is kept."), "{code:?} {seen}");
    let answer = last_answer(&mira).await;
    assert_eq!((&answer["status"], answer["text"].as_str().unwrap().trim_end()), (&json!("stopped"), "First half,"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_once_more_leaves_and_the_answer_goes_on() {
    let (stand_in, setup) = with_claude().await;
    let installation = setup.start();
    let mira = installation.administrator().await;
    stand_in.always(in_halves(&Gate::default()));
    let computer = Computer::with_token(&installation, &mira);
    let mut child = computer.command(&["Tell me in halves"]).spawn().unwrap();
    until(child.stdout.as_mut().unwrap(), "First half, ").await;
    let asking = child_of(child.id().unwrap());
    // Nothing answers the request to stop while all of the installation stands still.
    let roles: Vec<u32> = ["gateway", "assistant"].iter().flat_map(|role| installation.processes(role)).collect();
    let everybody = |signal| roles.iter().for_each(|pid| kill_process(pid_of(*pid), signal).unwrap());
    everybody(Signal::STOP);
    kill_process(asking, Signal::INT).unwrap();
    until(child.stderr.as_mut().unwrap(), "Press Ctrl-C again to leave.").await;
    kill_process(asking, Signal::INT).unwrap();
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("an end").unwrap();
    everybody(Signal::CONT);
    assert_eq!(status.code(), Some(1));
}

fn pid_of(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

/// The command itself, below the program that started it, if that one stayed.
fn child_of(parent: u32) -> Pid {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    children.split_whitespace().next().and_then(|child| child.parse().ok()).map_or(pid_of(parent), pid_of)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_model_writes_cannot_command_the_terminal() {
    let (stand_in, setup) = with_claude().await;
    let installation = setup.start();
    let mira = installation.administrator().await;
    let hostile = "a\u{1b}[2J\u{1b}]52;c;cm0gLXJm\u{7}b \u{1b}]8;;https://evil.example\u{1b}\\bank\u{1b}]8;;\u{1b}\\ \
                   \u{9b}31mred\u{9d}0;x\u{9c} \u{202e}gpj\u{202c}\r\n\tend\u{8}";
    stand_in.always(Rule { when: "hostile".to_owned(), turns: vec![Turn::text(hostile)] });
    let computer = Computer::with_token(&installation, &mira);
    let said = computer.says(&["Be hostile"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), "ab bank red gpj\n\tend\n"), "{said:?}");
    assert!(!said.err.chars().any(|letter| letter.is_control() && letter != '\n'), "{said:?}");
    assert_eq!(last_answer(&mira).await["text"], hostile, "what is kept is what was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_asks_once_hides_the_password_and_is_kept_for_this_user_alone() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let computer = Computer::new(&installation);
    let nobody = computer.says(&["help"]).await;
    assert!(nobody.code == Some(1) && nobody.err.contains("You are not signed in at http://"), "{nobody:?}");
    assert!(nobody.err.contains("Run `ally chat` in a terminal"), "{nobody:?}");
    let mut terminal = computer.terminal(&["help"]);
    let mut seen = terminal.sign_in("a wrong password");
    seen += &terminal.until("This e-mail address and password do not go together.");
    assert_eq!(computer.sessions().len(), 0);
    seen += &terminal.sign_in(PASSWORD);
    let (code, rest) = terminal.end().await;
    seen += &rest;
    assert_eq!(code, Some(0), "{seen}");
    assert!(!seen.contains(PASSWORD) && !seen.contains("a wrong password"), "{seen}");
    let sessions = computer.sessions();
    let [file] = &sessions[..] else { panic!("{sessions:?}") };
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert!(!std::fs::read_to_string(file).unwrap().contains(PASSWORD));
    assert_eq!(computer.says(&["help"]).await.code, Some(0), "it is kept");

    std::fs::set_permissions(file, Permissions::from_mode(0o640)).unwrap();
    let refused = computer.says(&["help"]).await;
    assert!(refused.code == Some(1) && refused.err.contains("can be read by others"), "{refused:?}");
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();

    let elsewhere = Installation::start();
    elsewhere.administrator().await;
    let other = Computer { server: format!("http://{}", elsewhere.address), ..computer };
    let nobody = other.says(&["help"]).await;
    assert!(nobody.err.contains("You are not signed in"), "each server has a session of its own: {nobody:?}");
    drop(mira);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_has_ended_is_said_and_asked_for_again() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let computer = Computer::new(&installation);
    computer.sign_in().await;
    mira.post("/api/v1/account/sessions/revoke-others", json!({})).await;
    let ended = computer.says(&["help"]).await;
    assert!(ended.code == Some(1) && ended.err.contains("Your session has ended at http://"), "{ended:?}");
    let mut terminal = computer.terminal(&["help"]);
    terminal.until("Your session has ended");
    terminal.sign_in(PASSWORD);
    assert_eq!(terminal.end().await.0, Some(0));
    let token = Computer { environment: vec![("ALLY_TOKEN", "old".to_owned())], ..computer };
    let refused = token.says(&["help"]).await;
    assert!(
        refused.code == Some(1) && refused.err.contains("does not accept what stands in ALLY_TOKEN"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_the_session_there_and_here() {
    let installation = Installation::start();
    installation.administrator().await;
    let computer = Computer::new(&installation);
    computer.sign_in().await;
    let kept: Value = serde_json::from_slice(&std::fs::read(&computer.sessions()[0]).unwrap()).unwrap();
    let same = installation.browser();
    *same.cookie.lock().unwrap() = Some(kept["session"].as_str().unwrap().to_owned());
    same.get("/api/v1/account").await.expect(200);
    let said = computer.says(&["--sign-out"]).await;
    assert!(said.code == Some(0) && said.err.contains("Signed out at"), "{said:?}");
    assert_eq!(computer.sessions(), Vec::<PathBuf>::new());
    same.get("/api/v1/account").await.expect(401);
    let said = computer.says(&["--sign-out"]).await;
    assert!(said.code == Some(0) && said.err.contains("You were not signed in"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_where_it_stood() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let computer = Computer::with_token(&installation, &mira);
    assert_eq!(computer.says(&["remember that I take my tea without sugar"]).await.code, Some(0));
    let mut terminal = computer.terminal(&[]);
    terminal.until("> remember that I take my tea without sugar");
    terminal.until("Ctrl-D leaves.");
    terminal.until("> ");
    terminal.types("what do you know about tea\r");
    terminal.until("without sugar");
    terminal.until("Built-in command");
    terminal.until("> ");
    terminal.types("\u{4}");
    let (code, seen) = terminal.end().await;
    assert_eq!(code, Some(0), "{seen}");
    assert_eq!(number_of_chats(&mira).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_the_person_is_decided_in_the_terminal() {
    let (stand_in, setup) = with_claude().await;
    let installation = setup.start();
    let mira = installation.administrator().await;
    let again = || Turn::of([Step::ToolCall { tool: "time_now".to_owned(), input: json!({}) }]);
    let turns = vec![again(), again(), again(), Turn::text("It is late.")];
    stand_in.always(Rule { when: "what time".to_owned(), turns });
    let computer = Computer::with_token(&installation, &mira);

    // Without a terminal nobody can be asked: it is said, and waits.
    let said = computer.says(&["what time is it now"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("Needs you:\nLook at the clock\n"), "{said:?}");
    assert!(said.err.contains("It keeps asking for the same thing. Let it go on?"), "{said:?}");
    assert!(said.err.contains("/approvals"), "{said:?}");

    // The conversation asks again, hears a no with its reason, and goes on.
    let mut terminal = computer.terminal(&[]);
    terminal.until("Needs you:");
    terminal.until("Do it? y or n: ");
    terminal.types("perhaps\n");
    terminal.until("Do it? y or n: ");
    terminal.types("n\n");
    terminal.until("Why? It is told so. Enter for no reason: ");
    terminal.types("I have a watch\n");
    terminal.until("It is late.");
    terminal.until("> ");
    terminal.types("\u{4}");
    assert_eq!(terminal.end().await.0, Some(0));
    let answer = last_answer(&mira).await;
    assert_eq!((&answer["status"], &answer["parts"][2]["status"]), (&json!("complete"), &json!("failed")));
    assert_eq!(
        (&answer["approvals"][0]["status"], &answer["approvals"][0]["reason"]),
        (&json!("rejected"), &json!("I have a watch"))
    );

    let mut terminal = computer.terminal(&["--new", "what time is it now"]);
    terminal.until("Do it? y or n: ");
    terminal.types("y\n");
    terminal.until("It is late.");
    assert_eq!(terminal.end().await.0, Some(0));
    assert_eq!(last_answer(&mira).await["parts"][2]["status"], "ok");
}
