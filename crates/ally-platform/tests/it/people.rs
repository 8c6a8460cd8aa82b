//! The people of the installation: plans and totals, for the administrator and the gateway only.

use crate::world::{Person, Setup, World, on_both};
use ally_platform::Plans;
use http::Method;
use serde_json::{Value, json};

fn setup() -> Setup {
    let plans = Plans { names: vec!["large".to_owned(), "small".to_owned()], default: Some("small".to_owned()) };
    Setup { plans, sign_up: ally_platform::SignUp::Open, ..Setup::laptop() }
}

fn give(world: &World, to: &Value, plan: Value) -> crate::world::Call {
    let path = format!("/api/v1/installation/people/{}", to.as_str().unwrap_or("x"));
    world.call(Method::PATCH, &path).json(&json!({ "plan": plan }))
}

/// What the gateway says; it names no peer.
async fn told(world: &World, items: Value) -> u16 {
    let call = world.post("/internal/totals", json!({ "items": items })).header("x-ally-peer", "");
    world.send(call).await.status.as_u16()
}

async fn plans(world: &World) -> Value {
    world.send(world.get("/internal/plans?after=").header("x-ally-peer", "")).await.json()
}

async fn people(world: &World, by: &Person) -> Value {
    world.send(world.get("/api/v1/installation/people").by(by)).await.json()
}

/// 21 November 2025.
const TODAY: i64 = 20_413;

#[tokio::test]
async fn the_administrator_gives_out_plans_and_the_gateway_learns_of_them() {
    on_both(setup(), async |world| {
        let mira = world.person("mira@example.com").await;
        world.clock.advance_millis(1);
        let ana = world.person("ana@example.com").await;
        let (id, server) = (&ana.account["id"], &ana.account["server"]);
        assert_eq!(plans(world).await, json!({"items": []}));
        for call in [give(world, id, json!("large")), world.get("/api/v1/installation/people")] {
            assert_eq!(world.send(call.by(&ana)).await.problem(), (403, "not_administrator".to_owned()));
        }
        assert_eq!(world.send(give(world, id, json!("large")).by(&mira)).await.status, 204);
        assert_eq!(plans(world).await, json!({"items": [{"server": server, "plan": "large"}]}));
        let listed = people(world, &mira).await;
        assert_eq!((&listed["items"][1]["plan"], &listed["items"][0]["plan"]), (&json!("large"), &Value::Null));
        assert_eq!((&listed["plans"], &listed["usual_plan"]), (&json!(["large", "small"]), &json!("small")));
        let refused = world.send(give(world, id, json!("huge")).by(&mira)).await.problem();
        assert_eq!(refused, (422, "plan_not_found".to_owned()));
        let nobody = give(world, &json!("acc_00000000000000000000000000"), json!("large"));
        assert_eq!(world.send(nobody.by(&mira)).await.problem(), (404, "account_not_found".to_owned()));
        assert_eq!(world.send(give(world, id, Value::Null).by(&mira)).await.status, 204);
        assert_eq!(plans(world).await, json!({"items": []}));
    })
    .await;
}

#[tokio::test]
async fn totals_of_a_month_are_counted_once_however_often_they_come() {
    on_both(setup(), async |world| {
        let mira = world.person("mira@example.com").await;
        world.clock.advance_millis(1);
        let ana = world.person("ana@example.com").await;
        let of = |person: &Person, day: i64, tokens: i64| {
            json!({"server": person.account["server"], "day": day, "tokens": tokens})
        };
        // 1 November is the first day that counts.
        let all = json!([of(&mira, TODAY - 20, 5), of(&mira, TODAY - 21, 70), of(&mira, TODAY, 40), of(&ana, TODAY, 7)]);
        assert_eq!((told(world, all.clone()).await, told(world, all).await), (204, 204));
        // An older sum that was on its way for longer.
        assert_eq!(told(world, json!([of(&mira, TODAY, 12)])).await, 204);
        let listed = people(world, &mira).await;
        let tokens = |at: usize| listed["items"][at]["tokens_this_month"].clone();
        assert_eq!((tokens(0), tokens(1), &listed["tokens_this_month"]), (json!(45), json!(7), &json!(52)));
        let later = world.restarted(4).await;
        assert_eq!(people(&later, &mira).await["tokens_this_month"], 52);
        world.clock.advance_millis(11 * 86_400_000);
        let mira = Person::of(&world.sign_in("mira@example.com", crate::world::PASSWORD).await);
        assert_eq!(people(world, &mira).await["tokens_this_month"], 0);
    })
    .await;
}

#[tokio::test]
async fn totals_are_kept_for_a_year() {
    on_both(setup(), async |world| {
        let mira = world.person("mira@example.com").await;
        let server = &mira.account["server"];
        let days = [TODAY, TODAY - 365, TODAY - 366].map(|day| json!({"server": server, "day": day, "tokens": 1}));
        assert_eq!(told(world, json!(days)).await, 204);
        world.platform.retain().await.expect("retained");
        let kept = world.text("SELECT CAST(day AS TEXT) FROM usage_total ORDER BY day").await;
        assert_eq!(kept, [(TODAY - 365).to_string(), TODAY.to_string()]);
    })
    .await;
}

#[tokio::test]
async fn nobody_but_the_gateway_says_what_was_used() {
    on_both(setup(), async |world| {
        let mira = world.person("mira@example.com").await;
        for call in [world.post("/internal/totals", json!({"items": []})), world.get("/internal/plans?after=")] {
            assert_eq!(world.send(call.by(&mira)).await.status, 404);
        }
    })
    .await;
}
