//! Approval requests: what may be done only if the person agrees to exactly this.

use crate::fake_gateway::{Gate, Say, calls, text};
use crate::recovery::runtime;
use crate::world::{Answer, Life, World, files, kinds};
use ally_llm::Block;
use serde_json::{Value, json};
use std::sync::Arc;

const DAY: i64 = 24 * 60 * 60 * 1000;

fn note(line: &str) -> Value {
    json!({"command": "create", "path": format!("/memories/{line}.md"), "file_text": format!("- {line}\n")})
}

/// A chat in which something from outside was read, so that every change of memory asks.
async fn tainted(mira: &Life) -> String {
    let chat = mira.chat().await;
    mira.gateway().will_say(text("Noted."));
    mira.ask(&chat, "Read this page").await;
    let database = mira.world.database();
    let changed = database.execute("UPDATE messages SET integrity = 'outside' WHERE role = 'assistant'", []).unwrap();
    assert_eq!(changed, 1);
    mira.world.clock.advance_millis(1000);
    chat
}

/// Asks for something that the model wants to do with these calls; answers the one request that waits.
async fn asked(mira: &Life, chat: &str, wanted: &[(&str, &str, Value)]) -> Value {
    mira.gateway().will_say(calls(wanted));
    let answer = mira.ask(chat, "Write it down").await;
    assert_eq!(answer["status"], "streaming", "{answer}");
    waiting(mira).await
}

async fn waiting(mira: &Life) -> Value {
    let list = mira.get("approvals?status=waiting").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    list["items"][0].clone()
}

async fn decide(mira: &Life, approval: &Value, body: Value) -> Answer {
    mira.call("POST", &format!("approvals/{}", approval["id"].as_str().unwrap()), body).await
}

/// Decides, lets the run come to its end, and answers its message.
async fn decided(mira: &Life, approval: &Value, body: Value) -> Value {
    let answer = decide(mira, approval, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    mira.assistant.settled().await;
    mira.message(approval["chat"].as_str().unwrap(), approval["message"].as_str().unwrap()).await
}

/// What the model was told about its calls in its last request.
fn told(mira: &Life) -> Vec<String> {
    let request = mira.gateway().requests().pop().unwrap();
    let blocks = request.messages.last().unwrap().blocks.iter();
    let results = blocks.filter_map(|block| match block {
        Block::ToolResult { text, .. } => Some(text.expose().to_owned()),
        _ => None,
    });
    results.collect()
}

fn remembered(mira: &Life) -> Vec<String> {
    files(&mira.world.memories()).into_iter().map(|(path, _)| path).filter(|path| path != "MEMORY.md").collect()
}

fn mask(mut approval: Value) -> Value {
    for id in ["id", "run", "chat", "message"] {
        approval[id] = id.into();
    }
    approval
}

#[tokio::test]
async fn what_may_be_done_is_done_first_and_the_rest_is_one_request() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let mut tab = mira.watch(&chat, None).await;
    let approval = asked(
        &mira,
        &chat,
        &[
            ("a", "memory", note("tea")),
            ("b", "time_now", json!({})),
            ("c", "memory", json!({"command": "delete", "path": "/memories/people"})),
        ],
    )
    .await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&mask(approval.clone())).unwrap());
    assert_eq!(remembered(&mira), [""; 0], "nothing is done before the answer");
    let answer = mira.message(&chat, approval["message"].as_str().unwrap()).await;
    let statuses: Vec<_> = answer["parts"].as_array().unwrap().iter().map(|part| part["status"].clone()).collect();
    assert_eq!(statuses, ["waiting", "ok", "waiting"]);
    assert_eq!(answer["approvals"][0]["id"], approval["id"]);
    let seen = tab.until("approval.requested").await;
    assert_eq!(seen.last().unwrap()["approval"]["id"], approval["id"]);
    assert_eq!(mira.get(&format!("runs/{}", approval["run"].as_str().unwrap())).await["status"], "waiting");

    // Looking at it decides nothing.
    let path = format!("approvals/{}", approval["id"].as_str().unwrap());
    assert_eq!(mira.get(&path).await, approval);
    assert_eq!(mira.get(&path).await["status"], "waiting");

    mira.gateway().will_say(text("Only the tea, then."));
    let answer =
        decided(&mira, &approval, json!({"decision": "approve", "lines": ["a"], "reason": "people stay"})).await;
    assert_eq!((&answer["status"], &answer["text"]), (&json!("complete"), &json!("Only the tea, then.")));
    assert_eq!(remembered(&mira), ["tea.md"]);
    let told = told(&mira);
    assert_eq!(told[0], "They said: people stay\nFile created successfully at: /memories/tea.md");
    assert_eq!(told[2], "Not run: the person said no. They said: people stay");
    assert_eq!(kinds(&tab.until("run.finished").await)[..3], ["approval.decided", "memory.changed", "tool.finished"]);
    let approval = &mira.get("approvals?status=decided").await["items"][0];
    assert_eq!((&approval["status"], &approval["reason"]), (&json!("approved"), &json!("people stay")));
    assert_eq!((&approval["lines"][0]["allowed"], &approval["lines"][1]["allowed"]), (&json!(true), &json!(false)));
    assert_eq!(answer["approvals"][0]["status"], "approved");
    assert_eq!(mira.get("approvals?status=waiting").await["items"], json!([]));
}

