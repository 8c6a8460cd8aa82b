//! From a question to the end of its answer.

use crate::fake_gateway::{Gate, Say, block, calls, delta, ended, fails, fails_with, started, text};
use crate::world::{Life, World, kinds};
use ally_llm::{Block, Event, Failure, FailureKind, Role, Stop};
use serde_json::{Value, json};

#[tokio::test]
async fn a_question_is_answered_word_by_word() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("Hello dear Mira"));
    let mut tab = mira.watch(&chat, None).await;
    let sent = mira.say(&chat, "Hi there, how are you?").await;
    assert_eq!((&sent["message"]["status"], &sent["answer"]["status"]), (&json!("complete"), &json!("streaming")));
    let seen = tab.until("run.finished").await;
    let expected = [
        "chat.changed",
        "run.started",
        "text.delta",
        "text.delta",
        "text.delta",
        "usage",
        "message.completed",
        "run.finished",
    ];
    assert_eq!(kinds(&seen), expected);
    let said: String = seen.iter().filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(said, "Hello dear Mira");
    assert_eq!(seen[7]["status"], "succeeded");
    let answer = mira.message(&chat, sent["answer"]["id"].as_str().unwrap()).await;
    assert_eq!(answer, seen[6]["message"]);
    assert_eq!(answer["status"], "complete");
    assert_eq!(answer["text"], "Hello dear Mira");
    assert_eq!(answer["author"], json!({"kind": "model", "provider": "anthropic", "model": "claude-test"}));
    assert_eq!(answer["usage"], json!({"input": 100, "output": 10, "cache_read": 1000, "cache_write": 5}));
    assert_eq!(mira.get(&format!("chats/{chat}")).await["title"], "Hi there, how are you?");
}

#[tokio::test]
async fn tools_are_run_and_their_results_go_back_to_the_model() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(calls(&[
        (
            "one",
            "memory",
            json!({"command": "create", "path": "/memories/people/ana.md", "file_text": "- Ana likes tea\n"}),
        ),
        ("two", "time_now", json!({"timezone": "Asia/Tokyo"})),
    ]));
    mira.gateway().will_say(text("I wrote it down."));
    let mut tab = mira.watch(&chat, None).await;
    let answer = mira.ask(&chat, "Remember that Ana likes tea").await;
    assert_eq!(answer["status"], "complete", "{answer}");
    let parts = answer["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 3, "{parts:?}");
    assert_eq!(parts[0]["status"], "ok");
    assert_eq!(parts[0]["file"]["path"], "people/ana.md");
    assert_eq!(parts[1]["summary"], "20:36, Friday 21 November 2025 (Asia/Tokyo)");
    assert_eq!(parts[2], json!({"type": "text", "text": "I wrote it down."}));
    let seen = tab.until("run.finished").await;
    let acts: Vec<_> =
        kinds(&seen).into_iter().filter(|kind| kind.starts_with("tool") || kind.starts_with("memory")).collect();
    assert_eq!(acts, ["tool.called", "tool.called", "memory.changed", "tool.finished", "tool.finished"]);
    let file = std::fs::read_to_string(mira.world.memories().join("people/ana.md")).unwrap();
    assert_eq!(file, "- Ana likes tea\n");
    let second = &mira.gateway().requests()[1];
    assert_eq!(second.messages.len(), 3);
    let results: Vec<_> = second.messages[2]
        .blocks
        .iter()
        .map(|block| match block {
            Block::ToolResult { call, ok, text } => (call.as_str(), *ok, text.expose().to_owned()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results[0], ("one", true, "File created successfully at: /memories/people/ana.md".to_owned()));
    assert!(results[1].2.starts_with("2025-11-21T20:36:40+09:00[Asia/Tokyo]"), "{}", results[1].2);
}

#[tokio::test]
async fn a_tool_that_fails_or_does_not_exist_is_a_result_and_the_answer_goes_on() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(calls(&[
        ("one", "Send.Mail", json!({})),
        ("two", "memory", json!({"command": "view", "path": "/etc/passwd"})),
        ("two", "memory", json!([1])),
    ]));
    mira.gateway().will_say(text("That did not work."));
    let answer = mira.ask(&chat, "Do things").await;
    assert_eq!(answer["status"], "complete");
    let statuses: Vec<_> = answer["parts"].as_array().unwrap().iter().map(|part| part["status"].clone()).collect();
    assert_eq!(statuses, [json!("failed"), json!("failed"), json!("failed"), Value::Null]);
    let ids: Vec<_> = answer["parts"].as_array().unwrap().iter().filter_map(|part| part["call"].as_str()).collect();
    assert_eq!(ids, ["one", "two", "two_2"], "every call has a name of its own");
    assert_eq!(answer["parts"][0]["tool"], "send_mail");
}

#[tokio::test]
async fn a_conversation_is_given_back_to_the_model_with_blocks_that_only_it_understands() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let raw = r#"{"type":"thinking","thinking":"hm","signature":"abc"}"#;
    let mut first = vec![started(), Say::Event(Event::ThinkingDelta { text: "hm".into() })];
    first.push(block(Block::Opaque { provider: "anthropic".into(), raw: raw.into() }));
    first.extend([delta("Yes."), block(Block::Text { text: "Yes.".into() })]);
    first.extend(ended(Stop::EndTurn));
    mira.gateway().will_say(first);
    let answer = mira.ask(&chat, "Is it?").await;
    assert_eq!(answer["parts"][0], json!({"type": "thinking", "text": "hm"}));
    mira.ask(&chat, "Really?").await;
    let request = mira.gateway().requests().pop().unwrap();
    assert_eq!(
        request.messages.iter().map(|message| message.role).collect::<Vec<_>>(),
        [Role::User, Role::Assistant, Role::User]
    );
    assert_eq!(
        request.messages[1].blocks,
        [Block::Opaque { provider: "anthropic".into(), raw: raw.into() }, Block::Text { text: "Yes.".into() }]
    );
}

