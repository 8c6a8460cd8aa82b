//! Who may come in, and for how long.

use crate::world::{ORIGIN, Person, Trouble, World, settle, word};
use ally_gateway::router::{ASSISTANT, OWN};
use ally_http::session::Sessions;
use ally_types::seal::Key;
use ally_types::{SystemChance, Timestamp};
use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Every route that wants somebody who is signed in: the gateway's own, and the assistant's nouns.
fn guarded() -> Vec<(String, String)> {
    let own = OWN.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned()));
    let people = ASSISTANT.iter().chain(&["something-new"]).flat_map(|noun| {
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].into_iter().flat_map(move |method| {
            ["", "/x", "/x/events"].map(|rest| (method.to_owned(), format!("/api/v1/{noun}{rest}")))
        })
    });
    own.chain(people).collect()
}

fn claims_changed(cookie: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut parts: Vec<String> = cookie.split('.').map(str::to_owned).collect();
    let mut claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&parts[1]).unwrap()).unwrap();
    change(&mut claims);
    parts[1] = URL_SAFE_NO_PAD.encode(claims.to_string());
    parts.join(".")
}

#[tokio::test]
async fn nobody_reaches_an_assistant_without_a_living_session() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    let signed_out = world.person();
    world.platform.sessions.lock().unwrap().remove(&signed_out.session.to_string());
    let stranger = World::new().await;
    let forged = stranger.somebody(true);
    let old = {
        let clock = ally_types::time::StandingClock::at(Timestamp::from_millis(1_763_700_000_000 - 604_800_000));
        let subject = ally_http::session::Subject {
            account: mira.account,
            session: mira.session,
            server: mira.server,
            administrator: true,
            authenticated_at: 0,
        };
        let token = Sessions::new(&Key::from_bytes(*world.session_key.expose())).sign(&clock, &SystemChance, subject);
        format!("ally_session={token}")
    };
    let other_audience = claims_changed(&mira.cookie, |claims| claims["aud"] = json!("mallory"));
    let cookies = [
        String::new(),
        "ally_session=".to_owned(),
        "ally_session=a.b.c".to_owned(),
        format!("{}; {}", mira.cookie, mira.cookie),
        signed_out.cookie.clone(),
        forged.cookie.clone(),
        old,
        other_audience,
    ];
    for (method, path) in guarded() {
        for cookie in &cookies {
            let answer = world.ask(&method, &path).here().header("cookie", cookie).send().await;
            assert_eq!(answer.status(), 401, "{method} {path} {cookie}");
        }
    }
    assert_eq!(world.connections(), 0);
    assert_eq!(world.get("/api/v1/chats").by(&mira).text().await, (200, "\"in\"".to_owned()));
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_and_reads_no_stream() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    for (method, path) in guarded() {
        if matches!(method.as_str(), "GET" | "HEAD") && !path.ends_with("/events") {
            continue;
        }
        for origin in ["http://evil.example", "null", "http://127.0.0.1:8081"] {
            let answer = world.ask(&method, &path).by(&mira).header("origin", origin).send().await;
            assert_eq!(answer.status(), 403, "{method} {path} {origin}");
        }
    }
    assert_eq!(world.ask("POST", "/api/v1/chats").by(&mira).problem().await.1, "wrong_origin");
    let sneaky = world.get("/api/v1/chats").by(&mira).header("accept", "text/event-stream");
    assert_eq!(sneaky.header("sec-fetch-site", "cross-site").problem().await.1, "wrong_origin");
    let sign_in = |origin: &str| world.ask("POST", "/api/v1/auth/sign-in").header("origin", origin).body("{}");
    assert_eq!(sign_in("http://evil.example").problem().await.1, "wrong_origin");
    assert_eq!(sign_in(ORIGIN).send().await.status(), 200);
    assert_eq!(world.connections(), 0);
}

#[tokio::test]
async fn the_platform_is_asked_once_and_then_its_stream_is_trusted() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    for _ in 0..5 {
        assert_eq!(world.get("/api/v1/chats").by(&mira).send().await.status(), 200);
    }
    assert_eq!(world.platform.asked(), 1);
    world.revoke(&mira);
    settle().await;
    assert_eq!(world.get("/api/v1/chats").by(&mira).send().await.status(), 401);
    assert_eq!(world.platform.asked(), 1);
}

#[tokio::test]
async fn an_account_that_is_closed_loses_every_session() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    assert_eq!(world.get("/api/v1/chats").by(&mira).send().await.status(), 200);
    world.platform.sessions.lock().unwrap().clear();
    world.platform.say(&json!({"type": "revoked_account", "account": mira.account}));
    settle().await;
    assert_eq!(world.get("/api/v1/chats").by(&mira).send().await.status(), 401);
}

