//! Looks for model servers on this machine.

use crate::openai_compatible::{self, Config};
use serde::Serialize;
use std::time::Duration;

/// Ports on which model servers listen unless somebody changed it.
const PORTS: &[(u16, &str)] = &[
    (11434, "Ollama"),
    (1234, "LM Studio"),
    (8080, "llama.cpp"),
    (8081, "llama.cpp"),
    (8000, "vLLM"),
    (5001, "KoboldCpp"),
    (1337, "Jan"),
    (4891, "GPT4All"),
];

/// A model server on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// Its address, for [`Config::base_url`].
    pub url: String,
    /// What usually listens there; a guess from the port.
    pub name: String,
    /// The models that it offers.
    pub models: Vec<String>,
}

/// Asks the well-known ports of loopback for a list of models, all at once, for at most `budget` (300 ms is plenty).
/// Only ports that answer with at least one model are given. `ours` is the port of Ally itself.
pub async fn find(client: &reqwest::Client, budget: Duration, ours: Option<u16>) -> Vec<Found> {
    let others: Vec<_> = PORTS.iter().copied().filter(|(port, _)| Some(*port) != ours).collect();
    find_on(client, budget, &others).await
}

/// The same for ports that the caller names.
pub async fn find_on(client: &reqwest::Client, budget: Duration, ports: &[(u16, &str)]) -> Vec<Found> {
    let asked = ports.iter().map(|(port, name)| async move {
        let url = format!("http://127.0.0.1:{port}");
        let models = openai_compatible::models(client, &Config::new(url.as_str(), ""), budget).await.ok()?;
        let models: Vec<String> = models.into_iter().map(|model| model.name).collect();
        (!models.is_empty()).then(|| Found { url, name: (*name).to_owned(), models })
    });
    futures_util::future::join_all(asked).await.into_iter().flatten().collect()
}