#[tokio::test]
async fn stop_keeps_what_was_written_and_closes_the_connection() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    mira.gateway().will_say(vec![started(), delta("Once upon "), Say::Hold(gate.clone()), delta("a time")]);
    let sent = mira.say(&chat, "Tell me a story").await;
    gate.reached().await;
    let mut other_tab = mira.watch(&chat, None).await;
    let stopped = mira.call("POST", &format!("runs/{}/cancel", sent["run"].as_str().unwrap()), Value::Null).await;
    assert_eq!(stopped.status, 202);
    let seen = other_tab.until("run.finished").await;
    assert_eq!(seen.last().unwrap()["status"], "cancelled");
    gate.left().await;
    let answer = mira.message(&chat, sent["answer"]["id"].as_str().unwrap()).await;
    assert_eq!((&answer["status"], &answer["text"]), (&json!("stopped"), &json!("Once upon ")));
    mira.gateway().will_say(text("Gladly."));
    assert_eq!(mira.ask(&chat, "Go on").await["text"], "Gladly.");
    let request = mira.gateway().requests().pop().unwrap();
    assert_eq!(request.messages.len(), 3, "what was written before the stop is part of the conversation");
}

#[tokio::test]
async fn messages_sent_while_a_turn_runs_wait_their_turn() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let mut held = vec![started(), Say::Hold(gate.clone())];
    held.extend(text("First.").into_iter().skip(1));
    mira.gateway().will_say(held);
    mira.gateway().will_say(text("Second."));
    mira.gateway().will_say(text("Third."));
    mira.say(&chat, "one").await;
    gate.reached().await;
    let second = mira.say(&chat, "two").await;
    let third = mira.say(&chat, "three").await;
    assert_eq!((&second["message"]["status"], &third["answer"]["status"]), (&json!("queued"), &json!("queued")));
    gate.open();
    mira.assistant.settled().await;
    let said: Vec<_> = mira.messages(&chat).await.iter().map(|message| message["text"].clone()).collect();
    assert_eq!(said, ["one", "First.", "two", "Second.", "three", "Third."]);
    assert_eq!(mira.gateway().requests()[2].messages.len(), 5);
}