#[tokio::test(start_paused = true)]
async fn while_the_stream_is_down_each_request_asks() {
    let world = World::new().await;
    let mira = world.person();
    let verifier = world.verifier(&mira);
    let proof = move |request: Request| async move {
        let identity = verifier.verify(&request.into_parts().0).map_err(|_| ()).unwrap();
        word(&identity.authenticated_at.to_string())
    };
    world.routes(&mira, Router::new().fallback(any(proof)));
    let reads = || world.get("/api/v1/chats").by(&mira).text();
    assert_eq!(reads().await, (200, "\"1763700000\"".to_owned()));
    world.platform.is_down.store(true, Ordering::SeqCst);
    world.platform.cut();
    settle().await;
    assert_eq!(reads().await.0, 200);
    assert_eq!(world.platform.asked(), 1);
    tokio::time::advance(Duration::from_millis(1100)).await;
    settle().await;

    // The platform is away: chat goes on, what needs a fresh proof or an administrator does not.
    assert_eq!(reads().await, (200, "\"0\"".to_owned()));
    let admin = world.somebody(true);
    let asked = world.ask("DELETE", "/api/v1/provider/local").by(&admin).here().problem().await;
    assert_eq!(asked, (503, "platform_unreachable".to_owned()));

    // It is back, and meanwhile somebody signed out.
    world.platform.sessions.lock().unwrap().clear();
    world.platform.is_down.store(false, Ordering::SeqCst);
    assert_eq!(reads().await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_does_not_answer_properly_vouches_for_nobody() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    for trouble in [Trouble::Fails, Trouble::Stalls, Trouble::Garbles, Trouble::Refuses] {
        *world.platform.trouble.lock().unwrap() = Some(trouble);
        let answer = world.get("/api/v1/chats").by(&mira).send().await;
        assert!(answer.status() == 503 && answer.headers().contains_key("retry-after"), "{trouble:?}");
        let answer = world.get("/api/v1/chats").by(&mira).problem().await;
        assert_eq!(answer, (503, "platform_busy".to_owned()), "{trouble:?}");
    }
    assert_eq!(world.connections(), 0);
    *world.platform.trouble.lock().unwrap() = None;
    assert_eq!(world.get("/api/v1/chats").by(&mira).send().await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_found_ended_stays_out_while_the_platform_is_away() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    world.platform.sessions.lock().unwrap().clear();
    let status = async || world.get("/api/v1/chats").by(&mira).send().await.status().as_u16();
    assert_eq!(status().await, 401);
    world.platform.is_down.store(true, Ordering::SeqCst);
    world.platform.cut();
    settle().await;
    tokio::time::advance(Duration::from_millis(1100)).await;
    settle().await;
    assert_eq!(status().await, 401);
    assert_eq!(world.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_asked_for_again_each_minute() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    let reads = async || world.get("/api/v1/chats").by(&mira).send().await.status().as_u16();
    assert_eq!(reads().await, 200);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!((reads().await, world.platform.asked()), (200, 1));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!((reads().await, world.platform.asked()), (200, 2));
    // It ended, and nobody said so.
    world.platform.sessions.lock().unwrap().clear();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(reads().await, 401);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_too_busy_to_answer_sends_nobody_away_whom_it_vouched_for() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    let reads = async || world.get("/api/v1/chats").by(&mira).send().await.status().as_u16();
    assert_eq!(reads().await, 200);
    for trouble in [Trouble::Fails, Trouble::Stalls, Trouble::Garbles, Trouble::Refuses] {
        tokio::time::advance(Duration::from_secs(61)).await;
        *world.platform.trouble.lock().unwrap() = Some(trouble);
        assert_eq!(reads().await, 200, "{trouble:?}");
        let stranger = world.get("/api/v1/chats").by(&world.person()).problem().await;
        assert_eq!(stranger, (503, "platform_busy".to_owned()), "{trouble:?}");
    }
    // What it says on its stream still holds at once.
    world.revoke(&mira);
    settle().await;
    assert_eq!(reads().await, 401);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_token() {
    let world = World::new().await;
    let mira: Person = world.person();
    world.routes(&mira, Router::new().fallback(any(|| async { word("in") })));
    assert_eq!(world.get("/api/v1/chats").by(&mira).send().await.status(), 200);
    world.clock.advance_millis(604_800_000);
    assert_eq!(world.get("/api/v1/chats").by(&mira).send().await.status(), 401);
}
