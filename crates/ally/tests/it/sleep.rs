//! Assistants that sleep, wake, and die in the middle.

use crate::installation::{Installation, Setup};
use ally_llm::script::{Gate, Rule, Step, Turn};
use ally_llm::stand_in::StandIn;

#[tokio::test]
async fn an_open_tab_wakes_nobody_and_still_hears_what_another_device_says() {
    let installation = Setup::default().with("ALLY_IDLE_EXIT_SECONDS", "1").start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let mut tab = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let phone = mira.second_tab();
    let mut lives = Vec::new();
    for round in 0..10 {
        let sent = phone.say(&chat, "what time is it in Lisbon?").await;
        let answer = tab.answer(sent["answer"]["id"].as_str().unwrap()).await;
        assert_eq!(answer["status"], "complete", "round {round}: {answer}");
        // `<run>.<life>.<number>`: the host counts a life for each start of the process.
        let id = tab.last_id.clone().unwrap();
        lives.push(id.split('.').nth(1).unwrap().parse::<u64>().unwrap());
        asleep(&installation).await;
    }
    let expected: Vec<u64> = (0..10).map(|round| lives[0] + round).collect();
    assert_eq!(lives, expected, "each message woke it once, and the open tab never did");
    assert!(installation.assistants().is_empty());
}

/// Waits until no assistant of this installation is awake.
pub async fn asleep(installation: &Installation) {
    let deadline = std::time::Instant::now() + crate::browser::PATIENCE;
    while !installation.assistants().is_empty() {
        assert!(std::time::Instant::now() < deadline, "it does not fall asleep");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stopping_my_assistant_in_settings_kills_it_and_it_comes_back() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "help").await;
    let before = installation.assistants();
    assert_eq!(before.len(), 1);
    mira.post("/api/v1/assistant/stop", serde_json::json!({})).await.expect(202);
    let answer = mira.ask(&chat, "help").await;
    assert_eq!(answer["status"], "complete", "{answer}");
    assert_ne!(installation.assistants(), before);
}

#[tokio::test]
async fn killed_in_the_middle_of_an_answer_she_watches_it_resume() {
    let stand_in = StandIn::start().await.unwrap();
    let installation = Setup::default().with_anthropic(&stand_in.url()).start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let create = serde_json::json!({ "command": "create", "path": "/memories/tea.md", "file_text": "- green tea\n" });
    let turns = vec![
        Turn::call("memory", create),
        Turn::of([Step::Text("You like ".to_owned()), Step::Hold(gate.clone()), Step::Text("green tea.".to_owned())]),
    ];
    stand_in.always(Rule { when: "tea".to_owned(), turns });
    let mut tab = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let sent = mira.say(&chat, "I like green tea").await;
    tab.until("text.delta").await;
    mira.post("/api/v1/assistant/stop", serde_json::json!({})).await.expect(202);
    // The same tab, without being opened again, sees the second attempt begin with what is known.
    let snapshot = loop {
        let event = tab.until("message.snapshot").await;
        if event["message"]["id"] == sent["answer"]["id"] && event["attempt"].as_u64() > Some(1) {
            break event;
        }
    };
    assert_eq!(snapshot["message"]["status"], "streaming", "{snapshot}");
    gate.open();
    let answer = tab.answer(sent["answer"]["id"].as_str().unwrap()).await;
    assert_eq!(
        (answer["status"].as_str(), answer["text"].as_str()),
        (Some("complete"), Some("You like green tea.")),
        "{answer}"
    );
    let versions = mira.get("/api/v1/memory/files/tea.md/versions").await.expect(200).json();
    assert_eq!(versions["items"].as_array().unwrap().len(), 1, "the file was written once: {versions}");
}