#[tokio::test]
async fn a_queued_message_can_be_stopped_before_it_begins() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let mut held = vec![started(), Say::Hold(gate.clone())];
    held.extend(text("First.").into_iter().skip(1));
    mira.gateway().will_say(held);
    mira.say(&chat, "one").await;
    gate.reached().await;
    let second = mira.say(&chat, "two").await;
    mira.call("POST", &format!("runs/{}/cancel", second["run"].as_str().unwrap()), Value::Null).await;
    gate.open();
    mira.assistant.settled().await;
    let statuses: Vec<_> = mira.messages(&chat).await.iter().map(|message| message["status"].clone()).collect();
    assert_eq!(statuses, ["complete", "complete", "complete", "stopped"]);
    assert_eq!(mira.gateway().requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_failure_is_a_sentence_with_a_next_step_and_the_message_is_kept() {
    let mira = Life::new().await;
    let mut told = String::new();
    for kind in [
        FailureKind::Auth,
        FailureKind::Quota,
        FailureKind::RateLimited,
        FailureKind::Overloaded,
        FailureKind::Limit,
        FailureKind::ContextTooLong,
        FailureKind::BadRequest,
        FailureKind::Provider,
        FailureKind::Network,
        FailureKind::Stalled,
        FailureKind::Truncated,
        FailureKind::Garbage,
    ] {
        let chat = mira.chat().await;
        mira.gateway().always_says(fails_with(kind));
        let answer = mira.ask(&chat, "Hello").await;
        let problem = &answer["problem"];
        told += &format!(
            "{kind:?}: {} · {} · {}\n",
            answer["status"].as_str().unwrap(),
            problem["title"].as_str().unwrap(),
            problem["next_step"].as_str().unwrap()
        );
        assert_eq!(mira.messages(&chat).await[0]["text"], "Hello");
    }
    insta::assert_snapshot!(told);
}

#[tokio::test(start_paused = true)]
async fn a_limit_says_when_it_begins_anew_where_the_person_is_and_is_not_tried_again() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(fails(Failure { retry_after: Some(3 * 3600 + 1), ..Failure::of(FailureKind::Limit) }));
    let answer = mira.ask(&chat, "Hello").await;
    let problem = &answer["problem"];
    assert_eq!((&problem["type"], &problem["retry_after"]), (&json!("limit_reached"), &json!(10_801)));
    insta::assert_snapshot!(problem["next_step"].as_str().unwrap());
    assert_eq!(mira.gateway().requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_tried_again_while_nothing_was_said() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(fails(Failure { retry_after: Some(7), ..Failure::of(FailureKind::RateLimited) }));
    mira.gateway().will_say(fails_with(FailureKind::Overloaded));
    mira.gateway().will_say(text("Here I am."));
    assert_eq!(mira.ask(&chat, "Hello").await["text"], "Here I am.");
    assert_eq!(mira.gateway().requests().len(), 3);
    // A long wait is told, not waited for; a wrong key is not tried again.
    mira.gateway().will_say(fails(Failure { retry_after: Some(240), ..Failure::of(FailureKind::RateLimited) }));
    let answer = mira.ask(&chat, "Hello?").await;
    assert_eq!(answer["problem"]["next_step"], "Try again in 4 minutes.");
    mira.gateway().will_say(fails_with(FailureKind::Auth));
    mira.ask(&chat, "Hello??").await;
    assert_eq!(mira.gateway().requests().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_keeps_its_text_and_can_be_tried_again() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(vec![started(), delta("The answer is ")]);
    let answer = mira.ask(&chat, "What is it?").await;
    assert_eq!((&answer["status"], &answer["text"]), (&json!("interrupted"), &json!("The answer is ")));
    assert_eq!(answer["problem"]["type"], "answer_cut");
    assert_eq!(mira.gateway().requests().len(), 1, "what was said once is not said again by itself");
    let question = mira.messages(&chat).await[0]["id"].as_str().unwrap().to_owned();
    mira.gateway().will_say(text("The answer is 42."));
    let again = mira.call("POST", &format!("messages/{question}/answer"), Value::Null).await;
    assert_eq!(again.status, 202, "{}", again.body);
    mira.assistant.settled().await;
    let messages = mira.messages(&chat).await;
    assert_eq!(messages.len(), 2);
    assert_eq!((&messages[1]["status"], &messages[1]["text"]), (&json!("complete"), &json!("The answer is 42.")));
    let done = mira.call("POST", &format!("messages/{question}/answer"), Value::Null).await;
    assert_eq!((done.status.as_u16(), &done.body["type"]), (409, &json!("already_answered")));
}

#[tokio::test]
async fn an_answer_without_end_is_garbage_above_a_megabyte() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let long = "x".repeat(64 * 1024);
    let mut pieces = vec![started()];
    pieces.extend(std::iter::repeat_n(delta(&long), 20));
    pieces.push(block(Block::Text { text: "x".into() }));
    pieces.extend(ended(Stop::EndTurn));
    mira.gateway().will_say(pieces);
    let answer = mira.ask(&chat, "Hello").await;
    assert_eq!((&answer["status"], &answer["problem"]["type"]), (&json!("interrupted"), &json!("provider_garbage")));
    assert_eq!(answer["text"].as_str().unwrap().len(), 1024 * 1024);
}

#[tokio::test(start_paused = true)]
async fn garbage_and_silence_end_the_answer_and_not_the_assistant() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(vec![started(), delta("Well, "), Say::Raw("{\"type\":\"text_de\n")]);
    assert_eq!(mira.ask(&chat, "a").await["problem"]["type"], "provider_garbage");
    mira.gateway().will_say(vec![started(), delta("Well, "), Say::Hold(Gate::default())]);
    let answer = mira.ask(&chat, "b").await;
    assert_eq!((&answer["problem"]["type"], &answer["text"]), (&json!("provider_stalled"), &json!("Well, ")));
    mira.gateway().is_away(true);
    assert_eq!(mira.ask(&chat, "c").await["problem"]["type"], "gateway_unreachable");
    mira.gateway().is_away(false);
    mira.gateway().will_say(ended(Stop::EndTurn).to_vec());
    assert_eq!(mira.ask(&chat, "d").await["problem"]["type"], "answer_empty");
    mira.gateway().will_say(text("Fine."));
    assert_eq!(mira.ask(&chat, "e").await["status"], "complete");
}

