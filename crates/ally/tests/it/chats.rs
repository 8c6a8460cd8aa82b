//! A conversation with a model: Anthropic's protocol, spoken by a stand-in.

use crate::browser::{Browser, Events};
use crate::installation::{Installation, Setup};
use ally_llm::script::{Gate, Rule, Step, Turn};
use ally_llm::stand_in::{Fault, KEY, StandIn};
use serde_json::{Value, json};

async fn with_claude() -> (StandIn, Installation, Browser) {
    let stand_in = StandIn::start().await.unwrap();
    let installation = Setup::default().with_anthropic(&stand_in.url()).start();
    let mira = installation.administrator().await;
    (stand_in, installation, mira)
}

async fn open(mira: &Browser) -> (String, Events) {
    let chat = mira.chat().await;
    let events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    (chat, events)
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

#[tokio::test]
async fn an_answer_streams_uses_a_tool_and_is_counted() {
    let (stand_in, _installation, mira) = with_claude().await;
    let create = json!({ "command": "create", "path": "/memories/trips.md", "file_text": "- Lisbon in March\n" });
    let turns = vec![
        Turn::of([Step::Text("Noting it. ".to_owned()), Step::ToolCall { tool: "memory".to_owned(), input: create }]),
        Turn::text("Lisbon in March it is."),
    ];
    stand_in.always(Rule { when: "Lisbon".to_owned(), turns });
    let (chat, mut events) = open(&mira).await;
    let sent = mira.say(&chat, "I go to Lisbon in March").await;
    let mut streamed = String::new();
    let mut kinds = Vec::new();
    let answer = loop {
        let event = events.next().await.unwrap();
        let kind = event["type"].as_str().unwrap().to_owned();
        if kind == "text.delta" {
            streamed.push_str(event["text"].as_str().unwrap());
        }
        if kind == "message.completed" && event["message"]["id"] == sent["answer"]["id"] {
            break event["message"].clone();
        }
        kinds.push(kind);
    };
    assert_eq!(streamed, "Noting it. Lisbon in March it is.");
    assert_eq!(answer["text"], streamed);
    assert_eq!((&answer["author"]["kind"], &answer["author"]["provider"]), (&json!("model"), &json!("anthropic")));
    for kind in ["run.started", "tool.called", "tool.finished", "memory.changed", "usage"] {
        assert!(kinds.iter().any(|seen| seen == kind), "{kind} was not sent: {kinds:?}");
    }
    let file = mira.get("/api/v1/memory/files/trips.md").await.expect(200).json();
    assert_eq!(file["text"], "- Lisbon in March\n");
    let usage = mira.get("/api/v1/usage?by=day").await.expect(200).json();
    assert!(usage["items"][0]["output"].as_u64().unwrap() > 20, "{usage}");
    let asked = stand_in.seen();
    assert!(
        asked.iter().all(|seen| !seen.body.to_string().contains("mira@example.org")),
        "the provider learns no address"
    );
}

#[tokio::test]
async fn closing_the_tab_in_the_middle_loses_nothing() {
    let (stand_in, _installation, mira) = with_claude().await;
    let gate = Gate::default();
    let turn = Turn::of([
        Step::Text("First half, ".to_owned()),
        Step::Hold(gate.clone()),
        Step::Text("second half.".to_owned()),
    ]);
    stand_in.always(Rule { when: "halves".to_owned(), turns: vec![turn] });
    let (chat, mut events) = open(&mira).await;
    let sent = mira.say(&chat, "Tell me in halves").await;
    events.until("text.delta").await;
    drop(events);
    gate.open();
    let mut events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let answer = events.answer(id(&sent["answer"])).await;
    assert_eq!((&answer["text"], &answer["status"]), (&json!("First half, second half."), &json!("complete")));
}

#[tokio::test]
async fn stop_works_from_a_second_tab_and_keeps_what_was_written() {
    let (stand_in, _installation, mira) = with_claude().await;
    let turn = Turn::of([
        Step::Text("As far as this ".to_owned()),
        Step::Hold(Gate::default()),
        Step::Text("never".to_owned()),
    ]);
    stand_in.always(Rule { when: "long".to_owned(), turns: vec![turn] });
    let (chat, mut events) = open(&mira).await;
    let sent = mira.say(&chat, "A long story").await;
    events.until("text.delta").await;
    let second = mira.second_tab();
    let run = sent["run"].as_str().unwrap();
    second.post(&format!("/api/v1/runs/{run}/cancel"), json!({})).await.expect(202);
    let answer = events.answer(id(&sent["answer"])).await;
    assert_eq!(answer["status"], "stopped", "{answer}");
    assert!(answer["text"].as_str().unwrap().starts_with("As far"), "{answer}");
    // The conversation goes on.
    let answer = mira.ask(&chat, "Hello again").await;
    assert_eq!(answer["status"], "complete", "{answer}");
}

#[tokio::test]
async fn a_key_pasted_in_the_browser_counts_at_once_and_lies_sealed() {
    let stand_in = StandIn::start().await.unwrap();
    let installation = Setup::default().with("ANTHROPIC_BASE_URL", stand_in.url()).start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let waiting = mira.ask(&chat, "What is the capital of Portugal?").await;
    assert_eq!(waiting["needs_model"], true, "{waiting}");
    let refused = mira.put("/api/v1/provider", json!({ "key": "sk-ant-wrong" })).await;
    assert_eq!(refused.status / 100, 4, "{}", refused.text());
    assert!(refused.json()["next_step"].is_string(), "{}", refused.text());
    let connected = mira.put("/api/v1/provider", json!({ "key": KEY })).await.expect(200).json();
    assert_eq!((&connected["connected"], &connected["source"]), (&json!(true), &json!("own_key")));
    let messages = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200).json();
    let question = id(&messages["items"][0]).to_owned();
    let mut events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let sent = mira.post(&format!("/api/v1/messages/{question}/answer"), json!({})).await.expect(202).json();
    events.until("run.started").await;
    let answer = events.answer(id(&sent["answer"])).await;
    assert_eq!(answer["author"]["kind"], "model", "{answer}");
    for (path, bytes) in installation.files() {
        assert!(
            !bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()),
            "the key lies open in {}",
            path.display()
        );
    }
    mira.delete("/api/v1/provider").await.expect(200);
    assert_eq!(mira.get("/api/v1/provider").await.expect(200).json()["connected"], false);
}

