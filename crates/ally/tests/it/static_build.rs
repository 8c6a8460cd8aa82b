//! The file that is shipped: everything is in it, and people's assistants run in a root without any library.

use crate::installation::Setup;
use crate::sleep::asleep;
use ally_llm::script::{Rule, Turn};
use ally_llm::stand_in::StandIn;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The static binary; `None`, noted as a skip, where none was built for the tests.
fn shipped() -> Option<PathBuf> {
    let program = std::env::var_os("ALLY_STATIC_PROGRAM").map(PathBuf::from);
    if program.is_none() {
        crate::skipped::skipped("ALLY_STATIC_PROGRAM, a file made by `cargo xtask release`");
    }
    program
}

#[tokio::test]
async fn the_shipped_file_serves_a_person_as_it_is_started() {
    let Some(program) = shipped() else { return };
    serves_a_person(Setup::default(), program).await;
}

#[tokio::test]
async fn the_shipped_file_serves_a_person_without_root() {
    let Some(program) = shipped() else { return };
    serves_a_person(Setup::default().without_root(), program).await;
}

async fn serves_a_person(setup: Setup, program: PathBuf) {
    assert!(!ally_sandbox::is_dynamic(&program).unwrap(), "{} needs a loader", program.display());
    let stand_in = StandIn::start().await.unwrap();
    stand_in.always(Rule { when: "morning".to_owned(), turns: vec![Turn::text("Good morning, Mira.")] });
    // A name, not an address: a static file looks names up with what is linked into it.
    let url = stand_in.url().replace("127.0.0.1", "localhost");
    let setup = setup.with_anthropic(&url).with("ALLY_IDLE_EXIT_SECONDS", "1").program(program);
    let installation = setup.start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    for round in 0..2 {
        let mut events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
        let sent = mira.say(&chat, "good morning").await;
        for assistant in installation.assistants() {
            it_sees_no_library(assistant);
        }
        let answer = events.answer(sent["answer"]["id"].as_str().unwrap()).await;
        assert_eq!(answer["text"], "Good morning, Mira.", "round {round}: {answer}");
        drop(events);
        asleep(&installation).await;
    }
    // A time zone that is found without the system's files, or with the ones that are shown.
    let answer = mira.ask(&chat, "good morning from elsewhere").await;
    assert_eq!(answer["status"], "complete", "{answer}");
    let log = installation.stop();
    assert!(!log.contains("panic"), "{log}");
    assert_eq!(json!(stand_in.seen().len()), json!(3));
}

/// Of the system a process in a room of its own may see time zones, nothing else.
fn it_sees_no_library(pid: u32) {
    let root = PathBuf::from(format!("/proc/{pid}/root"));
    let names = |path: &Path| -> Option<Vec<String>> {
        let entries = std::fs::read_dir(path).ok()?;
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Some(names)
    };
    // One that sleeps already cannot be looked at any more, nor one of somebody else.
    let Some(top) = names(&root) else { return };
    if !top.iter().any(|name| name == "ally") {
        // Where no room can be made, it sees what its user sees, and `ally doctor` says so.
        return;
    }
    for name in ["bin", "lib", "lib64", "sbin", "root", "home", "var"] {
        assert!(!top.iter().any(|found| found == name), "an assistant sees /{name}: {top:?}");
    }
    if let Some(system) = names(&root.join("usr")) {
        assert_eq!(system, ["share"]);
    }
}
