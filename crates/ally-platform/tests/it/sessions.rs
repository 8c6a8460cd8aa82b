//! Sessions: tokens that are forged, replaced, ended; devices that are listed and signed out.

use crate::world::{PASSWORD, Person, Setup, World, drawn, on_both};
use ally_http::session::{Sessions, Subject};
use ally_platform::SignUp;
use ally_types::seal::Key;
use ally_types::time::StandingClock;
use ally_types::{SystemChance, Timestamp};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const HOUR: i64 = 3_600_000;

fn claims(person: &Person) -> Value {
    let body = person.token().split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).expect("base64")).expect("claims")
}

fn with_token(world: &World, token: &str) -> Person {
    let name = if world.setup.public_url.starts_with("https") { "__Host-ally_session" } else { "ally_session" };
    Person { cookie: format!("{name}={token}"), account: Value::Null }
}

async fn status(world: &World, person: &Person) -> u16 {
    world.send(world.get("/api/v1/account").by(person)).await.status.as_u16()
}

#[tokio::test]
async fn a_token_is_a_jwt_of_seven_days_and_nothing_that_looks_like_one_is_accepted() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let said = claims(&mira);
        assert_eq!((&said["aud"], &said["typ"]), (&json!("ally"), &json!("ally-session")));
        assert_eq!(said["exp"].as_i64().expect("exp") - said["iat"].as_i64().expect("iat"), 604_800);
        let id = |name: &str| said[name].as_str().expect("an id");
        let subject = Subject {
            account: id("sub").parse().expect("an account"),
            session: id("sid").parse().expect("a session"),
            server: id("srv").parse().expect("a server"),
            administrator: true,
            authenticated_at: 0,
        };
        let (head, rest) = mira.token().split_once('.').expect("three parts");
        let (body, signature) = rest.split_once('.').expect("three parts");
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let old = StandingClock::at(Timestamp::from_millis(1_763_700_000_000 - 604_800_000));
        let mut other_audience = said.clone();
        other_audience["aud"] = json!("server");
        let forged = [
            format!("{}.{body}.", encode(&json!({"alg": "none", "typ": "JWT"}))),
            format!("{}.{body}.{signature}", encode(&json!({"alg": "RS256", "typ": "JWT"}))),
            format!("{head}.{}.{signature}", encode(&other_audience)),
            Sessions::new(&Key::new(&SystemChance)).sign(world.clock.as_ref(), &SystemChance, subject),
            world.tokens().sign(&old, &SystemChance, subject),
            // Signed with the right key, for a session that does not exist, and for somebody else's.
            world.tokens().sign(
                world.clock.as_ref(),
                &SystemChance,
                Subject { session: ally_types::SessionId::new(world.clock.as_ref(), &SystemChance), ..subject },
            ),
            world.tokens().sign_as(
                world.clock.as_ref(),
                id("jti"),
                Subject { account: ally_types::AccountId::new(world.clock.as_ref(), &SystemChance), ..subject },
            ),
            "a.b.c".to_owned(),
            drawn(),
        ];
        for token in &forged {
            assert_eq!(status(world, &with_token(world, token)).await, 401, "{token}");
        }
        assert_eq!(status(world, &mira).await, 200);
        let twice = Person { cookie: format!("{}; {}", mira.cookie, mira.cookie), account: Value::Null };
        assert_eq!(status(world, &twice).await, 401);
        world.clock.advance_millis(604_800_000);
        assert_eq!(status(world, &mira).await, 401, "after seven days");
    })
    .await;
}

#[tokio::test]
async fn signing_out_kills_the_token_and_tells_the_gateway_at_once() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let session = claims(&mira)["sid"].as_str().expect("a session").to_owned();
        let request = Request::get("/internal/revocations").body(Body::empty()).expect("a request");
        let stream = world.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(stream.headers()["content-type"], "application/x-ndjson");
        let mut lines = stream.into_body();
        let mut next = async || {
            let frame = lines.frame().await?.expect("a frame").into_data().expect("data");
            Some(serde_json::from_slice::<Value>(&frame).expect("JSON"))
        };
        assert_eq!(next().await, Some(json!({"type": "hello"})));
        let reply = world.send(world.post("/api/v1/auth/sign-out", json!({})).by(&mira)).await;
        assert_eq!((reply.status.as_u16(), reply.header("clear-site-data")), (204, "\"cache\""));
        assert!(reply.header("set-cookie").contains("Max-Age=0"));
        assert_eq!(next().await, Some(json!({"type": "revoked", "session": session})));
        assert_eq!(status(world, &mira).await, 401);
        let standing = world.send(world.get(&format!("/internal/sessions/{session}")).from("")).await;
        assert_eq!(standing.json()["valid"], false);
        world.platform.close();
        assert_eq!(next().await, None, "the stream ends when the platform stops");
    })
    .await;
}

