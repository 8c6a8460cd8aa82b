//! Signing up, and one's own account.

use crate::world::{PASSWORD, Person, Setup, on_both};
use ally_platform::SignUp;
use http::Method;
use serde_json::{Value, json};

const SIGN_UP: &str = "/api/v1/auth/sign-up";

#[tokio::test]
async fn the_first_account_on_a_laptop_is_the_administrator_and_nothing_else_is_asked() {
    on_both(Setup::laptop(), async |world| {
        let options = world.send(world.get("/api/v1/auth/options")).await.json();
        let expected = json!({"sign_up": "first", "needs_code": false, "asks_acceptance": false, "asks_adult": true});
        assert_eq!(options, expected);
        let body = json!({"email": "Mira@Example.com", "password": PASSWORD, "adult": true});
        let reply = world.send(world.post(SIGN_UP, body)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let cookie = reply.header("set-cookie");
        assert!(cookie.starts_with("ally_session="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800"), "{cookie}");
        let account = reply.json();
        assert_eq!((&account["email"], &account["administrator"]), (&json!("Mira@Example.com"), &json!(true)));
        assert!(account.get("name").is_none() && account.get("timezone").is_none());
        let mira = Person::of(&reply);
        assert_eq!(world.send(world.get("/api/v1/account").by(&mira)).await.json(), account);
        let options = world.send(world.get("/api/v1/auth/options")).await.json();
        assert_eq!(options["sign_up"], "closed");
        assert_eq!(world.sign_up("ana@example.com").await.problem(), (403, "sign_up_closed".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn beyond_loopback_the_first_account_needs_the_code_and_accepts_the_documents() {
    on_both(Setup::public(), async |world| {
        let options = world.send(world.get("/api/v1/auth/options")).await.json();
        assert_eq!((&options["needs_code"], &options["asks_acceptance"]), (&json!(true), &json!(true)));
        let mut body = json!({"email": "mira@example.com", "password": PASSWORD, "adult": true});
        for code in [Value::Null, json!(""), json!("first-code-1235"), json!("first-code-123"), json!("🦊")] {
            body["code"] = code;
            let reply = world.send(world.post(SIGN_UP, body.clone())).await;
            assert_eq!(reply.problem(), (403, "code_needed".to_owned()));
        }
        body["code"] = json!(" first-code-1234 ");
        for accepts in [json!([]), json!(["privacy"]), json!(["terms", "terms"])] {
            body["accepts"] = accepts;
            let reply = world.send(world.post(SIGN_UP, body.clone())).await;
            assert_eq!(reply.problem(), (422, "not_accepted".to_owned()));
        }
        assert_eq!(world.platform.hashes(), 0, "nothing was hashed for what could not succeed");
        body["accepts"] = json!(["privacy", "terms"]);
        let reply = world.send(world.post(SIGN_UP, body)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let cookie = reply.header("set-cookie");
        assert!(cookie.starts_with("__Host-ally_session=") && cookie.ends_with("; Secure"), "{cookie}");
        let accepted = world.text("SELECT document FROM acceptance ORDER BY document").await;
        assert_eq!(accepted, ["adult", "privacy", "terms"]);
        let second = world.sign_up("ana@example.com").await;
        assert_eq!((second.status.as_u16(), &second.json()["administrator"]), (201, &json!(false)));
    })
    .await;
}

#[tokio::test]
async fn of_two_first_sign_ups_at_once_one_becomes_the_administrator() {
    for sign_up in [SignUp::Closed, SignUp::Open] {
        on_both(Setup { sign_up, ..Setup::laptop() }, async |world| {
            let (one, two) = tokio::join!(world.sign_up("one@example.com"), world.sign_up("two@example.com"));
            let administrators = [&one, &two]
                .iter()
                .filter(|reply| reply.status == 201 && reply.json()["administrator"] == json!(true))
                .count();
            assert_eq!(administrators, 1, "{} {}", one.text, two.text);
            let others = if sign_up == SignUp::Open { 201 } else { 403 };
            let mut statuses = [one.status.as_u16(), two.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [201, others]);
            let counted = world.text("SELECT id FROM account WHERE administrator = 1").await;
            assert_eq!(counted.len(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn who_only_thought_to_be_first_is_asked_what_all_others_are_asked() {
    on_both(Setup { sign_up: SignUp::Open, ..Setup::laptop() }, async |world| {
        let sign_up = |email: &str| {
            let body = json!({"email": email, "password": PASSWORD, "adult": true});
            world.send(world.post(SIGN_UP, body))
        };
        let held = world.platform.hold_hashes().await;
        let both_wait = async {
            while world.platform.waiting_for_a_hash() < 2 {
                tokio::task::yield_now().await;
            }
            drop(held);
        };
        let (one, two, ()) = tokio::join!(sign_up("one@example.com"), sign_up("two@example.com"), both_wait);
        let (first, other) = if one.status == 201 { (one, two) } else { (two, one) };
        assert_eq!(first.json()["administrator"], json!(true), "{}", first.text);
        assert_eq!(other.problem(), (422, "not_accepted".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_door_that_is_closed_while_a_password_is_hashed_is_closed() {
    on_both(Setup { sign_up: SignUp::Open, ..Setup::laptop() }, async |world| {
        let mira = world.person("mira@example.com").await;
        let held = world.platform.hold_hashes().await;
        let closed = async {
            while world.platform.waiting_for_a_hash() == 0 {
                tokio::task::yield_now().await;
            }
            let call = world.call(Method::PATCH, "/api/v1/installation").json(&json!({"sign_up": "closed"}));
            assert_eq!(world.send(call.by(&mira)).await.status, 200);
            drop(held);
        };
        let (reply, ()) = tokio::join!(world.sign_up("ana@example.com"), closed);
        assert_eq!(reply.problem(), (403, "sign_up_closed".to_owned()));
        assert_eq!(world.text("SELECT email FROM account").await, ["mira@example.com"]);
    })
    .await;
}

#[tokio::test]
async fn a_used_address_is_said_to_be_used_however_it_is_written() {
    on_both(Setup { sign_up: SignUp::Open, ..Setup::laptop() }, async |world| {
        world.person("mira@example.com").await;
        for again in ["mira@example.com", " MIRA@EXAMPLE.COM "] {
            let reply = world.sign_up(again).await;
            assert_eq!(reply.problem(), (409, "email_taken".to_owned()));
            assert_eq!(reply.json()["field"], "email");
            assert!(reply.cookie().is_none());
        }
        assert_eq!(world.text("SELECT id FROM server").await.len(), 1, "a refused sign-up leaves nothing behind");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_up_is_said_at_its_field() {
    on_both(Setup::laptop(), async |world| {
        let good = json!({"email": "mira@example.com", "password": PASSWORD, "adult": true});
        for (field, value, kind) in [
            ("email", json!("mira"), "email_not_usable"),
            ("email", json!("mira@example.com\u{0}"), "email_not_usable"),
            ("email", json!(format!("{}@example.com", "a".repeat(300))), "email_not_usable"),
            ("adult", json!(false), "not_adult"),
            ("name", json!("x".repeat(201)), "name_not_usable"),
            ("name", json!("Mira\u{0}Olsen"), "name_not_usable"),
            ("timezone", json!("Mars/Olympus"), "timezone_unknown"),
            ("password", json!("short"), "password_too_short"),
            ("password", json!("mira@example"), "password_common"),
            ("password", json!("password1234"), "password_common"),
        ] {
            let mut body = good.clone();
            body[field] = value;
            let reply = world.send(world.post(SIGN_UP, body).from("loopback")).await;
            assert_eq!(reply.problem(), (422, kind.to_owned()));
            assert_eq!(reply.json()["field"], field);
        }
        for (body, status, kind) in [
            (json!({"email": "mira@example.com", "password": PASSWORD}), 422, "wrong_shape"),
            (json!({"email": 1, "password": PASSWORD, "adult": true}), 422, "wrong_shape"),
            (json!({"email": "mira@example.com", "password": PASSWORD, "adult": "yes"}), 422, "wrong_shape"),
            (
                json!({"email": "m@e.de", "password": PASSWORD, "adult": true, "administrator": true}),
                422,
                "wrong_shape",
            ),
            (json!([]), 422, "wrong_shape"),
        ] {
            let reply = world.send(world.post(SIGN_UP, body).from("loopback")).await;
            assert_eq!(reply.problem(), (status, kind.to_owned()));
        }
        let long = json!({"email": "m@e.de", "password": "k x".repeat(400), "adult": true});
        let reply = world.send(world.post(SIGN_UP, long).from("loopback")).await;
        assert_eq!(reply.problem(), (422, "password_too_long".to_owned()));
        assert_eq!(world.platform.hashes(), 0);
    })
    .await;
}

#[tokio::test]
async fn name_and_time_zone_can_be_changed_and_removed() {
    on_both(Setup::laptop(), async |world| {
        let mira = world.person("mira@example.com").await;
        let patch =
            async |body: Value| world.send(world.call(Method::PATCH, "/api/v1/account").json(&body).by(&mira)).await;
        let account = patch(json!({"name": " Mira Olsen ", "timezone": "europe/madrid"})).await.json();
        assert_eq!((&account["name"], &account["timezone"]), (&json!("Mira Olsen"), &json!("Europe/Madrid")));
        let account = patch(json!({"name": null})).await.json();
        assert_eq!((account.get("name"), &account["timezone"]), (None, &json!("Europe/Madrid")));
        assert_eq!(patch(json!({"timezone": "Nowhere"})).await.problem(), (422, "timezone_unknown".to_owned()));
        assert_eq!(patch(json!({"administrator": true})).await.problem(), (422, "wrong_shape".to_owned()));
        let account = patch(json!({})).await.json();
        assert_eq!(world.send(world.get("/api/v1/account").by(&mira)).await.json(), account);
    })
    .await;
}
