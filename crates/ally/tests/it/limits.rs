//! At a usage limit: what is refused, what is told, and what goes on as before.

use crate::app::TestApp;
use ally_gateway::{Allowance, Plans};
use serde_json::json;

/// A limit that no call fits into, and a plan without one.
fn nothing_goes() -> Plans {
    let by_name = [
        ("small".to_owned(), Allowance { tokens_per_day: Some(10), tokens_per_month: None }),
        ("open".to_owned(), Allowance::default()),
    ];
    Plans { default: Some("small".to_owned()), by_name: by_name.into(), daily_ceiling: None }
}

#[tokio::test]
async fn at_the_limit_everything_but_asking_a_model_goes_on() {
    let app = TestApp::limited(nothing_goes()).await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    let answer = mira.ask(&chat, "What is the capital of Portugal?").await;
    let problem = &answer["problem"];
    assert_eq!((&answer["status"], &problem["type"]), (&json!("failed"), &json!("limit_reached")));
    assert!(problem["next_step"].as_str().unwrap().contains("22 November"), "{problem}");
    assert_eq!(app.model.seen().len(), 0, "no model was asked");
    let limits = mira.get("/api/v1/limits").await.expect(200).json();
    assert_eq!((&limits["plan"], &limits["notice"]["percent"]), (&json!("small"), &json!(100)));
    // Her question is kept, and everything can be read, changed and taken along.
    let messages = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200);
    assert!(messages.text().contains("capital of Portugal"));
    for path in ["/api/v1/chats", "/api/v1/memory/files", "/api/v1/usage?by=day", "/api/v1/account", "/api/v1/egress"] {
        mira.get(path).await.expect(200);
    }
    mira.post("/api/v1/memory/search", json!({ "q": "Portugal" })).await.expect(200);
    mira.get("/api/v1/usage/csv?by=session").await.expect(200);
    // Signing out and in again.
    mira.post("/api/v1/auth/sign-out", json!({})).await.expect(204);
    mira.get("/api/v1/chats").await.expect(401);
    let known = json!({ "email": "mira@example.org", "password": "correct horse battery staple" });
    mira.post("/api/v1/auth/sign-in", known).await.expect(200);
    mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200);
}

#[tokio::test]
async fn the_administrator_gives_a_larger_plan_and_sees_totals_only() {
    let app = TestApp::limited(nothing_goes()).await;
    let mira = app.owner("mira").await;
    app.clock.advance_millis(1);
    let ben = app.browser();
    let about = json!({
        "email": "ben@example.org", "password": "correct horse battery staple", "adult": true,
        "accepts": ["privacy", "terms"],
    });
    ben.post("/api/v1/auth/sign-up", about).await.expect(201);
    let chat = ben.chat().await;
    assert_eq!(ben.ask(&chat, "CANARYWORD one").await["status"], "failed");
    let account = ben.get("/api/v1/account").await.expect(200).json();
    let path = format!("/api/v1/installation/people/{}", account["id"].as_str().unwrap());
    mira.patch(&path, json!({ "plan": "open" })).await.expect(204);
    app.gateway().learn_plans().await.unwrap();
    assert_eq!(ben.ask(&chat, "CANARYWORD two").await["status"], "complete");
    assert_eq!(ben.get("/api/v1/limits").await.expect(200).json(), json!({ "plan": "open", "items": [] }));
    app.gateway().tell_totals().await.unwrap();
    let used = ben.get("/api/v1/usage?by=day").await.expect(200).json()["items"][0].clone();
    let used: u64 =
        ["input", "output", "cache_read", "cache_write"].iter().map(|kind| used[kind].as_u64().unwrap()).sum();
    let people = mira.get("/api/v1/installation/people").await.expect(200);
    assert_eq!(people.json()["items"][1]["tokens_this_month"], used);
    assert_eq!(people.json()["tokens_this_month"], used);
    assert!(used > 0 && !people.text().contains("CANARYWORD"));
}
