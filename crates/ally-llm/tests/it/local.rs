//! Finding model servers on this machine.

use crate::client::client;
use ally_llm::local::{Found, find_on};
use ally_llm::stand_in::StandIn;
use std::time::Duration;

#[tokio::test]
async fn only_ports_where_a_model_server_answers_are_given() {
    let server = StandIn::start().await.expect("loopback is there");
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let port = |listener: &tokio::net::TcpListener| listener.local_addr().expect("it is bound").port();
    let ports = [(port(&silent), "Silent"), (port(&closed), "Closed"), (server.address().port(), "Ollama")];
    drop(closed);
    let found = find_on(&client(), Duration::from_secs(1), &ports).await;
    let models = vec!["stand-in-small".to_owned(), "stand-in-large".to_owned()];
    assert_eq!(found, [Found { url: server.url(), name: "Ollama".into(), models }]);
}