#[tokio::test]
async fn words_that_the_person_agreed_to_do_not_ask_again_in_the_next_chat() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let approval = asked(&mira, &chat, &[("a", "memory", note("MEMORY"))]).await;
    decided(&mira, &approval, json!({"decision": "approve"})).await;
    let other = mira.chat().await;
    mira.gateway().will_say(calls(&[("b", "memory", note("coffee"))]));
    assert_eq!(mira.ask(&other, "And coffee").await["status"], "complete");
    assert!(remembered(&mira).contains(&"coffee.md".to_owned()));
}

#[tokio::test]
async fn a_no_is_told_with_its_reason_and_the_same_is_not_asked_again_in_this_run() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let approval = asked(&mira, &chat, &[("a", "memory", note("tea"))]).await;
    mira.gateway().will_say(calls(&[("b", "memory", note("tea"))]));
    mira.gateway().will_say(text("I leave it."));
    let answer = decided(&mira, &approval, json!({"decision": "reject", "reason": "I drink coffee"})).await;
    assert_eq!((&answer["status"], &answer["text"]), (&json!("complete"), &json!("I leave it.")));
    assert_eq!(told(&mira), ["Not run: the person already said no to exactly this. Do not ask for it again."]);
    assert_eq!(remembered(&mira), [""; 0]);
    let requests = mira.gateway().requests();
    let Block::ToolResult { text, ok: false, .. } = &requests[2].messages.last().unwrap().blocks[0] else {
        panic!("a result")
    };
    assert_eq!(text.expose(), "Not run: the person said no. They said: I drink coffee");
}

#[tokio::test]
async fn of_two_devices_one_wins_and_the_other_is_told_who_and_when() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let approval = asked(&mira, &chat, &[("a", "memory", note("tea"))]).await;
    let path = format!("approvals/{}", approval["id"].as_str().unwrap());
    let yes = json!({"decision": "approve"});
    let (phone, laptop) = tokio::join!(
        mira.call_with_key("POST", &path, yes.clone(), "phone"),
        mira.call_with_key("POST", &path, json!({"decision": "reject"}), "laptop"),
    );
    assert_eq!((phone.status.as_u16(), laptop.status.as_u16()), (200, 409), "{} {}", phone.body, laptop.body);
    assert_eq!(laptop.body["type"], "approval_decided");
    assert_eq!(laptop.body["title"], "This was already approved by you on 21 November at 11:36 (UTC).");
    // The phone did not hear the answer and says the same again: nothing is done twice, and it is told that it counts.
    let again = mira.call_with_key("POST", &path, yes, "phone").await;
    assert_eq!((again.status.as_u16(), &again.body["status"]), (200, &json!("approved")));
    mira.assistant.settled().await;
    assert_eq!(remembered(&mira), ["tea.md"]);
    let versions = mira.get("memory/files/tea.md/versions").await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_the_person_changes_is_checked_and_then_done_as_they_wrote_it() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let approval = asked(&mira, &chat, &[("a", "memory", note("tea")), ("b", "memory", note("milk"))]).await;
    let with = |lines: Value, input: Value| json!({"decision": "approve", "lines": lines, "edited_input": input});
    for (body, kind) in [
        (with(json!(["a"]), json!({"command": "fly", "path": "/memories/x.md"})), "edited_input"),
        (with(json!(["a"]), json!({"command": "create"})), "edited_input"),
        (with(json!(["a"]), json!({"command": "create", "path": "/memories/x.md", "more": 1})), "edited_input"),
        (with(json!(["a", "b"]), note("x")), "edit_one_line"),
        (json!({"decision": "approve", "lines": ["c"]}), "lines_unknown"),
        (json!({"decision": "approve", "lines": []}), "lines_unknown"),
        (json!({"decision": "reject", "reason": "x".repeat(2001)}), "reason_too_long"),
    ] {
        let answer = decide(&mira, &approval, body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["type"]), (422, &json!(kind)));
    }
    assert_eq!(waiting(&mira).await, approval, "nothing was decided");
    let mine = json!({"command": "create", "path": "/memories/tea.md", "file_text": "- green tea\n"});
    let answer = decided(&mira, &approval, with(json!(["a"]), mine.clone())).await;
    assert_eq!(mira.get("memory/files/tea.md").await["text"], "- green tea\n");
    assert_eq!(answer["parts"][0]["input"], mine, "what is shown is what was done");
    assert_eq!(answer["approvals"][0]["lines"][0]["edited"], true);
    let told = told(&mira);
    assert!(told[0].starts_with("The person changed the arguments to: {") && told[0].contains("green tea"), "{told:?}");
}