#[tokio::test]
async fn whatever_the_provider_does_the_message_is_kept_and_the_next_step_is_said() {
    let (stand_in, installation, mira) = with_claude().await;
    let status = |status, retry_after| Fault::Status { status, kind: None, message: String::new(), retry_after };
    let faults = [
        ("400", status(400, None)),
        ("401", status(401, None)),
        ("403", status(403, None)),
        ("429", status(429, None)),
        ("429 with a time", status(429, Some(1))),
        ("500", status(500, None)),
        ("529", status(529, None)),
        ("cut", Fault::CutAfter(1)),
        ("silent end", Fault::EndAfter(1)),
        ("error in the middle", Fault::ErrorAfter(1, "overloaded_error".to_owned())),
        ("malformed", Fault::MalformedAfter(1)),
        ("not a stream", Fault::NotAStream),
    ];
    for (name, fault) in faults {
        let chat = mira.chat().await;
        // As often as it may be asked again by itself.
        for _ in 0..4 {
            stand_in.fail(fault.clone());
        }
        is_kept_and_explained(&mira, &chat, name).await;
        stand_in.heal();
        let answer = mira.ask(&chat, "And now?").await;
        assert_eq!(answer["status"], "complete", "after {name}: {answer}");
    }
    for fault in [Fault::UnknownBlock, Fault::Drip] {
        let chat = mira.chat().await;
        stand_in.fail(fault.clone());
        let answer = mira.ask(&chat, "Good morning").await;
        assert_eq!(answer["status"], "complete", "{fault:?}: {answer}");
    }
    drop(installation);
}