fn kill_gateway(installation: &Installation) {
    let [gateway] = installation.processes("gateway")[..] else { panic!("there is one gateway") };
    let gateway = rustix::process::Pid::from_raw(gateway.cast_signed()).unwrap();
    rustix::process::kill_process(gateway, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_gateway_that_is_killed_between_two_questions_takes_nothing_from_her_limit() {
    let stand_in = StandIn::start().await.unwrap();
    let setup = Setup::default().with_anthropic(&stand_in.url());
    let plans = "default_plan = \"standard\"\n[plans.standard]\ntokens_per_day = 1_000_000\n";
    std::fs::write(setup.data().parent().unwrap().join("ally.toml"), plans).unwrap();
    let installation = setup.start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "I like green tea").await;
    let used = async || {
        let path = "/api/v1/limits";
        loop {
            let request = mira.request(http::Method::GET, path, None);
            let stream = tokio::net::TcpStream::connect(mira.address).await.unwrap();
            // While it is away, connections break.
            let Ok(answer) = ally_http::socket::call_over(stream, request).await else { continue };
            let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
            let limits: serde_json::Value = serde_json::from_slice(&body).unwrap();
            if let Some(used) = limits["items"][0]["used"].as_i64() {
                break used;
            }
        }
    };
    let before = used().await;
    assert!(before > 0);
    kill_gateway(&installation);
    assert_eq!(used().await, before, "what was kept for her next question came back");
}

#[tokio::test]
async fn when_the_gateway_is_killed_in_the_middle_of_an_answer_the_same_tab_sees_it_finish() {
    let stand_in = StandIn::start().await.unwrap();
    let installation = Setup::default().with_anthropic(&stand_in.url()).start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let turn =
        Turn::of([Step::Text("You like ".to_owned()), Step::Hold(gate.clone()), Step::Text("green tea.".to_owned())]);
    stand_in.always(Rule { when: "tea".to_owned(), turns: vec![turn] });
    let path = format!("/api/v1/chats/{chat}/events");
    let mut tab = mira.events(&path, None).await;
    let sent = mira.say(&chat, "I like green tea").await;
    tab.until("text.delta").await;
    let assistants = installation.assistants();
    kill_gateway(&installation);
    while tab.next().await.is_some() {}
    // As a browser does, the tab comes back by itself and says what it saw last.
    let mut tab = loop {
        let mut request = mira.request(http::Method::GET, &path, None);
        request.headers_mut().insert("last-event-id", tab.last_id.as_deref().unwrap().parse().unwrap());
        if let Some(again) = mira.try_events(request).await {
            break again;
        }
    };
    let snapshot = loop {
        let event = tab.until("message.snapshot").await;
        if event["message"]["id"] == sent["answer"]["id"] && event["attempt"].as_u64() > Some(1) {
            break event;
        }
    };
    assert_eq!(snapshot["message"]["status"], "streaming", "{snapshot}");
    gate.open();
    let answer = tab.answer(sent["answer"]["id"].as_str().unwrap()).await;
    assert_eq!(
        (answer["status"].as_str(), answer["text"].as_str()),
        (Some("complete"), Some("You like green tea.")),
        "{answer}"
    );
    assert_eq!(installation.assistants(), assistants, "her assistant lived through it");
    let asked = stand_in.seen().iter().filter(|seen| seen.path == "/v1/messages").count();
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn it_falls_asleep_over_a_request_and_goes_on_with_the_answer() {
    let stand_in = StandIn::start().await.unwrap();
    let setup = Setup::default().with_anthropic(&stand_in.url());
    let installation = setup.with("ALLY_IDLE_EXIT_SECONDS", "1").start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let look = || Turn::call("time_now", serde_json::json!({}));
    stand_in.always(Rule { when: "time".to_owned(), turns: vec![look(), look(), look(), Turn::text("It is late.")] });
    let mut tab = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let sent = mira.say(&chat, "What time is it?").await;
    let approval = tab.until("approval.requested").await["approval"].clone();
    asleep(&installation).await;
    // What woke it to be asked about is no yes.
    let list = mira.get("/api/v1/approvals?status=waiting").await.expect(200).json();
    assert_eq!(list["items"][0]["id"], approval["id"], "{list}");
    mira.post("/api/v1/assistant/stop", serde_json::json!({})).await.expect(202);
    let path = format!("/api/v1/approvals/{}", approval["id"].as_str().unwrap());
    mira.post(&path, serde_json::json!({ "decision": "approve" })).await.expect(200);
    let answer = tab.answer(sent["answer"]["id"].as_str().unwrap()).await;
    assert_eq!(
        (answer["status"].as_str(), answer["text"].as_str()),
        (Some("complete"), Some("It is late.")),
        "{answer}"
    );
    assert_eq!(answer["parts"][2]["status"], "ok", "{answer}");
}