/// A life in which somebody was asked, and which ended then.
fn ended_while_it_waits(world: &Arc<World>) -> (String, Value) {
    runtime().block_on(async {
        let mira = world.live().await;
        let chat = tainted(&mira).await;
        let approval = asked(&mira, &chat, &[("a", "memory", note("tea"))]).await;
        let wakes = mira.assistant.next_alarm().await.unwrap();
        assert_eq!(json!(wakes), approval["expires"], "it wakes for its own end");
        (chat, approval)
    })
}

#[test]
fn a_request_survives_a_restart_and_holds_nothing_while_it_waits() {
    let world = World::new();
    let (chat, approval) = ended_while_it_waits(&world);
    runtime().block_on(async {
        let mira = world.live().await;
        mira.assistant.settled().await;
        assert_eq!(waiting(&mira).await, approval);
        let answer = mira.message(&chat, approval["message"].as_str().unwrap()).await;
        assert_eq!(answer["parts"][0]["status"], "waiting");
        world.gateway.will_say(text("Written."));
        let answer = decided(&mira, &approval, json!({"decision": "approve"})).await;
        assert_eq!((&answer["status"], &answer["text"]), (&json!("complete"), &json!("Written.")));
        assert_eq!(mira.get(&format!("runs/{}", approval["run"].as_str().unwrap())).await["attempts"], 1);
    });
}

#[test]
fn after_seven_days_without_an_answer_it_is_not_done() {
    let world = World::new();
    let (chat, approval) = ended_while_it_waits(&world);
    world.clock.advance_millis(7 * DAY);
    let asked_before = world.gateway.requests().len();
    runtime().block_on(async {
        let mira = world.live().await;
        let late = decide(&mira, &approval, json!({"decision": "approve"})).await;
        assert_eq!((late.status.as_u16(), &late.body["type"]), (409, &json!("approval_expired")));
        let mut tab = mira.watch(&chat, None).await;
        loop {
            let answer = mira.message(&chat, approval["message"].as_str().unwrap()).await;
            if answer["status"] != "streaming" {
                assert_eq!(answer["approvals"][0]["status"], "expired");
                assert_eq!(
                    (&answer["status"], &answer["problem"]["type"]),
                    (&json!("interrupted"), &json!("approval_expired"))
                );
                assert_eq!(answer["parts"][0]["summary"], "Not done: nobody answered within seven days");
                break;
            }
            tab.next().await;
        }
        assert_eq!(world.gateway.requests().len(), asked_before, "no model is asked when nobody is there");
        assert_eq!(remembered(&mira), [""; 0]);
        // Who comes back may still want it.
        mira.gateway().will_say(text("Then not."));
        let question = mira.messages(&chat).await[2]["id"].as_str().unwrap().to_owned();
        mira.call("POST", &format!("messages/{question}/answer"), Value::Null).await;
        mira.assistant.settled().await;
        assert_eq!(told(&mira), ["Not run: the person was asked and did not answer within seven days."]);
    });
}

