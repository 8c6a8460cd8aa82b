//! "Test my walls", from inside. Nothing stands around a test, so most of what is tried gets through and must do no harm.

use crate::world::{World, kinds, read};
use serde_json::{Value, json};

#[tokio::test]
async fn a_test_of_the_walls_tells_each_attempt_truly_and_leaves_everything_as_it_was() {
    let world = World::new();
    let mut parts = world.parts(world.clock.clone());
    parts.walls = "in_process".to_owned();
    let (router, assistant) = ally_assistant::open(parts).await.unwrap();
    let life = crate::world::Life { world, router, assistant };
    let (uid, root) = (user(), std::fs::read_link("/proc/self/root").unwrap());
    let open = || life.send(life.world.request("POST", "space/walls/test", &json!({})));
    let first = open().await;
    assert_eq!(
        (first.status().as_u16(), first.headers()["content-type"].to_str().unwrap()),
        (200, "text/event-stream")
    );
    // The first stream is open and nobody reads it yet.
    let second = read(open().await).await;
    assert_eq!((second.status.as_u16(), second.body["type"].as_str().unwrap()), (409, "test_running"));
    assert!(second.body["next_step"].is_string());
    let events = all(first).await;
    let (finished, attempts) = events.split_last().unwrap();
    assert!(kinds(attempts).iter().all(|kind| *kind == "attempt"));
    let count = |outcome: &str| attempts.iter().filter(|event| event["outcome"] == outcome).count();
    let sum = json!({
        "type": "finished", "tried": attempts.len(), "refused": count("refused"), "succeeded": count("succeeded"),
    });
    assert_eq!(finished, &sum);
    let of = |name: &str| attempts.iter().find(|event| event["name"] == name).unwrap();
    // There is no wall: that is said, and not hidden.
    assert_eq!(of("start_process")["outcome"], "succeeded");
    assert_eq!(of("list_processes")["outcome"], "succeeded");
    assert_eq!(of("list_processes")["by"], Value::Null);
    // A test of ours calls nobody.
    assert_eq!(of("tcp_outside")["outcome"], "skipped");
    assert!(attempts.iter().all(|event| event["outcome"] != "refused" || event["by"].is_string()));
    assert!(!events.iter().any(|event| event.to_string().contains('/')), "no path of this machine: {events:?}");
    assert_eq!((user(), std::fs::read_link("/proc/self/root").unwrap()), (uid, root));
    // And the next one may begin.
    assert_eq!(all(open().await).await.len(), events.len());
    assert_eq!(life.get("space").await["walls"], json!(["in_process"]));
}

async fn all(response: http::Response<axum::body::Body>) -> Vec<Value> {
    use http_body_util::BodyExt as _;
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

fn user() -> String {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .unwrap()
        .to_owned()
}
