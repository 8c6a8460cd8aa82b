//! Limits: every route has one; nobody on a laptop is kept out by the address.

use crate::routes;
use crate::world::{PASSWORD, Setup, on_both};
use ally_http::limit::Rate;
use ally_platform::SignUp;
use serde_json::json;

#[tokio::test]
async fn every_route_answers_too_many_requests_from_one_address_with_429() {
    on_both(Setup::public(), async |world| {
        for (at, (call, _)) in routes::all(world).into_iter().enumerate() {
            let shown = format!("{} {}", call.method, call.path);
            let call = call.json(&json!({})).from(&format!("203.0.113.{at}"));
            let mut refused = None;
            for _ in 0..200 {
                let reply = world.send(call.clone().header("x-forwarded-for", crate::world::drawn())).await;
                if reply.status == 429 {
                    refused = Some(reply);
                    break;
                }
            }
            let refused = refused.unwrap_or_else(|| panic!("{shown} is never refused"));
            assert_eq!(refused.problem(), (429, "too_many_requests".to_owned()));
            let wait: u32 = refused.header("retry-after").parse().expect("seconds");
            assert!((1..=3600).contains(&wait), "{shown}: {wait}");
            assert_eq!(refused.json()["retry_after"], wait);
        }
    })
    .await;
}

#[tokio::test]
async fn an_account_is_protected_from_many_addresses_and_the_wait_is_short() {
    on_both(Setup::public(), async |world| {
        world.person("mira@example.com").await;
        let call = |at: u32| {
            let body = json!({"email": "Mira@example.com", "password": "a wrong password"});
            world.post("/api/v1/auth/sign-in", body).from(&format!("203.0.{}.{}", at / 200, at % 200))
        };
        let mut at = 0;
        let refused = loop {
            let reply = world.send(call(at)).await;
            at += 1;
            if reply.status == 429 {
                break reply;
            }
            assert!(at < 100, "never refused");
        };
        assert_eq!(at, 31);
        assert_eq!(refused.header("retry-after"), "2", "nobody can lock another person out for long");
        world.clock.advance_millis(2_000);
        assert_eq!(world.sign_in("mira@example.com", PASSWORD).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_stolen_session_is_no_faster_way_to_guess_the_password() {
    on_both(Setup::public(), async |world| {
        let mira = world.person("mira@example.com").await;
        let wrong = "a wrong password";
        for at in 0..30 {
            let call = if at % 2 == 0 {
                world.post("/api/v1/account/password", json!({"current": wrong, "new": PASSWORD})).by(&mira)
            } else {
                world.post("/api/v1/auth/sign-in", json!({"email": "mira@example.com", "password": wrong}))
            };
            let expected = if at % 2 == 0 { 403 } else { 401 };
            assert_eq!(world.send(call.from(&format!("203.0.113.{at}"))).await.status, expected, "{at}");
        }
        let hashes = world.platform.hashes();
        let call = world.post("/api/v1/account/password", json!({"current": PASSWORD, "new": wrong}));
        let refused = world.send(call.by(&mira).from("203.0.113.99")).await;
        assert_eq!(refused.problem(), (429, "too_many_requests".to_owned()));
        assert_eq!(world.platform.hashes(), hashes, "nothing is computed for who is refused");
    })
    .await;
}

#[tokio::test]
async fn on_a_laptop_the_address_is_not_counted_but_the_whole_is() {
    let mut setup = Setup { sign_up: SignUp::Open, ..Setup::laptop() };
    setup.limits.sign_in.global = Rate { burst: 20, refill_millis: 1_000 };
    on_both(setup, async |world| {
        let call = |at: u32, peer: &str| {
            let body = json!({"email": format!("a{at}@example.com"), "password": "a wrong password"});
            world.post("/api/v1/auth/sign-in", body).from(peer)
        };
        for at in 0..5 {
            assert_eq!(world.send(call(at, "203.0.113.7")).await.status, 401);
        }
        assert_eq!(world.send(call(5, "203.0.113.7")).await.status, 429, "another machine's address is counted");
        for at in 5..20 {
            assert_eq!(world.send(call(at, if at % 2 == 0 { "loopback" } else { "127.0.0.1" })).await.status, 401);
        }
        assert_eq!(world.send(call(20, "loopback")).await.status, 429);
    })
    .await;
}
