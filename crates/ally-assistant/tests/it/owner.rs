//! Nobody but the owner, by the list of all routes.

use crate::world::{Life, World, read};
use ally_types::identity::HEADER;
use ally_types::{AttachmentId, ChatId, FolderId, ImportId, MessageId, RunId, SystemChance, WaitId};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

/// Every method and path of the description, with ids of somebody else put in.
fn routes(world: &World) -> Vec<(String, String)> {
    let description = serde_json::to_value(ally_assistant::openapi()).unwrap();
    let chat = ChatId::new(&*world.clock, &SystemChance).to_string();
    let message = MessageId::new(&*world.clock, &SystemChance).to_string();
    let run = RunId::new(&*world.clock, &SystemChance).to_string();
    let folder = FolderId::new(&*world.clock, &SystemChance).to_string();
    let import = ImportId::new(&*world.clock, &SystemChance).to_string();
    let approval = WaitId::new(&*world.clock, &SystemChance).to_string();
    let attachment = AttachmentId::new(&*world.clock, &SystemChance).to_string();
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let path = path
            .replace("{chat}", &chat)
            .replace("{message}", &message)
            .replace("{run}", &run)
            .replace("{folder}", &folder)
            .replace("{import}", &import)
            .replace("{approval}", &approval)
            .replace("{attachment}", &attachment)
            .replace("{path}", "people/ana.md");
        assert!(!path.contains('{'), "{path}");
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    routes
}

fn forged(method: &str, path: &str, token: Option<String>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header(HEADER, token);
    }
    request.body(Body::from("{}")).unwrap()
}

#[tokio::test]
async fn no_route_answers_without_the_gateways_token_for_this_server() {
    let mira = Life::new().await;
    let neighbour = World::new();
    let mut all = routes(&mira.world);
    all.push(("GET".to_owned(), "/api/v1/nothing".to_owned()));
    all.push(("BREW".to_owned(), "/api/v1/chats".to_owned()));
    for (method, path) in &all {
        let world = &mira.world;
        let mut for_neighbour = world.identity(method, path);
        for_neighbour.server = neighbour.server;
        let mut too_old = world.identity(method, path);
        too_old.expires_at -= 61;
        let mut too_long = world.identity(method, path);
        too_long.expires_at += 3600;
        let other_path = world.identity(method, "/api/v1/chats?x");
        let tokens = [
            None,
            Some(String::new()),
            Some("a.b".to_owned()),
            Some(world.signer.sign(&for_neighbour)),
            Some(neighbour.signer.sign(&world.identity(method, path))),
            Some(world.signer.sign(&too_old)),
            Some(world.signer.sign(&too_long)),
            Some(world.signer.sign(&other_path)),
        ];
        for token in tokens {
            let answer = read(mira.send(forged(method, path, token.clone())).await).await;
            assert_eq!(answer.status, 403, "{method} {path} {token:?}");
            assert_eq!(answer.body["type"], "wrong_server");
        }
    }
}

#[tokio::test]
async fn ids_of_somebody_else_and_ids_that_are_none_do_not_exist() {
    let mira = Life::new().await;
    let with_ids =
        routes(&mira.world).into_iter().filter(|(_, path)| path.matches('_').count() > 0 || path.contains("people"));
    for (method, path) in with_ids {
        let body = match path.as_str() {
            path if path.ends_with("/messages") && method == "POST" => json!({"text": "hello"}),
            path if path.ends_with("/feedback") => json!({"rating": "up"}),
            path if path.ends_with("/edit") => json!({"text": "hello"}),
            path if path.contains("/approvals/") => json!({"decision": "approve"}),
            path if path.ends_with("/path") => {
                json!({"message": MessageId::new(&*mira.world.clock, &SystemChance)})
            }
            path if path.ends_with("/restore") => json!({"version": null}),
            _ if method == "PATCH" => json!({"title": "x"}),
            _ => json!({}),
        };
        let path = path.trim_start_matches("/api/v1/");
        let answer = mira.call(&method, path, body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
    }
    let answer = mira.call("GET", "chats/nonsense", Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.body["type"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn an_unknown_address_or_method_is_a_problem_with_a_next_step() {
    let mira = Life::new().await;
    let nowhere = mira.call("GET", "nothing", Value::Null).await;
    assert_eq!((nowhere.status.as_u16(), &nowhere.body["type"]), (404, &json!("route_not_found")));
    let wrong = mira.call("DELETE", "chats", Value::Null).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["type"]), (405, &json!("method_not_allowed")));
    assert!(wrong.body["request"].as_str().unwrap().starts_with("req_"));
}
