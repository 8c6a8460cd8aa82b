//! Model servers that speak the chat completions format: Ollama, LM Studio, llama.cpp, vLLM and others.

mod ask;
mod read;

use crate::provider::Events;
use crate::windows::Listed;
use crate::wire::{self, Budgets};
use crate::{Failure, FailureKind, Meter, Request};
use ally_types::Secret;
pub(crate) use read::Answer;
use std::time::Duration;

/// The name of this adapter in events.
pub const NAME: &str = "openai_compatible";

/// How to reach the server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its address, with or without the `/v1` at the end.
    pub base_url: String,
    /// A key, if it wants one.
    pub key: Option<Secret>,
    /// The model to ask.
    pub model: String,
    /// Tokens that it reads at most, if the server's list said so.
    pub window: Option<u64>,
    /// How long silence is accepted.
    pub budgets: Budgets,
    /// What counts the bytes of its calls.
    pub meter: Meter,
}

impl Config {
    /// A server without a key.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            key: None,
            model: model.into(),
            window: None,
            // A server at home may first have to read the model from a slow disk.
            budgets: Budgets { first_token: Duration::from_secs(300), ..Budgets::default() },
            meter: Meter::default(),
        }
    }

    fn request(
        &self,
        client: &reqwest::Client,
        method: http::Method,
        path: &str,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let request = client.request(method, format!("{}{path}", root(&self.base_url)));
        Ok(match &self.key {
            Some(key) => {
                let bearer = Secret::new(format!("Bearer {}", key.expose()));
                request.header(http::header::AUTHORIZATION, wire::secret_header(bearer.expose())?)
            }
            None => request,
        })
    }
}

/// People write the address with and without `/v1`; both mean the same server.
fn root(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.strip_suffix("/v1").unwrap_or(url)
}

/// Asks. Use [`crate::Provider::stream`], which makes sure of the one end.
pub(crate) fn stream(client: &reqwest::Client, config: &Config, request: &Request) -> Events {
    let asked = config.request(client, http::Method::POST, "/v1/chat/completions").and_then(|post| {
        let body = serde_json::to_vec(&ask::body(config, request)).map_err(|_| Failure::of(FailureKind::BadRequest))?;
        config.meter.sends(body.len());
        Ok(post.header(http::header::CONTENT_TYPE, "application/json").body(body))
    });
    wire::call(asked, config.budgets, config.meter.clone(), Answer::new(request))
}

/// The models that the server offers, in its order.
pub async fn models(client: &reqwest::Client, config: &Config, within: Duration) -> Result<Vec<Listed>, Failure> {
    let request = config.request(client, http::Method::GET, "/v1/models");
    let list = wire::fetch_json::<Answer>(request, within, &config.meter).await?;
    let data = list["data"].as_array().ok_or(Failure::of(FailureKind::Garbage))?;
    let listed = |model: &serde_json::Value| {
        // No standard has a name for it: the first is what vLLM says, the second what many others do.
        let window = model["max_model_len"].as_u64().or_else(|| model["context_length"].as_u64());
        Some(Listed { name: model["id"].as_str()?.to_owned(), window })
    };
    Ok(data.iter().filter_map(listed).collect())
}