#[tokio::test]
async fn the_gateway_learns_who_a_session_is() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let said = claims(&mira);
        let path = format!("/internal/sessions/{}", said["sid"].as_str().expect("a session"));
        let standing = world.send(world.get(&path).from("")).await.json();
        let expected = json!({
            "account": mira.account["id"], "server": mira.account["server"], "administrator": true,
            "authenticated_at": said["auth_time"], "valid": true,
        });
        assert_eq!(standing, expected);
        for unknown in ["ses_00000000000000000000000000", "nonsense", "acc_00000000000000000000000000"] {
            let reply = world.send(world.get(&format!("/internal/sessions/{unknown}")).from("")).await;
            assert_eq!(reply.problem(), (404, "session_not_found".to_owned()));
        }
        for passed_on in [path.as_str(), "/internal/revocations"] {
            let reply = world.send(world.get(passed_on).by(&mira)).await;
            assert_eq!(reply.problem(), (404, "route_not_found".to_owned()), "what a browser sent gets nowhere");
        }
    })
    .await;
}

#[tokio::test]
async fn devices_are_listed_and_signed_out_one_by_one_or_all_but_this() {
    on_both(Setup { sign_up: SignUp::Open, ..Setup::laptop() }, async |world| {
        let mira = world.person("mira@example.com").await;
        let ana = world.person("ana@example.com").await;
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let body = json!({"email": "mira@example.com", "password": PASSWORD});
        let call = world.post("/api/v1/auth/sign-in", body).header("user-agent", firefox);
        let phone = Person::of(&world.send(call).await);
        world.clock.advance_millis(3 * HOUR);
        let list = async |by: &Person| {
            let reply = world.send(world.get("/api/v1/account/sessions").by(by)).await;
            reply.json()["items"].as_array().expect("items").clone()
        };
        let seen = list(&mira).await;
        assert_eq!(seen.len(), 2);
        let shown: Vec<_> = seen.iter().map(|row| (row["agent"].clone(), row["current"].clone())).collect();
        assert!(shown.contains(&(json!("Firefox on Linux"), json!(false))), "{shown:?}");
        assert!(shown.contains(&(json!("Another program"), json!(true))), "{shown:?}");
        assert!(seen.iter().all(|row| row["last_used"].as_str().is_some_and(|at| at.ends_with(":00:00.000Z"))));

        let other = seen.iter().find(|row| row["current"] == json!(false)).expect("the phone")["id"].clone();
        let path = format!("/api/v1/account/sessions/{}", other.as_str().expect("an id"));
        let delete = async |by: &Person| world.send(world.call(Method::DELETE, &path).by(by)).await.status.as_u16();
        assert_eq!(delete(&ana).await, 404, "somebody else's session is not there");
        assert_eq!(status(world, &phone).await, 200);
        assert_eq!(delete(&mira).await, 204);
        assert_eq!((status(world, &phone).await, delete(&mira).await), (401, 404));

        let tablet = Person::of(&world.sign_in("mira@example.com", PASSWORD).await);
        let reply = world.send(world.post("/api/v1/account/sessions/revoke-others", json!({})).by(&tablet)).await;
        assert_eq!(reply.status, 204);
        assert_eq!((status(world, &mira).await, status(world, &tablet).await), (401, 200));
        assert_eq!(list(&tablet).await.len(), 1);
        assert_eq!(status(world, &ana).await, 200);
    })
    .await;
}

