//! Bringing conversations along from ChatGPT and Claude.

use crate::exports::{brought, chatgpt, chatgpt_zip, claude, count, part, settled, start, upload, waiting_files};
use crate::fake_gateway::text;
use crate::full::in_one_life;
use crate::temporary::holding;
use crate::world::{Life, World};
use serde_json::{Value, json};

#[tokio::test]
async fn an_export_is_looked_at_first_then_taken_over_and_found_at_once() {
    let mira = Life::new().await;
    let file = chatgpt_zip(&json!([chatgpt("c1", "Birds", "zwirbel"), chatgpt("c2", "More\nbirds", "zwarbel")]));
    let import = upload(&mira, &file).await;
    let seen = settled(&mira, &import).await;
    assert_eq!(seen["state"], "ready", "{seen}");
    let preview = json!({
        "service": "chatgpt", "chats": 2, "messages": 6, "known": 0, "empty": 0, "unreadable": 0,
        "oldest": "2023-11-14T22:13:20.500Z", "newest": "2023-11-14T22:15:00.000Z",
        "left": { "files": 0, "voice": 0, "steps": 4 }
    });
    assert_eq!(seen["preview"], preview);
    let listed = mira.get(&format!("imports/{import}/chats?limit=1")).await;
    assert_eq!((&listed["items"][0]["title"], &listed["next"]), (&json!("Birds"), &json!("1")));
    let listed = mira.get(&format!("imports/{import}/chats?cursor=1")).await;
    assert_eq!((&listed["items"][0]["title"], &listed["next"]), (&json!("More birds"), &Value::Null));
    assert_eq!(count(&mira, "chats"), 0, "nothing is taken over before the person says so");

    let started = start(&mira, &import, &[]).await;
    assert_eq!((started.status.as_u16(), &started.body["wanted"]), (202, &json!(2)));
    let done = settled(&mira, &import).await;
    assert_eq!((&done["state"], &done["taken"]), (&json!("done"), &json!(2)), "{done}");
    assert_eq!((waiting_files(&mira), count(&mira, "import_chats")), (0, 0), "the file and its titles are gone");

    let found = mira.call("POST", "search", json!({ "q": "zwirbel" })).await.body;
    assert_eq!((found["items"].as_array().unwrap().len(), &found["items"][0]["title"]), (2, &json!("Birds")));
    let chat = found["items"][0]["chat"].as_str().unwrap();
    let listed = mira.get(&format!("chats/{chat}")).await;
    assert_eq!((&listed["imported_from"], &listed["created"]), (&json!("chatgpt"), &json!("2023-11-14T22:13:20.500Z")));
    let messages = mira.messages(chat).await;
    let texts: Vec<_> = messages.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["What is a zwirbel?", "A zwirbel is a bird."], "the way that was shown last, without marks");
    assert_eq!(messages[1]["author"], json!({ "kind": "imported", "service": "chatgpt", "model": "gpt-4o" }));
    assert_eq!((&messages[1]["version"], &messages[1]["versions"]), (&json!(2), &json!(2)));
    assert_eq!(messages[0]["created"], "2023-11-14T22:13:30.000Z");
}

#[tokio::test]
async fn one_can_go_on_in_it_and_what_is_said_there_counts_as_from_outside() {
    let mira = Life::new().await;
    brought(&mira, &chatgpt_zip(&json!([chatgpt("c1", "Birds", "zwirbel")]))).await;
    for table in ["chats", "messages", "blocks"] {
        let query = format!("SELECT group_concat(DISTINCT integrity) FROM {table}");
        let label: String = mira.world.database().query_row(&query, [], |row| row.get(0)).unwrap();
        assert_eq!(label, "outside", "{table}: a file is not typed by her");
    }
    let chat = mira.get("chats").await["items"][0]["id"].as_str().unwrap().to_owned();
    mira.gateway().will_say(text("Indeed."));
    let answer = mira.ask(&chat, "Go on").await;
    assert_eq!(answer["text"], "Indeed.");
    let request = mira.gateway().requests().pop().unwrap();
    assert_eq!(request.messages.len(), 3, "the model is given what was said there");
    let query = "SELECT integrity FROM blocks WHERE message = ?1";
    let id = answer["id"].as_str().unwrap();
    let label: String = mira.world.database().query_row(query, [id], |row| row.get(0)).unwrap();
    assert_eq!(label, "outside", "the answer was written from it");

    let messages = mira.messages(&chat).await;
    mira.gateway().will_say(text("Once more."));
    let old = messages[1]["id"].as_str().unwrap();
    let again = mira.call("POST", &format!("messages/{old}/regenerate"), Value::Null).await;
    assert_eq!(again.status, 202, "{}", again.body);
    mira.assistant.settled().await;
    assert_eq!(mira.messages(&chat).await[1]["versions"], 3, "an imported answer can be written again");
}