#[tokio::test]
async fn one_may_talk_on_in_the_same_chat_while_a_request_waits() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let approval = asked(&mira, &chat, &[("a", "memory", note("tea"))]).await;
    mira.gateway().will_say(text("It is ten."));
    assert_eq!(mira.ask(&chat, "What time is it?").await["text"], "It is ten.");
    let request = mira.gateway().requests().pop().unwrap();
    let results: Vec<_> = request
        .messages
        .iter()
        .flat_map(|message| &message.blocks)
        .filter_map(|block| match block {
            Block::ToolResult { text, .. } => Some(text.expose()),
            _ => None,
        })
        .collect();
    assert_eq!(results, ["Not run yet: the person was asked to allow this and has not answered."]);

    // The answer comes while something else is being written: what was agreed to is done at once.
    let gate = Gate::default();
    let mut slow = text("A long story");
    slow.insert(1, Say::Hold(gate.clone()));
    mira.gateway().will_say(slow);
    mira.gateway().will_say(text("Written."));
    let story = mira.say(&chat, "Tell me a story").await;
    gate.reached().await;
    let mut tab = mira.watch(&chat, None).await;
    decide(&mira, &approval, json!({"decision": "approve"})).await;
    let finished = tab.until("run.finished").await;
    assert_eq!(finished.last().unwrap()["run"], approval["run"]);
    assert_eq!(remembered(&mira), ["tea.md"]);
    gate.open();
    mira.assistant.settled().await;
    assert_eq!(mira.message(&chat, story["answer"]["id"].as_str().unwrap()).await["text"], "A long story");
    mira.gateway().requests();
}

#[tokio::test]
async fn a_message_that_was_queued_is_answered_once_the_turn_before_it_waits() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let gate = Gate::default();
    let mut pieces = calls(&[("a", "memory", note("tea"))]);
    pieces.insert(1, Say::Hold(gate.clone()));
    mira.gateway().will_say(pieces);
    mira.gateway().will_say(text("Second."));
    mira.say(&chat, "Write it down").await;
    gate.reached().await;
    let queued = mira.say(&chat, "And this?").await;
    assert_eq!(queued["message"]["status"], "queued");
    gate.open();
    mira.assistant.settled().await;
    assert_eq!(mira.message(&chat, queued["answer"]["id"].as_str().unwrap()).await["text"], "Second.");
    assert_eq!(waiting(&mira).await["status"], "waiting");
}

#[tokio::test]
async fn after_three_requests_in_one_turn_the_model_has_to_say_what_is_left() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let mut approval = asked(&mira, &chat, &[("a", "memory", note("one"))]).await;
    for (call, name) in [("b", "two"), ("c", "three"), ("d", "four")] {
        mira.world.clock.advance_millis(1);
        mira.gateway().will_say(calls(&[(call, "memory", note(name))]));
        decided(&mira, &approval, json!({"decision": "approve"})).await;
        if name != "four" {
            approval = waiting(&mira).await;
        }
    }
    assert_eq!(remembered(&mira), ["one.md", "three.md", "two.md"]);
    assert!(told(&mira)[0].starts_with("Not run: the person was asked three times in this turn"), "{:?}", told(&mira));
    assert_eq!(mira.get("approvals").await["items"].as_array().unwrap().len(), 3);
    let page = mira.get("approvals?limit=2").await;
    let rest = mira.get(&format!("approvals?limit=2&cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!((page["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (2, 1));
    assert_eq!((&rest["items"][0]["lines"][0]["line"], &rest["next"]), (&json!("a"), &Value::Null));
}

