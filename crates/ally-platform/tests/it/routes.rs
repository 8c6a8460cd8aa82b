//! Every route, found by enumeration: what it answers to strangers and to garbage.

use crate::world::{Call, Setup, World, on_both};
use http::Method;
use serde_json::json;

/// Every route under `/api/v1` with its parameters filled in, and whether strangers may use it.
pub fn all(world: &World) -> Vec<(Call, bool)> {
    let description = serde_json::to_value(ally_platform::openapi()).expect("a description");
    let mut calls = Vec::new();
    for (path, operations) in description["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let path = path.replace("{id}", "x");
            let is_public =
                operation["security"].as_array().is_some_and(|needs| needs.iter().any(|need| *need == json!({})));
            calls.push((world.call(method, &path), is_public));
        }
    }
    assert!(calls.len() >= 16, "{} routes", calls.len());
    calls
}

#[tokio::test]
async fn every_route_that_is_not_public_answers_a_stranger_with_401() {
    on_both(Setup::laptop(), async |world| {
        let mut public = Vec::new();
        for (call, is_public) in all(world) {
            let shown = format!("{} {}", call.method, call.path);
            if is_public {
                public.push(shown);
                continue;
            }
            for cookie in ["", "ally_session=a.b.c", "ally_session=", "__Host-ally_session=a.b.c"] {
                let reply = world.send(call.clone().json(&json!({})).header("cookie", cookie).from("loopback")).await;
                assert_eq!(reply.problem(), (401, "signed_out".to_owned()), "{shown}");
            }
        }
        public.sort();
        let known = [
            "GET /api/v1/auth/options",
            "POST /api/v1/auth/invitations/check",
            "POST /api/v1/auth/sign-in",
            "POST /api/v1/auth/sign-up",
        ];
        assert_eq!(public, known);
    })
    .await;
}

#[tokio::test]
async fn garbage_is_answered_with_a_sentence_and_a_next_step() {
    on_both(Setup::laptop(), async |world| {
        let call = || {
            world.call(Method::POST, "/api/v1/auth/sign-in").header("content-type", "application/json").from("loopback")
        };
        for (body, status, kind) in [
            (b"{".to_vec(), 400, "malformed_json"),
            (b"".to_vec(), 400, "malformed_json"),
            (b"{\"email\":\"\xff\"}".to_vec(), 400, "malformed_json"),
            (b"null".to_vec(), 422, "wrong_shape"),
            (b"{\"email\":[],\"password\":{}}".to_vec(), 422, "wrong_shape"),
            (vec![b'['; 4_000], 422, "wrong_shape"),
            (vec![b' '; 10_000_000], 413, "too_large"),
        ] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(world.send(call().body(body)).await.problem(), (status, kind.to_owned()), "{shown}");
        }
        let text = call().header("content-type", "text/plain").body("{}");
        assert_eq!(world.send(text).await.problem(), (415, "not_json".to_owned()));
        assert_eq!(world.platform.hashes(), 0);
        let nowhere = world.send(world.get("/api/v1/nowhere")).await;
        assert_eq!(nowhere.problem(), (404, "route_not_found".to_owned()));
        let wrong = world.send(world.call(Method::PUT, "/api/v1/account")).await;
        assert_eq!(wrong.problem(), (405, "method_not_allowed".to_owned()));
    })
    .await;
}

#[test]
fn every_reference_of_the_description_leads_to_a_schema() {
    let text = serde_json::to_string(&ally_platform::openapi()).expect("a description");
    let description: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for name in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(description["components"]["schemas"][name].is_object(), "{name}");
    }
}