#[tokio::test]
async fn the_same_file_again_adds_only_what_is_new() {
    let mira = Life::new().await;
    let first = upload(&mira, json!([claude("u1", "cat")]).to_string().as_bytes()).await;
    let seen = settled(&mira, &first).await;
    assert_eq!(seen["preview"]["left"], json!({ "files": 1, "voice": 0, "steps": 1 }));
    start(&mira, &first, &[]).await;
    settled(&mira, &first).await;
    let more = json!([claude("u1", "cat"), claude("u2", "dog"), { "uuid": "u3", "chat_messages": [] }, { "x": 1 }, claude("u2", "dog")]);
    let again = upload(&mira, more.to_string().as_bytes()).await;
    let seen = settled(&mira, &again).await["preview"].clone();
    assert_eq!(
        (&seen["chats"], &seen["known"], &seen["empty"], &seen["unreadable"]),
        (&json!(1), &json!(1), &json!(1), &json!(1))
    );
    let listed = mira.get(&format!("imports/{again}/chats")).await;
    let known: Vec<_> = listed["items"].as_array().unwrap().iter().map(|chat| chat["known"].clone()).collect();
    assert_eq!(known, [json!(true), json!(false)]);
    start(&mira, &again, &[]).await;
    assert_eq!(start(&mira, &again, &[]).await.status, 202, "asking again changes nothing");
    let done = settled(&mira, &again).await;
    assert_eq!((&done["taken"], count(&mira, "chats")), (&json!(1), 2));
    let third = upload(&mira, more.to_string().as_bytes()).await;
    assert_eq!(settled(&mira, &third).await["preview"]["chats"], 0);
    assert_eq!(start(&mira, &third, &[]).await.body["type"], "import_nothing_chosen");
    let titles = mira.get("chats").await["items"].clone();
    assert!(
        titles.as_array().unwrap().iter().any(|chat| chat["title"] == "Draw a dog"),
        "named after its first sentence: {titles}"
    );
    assert_eq!(titles[0]["imported_from"], "claude");
}

#[tokio::test]
async fn what_is_not_selected_stays_out() {
    let mira = Life::new().await;
    let import =
        upload(&mira, json!([claude("u1", "cat"), claude("u2", "dog"), claude("u3", "cow")]).to_string().as_bytes())
            .await;
    settled(&mira, &import).await;
    assert_eq!(start(&mira, &import, &[1, 2, 3]).await.body["type"], "import_nothing_chosen");
    start(&mira, &import, &[1, 3]).await;
    let done = settled(&mira, &import).await;
    assert_eq!((&done["wanted"], &done["taken"]), (&json!(1), &json!(1)));
    assert_eq!(mira.get("chats").await["items"][0]["title"], "Draw a dog");
}

fn many(length: usize) -> Vec<u8> {
    let all: Vec<_> = (0..length).map(|number| claude(&format!("u{number}"), "cat")).collect();
    Value::from(all).to_string().into_bytes()
}

fn taken(world: &World) -> i64 {
    world.database().query_row("SELECT taken FROM imports", [], |row| row.get(0)).unwrap()
}