#[tokio::test]
async fn without_a_provider_a_message_is_saved_and_answered_once_there_is_one() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().has_no_provider();
    let answer = mira.ask(&chat, "Write me a poem about the sea").await;
    assert_eq!(answer["text"], "I need an AI model for this. Saved.");
    assert_eq!((&answer["author"]["kind"], &answer["needs_model"]), (&json!("ally"), &json!(true)));
    assert_eq!(answer["status"], "complete");
    let question = mira.messages(&chat).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("messages/{question}/answer");
    let refused = mira.call("POST", &path, Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (409, &json!("no_provider")));
    mira.gateway().has_provider();
    mira.gateway().will_say(text("The sea, the sea."));
    assert_eq!(mira.call("POST", &path, Value::Null).await.status, 202);
    mira.assistant.settled().await;
    let messages = mira.messages(&chat).await;
    assert_eq!(messages.len(), 2);
    assert_eq!((&messages[1]["text"], &messages[1]["needs_model"]), (&json!("The sea, the sea."), &json!(false)));
    assert_eq!(mira.gateway().requests().pop().unwrap().messages.len(), 1, "our own sentence is no part of the talk");
}

#[tokio::test]
async fn built_in_commands_use_the_same_tools() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().has_no_provider();
    let answer = mira.ask(&chat, "Remember that my dog is called Pip").await;
    assert_eq!(answer["author"], json!({"kind": "builtin"}));
    assert_eq!(answer["status"], "complete", "{answer}");
    let notes = std::fs::read_to_string(mira.world.memories().join("notes.md")).unwrap();
    assert_eq!(notes, "# Notes\n\n- my dog is called Pip\n");
    mira.ask(&chat, "Remember that my cat is called Tom").await;
    let answer = mira.ask(&chat, "What do you know about my dog?").await;
    assert!(answer["text"].as_str().unwrap().contains("my dog is called Pip (notes.md)"), "{answer}");
    let answer = mira.ask(&chat, "Forget that my dog is called Pip").await;
    assert!(answer["text"].as_str().unwrap().contains("deleted"), "{answer}");
    let notes = std::fs::read_to_string(mira.world.memories().join("notes.md")).unwrap();
    assert_eq!(notes, "# Notes\n\n- my cat is called Tom\n");
    let answer = mira.ask(&chat, "What time is it in Tokyo?").await;
    assert_eq!(answer["text"], "In Tokyo it is 20:36 on Friday, 21 November 2025 (Asia/Tokyo).");
}