#[tokio::test]
async fn what_has_changed_since_it_was_asked_for_is_not_done() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    for (number, change) in [
        "replace(body, '\"schema\":\"', '\"schema\":\"0')",
        "replace(body, 'file_text\":\"- ', 'file_text\":\"- all my money ')",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("tea{number}");
        let approval = asked(&mira, &chat, &[("a", "memory", note(&name))]).await;
        let changed = mira.world.database().execute(&format!("UPDATE waits SET body = {change}"), []).unwrap();
        assert!(changed > 0);
        let answer = decide(&mira, &approval, json!({"decision": "approve"})).await;
        assert_eq!((answer.status.as_u16(), &answer.body["type"]), (409, &json!("approval_void")));
        mira.assistant.settled().await;
        assert!(told(&mira)[0].starts_with("Not run: what this does has changed"), "{:?}", told(&mira));
        assert_eq!(mira.get("approvals").await["items"][0]["status"], "void");
    }
    assert_eq!(remembered(&mira), [""; 0]);
}

#[tokio::test]
async fn stopping_a_turn_that_waits_takes_its_request_back() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let approval = asked(&mira, &chat, &[("a", "memory", note("tea"))]).await;
    let stopped = mira.call("POST", &format!("runs/{}/cancel", approval["run"].as_str().unwrap()), Value::Null).await;
    assert_eq!((stopped.status.as_u16(), &stopped.body["status"]), (202, &json!("cancelled")));
    let answer = mira.message(&chat, approval["message"].as_str().unwrap()).await;
    assert_eq!((&answer["status"], &answer["approvals"][0]["status"]), (&json!("stopped"), &json!("withdrawn")));
    let late = decide(&mira, &approval, json!({"decision": "approve"})).await;
    assert_eq!(late.body["title"], "This was stopped on 21 November at 11:36 (UTC), so nothing waits for an answer.");
    // And the talk goes on.
    mira.gateway().will_say(text("Gladly."));
    assert_eq!(mira.ask(&chat, "Something else").await["text"], "Gladly.");
    mira.gateway().requests();
}

#[tokio::test]
async fn a_chat_that_is_deleted_asks_no_more() {
    let mira = Life::new().await;
    let chat = tainted(&mira).await;
    let approval = asked(&mira, &chat, &[("a", "memory", note("tea"))]).await;
    mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await;
    assert_eq!(mira.get("approvals").await["items"], json!([]));
    assert_eq!(decide(&mira, &approval, json!({"decision": "approve"})).await.status, 404);
    mira.world.clock.advance_millis(DAY);
    mira.assistant.purge().await.unwrap();
    let left: i64 = mira.world.database().query_row("SELECT count(*) FROM waits", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_same_call_three_times_asks_and_may_go_on() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().always_says(calls(&[("same", "time_now", json!({}))]));
    let answer = mira.ask(&chat, "What time is it?").await;
    let statuses: Vec<_> = answer["parts"].as_array().unwrap().iter().map(|part| part["status"].clone()).collect();
    assert_eq!(statuses, ["ok", "ok", "waiting"]);
    let approval = waiting(&mira).await;
    let line = &approval["lines"][0];
    assert_eq!(
        (&line["why"], &line["rule"], &line["title"]),
        (
            &json!("It keeps asking for the same thing. Let it go on?"),
            &json!("same_call_again"),
            &json!("Look at the clock")
        )
    );
    // It may: this time and two more, then it asks again.
    decided(&mira, &approval, json!({"decision": "approve"})).await;
    assert_eq!(mira.gateway().requests().len(), 6);
    let second = waiting(&mira).await;
    assert_ne!(second["id"], approval["id"]);
    // It may not: from now on it is told so at once, and has to say something.
    mira.gateway().will_say(calls(&[("same", "time_now", json!({}))]));
    mira.gateway().will_say(text("It is late."));
    let answer = decided(&mira, &second, json!({"decision": "reject"})).await;
    assert_eq!((&answer["status"], &answer["text"]), (&json!("complete"), &json!("It is late.")));
    let told = told(&mira);
    assert!(told.last().unwrap().starts_with("Not run: the person already said no"), "{told:?}");
}

#[tokio::test]
async fn a_request_that_does_not_exist_is_told_so() {
    let mira = Life::new().await;
    let nothing = "approvals/wait_01KAK37FA0KNNTJ7C33X76FJRY";
    for (method, body) in [("GET", Value::Null), ("POST", json!({"decision": "approve"}))] {
        let answer = mira.call(method, nothing, body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["type"]), (404, &json!("approval_not_found")));
    }
    assert_eq!(mira.call("GET", "approvals?cursor=nonsense", Value::Null).await.status, 400);
}