/// Lets the process work until something is so; what is left of it then ends with its reactor.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_killed_process_goes_on_where_it_was_and_nothing_is_taken_over_twice() {
    let world = World::new();
    let import = in_one_life(async {
        let mira = world.live().await;
        let import = upload(&mira, &many(65)).await;
        until(|| taken(&world) == 0).await;
        import
    });
    let state: String = world.database().query_row("SELECT state FROM imports", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "checking", "it died while it looked through the file");
    let before = in_one_life(async {
        let mira = world.live().await;
        let seen = settled(&mira, &import).await;
        assert_eq!((&seen["state"], &seen["preview"]["chats"]), (&json!("ready"), &json!(65)), "{seen}");
        start(&mira, &import, &[]).await;
        until(|| taken(&world) > 0).await;
        taken(&world)
    });
    assert!(before < 65, "it died in the middle");
    in_one_life(async {
        let mira = world.live().await;
        let done = settled(&mira, &import).await;
        assert_eq!((&done["state"], &done["taken"]), (&json!("done"), &json!(65)), "{before} before the kill");
        assert_eq!((count(&mira, "chats"), count(&mira, "messages"), waiting_files(&mira)), (65, 130, 0));
        assert_eq!(count(&mira, "(SELECT DISTINCT source FROM chats)"), 65);
    });
}

#[tokio::test]
async fn who_stops_an_import_keeps_what_is_there_and_may_go_on() {
    let mira = Life::new().await;
    let import = upload(&mira, &many(65)).await;
    settled(&mira, &import).await;
    let run = start(&mira, &import, &[]).await.body["run"].as_str().unwrap().to_owned();
    until(|| taken(&mira.world) > 0).await;
    assert_eq!(mira.call("POST", &format!("runs/{run}/cancel"), Value::Null).await.status.as_u16() / 100, 2);
    let stopped = settled(&mira, &import).await;
    assert_eq!(stopped["state"], "ready", "{stopped}");
    assert!(taken(&mira.world) < 65);
    start(&mira, &import, &[]).await;
    let done = settled(&mira, &import).await;
    assert_eq!((&done["state"], &done["wanted"], count(&mira, "chats")), (&json!("done"), &json!(65), 65));
}

