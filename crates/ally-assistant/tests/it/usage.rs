//! What was used.

use crate::fake_gateway::{Say, calls, started, text};
use crate::world::Life;
use ally_llm::{Event, Failure, FailureKind, Usage};
use http_body_util::BodyExt as _;
use serde_json::json;

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
            mira.call("DELETE", &format!("chats/{chat}"), serde_json::Value::Null).await;
        }
        mira.world.clock.advance_millis(7 * 60 * 60 * 1000);
    }
    for by in ["day", "session", "model", "cause"] {
        assert_eq!(totals(&mira, by).await, expected, "{by}");
    }
    let causes = mira.get("usage?by=cause").await;
    assert_eq!((causes["items"].as_array().unwrap().len(), &causes["items"][0]["cause"]), (1, &json!("turn")));
    // The file for a spreadsheet says the same.
    let csv = mira.send(mira.world.request("GET", "usage/csv?by=day", &serde_json::Value::Null)).await;
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
