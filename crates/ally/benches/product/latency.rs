//! What Ally adds to the first token: people with awake assistants and open streams, against the same stand-in asked
//! directly, at the same number in the same run.

use crate::browser::Browser;
use crate::installation::Installation;
use crate::{ROUNDS, machine, median, share, with_anthropic};
use ally_llm::stand_in::{KEY, MODELS, Pace, StandIn};
use axum::body::Body;
use http_body_util::BodyExt as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

const NUMBERS: [usize; 3] = [1, 10, 100];
const BARS: [f64; 3] = [2.0, 2.0, 5.0];

/// Prints the added latency at 1, 10 and 100 people.
pub async fn added() {
    let stand_in = StandIn::start().await.unwrap();
    stand_in.pace(Pace { first_ms: 200, tokens: 20, between_ms: 10 });
    let installation = with_anthropic(&stand_in.url());
    let people = people(&installation, NUMBERS[NUMBERS.len() - 1]).await;
    for (number, bar) in NUMBERS.into_iter().zip(BARS) {
        let mut added = Vec::new();
        let mut worst = Vec::new();
        let mut machine = machine::Rounds::default();
        for _ in 0..ROUNDS {
            machine.begin();
            let direct = direct(stand_in.address(), number).await;
            let mut through = through(&people[..number]).await;
            added.push(median(through.clone()) - median(direct));
            worst.push(share(&mut through, 0.99));
        }
        println!(
            "added to the first token, {number:3} at once           p50 {:8.2} ms  (bar ≤ {bar})   whole p99 {:.1} ms",
            median(added),
            median(worst)
        );
        machine.print();
    }
    installation.stop();
}

async fn people(installation: &Installation, number: usize) -> Vec<Arc<Browser>> {
    let mira = Arc::new(installation.administrator().await);
    mira.patch("/api/v1/installation", serde_json::json!({ "sign_up": "open" })).await.expect(200);
    let mut people = vec![Arc::clone(&mira)];
    for at in 1..number {
        people.push(Arc::new(installation.guest(&mira, &format!("p{at}@example.org")).await));
    }
    people
}

/// Milliseconds from the first byte of each question to its first `text.delta`.
async fn through(people: &[Arc<Browser>]) -> Vec<f64> {
    let mut waiting = Vec::new();
    for person in people {
        let chat = person.chat().await;
        let events = person.events(&format!("/api/v1/chats/{chat}/events"), None).await;
        waiting.push((Arc::clone(person), chat, events));
    }
    let mut tasks = JoinSet::new();
    for (person, chat, mut events) in waiting {
        tasks.spawn(async move {
            let begun = Instant::now();
            let path = format!("/api/v1/chats/{chat}/messages");
            let asking =
                tokio::spawn(
                    async move { person.post(&path, serde_json::json!({ "text": "Go on" })).await.expect(202) },
                );
            events.until("text.delta").await;
            let taken = begun.elapsed().as_secs_f64() * 1e3;
            asking.await.unwrap();
            events.until("message.completed").await;
            taken
        });
    }
    tasks.join_all().await
}

/// The same for as many clients that ask the stand-in themselves.
async fn direct(address: SocketAddr, number: usize) -> Vec<f64> {
    let mut tasks = JoinSet::new();
    for _ in 0..number {
        tasks.spawn(async move {
            let begun = Instant::now();
            let body = serde_json::json!({
                "model": MODELS[0], "max_tokens": 100, "stream": true,
                "messages": [{ "role": "user", "content": "Go on" }],
            });
            let request = http::Request::post("/v1/messages")
                .header("x-api-key", KEY)
                .header("anthropic-version", ally_llm::anthropic::VERSION)
                .header("content-type", "application/json")
                .body(Body::from(body.to_string()))
                .unwrap();
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let mut body = ally_http::socket::call_over(stream, request).await.unwrap().into_body();
            let mut text = String::new();
            let mut first = None;
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(bytes) = frame.into_data() {
                    text.push_str(&String::from_utf8_lossy(&bytes));
                }
                if first.is_none() && text.contains("content_block_delta") {
                    first = Some(begun.elapsed().as_secs_f64() * 1e3);
                }
            }
            first.expect("a token")
        });
    }
    tasks.join_all().await
}
