//! What was used.

use crate::fake_gateway::{Gate, Say, calls, started, text};
use crate::world::Life;
use ally_llm::{Event, Failure, FailureKind, Usage};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn every_call_is_counted_by_day_and_by_chat_also_when_it_broke_off() {
    let mira = Life::new().await;
    let one = mira.chat().await;
    mira.gateway().will_say(calls(&[("a", "time_now", json!({}))]));
    mira.gateway().will_say(text("Late."));
    mira.ask(&one, "What time is it?").await;
    mira.world.clock.advance_millis(24 * 60 * 60 * 1000);
    let two = mira.chat().await;
    let usage = Usage { input: 7, output: 1, ..Usage::default() };
    let failure = Failure::of(FailureKind::Auth);
    mira.gateway().will_say(vec![started(), Say::Event(Event::Usage { usage }), Say::Event(Event::Failed { failure })]);
    mira.ask(&two, "Hello").await;
    let entry = |calls: u64, input: u64, output: u64, cache_read: u64, cache_write: u64| json!({"calls": calls, "input": input, "output": output, "cache_read": cache_read, "cache_write": cache_write});
    let mut first = entry(2, 200, 20, 2000, 10);
    let mut second = entry(1, 7, 1, 0, 0);
    first["day"] = "2025-11-21".into();
    second["day"] = "2025-11-22".into();
    assert_eq!(mira.get("usage?by=day").await["items"], json!([first, second]));
    assert_eq!(mira.get("usage?by=day&from=2025-11-22&to=2025-11-22").await["items"], json!([second]));
    for (entry, chat, title) in [(&mut first, &one, "What time is it?"), (&mut second, &two, "Hello")] {
        entry.as_object_mut().unwrap().remove("day");
        entry["chat"] = chat.as_str().into();
        entry["title"] = title.into();
    }
    assert_eq!(mira.get("usage?by=session").await["items"], json!([first, second]));
}

/// Everything that is counted, whatever it is summed up by.
async fn totals(mira: &Life, by: &str) -> Vec<u64> {
    let items = mira.get(&format!("usage?by={by}")).await["items"].as_array().unwrap().clone();
    let sum = |name: &str| items.iter().map(|item| item[name].as_u64().unwrap()).sum();
    ["input", "output", "cache_read", "cache_write", "calls"].map(sum).to_vec()
}

#[tokio::test(start_paused = true)]
async fn sums_by_day_by_chat_by_model_and_by_cause_are_the_same_to_the_token() {
    let mira = Life::new().await;
    let mut expected = [0; 5];
    for number in 1..=9 {
        let chat = mira.chat().await;
        for (at, part) in [(0, 1_000), (1, 100), (2, 10_000), (3, 7)] {
            expected[at] += number * part;
        }
        expected[4] += 1;
        let usage =
            Usage { input: number * 1_000, output: number * 100, cache_read: number * 10_000, cache_write: number * 7 };
        let mut said = text("Yes.");
        said.insert(said.len() - 1, Say::Event(Event::Usage { usage }));
        mira.gateway().will_say(said);
        mira.ask(&chat, "Hello").await;
        if number == 5 {
            mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await;
        }
        mira.world.clock.advance_millis(7 * 60 * 60 * 1000);
    }
    for by in ["day", "session", "model", "cause"] {
        assert_eq!(totals(&mira, by).await, expected, "{by}");
    }
    let causes = mira.get("usage?by=cause").await;
    assert_eq!((causes["items"].as_array().unwrap().len(), &causes["items"][0]["cause"]), (1, &json!("turn")));
    // The file for a spreadsheet says the same.
    let csv = mira.send(mira.world.request("GET", "usage/csv?by=day", &Value::Null)).await;
    assert_eq!(csv.headers()["content-type"], "text/csv; charset=utf-8");
    let csv = csv.into_body().collect().await.unwrap().to_bytes();
    let csv = std::str::from_utf8(&csv).unwrap();
    let column = |at: usize| -> u64 {
        csv.lines().skip(1).map(|line| line.split(',').nth(at).unwrap().parse::<u64>().unwrap()).sum()
    };
    assert_eq!([1, 2, 3, 4, 5].map(column), expected);
    assert_eq!(csv.lines().next(), Some("day,input,output,cache_read,cache_write,calls,cost_usd"));
}

#[tokio::test(start_paused = true)]
async fn usage_is_kept_for_twelve_months() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().always_says(text("Yes."));
    mira.ask(&chat, "Hello").await;
    mira.world.clock.advance_millis(365 * 24 * 60 * 60 * 1000);
    assert_eq!(totals(&mira, "day").await[4], 1);
    mira.world.clock.advance_millis(1);
    assert_eq!(totals(&mira, "day").await[4], 0, "no longer shown");
    mira.ask(&chat, "Hello again").await;
    assert_eq!(totals(&mira, "day").await[4], 1);
}

/// An answer of a model, held at the gate; the price of the first is known, of the second not.
fn of_model(model: &str, gate: &Gate) -> Vec<Say> {
    let mut pieces = text("Yes.");
    pieces[0] = Say::Event(Event::Started { provider: "anthropic".into(), model: model.into(), window: None });
    pieces.insert(1, Say::Hold(gate.clone()));
    pieces
}

#[tokio::test(start_paused = true)]
async fn who_pays_for_a_call_is_who_was_asked_to_when_it_was_made() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let key = json!({"key": "sk-ant-very-secret-123"});
    let mut receipts = Vec::new();
    // The key that comes or goes while an answer is written changes nothing about that answer.
    for (model, has_key) in [("claude-sonnet-4-5", false), ("claude-sonnet-4-5", true), ("claude-next", false)] {
        let gate = Gate::default();
        mira.gateway().will_say(of_model(model, &gate));
        if !receipts.is_empty() {
            assert_eq!(mira.get("provider").await["source"] == "own_key", has_key);
        }
        let sent = mira.say(&chat, "Hello").await;
        gate.reached().await;
        if has_key {
            mira.call("DELETE", "provider", Value::Null).await;
        } else {
            assert_eq!(mira.call("PUT", "provider", key.clone()).await.status, 200);
        }
        gate.open();
        mira.assistant.settled().await;
        receipts.push(mira.message(&chat, sent["answer"]["id"].as_str().unwrap()).await["receipt"].clone());
    }
    let gate = Gate::default();
    mira.gateway().will_say(of_model("claude-next", &gate));
    gate.open();
    receipts.push(mira.ask(&chat, "Hello").await["receipt"].clone());
    let paid = |at: usize| (&receipts[at]["own_calls"], &receipts[at]["cost_micro_usd"]);
    assert_eq!(paid(0), (&Value::Null, &Value::Null), "the installation paid, so no money is shown");
    // 100 read, 10 written, 1000 from the cache and 5 into it.
    assert_eq!(paid(1), (&json!(1), &json!(300 + 150 + 300 + 19)));
    assert_eq!(paid(2), (&Value::Null, &Value::Null));
    assert_eq!(paid(3), (&json!(1), &Value::Null), "no price is known, and none is guessed");
    let used = mira.get("usage?by=model").await["items"].clone();
    let known = used.as_array().unwrap().iter().find(|row| row["model"] == "claude-sonnet-4-5").unwrap();
    assert_eq!((&known["own_calls"], &known["cost_micro_usd"]), (&json!(1), &json!(769)), "{used}");
}
