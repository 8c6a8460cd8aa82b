//! Claude through Anthropic's Messages API.

mod ask;
mod read;
mod refusals;

use crate::provider::Events;
use crate::windows::Listed;
use crate::wire::{self, Budgets};
use crate::{Failure, FailureKind, Meter, Request};
use ally_types::Secret;
use read::Answer;
use std::time::Duration;

/// The name of this adapter in events and opaque blocks.
pub const NAME: &str = "anthropic";

/// Where the service is.
pub const BASE_URL: &str = "https://api.anthropic.com";

/// The model that is asked when nobody chose one: the middle line, good enough for everything Ally does. Of the
/// models that the official SDK of November 2026 names, this is the newest of that line; `claude-sonnet-4-5`
/// is withdrawn on 2026-11-30. [`default_model`] asks the service when it does not know this name.
pub const DEFAULT_MODEL: &str = "claude-sonnet-5-5";

/// The version of the protocol. It differs from `2023-06-01` in what we do not send: sampling parameters, documents in
/// answers, citations in questions.
pub const VERSION: &str = "2026-10-21";

/// How to reach the service.
#[derive(Debug, Clone)]
pub struct Config {
    /// [`BASE_URL`], or a proxy or stand-in.
    pub base_url: String,
    /// The key, `sk-ant-…`.
    pub key: Secret,
    /// The model to ask.
    pub model: String,
    /// Tokens that it reads at most, if the service's list said so.
    pub window: Option<u64>,
    /// The `anthropic-version` header.
    pub version: String,
    /// How long silence is accepted.
    pub budgets: Budgets,
    /// What counts the bytes of its calls.
    pub meter: Meter,
}

impl Config {
    /// The service itself, with the default model.
    pub fn new(key: Secret) -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            key,
            model: DEFAULT_MODEL.to_owned(),
            window: None,
            version: VERSION.to_owned(),
            budgets: Budgets::default(),
            meter: Meter::default(),
        }
    }

    fn request(
        &self,
        client: &reqwest::Client,
        method: http::Method,
        path: &str,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let url = format!("{}{path}", self.base_url.trim_end_matches('/'));
        Ok(client
            .request(method, url)
            .header("x-api-key", wire::secret_header(self.key.expose())?)
            .header("anthropic-version", &self.version))
    }
}

/// Asks. Use [`crate::Provider::stream`], which makes sure of the one end.
pub(crate) fn stream(client: &reqwest::Client, config: &Config, request: &Request) -> Events {
    let asked = config.request(client, http::Method::POST, "/v1/messages").and_then(|post| {
        let body = serde_json::to_vec(&ask::body(config, request)).map_err(|_| Failure::of(FailureKind::BadRequest))?;
        config.meter.sends(body.len());
        Ok(post.header(http::header::CONTENT_TYPE, "application/json").body(body))
    });
    wire::call(asked, config.budgets, config.meter.clone(), Answer::default())
}

/// How long a question about the key or the models may take.
const SHORT_CALL: Duration = Duration::from_secs(10);

/// How long counting may take. Whoever asks has an estimate, and somebody who waits for an answer.
const COUNTS_WITHIN: Duration = Duration::from_secs(2);

/// How many tokens the service reads in a question, as it counts them itself. Costs nothing, and no model is asked.
pub(crate) async fn count_tokens(client: &reqwest::Client, config: &Config, request: &Request) -> Result<u64, Failure> {
    let path = "/v1/messages/count_tokens";
    let asked = config.request(client, http::Method::POST, path).and_then(|post| {
        let body =
            serde_json::to_vec(&ask::counted(config, request)).map_err(|_| Failure::of(FailureKind::BadRequest))?;
        config.meter.sends(body.len());
        Ok(post.header(http::header::CONTENT_TYPE, "application/json").body(body))
    });
    let said = wire::fetch_json::<Answer>(asked, COUNTS_WITHIN, &config.meter).await?;
    said["input_tokens"].as_u64().ok_or(Failure::of(FailureKind::Garbage))
}

/// Asks the service whether the key works. Costs nothing.
pub async fn check_key(client: &reqwest::Client, config: &Config) -> Result<(), Failure> {
    let request = config.request(client, http::Method::GET, "/v1/models?limit=1");
    wire::fetch_json::<Answer>(request, SHORT_CALL, &config.meter).await.map(drop)
}

/// The model to use with this key: the configured one if the service lists it, under its own name or as an alias of
/// a dated one; else the first that is still in use. Also shows that the key works.
pub async fn default_model(client: &reqwest::Client, config: &Config) -> Result<Listed, Failure> {
    let request = config.request(client, http::Method::GET, "/v1/models?limit=1000");
    let list = wire::fetch_json::<Answer>(request, SHORT_CALL, &config.meter).await?;
    let models = list["data"].as_array().ok_or(Failure::of(FailureKind::Garbage))?;
    let name = |model: &'_ serde_json::Value| model["id"].as_str().map(str::to_owned);
    let window = |model: &serde_json::Value| model["max_input_tokens"].as_u64();
    let configured = models.iter().find(|model| model["id"].as_str().is_some_and(|id| is_named(id, &config.model)));
    if let Some(model) = configured {
        return Ok(Listed { name: config.model.clone(), window: window(model) });
    }
    let is_in_use = |model: &&serde_json::Value| !matches!(model["lifecycle"].as_str(), Some("deprecated" | "retired"));
    let first = models.iter().find(is_in_use).or(models.first()).ok_or(Failure::of(FailureKind::Garbage))?;
    Ok(Listed { name: name(first).ok_or(Failure::of(FailureKind::Garbage))?, window: window(first) })
}

/// Whether a model thinks as much as it finds right and can be told how hard to try. Of the models that are still in use
/// those before 4.6 refuse to be asked; a name that says no version is taken for a new one.
pub(crate) fn can_be_told_to_think(model: &str) -> bool {
    let numbers = |part: &str| part.parse::<u32>().ok().filter(|number| *number < 1000);
    let mut version = model.split('-').filter_map(numbers);
    match (version.next(), version.next()) {
        (Some(major), minor) => (major, minor.unwrap_or(0)) >= (4, 6),
        (None, _) => true,
    }
}

/// Whether `alias` means the listed model: the same name, or the name without its date.
pub(crate) fn is_named(listed: &str, alias: &str) -> bool {
    listed.strip_prefix(alias).is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('-')
                .is_some_and(|date| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_before_4_6_are_not_told_to_think() {
        for old in
            ["claude-sonnet-4-5-20250929", "claude-haiku-4-5", "claude-opus-4-20250514", "claude-3-5-haiku-latest"]
        {
            assert!(!can_be_told_to_think(old), "{old}");
        }
        for new in [DEFAULT_MODEL, "claude-sonnet-4-6", "claude-opus-4-10", "claude-haiku-5-5-20261001", "claude-next"]
        {
            assert!(can_be_told_to_think(new), "{new}");
        }
    }
}
