//! A host that is killed, through the whole product: what was planned is done all the same, and who calls is answered.

use crate::installation::{Installation, Setup};
use crate::storm::processes::roles;
use serde_json::Value;
use std::path::PathBuf;

fn ledger(installation: &Installation) -> PathBuf {
    let files = std::fs::read_dir(installation.data.join("host/servers")).unwrap();
    // While it is written, the new one stands beside it under another name.
    let mut files = files.map(|file| file.unwrap().path()).filter(|path| path.extension() == Some("json".as_ref()));
    files.next().expect("one person")
}

fn kept(installation: &Installation) -> Value {
    serde_json::from_slice(&std::fs::read(ledger(installation)).unwrap()).unwrap()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + crate::browser::PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what} did not happen");
        tokio::task::yield_now().await;
    }
}

/// How often her database was opened.
fn starts(installation: &Installation) -> u64 {
    let mut people = std::fs::read_dir(installation.data.join("people")).unwrap();
    let lock = people.next().expect("one person").unwrap().path().join("ally.lock");
    std::fs::read_to_string(lock).unwrap().trim().parse().unwrap()
}

fn host(installation: &Installation) -> Option<u32> {
    roles(&installation.data).iter().find(|role| role.name == "host").map(|role| role.pid)
}

/// The host is gone without a word; `ally serve` starts another one.
async fn kill_the_host(installation: &Installation) {
    let before = host(installation).expect("a host");
    let pid = rustix::process::Pid::from_raw(before.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    until("another host is there", || host(installation).is_some_and(|now| now != before)).await;
}

#[tokio::test]
async fn what_was_planned_is_done_although_the_host_was_killed_and_nobody_has_to_call() {
    let installation = Setup::default().with("ALLY_IDLE_EXIT_SECONDS", "1").start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "remember the word bilberry").await;
    mira.delete(&format!("/api/v1/chats/{chat}")).await.expect(200);
    until("she falls asleep", || installation.assistants().is_empty()).await;
    until("her alarm is kept", || kept(&installation)["alarm"].is_string()).await;
    let (alarm, before) = (kept(&installation)["alarm"].clone(), starts(&installation));
    kill_the_host(&installation).await;
    assert_eq!((&kept(&installation)["alarm"], starts(&installation)), (&alarm, before), "it is not time yet");
    // As if the host had been away until the day was there.
    let mut missed = kept(&installation);
    missed["alarm"] = "2001-02-03T04:05:06Z".into();
    std::fs::write(ledger(&installation), missed.to_string()).unwrap();
    kill_the_host(&installation).await;
    until("her alarm starts her", || starts(&installation) == before + 1).await;
    // It was too early for what she has planned, so she asks for the same moment again.
    until("her alarm is kept again", || kept(&installation)["alarm"] == alarm).await;
    assert_eq!(starts(&installation), before + 1);
}

#[tokio::test]
async fn whoever_calls_while_the_host_is_coming_back_is_answered() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let before = host(&installation).expect("a host");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(before.cast_signed()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    // The socket of the dead host is still there, and nobody listens on it.
    until("her assistant is gone", || installation.assistants().is_empty()).await;
    let reply = mira.get(&format!("/api/v1/chats/{chat}")).await.expect(200).json();
    assert_eq!(reply["id"], chat);
    assert_ne!(host(&installation), Some(before));
}
