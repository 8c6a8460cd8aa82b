//! The way out of the real product: over the socket of a person's assistant, into a server on this machine.

use crate::browser::Browser;
use crate::installation::{Installation, Setup};
use ally_http::socket;
use ally_llm::stand_in::StandIn;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server that answers everything with the same words, and counts who comes.
async fn neighbour() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    let counts = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counts.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut heard = Vec::new();
                while !heard.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => heard.push(byte),
                        Err(_) => return,
                    }
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
            });
        }
    });
    (address, seen)
}

/// Sends bytes over the socket on which this person's assistant calls out.
async fn call_out(installation: &Installation, person: &Browser, bytes: &str) -> String {
    let account = person.get("/api/v1/account").await.expect(200).json();
    let server = account["server"].as_str().unwrap();
    let path = installation.data.join("run/out").join(server).join("out.sock");
    let mut stream = socket::connect(&path).unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

fn get(address: impl std::fmt::Display) -> String {
    format!("GET http://{address}/ HTTP/1.1\r\nhost: x\r\n\r\n")
}

async fn went(person: &Browser) -> Vec<Value> {
    person.get("/api/v1/egress").await.expect(200).json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_person_lets_her_assistant_out_to_one_place_and_sees_what_went_there() {
    let stand_in = StandIn::start().await.unwrap();
    let (named, named_seen) = neighbour().await;
    let (other, other_seen) = neighbour().await;
    let setup = || Setup::default().with_anthropic(&stand_in.url()).with("ALLY_EGRESS_PRIVATE", named.to_string());
    let installation = setup().start();
    let mira = installation.administrator().await;
    let ben = installation.guest(&mira, "ben@example.org").await;

    // Nothing is allowed but the provider, and nothing of this machine but what the administrator named.
    let refused = call_out(&installation, &mira, &get(named)).await;
    assert!(refused.contains("destination_not_allowed"), "{refused}");
    let body = json!({"host": named.ip(), "port": named.port()});
    mira.post("/api/v1/egress/hosts", body).await.expect(201);
    let body = json!({"host": other.ip(), "port": other.port()});
    let blocked = mira.post("/api/v1/egress/hosts", body).await.expect(422).json();
    assert_eq!(blocked["type"], "address_blocked");
    let answer = call_out(&installation, &mira, &get(named)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    for place in [other.to_string(), format!("localhost:{}", other.port()), installation.address.to_string()] {
        let blocked = call_out(&installation, &mira, &get(place)).await;
        assert!(blocked.contains("address_blocked"), "{blocked}");
    }
    // What she allowed is hers.
    let refused = call_out(&installation, &ben, &get(named)).await;
    assert!(refused.contains("destination_not_allowed"), "{refused}");
    assert_eq!((named_seen.load(Ordering::SeqCst), other_seen.load(Ordering::SeqCst)), (1, 0));

    // A question to the model goes out, too.
    let chat = mira.chat().await;
    mira.ask(&chat, "what is the capital of Peru?").await;
    let provider = stand_in.url().trim_start_matches("http://").to_owned();
    let find = |rows: &[Value], host: &str| rows.iter().find(|row| row["host"] == host).cloned().unwrap_or_default();
    let rows = went(&mira).await;
    let row = find(&rows, &provider);
    assert!(row["calls"].as_u64().unwrap() >= 1 && row["sent"].as_u64().unwrap() > 100, "{rows:?}");
    assert!(row["received"].as_u64().unwrap() > 100, "{rows:?}");
    let row = find(&rows, &named.to_string());
    assert_eq!((row["calls"].as_u64(), row["refused"].as_u64()), (Some(1), Some(1)), "{rows:?}");
    assert_eq!(find(&went(&ben).await, &provider), Value::Null);

    // And is still there after a restart.
    let cookie = mira.cookie.lock().unwrap().clone();
    let installation = installation.restart(setup());
    let mira = installation.browser();
    *mira.cookie.lock().unwrap() = cookie;
    assert_eq!(went(&mira).await, rows);
    let hosts = mira.get("/api/v1/egress/hosts").await.expect(200).json();
    let hosts: Vec<&str> = hosts["items"].as_array().unwrap().iter().filter_map(|host| host["from"].as_str()).collect();
    assert_eq!(hosts, ["provider", "person"]);
    let log = installation.stop();
    assert!(!log.contains("Peru"));
}

#[tokio::test]
async fn one_person_cannot_see_or_change_where_another_ones_data_may_go() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let ben = installation.guest(&mira, "ben@example.org").await;
    mira.post("/api/v1/egress/hosts", json!({"host": "example.org"})).await.expect(201);
    let refused =
        call_out(&installation, &mira, "CONNECT canaryhers.example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(refused.contains("destination_not_allowed"), "{refused}");
    assert_eq!(went(&mira).await.len(), 1);
    assert_eq!(went(&ben).await, Vec::<Value>::new());
    let hosts = ben.get("/api/v1/egress/hosts").await.expect(200).json();
    assert_eq!(hosts, json!({"items": []}));
    ben.delete("/api/v1/egress/hosts/example.org").await.expect(404);
    let hosts = mira.get("/api/v1/egress/hosts").await.expect(200).json();
    assert_eq!(hosts["items"][0]["host"], "example.org");
    let log = installation.stop();
    assert!(log.contains("call to the outside") && !log.contains("canaryhers"), "{log}");
}
