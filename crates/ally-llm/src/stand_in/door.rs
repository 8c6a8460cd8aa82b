//! Takes connections and requests, and finds out what to do with each.

use super::http::{Asked, Connection};
use super::messages::Head;
use super::rules::{self, Call, Refusal};
use super::{Fault, KEY, MODELS, Seen, State, completions, files, messages, writing};
use crate::Usage;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Serves until it is aborted; its connections go with it.
pub(super) async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No more descriptors, most likely: let the connections that are open do their work.
            tokio::task::yield_now().await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let mut connection = Connection::new(stream);
            while let Ok(Some(asked)) = connection.next().await {
                if answer(&mut connection, &state, &asked).await.is_err() {
                    break;
                }
            }
        });
    }
}

async fn answer(connection: &mut Connection, state: &State, asked: &Asked) -> io::Result<()> {
    let path = asked.path.split('?').next().unwrap_or_default();
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    if let Some(what) = path.strip_prefix("/stand-in/") {
        return steer(connection, state, what, &asked.body).await;
    }
    state.lock().note(Seen {
        method: asked.method.clone(),
        path: asked.path.clone(),
        headers: asked.headers.clone(),
        body: body.clone(),
    });
    let version = asked.header("anthropic-version");
    let is_anthropic = version.is_some();
    let answered = match (asked.method.as_str(), path) {
        ("POST", "/v1/chat/completions") => return complete(connection, state, &body).await,
        ("GET", "/v1/models") if !is_anthropic => Ok(completion_models()),
        _ => check_head(asked).and_then(|()| match (asked.method.as_str(), path) {
            ("POST", "/v1/messages") => rules::check(&body, Call::Message, version).map(|()| Value::Null),
            ("POST", "/v1/messages/count_tokens") => {
                rules::check(&body, Call::CountTokens, version).map(|()| json!({ "input_tokens": tokens(&body) }))
            }
            ("GET", "/v1/models") => Ok(models(asked)),
            ("GET", _) if path.starts_with("/v1/models/") => {
                let id = &path["/v1/models/".len()..];
                let known = MODELS.iter().find(|known| **known == id);
                known.map(|known| model(known)).ok_or(Refusal::new(404, "not_found_error", format!("model: {id}")))
            }
            _ => Err(Refusal::new(404, "not_found_error", "Not found")),
        }),
    };
    match answered {
        Ok(Value::Null) => message(connection, state, &body).await,
        Ok(answer) => connection.json(200, &request_id(), &answer).await,
        Err(refusal) => connection.json(refusal.status, &request_id(), &refusal.body()).await,
    }
}

