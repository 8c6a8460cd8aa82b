//! Invitations: made by the administrator, used once, within a week.

use crate::world::{PASSWORD, Setup, World, on_both};
use http::Method;
use serde_json::{Value, json};

fn sign_up(email: &str, token: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "adult": true, "accepts": ["privacy", "terms"], "invitation": token,
    })
}

async fn invite(world: &World, by: &crate::world::Person) -> (String, Value) {
    let made = world.send(world.post("/api/v1/invitations", json!({})).by(by)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let url = made["url"].as_str().expect("a link");
    let (page, token) = url.split_once("#invitation=").expect("a token");
    assert_eq!(page, format!("{}/app/sign-up", world.setup.public_url), "nothing secret stands before the fragment");
    (token.to_owned(), made)
}

/// Asks whether an invitation counts.
async fn check(world: &World, token: &str) -> crate::world::Reply {
    let call = world.post("/api/v1/auth/invitations/check", json!({ "invitation": token }));
    world.send(call.from("loopback")).await
}

#[tokio::test]
async fn an_invitation_lets_one_person_in_once() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let (token, made) = invite(world, &mira).await;
        for _ in 0..2 {
            assert_eq!(check(world, &token).await.json(), json!({"valid": true}), "asking does not use it");
        }
        let (one, two) = tokio::join!(
            world.send(world.post("/api/v1/auth/sign-up", sign_up("ana@example.com", &token))),
            world.send(world.post("/api/v1/auth/sign-up", sign_up("bo@example.com", &token))),
        );
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 403], "{} {}", one.text, two.text);
        let third = world.send(world.post("/api/v1/auth/sign-up", sign_up("cy@example.com", &token))).await;
        assert_eq!(third.problem(), (403, "invitation_not_usable".to_owned()));
        assert_eq!(check(world, &token).await.problem(), (404, "invitation_not_found".to_owned()));
        let list = world.send(world.get("/api/v1/invitations").by(&mira)).await.json();
        assert_eq!(list["items"][0]["id"], made["id"]);
        assert!(list["items"][0]["used"].is_string());
        assert!(!list.to_string().contains(&token), "the token is shown once");
        let kept = world.text("SELECT token_hash FROM invitation").await;
        assert!(kept.iter().all(|hash| *hash != token && hash.len() == 64), "only a digest is kept");
    })
    .await;
}

#[tokio::test]
async fn a_used_address_does_not_use_up_the_invitation() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let (token, _) = invite(world, &mira).await;
        let taken = world.send(world.post("/api/v1/auth/sign-up", sign_up("mira@example.com", &token))).await;
        assert_eq!(taken.problem(), (409, "email_taken".to_owned()));
        let reply = world.send(world.post("/api/v1/auth/sign-up", sign_up("ana@example.com", &token))).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
    })
    .await;
}

#[tokio::test]
async fn an_invitation_that_expired_or_was_taken_back_or_invented_opens_nothing() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let (expired, _) = invite(world, &mira).await;
        world.clock.advance_millis(6 * 24 * 3_600_000);
        let (withdrawn, made) = invite(world, &mira).await;
        let path = format!("/api/v1/invitations/{}", made["id"].as_str().expect("an id"));
        assert_eq!(world.send(world.call(Method::DELETE, &path).by(&mira)).await.status, 204);
        assert_eq!(world.send(world.call(Method::DELETE, &path).by(&mira)).await.status, 404);
        world.clock.advance_millis(24 * 3_600_000 - 1);
        assert_eq!(check(world, &expired).await.status, 200);
        world.clock.advance_millis(1);
        for token in [expired.as_str(), &withdrawn, "invented", "' OR 1=1 --", "🦊", ""] {
            let body = sign_up("ana@example.com", token);
            let reply = world.send(world.post("/api/v1/auth/sign-up", body).from("loopback")).await;
            assert_eq!(reply.problem(), (403, "invitation_not_usable".to_owned()), "{token}");
            assert_eq!(check(world, token).await.problem(), (404, "invitation_not_found".to_owned()), "{token}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_in_the_address_opens_nothing_and_guessing_is_slow() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let (token, _) = invite(world, &mira).await;
        let in_the_path = world.send(world.get(&format!("/api/v1/auth/invitations/{token}"))).await;
        assert_eq!(in_the_path.problem(), (404, "route_not_found".to_owned()));
        let in_the_query = world.post(&format!("/api/v1/auth/invitations/check?invitation={token}"), json!({}));
        assert_eq!(world.send(in_the_query).await.problem(), (422, "wrong_shape".to_owned()));
        let guess = |peer: &str| {
            let call = world.post("/api/v1/auth/invitations/check", json!({ "invitation": crate::world::drawn() }));
            world.send(call.from(peer))
        };
        for _ in 0..10 {
            assert_eq!(guess("203.0.113.9").await.status, 404);
        }
        assert_eq!(guess("203.0.113.9").await.problem(), (429, "too_many_requests".to_owned()));
        assert_eq!(guess("203.0.113.10").await.status, 404, "somebody else is not kept waiting");
        let foreign = world.post("/api/v1/auth/invitations/check", json!({ "invitation": token }));
        let foreign = world.send(foreign.header("origin", "https://evil.example")).await;
        assert_eq!(foreign.status, 403, "another site cannot try tokens through a visitor's browser");
    })
    .await;
}