#[tokio::test]
async fn signing_in_anew_in_a_browser_ends_the_session_it_held() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let body = json!({"email": "mira@example.com", "password": PASSWORD});
        let again = world.send(world.post("/api/v1/auth/sign-in", body).by(&mira)).await;
        assert_eq!(status(world, &Person::of(&again)).await, 200);
        assert_eq!(status(world, &mira).await, 401);
    })
    .await;
}

async fn renewed(world: &World, by: &Person) -> Option<Person> {
    let reply = world.send(world.get("/api/v1/account").by(by)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.cookie().map(|cookie| Person { cookie, account: reply.json() })
}

#[tokio::test]
async fn a_token_is_renewed_after_a_day_and_all_tabs_get_the_same_successor() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        world.clock.advance_millis(23 * HOUR);
        assert!(renewed(world, &mira).await.is_none());
        world.clock.advance_millis(HOUR);
        let replies = futures_util::future::join_all((0..20).map(|_| renewed(world, &mira))).await;
        let ids: std::collections::BTreeSet<String> =
            replies.iter().map(|reply| claims(reply.as_ref().expect("a successor"))["jti"].to_string()).collect();
        assert_eq!(ids.len(), 1, "one successor for all tabs");
        let successor = replies.into_iter().next().flatten().expect("a successor");
        assert_eq!(claims(&successor)["sid"], claims(&mira)["sid"]);
        // The answer may have been lost: the old token counts until the new one is seen.
        world.clock.advance_millis(HOUR);
        assert_eq!(status(world, &mira).await, 200);
        assert_eq!(status(world, &successor).await, 200);
        world.clock.advance_millis(30_000);
        let late = renewed(world, &mira).await.expect("the losing tab is handed the winner's token");
        assert_eq!(claims(&late)["jti"], claims(&successor)["jti"]);
        world.clock.advance_millis(20_000);
        assert_eq!(status(world, &mira).await, 200, "still within the grace, which the last use did not extend");
        assert_eq!(status(world, &successor).await, 200);
    })
    .await;
}

#[tokio::test]
async fn a_replaced_token_that_comes_back_late_ends_the_session() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        world.clock.advance_millis(25 * HOUR);
        let successor = renewed(world, &mira).await.expect("a successor");
        assert_eq!(status(world, &successor).await, 200);
        world.clock.advance_millis(61_000);
        assert_eq!(status(world, &mira).await, 401, "somebody kept the old token");
        assert_eq!(status(world, &successor).await, 401, "and nobody can tell who: the session is over");
        let noted = world.text("SELECT kind FROM security_event WHERE kind = 'replaced_token_used'").await;
        assert_eq!(noted.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_ninety_days_however_often_it_is_renewed() {
    on_both(Setup::laptop(), async |world| {
        let mut mira = world.person("mira@example.com").await;
        for _ in 0..22 {
            world.clock.advance_millis(4 * 24 * HOUR);
            mira = renewed(world, &mira).await.expect("renewed");
        }
        assert_eq!(status(world, &mira).await, 200);
        world.clock.advance_millis(3 * 24 * HOUR);
        assert_eq!(status(world, &mira).await, 401);
    })
    .await;
}

#[tokio::test]
async fn another_site_can_neither_sign_out_nor_sign_in_the_person() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let out = world.post("/api/v1/auth/sign-out", json!({})).by(&mira);
        let body = json!({"email": "mira@example.com", "password": PASSWORD});
        let sign_in = world.post("/api/v1/auth/sign-in", body);
        for (call, refused) in [
            (out.clone().header("origin", "https://evil.example"), true),
            (out.clone().header("origin", "null"), true),
            (out.clone().header("origin", ""), true),
            (out.clone().header("origin", "").header("sec-fetch-site", "cross-site"), true),
            (sign_in.clone().header("origin", "https://evil.example"), true),
            (sign_in.clone().header("origin", "").header("sec-fetch-site", "same-site"), true),
            (sign_in.header("origin", ""), false),
            (out.header("origin", "").header("sec-fetch-site", "same-origin"), false),
        ] {
            let reply = world.send(call).await;
            if refused {
                assert_eq!(reply.problem(), (403, "wrong_origin".to_owned()));
                assert_eq!(status(world, &mira).await, 200);
            } else {
                assert!(reply.status.is_success(), "{}", reply.text);
            }
        }
    })
    .await;
}