fn request_id() -> [(&'static str, String); 1] {
    [("request-id", "req_stand_in".to_owned())]
}

fn check_head(asked: &Asked) -> Result<(), Refusal> {
    // The documentation says `x-api-key`; the SDKs of October 2026 send the same key as a bearer.
    let bearer = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if asked.header("x-api-key").or(bearer) != Some(KEY) {
        return Err(Refusal::new(401, "authentication_error", "invalid x-api-key"));
    }
    if !asked.header("anthropic-version").is_some_and(|version| rules::VERSIONS.contains(&version)) {
        return Err(Refusal::new(400, "invalid_request_error", "anthropic-version: header is required"));
    }
    if asked.method == "POST" && !asked.header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
    {
        return Err(Refusal::new(400, "invalid_request_error", "content-type: must be application/json"));
    }
    Ok(())
}

/// About four bytes make a token.
fn tokens(body: &Value) -> u64 {
    let all = body["messages"].to_string().len() + body["system"].to_string().len() + body["tools"].to_string().len();
    let messages = body["messages"].as_array().into_iter().flatten();
    let files = messages.filter_map(|message| message["content"].as_array()).flatten();
    let files = files.filter(|block| block["source"].is_object());
    // Nobody reads the letters that a file is sent in.
    let (sent, read) =
        files.fold((0, 0), |(sent, read), block| (sent + block.to_string().len(), read + files::weight(block)));
    (all - sent + read) as u64 / 4
}

async fn message(connection: &mut Connection, state: &State, body: &Value) -> io::Result<()> {
    let (turn, fault, pace, head) = {
        let mut shared = state.lock();
        let turn = shared.turn(&messages::question(body));
        let mut usage = turn.usage(tokens(body));
        if turn.usage.is_none() {
            let (cache_read, kept) = shared.cache.ask(body);
            let cache_write = kept.saturating_sub(cache_read);
            usage = Usage { input: usage.input.saturating_sub(kept), cache_read, cache_write, ..usage };
        }
        let head =
            Head { number: shared.number(), model: body["model"].as_str().unwrap_or_default().to_owned(), usage };
        (turn, shared.faults.pop_front(), shared.pace, head)
    };
    if let Some(fault) = &fault
        && let Some(done) = before(connection, fault, &messages::question(body).text, Refusal::body).await
    {
        return done;
    }
    if body["stream"] != true {
        if let Some(pace) = pace {
            tokio::time::sleep(pace.first()).await;
        }
        return connection.json(200, &request_id(), &messages::whole(&head, &turn)).await;
    }
    let mut pieces = messages::pieces(&head, &turn, fault == Some(Fault::UnknownBlock));
    if let Some(fault) = &fault {
        writing::spoil(&mut pieces, fault, messages::error);
    }
    writing::send(connection, pieces, pace, fault.as_ref()).await
}

async fn complete(connection: &mut Connection, state: &State, body: &Value) -> io::Result<()> {
    if let Err(refusal) = completions::check(body) {
        return connection.json(refusal.status, &request_id(), &completions::refusal(&refusal)).await;
    }
    let question = completions::question(body);
    let (turn, fault, pace, number) = {
        let mut shared = state.lock();
        let turn = shared.turn(&question);
        (turn, shared.faults.pop_front(), shared.pace, shared.number())
    };
    if let Some(fault) = &fault
        && let Some(done) = before(connection, fault, &question.text, completions::refusal).await
    {
        return done;
    }
    let model = body["model"].as_str().unwrap_or_default();
    if body["stream"] != true {
        return connection
            .json(200, &request_id(), &completions::whole(number, model, turn.usage(tokens(body)), &turn))
            .await;
    }
    let mut pieces = completions::pieces(number, model, turn.usage(tokens(body)), &turn);
    if let Some(fault) = &fault {
        writing::spoil(&mut pieces, fault, completions::error);
    }
    writing::send(connection, pieces, pace, fault.as_ref()).await
}

/// Faults that come instead of an answer; `None` for those that come inside one.
async fn before(
    connection: &mut Connection,
    fault: &Fault,
    question: &str,
    in_words: impl Fn(&Refusal) -> Value,
) -> Option<io::Result<()>> {
    Some(match fault {
        Fault::Status { status, kind, message, retry_after } => {
            let kind = kind.as_deref().unwrap_or(match status {
                400 => "invalid_request_error",
                401 => "authentication_error",
                402 => "billing_error",
                403 => "permission_error",
                404 => "not_found_error",
                413 => "request_too_large",
                429 => "rate_limit_error",
                504 => "timeout_error",
                529 => "overloaded_error",
                _ => "api_error",
            });
            let mut headers = request_id().to_vec();
            headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
            let refusal = Refusal::new(*status, kind, format!("{message} (your request was: {question})"));
            connection.json(*status, &headers, &in_words(&refusal)).await
        }
        Fault::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
        Fault::StallSilent => {
            connection.until_closed().await;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Fault::NotAStream => {
            connection.whole(200, "text/html", &[], b"<html>Please log in to the network</html>").await
        }
        _ => return None,
    })
}

fn models(asked: &Asked) -> Value {
    let limit = asked.path.split(['?', '&']).find_map(|pair| pair.strip_prefix("limit=")?.parse().ok()).unwrap_or(20);
    let data: Vec<Value> = MODELS.iter().take(limit).map(|id| model(id)).collect();
    json!({
        "first_id": data.first().map(|model| &model["id"]),
        "last_id": data.last().map(|model| &model["id"]),
        "has_more": MODELS.len() > data.len(),
        "data": data,
    })
}

fn model(id: &str) -> Value {
    let lifecycle = if Some(&id) == MODELS.last() { "deprecated" } else { "active" };
    json!({
        "type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z", "lifecycle": lifecycle,
        "max_input_tokens": crate::windows::window(crate::anthropic::NAME, id),
    })
}

fn completion_models() -> Value {
    let data: Vec<Value> = ["stand-in-small", "stand-in-large"]
        .map(|id| json!({ "id": id, "object": "model", "created": 0, "owned_by": "stand-in", "max_model_len": 16_384 }))
        .into();
    json!({ "object": "list", "data": data })
}

/// Orders from another process.
async fn steer(connection: &mut Connection, state: &State, what: &str, body: &[u8]) -> io::Result<()> {
    let done = match what {
        "turns" => read(body).map(|turns: Vec<_>| state.lock().script.turns.extend(turns)),
        "rules" => read(body).map(|rules: Vec<_>| state.lock().script.rules.extend(rules)),
        "faults" => read(body).map(|faults: Vec<_>| state.lock().faults.extend(faults)),
        "pace" => read(body).map(|pace| state.lock().pace = Some(pace)),
        "seen" => {
            let seen = json!(state.lock().seen);
            return connection.json(200, &[], &seen).await;
        }
        _ => Err("unknown order".to_owned()),
    };
    match done {
        Ok(()) => connection.json(200, &[], &json!({})).await,
        Err(why) => connection.json(400, &[], &json!({ "error": why })).await,
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}