#[tokio::test]
async fn no_byte_of_an_import_is_left_when_it_was_removed() {
    const CANARY: &str = "Zwirbelwanst";
    let mira = Life::new().await;
    let kept = mira.chat().await;
    mira.gateway().will_say(text("Hi."));
    mira.ask(&kept, "What stays, stays").await;
    let done = brought(&mira, &chatgpt_zip(&json!([chatgpt("c1", CANARY, CANARY), chatgpt("c2", "x", CANARY)]))).await;
    let import = done["id"].as_str().unwrap();
    let chats = mira.get("chats").await["items"].clone();
    let imported = chats.as_array().unwrap().iter().find(|chat| chat["imported_from"] == "chatgpt").unwrap();
    let chat = imported["id"].as_str().unwrap();
    mira.gateway().will_say(text(&format!("More about {CANARY}.")));
    mira.ask(chat, &format!("And what does a {CANARY} eat?")).await;
    assert!(!holding(&mira.world.data_dir(), CANARY).is_empty(), "the scan finds what is there");

    let removed = mira.call("DELETE", &format!("imports/{import}"), Value::Null).await;
    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(mira.call("GET", &format!("chats/{chat}"), Value::Null).await.status, 404, "gone from sight at once");
    assert_eq!(mira.call("POST", &format!("chats/{chat}/restore"), Value::Null).await.status, 404);
    assert_eq!(mira.get("imports").await["items"][0]["state"], "removing");
    assert!(mira.assistant.next_alarm().await.is_some(), "it is woken for the rest");
    mira.assistant.purge().await.unwrap();
    assert_eq!(holding(&mira.world.data_dir(), CANARY), Vec::<String>::new());
    assert_eq!(
        (count(&mira, "chats"), count(&mira, "messages"), count(&mira, "imports"), count(&mira, "runs")),
        (1, 2, 0, 1)
    );
    assert!(!holding(&mira.world.data_dir(), "What stays").is_empty());
    assert_eq!(mira.call("DELETE", &format!("imports/{import}"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn an_import_can_be_removed_while_it_comes_in() {
    let mira = Life::new().await;
    let import = upload(&mira, &many(65)).await;
    settled(&mira, &import).await;
    start(&mira, &import, &[]).await;
    until(|| taken(&mira.world) > 0).await;
    assert_eq!(mira.call("DELETE", &format!("imports/{import}"), Value::Null).await.status, 204);
    mira.assistant.settled().await;
    mira.assistant.purge().await.unwrap();
    assert_eq!(
        (count(&mira, "chats"), count(&mira, "imports"), count(&mira, "runs"), waiting_files(&mira)),
        (0, 0, 0, 0)
    );
}

#[tokio::test]
async fn an_upload_that_broke_off_goes_on_where_it_was() {
    let mira = Life::new().await;
    let file = json!([claude("u1", "cat")]).to_string().into_bytes();
    let begun = mira.call_with_key("POST", "imports", json!({ "size": file.len() }), "k1").await;
    let import = begun.body["id"].as_str().unwrap().to_owned();
    assert_eq!(part(&mira, &import, 0, &file[..100]).await.body["received"], 100);
    assert_eq!(
        part(&mira, &import, 0, &file[..100]).await.body["received"],
        100,
        "the same piece again changes nothing"
    );
    let gap = part(&mira, &import, 150, &file[150..]).await;
    assert_eq!((gap.status.as_u16(), &gap.body["type"]), (409, &json!("import_gap")));
    let again = mira.call_with_key("POST", "imports", json!({ "size": file.len() }), "k1").await;
    assert_eq!(
        (&again.body["id"], &again.body["received"]),
        (&json!(import), &json!(100)),
        "nor does beginning it again"
    );
    assert_eq!(part(&mira, &import, 50, &file[50..]).await.body["state"], "checking");
    assert_eq!(part(&mira, &import, 50, &file[50..]).await.status, 200, "the answer may have been lost");
    assert_eq!(settled(&mira, &import).await["state"], "ready");
    assert_eq!(part(&mira, &import, file.len(), b"x").await.body["type"], "import_whole");
}

#[tokio::test]
async fn a_new_upload_takes_the_place_of_one_that_was_left() {
    let mira = Life::new().await;
    let left = mira.call("POST", "imports", json!({ "size": 500 })).await.body["id"].as_str().unwrap().to_owned();
    part(&mira, &left, 0, b"[{").await;
    upload(&mira, json!([claude("u1", "cat")]).to_string().as_bytes()).await;
    mira.assistant.settled().await;
    assert_eq!((count(&mira, "imports"), waiting_files(&mira)), (1, 1));
}

#[tokio::test]
async fn a_file_that_nobody_takes_over_is_thrown_away_after_a_day() {
    let mira = Life::new().await;
    let import = upload(&mira, json!([claude("u1", "aubergine")]).to_string().as_bytes()).await;
    settled(&mira, &import).await;
    mira.world.clock.advance_millis(24 * 60 * 60 * 1000 - 1);
    mira.assistant.purge().await.unwrap();
    assert_eq!(waiting_files(&mira), 1);
    mira.world.clock.advance_millis(1);
    assert!(mira.assistant.next_alarm().await.unwrap() <= ally_types::Clock::now(&*mira.world.clock));
    mira.assistant.purge().await.unwrap();
    assert_eq!((waiting_files(&mira), mira.get("imports").await["items"].clone()), (0, json!([])));
    assert_eq!(holding(&mira.world.data_dir(), "aubergine"), Vec::<String>::new());
    assert_eq!(mira.assistant.next_alarm().await, None);
}

/// The most memory that this process ever had, in MB, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
}

#[tokio::test]
async fn a_large_file_takes_no_more_memory_than_its_longest_conversation() {
    const CHATS: usize = 120;
    let mira = Life::new().await;
    let one = |number: usize| {
        let mut one = claude(&format!("u{number:04}"), "cat");
        one["padding"] = json!("x".repeat(900_000));
        format!("{}{one}", if number == 0 { '[' } else { ',' }).into_bytes()
    };
    let lengths: usize = (0..CHATS).map(|number| one(number).len()).sum();
    let begun = mira.call("POST", "imports", json!({ "size": lengths + 1 })).await.body;
    let import = begun["id"].as_str().unwrap();
    let mut offset = 0;
    for number in 0..CHATS {
        let piece = one(number);
        assert_eq!(part(&mira, import, offset, &piece).await.status, 200);
        offset += piece.len();
    }
    part(&mira, import, offset, b"]").await;
    assert_eq!(settled(&mira, import).await["preview"]["chats"], CHATS);
    start(&mira, import, &[]).await;
    assert_eq!(settled(&mira, import).await["taken"], CHATS);
    let file = u64::try_from(lengths).unwrap() >> 20;
    assert!(peak_memory().is_none_or(|peak| peak < file * 7 / 10), "{:?} MB for a file of {file} MB", peak_memory());
}
