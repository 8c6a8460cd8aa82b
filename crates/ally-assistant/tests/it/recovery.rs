//! The process dies; the next one goes on. Every write asks for the time, so a copy of the directory at each look at the
//! clock is what a dead process leaves behind.

use crate::context;
use crate::fake_gateway::{FakeGateway, Say, block, calls, text};
use crate::world::{Life, World, files};
use ally_llm::{Block, Event, Request};
use ally_types::time::StandingClock;
use ally_types::{Clock, Timestamp};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A clock that copies the directory each time somebody looks at it.
struct CopyingClock {
    time: Arc<StandingClock>,
    from: PathBuf,
    to: PathBuf,
    copies: Mutex<usize>,
}

impl Clock for CopyingClock {
    fn now(&self) -> Timestamp {
        let mut copies = self.copies.lock().unwrap();
        copy(&self.from, &self.to.join(copies.to_string()));
        *copies += 1;
        self.time.advance_millis(1);
        self.time.now()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let Ok(entries) = std::fs::read_dir(from) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else if !name.to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// A model that writes one line into memory, looks at the clock, and says that it has done so.
fn scribe(request: &Request) -> Vec<Say> {
    let last = request.messages.last().unwrap();
    let asked = last.blocks.iter().rev().find_map(|block| match block {
        Block::Text { text } => Some(text.expose().to_owned()),
        _ => None,
    });
    match asked {
        Some(fact) => thinking(calls(&[
            (
                "a",
                "memory",
                json!({
                    "command": "insert", "path": "/memories/notes.md", "insert_line": 1, "insert_text": format!("- {fact}\n")
                }),
            ),
            ("b", "time_now", json!({})),
        ])),
        None => text("I have written it down."),
    }
}

/// The same answer with a thought before it, whose record has to come back.
fn thinking(mut pieces: Vec<Say>) -> Vec<Say> {
    let raw = r#"{"type":"thinking","thinking":"hm","signature":"abc"}"#;
    let record = block(Block::Opaque { provider: "anthropic".into(), raw: raw.into() });
    pieces.splice(1..1, [Say::Event(Event::ThinkingDelta { text: "hm".into() }), record]);
    pieces
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn killed_anywhere_nothing_is_lost_nothing_is_done_twice_and_the_conversation_stays_valid() {
    let world = World::new();
    std::fs::create_dir_all(world.memories()).unwrap();
    std::fs::write(world.memories().join("notes.md"), "# Notes\n").unwrap();
    world.gateway.answers_with(scribe);
    let copies = world.directory.path().join("copies");
    let clock = Arc::new(CopyingClock {
        time: world.clock.clone(),
        from: world.data_dir(),
        to: copies.clone(),
        copies: Mutex::new(0),
    });
    // For each copy: how many messages had been acknowledged.
    let acknowledged = runtime().block_on(async {
        let (router, assistant) = ally_assistant::open(world.parts(clock.clone())).await.unwrap();
        let life = Life { world: world.clone(), router, assistant };
        let chat = life.chat().await;
        let mut acknowledged = Vec::new();
        let mut said = 0;
        for fact in ["one", "two"] {
            life.say(&chat, fact).await;
            acknowledged.resize(*clock.copies.lock().unwrap(), said);
            said += 1;
            life.assistant.settled().await;
            acknowledged.resize(*clock.copies.lock().unwrap(), said);
        }
        acknowledged
    });
    world.gateway.requests();
    assert!(acknowledged.len() > 30, "there were {} places to die at", acknowledged.len());
    for (at, acknowledged) in acknowledged.iter().enumerate() {
        let after = World::after(&world, &copies.join(at.to_string()));
        after.gateway.answers_with(scribe);
        runtime().block_on(check(&after, at, *acknowledged));
    }
}

async fn check(world: &Arc<World>, at: usize, acknowledged: usize) {
    let life = world.live().await;
    life.assistant.settled().await;
    let chats = life.get("chats").await;
    let Some(chat) = chats["items"][0]["id"].as_str() else {
        assert_eq!(acknowledged, 0, "the chat of copy {at} is lost");
        return;
    };
    let messages = life.messages(chat).await;
    assert!(messages.len() >= 2 * acknowledged, "copy {at} lost a message: {messages:?}");
    let facts: Vec<_> = messages.iter().filter(|message| message["role"] == "user").collect();
    for message in &messages {
        assert_eq!(message["status"], "complete", "copy {at}: {message}");
    }
    let notes = files(&world.memories()).into_iter().find(|(path, _)| path == "notes.md").unwrap().1;
    for fact in facts {
        let line = format!("- {}\n", fact["text"].as_str().unwrap());
        assert_eq!(notes.matches(&line).count(), 1, "copy {at}: {notes}");
    }
    // And the talk can go on.
    assert_eq!(life.ask(chat, "three").await["status"], "complete", "copy {at}");
    world.gateway.requests();
    let left = life.get("memory/files/notes.md").await;
    let on_disk = std::fs::read_to_string(world.memories().join("notes.md")).unwrap();
    assert_eq!(left["text"], on_disk.as_str(), "copy {at}");
}

#[test]
fn killed_anywhere_around_a_summary_there_is_one_or_none_and_the_talk_goes_on() {
    let world = World::new();
    let words = || context::at_home(context::SUMMARY);
    context::answers(&world.gateway, words);
    let chat = runtime().block_on(async {
        let life = world.live().await;
        let chat = life.chat().await;
        context::talk(&life, &chat, 0..9).await;
        chat
    });
    let copies = world.directory.path().join("copies");
    let clock = Arc::new(CopyingClock {
        time: world.clock.clone(),
        from: world.data_dir(),
        to: copies.clone(),
        copies: Mutex::new(0),
    });
    runtime().block_on(async {
        let (router, assistant) = ally_assistant::open(world.parts(clock.clone())).await.unwrap();
        let life = Life { world: world.clone(), router, assistant };
        context::talk(&life, &chat, 9..10).await;
        assert_eq!(context::context(&life, &chat).await["summaries"].as_array().unwrap().len(), 1);
    });
    let count = *clock.copies.lock().unwrap();
    let mut with_one = 0;
    for at in 0..count {
        let after = World::after(&world, &copies.join(at.to_string()));
        context::answers(&after.gateway, words);
        runtime().block_on(async {
            let life = after.live().await;
            life.assistant.settled().await;
            let had = life.messages(&chat).await.len();
            let summaries = context::context(&life, &chat).await["summaries"].as_array().unwrap().len();
            assert!(summaries <= 1 && (had == 20) == (summaries == 1), "copy {at}: {summaries} with {had} messages");
            with_one += summaries;
            assert_eq!(life.ask(&chat, "And now?").await["status"], "complete", "copy {at}");
        });
        after.gateway.requests();
    }
    assert!(count > 10 && with_one > 5, "{with_one} of {count}");
}

/// A model that wants to write one line into memory and then says so.
fn writer(request: &Request) -> Vec<Say> {
    match request.messages.last().unwrap().blocks.last().unwrap() {
        Block::Text { text } if text.expose() == "Write it down" => thinking(calls(&[
            (
                "a",
                "memory",
                json!({"command": "insert", "path": "/memories/notes.md", "insert_line": 1, "insert_text": "- tea\n"}),
            ),
            ("b", "time_now", json!({})),
        ])),
        _ => text("Very well."),
    }
}

#[test]
fn killed_anywhere_around_an_approval_it_is_asked_for_and_what_was_agreed_to_is_done_once() {
    let world = World::new();
    std::fs::create_dir_all(world.memories()).unwrap();
    std::fs::write(world.memories().join("notes.md"), "# Notes\n").unwrap();
    world.gateway.answers_with(writer);
    let chat = runtime().block_on(async {
        let life = world.live().await;
        let chat = life.chat().await;
        life.ask(&chat, "Read this page").await;
        chat
    });
    world.database().execute("UPDATE messages SET integrity = 'outside' WHERE role = 'assistant'", []).unwrap();
    let copies = world.directory.path().join("copies");
    let clock = Arc::new(CopyingClock {
        time: world.clock.clone(),
        from: world.data_dir(),
        to: copies.clone(),
        copies: Mutex::new(0),
    });
    let count = || *clock.copies.lock().unwrap();
    // Where the message was taken in, where the person was asked, and where their answer was taken in.
    let (said, asked, agreed) = runtime().block_on(async {
        let (router, assistant) = ally_assistant::open(world.parts(clock.clone())).await.unwrap();
        let life = Life { world: world.clone(), router, assistant };
        life.say(&chat, "Write it down").await;
        let said = count();
        life.assistant.settled().await;
        let asked = count();
        agree(&life).await;
        let agreed = count();
        life.assistant.settled().await;
        (said, asked, agreed)
    });
    assert!(said <= asked && asked < agreed && agreed < count(), "{said} {asked} {agreed} {}", count());
    for at in 0..count() {
        let after = World::after(&world, &copies.join(at.to_string()));
        after.gateway.answers_with(writer);
        runtime().block_on(async {
            let life = after.live().await;
            life.assistant.settled().await;
            let is_asked = agree(&life).await;
            assert!(!is_asked || at < agreed, "copy {at} forgot an answer");
            life.assistant.settled().await;
            let messages = life.messages(&chat).await;
            assert!(at < said || messages.len() == 4, "copy {at} lost a message");
            let last = messages.last().unwrap();
            assert_eq!(last["status"], "complete", "copy {at}: {last}");
            let notes = std::fs::read_to_string(after.memories().join("notes.md")).unwrap();
            assert_eq!(notes.matches("- tea\n").count(), usize::from(messages.len() == 4), "copy {at}: {notes}");
            assert_eq!(life.ask(&chat, "And now?").await["status"], "complete", "copy {at}");
        });
        after.gateway.requests();
    }
}

/// Agrees to whatever waits; says whether something did.
async fn agree(life: &Life) -> bool {
    let waiting = life.get("approvals?status=waiting").await;
    let Some(id) = waiting["items"][0]["id"].as_str() else { return false };
    let agreed = life.call("POST", &format!("approvals/{id}"), json!({"decision": "approve"})).await;
    assert_eq!(agreed.status, 200, "{}", agreed.body);
    true
}

#[test]
fn an_answer_that_was_cut_by_a_crash_begins_again_with_a_snapshot() {
    let world = World::new();
    let gate = crate::fake_gateway::Gate::default();
    world.gateway.will_say(vec![
        crate::fake_gateway::started(),
        crate::fake_gateway::delta("Half an "),
        Say::Hold(gate.clone()),
    ]);
    let first = runtime();
    let chat = first.block_on(async {
        let life = world.live().await;
        let chat = life.chat().await;
        life.say(&chat, "Hello").await;
        gate.reached().await;
        chat
    });
    drop(first);
    let again = crate::fake_gateway::Gate::default();
    let mut pieces = text("A whole answer");
    pieces.insert(1, Say::Hold(again.clone()));
    world.gateway.will_say(pieces);
    runtime().block_on(async {
        let life = world.live().await;
        let mut tab = life.watch(&chat, Some("run_0.1.3")).await;
        again.reached().await;
        again.open();
        let seen = tab.until("run.finished").await;
        let snapshot = seen.iter().rfind(|event| event["type"] == "message.snapshot").unwrap();
        assert_eq!((&snapshot["attempt"], &snapshot["message"]["text"]), (&json!(2), &json!("")));
        assert_eq!(seen.iter().filter_map(|event| event["text"].as_str()).collect::<String>(), "A whole answer");
    });
}

#[test]
fn a_turn_that_kills_the_process_again_and_again_is_given_up() {
    let world = World::new();
    let mut chat = String::new();
    for life in 0..5 {
        let gate = crate::fake_gateway::Gate::default();
        world.gateway.will_say(vec![crate::fake_gateway::started(), Say::Hold(gate.clone())]);
        runtime().block_on(async {
            let alive = world.live().await;
            if life == 0 {
                chat = alive.chat().await;
                alive.say(&chat, "Hello").await;
            }
            if life < 4 {
                gate.reached().await;
                return;
            }
            alive.assistant.settled().await;
            let answer = alive.messages(&chat).await.pop().unwrap();
            assert_eq!(
                (&answer["status"], &answer["problem"]["type"]),
                (&json!("failed"), &json!("interrupted_too_often"))
            );
            let question = alive.messages(&chat).await[0]["id"].clone();
            let again =
                alive.call("POST", &format!("messages/{}/answer", question.as_str().unwrap()), Value::Null).await;
            assert_eq!(again.status, 202);
        });
    }
}

impl World {
    /// The same person with what a dead process left behind.
    fn after(before: &Arc<Self>, left: &Path) -> Arc<Self> {
        let world = Self::twin(before, FakeGateway::default());
        copy(left, &world.data_dir());
        world
    }
}
