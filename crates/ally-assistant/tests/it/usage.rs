//! What was used.

use crate::fake_gateway::{Say, calls, started, text};
use crate::world::Life;
use ally_llm::{Event, Failure, FailureKind, Usage};
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
    for (entry, chat) in [(&mut first, &one), (&mut second, &two)] {
        entry.as_object_mut().unwrap().remove("day");
        entry["chat"] = chat.as_str().into();
    }
    assert_eq!(mira.get("usage?by=session").await["items"], json!([first, second]));
}