/// Asks a question that cannot be answered.
async fn is_kept_and_explained(mira: &Browser, chat: &str, name: &str) {
    let answer = mira.ask(chat, "A question that must not be lost").await;
    let problem = &answer["problem"];
    assert!(matches!(answer["status"].as_str(), Some("failed" | "interrupted")), "{name}: {answer}");
    assert!(problem["title"].is_string() && problem["next_step"].is_string(), "{name}: {answer}");
    let messages = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200).json();
    assert_eq!(messages["items"][0]["text"], "A question that must not be lost", "{name}");
    assert!(!answer.to_string().contains("must not be lost"), "{name}: the provider's words are not repeated");
}

/// With so little patience that a test can wait for it.
async fn impatient(setup: Setup) -> (Installation, Browser) {
    let setup = setup.with("ALLY_MODEL_FIRST_TOKEN_SECONDS", "2").with("ALLY_MODEL_STALL_SECONDS", "2");
    let installation = setup.start();
    let mira = installation.administrator().await;
    (installation, mira)
}

/// A provider that falls silent: what the person sees, that the silence is not repeated to her as an answer, and that
/// she can have the question answered after all.
async fn silence_is_explained(stand_in: &StandIn, mira: &Browser, fault: Fault, kept: &str, kind: &str) {
    stand_in.always(Rule { when: "lost".to_owned(), turns: vec![Turn::text("As far as this and further.")] });
    // As often as it may be asked again by itself.
    for _ in 0..3 {
        stand_in.fail(fault.clone());
    }
    let chat = mira.chat().await;
    let mut events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let sent = mira.say(&chat, "A question that must not be lost").await;
    let answer = events.answer(id(&sent["answer"])).await;
    let status = if kept.is_empty() { "failed" } else { "interrupted" };
    assert_eq!((&answer["status"], &answer["text"]), (&json!(status), &json!(kept)), "{fault:?}: {answer}");
    let problem = &answer["problem"];
    assert_eq!((&problem["type"], problem["next_step"].is_string()), (&json!(kind), true), "{fault:?}: {answer}");
    assert_eq!(events.until("run.finished").await["status"], "failed");
    let messages = format!("/api/v1/chats/{chat}/messages");
    let list = mira.get(&messages).await.expect(200).json();
    assert_eq!(list["items"][0]["text"], "A question that must not be lost");
    assert_eq!((&list["items"][1]["text"], &list["items"][1]["problem"]["type"]), (&json!(kept), &json!(kind)));
    // A second try answers the same question in the same place.
    stand_in.heal();
    let question = id(&list["items"][0]);
    let again = mira.post(&format!("/api/v1/messages/{question}/answer"), json!({})).await.expect(202).json();
    assert_eq!(again["answer"]["id"], sent["answer"]["id"]);
    events.until("run.started").await;
    let answer = events.answer(id(&again["answer"])).await;
    assert_eq!((&answer["status"], &answer["text"]), (&json!("complete"), &json!("As far as this and further.")));
    assert!(answer["problem"].is_null(), "{answer}");
    let list = mira.get(&messages).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "nothing is there twice: {list}");
}

#[tokio::test]
async fn when_claude_falls_silent_what_was_said_is_kept_and_it_can_be_tried_again() {
    let stand_in = StandIn::start().await.unwrap();
    let (_installation, mira) = impatient(Setup::default().with_anthropic(&stand_in.url())).await;
    silence_is_explained(&stand_in, &mira, Fault::StallSilent, "", "provider_silent").await;
    silence_is_explained(&stand_in, &mira, Fault::StallBeforeToken, "", "provider_silent").await;
    silence_is_explained(&stand_in, &mira, Fault::StallAfter(2), "As far ", "provider_stalled").await;
}

#[tokio::test]
async fn when_a_model_server_at_home_falls_silent_what_was_said_is_kept_and_it_can_be_tried_again() {
    let stand_in = StandIn::start().await.unwrap();
    let (_installation, mira) = impatient(Setup::default().with("ALLY_LOCAL_MODEL_URL", stand_in.url())).await;
    silence_is_explained(&stand_in, &mira, Fault::StallBeforeToken, "", "provider_silent").await;
    silence_is_explained(&stand_in, &mira, Fault::StallAfter(2), "As far ", "provider_stalled").await;
}