#[tokio::test]
async fn a_question_that_is_taken_in_has_the_intent_of_its_model_call_beside_it() {
    let world = World::new();
    let mira = world.live().await;
    let chat = mira.chat().await;
    // From the second question on, memory has been compared with its files.
    mira.ask(&chat, "Hello").await;
    let sent = mira.say(&chat, "And now?").await;
    let intents: i64 = world
        .database()
        .query_row(
            "SELECT count(*) FROM journal WHERE run = ?1 AND kind = 'intent' AND step = '1/model'",
            [sent["run"].as_str().unwrap()],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(intents, 1);
}

#[tokio::test]
async fn what_was_done_stands_in_the_journal() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(calls(&[("one", "time_now", json!({}))]));
    mira.gateway().will_say(text("Late."));
    let sent = mira.say(&chat, "What time is it?").await;
    mira.assistant.settled().await;
    let run = sent["run"].as_str().unwrap();
    let journal = mira.get(&format!("runs/{run}/journal")).await;
    let lines: Vec<_> = journal["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| format!("{} {}", entry["kind"].as_str().unwrap(), entry["step"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        lines,
        [
            "created -",
            "started -",
            "intent 1/model",
            "outcome 1/model",
            "intent 1/tool/1",
            "outcome 1/tool/1",
            "intent 2/model",
            "outcome 2/model",
            "succeeded -",
        ]
    );
    assert_eq!(mira.get(&format!("runs/{run}")).await["status"], "succeeded");
}

#[tokio::test]
async fn what_was_forgotten_is_not_quoted_back_from_the_commands() {
    let mira = Life::new().await;
    mira.gateway().has_no_provider();
    let chat = mira.chat().await;
    let heard = mira.ask(&chat, "Remember that I like green tea").await;
    assert_eq!(heard["text"], "I wrote it in notes.md: “I like green tea”.");
    let other = mira.chat().await;
    for chat in [&chat, &other] {
        mira.ask(chat, "what do you know about tea?").await;
    }
    assert_eq!(mira.ask(&chat, "forget my tea").await["text"], "I deleted it from notes.md: “I like green tea”.");
    for chat in [&chat, &other] {
        let answer = mira.ask(chat, "what do you know about tea?").await;
        assert_eq!(answer["text"], "I have nothing noted about “tea”.");
    }
    let answer = mira.ask(&other, "forget my tea").await;
    assert_eq!(answer["text"], "I have nothing noted about “my tea”, so there is nothing to forget.");
    let mut versions = Vec::new();
    for version in mira.get("memory/files/notes.md/versions").await["items"].as_array().unwrap() {
        versions.push(version["author"].clone());
    }
    assert_eq!(versions, ["builtin", "builtin"]);
}