#[tokio::test]
async fn a_message_sent_while_another_is_answered_waits_its_turn() {
    let (stand_in, _installation, mira) = with_claude().await;
    let gate = Gate::default();
    let turn = Turn::of([Step::Hold(gate.clone()), Step::Text("one".to_owned())]);
    stand_in.always(Rule { when: "first".to_owned(), turns: vec![turn] });
    let (chat, mut events) = open(&mira).await;
    let first = mira.say(&chat, "the first").await;
    let second = mira.say(&chat, "the next").await;
    assert_eq!(second["answer"]["status"], "queued", "{second}");
    gate.open();
    assert_eq!(events.answer(id(&first["answer"])).await["text"], "one");
    assert_eq!(events.answer(id(&second["answer"])).await["text"], "You said: the next");
}

#[tokio::test]
async fn chats_are_named_renamed_deleted_and_brought_back() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "what time is it in Lisbon?").await;
    let path = format!("/api/v1/chats/{chat}");
    let named = mira.get(&path).await.expect(200).json();
    assert!(named["title"].as_str().unwrap().to_lowercase().contains("time"), "{named}");
    mira.patch(&path, json!({ "title": "Clocks" })).await.expect(200);
    mira.delete(&path).await.expect(200);
    let listed = |list: Value| list["items"].as_array().unwrap().iter().any(|item| item["id"] == chat.as_str());
    assert!(!listed(mira.get("/api/v1/chats").await.expect(200).json()));
    mira.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert!(listed(mira.get("/api/v1/chats").await.expect(200).json()));
    assert_eq!(mira.get(&path).await.expect(200).json()["title"], "Clocks");
}

#[tokio::test]
async fn bad_input_is_answered_with_a_sentence_and_a_next_step() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let messages = format!("/api/v1/chats/{chat}/messages");
    let cases = [
        (mira.post(&messages, json!({ "text": "" })).await, 422),
        (mira.post(&messages, json!({ "text": "  \n " })).await, 422),
        (mira.post(&messages, json!({ "text": 5 })).await, 422),
        (mira.post(&messages, json!({ "text": "x".repeat(300_000) })).await, 413),
        (mira.post(&messages, json!({ "text": "x".repeat(10 << 20) })).await, 413),
        (mira.post("/api/v1/chats/chat_00000000000000000000000000/messages", json!({ "text": "x" })).await, 404),
        (mira.post("/api/v1/chats/nonsense/messages", json!({ "text": "x" })).await, 404),
        (mira.get("/api/v1/runs/run_00000000000000000000000000").await, 404),
        (mira.get("/api/v1/memory/files/../../ally.db").await, 400),
        (mira.get("/api/v1/nonsense").await, 404),
        (mira.post("/api/v1/auth/sign-in", json!({ "email": 5 })).await, 422),
    ];
    for (reply, status) in cases {
        let problem = reply.json();
        assert_eq!(reply.status, status, "{problem}");
        assert!(problem["title"].is_string() && problem["next_step"].is_string(), "{problem}");
    }
    let kept = mira.get(&messages).await.expect(200).json();
    assert_eq!(kept["items"], json!([]));
}

#[tokio::test]
async fn a_model_server_on_this_machine_is_chosen_in_the_browser_and_answers_at_once() {
    let stand_in = StandIn::start().await.unwrap();
    let installation = Installation::start();
    let mira = installation.administrator().await;
    // Without a name, the first one that the server has.
    let chosen = json!({ "url": stand_in.url(), "model": "" });
    mira.put("/api/v1/provider/local", chosen).await.expect(200);
    let provider = mira.get("/api/v1/provider").await.expect(200).json();
    assert_eq!((&provider["connected"], &provider["source"]), (&json!(true), &json!("local")), "{provider}");
    let chat = mira.chat().await;
    let answer = mira.ask(&chat, "Good morning").await;
    assert_eq!(answer["author"]["provider"], "openai_compatible", "{answer}");
    assert_eq!(answer["text"], "You said: Good morning", "{answer}");
    mira.delete("/api/v1/provider/local").await.expect(200);
    assert_eq!(mira.get("/api/v1/provider").await.expect(200).json()["connected"], false);
}
